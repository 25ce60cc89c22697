//! Which attributes the common classes have, and what becomes of them in a backup (Blue Book,
//! IEC 62056-6-2).

use super::ListedObject;
use Nature::{Rows, Runs, Secret, Set};
use dlms::codec::{Attribute, LogicalName};
use metering::Obis;

/// What kind of value an attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nature {
    /// Somebody has set it.
    Set,
    /// It counts or runs by itself.
    Runs,
    /// Rows that the meter wrote: they are collected, and not backed up.
    Rows,
    /// A password, a key or a PIN: it is never read.
    Secret,
}

/// What a backup does with an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributePlan {
    /// It is read.
    Read,
    /// It is left out on purpose, because …
    LeftOut(&'static str),
    /// The object list says that this association may not read it.
    NoRight,
}

/// An attribute of an object, for a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupAttribute {
    /// Which.
    pub attribute: Attribute,
    /// What it is, in words.
    pub name: String,
    /// Whether it counts or runs by itself.
    pub runs: bool,
    /// What is done with it.
    pub plan: AttributePlan,
}

type Known = (i8, &'static str, Nature);

/// Attributes of an object, without its name. What the meter lists counts, else what its class has.
pub fn backup_attributes(object: &ListedObject) -> Vec<BackupAttribute> {
    let known = attributes(object.class);
    let listed = object.attributes.iter().filter(|(number, _)| *number != 1);
    let listed: Vec<(i8, bool)> = listed.copied().collect();
    let wanted = if listed.is_empty() {
        known.iter().map(|(number, ..)| (*number, true)).collect()
    } else {
        listed
    };
    let what = object
        .words()
        .or_else(|| object.class_name().map(ToOwned::to_owned))
        .unwrap_or_else(|| format!("class {}", object.class));
    let entry = |number: i8, words: &str, nature: Nature, plan| BackupAttribute {
        attribute: Attribute {
            class: object.class,
            name: LogicalName(object.name.groups()),
            number,
        },
        name: format!("{what}: {words}"),
        runs: matches!(nature, Runs | Rows) || (object.class == 1 && counts(object.name)),
        plan,
    };
    if wanted.is_empty() {
        let why = "its class is not known here, and the meter does not list its attributes";
        return vec![entry(0, "all of it", Set, AttributePlan::LeftOut(why))];
    }
    let planned = wanted.into_iter().map(|(number, may_read)| {
        let found = known.iter().find(|(known, ..)| *known == number);
        let (words, nature) = match found {
            Some((_, words, nature)) => ((*words).to_owned(), *nature),
            None => (format!("attribute {number}"), Set),
        };
        let plan = match (nature, may_read) {
            (Secret, _) => AttributePlan::LeftOut("a secret is never read"),
            (Rows, _) => AttributePlan::LeftOut("rows are collected, and not backed up"),
            (_, true) => AttributePlan::Read,
            (_, false) => AttributePlan::NoRight,
        };
        entry(number, &words, nature, plan)
    });
    planned.collect()
}

/// Data objects (class 1) that are counters, states or times: by their codes (IEC 62056-61).
fn counts(name: Obis) -> bool {
    matches!(
        name.groups(),
        // Billing periods: counter and time stamps.
        [_, _, 0, 1, ..]
            | [0, _, 43, 1, ..]
            | [0, _, 96, 2 | 5 | 6 | 7 | 8 | 10 | 11 | 12 | 15 | 20, ..]
            | [0, _, 97, 97, ..]
    )
}

fn attributes(class: u16) -> &'static [Known] {
    match class {
        1 => &[(2, "value", Set)],
        3 => &[(2, "value", Runs), (3, "scaler and unit", Set)],
        4 => &[
            (2, "value", Runs),
            (3, "scaler and unit", Set),
            (4, "status", Runs),
            (5, "time", Runs),
        ],
        5 => DEMAND,
        6 => &[
            (2, "registers", Set),
            (3, "masks", Set),
            (4, "mask in force", Runs),
        ],
        7 => PROFILE,
        8 => CLOCK,
        9 => &[(2, "scripts", Set)],
        11 => &[(2, "days", Set)],
        15 => ASSOCIATION,
        17 => &[(2, "logical devices", Set)],
        20 => CALENDAR,
        21 => &[
            (2, "thresholds", Set),
            (3, "monitored value", Set),
            (4, "actions", Set),
        ],
        22 => &[(2, "script", Set), (3, "kind", Set), (4, "times", Set)],
        63 => &[(2, "status", Runs), (3, "mapping", Set)],
        64 => &[
            (2, "policy", Set),
            (3, "suite", Set),
            (4, "title of the client", Runs),
            (5, "title of the meter", Set),
            (6, "certificates", Set),
        ],
        70 => &[(2, "output", Runs), (3, "state", Runs), (4, "mode", Set)],
        71 => LIMITER,
        61 => &[(2, "values", Runs), (3, "scaler and unit", Set)],
        62 => &[
            (2, "rows", Rows),
            (3, "captured objects", Set),
            (4, "template", Set),
            (5, "description", Set),
            (6, "capture method", Set),
        ],
        other => of_ports(other),
    }
}

