//! The keys of a neutral site file, told once: from them follow its reader and its JSON Schema. Each
//! key is a column of the tables, so that both forms say the same.

use super::calendar::{RATE_MAX, WEEKDAYS};
use super::register::REGISTERS_MAX;
use crate::sheet::ROWS_MAX;
use serde_json::{Map, Value as Json, json};

/// The key that tells a neutral site file from other TOML files, and its version.
pub(super) const MARK: &str = "neutral-site";

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// A whole number.
    Whole(i64, i64),
    /// A number that may begin with zeros: then it is a text.
    Digits,
    /// A number with or without a point.
    Figure,
    Date,
    Time,
    /// A list of numbers.
    Rates,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    /// The column of the tables that holds the same.
    pub(super) column: &'static str,
    pub(super) kind: Kind,
    is_needed: bool,
    about: &'static str,
}

const fn may(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key {
        name,
        column: name,
        kind,
        is_needed: false,
        about,
    }
}

const fn need(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key {
        is_needed: true,
        ..may(name, kind, about)
    }
}

/// A key that is called otherwise than its column.
const fn named(name: &'static str, column: &'static str, about: &'static str) -> Key {
    Key {
        column,
        ..need(name, Kind::Text, about)
    }
}

use Kind::{Date, Digits, Figure, Rates, Text, Time, Whole};

pub(super) const METER: &[Key] = &[
    need(
        "name",
        Text,
        "its name on the gateway: 1 to 40 of a-z, 0-9 and -",
    ),
    need("area", Text, "the area it is in"),
    need("substation", Text, "the substation"),
    may("feeder", Text, "the feeder"),
    need("bus", Text, "the line it hangs on"),
    need(
        "connection",
        Text,
        "optical, rs232, rs485, serial-server, modem, pad or network",
    ),
    may("device", Text, "the port of the gateway"),
    may("host", Text, "10.0.0.8:14001 or name.example:502"),
    may("baud", Whole(300, 115_200), "bits per second"),
    may("framing", Text, "8N1, 8E1, 8O1, 8N2 or 7E1"),
    may("number", Digits, "telephone or PAD number"),
    need("protocol", Text, "modbus, flag or dlms"),
    may(
        "address",
        Digits,
        "Modbus unit, FLAG outstation number, lower HDLC address",
    ),
    may(
        "client",
        Whole(1, 127),
        "DLMS client, where it is not the one of the model",
    ),
    need("model", Text, "the name of its model file, without .toml"),
    may(
        "access-level",
        Whole(0, 3),
        "the level that the password of a FLAG meter opens",
    ),
    may(
        "password",
        Text,
        "sealed: and the name of a sealed password; never the password",
    ),
    may("ct-primary-a", Figure, "primary current, A"),
    may("ct-secondary-a", Figure, "secondary current, A"),
    may("vt-primary-v", Figure, "primary voltage, V"),
    may("vt-secondary-v", Figure, "secondary voltage, V"),
    may("serial", Digits, "the maker's serial number"),
    may("utility-serial", Digits, "the utility's own number"),
    may("mpan", Digits, "UK metering point, 13 digits"),
    may(
        "scheme",
        Text,
        "the scheme it should hold, with its folders",
    ),
    may("note", Text, "up to 200 characters"),
];

const NUMBERS: Kind = Whole(1, 64);
const _: () = assert!(
    REGISTERS_MAX == 64 && RATE_MAX == 64,
    "told as numbers below"
);

pub(super) const REGISTER: &[Key] = &[
    need("scheme", Text, "the scheme, with its folders"),
    need("kind", Text, "total, tou or demand"),
    need("register", NUMBERS, "its number among those of its kind"),
    need("quantity", Text, "OBIS code without a rate, as 1-0:1.8.0"),
    may(
        "rate",
        NUMBERS,
        "the rate that gates it; needed by tou, not for total",
    ),
    may("name", Text, "what people call it"),
];

pub(super) const CALENDAR: &[Key] = &[need("scheme", Text, "the scheme, with its folders")];

