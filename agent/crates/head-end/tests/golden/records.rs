//! The records behind the golden vectors.

use crate::Vector;
use crate::explain;
use authority::{IngestKeys, SigningKey, sign_watermark};
use head_end::{
    AuditHead, Birth, Body, EventRecord, Gap, GapRange, GapReason, ImageAnswer, ImageChunk,
    ImageId, ImageWish, Mark, Message, Mode, NoChunk, Origin, Presence, RecoveryBirth,
    RefusedSystem, Request, RequestId, Stream, Subject, Topic, Wanted, Watermarks, Will,
};
use metering::{
    Channel, ChannelKind, ClockQuality, Event, EventCode, Flag, Flags, GatewayId, MeterReadings,
    Period, ProfileRows, ProfileShape, Quantity, Reading, Row, Timestamp, Unit,
};

/// 23 November 2026, 00:00 UTC.
pub(crate) const MIDNIGHT: u64 = 1_795_392_000;
pub(crate) const EPOCH: [u8; 8] = [0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07, 0x18];
/// The private key of the vectors, published on purpose: trust it nowhere.
const SEED: [u8; 32] = [0x2a; 32];

pub(crate) fn gateway() -> GatewayId {
    "pmu-001".parse().unwrap()
}

pub(crate) fn topic(subject: Subject) -> String {
    let gateway = gateway();
    Topic { gateway, subject }.to_string()
}

pub(crate) fn all() -> Vec<Vector> {
    let mut vectors = presence();
    vectors.extend(profiles());
    vectors.extend(others());
    vectors.extend(gaps());
    vectors.extend(down());
    vectors.extend(images());
    vectors.extend(crate::signed::all());
    vectors
}

fn presence() -> Vec<Vector> {
    let birth = Presence::Birth(Birth {
        session: 41,
        boots: 7,
        at: Timestamp::from_millis(MIDNIGHT * 1000 + 417),
        clock: ClockQuality::Synchronised,
        firmware: "0.1.0".to_owned(),
        hardware: "aarch64".to_owned(),
        epoch: EPOCH,
        outbox: [
            (Stream::Profile, (1200, 1289)),
            (Stream::Event, (17, 17)),
            (Stream::Telemetry, (90_001, 90_055)),
        ]
        .into(),
        capabilities: Vec::new(),
        set_aside: 1,
        key_set: 0,
        accepted: std::collections::BTreeMap::new(),
    });
    let refused = |slot: &str, reason: &str| RefusedSystem {
        slot: slot.to_owned(),
        reason: reason.to_owned(),
    };
    let recovery = Presence::Recovery(RecoveryBirth {
        session: MIDNIGHT + 61,
        at: Timestamp::from_seconds(MIDNIGHT + 60),
        clock: ClockQuality::Synchronised,
        firmware: "0.1.0".to_owned(),
        hardware: "aarch64".to_owned(),
        system: "0.1.0".to_owned(),
        reason: Some("verity".to_owned()),
        refused: vec![refused("A", "verity"), refused("B", "empty")],
        capabilities: Vec::new(),
    });
    let will = |session, mode| Presence::Will(Will { session, mode });
    let vector = |name, presence: &Presence| Vector {
        name,
        topic: topic(Subject::Presence),
        bytes: match presence {
            Presence::Birth(birth) => birth.encode().unwrap(),
            Presence::Recovery(birth) => birth.encode().unwrap(),
            Presence::Will(will) => will.encode().unwrap(),
        },
        explanation: explain::presence(presence),
    };
    vec![
        vector("st-birth", &birth),
        vector("st-will", &will(41, Mode::Metering)),
        vector("st-recovery", &recovery),
        vector("st-recovery-will", &will(MIDNIGHT + 61, Mode::Recovery)),
    ]
}

pub(crate) fn record(
    name: &'static str,
    number: u64,
    clock: ClockQuality,
    body: &Body,
) -> (Message, Vector) {
    let at = Timestamp::from_millis(MIDNIGHT * 1000 + 417 + number);
    let message = Message::new(EPOCH, number, at, clock, body).unwrap();
    let vector = vector_of(name, &message, body);
    (message, vector)
}