const PROFILE: &[Known] = &[
    (2, "rows", Rows),
    (3, "captured objects", Set),
    (4, "period", Set),
    (5, "order", Set),
    (6, "sorted by", Set),
    (7, "rows in use", Runs),
    (8, "rows at most", Set),
];

const CLOCK: &[Known] = &[
    (2, "time", Runs),
    (3, "minutes to UTC", Set),
    (4, "status", Runs),
    (5, "summer time begins", Set),
    (6, "summer time ends", Set),
    (7, "minutes of summer time", Set),
    (8, "summer time is used", Set),
    (9, "source", Set),
];

const DEMAND: &[Known] = &[
    (2, "average so far", Runs),
    (3, "last average", Runs),
    (4, "scaler and unit", Set),
    (5, "status", Runs),
    (6, "time", Runs),
    (7, "beginning of the period", Runs),
    (8, "period", Set),
    (9, "periods of the average", Set),
];

const NETWORK: &[Known] = &[
    (2, "link", Set),
    (3, "address", Set),
    (4, "multicast", Set),
    (5, "options", Set),
    (6, "mask", Set),
    (7, "gateway", Set),
    (8, "DHCP", Set),
    (9, "first name server", Set),
    (10, "second name server", Set),
];

const HDLC: &[Known] = &[
    (2, "speed", Set),
    (3, "window sent", Set),
    (4, "window taken", Set),
    (5, "octets sent", Set),
    (6, "octets taken", Set),
    (7, "time between octets", Set),
    (8, "inactivity", Set),
    (9, "address", Set),
];

const ASSOCIATION: &[Known] = &[
    (2, "object list", Set),
    (3, "partners", Runs),
    (4, "context", Set),
    (5, "services and sizes", Runs),
    (6, "mechanism", Set),
    (7, "secret", Secret),
    (8, "status", Runs),
    (9, "security set-up", Set),
];

const CALENDAR: &[Known] = &[
    (2, "active name", Set),
    (3, "active seasons", Set),
    (4, "active weeks", Set),
    (5, "active days", Set),
    (6, "passive name", Set),
    (7, "passive seasons", Set),
    (8, "passive weeks", Set),
    (9, "passive days", Set),
    (10, "activation of the passive part", Set),
];

const LIMITER: &[Known] = &[
    (2, "monitored value", Set),
    (3, "threshold in force", Runs),
    (4, "threshold", Set),
    (5, "threshold of an emergency", Set),
    (6, "time above", Set),
    (7, "time below", Set),
    (8, "emergency", Set),
    (9, "groups of an emergency", Set),
    (10, "emergency in force", Runs),
    (11, "actions", Set),
];

