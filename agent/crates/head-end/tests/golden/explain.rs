//! What a decoder must make of each vector, told from the records and not from their bytes.

use authority::SigningKey;
use head_end::{
    Body, Gap, GapRange, ImageAnswer, ImageWish, Message, Mode, Origin, Presence, Request, Stream,
    Wanted, Watermarks, channels_version,
};
use metering::{Channel, ChannelKind, Flag, Flags, MeterReadings, Row};
use serde_json::{Map, Value, json};

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

fn object(pairs: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let pairs = pairs.into_iter().filter(|pair| !pair.1.is_null());
    Value::Object(pairs.map(|(key, value)| (key.to_owned(), value)).collect())
}

pub(crate) fn presence(presence: &Presence) -> Value {
    match presence {
        Presence::Will(will) => object([
            ("v", json!(1)),
            ("on", json!(false)),
            (
                "mode",
                (will.mode == Mode::Recovery).then_some("recovery").into(),
            ),
            ("sid", json!(will.session)),
        ]),
        Presence::Recovery(birth) => {
            let refused = birth.refused.iter();
            let refused = refused.map(|system| json!([system.slot, system.reason]));
            json!({
                "v": 1, "on": true, "mode": "recovery", "sid": birth.session,
                "ts": birth.at.millis(), "tq": birth.clock.level(),
                "fw": birth.firmware, "hw": birth.hardware, "sys": birth.system,
                "why": birth.reason, "refused": refused.collect::<Vec<_>>(),
                "caps": birth.capabilities,
            })
        }
        Presence::Birth(birth) => {
            let marks = birth
                .outbox
                .iter()
                .map(|(s, range)| (s.to_string(), json!(range)));
            let mut told = json!({
                "v": 1, "on": true, "sid": birth.session, "boot": birth.boots,
                "ts": birth.at.millis(), "tq": birth.clock.level(),
                "fw": birth.firmware, "hw": birth.hardware, "e": hex(&birth.epoch),
                "hw-marks": marks.collect::<Map<_, _>>(), "caps": birth.capabilities,
                "dead": birth.set_aside,
            });
            if birth.key_set > 0 {
                let numbers = birth.accepted.iter();
                let numbers = numbers.map(|(key, number)| (key.to_string(), json!(number)));
                told["ks"] = json!(birth.key_set);
                told["cseq"] = Value::Object(numbers.collect());
            }
            told
        }
    }
}

pub(crate) fn message(message: &Message, body: &Body) -> Value {
    object([
        ("v", json!(1)),
        ("e", json!(hex(&message.epoch))),
        ("s", json!(message.stream.word())),
        ("q", json!(message.number)),
        ("ts", json!(message.at.millis())),
        ("tq", json!(message.clock.level())),
        ("hist", message.is_history.then_some(true).into()),
        ("ch", message.channels.as_deref().map(channels).into()),
        ("sha256", json!(hex(&message.body_hash()))),
        ("b", self::body(body, message.channels.as_deref())),
    ])
}

fn channels(list: &[Channel]) -> Value {
    let list = list.iter().map(|channel| {
        let kind = match channel.kind {
            ChannelKind::Register => "reg",
            ChannelKind::Average => "avg",
            ChannelKind::Increment => "inc",
        };
        json!([
            channel.obis.to_string(),
            channel.exponent,
            channel.unit.code(),
            kind
        ])
    });
    list.collect()
}

fn body(body: &Body, channels: Option<&[Channel]>) -> Value {
    match body {
        Body::Profile(block) => {
            if let Some(channels) = channels {
                assert_eq!(channels_version(channels).unwrap(), block.channels_version);
            }
            json!({
                "m": block.meter.as_str(), "p": block.profile.to_string(),
                "cv": block.channels_version, "per": block.period.seconds(),
                "tq": block.clock.level(), "rev": block.revision,
                "src": match block.origin { Origin::Gateway => "gw", Origin::Meter => "meter" },
                "rows": block.rows.iter().map(row).collect::<Vec<_>>(),
            })
        }
        Body::Readings(polls) => polls.iter().map(poll).collect(),
        Body::Event(event) => object([
            ("at", json!(event.at.millis())),
            ("c", json!(event.code)),
            ("sev", json!(event.severity)),
            (
                "m",
                event.meter.as_ref().map(metering::MeterId::as_str).into(),
            ),
            ("txt", json!(event.detail)),
        ]),
        Body::Audit(head) => json!({"n": head.number, "h": hex(&head.hash)}),
        Body::Gap(gap) => self::gap(gap),
        Body::Receipt(signed) => crate::signed::explain_receipt(signed),
    }
}

