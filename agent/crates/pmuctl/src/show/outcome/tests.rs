use super::*;
use desk::{
    Diagnosis, DryRunResult, DryRunWrite, EventCounter, EventsResult, FoundMeter, Layer,
    MeterObject, MeterValue, ScanResult, TraceLine,
};

#[track_caller]
fn check(outcome: &Outcome, expected: &str) {
    assert_eq!(text(outcome), expected);
}

fn diagnosis(code: &str) -> Diagnosis {
    Diagnosis {
        code: code.to_owned(),
        happened: "the meter refuses the password of level 1".to_owned(),
        meaning: "nothing but its identity can be read; no second try was made, because some \
                  meters lock themselves"
            .to_owned(),
        next: vec!["ask for the password".to_owned()],
        tried: Vec::new(),
    }
}

#[test]
fn a_change_of_keys_says_which_key_holds() {
    let changed = |kind: &str, end, words: &str| KeyChanged {
        kind: kind.to_owned(),
        end,
        words: words.to_owned(),
    };
    let found = vec![
        changed("encryption key", KeyChangeEnd::Rotated, ""),
        changed("authentication key", KeyChangeEnd::Refused, "it says no"),
        changed("encryption key", KeyChangeEnd::InDoubt, ""),
    ];
    check(
        &Outcome::KeysChanged(found),
        "\
encryption key: rotated
authentication key: the meter refused; the old key stays - it says no
encryption key: in doubt: both are tried once each at the next session
",
    );
}

#[test]
fn objects_are_shown_with_their_class_and_what_may_be_done() {
    let object = |obis: &str, name: &str, in_model, access: &str| MeterObject {
        class: 3,
        class_name: "Register".to_owned(),
        version: 0,
        obis: obis.to_owned(),
        name: name.to_owned(),
        in_model,
        access: access.to_owned(),
    };
    let objects = vec![
        object(
            "1-0:1.8.0",
            "active energy, from the grid",
            true,
            "1 2 3 read",
        ),
        object("1-0:1.8.9", "", false, ""),
    ];
    check(
        &Outcome::Objects(objects),
        "\
CLASS            V  OBIS       WHAT                          MODEL
    3  Register  0  1-0:1.8.0  active energy, from the grid  yes
    1 2 3 read
    3  Register  0  1-0:1.8.9                                -
2 in the list of this association, 1 of them in the model
",
    );
    check(&Outcome::Objects(Vec::new()), "no object\n");
}

#[test]
fn a_ping_ends_with_the_layer_that_fails() {
    let layer = |name: &str, is_well, words: &str| Layer {
        name: name.to_owned(),
        is_well,
        words: words.to_owned(),
    };
    let result = PingResult {
        layers: vec![
            layer("port", true, "/dev/ttyUSB0 is open"),
            layer("sign-on", true, "/GEC5090100100400@000 after 212 ms"),
            layer(
                "password",
                false,
                "NAK; some meters of this kind answer so to a wrong password and some to none",
            ),
        ],
        diagnosis: Some(diagnosis("C06")),
    };
    check(
        &Outcome::Ping(result),
        "\
LAYER            WHAT WAS SEEN
port      well   /dev/ttyUSB0 is open
sign-on   well   /GEC5090100100400@000 after 212 ms
password  FAILS
    NAK; some meters of this kind answer so to a wrong password and some to none

C06: the meter refuses the password of level 1
what it means: nothing but its identity can be read; no second try was made,
because some meters lock themselves
what to do:
  1. ask for the password
",
    );
}

