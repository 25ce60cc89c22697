use super::*;
use metering::{
    Channel, ChannelKind, Flag, Flags, Obis, Period, ProfileRows, ProfileShape, Row, Unit,
};
use storage::Stream;
use storage::ledger::Delivery;

fn block(meter: &str, first_end: u64) -> ProfileRows {
    let channel = |obis: Obis, kind| Channel {
        obis,
        exponent: 1,
        unit: Unit::WattHour,
        kind,
    };
    let total: Obis = "1-0:1.8.0".parse().unwrap();
    let row = |end, values: [Option<i64>; 2], flags, offset_ms| Row {
        end: Timestamp::from_seconds(end),
        values: values.to_vec(),
        flags,
        offset_ms,
    };
    ProfileRows {
        meter: meter.parse().unwrap(),
        profile: "1-0:99.1.0".parse().unwrap(),
        shape: ProfileShape {
            period: Period::from_seconds(1800).unwrap(),
            channels: vec![
                channel(total, ChannelKind::Register),
                channel(total.as_increment(), ChannelKind::Increment),
            ]
            .into(),
        },
        clock: ClockQuality::Synchronised,
        rows: vec![
            row(first_end, [Some(123), Some(4)], Flags::NONE, 120),
            row(
                first_end + 1800,
                [Some(125), None],
                Flags::from(Flag::GatewayRestart).with(Flag::Missing),
                -30,
            ),
        ],
    }
}

fn ledger() -> (tempfile::TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let meters = [
        ("pmu-001", "feeder-2"),
        ("pmu-001", "feeder-1"),
        ("pmu-002", "main"),
    ];
    for (number, (gateway, meter)) in (1..).zip(meters) {
        let delivery = Delivery {
            gateway: gateway.parse().unwrap(),
            epoch: [1; 8],
            stream: Stream::Profiles,
            number,
            hash: [1; 32],
            rows: vec![block(meter, 1_795_393_800)],
            rev: 2,
            lost: Vec::new(),
            receipt: None,
            at: Timestamp::default(),
        };
        ledger.commit(&delivery).unwrap();
    }
    (folder, ledger)
}

fn query() -> ExportQuery {
    ExportQuery {
        gateway: None,
        meter: None,
        from: Timestamp::default(),
        to: Timestamp::from_millis(u64::MAX),
        at: Timestamp::from_seconds(1_795_400_000),
    }
}

fn text(query: &ExportQuery, layout: &CsvLayout) -> String {
    let (_folder, ledger) = ledger();
    let mut out = Vec::new();
    export(&ledger, query, layout, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_section_has_a_head_and_a_line_for_each_value() {
    let mut query = query();
    query.meter = Some("feeder-1".parse().unwrap());
    let text = text(&query, &CsvLayout::default());
    let (head, body): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('#'));
    assert!(
        head.contains(&"# device: feeder-1") && head.contains(&"# period: 1800 s"),
        "{head:?}"
    );
    let expected = [
        "start_utc,end_utc,meter_stamp,channel,obis,value,unit,raw,quality,flags,version",
        "2026-11-23T00:00:00Z,2026-11-23T00:30:00Z,2026-11-23T00:30:00.120Z,1,1-0:1.8.0,1230,Wh,123,valid,,2",
        "2026-11-23T00:00:00Z,2026-11-23T00:30:00Z,2026-11-23T00:30:00.120Z,2,1-0:1.29.0,40,Wh,4,valid,,2",
        "2026-11-23T00:30:00Z,2026-11-23T01:00:00Z,2026-11-23T00:59:59.970Z,1,1-0:1.8.0,1250,Wh,125,suspect,missing+gateway-restart,2",
        "2026-11-23T00:30:00Z,2026-11-23T01:00:00Z,2026-11-23T00:59:59.970Z,2,1-0:1.29.0,,Wh,,missing,missing+gateway-restart,2",
    ];
    assert_eq!(body, expected);
    let rows = format!("{}\n", expected[1..].join("\n"));
    let hash = crate::words::hex(&Sha256::digest(rows.as_bytes()));
    assert!(
        head.iter().any(|line| line.ends_with(&hash)),
        "{hash} is not in {head:?}"
    );
}

#[test]
fn each_meter_of_each_gateway_has_its_section() {
    let all = text(&query(), &CsvLayout::default());
    let devices: Vec<&str> = all
        .lines()
        .filter_map(|line| line.strip_prefix("# device: "))
        .collect();
    assert_eq!(devices, ["feeder-1", "feeder-2", "main"]);
    let mut one = query();
    one.gateway = Some("pmu-002".parse().unwrap());
    one.from = Timestamp::from_seconds(1_795_393_800);
    let one = text(&one, &CsvLayout::default());
    assert_eq!(
        one.lines().filter(|line| line.starts_with("2026")).count(),
        2,
        "{one}"
    );
    assert!(!one.contains("feeder"), "{one}");
}

#[test]
fn a_local_table_says_its_offset() {
    let layout = CsvLayout::default().separated_by(";".parse().unwrap());
    let layout = match layout.clone().local("Europe/Berlin") {
        Ok(layout) => layout,
        // A machine without zones knows UTC all the same.
        Err(_) => layout.local("UTC").unwrap(),
    };
    let text = text(&query(), &layout);
    assert!(text.contains("start_local;end_local;meter_stamp"), "{text}");
    let is_berlin = text.contains("2026-11-23 01:00:00+01:00;2026-11-23 01:30:00+01:00;");
    assert!(
        is_berlin || text.contains("2026-11-23 00:00:00+00:00;"),
        "{text}"
    );
    assert!(CsvLayout::default().local("Europe/Atlantis").is_err());
}

#[test]
fn only_what_no_field_holds_may_separate() {
    for text in ["+", ".", "a", "", ",,", "\""] {
        assert!(text.parse::<Separator>().is_err(), "{text}");
    }
}