fn vector_of(name: &'static str, message: &Message, body: &Body) -> Vector {
    let bytes = message.encode().unwrap();
    // What is published must also be what our own reader makes of it.
    let found = Message::decode(&bytes).unwrap();
    assert_eq!(&found, message);
    assert_eq!(&found.open().unwrap(), body);
    Vector {
        name,
        topic: topic(Subject::Records(message.stream)),
        bytes,
        explanation: explain::message(message, body),
    }
}

fn channel(obis: &str, unit: Unit, exponent: i8, kind: ChannelKind) -> Channel {
    let obis = obis.parse().unwrap();
    Channel {
        obis,
        exponent,
        unit,
        kind,
    }
}

fn rows_of(channels: Vec<Channel>, rows: Vec<Row>) -> ProfileRows {
    ProfileRows {
        meter: "feeder-07".parse().unwrap(),
        profile: "1-0:99.1.0".parse().unwrap(),
        shape: ProfileShape {
            period: Period::from_seconds(1800).unwrap(),
            channels: channels.into(),
        },
        clock: ClockQuality::Synchronised,
        rows,
    }
}

fn row(index: u64, values: Vec<Option<i64>>, flags: Flags, offset_ms: i32) -> Row {
    Row {
        end: Timestamp::from_seconds(MIDNIGHT + 1800 * (index + 1)),
        values,
        flags,
        offset_ms,
    }
}

/// Four totals of 10 Wh, each with its increments; 48 half hours.
fn day() -> ProfileRows {
    let mut channels = Vec::new();
    for (quantity, unit) in [
        (1, Unit::WattHour),
        (2, Unit::WattHour),
        (3, Unit::VarHour),
        (4, Unit::VarHour),
    ] {
        let total = channel(
            &format!("1-0:{quantity}.8.0"),
            unit,
            1,
            ChannelKind::Register,
        );
        let added = Channel {
            obis: total.obis.as_increment(),
            kind: ChannelKind::Increment,
            ..total
        };
        channels.extend([total, added]);
    }
    let mut totals = [123_456_789, 51_234, 23_456_789, 1_234_567];
    let rows = (0..48).map(|index| {
        let load = 1900 + 37 * (i64::try_from(index).unwrap() * 29 % 48);
        let mut values = Vec::new();
        for (total, share) in totals.iter_mut().zip([1, 20, 3, 9]) {
            *total += load / share;
            values.extend([Some(*total), Some(load / share)]);
        }
        row(index, values, Flags::NONE, 0)
    });
    rows_of(channels, rows.collect())
}

/// Everything that can be remarked about rows: a late sample, a missing one, a restart, a channel
/// without value, a total that went back, and the largest steps there are.
fn troubled() -> ProfileRows {
    let channels = vec![
        channel("1-0:1.8.0", Unit::WattHour, 1, ChannelKind::Register),
        channel("1-0:1.29.0", Unit::WattHour, 1, ChannelKind::Increment),
        channel("1-0:32.27.0", Unit::Volt, -1, ChannelKind::Average),
    ];
    let restart = Flags::from(Flag::Missing).with(Flag::GatewayRestart);
    let rows = vec![
        row(0, vec![Some(5000), Some(40), Some(2301)], Flags::NONE, 85),
        row(
            1,
            vec![Some(5041), Some(41), Some(-1)],
            Flag::LateSample.into(),
            2400,
        ),
        row(2, vec![None, None, None], restart, 0),
        row(
            3,
            vec![Some(5123), None, Some(2298)],
            Flag::GatewayRestart.into(),
            -30,
        ),
        row(4, vec![Some(3), None, None], Flag::MeterReset.into(), 40),
        row(
            5,
            vec![Some(i64::MAX), Some(i64::MIN), Some(0)],
            Flags::from_bits(1 << 31),
            0,
        ),
    ];
    let mut rows = rows_of(channels, rows);
    rows.clock = ClockQuality::Holdover;
    rows
}