#[test]
fn values_stand_in_groups_and_doubts_show_what_was_sent() {
    let value = |group: &str, obis: &str, remark: &str| MeterValue {
        group: group.to_owned(),
        obis: obis.to_owned(),
        name: "active energy, from the grid".to_owned(),
        value: "1234.567890 kWh".to_owned(),
        raw: "9078563412".to_owned(),
        place: "507".to_owned(),
        remark: remark.to_owned(),
    };
    check(
        &Outcome::Values(vec![
            value("totals", "1-0:1.8.0", ""),
            value("totals", "1-0:2.8.0", "one source only"),
            value("rates", "1-0:1.8.1", ""),
        ]),
        "\
totals:
OBIS       WHAT                                    VALUE  PLACE
1-0:1.8.0  active energy, from the grid  1234.567890 kWh  507
1-0:2.8.0  active energy, from the grid  1234.567890 kWh  507
    one source only (as sent: 9078563412)

rates:
OBIS       WHAT                                    VALUE  PLACE
1-0:1.8.1  active energy, from the grid  1234.567890 kWh  507
",
    );
}

#[test]
fn events_tell_the_newest_of_each_kind() {
    let result = EventsResult {
        counters: vec![EventCounter {
            name: "phase failures".to_owned(),
            count: 12,
            newest: vec!["2026-11-23 05:00 phase A".to_owned()],
            place: "693".to_owned(),
            remark: "one source only".to_owned(),
        }],
        status: vec!["battery".to_owned()],
    };
    check(
        &Outcome::Events(result),
        "\
status:
  - battery

EVENT           COUNT  PLACE
phase failures     12  693
    2026-11-23 05:00 phase A
    uncertain: one source only
(of each kind the meter tells the newest, newest first)
",
    );
    let quiet = EventsResult {
        counters: Vec::new(),
        status: Vec::new(),
    };
    check(&Outcome::Events(quiet), "status:\n  nothing is wrong\n");
}

#[test]
fn a_collection_says_what_is_missing() {
    let result = CollectResult {
        days: 90,
        intervals: 4320,
        new: 48,
        conflicts: 1,
        gaps: vec!["2026-11-20 12:00 to 14:00: the meter had no supply".to_owned()],
        octets: 112_345,
        days_until_overwrite: Some(360),
        remarks: vec!["marker EC at 2026-11-21 is unknown; kept as it is".to_owned()],
        found: vec![desk::Diagnosis {
            code: "L02".to_owned(),
            happened: "intervals and register of active energy differ by 3 kWh".to_owned(),
            meaning: "one of them counts otherwise".to_owned(),
            next: vec!["compare one day".to_owned()],
            tried: Vec::new(),
        }],
    };
    check(
        &Outcome::Collected(result),
        "\
90 days read: 4320 intervals, 48 of them new
112.3 kB on the line, both ways
1 interval not as stored before; both are kept, and the events say which
the meter overwrites what was not read in 360 days
the meter does not have:
  - 2026-11-20 12:00 to 14:00: the meter had no supply
to be looked at:
  - marker EC at 2026-11-21 is unknown; kept as it is

L02: intervals and register of active energy differ by 3 kWh
what it means: one of them counts otherwise
what to do:
  1. compare one day
",
    );
}

#[test]
fn a_clock_says_what_may_be_done_about_it() {
    let result = ClockResult {
        meter: "2026-11-23 06:00:31".to_owned(),
        meter_utc: "2026-11-23T05:00:31Z".to_owned(),
        gateway_utc: "2026-11-23T05:01:02.500Z".to_owned(),
        error_ms: -31_500,
        uncertainty_ms: 40,
        gateway_clock: "synchronised".to_owned(),
        action: "adjust".to_owned(),
        why: "more than 20 s and less than 7.5 min; adjust is off in the configuration".to_owned(),
    };
    check(
        &Outcome::Clock(result),
        "\
meter shows   2026-11-23 06:00:31
that is       2026-11-23T05:00:31Z
gateway       2026-11-23T05:01:02.500Z
meter is off  -31.500 s, known to 0.040 s
our clock     synchronised
an adjustment is called for: more than 20 s and less than 7.5 min; adjust is off
in the configuration
",
    );
}

/// What a terminal would obey.
fn bad() -> String {
    "\x1b[2J\u{202e}\r\nx".to_owned()
}

fn bad_diagnosis() -> Diagnosis {
    Diagnosis {
        code: bad(),
        happened: bad(),
        meaning: bad(),
        next: vec![bad()],
        tried: vec![bad()],
    }
}

