//! The reader: goes on behind a mistake, so that all are named at once.

use super::form::{Fields, Form, Key, Part, Parts, Value, kind};
use super::notebook::Notebook;
use super::page_form::Document;
use crate::complaint::{Complaints, shown};
use metering::scheme::Scheme;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Octets of a scheme's file.
pub const FILE_BYTES_MAX: usize = 256 * 1024;

/// The scheme in a file's text; `file` is its name in complaints.
pub fn parse_scheme(file: &str, text: &str) -> Result<Scheme, Complaints> {
    let mut document = Document::of(Scheme::default());
    let notes = parse_document(file, text, &mut document);
    notes.finish(document.scheme)
}

/// Reads a text into a form; what is wrong with it is in the notes.
pub(super) fn parse_document<'a>(
    file: &'a str,
    text: &'a str,
    form: &mut dyn Form,
) -> Notebook<'a> {
    let mut notes = Notebook::new(file, text);
    if text.len() > FILE_BYTES_MAX {
        let problem = format!("has {} octets", text.len());
        notes.note_file(problem, format!("keep it below {FILE_BYTES_MAX}"));
        return notes;
    }
    match DeTable::parse(text) {
        Ok(table) => {
            let mut reader = Reader {
                table: table.get_ref(),
                span: 0..0,
                path: String::new(),
                known: Vec::new(),
                notes: &mut notes,
            };
            form.fields(&mut reader);
            reader.end();
        }
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            let remedy = "write it as the files in config/schemes are written";
            notes.note(&span, "", error.message(), remedy);
        }
    }
    notes
}

struct Reader<'t, 'n, 'f> {
    table: &'t DeTable<'t>,
    span: Range<usize>,
    path: String,
    known: Vec<&'static str>,
    notes: &'n mut Notebook<'f>,
}

impl<'t> Reader<'t, '_, '_> {
    fn place(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn take(&mut self, key: Key) -> Option<&'t Spanned<DeValue<'t>>> {
        self.known.push(key.name);
        let mut entries = self.table.iter();
        let found = entries.find(|(name, _)| name.get_ref() == key.name);
        if found.is_none() && key.is_needed {
            let place = self.place(key.name);
            let remedy = format!("add it: {}", key.about);
            self.notes.note(&self.span, place, "is missing", remedy);
        }
        found.map(|(_, value)| value)
    }

    /// Reads a table at a place; whether it is one.
    fn enter(&mut self, value: &'t Spanned<DeValue<'t>>, path: String, form: &mut dyn Form) {
        let DeValue::Table(table) = value.get_ref() else {
            let problem = format!("is no table but {}", kind(value.get_ref()));
            let remedy = "write its keys below its name in brackets";
            self.notes.note(&value.span(), path, problem, remedy);
            return;
        };
        let mut inner = Reader {
            table,
            span: value.span(),
            path,
            known: Vec::new(),
            notes: self.notes,
        };
        form.fields(&mut inner);
        inner.end();
    }

    /// Complains about every key that nobody asked for.
    fn end(self) {
        for (key, _) in self.table {
            let name = key.get_ref();
            if !self.known.iter().any(|known| known == name) {
                let remedy = format!("use {}, or take it out", self.known.join(", "));
                let place = self.place(&shown(name));
                self.notes.note(&key.span(), place, "is not known", remedy);
            }
        }
    }
}

impl Fields for Reader<'_, '_, '_> {
    fn value(&mut self, key: Key, slot: &mut dyn Value) {
        let Some(value) = self.take(key) else { return };
        if let Err(wrong) = slot.read(value.get_ref()) {
            let place = self.place(key.name);
            self.notes
                .note(&value.span(), place, wrong.problem, wrong.remedy);
        }
    }

    fn table(&mut self, key: Key, slot: &mut dyn Part) {
        let Some(value) = self.take(key) else { return };
        let path = self.place(key.name);
        self.enter(value, path, slot.create());
    }

    fn tables(&mut self, key: Key, slot: &mut dyn Parts) {
        let Some(value) = self.take(key) else { return };
        let place = self.place(key.name);
        let DeValue::Array(items) = value.get_ref() else {
            let problem = format!("is no list but {}", kind(value.get_ref()));
            let remedy = format!("write [[{place}]] above the keys of each");
            self.notes.note(&value.span(), place, problem, remedy);
            return;
        };
        for (index, item) in items.iter().enumerate() {
            if index >= key.most {
                let problem = format!("there are more than {}", key.most);
                self.notes.note(&item.span(), place, problem, "use fewer");
                return;
            }
            if let Some(form) = slot.create() {
                self.enter(item, format!("{place}[{}]", index + 1), form);
            }
        }
    }
}
