//! Broker and head-end in one, in memory, with the troubles of both and of the way between.

mod peer;

use super::books::{Books, Sabotage};
use authority::{SigningKey, sign_watermark};
use head_end::{Presence, Request, RequestId, Subject, Topic, Wanted};
use metering::GatewayId;
use pmu_agent::adapters::mqtt::{Ending, MqttEvent, Outbound, Verdict};
use simulator::dice::Dice;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;
use tokio::time::Instant;

/// An entry, as the uplink names it.
type Key = (storage::Stream, u64);

/// What a broker of ours allows.
const RECEIVE_MAX: u16 = 40;
/// The head-end asks for what is missing this often.
const ASK_EVERY: Duration = Duration::from_mins(1);
/// It asks for intervals by time this often, whether it has them or not.
const ASK_BY_TIME_EVERY: Duration = Duration::from_mins(17);
/// And repeats its last word this often.
const REPEAT_EVERY: Duration = Duration::from_mins(1);

/// The state of the way to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Open,
    /// Connections are refused.
    Closed,
    /// Nothing comes back, and nobody says so.
    Silent,
}

/// What goes wrong up there; one in so many, never for zero.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UpTroubles {
    /// The broker takes a message and loses it.
    pub(super) lost: u64,
    /// A message comes twice.
    pub(super) doubled: u64,
    /// The broker refuses a message this time.
    pub(super) refused: u64,
    /// The connection breaks when a message is sent.
    pub(super) breaks: u64,
    /// Somebody else writes to the gateway.
    pub(super) hostile: u64,
    /// The broker always refuses records whose number this divides.
    pub(super) poison: u64,
    /// Nobody subscribes at the head-end.
    pub(super) absent: bool,
}

enum Coming {
    Event(MqttEvent<Key>),
    /// The acknowledgement of a message without a key.
    Acknowledged,
}

struct Link {
    id: u64,
    coming: BTreeMap<(Instant, u64), Coming>,
    unanswered: usize,
    subscribed: bool,
    waker: Option<Waker>,
    alive_at: Instant,
}

struct Arrival {
    link: u64,
    topic: String,
    payload: Vec<u8>,
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Traffic {
    pub(super) connections: u64,
    pub(super) publishes: u64,
    pub(super) hostile: u64,
    pub(super) requests: u64,
    pub(super) asked_by_time: u64,
    pub(super) unanswered_max: usize,
}

struct Hall {
    gateway: GatewayId,
    key: SigningKey,
    dice: Dice,
    way: Way,
    troubles: UpTroubles,
    link: Option<Link>,
    arrivals: BTreeMap<(Instant, u64), Arrival>,
    counted: u64,
    word_at: Instant,
    word_every: Duration,
    ask_at: Instant,
    ask_by_time_at: Instant,
    old_words: Vec<Vec<u8>>,
    payload: Vec<u8>,
    repeat_at: Instant,
    books: Books,
    traffic: Traffic,
    /// Number of the last birth, and of its connection.
    last_session: (u64, u64),
}

/// The head-end; clones share it.
#[derive(Clone)]
pub(super) struct HeadEnd(Arc<Mutex<Hall>>);

impl HeadEnd {
    pub(super) fn new(gateway: GatewayId, seed: &Dice, sabotage: Sabotage) -> Self {
        let mut dice = seed.fork(0x4845);
        let now = Instant::now();
        Self(Arc::new(Mutex::new(Hall {
            gateway,
            key: SigningKey::from_seed(&[3; 32]),
            way: Way::Open,
            troubles: UpTroubles::default(),
            link: None,
            arrivals: BTreeMap::new(),
            counted: 0,
            word_at: now,
            word_every: Duration::from_secs(dice.between(&(10..=60))),
            ask_at: now,
            ask_by_time_at: now,
            old_words: Vec::new(),
            payload: Vec::new(),
            repeat_at: now,
            books: Books::new(sabotage),
            traffic: Traffic::default(),
            last_session: (0, 0),
            dice,
        })))
    }

    /// The public half of the key that signs watermarks.
    pub(super) fn public_pem(&self) -> String {
        self.hall()
            .key
            .public_pem()
            .expect("a key has a public half")
    }

    pub(super) fn set_way(&self, way: Way) {
        let mut hall = self.hall();
        hall.way = way;
        if way == Way::Closed {
            hall.cut("the broker went away", false);
        }
        if way == Way::Silent
            && let Some(link) = &mut hall.link
        {
            link.coming.clear();
            hall.arrivals.clear();
        }
    }

    pub(super) fn cut(&self, taken_over: bool) {
        self.hall().cut("cut", taken_over);
    }

    pub(super) fn trouble(&self, change: impl FnOnce(&mut UpTroubles)) {
        change(&mut self.hall().troubles);
    }