fn profiles() -> Vec<Vector> {
    let day = day();
    let body = Body::of_profile(&day, Origin::Gateway, 0).unwrap();
    let (mut message, plain) = record("lp-day", 1288, ClockQuality::Synchronised, &body);
    message.channels = Some(day.shape.channels);
    message.is_history = true;
    let resent = vector_of("lp-day-with-channels", &message, &body);

    let troubled = troubled();
    let body = Body::of_profile(&troubled, Origin::Gateway, 0).unwrap();
    let (mut message, _) = record("", 1290, ClockQuality::Holdover, &body);
    message.channels = Some(troubled.shape.channels.clone());
    let bad = vector_of("lp-troubles", &message, &body);

    let mut one = troubled;
    one.rows.truncate(1);
    let body = Body::of_profile(&one, Origin::Meter, 2).unwrap();
    let (_, corrected) = record(
        "lp-one-row-corrected",
        1291,
        ClockQuality::Synchronised,
        &body,
    );
    vec![plain, resent, bad, corrected]
}

/// Digits, exponent and unit, where the meter has a value.
type Value = Option<(i64, i8, Unit)>;

fn poll(meter: &str, after_ms: u64, values: &[(&str, Value)]) -> MeterReadings {
    let values = values.iter().map(|(obis, value)| Reading {
        obis: obis.parse().unwrap(),
        quantity: value.map(|(digits, exponent, unit)| Quantity {
            digits,
            exponent,
            unit,
        }),
    });
    MeterReadings {
        meter: meter.parse().unwrap(),
        taken_at: Timestamp::from_millis(MIDNIGHT * 1000 + after_ms),
        clock: ClockQuality::Synchronised,
        values: values.collect(),
    }
}

fn others() -> Vec<Vector> {
    let (volts, watts, factor) = ("1-0:32.7.0", "1-0:16.7.0", "1-0:13.7.0");
    let v = |digits| Some((digits, -1, Unit::Volt));
    let w = |digits| Some((digits, 0, Unit::Watt));
    let polls = vec![
        poll(
            "feeder-01",
            120,
            &[(volts, v(2301)), (watts, w(25_120)), (factor, None)],
        ),
        poll(
            "feeder-02",
            260,
            &[(volts, v(2304)), (watts, None), (factor, None)],
        ),
        poll(
            "feeder-01",
            1120,
            &[(volts, v(2299)), (watts, w(-310)), (factor, None)],
        ),
        poll(
            "house",
            1300,
            &[("1-0:1.8.0", Some((1_234_567, 1, Unit::WattHour)))],
        ),
    ];
    // Decoding puts polls of one shape together; these already are.
    let tm = record(
        "tm-two-kinds-of-meters",
        90_054,
        ClockQuality::Synchronised,
        &Body::Readings(polls),
    );
    let event = Event {
        at: Timestamp::from_millis(MIDNIGHT * 1000),
        code: EventCode::MeterSilent,
        meter: Some("feeder-03".parse().unwrap()),
        detail: "no answer for 60 s; check its supply and wiring – bus a".to_owned(),
    };
    let ev = record(
        "ev-meter-silent",
        16,
        ClockQuality::Unsynchronised,
        &Body::Event(EventRecord::from(&event)),
    );
    let head = AuditHead {
        number: 812,
        hash: [0x5a; 32],
    };
    let au = record("au-head", 33, ClockQuality::Traceable, &Body::Audit(head));
    vec![tm.1, ev.1, au.1]
}

