//! A gateway whose meters take orders: its operators' key set is in force, and its meters have been read.

use crate::bench::Bench;
use crate::dlms::commands::{Office, live_until_final, offer};
use authority::{Action, Command, CommandState, Document, Receipt};
use metering::{Event, EventCode, MeterId, ProfileRows};
use std::collections::BTreeSet;
use storage::{Body, Stream};

/// A day and a night, with the look that the drift watch takes in it.
const NIGHT_S: u64 = 24 * 3600;

pub(crate) struct Site {
    pub(crate) bench: Bench,
    pub(crate) office: Office,
}

impl Site {
    /// Starts it, and waits until its first meter has been read if it can be.
    pub(crate) async fn open(bench: Bench, is_read: bool) -> Self {
        let site = Self::begin(bench);
        let site = if is_read {
            site.read_once().await
        } else {
            site.bench.live(60).await;
            site
        };
        site.with_keys().await
    }

    pub(crate) fn begin(mut bench: Bench) -> Self {
        let office = Office::new();
        office.provision(&bench);
        bench.start();
        Self { bench, office }
    }

    pub(crate) async fn read_once(self) -> Self {
        let is_read = |meter: &desk::MeterStatus| meter.last_collected.is_some();
        self.bench.live_until(2400, is_read).await;
        self
    }

    pub(crate) async fn with_keys(self) -> Self {
        let Self { bench, office } = self;
        assert!(bench.desk().offer_key_set(office.key_set(&bench, 1)));
        bench.live(5).await;
        assert_eq!(bench.desk().view().key_set, 1);
        Self { bench, office }
    }

    /// Ordered by two people, as some of it needs, and not waited for.
    pub(crate) fn send(&mut self, action: Action) -> Command {
        let command = self.office.command(&self.bench, action);
        offer(&self.bench, self.office.approved(&command));
        command
    }

    /// The same, to its end.
    pub(crate) async fn order(&mut self, action: Action) -> Command {
        let command = self.send(action);
        live_until_final(&self.bench, &command).await;
        command
    }

    /// A scheme for the library.
    pub(crate) async fn put(&mut self, text: &str) {
        let document = Document::Inline(text.to_owned());
        let command = self.order(Action::SchemePut { document }).await;
        let (state, note) = self.end(&command).await;
        assert_eq!(state, storage::CommandState::Succeeded, "{note}");
    }

    pub(crate) async fn end(&self, command: &Command) -> (storage::CommandState, String) {
        let known = self.bench.command(command.id.bytes()).await;
        let progress = known.expect("a row").progress;
        (progress.state, progress.note)
    }

    /// What its receipts say, all of them and the last one; the daemon must be stopped.
    pub(crate) fn told(&self, command: &Command) -> (Vec<String>, Receipt) {
        let mut own: Vec<Receipt> = self.bench.receipts();
        own.retain(|one| one.id == command.id);
        let texts = own.iter().filter_map(|one| one.text.as_deref());
        let lines = texts.flat_map(str::lines).map(str::to_owned).collect();
        (lines, own.pop().expect("a receipt"))
    }

    /// The words of its last receipt, which says that it went well; the daemon must be stopped.
    #[track_caller]
    pub(crate) fn well(&self, command: &Command) -> String {
        let (lines, last) = self.told(command);
        assert_eq!(last.state, CommandState::Succeeded, "{lines:#?}");
        last.text.expect("words")
    }

    /// What the dry run in its receipts says would be written; the daemon must be stopped.
    pub(crate) fn would_write(&self, command: &Command) -> Vec<String> {
        let (lines, _) = self.told(command);
        let writes = lines
            .iter()
            .filter_map(|line| line.strip_prefix("would write: "));
        writes.map(str::to_owned).collect()
    }

    pub(crate) async fn live_a_night(&self) {
        self.bench.live(NIGHT_S).await;
    }

    /// Events of the drift watch so far; the daemon must be stopped.
    pub(crate) fn drifts(&self) -> Vec<Event> {
        let codes = [EventCode::MeterDrifted, EventCode::MeterDriftEnded];
        let events = self.bench.events().into_iter();
        events.filter(|event| codes.contains(&event.code)).collect()
    }

    /// No interval, no value of one instant and no event of a meter's log is in the outbox twice; the
    /// daemon must be stopped.
    #[track_caller]
    pub(crate) fn check_nothing_twice(&self, when: &str) {
        let mut rows = BTreeSet::new();
        for ProfileRows {
            meter,
            profile,
            rows: block,
            ..
        } in self.bench.rows()
        {
            for row in block {
                let key = (meter.clone(), profile, row.end);
                assert!(rows.insert(key.clone()), "{when}: {key:?}");
            }
        }
        let mut values = BTreeSet::new();
        for reading in self.values() {
            assert!(values.insert(reading.clone()), "{when}: {reading:?}");
        }
        let mut events = BTreeSet::new();
        for event in self.bench.events() {
            let of_log = event.detail.contains(" of its clock");
            if of_log {
                let key = (event.meter, event.code.word(), event.detail);
                assert!(events.insert(key.clone()), "{when}: {key:?}");
            }
        }
    }

    /// Each value in the outbox: of which meter, of which register, of when; the daemon must be stopped.
    pub(crate) fn values(&self) -> Vec<(MeterId, String, u64)> {
        let mut values = Vec::new();
        for entry in self.bench.entries(Stream::Telemetry) {
            let Body::Readings(readings) = entry.body else {
                continue;
            };
            for one in readings {
                for value in one.values {
                    let at = one.taken_at.seconds();
                    values.push((one.meter.clone(), value.obis.to_string(), at));
                }
            }
        }
        values
    }

    /// How many values of a billing period that is over.
    pub(crate) fn frozen(&self, meter: &str) -> usize {
        let values = self.values().into_iter();
        let of = values.filter(|(id, obis, _)| id.as_str() == meter && obis.contains('*'));
        of.count()
    }

    /// How many intervals the outbox has of a meter.
    pub(crate) fn rows(&self, meter: &str) -> usize {
        let blocks = self.bench.rows().into_iter();
        let own = blocks.filter(|block| block.meter.as_str() == meter);
        own.map(|block| block.rows.len()).sum()
    }
}

pub(crate) fn meters(names: &[&str]) -> Vec<MeterId> {
    let names = names.iter().map(|name| name.parse().expect("a name"));
    names.collect()
}

pub(crate) fn read(scheme: &str, names: &[&str]) -> Action {
    Action::SchemeRead {
        scheme: scheme.parse().expect("a name"),
        meters: meters(names),
    }
}

pub(crate) fn program(scheme: &str, names: &[&str]) -> Action {
    Action::SchemeProgram {
        scheme: scheme.parse().expect("a name"),
        meters: meters(names),
    }
}
