//! What is known of the keys of meters.

use crate::limits::COLUMNS;
use crate::plain;
use crate::table::{Side, Table};
use crate::words::wrapped;
use desk::{KeyOrigin, KeyStanding, KeyStatus, KeysStatus};

pub(super) fn text(status: &KeysStatus) -> String {
    let mut text = if status.keys.is_empty() {
        "no keys; bring some with `pmuctl meter keys import`\n".to_owned()
    } else {
        table(&status.keys).to_string()
    };
    if let Some(title) = &status.system_title {
        text.push_str("system title of this gateway: ");
        text.push_str(&plain(title, 40));
        text.push('\n');
    }
    if let Some(fault) = &status.master_key_fault {
        text.push_str(&wrapped(&plain(fault, 1000), "", COLUMNS));
    }
    text
}

fn table(keys: &[KeyStatus]) -> Table {
    let mut table = Table::new(&[
        ("METER", Side::Left),
        ("KEY", Side::Left),
        ("FROM", Side::Left),
        ("DAYS", Side::Right),
        ("STATE", Side::Left),
        ("USED", Side::Right),
    ]);
    for key in keys {
        table.row(&[
            key.meter.clone(),
            key.kind.clone(),
            match key.origin {
                KeyOrigin::Imported => "imported".to_owned(),
                KeyOrigin::Generated => "generated".to_owned(),
            },
            key.age_days.to_string(),
            match key.standing {
                KeyStanding::Current => "in use".to_owned(),
                KeyStanding::Next => "prepared".to_owned(),
                KeyStanding::DoubtfulOld => "in doubt, old".to_owned(),
                KeyStanding::DoubtfulNew => "in doubt, new".to_owned(),
            },
            used(key),
        ]);
        if key.is_counted && key.counter_used_ppm.is_none() {
            table.note("its counter is not known yet; it is read from the meter first");
        }
        if let Some(until) = &key.rests_until {
            let refusals = key.refusals;
            table.note(&format!(
                "refused {refusals} times; the meter is left alone until {until}, or until its keys \
                 are imported again"
            ));
        }
    }
    table
}

/// A share of all counters, in percent.
fn used(key: &KeyStatus) -> String {
    match key.counter_used_ppm {
        Some(ppm) => format!("{}.{:02} %", ppm / 10_000, ppm % 10_000 / 100),
        None if key.is_counted => "?".to_owned(),
        None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &str, standing: KeyStanding, ppm: Option<u32>) -> KeyStatus {
        KeyStatus {
            meter: "feeder-7".to_owned(),
            kind: kind.to_owned(),
            origin: KeyOrigin::Imported,
            since: "2026-11-01T00:00:00Z".to_owned(),
            age_days: 27,
            standing,
            counter_used_ppm: ppm,
            is_counted: kind == "encryption key",
            refusals: 0,
            rests_until: None,
        }
    }

    #[test]
    fn keys_are_shown_with_their_age_and_use() {
        let mut resting = key("encryption key", KeyStanding::DoubtfulNew, None);
        resting.refusals = 2;
        resting.rests_until = Some("2026-11-28T12:00:00Z".to_owned());
        let shown = text(&KeysStatus {
            master_key_fault: None,
            system_title: Some("504D550102030405".to_owned()),
            keys: vec![
                key("encryption key", KeyStanding::DoubtfulOld, Some(123_456)),
                resting,
                key("authentication key", KeyStanding::Current, None),
            ],
        });
        let expected = "\
METER     KEY                 FROM      DAYS  STATE             USED
feeder-7  encryption key      imported    27  in doubt, old  12.34 %
feeder-7  encryption key      imported    27  in doubt, new        ?
";
        assert!(shown.starts_with(expected), "{shown}");
        assert!(shown.contains("until 2026-11-28T12:00:00Z"), "{shown}");
        assert!(shown.contains("title of this gateway: 504D550102030405"));
    }

    #[test]
    fn a_gateway_without_keys_or_master_key_says_what_to_do() {
        let shown = text(&KeysStatus {
            master_key_fault: Some("there is none; make one".to_owned()),
            system_title: None,
            keys: Vec::new(),
        });
        let expected =
            "no keys; bring some with `pmuctl meter keys import`\nthere is none; make one\n";
        assert_eq!(shown, expected);
    }
}
