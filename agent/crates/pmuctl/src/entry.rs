//! The entry of a new meter in the configuration: its text, and what stands in its way.

use crate::direct::{access_line, quoted};
pub use crate::dlms_table::DlmsKeys;
use crate::dlms_table::dlms_line;
use serde::Deserialize;
use std::path::PathBuf;
use toml::Spanned;

/// A meter that is to be written into a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// What the gateway has to know of it.
    pub meter: desk::NewMeter,
    /// The access level that its password opens.
    pub level: Option<u8>,
    /// The file with its password.
    pub password_file: Option<PathBuf>,
    /// How a DLMS meter is read; none of other meters.
    pub dlms: Option<DlmsKeys>,
}

/// Why a meter cannot be added to a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// The file is no TOML, before anything is added.
    #[error("this file is no configuration; mend it first: {0}")]
    Malformed(String),
    /// There is no such bus.
    #[error("there is no bus `{bus}`; {known}")]
    NoBus {
        /// The one that was named.
        bus: String,
        /// Those that there are, in words.
        known: String,
    },
    /// The name is taken.
    #[error("line {line}: there is a meter `{id}` already; choose another name")]
    Name {
        /// Where.
        line: usize,
        /// The name.
        id: String,
    },
    /// The address is taken.
    #[error(
        "line {line}: meter {other} has {address} on bus {bus} already; two meters of one address \
         cannot be told apart"
    )]
    Address {
        /// Where.
        line: usize,
        /// Whose it is.
        other: String,
        /// The address, in words.
        address: String,
        /// The bus.
        bus: String,
    },
}

/// What matters here of a configuration; the gateway checks the whole.
#[derive(Deserialize)]
struct Standing {
    #[serde(default)]
    bus: Vec<StandingBus>,
    #[serde(default)]
    meter: Vec<StandingMeter>,
}

#[derive(Deserialize)]
struct StandingBus {
    id: String,
}

#[derive(Deserialize)]
struct StandingMeter {
    id: Spanned<String>,
    #[serde(default)]
    bus: String,
    unit: Option<Spanned<i64>>,
    address: Option<Spanned<String>>,
    /// Meters behind different phone numbers may share an address.
    number: Option<String>,
    dlms: Option<StandingDlms>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct StandingDlms {
    lower_address: Option<Spanned<i64>>,
}

impl NewEntry {
    /// The entry.
    pub fn text(&self) -> String {
        let meter = &self.meter;
        let mut lines = vec![
            "[[meter]]".to_owned(),
            format!("id = {}", quoted(&meter.id)),
            format!("bus = {}", quoted(&meter.bus)),
            format!("model = {}", quoted(&meter.model)),
        ];
        lines.extend(meter.unit.map(|unit| format!("unit = {unit}")));
        let text = |key: &str, value: &Option<String>| {
            value
                .as_ref()
                .map(|value| format!("{key} = {}", quoted(value)))
        };
        let password_file = self.password_file.as_deref();
        if let Some(dlms) = &self.dlms {
            lines.extend(text("serial", &meter.serial));
            lines.push(dlms_line(dlms, meter.address.as_deref(), password_file));
        } else {
            lines.extend(text("address", &meter.address));
            lines.extend(text("serial", &meter.serial));
            lines.extend(access_line(self.level, password_file));
        }
        lines.push(String::new());
        lines.join("\n")
    }

    /// The configuration with this entry behind all that stands in it: not a character of it is
    /// changed.
    pub fn appended_to(&self, configuration: &str) -> Result<String, EntryFault> {
        let malformed = |error: toml::de::Error| {
            EntryFault::Malformed(crate::plain(&error.to_string().replace('\n', " "), 300))
        };
        let standing: Standing = toml::from_str(configuration).map_err(malformed)?;
        self.check(configuration, &standing)?;
        let mut text = configuration.to_owned();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.text());
        // A list of meters in another form would make the whole unreadable.
        toml::from_str::<Standing>(&text).map_err(malformed)?;
        Ok(text)
    }

    fn check(&self, text: &str, standing: &Standing) -> Result<(), EntryFault> {
        let meter = &self.meter;
        if !standing.bus.iter().any(|bus| bus.id == meter.bus) {
            let names: Vec<&str> = standing.bus.iter().map(|bus| bus.id.as_str()).collect();
            let known = if names.is_empty() {
                "write its [[bus]] into the configuration first".to_owned()
            } else {
                crate::plain(&format!("name one of: {}", names.join(", ")), 300)
            };
            let bus = meter.bus.clone();
            return Err(EntryFault::NoBus { bus, known });
        }
        let line = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        for other in &standing.meter {
            if *other.id.get_ref() == meter.id {
                let (line, id) = (line(other.id.span().start), meter.id.clone());
                return Err(EntryFault::Name { line, id });
            }
            if let Some((at, address)) = self.clash(other) {
                return Err(EntryFault::Address {
                    line: line(at),
                    other: crate::plain(other.id.get_ref(), 40),
                    address,
                    bus: meter.bus.clone(),
                });
            }
        }
        Ok(())
    }