    pub(super) fn books<T>(&self, look: impl FnOnce(&mut Books) -> T) -> T {
        look(&mut self.hall().books)
    }

    pub(super) fn traffic(&self) -> Traffic {
        self.hall().traffic
    }

    /// The gateway's process ended: its connection did too.
    pub(super) fn gateway_died(&self) {
        self.hall().link = None;
    }

    /// Lets everything happen that is due.
    pub(super) fn settle(&self) {
        self.hall().settle(Instant::now());
    }

    fn hall(&self) -> MutexGuard<'_, Hall> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hall {
    fn number(&mut self) -> u64 {
        self.counted += 1;
        self.counted
    }

    fn happens(&mut self, one_in: u64) -> bool {
        one_in > 0 && self.dice.between(&(1..=one_in)) == 1
    }

    fn latency(&mut self) -> Duration {
        Duration::from_millis(self.dice.between(&(5..=120)))
    }

    fn cut(&mut self, why: &str, taken_over: bool) {
        let now = Instant::now();
        self.settle(now);
        let number = self.number();
        if let Some(link) = &mut self.link {
            self.arrivals.retain(|_, arrival| arrival.link != link.id);
            link.coming.clear();
            let ending = Ending {
                taken_over,
                ..Ending::unmeant(why)
            };
            link.coming
                .insert((now, number), Coming::Event(MqttEvent::Ended(ending)));
            if let Some(waker) = link.waker.take() {
                waker.wake();
            }
        }
    }

    fn put(&mut self, at: Instant, coming: Coming) {
        if self.way == Way::Silent {
            return;
        }
        let number = self.number();
        if let Some(link) = &mut self.link {
            link.coming.insert((at, number), coming);
            if let Some(waker) = link.waker.take() {
                waker.wake();
            }
        }
    }

    fn settle(&mut self, now: Instant) {
        while let Some(entry) = self.arrivals.first_entry()
            && entry.key().0 <= now
        {
            let arrival = entry.remove();
            self.arrive(&arrival);
        }
        let Some(link) = &mut self.link else { return };
        let (subscribed, alive_at) = (link.subscribed, link.alive_at);
        if alive_at <= now {
            link.alive_at = now + Duration::from_secs(30);
            self.put(now, Coming::Event(MqttEvent::Alive));
        }
        if subscribed && self.word_at <= now && !self.troubles.absent && self.way == Way::Open {
            self.word_at = now + self.word_every;
            self.say(now);
        }
    }

    /// When something will happen by itself.
    fn next_due(&self) -> Option<Instant> {
        let link = self.link.as_ref()?;
        let coming = link.coming.first_key_value().map(|((at, _), _)| *at);
        let arrival = self.arrivals.first_key_value().map(|((at, _), _)| *at);
        let word = link
            .subscribed
            .then_some(self.word_at)
            .filter(|_| self.way == Way::Open);
        [coming, arrival, word, Some(link.alive_at)]
            .into_iter()
            .flatten()
            .min()
    }

    fn arrive(&mut self, arrival: &Arrival) {
        match arrival.topic.parse::<Topic>() {
            Ok(topic) if topic.gateway == self.gateway => match topic.subject {
                Subject::Records(stream) => self.books.take(stream, &arrival.payload),
                Subject::Presence => self.presence(arrival),
                _ => self
                    .books
                    .complain(format!("the gateway wrote to {}", arrival.topic)),
            },
            _ => self
                .books
                .complain(format!("no topic of the contract: {}", arrival.topic)),
        }
    }

    fn presence(&mut self, arrival: &Arrival) {
        match Presence::decode(&arrival.payload) {
            Ok(presence) => {
                let (last, link) = self.last_session;
                let told = presence.session();
                // A birth that comes twice is none of the gateway's doing.
                if told < last || told == last && link != arrival.link {
                    self.books
                        .complain(format!("session {told} follows session {last}"));
                }
                self.last_session = (told, arrival.link);
            }
            Err(fault) => self
                .books
                .complain(format!("a birth cannot be read: {fault}")),
        }
    }

    /// Watermark, request, and what others write.
    fn say(&mut self, now: Instant) {
        let at = now + self.latency();
        if let Some(words) = self.books.watermark() {
            let payload = words.encode().expect("a watermark of ours is proper");
            // Nothing new is said again now and then: the last word may have been lost.
            if payload != self.payload || self.repeat_at <= now {
                if payload != self.payload || self.old_words.is_empty() {
                    let signed = sign_watermark(&self.key, &self.gateway, &payload);
                    self.old_words.push(signed.expect("it is small"));
                }
                self.payload = payload;
                self.repeat_at = now + REPEAT_EVERY;
                let signed = self.old_words.last().cloned().unwrap_or_default();
                self.tell(at, Subject::Watermark, signed, false);
            }
        }
        if self.ask_at <= now
            && let Some((epoch, stream, ranges)) = self.books.wanted()
        {
            self.ask_at = now + ASK_EVERY;
            let wanted = Wanted::Numbers {
                epoch,
                stream,
                ranges,
            };
            self.ask(at, wanted);
        }
        if self.ask_by_time_at <= now
            && let Some(wanted) = self.books.some_intervals(&mut self.dice)
        {
            self.ask_by_time_at = now + ASK_BY_TIME_EVERY;
            self.traffic.asked_by_time += 1;
            self.ask(at, wanted);
        }
        if self.happens(self.troubles.hostile) {
            self.traffic.hostile += 1;
            self.be_hostile(at);
        }
    }

