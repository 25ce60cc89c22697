//! What a record would have done to the meter as it was found. Pure; nothing is sent.

use super::record::{Contents, WriteRecord};
use super::standing::{Image, Standing};
use super::steps::Step;
use crate::cosem::data_text;
use ::dlms::codec::{Attribute, Data};

/// Octets of a table that are shown.
const SHOWN_OCTETS: usize = 24;

/// One exchange that would change the meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DryStep {
    /// The attribute, or the method.
    pub place: String,
    /// What it holds; none where something is done and not written.
    pub before: Option<String>,
    /// What it would hold, or what would be done.
    pub after: String,
    /// Whether rows of a profile are lost with it.
    pub loses_rows: bool,
}

impl WriteRecord {
    /// Every exchange that would change the meter, in order.
    pub fn dry_run(&self) -> Vec<DryStep> {
        let mut values: Vec<(Attribute, Data)> = self
            .contents()
            .into_iter()
            .map(|one| (one.attribute, one.held))
            .collect();
        let image = Image {
            values: values.iter().cloned().collect(),
            clock_s: self.clock_s,
        };
        let standing = Standing {
            record: self,
            image: &image,
        };
        let mut shown = Vec::new();
        for step in standing.steps() {
            let (place, before, after) = match step {
                Step::Set(attribute, value) => {
                    let held = values.iter_mut().find(|(known, _)| *known == attribute);
                    let before = held.as_ref().map(|(_, held)| whole_text(held));
                    let after = whole_text(&value);
                    if let Some((_, held)) = held {
                        *held = value;
                    }
                    (attribute.to_string(), before, after)
                }
                Step::Insert(table, day) => (table.to_string(), None, format!("takes in {day:?}")),
                Step::Delete(table, entry) => {
                    (table.to_string(), None, format!("loses entry {entry}"))
                }
                Step::Activate(method, _) => {
                    let words = "the waiting calendar comes into force";
                    (method.to_string(), None, words.to_owned())
                }
                Step::Reset(method, _, rows) => {
                    (method.to_string(), None, format!("{rows} rows are lost"))
                }
                Step::Verify(_) => continue,
            };
            let profiles = self.rows.iter().map(|rows| rows.attribute(4).to_string());
            let loses_rows =
                after.ends_with("rows are lost") || profiles.into_iter().any(|one| one == place);
            shown.push(DryStep {
                place,
                before,
                after,
                loses_rows,
            });
        }
        shown
    }
}

impl Contents {
    /// What the meter holds, for people.
    pub fn held_text(&self) -> String {
        whole_text(&self.held)
    }

    /// What it should hold, for people.
    pub fn wanted_text(&self) -> String {
        whole_text(&self.wanted)
    }
}

/// In a few characters; of a table also how it begins, so that two of one length are told apart.
fn whole_text(data: &Data) -> String {
    let text = data_text(data);
    if !matches!(data, Data::Array(_) | Data::Structure(_)) {
        return text;
    }
    let octets = data.encode();
    let mut digits = String::new();
    for octet in octets.iter().take(SHOWN_OCTETS) {
        let nibbles = [octet >> 4, octet & 0xf].map(u32::from);
        digits.extend(nibbles.map(|digit| char::from_digit(digit, 16).unwrap_or('?')));
    }
    let more = if octets.len() > SHOWN_OCTETS {
        "…"
    } else {
        ""
    };
    format!("{text} ({digits}{more})")
}
