//! A piece of the audit chain outside of the store: as lines of JSON for people and tools, and
//! checked without the gateway.
//!
//! The first line says where the piece begins, each other one is a record:
//!
//! ```text
//! {"audit":1,"first":12,"before":"<hash of record 11>"}
//! {"n":12,"at":1800000000000,"who":"anna","what":"command accepted","detail":"…","hash":"<hash>"}
//! ```
//!
//! `at` is in milliseconds since 1970; hashes are SHA-256 in lower-case hex digits, over
//! `pmu-audit/1`, the hash before (32 octets), the number (8 octets, highest first), and then `at`
//! and the three texts, each text behind its length; `at` and lengths are written seven bits an
//! octet, lowest first, with the top bit set on all but the last. Before the first record of all
//! the hash is noughts. There is one way only to write a piece: keys in this order, no blanks, a
//! newline behind each line, `\"`, `\\` and `\u00xx` below 32 as the only escapes. So a changed
//! byte cannot hide: it breaks the form of its line, or the hash of its record.

use super::{AuditLink, AuditRecord};
use crate::AuditHead;
use crate::limits::{AUDIT_SEGMENT_BYTES_MAX, AUDIT_SEGMENT_RECORDS_MAX, TEXT_BYTES_MAX};
use metering::Timestamp;
use std::fmt::Write as _;

/// Records of the chain that follow each other, and the head before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSegment {
    /// The head that the first record follows.
    pub before: AuditHead,
    /// The records, oldest first.
    pub links: Vec<AuditLink>,
}

/// What is wrong with a piece of the chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SegmentFault {
    /// It is larger than any that a gateway exports.
    #[error("it is larger than 64 MiB or 20000 records; export and check it in pieces")]
    TooLarge,
    /// A line is not written in the one way there is.
    #[error(
        "line {line}, byte {byte}: {wanted} should stand here; the text was changed or cut, \
         export it anew"
    )]
    Form {
        /// Which line, from 1.
        line: usize,
        /// Which byte of it, from 1.
        byte: usize,
        /// What should stand there.
        wanted: &'static str,
    },
    /// A record does not follow from the one before.
    #[error(
        "record {number} (line {line}) does not follow from the one before: one of the two was \
         changed, or a record between them is missing"
    )]
    Broken {
        /// Its number, or the one that should be there.
        number: u64,
        /// Its line in the exported text.
        line: usize,
    },
    /// The records follow each other, and do not lead to the head that was expected.
    #[error(
        "the last record is {found}, and the signed head speaks of another record or another \
         hash at {expected}: the end was cut off or written anew"
    )]
    OtherHead {
        /// The number of the last record.
        found: u64,
        /// The number of the head.
        expected: u64,
    },
}

/// Follows a piece of the chain, to the head `expected` if one is known. Says its head.
pub fn verify_segment(
    segment: &AuditSegment,
    expected: Option<AuditHead>,
) -> Result<AuditHead, SegmentFault> {
    let mut head = segment.before;
    // The first record stands in the second line.
    for (line, link) in (2..).zip(&segment.links) {
        if head.number.checked_add(1) != Some(link.number) || !link.follows(head) {
            let number = head.number.saturating_add(1);
            return Err(SegmentFault::Broken { number, line });
        }
        head = link.head();
    }
    match expected {
        Some(expected) if expected != head => Err(SegmentFault::OtherHead {
            found: head.number,
            expected: expected.number,
        }),
        _ => Ok(head),
    }
}

impl AuditSegment {
    /// The piece as lines of JSON.
    pub fn to_lines(&self) -> String {
        let first = self.before.number.saturating_add(1);
        let mut out = format!("{{\"audit\":1,\"first\":{first},\"before\":\"");
        push_hash(&mut out, &self.before.hash);
        out.push_str("\"}\n");
        for link in &self.links {
            push_link(&mut out, link);
        }
        out
    }

