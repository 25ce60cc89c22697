//! Images of golden meters and write sets, for people and for programs.

use crate::plain;
use crate::table::{Side, Table};
use crate::words::{counted, hex};
use desk::GoldenLeftOut;
use meters::program::{GoldenImage, LeftOut, PageForm, WriteSet};
use serde_json::{Value, json};

/// Octets of a page that are shown; `--json` has all of them.
const SHOWN_OCTETS: usize = 16;
/// Longest text of a meter or a file in a line.
const TEXT_MAX: usize = 80;

/// One row of either kind of file.
struct Row<'a> {
    name: &'a str,
    place: String,
    octets: &'a [u8],
    phase: &'static str,
    clears_profile: bool,
}

/// A golden image, for people and for programs.
pub(crate) fn shown_image(image: &GoldenImage) -> (String, Value) {
    let rows: Vec<Row<'_>> = image
        .pages
        .iter()
        .map(|(page, octets)| Row {
            name: &page.name,
            place: page.identity.to_string(),
            octets,
            phase: page.phase.word(),
            clears_profile: page.clears_profile,
        })
        .collect();
    let digest = image.digest().to_string();
    let head = [
        ("name", image.name.as_str()),
        ("model", &image.model),
        ("variant", &image.variant),
        ("firmware", &image.firmware),
        ("meter", &image.meter),
        ("digest", &digest),
    ];
    shown(PageForm::GoldenImage, &head, &rows)
}

/// A write set, for people and for programs.
pub(crate) fn shown_set(set: &WriteSet) -> (String, Value) {
    let rows: Vec<Row<'_>> = set
        .writes
        .iter()
        .map(|write| Row {
            name: &write.name,
            place: format!("{}/{}", write.identity, write.packet),
            octets: &write.octets,
            phase: write.phase.word(),
            clears_profile: write.clears_profile,
        })
        .collect();
    let digest = set.digest().to_string();
    let head = [
        ("name", set.name.as_str()),
        ("model", &set.model),
        ("firmware", &set.firmware),
        ("source", &set.source),
        ("digest", &digest),
    ];
    shown(PageForm::WriteSet, &head, &rows)
}

