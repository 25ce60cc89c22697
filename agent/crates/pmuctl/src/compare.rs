//! What differs between two backups.

use crate::backup::{Backup, Identity};
use crate::limits::COLUMNS;
use crate::plain;
use crate::words::wrapped;
use serde::Serialize;
use std::collections::BTreeMap;

/// The differences between an earlier backup and a later one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    /// What is to be known before the differences are read: another meter, another level.
    pub remarks: Vec<String>,
    /// Settings that differ.
    pub settings: Vec<Difference>,
    /// What counts or runs by itself and differs, as it should.
    pub running: Vec<Difference>,
    /// Settings that are the same.
    pub same: usize,
    /// Places that could be read neither time.
    pub unread: Vec<String>,
    /// Places that are left out on purpose: secrets, and rows of profiles.
    pub left_out: Vec<String>,
}

/// One place that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// Where it stands in the meter.
    pub place: String,
    /// What it is.
    pub name: String,
    /// Earlier.
    pub before: Side,
    /// Later.
    pub after: Side,
    /// What the earlier octets say, in words; empty where there are none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub before_words: String,
    /// What the later ones say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub after_words: String,
}

/// What stood at a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// These octets, hexadecimal.
    Octets(String),
    /// It could not be read, because …
    Refused(String),
    /// It was left out on purpose, because …
    LeftOut(String),
    /// The backup knows no such place.
    Absent,
}

impl Side {
    fn of(identity: Option<&Identity>) -> Self {
        match identity {
            None => Self::Absent,
            Some(identity) if identity.was_read() => Self::Octets(identity.hex.clone()),
            Some(identity) if !identity.left_out.is_empty() => {
                Self::LeftOut(identity.left_out.clone())
            }
            Some(identity) => Self::Refused(identity.refused.clone()),
        }
    }

    fn was_read(&self) -> bool {
        matches!(self, Self::Octets(_))
    }
}

impl Comparison {
    /// Compares an earlier backup with a later one.
    pub fn of(before: &Backup, after: &Backup) -> Self {
        let mut comparison = Self {
            remarks: remarks(before, after),
            settings: Vec::new(),
            running: Vec::new(),
            same: 0,
            unread: Vec::new(),
            left_out: Vec::new(),
        };
        let (old, new) = (by_place(before), by_place(after));
        // In the order of the earlier one; what only the later one has comes behind.
        let added = new.iter().filter(|(key, _)| !old.contains_key(*key));
        let mut keys: Vec<_> = places(before).map(|(key, _)| key).collect();
        keys.extend(added.map(|(key, _)| *key));
        for key in keys {
            comparison.add(old.get(&key).copied(), new.get(&key).copied());
        }
        comparison
    }

    /// Whether the settings are the same, as far as they could be read.
    pub fn is_same(&self) -> bool {
        self.settings.is_empty()
    }

    fn add(&mut self, old: Option<&Identity>, new: Option<&Identity>) {
        let Some(identity) = old.or(new) else {
            return;
        };
        let (before, after) = (Side::of(old), Side::of(new));
        if matches!((&before, &after), (Side::LeftOut(_), Side::LeftOut(_))) {
            self.left_out.push(identity.place.clone());
            return;
        }
        if !before.was_read() && !after.was_read() {
            self.unread.push(identity.place.clone());
            return;
        }
        if before == after {
            self.same += usize::from(!identity.runs);
            return;
        }
        // Who calls it running in either backup has seen it run.
        let runs = [old, new].into_iter().flatten().any(|found| found.runs);
        let list = if runs {
            &mut self.running
        } else {
            &mut self.settings
        };
        let words = |found: Option<&Identity>| found.map(|found| found.words.clone());
        list.push(Difference {
            place: identity.place.clone(),
            name: identity.name.clone(),
            before,
            after,
            before_words: words(old).unwrap_or_default(),
            after_words: words(new).unwrap_or_default(),
        });
    }