    /// Reads lines of JSON that `to_lines` wrote. Proves nothing about the chain.
    pub fn from_lines(text: &[u8]) -> Result<Self, SegmentFault> {
        if text.len() > AUDIT_SEGMENT_BYTES_MAX {
            return Err(SegmentFault::TooLarge);
        }
        let mut lines = (1..).zip(text.split_inclusive(|byte| *byte == b'\n'));
        let (line, first) = lines.next().unwrap_or((1, &[]));
        let before = Line::new(line, first).before()?;
        let mut links = Vec::new();
        for (line, bytes) in lines {
            if links.len() >= AUDIT_SEGMENT_RECORDS_MAX {
                return Err(SegmentFault::TooLarge);
            }
            links.push(Line::new(line, bytes).link()?);
        }
        Ok(Self { before, links })
    }
}

fn push_link(out: &mut String, link: &AuditLink) {
    out.push_str("{\"n\":");
    push_number(out, link.number);
    out.push_str(",\"at\":");
    push_number(out, link.record.at.millis());
    let AuditRecord {
        who, what, detail, ..
    } = &link.record;
    for (key, text) in [("who", who), ("what", what), ("detail", detail)] {
        out.push_str(",\"");
        out.push_str(key);
        out.push_str("\":\"");
        push_text(out, text);
        out.push('"');
    }
    out.push_str(",\"hash\":\"");
    push_hash(out, &link.hash);
    out.push_str("\"}\n");
}

#[expect(
    clippy::let_underscore_must_use,
    reason = "writing to a text cannot fail"
)]
fn push_number(out: &mut String, number: u64) {
    let _ = write!(out, "{number}");
}

#[expect(
    clippy::let_underscore_must_use,
    reason = "writing to a text cannot fail"
)]
fn push_hash(out: &mut String, hash: &[u8; 32]) {
    for byte in hash {
        let _ = write!(out, "{byte:02x}");
    }
}

#[expect(
    clippy::let_underscore_must_use,
    reason = "writing to a text cannot fail"
)]
fn push_text(out: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if u32::from(control) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
}

/// One line, read from its beginning to its end.
struct Line<'a> {
    number: usize,
    whole: usize,
    rest: &'a [u8],
}

impl<'a> Line<'a> {
    const fn new(number: usize, bytes: &'a [u8]) -> Self {
        Self {
            number,
            whole: bytes.len(),
            rest: bytes,
        }
    }

    fn before(mut self) -> Result<AuditHead, SegmentFault> {
        self.expect(b"{\"audit\":1,\"first\":", "`{\"audit\":1,\"first\":`")?;
        let first = self.number()?;
        let number = first.checked_sub(1);
        let number = number.ok_or_else(|| self.fault("a number from 1 on"))?;
        self.expect(b",\"before\":\"", "`,\"before\":\"`")?;
        let hash = self.hash()?;
        self.end()?;
        Ok(AuditHead { number, hash })
    }

    fn link(mut self) -> Result<AuditLink, SegmentFault> {
        self.expect(b"{\"n\":", "`{\"n\":`")?;
        let number = self.number()?;
        self.expect(b",\"at\":", "`,\"at\":`")?;
        let at = Timestamp::from_millis(self.number()?);
        self.expect(b",\"who\":\"", "`,\"who\":\"`")?;
        let who = self.text()?;
        self.expect(b",\"what\":\"", "`,\"what\":\"`")?;
        let what = self.text()?;
        self.expect(b",\"detail\":\"", "`,\"detail\":\"`")?;
        let detail = self.text()?;
        self.expect(b",\"hash\":\"", "`,\"hash\":\"`")?;
        let hash = self.hash()?;
        self.end()?;
        Ok(AuditLink {
            number,
            record: AuditRecord {
                at,
                who,
                what,
                detail,
            },
            hash,
        })
    }

    const fn fault(&self, wanted: &'static str) -> SegmentFault {
        SegmentFault::Form {
            line: self.number,
            byte: self.whole - self.rest.len() + 1,
            wanted,
        }
    }

