//! What differs: between two schemes, and between a scheme, the meter now and what was last known
//! of it.

use super::form::{Fields, Form, Key, Part, Parts, Value};
use super::page_form::Document;
use metering::scheme::Scheme;
use std::collections::{BTreeMap, BTreeSet};

/// The page of what describes a scheme; a meter holds nothing of it.
pub const GENERAL: &str = "general";

/// One field of one page, as each side has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedField {
    /// The page, as `calendar`.
    pub page: String,
    /// The field, as `season[winter].start`.
    pub field: String,
    /// What the scheme says.
    pub scheme: Option<String>,
    /// What the meter holds now.
    pub meter: Option<String>,
    /// What it held when it was last looked at.
    pub known: Option<String>,
    /// Whether programming the scheme would change it.
    pub is_to_change: bool,
    /// Whether it is not what it was: someone else was there.
    pub is_foreign_change: bool,
}

/// Every field that the scheme would change, or that is not what it was, or that is the same.
///
/// A page that the scheme does not have is left as it is in the meter, so none of its fields is to
/// change. Where a side was not read, nothing is said about it.
pub fn compare_three(
    scheme: &Scheme,
    meter: Option<&Scheme>,
    known: Option<&Scheme>,
) -> Vec<ComparedField> {
    let [wanted, found, before] = [Some(scheme), meter, known].map(|one| one.map(pages));
    let wanted = wanted.unwrap_or_default();
    let mut seen = BTreeSet::new();
    let mut compared = Vec::new();
    let sides = [Some(&wanted), found.as_ref(), before.as_ref()];
    for place in sides.into_iter().flatten().flat_map(|side| &side.places) {
        if place.0 == GENERAL || !seen.insert(place) {
            continue;
        }
        let value = |side: &Pages| side.values.get(place).cloned();
        let [scheme, meter, known] = sides.map(|side| side.and_then(value));
        let says = wanted.names.contains(&place.0);
        compared.push(ComparedField {
            is_to_change: says && found.is_some() && scheme != meter,
            is_foreign_change: found.is_some() && before.is_some() && meter != known,
            page: place.0.clone(),
            field: place.1.clone(),
            scheme,
            meter,
            known,
        });
    }
    compared
}

/// A field that two schemes say differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The page.
    pub page: String,
    /// The field.
    pub field: String,
    /// What the first says.
    pub first: Option<String>,
    /// What the second says.
    pub second: Option<String>,
}

/// Where two schemes differ, page by page.
pub fn compare(first: &Scheme, second: &Scheme) -> Vec<Difference> {
    let (one, other) = (pages(first), pages(second));
    let mut seen = BTreeSet::new();
    let mut differences = Vec::new();
    for place in one.places.iter().chain(&other.places) {
        if !seen.insert(place) {
            continue;
        }
        let [first, second] = [&one, &other].map(|side| side.values.get(place).cloned());
        if first != second {
            differences.push(Difference {
                page: place.0.clone(),
                field: place.1.clone(),
                first,
                second,
            });
        }
    }
    // A page can be there without a field: it says that nothing of it is read or shown.
    for page in one.names.symmetric_difference(&other.names) {
        let side = |side: &Pages| side.names.contains(page).then(|| "there".to_owned());
        differences.push(Difference {
            page: page.clone(),
            field: String::new(),
            first: side(&one),
            second: side(&other),
        });
    }
    differences
}

/// Page and field.
type Place = (String, String);

/// A scheme as rows.
#[derive(Default)]
struct Pages {
    names: BTreeSet<String>,
    /// In the order of the form.
    places: Vec<Place>,
    values: BTreeMap<Place, String>,
}

impl Pages {
    fn put(&mut self, mut place: Place, value: String) {
        // Two items of one name are two items.
        while self.values.contains_key(&place) {
            place.1.push('\'');
        }
        self.places.push(place.clone());
        self.values.insert(place, value);
    }
}

fn pages(scheme: &Scheme) -> Pages {
    let mut walk = Walk {
        pages: Pages::default(),
        page: String::new(),
        path: String::new(),
    };
    Document::of(scheme.clone()).fields(&mut walk);
    walk.pages
}