    /// The differences for a person.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for remark in &self.remarks {
            text.push_str(&wrapped(&format!("note: {remark}"), "", COLUMNS));
        }
        let (differ, same) = (self.settings.len(), self.same);
        let heading = if self.is_same() {
            format!("{same} settings are the same, none differs\n")
        } else {
            format!("{differ} settings differ, {same} are the same:\n")
        };
        text.push_str(&heading);
        text.push_str(&differences(&self.settings));
        if !self.running.is_empty() {
            let heading = format!(
                "{} that count or run by themselves differ, as they should:\n",
                self.running.len()
            );
            text.push_str(&heading);
            let places: Vec<String> = self
                .running
                .iter()
                .map(|found| format!("{} ({})", plain(&found.place, 40), plain(&found.name, 60)))
                .collect();
            text.push_str(&wrapped(&places.join(", "), "  ", COLUMNS));
        }
        if !self.unread.is_empty() {
            let places: Vec<String> = self.unread.iter().map(|place| plain(place, 40)).collect();
            let words = format!("could be read neither time: {}", places.join(", "));
            text.push_str(&wrapped(&words, "", COLUMNS));
        }
        if !self.left_out.is_empty() {
            let places: Vec<String> = self.left_out.iter().map(|place| plain(place, 40)).collect();
            let words = format!(
                "left out on purpose (secrets, rows of profiles): {}",
                places.join(", ")
            );
            text.push_str(&wrapped(&words, "", COLUMNS));
        }
        text
    }
}

/// A place, and which of several of that name.
type Key<'a> = (&'a str, usize);

fn by_place(backup: &Backup) -> BTreeMap<Key<'_>, &Identity> {
    places(backup).collect()
}

fn places(backup: &Backup) -> impl Iterator<Item = (Key<'_>, &Identity)> {
    let mut seen = BTreeMap::new();
    backup.identities.iter().map(move |identity| {
        let place = identity.place.as_str();
        let number: &mut usize = seen.entry(place).or_default();
        *number += 1;
        ((place, *number), identity)
    })
}

fn remarks(before: &Backup, after: &Backup) -> Vec<String> {
    let mut remarks = vec![format!(
        "{} of {} against {} of {}",
        plain(&before.meter, 40),
        plain(&before.taken, 40),
        plain(&after.meter, 40),
        plain(&after.taken, 40)
    )];
    let pairs = [
        ("serial number", &before.serial, &after.serial),
        ("model", &before.model, &after.model),
        (
            "identification",
            &before.identification,
            &after.identification,
        ),
    ];
    for (what, old, new) in pairs {
        if old != new {
            let (old, new) = (plain(old, 60), plain(new, 60));
            remarks.push(format!("these are two meters: {what} {old}, then {new}"));
        }
    }
    let association = |backup: &Backup| {
        let protocol = backup.protocol.as_ref();
        protocol.map_or("none".to_owned(), |protocol| {
            format!(
                "{} (client {})",
                plain(&protocol.association, 40),
                protocol.client
            )
        })
    };
    let (old, new) = (association(before), association(after));
    if old != new {
        remarks.push(format!(
            "the association was {old}, then {new}: what was refused may differ for that reason"
        ));
    }
    if before.level != after.level {
        let level = |level: Option<u8>| level.map_or("none".to_owned(), |level| level.to_string());
        remarks.push(format!(
            "the access level was {}, then {}: what was refused may differ for that reason",
            level(before.level),
            level(after.level)
        ));
    }
    remarks
}

fn differences(list: &[Difference]) -> String {
    let mut text = String::new();
    for found in list {
        let heading = format!("{}  {}", plain(&found.place, 40), plain(&found.name, 100));
        text.push_str(&wrapped(&heading, "  ", COLUMNS));
        // Words that do not tell the two apart hide the difference.
        let has_words = found.before_words != found.after_words;
        for (name, side, words) in [
            ("was", &found.before, &found.before_words),
            ("is", &found.after, &found.after_words),
        ] {
            text.push_str(&side_text(name, side, if has_words { words } else { "" }));
        }
    }
    text
}

