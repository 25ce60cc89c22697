use super::*;
use crate::limits::COLUMNS;
use desk::{
    BusStatus, LinkState, MeterStatus, MeterTrust, OutboxStatus, ProfileRow, Status, TraceLine,
    UplinkStatus, VerifyResult,
};

fn status() -> Status {
    let bus = |name: &str, state| BusStatus {
        bus: name.to_owned(),
        state,
        remarks: vec!["low latency was refused by the driver; answers take longer".to_owned()],
        busy_per_mille: 432,
        requests: 1_234_567,
        silent: 12,
        damaged: 3,
        late: 1,
        stale_bytes: 44,
    };
    Status {
        gateway: "pmu-001".to_owned(),
        version: "0.1.0".to_owned(),
        up_s: 90_000,
        utc: "2026-11-23T05:12:30Z".to_owned(),
        clock: "synchronised".to_owned(),
        rss_bytes: 12_345_678,
        buses: vec![
            bus("rs485-1", LinkState::Open),
            bus("rs485-2", LinkState::Gone("no such device".to_owned())),
        ],
        uplink: Some(UplinkStatus {
            state: "connected".to_owned(),
            since: "2026-11-23T05:00:00Z".to_owned(),
            connections: 2,
            sent: 100,
            watermarks: 9,
            watermarks_refused: 0,
            certificate_days: Some(60),
        }),
        outbox: vec![OutboxStatus {
            stream: "lp".to_owned(),
            next: 1289,
            waiting: 3,
            bytes: 1800,
            oldest_s: 130,
            set_aside: 0,
        }],
        alarms: vec!["meter feeder-3 on bus rs485-1 has not answered for an hour; look at its wiring and supply".to_owned()],
    }
}

fn meter() -> MeterStatus {
    MeterStatus {
        address: None,
        last_collected: None,
        overwrite_in_days: None,
        clock_error_ms: None,
        found: Vec::new(),
        meter: "feeder-with-a-name-of-forty-characters-x".to_owned(),
        bus: "rs485-1".to_owned(),
        unit: 17,
        model: "eastron-sdm630".to_owned(),
        state: "healthy".to_owned(),
        trust: MeterTrust::Wrong,
        serial: Some("\x1b[31m123".to_owned()),
        last_answer: None,
        last_interval: Some("2026-11-23T05:00:00Z".to_owned()),
        intervals: 10,
        flagged: 1,
        answers: 1_000_000,
        silent: 5,
        damaged: 1,
        late: 1,
        exceptions: 1,
        remarks: Vec::new(),
    }
}

#[track_caller]
fn check_width(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= COLUMNS, "too wide: {line}");
        assert!(!line.contains('\x1b'), "{line:?}");
    }
}

#[test]
fn a_status_fits_a_serial_console() {
    let text = answer_text(&Answer::Status(Box::new(status())));
    check_width(&text);
    for part in [
        "pmu-001",
        "43.2 %",
        "no such device",
        "connected",
        "1289",
        "2 min",
        "wiring",
    ] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
}

#[test]
fn a_wrong_meter_says_what_to_do() {
    let text = answer_text(&Answer::Meters(vec![meter()]));
    check_width(&text);
    assert!(text.contains("ANOTHER METER"), "{text}");
    assert!(text.contains("pmuctl meter accept"), "{text}");
    assert!(
        text.contains("feeder-with-a-name-of-forty-characters-x"),
        "{text}"
    );
    assert!(
        text.contains("2026-11-23T05:00:00Z"),
        "a time was shortened: {text}"
    );
}

#[test]
fn a_trace_is_a_conversation_vector() {
    let line = |at_us, direction, fate: &str, bytes: &str| TraceLine {
        at_us,
        direction,
        fate: fate.to_owned(),
        bytes: bytes.to_owned(),
        meaning: String::new(),
    };
    let lines = vec![
        line(12_000_345, '>', "request", "010400480002f1dd"),
        line(12_041_000, '<', "answer", "01 84 02 c2 c1"),
    ];
    let expected = "# 12.000345 request\n> 01 04 00 48 00 02 f1 dd\n\
                    # 12.041000 answer\n< 01 84 02 c2 c1\n";
    assert_eq!(answer_text(&Answer::Trace(lines)), expected);
}

#[test]
fn a_profile_reads_as_table_and_as_csv() {
    let channels = vec![
        "1-0:1.8.0 total Wh".to_owned(),
        "1-0:1.29.0 increment Wh".to_owned(),
    ];
    let rows = vec![ProfileRow {
        end: "2026-11-23T05:00:00Z".to_owned(),
        values: vec!["1234580".to_owned(), String::new()],
        flags: "missing+gateway-restart".to_owned(),
    }];
    let csv = "end_utc,1-0:1.8.0 total Wh,1-0:1.29.0 increment Wh,flags\n\
               2026-11-23T05:00:00Z,1234580,,missing+gateway-restart\n";
    assert_eq!(profile_csv(&channels, &rows), csv);
    let text = answer_text(&Answer::Profile { channels, rows });
    assert!(
        text.contains("2026-11-23T05:00:00Z  1234580  -  missing+gateway-restart"),
        "{text}"
    );
}

#[test]
fn a_check_names_each_fault() {
    let result = VerifyResult {
        checked: 7,
        faults: vec!["chunk 3 is damaged".to_owned()],
    };
    assert_eq!(
        answer_text(&Answer::Verified(result)),
        "7 checked, 1 fault:\n  chunk 3 is damaged\n"
    );
}
