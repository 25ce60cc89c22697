//! Fields of BER: a tag of one octet, a length, a value.

use zeroize::Zeroizing;

use super::super::fault::DecodeFault;
use super::super::reader::{Reader, write_length};
use crate::limits::APDU_OCTETS_MAX;

/// The fields of one APDU, in their order.
pub(super) struct Fields<'a> {
    fields: Vec<(u8, &'a [u8])>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(tag: u8, octets: &'a [u8]) -> Result<Self, DecodeFault> {
        let mut reader = Reader::new(octets);
        let (value, body) = field(&mut reader)?;
        reader.end()?;
        if value != tag {
            let part = "the tag";
            return Err(DecodeFault::Unexpected { part, value });
        }
        let mut reader = Reader::new(body);
        let mut fields: Vec<(u8, &[u8])> = Vec::new();
        while !reader.is_empty() {
            let (tag, value) = field(&mut reader)?;
            if fields.iter().any(|(known, _)| *known == tag) {
                let part = "a second field";
                return Err(DecodeFault::Unexpected { part, value: tag });
            }
            fields.push((tag, value));
        }
        Ok(Self { fields })
    }

    pub(super) fn find(&mut self, tag: u8) -> Option<&'a [u8]> {
        let found = self.fields.iter().find(|(known, _)| *known == tag);
        found.map(|(_, value)| *value)
    }

    /// Says that a field may be there and means nothing here.
    pub(super) fn skip(&mut self, tag: u8) {
        self.fields.retain(|(known, _)| *known != tag);
    }

    pub(super) fn need(&mut self, tag: u8, part: &'static str) -> Result<&'a [u8], DecodeFault> {
        self.find(tag).ok_or(DecodeFault::Short { part })
    }

    /// A field that holds one other.
    pub(super) fn wrapped(
        &mut self,
        tag: u8,
        inner: u8,
        most: usize,
    ) -> Result<Option<&'a [u8]>, DecodeFault> {
        let Some(value) = self.find(tag) else {
            return Ok(None);
        };
        let mut reader = Reader::new(value);
        let (found, value) = field(&mut reader)?;
        reader.end()?;
        if found != inner {
            let part = "the kind of a field";
            return Err(DecodeFault::Unexpected { part, value: found });
        }
        if value.len() > most {
            let part = "a field";
            return Err(DecodeFault::TooLarge { part, most });
        }
        Ok(Some(value))
    }

    /// A field that holds an octet string.
    pub(super) fn octets(&mut self, tag: u8, most: usize) -> Result<Option<&'a [u8]>, DecodeFault> {
        self.wrapped(tag, 0x04, most)
    }
}

fn field<'a>(reader: &mut Reader<'a>) -> Result<(u8, &'a [u8]), DecodeFault> {
    let tag = reader.u8("a field")?;
    let value = reader.counted("a field", APDU_OCTETS_MAX)?;
    Ok((tag, value))
}

pub(super) fn title(value: &[u8]) -> Result<[u8; 8], DecodeFault> {
    value.try_into().map_err(|_| DecodeFault::Length {
        part: "the system title",
    })
}

pub(super) fn octet_string(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() + 4);
    write_field(&mut out, 0x04, value);
    out
}

pub(super) fn write_field(out: &mut Vec<u8>, tag: u8, value: &[u8]) {
    out.push(tag);
    write_length(out, value.len());
    out.extend_from_slice(value);
}

pub(super) fn write_whole(tag: u8, body: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(body.len() + 4));
    write_field(&mut out, tag, body);
    out
}

/// The name of the DLMS user association below joint-iso-ccitt, with its tag and length.
pub(super) fn object_identifier(branch: u8, leaf: u8) -> [u8; 9] {
    [6, 7, 0x60, 0x85, 0x74, 5, 8, branch, leaf]
}