    /// Where in the text, and in which words, another meter has this one's address.
    fn clash(&self, other: &StandingMeter) -> Option<(usize, String)> {
        let meter = &self.meter;
        if other.bus != meter.bus || other.number.is_some() {
            return None;
        }
        if let (Some(unit), Some(theirs)) = (meter.unit, &other.unit) {
            let is_same = *theirs.get_ref() == i64::from(unit);
            return is_same.then(|| (theirs.span().start, format!("unit {unit}")));
        }
        if self.dlms.is_some() {
            let own: i64 = meter.address.as_ref()?.parse().ok()?;
            let theirs = other.dlms.as_ref()?.lower_address.as_ref()?;
            let is_same = *theirs.get_ref() == own;
            return is_same.then(|| (theirs.span().start, format!("lower address {own}")));
        }
        let (address, theirs) = (meter.address.as_ref()?, other.address.as_ref()?);
        // IEC 62056-21: leading zeros of an address do not count.
        let bare = |address: &str| address.trim_start_matches('0').to_owned();
        let is_same = bare(address) == bare(theirs.get_ref());
        is_same.then(|| (theirs.span().start, format!("address {address}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANDING: &str = "\
# the substation of the north
[gateway]
id = \"pmu-001\"   # as on the lid
[[bus]]
id = \"main\"
[[bus]]
id = \"phone\"
[[meter]]
id = \"feeder-1\"
bus = \"main\"
unit = 1
[[meter]]
id = \"feeder-2\"
bus = \"main\"
address = \"004\"
[[meter]]
id = \"far-away\"
bus = \"phone\"
number = \"0123\"
address = \"001\"";

    fn entry(id: &str, bus: &str, unit: Option<u8>, address: Option<&str>) -> NewEntry {
        NewEntry {
            meter: desk::NewMeter {
                id: id.to_owned(),
                bus: bus.to_owned(),
                model: "elster-a1700".to_owned(),
                unit,
                address: address.map(str::to_owned),
                serial: None,
            },
            level: None,
            password_file: None,
            dlms: None,
        }
    }

    #[track_caller]
    fn check(new: &NewEntry, expected: Result<(), &str>) {
        let done = new.appended_to(STANDING);
        let said = done.as_ref().map(|_| ()).map_err(ToString::to_string);
        assert_eq!(said, expected.map_err(str::to_owned));
        if let Ok(text) = done {
            assert_eq!(text, format!("{STANDING}\n\n{}", new.text()));
        }
    }

    #[test]
    fn an_entry_goes_behind_all_that_is_there() {
        let mut new = entry("feeder-3", "main", None, Some("005"));
        new.meter.serial = Some("12345678".to_owned());
        new.password_file = Some("/etc/pmu/passwords/feeder-3".into());
        let expected = "[[meter]]\nid = \"feeder-3\"\nbus = \"main\"\nmodel = \"elster-a1700\"\n\
                        address = \"005\"\nserial = \"12345678\"\n\
                        access = { password-file = \"/etc/pmu/passwords/feeder-3\" }\n";
        assert_eq!(new.text(), expected);
        check(&new, Ok(()));
        check(&entry("feeder-3", "main", Some(2), None), Ok(()));
        check(&entry("feeder-3", "main", None, None), Ok(()));
        // Behind another phone number the same address is another meter.
        check(&entry("feeder-3", "phone", None, Some("001")), Ok(()));
    }

    #[test]
    fn a_dlms_meter_has_a_table_of_its_own() {
        let mut new = entry("feeder-7", "main", None, Some("017"));
        new.meter.serial = Some("00012345".to_owned());
        new.dlms = Some(DlmsKeys {
            association: "secured".to_owned(),
            client: Some(2),
            suite: Some(0),
            wrapper: false,
        });
        let expected = "[[meter]]\nid = \"feeder-7\"\nbus = \"main\"\nmodel = \"elster-a1700\"\n\
                        serial = \"00012345\"\n\
                        dlms = { lower-address = 17, association = \"secured\", client = 2, suite = 0 }\n";
        assert_eq!(new.text(), expected);
        let once = new.appended_to(STANDING).unwrap();
        let again = NewEntry {
            meter: desk::NewMeter {
                id: "feeder-8".to_owned(),
                ..new.meter.clone()
            },
            ..new
        };
        let fault = again.appended_to(&once).unwrap_err().to_string();
        assert!(
            fault.contains("meter feeder-7 has lower address 17"),
            "{fault}"
        );
    }

    #[test]
    fn a_name_and_an_address_are_given_once() {
        check(
            &entry("feeder-2", "main", None, Some("9")),
            Err("line 13: there is a meter `feeder-2` already; choose another name"),
        );
        check(
            &entry("feeder-3", "main", Some(1), None),
            Err(
                "line 11: meter feeder-1 has unit 1 on bus main already; two meters of one \
                 address cannot be told apart",
            ),
        );
        check(
            &entry("feeder-3", "main", None, Some("4")),
            Err(
                "line 15: meter feeder-2 has address 4 on bus main already; two meters of one \
                 address cannot be told apart",
            ),
        );
    }

    #[test]
    fn a_bus_has_to_be_there() {
        check(
            &entry("feeder-3", "hall", None, None),
            Err("there is no bus `hall`; name one of: main, phone"),
        );
        let none = entry("a", "main", None, None).appended_to("");
        assert!(none.unwrap_err().to_string().contains("[[bus]]"));
    }

    #[test]
    fn a_file_that_could_not_be_read_afterwards_is_left_alone() {
        let list = "bus = [{ id = \"main\" }]\nmeter = [{ id = \"a\", bus = \"main\" }]\n";
        let new = entry("feeder-3", "main", None, None);
        for text in [list, "[gateway", "meter = 3\nbus = 4"] {
            let fault = new.appended_to(text).unwrap_err();
            assert!(matches!(fault, EntryFault::Malformed(_)), "{fault}");
        }
    }
}
