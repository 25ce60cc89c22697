//! The form of a scheme in files, told once: each page names its keys, and from that follow the
//! reader, the canonical text, the JSON Schema and the rows of a comparison. So they agree.

use serde_json::Value as Json;
use toml::de::DeValue;

/// Why a value is refused, and what to write.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) problem: String,
    pub(super) remedy: String,
}

pub(super) fn wrong<T>(problem: impl Into<String>, remedy: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong {
        problem: problem.into(),
        remedy: remedy.into(),
    })
}

/// What a page is: its keys, values before tables.
pub(super) trait Form {
    /// Names each key with the place of its value.
    fn fields(&mut self, to: &mut dyn Fields);

    /// What tells it from others of its list, when they are compared.
    fn label(&self) -> Option<String> {
        None
    }
}

/// A key of a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    /// What it means, for the JSON Schema.
    pub(super) about: &'static str,
    pub(super) is_needed: bool,
    /// Whether the canonical text keeps its tables in one line each.
    pub(super) is_inline: bool,
    /// Tables of a list.
    pub(super) most: usize,
}

impl Key {
    /// A key that may be left out.
    pub(super) const fn may(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            about,
            is_needed: false,
            is_inline: false,
            most: 0,
        }
    }

    /// A key that has to stand there.
    pub(super) const fn need(name: &'static str, about: &'static str) -> Self {
        Self {
            is_needed: true,
            ..Self::may(name, about)
        }
    }

    /// A list of tables, and how many it takes.
    pub(super) const fn many(name: &'static str, about: &'static str, most: usize) -> Self {
        Self {
            most,
            ..Self::may(name, about)
        }
    }

    pub(super) const fn inline(self) -> Self {
        Self {
            is_inline: true,
            ..self
        }
    }
}

/// Whoever goes through the keys of a page.
pub(super) trait Fields {
    fn value(&mut self, key: Key, slot: &mut dyn Value);
    fn table(&mut self, key: Key, slot: &mut dyn Part);
    fn tables(&mut self, key: Key, slot: &mut dyn Parts);
}

/// The place of a value.
pub(super) trait Value {
    fn read(&mut self, from: &DeValue<'_>) -> Result<(), Wrong>;
    /// As TOML has it; none where the key is left out.
    fn literal(&self) -> Option<String>;
    fn schema(&self) -> Json;
    /// As a person may see it.
    fn shown(&self) -> Option<String> {
        self.literal()
    }
}

/// The place of a table.
pub(super) trait Part {
    fn get(&mut self) -> Option<&mut dyn Form>;
    fn create(&mut self) -> &mut dyn Form;
}

/// The place of a list of tables.
pub(super) trait Parts {
    fn count(&self) -> usize;
    fn get(&mut self, index: usize) -> Option<&mut dyn Form>;
    fn create(&mut self) -> Option<&mut dyn Form>;
}

impl<T: Form + Default> Part for Option<T> {
    fn get(&mut self) -> Option<&mut dyn Form> {
        self.as_mut().map(|form| {
            let form: &mut dyn Form = form;
            form
        })
    }

    fn create(&mut self) -> &mut dyn Form {
        self.insert(T::default())
    }
}

/// A table that is always there.
pub(super) struct Always<'a, T>(pub(super) &'a mut T);

impl<T: Form> Part for Always<'_, T> {
    fn get(&mut self) -> Option<&mut dyn Form> {
        Some(self.0)
    }

    fn create(&mut self) -> &mut dyn Form {
        self.0
    }
}

impl<T: Form + Default> Parts for Vec<T> {
    fn count(&self) -> usize {
        self.len()
    }

    fn get(&mut self, index: usize) -> Option<&mut dyn Form> {
        self.get_mut(index).map(|form| {
            let form: &mut dyn Form = form;
            form
        })
    }

    fn create(&mut self) -> Option<&mut dyn Form> {
        self.push(T::default());
        self.last_mut().map(|form| {
            let form: &mut dyn Form = form;
            form
        })
    }
}

/// A kind of value.
pub(super) trait Atom: Sized {
    fn read(from: &DeValue<'_>) -> Result<Self, Wrong>;
    fn literal(&self) -> String;
    fn schema() -> Json;
    fn shown(&self) -> String {
        self.literal()
    }
}

impl<T: Atom> Value for Option<T> {
    fn read(&mut self, from: &DeValue<'_>) -> Result<(), Wrong> {
        *self = Some(T::read(from)?);
        Ok(())
    }

    fn literal(&self) -> Option<String> {
        self.as_ref().map(Atom::literal)
    }

    fn schema(&self) -> Json {
        T::schema()
    }

    fn shown(&self) -> Option<String> {
        self.as_ref().map(Atom::shown)
    }
}

/// Values of a list, at most.
pub(super) const VALUES_MAX: usize = 64;

impl<T: Atom> Value for Vec<T> {
    fn read(&mut self, from: &DeValue<'_>) -> Result<(), Wrong> {
        let DeValue::Array(items) = from else {
            let remedy = "write a list in square brackets";
            return wrong(format!("is no list but {}", kind(from)), remedy);
        };
        if items.iter().count() > VALUES_MAX {
            let problem = format!("has more than {VALUES_MAX} entries");
            return wrong(problem, "use fewer");
        }
        *self = Vec::new();
        for item in items {
            self.push(T::read(item.get_ref())?);
        }
        Ok(())
    }

    fn literal(&self) -> Option<String> {
        let items: Vec<String> = self.iter().map(Atom::literal).collect();
        (!items.is_empty()).then(|| format!("[{}]", items.join(", ")))
    }

    fn schema(&self) -> Json {
        serde_json::json!({ "type": "array", "maxItems": VALUES_MAX, "items": T::schema() })
    }
}

/// A value that is always written.
pub(super) struct Plain<'a, T>(pub(super) &'a mut T);

impl<T: Atom> Value for Plain<'_, T> {
    fn read(&mut self, from: &DeValue<'_>) -> Result<(), Wrong> {
        *self.0 = T::read(from)?;
        Ok(())
    }

    fn literal(&self) -> Option<String> {
        Some(self.0.literal())
    }

    fn schema(&self) -> Json {
        T::schema()
    }

    fn shown(&self) -> Option<String> {
        Some(self.0.shown())
    }
}

/// A value that is left out where it is what an absent key means.
pub(super) struct Usual<'a, T>(pub(super) &'a mut T);

impl<T: Atom + Default + PartialEq> Value for Usual<'_, T> {
    fn read(&mut self, from: &DeValue<'_>) -> Result<(), Wrong> {
        *self.0 = T::read(from)?;
        Ok(())
    }

    fn literal(&self) -> Option<String> {
        (*self.0 != T::default()).then(|| self.0.literal())
    }

    fn schema(&self) -> Json {
        T::schema()
    }
}

/// What kind of thing stands there.
pub(crate) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
