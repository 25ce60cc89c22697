//! A table of a file, read key by key: unlike a derived reader it goes on behind a mistake, so that
//! all of them are named at once.

use super::complaint::Notes;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table, and which of its keys were asked for.
pub(super) struct Section<'a> {
    name: &'static str,
    table: &'a DeTable<'a>,
    span: Range<usize>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    pub(super) fn new(name: &'static str, table: &'a DeTable<'a>, span: Range<usize>) -> Self {
        let known = Vec::new();
        Self {
            name,
            table,
            span,
            known,
        }
    }

    /// Where the table stands.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// `broker.port`.
    pub(super) fn path(&self, key: &str) -> String {
        if self.name.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.name)
        }
    }

    pub(super) fn take(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let mut entries = self.table.iter();
        entries
            .find(|(found, _)| found.get_ref() == key)
            .map(|(_, value)| value)
    }

    /// A complaint about a key that is not there.
    pub(super) fn miss(&self, key: &str, remedy: &str, notes: &mut Notes<'_>) {
        notes.note(&self.span, self.path(key), "is missing", remedy);
    }

    fn wrong(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str, notes: &mut Notes<'_>) {
        let problem = format!("is {} {}", article(value.get_ref()), kind(value.get_ref()));
        notes.note(
            &value.span(),
            self.path(key),
            problem,
            format!("write {wanted}"),
        );
    }

    /// A text, if there is one; `wanted` shows what it looks like.
    pub(super) fn text(
        &mut self,
        key: &'static str,
        wanted: &str,
        notes: &mut Notes<'_>,
    ) -> Option<Spanned<String>> {
        let value = self.take(key)?;
        if let DeValue::String(text) = value.get_ref() {
            return Some(Spanned::new(value.span(), text.to_string()));
        }
        self.wrong(key, value, wanted, notes);
        None
    }

    /// A list of texts; one text is a list too.
    pub(super) fn texts(
        &mut self,
        key: &'static str,
        wanted: &str,
        notes: &mut Notes<'_>,
    ) -> Option<Vec<Spanned<String>>> {
        let value = self.take(key)?;
        let items: Vec<&Spanned<DeValue<'_>>> = match value.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => vec![value],
        };
        let mut texts = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::String(text) => texts.push(Spanned::new(item.span(), text.to_string())),
                _ => self.wrong(key, item, wanted, notes),
            }
        }
        Some(texts)
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str, notes: &mut Notes<'_>) -> Option<bool> {
        let value = self.take(key)?;
        if let DeValue::Boolean(flag) = value.get_ref() {
            return Some(*flag);
        }
        self.wrong(key, value, "true or false", notes);
        None
    }

    /// A port of TCP.
    pub(super) fn port(&mut self, key: &'static str, notes: &mut Notes<'_>) -> Option<u16> {
        let value = self.take(key)?;
        let DeValue::Integer(number) = value.get_ref() else {
            self.wrong(key, value, "a number, 1 to 65535", notes);
            return None;
        };
        let port = u16::from_str_radix(number.as_str(), number.radix()).ok();
        if port.is_none_or(|port| port == 0) {
            let problem = format!("{} is out of range", number.as_str());
            notes.note(&value.span(), self.path(key), problem, "use 1 to 65535");
        }
        port
    }

    /// A table in it.
    pub(super) fn section(
        &mut self,
        key: &'static str,
        notes: &mut Notes<'_>,
    ) -> Option<Section<'a>> {
        let value = self.take(key)?;
        if let DeValue::Table(table) = value.get_ref() {
            return Some(Section::new(key, table, value.span()));
        }
        self.wrong(key, value, &format!("[{key}] above its keys"), notes);
        None
    }

    /// Tables in it, `[[key]]`.
    pub(super) fn sections(
        &mut self,
        key: &'static str,
        notes: &mut Notes<'_>,
    ) -> Vec<Section<'a>> {
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        let items: Vec<&'a Spanned<DeValue<'a>>> = match value.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => vec![value],
        };
        let mut sections = Vec::new();
        for item in items {
            match item.get_ref() {
                // One table in single brackets can be nothing else.
                DeValue::Table(table) => sections.push(Section::new(key, table, item.span())),
                _ => self.wrong(key, item, &format!("[[{key}]] above its keys"), notes),
            }
        }
        sections
    }

    /// Complains about every key that nobody asked for.
    pub(super) fn end(self, notes: &mut Notes<'_>) {
        for (key, _) in self.table {
            let name = key.get_ref();
            if !self.known.iter().any(|known| known == name) {
                let remedy = format!("use {}, or take it out", self.known.join(", "));
                notes.note(&key.span(), self.path(name), "is not known", remedy);
            }
        }
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "number",
        DeValue::Boolean(_) => "yes or no",
        DeValue::Datetime(_) => "date",
        DeValue::Array(_) => "list",
        DeValue::Table(_) => "table",
    }
}

fn article(value: &DeValue<'_>) -> &'static str {
    if matches!(value, DeValue::Boolean(_)) {
        "only"
    } else {
        "a"
    }
}
