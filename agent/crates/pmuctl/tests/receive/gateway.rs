//! A gateway's uplink, reduced to its promise: nothing is let go without a signed watermark.

use crate::world::World;
use authority::IngestKeys;
use head_end::{
    Birth, Body, Extent, Message, Origin, Request, Stream, Subject, Topic, Wanted, confirmations,
    down_filters,
};
use metering::{
    Channel, ChannelKind, ClockQuality, Event, EventCode, Flags, GatewayId, Obis, Period,
    ProfileRows, ProfileShape, Row, Timestamp, Unit,
};
use pmuctl::adapters::mqtt::{Connection, MqttEvent};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// What was sent and is not confirmed is sent again after this.
const SEND_AGAIN_AFTER: Duration = Duration::from_millis(700);

pub(crate) struct Gateway {
    id: GatewayId,
    pub(crate) epoch: [u8; 8],
    keys: IngestKeys,
    connection: Connection,
    is_open: bool,
    records: BTreeMap<(Stream, u64), Entry>,
    confirmed: BTreeMap<Stream, u64>,
    next: BTreeMap<Stream, u64>,
    lost: BTreeSet<(Stream, u64)>,
    list_sent: bool,
    pub(crate) watermarks_refused: u32,
    pub(crate) requests: u32,
    /// Records that were sent once more.
    pub(crate) sent_again: u64,
}

struct Entry {
    body: Body,
    sent_at: Option<Instant>,
}

impl Gateway {
    pub(crate) fn open(world: &World, name: &str) -> Self {
        Self {
            id: name.parse().unwrap(),
            epoch: [0xa5; 8],
            keys: IngestKeys::parse(&world.public_key()).unwrap(),
            connection: Connection::open(&world.address(name)).unwrap(),
            is_open: false,
            records: BTreeMap::new(),
            confirmed: BTreeMap::new(),
            next: BTreeMap::new(),
            lost: BTreeSet::new(),
            list_sent: false,
            watermarks_refused: 0,
            requests: 0,
            sent_again: 0,
        }
    }

    pub(crate) fn add(&mut self, body: Body) {
        let next = self.next.entry(body.stream()).or_insert(1);
        self.records.insert(
            (body.stream(), *next),
            Entry {
                body,
                sent_at: None,
            },
        );
        *next += 1;
    }

    /// These do not arrive until they are asked for.
    pub(crate) fn lose(&mut self, stream: Stream, numbers: RangeInclusive<u64>) {
        self.lost.extend(numbers.map(|number| (stream, number)));
    }

    pub(crate) fn confirmed(&self, stream: Stream) -> u64 {
        self.confirmed.get(&stream).copied().unwrap_or_default()
    }

    /// Whether the broker has all that was sent.
    pub(crate) fn is_quiet(&self) -> bool {
        self.connection.unanswered() == 0
    }

    /// Runs until `done`, which must come true unless `limit` is what is wanted.
    pub(crate) async fn serve(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) {
        let until = Instant::now() + limit;
        while !done(self) {
            if Instant::now() >= until {
                assert!(
                    limit < Duration::from_secs(5),
                    "confirmed only {:?}",
                    self.confirmed
                );
                return;
            }
            self.send();
            let tick = (Instant::now() + Duration::from_millis(20)).min(until);
            tokio::select! {
                event = self.connection.event() => self.event(event),
                () = sleep_until(tick) => {}
            }
        }
    }

    fn send(&mut self) {
        if !self.is_open {
            return;
        }
        let now = Instant::now();
        let due: Vec<(Stream, u64)> = self
            .records
            .iter()
            .filter(|(key, entry)| {
                key.1 > self.confirmed(key.0)
                    && !self.lost.contains(key)
                    && entry.sent_at.is_none_or(|at| now - at > SEND_AGAIN_AFTER)
            })
            .map(|(key, _)| *key)
            .collect();
        for key in due {
            if self.connection.unanswered() >= 50 {
                return;
            }
            self.send_one(key);
        }
    }

    fn send_one(&mut self, key: (Stream, u64)) {
        let bytes = self.message(key).encode().unwrap();
        let topic = Topic {
            gateway: self.id.clone(),
            subject: Subject::Records(key.0),
        };
        if self.connection.publish(&topic.to_string(), bytes) {
            self.list_sent |= key.0 == Stream::Profile;
            let before = &mut self.records.get_mut(&key).unwrap().sent_at;
            self.sent_again += u64::from(before.replace(Instant::now()).is_some());
        }
    }

    /// The channel list goes with the very first block only: the consumer must keep it.
    fn message(&self, key: (Stream, u64)) -> Message {
        let at = Timestamp::from_seconds(1_795_392_000 + key.1);
        let quality = ClockQuality::Synchronised;
        let body = &self.records[&key].body;
        let mut message = Message::new(self.epoch, key.1, at, quality, body).unwrap();
        if key.0 == Stream::Profile && !self.list_sent {
            message.channels = Some(channels());
        }
        message
    }