pub(super) const SEASON: &[Key] = &[
    named("name", "season", "its name"),
    need(
        "date",
        Date,
        "when it begins: 04-01 in every year, or 2026-04-01",
    ),
];

pub(super) const DAY_TYPE: &[Key] = &[named(
    "name",
    "day-type",
    "what weeks and exclusion dates call it",
)];

pub(super) const SWITCH: &[Key] = &[
    need("time", Time, "from this time on: 00:00 to 23:59"),
    may("energy-rates", Rates, "rates of energy; absent = none"),
    may("demand-rates", Rates, "rates of demand; absent = none"),
];

pub(super) const EXCLUSION: &[Key] = &[
    need("date", Date, "12-25 in every year, or 2026-04-03"),
    need("day-type", Text, "the kind of day that it is"),
];

/// The JSON Schema of a neutral site file, `docs/schemas/neutral-site.schema.json`.
pub fn site_schema() -> String {
    let list = |about: &str, items: Json| json!({ "type": "array", "maxItems": ROWS_MAX, "description": about, "items": items });
    let days = WEEKDAYS.map(|day| {
        let about = "name of a day type";
        (
            day.to_owned(),
            json!({ "type": "string", "description": about }),
        )
    });
    let week = json!({ "type": "object", "additionalProperties": false,
        "description": "the day type of each weekday", "properties": Map::from_iter(days) });
    let switches = list("its switching times", table(SWITCH, [], &[]));
    let day_type = table(DAY_TYPE, [("switch", switches)], &["switch"]);
    let calendar = [
        (
            "season",
            list("parts of the year", table(SEASON, [("week", week)], &[])),
        ),
        ("day-type", list("kinds of day", day_type)),
        (
            "exclusion",
            list(
                "dates that do not follow the week",
                table(EXCLUSION, [], &[]),
            ),
        ),
    ];
    let version = json!({ "const": 1, "description": "what this file is, and its version" });
    let calendars = list("calendars of schemes", table(CALENDAR, calendar, &[]));
    let parts = [
        (MARK, version),
        ("meter", list("meters of the site", table(METER, [], &[]))),
        (
            "register",
            list("registers of schemes", table(REGISTER, [], &[])),
        ),
        ("calendar", calendars),
    ];
    let mut schema = table(&[], parts, &[MARK]);
    if let Some(map) = schema.as_object_mut() {
        let draft = "https://json-schema.org/draft/2020-12/schema";
        map.insert("$schema".to_owned(), json!(draft));
        map.insert(
            "title".to_owned(),
            json!("A site's data, as a neutral TOML file says it"),
        );
    }
    format!("{schema:#}\n")
}

fn table<const N: usize>(keys: &[Key], further: [(&str, Json); N], needed: &[&str]) -> Json {
    let own = keys.iter().map(|key| (key.name.to_owned(), value(key)));
    let further = further
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema));
    let required = keys.iter().filter(|key| key.is_needed).map(|key| key.name);
    let required: Vec<&str> = required.chain(needed.iter().copied()).collect();
    let mut schema = json!({ "type": "object", "additionalProperties": false,
        "properties": own.chain(further).collect::<Map<_, _>>() });
    if let (Some(map), false) = (schema.as_object_mut(), required.is_empty()) {
        map.insert("required".to_owned(), json!(required));
    }
    schema
}

fn value(key: &Key) -> Json {
    let mut schema = match key.kind {
        Text | Date | Time => json!({ "type": "string" }),
        Whole(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Digits => json!({ "type": ["string", "integer"] }),
        Figure => json!({ "type": ["number", "string"] }),
        Rates => {
            let rate = json!({ "type": "integer", "minimum": 1, "maximum": RATE_MAX });
            json!({ "type": "array", "items": rate, "uniqueItems": true })
        }
    };
    if let Some(map) = schema.as_object_mut() {
        map.insert("description".to_owned(), json!(key.about));
    }
    schema
}