fn flags(flags: Flags) -> Value {
    let known = Flag::all()
        .filter(|flag| flags.has(*flag))
        .map(|flag| flag.word().to_owned());
    let bits = Flag::all().fold(flags.bits(), |bits, flag| bits & !(1 << flag.bit()));
    let unknown = (0..32)
        .filter(|bit| (bits >> bit) & 1 == 1)
        .map(|bit| format!("bit{bit}"));
    known.chain(unknown).collect()
}

fn row(row: &Row) -> Value {
    json!({
        "end": row.end.seconds(), "values": row.values,
        "flags": flags(row.flags), "offset_ms": row.offset_ms,
    })
}

fn poll(poll: &MeterReadings) -> Value {
    let values = poll.values.iter().map(|reading| match reading.quantity {
        Some(q) => json!([
            reading.obis.to_string(),
            q.digits,
            q.exponent,
            q.unit.code()
        ]),
        None => json!([reading.obis.to_string(), null]),
    });
    json!({
        "m": poll.meter.as_str(), "at": poll.taken_at.millis(), "tq": poll.clock.level(),
        "values": values.collect::<Vec<_>>(),
    })
}

fn gap(gap: &Gap) -> Value {
    let mut pairs = vec![
        ("id", gap.request.as_ref().map(|id| hex(id.bytes())).into()),
        ("why", json!(gap.reason.word())),
        ("lost", json!(gap.reason.is_lost())),
    ];
    match &gap.range {
        GapRange::Numbers {
            epoch,
            stream,
            ranges,
        } => pairs.extend([
            ("e", epoch.map(|epoch| hex(&epoch)).into()),
            ("s", json!(stream.word())),
            ("q", json!(ranges)),
        ]),
        GapRange::Intervals {
            meter,
            profile,
            from,
            to,
        } => pairs.extend([
            ("m", json!(meter.as_str())),
            ("p", json!(profile.to_string())),
            ("from", json!(from.seconds())),
            ("to", json!(to.seconds())),
        ]),
    }
    object(pairs)
}

pub(crate) fn request(request: &Request) -> Value {
    let id = hex(request.id.bytes());
    match &request.wanted {
        Wanted::Numbers {
            epoch,
            stream,
            ranges,
        } => {
            json!({"id": id, "e": hex(epoch), "s": stream.word(), "r": ranges})
        }
        Wanted::Intervals {
            meter,
            profile,
            from,
            to,
        } => json!({
            "id": id, "m": meter.as_str(), "p": profile.to_string(),
            "from": from.seconds(), "to": to.seconds(),
        }),
    }
}

pub(crate) fn wish(wish: &ImageWish) -> Value {
    json!({
        "v": 1, "sha": wish.image.to_string(), "size": wish.total,
        "from": wish.from, "len": wish.length,
    })
}

pub(crate) fn answer(answer: &ImageAnswer) -> Value {
    match answer {
        ImageAnswer::Chunk(chunk) => json!({
            "v": 1, "at": chunk.at, "size": chunk.total, "b": hex(&chunk.bytes),
        }),
        ImageAnswer::No(why) => json!({"v": 1, "no": why.word()}),
    }
}

/// The private key stands here so that a reader can make the very same bytes.
pub(crate) fn watermarks(marks: &Watermarks, key: &SigningKey, seed: &[u8; 32]) -> Value {
    let mark = |(stream, mark): (&Stream, &head_end::Mark)| {
        let mut parts = vec![json!(mark.upto)];
        if !mark.islands.is_empty() {
            parts.push(json!(mark.islands));
        }
        (stream.to_string(), Value::Array(parts))
    };
    json!({
        "kid": key.id().to_string(), "private": hex(seed), "e": hex(&marks.epoch),
        "w": marks.marks.iter().map(mark).collect::<Map<_, _>>(),
    })
}