fn bad_findings() -> Vec<Outcome> {
    vec![
        Outcome::Scan(ScanResult {
            found: vec![FoundMeter {
                protocol: bad(),
                address: bad(),
                line: bad(),
                dtr: Some(bad()),
                identification: bad(),
                serial: Some(bad()),
                models: vec![bad()],
                configured: None,
                remark: String::new(),
            }],
            doubts: vec![bad_diagnosis()],
            tried: vec![bad()],
            left_out: vec![bad()],
        }),
        Outcome::Ping(PingResult {
            layers: vec![Layer {
                name: bad(),
                is_well: false,
                words: bad(),
            }],
            diagnosis: Some(bad_diagnosis()),
        }),
        Outcome::Gathered(desk::GatherResult {
            cannot: vec![bad()],
            remarks: vec![bad()],
            ..desk::GatherResult::default()
        }),
    ]
}

fn bad_readings() -> Vec<Outcome> {
    vec![
        Outcome::Values(vec![MeterValue {
            group: bad(),
            obis: bad(),
            name: bad(),
            value: bad(),
            raw: bad(),
            place: bad(),
            remark: bad(),
        }]),
        Outcome::Events(EventsResult {
            counters: vec![EventCounter {
                name: bad(),
                count: 1,
                newest: vec![bad()],
                place: bad(),
                remark: bad(),
            }],
            status: vec![bad()],
        }),
        Outcome::KeysChanged(vec![KeyChanged {
            kind: bad(),
            end: KeyChangeEnd::Refused,
            words: bad(),
        }]),
        Outcome::DryRun(dry_run(&bad())),
        Outcome::Objects(vec![MeterObject {
            class: 3,
            class_name: bad(),
            version: 0,
            obis: bad(),
            name: bad(),
            in_model: true,
            access: bad(),
        }]),
        Outcome::Collected(CollectResult {
            gaps: vec![bad()],
            remarks: vec![bad()],
            ..CollectResult::default()
        }),
        Outcome::Clock(ClockResult {
            meter: bad(),
            meter_utc: bad(),
            gateway_utc: bad(),
            error_ms: 0,
            uncertainty_ms: 0,
            gateway_clock: bad(),
            action: bad(),
            why: bad(),
        }),
        Outcome::Backup(BackupResult {
            meter: bad(),
            model: bad(),
            identification: bad(),
            serial: bad(),
            taken: bad(),
            level: None,
            identities: Vec::new(),
            protocol: None,
        }),
        Outcome::Heard(vec![TraceLine {
            at_us: 0,
            direction: '\x1b',
            fate: bad(),
            bytes: bad(),
            meaning: bad(),
        }]),
    ]
}

#[test]
fn nothing_that_a_meter_says_commands_the_terminal() {
    for outcome in bad_findings().into_iter().chain(bad_readings()) {
        let text = text(&outcome);
        let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(obeyed), "{text:?}");
    }
}

fn dry_run(words: &str) -> DryRunResult {
    DryRunResult {
        scheme: words.to_owned(),
        holds: words.to_owned(),
        is_provisional: false,
        differences: vec![words.to_owned()],
        writes: vec![DryRunWrite {
            phase: "setting".to_owned(),
            name: words.to_owned(),
            place: "617001".to_owned(),
            before: Some(words.to_owned()),
            after: words.to_owned(),
            clears_profile: true,
        }],
    }
}

#[test]
fn what_a_scheme_reads_is_counted_and_what_cannot_be_read_is_named() {
    check(
        &Outcome::Gathered(desk::GatherResult {
            values: Some(1),
            events: Some(2),
            cannot: vec!["model x has no billing sets".to_owned()],
            ..desk::GatherResult::default()
        }),
        "\
1 register value
2 new events
not read:
  - model x has no billing sets
",
    );
}

#[test]
fn a_dry_run_numbers_its_writes_and_says_that_none_was_sent() {
    check(
        &Outcome::DryRun(dry_run("x")),
        "\
scheme x
the meter holds x
  differs: x
  1. setting: x at 617001: x -> x (the load profile is lost)
1 write would be made; none was sent
",
    );
}