fn shown(form: PageForm, head: &[(&str, &str)], rows: &[Row<'_>]) -> (String, Value) {
    let mut text = String::new();
    let mut value = serde_json::Map::new();
    value.insert("format".to_owned(), json!(form.word()));
    for (key, words) in head {
        text.extend([format!("{key:<9} {}\n", plain(words, TEXT_MAX))]);
        value.insert((*key).to_owned(), json!(words));
    }
    let mut table = Table::new(&[
        ("PAGE", Side::Left),
        ("PLACE", Side::Left),
        ("OCTETS", Side::Right),
        ("PHASE", Side::Left),
        ("HOLDS", Side::Left),
    ]);
    for row in rows {
        table.row(&[
            plain(row.name, TEXT_MAX),
            row.place.clone(),
            row.octets.len().to_string(),
            row.phase.to_owned(),
            short(row.octets),
        ]);
        if row.clears_profile {
            table.note("the load profile of a meter is lost where this page changes");
        }
    }
    text.push_str(&table.to_string());
    let pages = rows.iter().map(|row| {
        json!({"name": row.name, "place": row.place, "data": hex(row.octets), "phase": row.phase,
               "clears-profile": row.clears_profile})
    });
    value.insert("pages".to_owned(), pages.collect());
    (text, Value::Object(value))
}

fn short(octets: &[u8]) -> String {
    let shown = octets.get(..SHOWN_OCTETS.min(octets.len()));
    let more = if octets.len() > SHOWN_OCTETS {
        "…"
    } else {
        ""
    };
    format!("{}{more}", hex(shown.unwrap_or_default()))
}

/// Pages that an image lacks; nothing where it lacks none.
pub(crate) fn left_out_text(left_out: &[GoldenLeftOut]) -> String {
    let lines = left_out.iter().map(|left| {
        let why = match &left.refused {
            Some(words) => plain(words, TEXT_MAX),
            None => "it holds the meter's password, which gets into no file".to_owned(),
        };
        format!(
            "left out: {} ({}): {why}\n",
            plain(&left.name, TEXT_MAX),
            left.identity
        )
    });
    lines.collect()
}

/// What a recording held beside its set.
pub(crate) fn what_was_left_out(left_out: &LeftOut) -> (String, Value) {
    let numbers = |list: &[u16]| {
        let mut list: Vec<u16> = list.to_vec();
        list.sort_unstable();
        list.dedup();
        let list: Vec<String> = list.iter().map(u16::to_string).collect();
        list.join(", ")
    };
    let secrets: Vec<u16> = left_out.secrets.iter().filter_map(|one| *one).collect();
    let unknown: Vec<String> = left_out.unknown.iter().map(|one| plain(one, 20)).collect();
    let kinds = [
        (
            left_out.housekeeping.len(),
            "of every session",
            numbers(&left_out.housekeeping),
        ),
        (
            left_out.actions.len(),
            "that do something",
            numbers(&left_out.actions),
        ),
        (
            left_out.secrets.len(),
            "with a password or with hidden octets",
            numbers(&secrets),
        ),
        (
            left_out.refused.len(),
            "that the meter did not take",
            numbers(&left_out.refused),
        ),
        (
            left_out.unknown.len(),
            "of another kind, which cannot be repeated",
            unknown.join(", "),
        ),
    ];
    let mut text = String::new();
    for (count, what, which) in kinds.iter().filter(|kind| kind.0 > 0) {
        let count = counted(u64::try_from(*count).unwrap_or(0), "write");
        let which = if which.is_empty() {
            String::new()
        } else {
            format!(": {which}")
        };
        text.extend([format!("left out: {count} {what}{which}\n")]);
    }
    let value = json!({"housekeeping": left_out.housekeeping, "actions": left_out.actions,
                       "secrets": left_out.secrets, "refused": left_out.refused,
                       "unknown": left_out.unknown});
    (text, value)
}

/// Two files, or a file and a meter.
#[derive(Debug)]
pub(crate) struct Compared {
    /// What is not the same of the meters themselves.
    heads: Vec<(&'static str, String, String)>,
    /// Where, and what each holds.
    places: Vec<(String, usize, Vec<u8>, Vec<u8>)>,
}

impl Compared {
    pub(crate) fn images(first: &GoldenImage, second: &GoldenImage) -> Self {
        let places = first.differences(second).into_iter();
        Self {
            heads: heads([
                ("model", &first.model, &second.model),
                ("variant", &first.variant, &second.variant),
                ("firmware", &first.firmware, &second.firmware),
            ]),
            places: places
                .map(|one| {
                    let place = format!("{} ({})", plain(&one.name, TEXT_MAX), one.identity);
                    (place, one.offset, one.left, one.right)
                })
                .collect(),
        }
    }

    pub(crate) fn sets(first: &WriteSet, second: &WriteSet) -> Self {
        let places = first.differences(second).into_iter();
        Self {
            heads: heads([
                ("model", &first.model, &second.model),
                ("firmware", &first.firmware, &second.firmware),
            ]),
            places: places
                .map(|one| {
                    let place = format!("{}/{}", one.identity, one.packet);
                    (place, one.offset, one.left, one.right)
                })
                .collect(),
        }
    }

    pub(crate) fn is_same(&self) -> bool {
        self.heads.is_empty() && self.places.is_empty()
    }

    pub(crate) fn text(&self) -> String {
        if self.is_same() {
            return "they hold the same\n".to_owned();
        }
        let heads = self.heads.iter().map(|(what, first, second)| {
            let (first, second) = (plain(first, TEXT_MAX), plain(second, TEXT_MAX));
            format!("{what}: {first} | {second}\n")
        });
        let places = self.places.iter().map(|(place, offset, first, second)| {
            let side = |octets: &[u8]| match octets {
                [] => "-".to_owned(),
                octets => short(octets),
            };
            let (first, second) = (side(first), side(second));
            format!("{place} from octet {offset}: {first} | {second}\n")
        });
        heads.chain(places).collect()
    }

    pub(crate) fn value(&self) -> Value {
        let heads = self
            .heads
            .iter()
            .map(|(what, first, second)| json!({"what": what, "first": first, "second": second}));
        let places = self.places.iter().map(|(place, offset, first, second)| {
            json!({"place": place, "offset": offset, "first": hex(first), "second": hex(second)})
        });
        json!({"same": self.is_same(), "meters": heads.collect::<Value>(),
               "differences": places.collect::<Value>()})
    }
}

fn heads<const N: usize>(
    pairs: [(&'static str, &String, &String); N],
) -> Vec<(&'static str, String, String)> {
    let other = pairs
        .into_iter()
        .filter(|(_, first, second)| first != second);
    other
        .map(|(what, first, second)| (what, first.clone(), second.clone()))
        .collect()
}