/// Classes of ports and networks, many of which hold passwords.
fn of_ports(class: u16) -> &'static [Known] {
    match class {
        18 => &[
            (2, "block size", Set),
            (3, "blocks", Runs),
            (4, "first missing block", Runs),
            (5, "enabled", Set),
            (6, "status", Runs),
            (7, "images", Runs),
        ],
        19 => &[
            (2, "mode", Set),
            (3, "first speed", Set),
            (4, "proposed speed", Set),
            (5, "response time", Set),
            (6, "address", Set),
            (7, "first password", Secret),
            (8, "second password", Secret),
            (9, "password of mode W", Secret),
        ],
        23 => HDLC,
        27 => &[
            (2, "speed", Set),
            (3, "commands, perhaps with a PIN", Secret),
            (4, "profile", Set),
        ],
        41 => &[
            (2, "port", Set),
            (3, "network", Set),
            (4, "segment size", Set),
            (5, "connections", Set),
            (6, "inactivity", Set),
        ],
        42 => NETWORK,
        43 => &[(2, "address", Set)],
        44 => &[
            (2, "link", Set),
            (3, "options of the link", Set),
            (4, "options of the network", Set),
            (5, "authentication", Secret),
        ],
        45 => &[
            (2, "access point", Set),
            (3, "PIN", Secret),
            (4, "quality", Set),
        ],
        46 => &[
            (2, "port", Set),
            (3, "user", Secret),
            (4, "password", Secret),
            (5, "server", Set),
            (6, "sender", Set),
        ],
        // ZigBee: keys of the network lie among its attributes.
        101 => &[
            (10, "key of the trust centre", Secret),
            (11, "key of the network", Secret),
            (12, "key of a link", Secret),
            (13, "key of a link", Secret),
        ],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(class: u16, code: &str, attributes: &[(i8, bool)]) -> ListedObject {
        ListedObject {
            class,
            version: 0,
            name: code.parse().unwrap(),
            access: String::new(),
            attributes: attributes.to_vec(),
        }
    }

    #[track_caller]
    fn check(object: &ListedObject, expected: &[(i8, bool, AttributePlan)]) {
        let planned = backup_attributes(object);
        let planned: Vec<_> = planned
            .iter()
            .map(|one| (one.attribute.number, one.runs, one.plan))
            .collect();
        assert_eq!(planned, expected);
    }

    #[test]
    fn secrets_and_rows_are_never_read() {
        let secret = AttributePlan::LeftOut("a secret is never read");
        let of = |class, code, number| {
            let all = backup_attributes(&object(class, code, &[]));
            let found = all.into_iter().find(|one| one.attribute.number == number);
            found.unwrap().plan
        };
        assert_eq!(of(15, "0-0:40.0.0", 7), secret);
        assert_eq!(of(19, "0-0:20.0.0", 7), secret);
        assert_eq!(of(45, "0-0:25.4.0", 3), secret);
        assert!(matches!(of(7, "1-0:99.1.0", 2), AttributePlan::LeftOut(_)));
        // Whatever the meter allows.
        let allowed = object(15, "0-0:40.0.0", &[(1, true), (7, true)]);
        check(&allowed, &[(7, false, secret)]);
    }

    #[test]
    fn what_the_meter_lists_counts() {
        use AttributePlan::{LeftOut, NoRight, Read};
        let listed = [(1, true), (2, true), (3, false), (-1, true)];
        let total = object(3, "1-0:1.8.0", &listed);
        check(
            &total,
            &[(2, true, Read), (3, false, NoRight), (-1, false, Read)],
        );
        let why = "its class is not known here, and the meter does not list its attributes";
        check(&object(9000, "0-0:1.2.3", &[]), &[(0, false, LeftOut(why))]);
        check(
            &object(9000, "0-0:1.2.3", &[(2, true)]),
            &[(2, false, Read)],
        );
        check(&object(1, "0-0:96.1.0", &[]), &[(2, false, Read)]);
        check(&object(1, "0-0:43.1.1", &[]), &[(2, true, Read)]);
        let names = backup_attributes(&object(7, "1-0:99.1.0", &[]));
        assert_eq!(names[1].name, "load profile: captured objects");
    }
}