/// Octets in groups, so that two lines can be compared with a finger.
fn side_text(name: &str, side: &Side, words: &str) -> String {
    let words = match side {
        Side::Octets(_) if !words.is_empty() => plain(words, 2000),
        Side::Octets(hex) if hex.is_empty() => "(no octets)".to_owned(),
        Side::Octets(hex) => {
            let digits: Vec<char> = plain(hex, 10_000).chars().collect();
            let groups = digits
                .chunks(8)
                .map(|group| group.iter().collect::<String>());
            groups.collect::<Vec<_>>().join(" ")
        }
        Side::Refused(why) => format!("refused: {}", plain(why, 200)),
        Side::LeftOut(why) => format!("left out: {}", plain(why, 200)),
        Side::Absent => "not in this backup".to_owned(),
    };
    let lines = wrapped(&words, "        ", COLUMNS);
    let first = lines.trim_start();
    format!("    {name:<4}{first}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::tests::{attribute, backup, cosem_backup, identity, left_out, refused};

    #[test]
    fn settings_of_a_dlms_meter_are_told_in_words() {
        let calendar = "0-0:13.0.0 class 20 attribute 7";
        let secret = "0-0:40.0.0 class 15 attribute 7";
        let with = |words: &str, octets: &[u8]| {
            cosem_backup(vec![attribute(calendar, octets, words), left_out(secret)])
        };
        let one = with("summer from *-04-01", &[1, 1]);
        let mut two = with("summer from *-05-01", &[1, 2]);
        let text = Comparison::of(&one, &two).text();
        for part in [
            "1 settings differ",
            "    was summer from *-04-01\n",
            "    is  summer from *-05-01\n",
            "left out on purpose (secrets, rows of profiles): 0-0:40.0.0 class 15",
        ] {
            assert!(text.contains(part), "no `{part}` in\n{text}");
        }
        // Words that are the same hide nothing.
        let same = with("summer from *-04-01", &[1, 2]);
        let text = Comparison::of(&one, &same).text();
        assert!(
            text.contains("was 0101") && text.contains("is  0102"),
            "{text}"
        );
        two.protocol.as_mut().unwrap().association = "public".to_owned();
        let text = Comparison::of(&one, &two).text();
        assert!(
            text.contains("the association was reader (client 1), then public"),
            "{text}"
        );
    }

    fn before() -> Backup {
        backup(vec![
            identity("507", &[1, 2, 3], true),
            identity("795", b"SCHEME01", false),
            identity("667", &[1; 8], false),
            refused("600"),
            refused("601"),
        ])
    }

    fn after() -> Backup {
        let mut after = backup(vec![
            identity("507", &[1, 2, 4], true),
            identity("795", b"SCHEME02", false),
            identity("667", &[1; 8], false),
            refused("600"),
            identity("601", &[], false),
        ]);
        after.taken = "2026-11-24T05:00:00Z".to_owned();
        after
    }

    #[test]
    fn settings_are_told_from_what_runs_by_itself() {
        let expected = "\
note: feeder-1 of 2026-11-23T05:00:00Z against feeder-1 of 2026-11-24T05:00:00Z
2 settings differ, 1 are the same:
  795 what stands at 795
    was 53434845 4d453031
    is  53434845 4d453032
  601 what stands at 601
    was refused: ERR5: locked for this level
    is  (no octets)
1 that count or run by themselves differ, as they should:
  507 (what stands at 507)
could be read neither time: 600
";
        let comparison = Comparison::of(&before(), &after());
        assert!(!comparison.is_same());
        assert_eq!(comparison.text(), expected);
    }

    #[test]
    fn a_meter_that_only_counted_has_not_changed() {
        let mut later = before();
        later.identities[0] = identity("507", &[9], true);
        let comparison = Comparison::of(&before(), &later);
        assert!(comparison.is_same());
        assert_eq!(comparison.running.len(), 1);
        assert!(
            comparison
                .text()
                .contains("2 settings are the same, none differs")
        );
    }

    #[test]
    fn what_is_in_one_backup_only_differs() {
        let mut later = before();
        later.identities.remove(2);
        let gone = Comparison::of(&before(), &later);
        assert_eq!(gone.settings[0].after, Side::Absent);
        assert!(
            gone.text().contains("is  not in this backup"),
            "{}",
            gone.text()
        );
        let come = Comparison::of(&later, &before());
        assert_eq!(come.settings[0].before, Side::Absent);
    }

    #[test]
    fn a_place_that_is_there_twice_hides_nothing() {
        let twice = |first: u8| {
            backup(vec![
                identity("P.98", &[first], false),
                identity("P.98", &[7], false),
            ])
        };
        let comparison = Comparison::of(&twice(1), &twice(2));
        assert_eq!((comparison.settings.len(), comparison.same), (1, 1));
    }

    #[test]
    fn another_meter_and_another_level_are_said() {
        let mut other = before();
        other.serial = "87654321\x1b[2J".to_owned();
        other.level = None;
        let text = Comparison::of(&before(), &other).text();
        assert!(
            text.contains("two meters: serial number 12345678, then 87654321?[2J"),
            "{text}"
        );
        assert!(text.contains("access level was 1, then none"), "{text}");
    }
}
