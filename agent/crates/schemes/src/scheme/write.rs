//! The canonical text: keys in one order, one way to write each value, nothing that says no more
//! than its absence. Equal schemes have equal texts.

use super::form::{Fields, Form, Key, Part, Parts, Value};
use super::page_form::Document;
use metering::scheme::Scheme;
use sha2::{Digest, Sha256};
use std::fmt;

/// The canonical text of a scheme.
pub fn canonical_text(scheme: &Scheme) -> String {
    let mut writer = Writer {
        out: String::new(),
        path: String::new(),
    };
    Document::of(scheme.clone()).fields(&mut writer);
    writer.out
}

/// SHA-256 of the canonical text: the same for all files that say the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Its octets.
    pub const fn octets(self) -> [u8; 32] {
        self.0
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::atoms::hex(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a scheme is known by.
pub fn fingerprint(scheme: &Scheme) -> Fingerprint {
    Fingerprint(Sha256::digest(canonical_text(scheme)).into())
}

struct Writer {
    out: String,
    path: String,
}

impl Writer {
    fn line(&mut self, parts: [&str; 3]) {
        for part in parts {
            self.out.push_str(part);
        }
        self.out.push('\n');
    }

    /// `[path]` or `[[path]]`, and what stands below.
    fn section(&mut self, name: &str, brackets: [&str; 2], form: &mut dyn Form) {
        let outer = self.path.len();
        if !self.path.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(name);
        let [open, close] = brackets;
        let header = format!("\n{open}{}", self.path);
        self.line([&header, close, ""]);
        form.fields(self);
        self.path.truncate(outer);
    }
}

impl Fields for Writer {
    fn value(&mut self, key: Key, slot: &mut dyn Value) {
        match slot.literal() {
            Some(literal) => self.line([key.name, " = ", &literal]),
            // A list that has to be given may be empty.
            None if key.is_needed => self.line([key.name, " = ", "[]"]),
            None => {}
        }
    }

    fn table(&mut self, key: Key, slot: &mut dyn Part) {
        let Some(form) = slot.get() else { return };
        if key.is_inline {
            let literal = inline(form);
            self.line([key.name, " = ", &literal]);
        } else {
            self.section(key.name, ["[", "]"], form);
        }
    }

    fn tables(&mut self, key: Key, slot: &mut dyn Parts) {
        let count = slot.count();
        if key.is_inline && count > 0 {
            self.line([key.name, " = [", ""]);
            for index in 0..count {
                if let Some(form) = slot.get(index) {
                    let literal = inline(form);
                    self.line(["    ", &literal, ","]);
                }
            }
            self.line(["]", "", ""]);
            return;
        }
        for index in 0..count {
            if let Some(form) = slot.get(index) {
                self.section(key.name, ["[[", "]]"], form);
            }
        }
    }
}

/// A table in one line.
fn inline(form: &mut dyn Form) -> String {
    let mut writer = Inline(Vec::new());
    form.fields(&mut writer);
    if writer.0.is_empty() {
        return "{}".to_owned();
    }
    format!("{{ {} }}", writer.0.join(", "))
}

struct Inline(Vec<String>);

impl Fields for Inline {
    fn value(&mut self, key: Key, slot: &mut dyn Value) {
        if let Some(literal) = slot.literal() {
            self.0.push(format!("{} = {literal}", key.name));
        }
    }

    fn table(&mut self, key: Key, slot: &mut dyn Part) {
        if let Some(form) = slot.get() {
            self.0.push(format!("{} = {}", key.name, inline(form)));
        }
    }

    fn tables(&mut self, key: Key, slot: &mut dyn Parts) {
        let mut items = Vec::new();
        for index in 0..slot.count() {
            items.extend(slot.get(index).map(inline));
        }
        if !items.is_empty() {
            self.0
                .push(format!("{} = [{}]", key.name, items.join(", ")));
        }
    }
}