    fn event(&mut self, event: MqttEvent) {
        match event {
            MqttEvent::Connected => {
                assert!(self.connection.subscribe(down_filters(&self.id).to_vec()));
            }
            MqttEvent::Subscribed { granted } => {
                assert!(granted);
                let topic = Topic {
                    gateway: self.id.clone(),
                    subject: Subject::Presence,
                };
                assert!(self.connection.publish(&topic.to_string(), self.birth()));
                self.is_open = true;
            }
            MqttEvent::Message(received) => {
                let topic: Topic = std::str::from_utf8(received.topic())
                    .unwrap()
                    .parse()
                    .unwrap();
                match topic.subject {
                    Subject::Watermark => self.watermark(received.payload()),
                    Subject::Request => self.request(received.payload()),
                    other => panic!("{other:?}"),
                }
                assert!(self.connection.acknowledge(&received));
            }
            MqttEvent::Ended(why) => panic!("{why}"),
            MqttEvent::Answered(_) | MqttEvent::Alive => {}
        }
    }

    fn watermark(&mut self, bytes: &[u8]) {
        let authentic = self.keys.open_watermark(&self.id, bytes).unwrap();
        let extent = |stream| Extent {
            confirmed: self.confirmed(stream),
            next: self.next.get(&stream).copied().unwrap_or(1),
        };
        match confirmations(&authentic, &self.epoch, extent) {
            Ok(confirmed) => {
                for one in confirmed {
                    self.confirmed.insert(one.stream(), one.upto());
                }
            }
            Err(_) => self.watermarks_refused += 1,
        }
    }

    fn request(&mut self, bytes: &[u8]) {
        self.requests += 1;
        let Wanted::Numbers {
            epoch,
            stream,
            ranges,
        } = Request::decode(bytes).unwrap().wanted
        else {
            panic!("asked for intervals")
        };
        assert_eq!(epoch, self.epoch);
        for number in ranges.into_iter().flat_map(|(first, last)| first..=last) {
            self.lost.remove(&(stream, number));
            self.send_one((stream, number));
        }
    }

    fn birth(&self) -> Vec<u8> {
        let birth = Birth {
            session: 1,
            boots: 1,
            at: Timestamp::from_seconds(1_795_392_000),
            clock: ClockQuality::Synchronised,
            firmware: "0.1.0".to_owned(),
            hardware: "test".to_owned(),
            epoch: self.epoch,
            outbox: BTreeMap::new(),
            capabilities: Vec::new(),
            set_aside: 0,
            key_set: 0,
            accepted: std::collections::BTreeMap::new(),
        };
        birth.encode().unwrap()
    }

    /// Publishes the first blocks once more.
    pub(crate) fn publish_all_again(&self, world: &World, count: u64) -> u64 {
        for number in 1..=count {
            let bytes = self.message((Stream::Profile, number)).encode().unwrap();
            world.publish(&format!("gw/v1/{}/up/lp", self.id), &bytes);
        }
        count
    }
}

/// The number of another block, with another content.
pub(crate) fn conflicting(gateway: &Gateway, number: u64) -> Vec<u8> {
    let mut rows = block("feeder-0", number);
    rows.rows[0].values[0] = Some(1);
    let body = Body::of_profile(&rows, Origin::Gateway, 0).unwrap();
    let at = Timestamp::from_seconds(1_795_392_000);
    let message = Message::new(gateway.epoch, number, at, ClockQuality::Synchronised, &body);
    message.unwrap().encode().unwrap()
}

fn channels() -> Arc<[Channel]> {
    let total: Obis = "1-0:1.8.0".parse().unwrap();
    let channel = |obis, kind| Channel {
        obis,
        exponent: 1,
        unit: Unit::WattHour,
        kind,
    };
    Arc::new([
        channel(total, ChannelKind::Register),
        channel(total.as_increment(), ChannelKind::Increment),
    ])
}

/// One interval; what it holds follows from its number.
pub(crate) fn block(meter: &str, number: u64) -> ProfileRows {
    let total = 1000 + 7 * i64::try_from(number).unwrap();
    ProfileRows {
        meter: meter.parse().unwrap(),
        profile: "1-0:99.1.0".parse().unwrap(),
        shape: ProfileShape {
            period: Period::from_seconds(900).unwrap(),
            channels: channels(),
        },
        clock: ClockQuality::Synchronised,
        rows: vec![Row {
            end: Timestamp::from_seconds(1_795_392_000 + 900 * number),
            values: vec![Some(total), Some(7)],
            flags: Flags::NONE,
            offset_ms: 40,
        }],
    }
}

pub(crate) fn event() -> Body {
    let event = Event {
        at: Timestamp::from_seconds(1_795_392_000),
        code: EventCode::MeterSilent,
        meter: Some("feeder-1".parse().unwrap()),
        detail: "look at its wiring".to_owned(),
    };
    Body::Event((&event).into())
}

/// What must be in the ledger.
pub(crate) fn rows_of(gateway: &Gateway) -> BTreeMap<(String, String, u64), i64> {
    let mut values = BTreeMap::new();
    let numbers = gateway
        .records
        .keys()
        .filter(|key| key.0 == Stream::Profile);
    for (_, number) in numbers {
        let rows = block(&format!("feeder-{}", number % 3), *number);
        for row in &rows.rows {
            for (channel, value) in channels().iter().zip(&row.values) {
                let obis = channel.obis.to_string();
                values.insert(
                    (rows.meter.to_string(), obis, row.end.seconds()),
                    value.unwrap(),
                );
            }
        }
    }
    values
}