fn gaps() -> Vec<Vector> {
    let numbers = |epoch, ranges: &[(u64, u64)]| GapRange::Numbers {
        epoch,
        stream: Stream::Telemetry,
        ranges: ranges.to_vec(),
    };
    let id = RequestId::new(b"req-0001").unwrap();
    let gap = |name, number, range, reason, request| {
        let body = Body::Gap(Gap {
            range,
            reason,
            request,
        });
        record(name, number, ClockQuality::Synchronised, &body).1
    };
    let hours = GapRange::Intervals {
        meter: "feeder-07".parse().unwrap(),
        profile: "1-0:99.1.0".parse().unwrap(),
        from: Timestamp::from_seconds(MIDNIGHT - 7200),
        to: Timestamp::from_seconds(MIDNIGHT),
    };
    vec![
        gap(
            "gap-dropped",
            3,
            numbers(None, &[(17, 17), (40, 95)]),
            GapReason::DiskNearlyFull,
            None,
        ),
        gap(
            "gap-other-epoch",
            4,
            numbers(Some([9; 8]), &[(1, 12)]),
            GapReason::OtherEpoch,
            Some(id.clone()),
        ),
        gap(
            "gap-intervals-lost",
            5,
            hours,
            GapReason::NotMeasured,
            Some(id),
        ),
    ]
}

fn down() -> Vec<Vector> {
    let key = SigningKey::from_seed(&SEED);
    let mark = |upto, islands: &[(u64, u64)]| Mark {
        upto,
        islands: islands.to_vec(),
    };
    let marks = Watermarks {
        epoch: EPOCH,
        marks: [
            (Stream::Profile, mark(1284, &[(1286, 1286), (1288, 1288)])),
            (Stream::Telemetry, mark(90_054, &[])),
        ]
        .into(),
    };
    let signed = sign_watermark(&key, &gateway(), &marks.encode().unwrap()).unwrap();
    let keys = IngestKeys::parse(&key.public_pem().unwrap()).unwrap();
    let authentic = keys.open_watermark(&gateway(), &signed).unwrap();
    assert_eq!(Watermarks::decode(authentic.payload()).unwrap(), marks);

    let id = RequestId::new(b"req-0001").unwrap();
    let by_number = Wanted::Numbers {
        epoch: EPOCH,
        stream: Stream::Profile,
        ranges: vec![(1285, 1285), (1287, 1287)],
    };
    let by_time = Wanted::Intervals {
        meter: "feeder-07".parse().unwrap(),
        profile: "1-0:99.1.0".parse().unwrap(),
        from: Timestamp::from_seconds(MIDNIGHT - 7200),
        to: Timestamp::from_seconds(MIDNIGHT),
    };
    let request = |name, wanted| {
        let request = Request {
            id: id.clone(),
            wanted,
        };
        let bytes = request.encode().unwrap();
        assert_eq!(Request::decode(&bytes).unwrap(), request);
        Vector {
            name,
            topic: topic(Subject::Request),
            bytes,
            explanation: explain::request(&request),
        }
    };
    vec![
        Vector {
            name: "ack-signed",
            topic: topic(Subject::Watermark),
            bytes: signed,
            explanation: explain::watermarks(&marks, &key, &SEED),
        },
        request("req-numbers", by_number),
        request("req-intervals", by_time),
    ]
}

fn images() -> Vec<Vector> {
    let image = ImageId::new(std::array::from_fn(|at| u8::try_from(at).unwrap()));
    let wish = ImageWish {
        image,
        total: 40_123_456,
        from: 4096,
        length: 262_144,
    };
    assert_eq!(ImageWish::decode(&wish.encode().unwrap()).unwrap(), wish);
    let answer = |name, answer: ImageAnswer| {
        let bytes = answer.encode().unwrap();
        assert_eq!(ImageAnswer::decode(&bytes).unwrap(), answer);
        Vector {
            name,
            topic: topic(Subject::Image(image)),
            bytes,
            explanation: explain::answer(&answer),
        }
    };
    // The last bytes of the image: other chunks are full.
    let chunk = ImageChunk {
        at: 40_123_392,
        total: 40_123_456,
        bytes: (0..64).collect(),
    };
    vec![
        Vector {
            name: "want",
            topic: topic(Subject::ImageWish),
            bytes: wish.encode().unwrap(),
            explanation: explain::wish(&wish),
        },
        answer("blob-chunk", ImageAnswer::Chunk(chunk)),
        answer("blob-no", ImageAnswer::No(NoChunk::NotHeld)),
    ]
}