    fn ask(&mut self, at: Instant, wanted: Wanted) {
        self.traffic.requests += 1;
        let id = RequestId::new(&self.traffic.requests.to_be_bytes()).expect("eight bytes");
        let request = Request { id, wanted }
            .encode()
            .expect("a request of ours is proper");
        self.tell(at, Subject::Request, request, false);
    }

    /// Whether this is a message that the broker never takes.
    fn is_poison(&self, key: Option<Key>) -> bool {
        let every = self.troubles.poison;
        key.is_some_and(|(_, number)| every > 0 && number.is_multiple_of(every))
    }

    fn tell(&mut self, at: Instant, subject: Subject, payload: Vec<u8>, retained: bool) {
        let topic = Topic {
            gateway: self.gateway.clone(),
            subject,
        }
        .to_string()
        .into_bytes();
        self.put(
            at,
            Coming::Event(MqttEvent::Message {
                topic,
                payload,
                retained,
            }),
        );
    }

    fn be_hostile(&mut self, at: Instant) {
        let Some(words) = self.books.watermark() else {
            return;
        };
        let mut beyond = words.clone();
        for mark in beyond.marks.values_mut() {
            mark.upto += 1000;
            mark.islands.clear();
        }
        let forged = beyond.encode().expect("proper");
        let foreign = SigningKey::from_seed(&[9; 32]);
        let other: GatewayId = "pmu-other".parse().expect("a name");
        let old = self.dice.index(self.old_words.len());
        let old = self.old_words.get(old).cloned().unwrap_or_default();
        let sign = |key: &SigningKey, name: &GatewayId, payload: &[u8]| {
            sign_watermark(key, name, payload).expect("small")
        };
        let (payload, retained) = match self.dice.index(7) {
            0 => (sign(&foreign, &self.gateway, &forged), false),
            1 => (sign(&self.key, &other, &forged), false),
            2 => (forged, false),
            3 => (old, false),
            4 => {
                let mut cut = old;
                cut.truncate(self.dice.index(cut.len()));
                (cut, false)
            }
            5 => {
                let mut flipped = old;
                let place = self.dice.index(flipped.len());
                if let Some(octet) = flipped.get_mut(place) {
                    *octet ^= 1;
                }
                (flipped, false)
            }
            _ => (old, true),
        };
        let subject = if self.dice.index(5) == 0 {
            Subject::Request
        } else {
            Subject::Watermark
        };
        self.tell(at, subject, payload, retained);
    }

    fn publish(&mut self, id: u64, key: Option<Key>, message: &Outbound<'_>) -> bool {
        let now = Instant::now();
        let Some(link) = self.link.as_mut().filter(|link| link.id == id) else {
            return false;
        };
        link.unanswered += 1;
        self.traffic.unanswered_max = self.traffic.unanswered_max.max(link.unanswered);
        self.traffic.publishes += 1;
        if self.way != Way::Open {
            return true;
        }
        if self.happens(self.troubles.breaks) {
            self.cut("broken by a message", false);
            return true;
        }
        let arrives = now + self.latency();
        let answered = arrives + self.latency();
        let verdict = if self.troubles.absent {
            Verdict::NobodyListens
        } else if self.is_poison(key) || self.happens(self.troubles.refused) {
            Verdict::Refused("over the broker's quota")
        } else {
            Verdict::Taken
        };
        if verdict == Verdict::Taken && !self.happens(self.troubles.lost) {
            let times = if self.happens(self.troubles.doubled) {
                2
            } else {
                1
            };
            for time in 0..times {
                let number = self.number();
                let (topic, payload) = (message.topic.to_owned(), message.payload.clone());
                let at = arrives + Duration::from_millis(time * 700);
                self.arrivals.insert(
                    (at, number),
                    Arrival {
                        link: id,
                        topic,
                        payload,
                    },
                );
            }
        }
        let coming = match key {
            Some(key) => Coming::Event(MqttEvent::Answered { key, verdict }),
            None => Coming::Acknowledged,
        };
        self.put(answered, coming);
        true
    }
}