    /// Goes past `word`; the fault names the first byte that differs.
    fn expect(&mut self, word: &[u8], wanted: &'static str) -> Result<(), SegmentFault> {
        let same = self.rest.iter().zip(word).take_while(|(a, b)| a == b);
        let same = same.count();
        self.rest = self.rest.get(same..).unwrap_or_default();
        if same == word.len() {
            Ok(())
        } else {
            Err(self.fault(wanted))
        }
    }

    fn byte(&mut self, wanted: &'static str) -> Result<u8, SegmentFault> {
        let Some((byte, rest)) = self.rest.split_first() else {
            return Err(self.fault(wanted));
        };
        self.rest = rest;
        Ok(*byte)
    }

    /// Decimal digits without a nought in front.
    fn number(&mut self) -> Result<u64, SegmentFault> {
        const WANTED: &str = "a whole number";
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit());
        let (digits, rest) = self.rest.split_at(digits.count());
        let text = str::from_utf8(digits).unwrap_or_default();
        let value = text.parse::<u64>().ok();
        let value = value.filter(|_| text == "0" || !text.starts_with('0'));
        let value = value.ok_or_else(|| self.fault(WANTED))?;
        self.rest = rest;
        Ok(value)
    }

    /// 64 hex digits and the closing quote.
    fn hash(&mut self) -> Result<[u8; 32], SegmentFault> {
        const WANTED: &str = "a hash of 64 lower-case hex digits";
        let mut hash = [0; 32];
        for octet in &mut hash {
            *octet = self.hex_digit(WANTED)? << 4 | self.hex_digit(WANTED)?;
        }
        self.expect(b"\"", "`\"`")?;
        Ok(hash)
    }

    fn hex_digit(&mut self, wanted: &'static str) -> Result<u8, SegmentFault> {
        let digit = match self.rest.first() {
            Some(digit @ b'0'..=b'9') => digit - b'0',
            Some(digit @ b'a'..=b'f') => digit - b'a' + 10,
            _ => return Err(self.fault(wanted)),
        };
        self.byte(wanted)?;
        Ok(digit)
    }

    /// A text up to its closing quote, within its limit.
    fn text(&mut self) -> Result<String, SegmentFault> {
        const WANTED: &str = "a text of at most 1024 bytes and its closing `\"`";
        let mut bytes = Vec::new();
        loop {
            match self.rest.first() {
                Some(b'"') => break,
                Some(b'\\') => bytes.push(self.escape()?),
                Some(byte) if *byte >= 0x20 => bytes.push(self.byte(WANTED)?),
                _ => return Err(self.fault(WANTED)),
            }
            if bytes.len() > TEXT_BYTES_MAX {
                return Err(self.fault(WANTED));
            }
        }
        let text = String::from_utf8(bytes).map_err(|_| self.fault("a text in UTF-8 before"))?;
        self.expect(b"\"", "`\"`")?;
        Ok(text)
    }

    fn escape(&mut self) -> Result<u8, SegmentFault> {
        const WANTED: &str = "`\\\"`, `\\\\`, or `\\u00` and two hex digits below 20";
        self.byte(WANTED)?;
        if let Some(b'"' | b'\\') = self.rest.first() {
            return self.byte(WANTED);
        }
        self.expect(b"u00", WANTED)?;
        let code = self.hex_digit(WANTED)? << 4 | self.hex_digit(WANTED)?;
        if code < 0x20 {
            Ok(code)
        } else {
            Err(self.fault(WANTED))
        }
    }

    fn end(&mut self) -> Result<(), SegmentFault> {
        self.expect(b"}\n", "`}` and a newline")?;
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.fault("nothing more"))
        }
    }
}

/// Whatever the bytes are, reading them as a piece of the chain ends in a value or an error.
///
/// # Panics
/// When what was read is not what it becomes when written again.
pub fn fuzz_segment(bytes: &[u8]) {
    if let Ok(segment) = AuditSegment::from_lines(bytes) {
        assert_eq!(segment.to_lines().as_bytes(), bytes);
        drop(verify_segment(&segment, None));
    }
}

#[cfg(test)]
mod tests;