struct Walk {
    pages: Pages,
    page: String,
    path: String,
}

impl Walk {
    /// Goes into a table, which is a page where it stands at the top.
    fn enter(&mut self, name: &str, item: Option<String>, form: &mut dyn Form) {
        let is_page = self.page.is_empty();
        let outer = self.path.len();
        if is_page {
            name.clone_into(&mut self.page);
            self.pages.names.insert(name.to_owned());
        } else {
            self.path.push_str(name);
        }
        if let Some(item) = item {
            self.path.push('[');
            self.path.push_str(&item);
            self.path.push(']');
        }
        if !self.path.is_empty() {
            self.path.push('.');
        }
        form.fields(self);
        self.path.truncate(outer);
        if is_page {
            self.page.clear();
        }
    }
}

impl Fields for Walk {
    fn value(&mut self, key: Key, slot: &mut dyn Value) {
        let Some(value) = slot.shown() else { return };
        let page = if self.page.is_empty() {
            GENERAL
        } else {
            &self.page
        };
        let field = format!("{}{}", self.path, key.name);
        self.pages.put((page.to_owned(), field), value);
    }

    fn table(&mut self, key: Key, slot: &mut dyn Part) {
        if let Some(form) = slot.get() {
            self.enter(key.name, None, form);
        }
    }

    fn tables(&mut self, key: Key, slot: &mut dyn Parts) {
        for index in 0..slot.count() {
            if let Some(form) = slot.get(index) {
                let item = form.label().unwrap_or_else(|| (index + 1).to_string());
                self.enter(key.name, Some(item), form);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_scheme;
    use super::*;

    const SMALL: &str = r#"
format = 1
name = "small"
purpose = "program"
meter-type = "any"
version = 1
[demand]
period-minutes = 30
[[password]]
level = 3
sealed = "00ff"
"#;

    fn scheme(changes: &[(&str, &str)]) -> Scheme {
        let text = changes
            .iter()
            .fold(SMALL.to_owned(), |text, (old, new)| text.replace(old, new));
        parse_scheme("x", &text).unwrap()
    }

    #[test]
    fn three_sides_tell_what_would_change_and_what_others_changed() {
        let wanted = scheme(&[("30", "15")]);
        let before = scheme(&[]);
        let rows = compare_three(&wanted, Some(&scheme(&[("30", "60")])), Some(&before));
        let row = rows.iter().find(|row| row.page == "demand").unwrap();
        assert_eq!(row.field, "period-minutes");
        assert_eq!(row.scheme.as_deref(), Some("15"));
        assert_eq!(row.meter.as_deref(), Some("60"));
        assert_eq!(row.known.as_deref(), Some("30"));
        assert!(row.is_to_change && row.is_foreign_change);
        assert!(rows.iter().all(|row| row.page != GENERAL));
    }

    #[test]
    fn a_page_that_the_scheme_does_not_have_is_left_alone() {
        let wanted = scheme(&[("[demand]\nperiod-minutes = 30\n", "")]);
        let meter = scheme(&[]);
        let rows = compare_three(&wanted, Some(&meter), None);
        let row = rows.iter().find(|row| row.page == "demand").unwrap();
        assert!(!row.is_to_change && !row.is_foreign_change);
        assert!(
            compare_three(&wanted, None, Some(&meter))
                .iter()
                .all(|row| {
                    // The meter was not read: nothing is claimed about it.
                    !row.is_to_change && !row.is_foreign_change
                })
        );
    }

    #[test]
    fn a_sealed_password_is_compared_but_not_shown() {
        let found = compare(&scheme(&[]), &scheme(&[("00ff", "00fe")]));
        let [difference] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(difference.page, "password");
        assert_eq!(difference.field, "[3].sealed");
        let shown = format!("{difference:?}");
        assert!(
            shown.contains("sealed, mark") && !shown.contains("00f"),
            "{shown}"
        );
        assert!(compare(&scheme(&[]), &scheme(&[])).is_empty());
    }
}
