//! What the gateway knows of one FLAG meter, and what a session with it does.

mod billing;
mod clock;
mod ends;
mod findings;
mod instants;
mod profile;
mod program;
mod reach;
mod registers;
mod round;
mod show;
mod steps;
mod task;

pub(super) use reach::signs_of_life;
pub(super) use round::{Desk, Held};
pub(super) use task::{Slice, Task};

use super::identity::Identity;
use super::known::Known;
use super::memory::{Memory, Note};
use super::sampled::{Rows, Sampled, Total};
use super::view::{MeterTotals, MeterView, SessionTotals};
use crate::adapters::clock::Clock;
use crate::config::{FlagMeter, MeterSettings};
use crate::state::StateKey;
use crate::tasks::storekeeper::Record;
use desk::{CollectResult, MeterTrust};
use findings::Findings;
use metering::{Event, EventCode, MeterId, Timestamp};
use meters::elster::profile::AdvanceCheck;
use meters::planner::{Happening, MeterState, PlannedMeterStatus};
use round::Round;
use std::collections::BTreeMap;

/// One meter's book.
pub(super) struct FlagBook {
    pub(super) settings: MeterSettings,
    pub(super) flag: FlagMeter,
    identity: Identity,
    pub(super) sampled: Sampled,
    memory: Memory,
    known: Known,
    /// Its profile against its registers.
    advance: AdvanceCheck,
    /// What the present round brought, or the last one.
    brought: CollectResult,
    round: Option<Round>,
    /// The billing set of each identity that is being read, for the schedule and for whoever asked.
    sets: BTreeMap<u16, billing::Sets>,
    /// The session that goes on, or the last one, was opened with the password.
    is_proving: bool,
    /// Refusals in a row that may have been the line's doing.
    password_doubts: u8,
    /// The meter refused data streams.
    has_no_streams: bool,
    /// Which request of values of the moment is next.
    next_instant: usize,
    totals: SessionTotals,
    last_answer: Option<Timestamp>,
    /// Its clock minus ours at the last look, milliseconds.
    clock_error_ms: Option<i64>,
    /// When its clock was found to need the adjustment that the configuration allows.
    clock_wish: Option<Timestamp>,
    remarks: Vec<String>,
    /// What was found lately.
    findings: Findings,
}

/// What the store remembers of a meter.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    pub(super) memory: Vec<u8>,
    pub(super) known: Vec<u8>,
    pub(super) advance: Vec<u8>,
}

/// What a session wants done.
#[derive(Debug, Default)]
pub(super) struct SessionSaid {
    pub(super) records: Vec<Record>,
    pub(super) events: Vec<Event>,
    pub(super) accepted_serial: Option<String>,
}

impl SessionSaid {
    fn take(&mut self, rows: Rows) {
        self.records.extend(rows.records);
        self.events.extend(rows.events);
    }
}

impl FlagBook {
    pub(super) fn new(
        settings: MeterSettings,
        flag: FlagMeter,
        accepted: Option<String>,
        remembered: &Remembered,
    ) -> Self {
        let expected = accepted.or_else(|| settings.serial.clone());
        let sampled = Sampled::new(&settings, totals(&settings, &flag));
        Self {
            identity: Identity::new(true, expected),
            sampled,
            memory: Memory::decode(&remembered.memory),
            known: Known::decode(&remembered.known),
            advance: AdvanceCheck::decode(&remembered.advance),
            brought: CollectResult::default(),
            settings,
            flag,
            round: None,
            sets: BTreeMap::new(),
            is_proving: false,
            password_doubts: 0,
            has_no_streams: false,
            next_instant: 0,
            totals: SessionTotals::default(),
            last_answer: None,
            clock_error_ms: None,
            clock_wish: None,
            remarks: Vec::new(),
            findings: Findings::default(),
        }
    }

    /// What is known of the profile goes to the store with its rows, in one commit.
    fn remember_known(&mut self, records: &mut Vec<Record>) {
        if std::mem::take(&mut self.known.is_changed) {
            records.push(Record::State {
                key: StateKey::MeterCollect(self.id().clone()),
                value: self.known.encode(),
            });
        }
        if self.advance.take_changed() {
            records.push(Record::State {
                key: StateKey::FlagAdvance(self.id().clone()),
                value: self.advance.encode(),
            });
        }
    }

    /// A session has ended, or there was none: the profile of a meter that cannot be reached grows
    /// old meanwhile.
    fn end_session(&mut self, clock: &Clock, said: &mut SessionSaid) {
        self.tell_overwriting(clock, said);
        self.remember(said);
    }

    /// What is remembered goes to the store with what was read, in one commit.
    fn remember(&mut self, said: &mut SessionSaid) {
        if std::mem::take(&mut self.memory.is_changed) {
            said.records.push(Record::State {
                key: StateKey::MeterMemory(self.id().clone()),
                value: self.memory.encode(),
            });
        }
        self.remember_known(&mut said.records);
    }

    pub(super) fn id(&self) -> &MeterId {
        &self.settings.id
    }

    pub(super) fn trust(&self) -> MeterTrust {
        self.identity.trust()
    }

    /// The serial number it should have; empty where none is known.
    pub(super) fn expected_serial(&self) -> String {
        self.identity.expected().unwrap_or_default().to_owned()
    }

    /// The serial number it said last; empty where it said none.
    pub(super) fn serial(&self) -> String {
        self.identity.serial().unwrap_or_default().to_owned()
    }

    /// Takes whatever meter answers as the right one; says its serial number.
    pub(super) fn accept(&mut self) -> Option<String> {
        self.identity.accept()
    }

    /// Hears what the planner tells.
    pub(super) fn hear(&mut self, happening: &Happening, clock: &Clock) -> SessionSaid {
        let mut said = SessionSaid::default();
        match happening {
            Happening::MarkMissed {
                first, mark, why, ..
            } => {
                let trust = self.trust();
                let rows = self
                    .sampled
                    .hear_missed((*first, *mark), *why, trust, clock);
                said.take(rows);
            }
            Happening::MeterSilent { .. } => {
                let detail = "does not answer; check its supply, the line, its address and speed. \
                              It is tried again at growing intervals; its own load profile is read \
                              when it is back";
                let event = self.event(EventCode::MeterSilent, detail.to_owned(), clock);
                said.events.push(event);
            }
            Happening::MeterBack { .. } => {
                // It may be another one by now.
                self.identity.doubt();
                let event = self.event(EventCode::MeterBack, "answers again".to_owned(), clock);
                said.events.push(event);
            }
            _ => {}
        }
        said
    }

    fn event(&self, code: EventCode, detail: String, clock: &Clock) -> Event {
        Event {
            at: clock.now().utc,
            code,
            meter: Some(self.id().clone()),
            detail,
        }
    }

    /// Another password was refused than the one that is configured now.
    pub(super) fn has_another_password(&self) -> bool {
        let refused = self.memory.note(Note::PasswordRefused);
        refused.is_some() && !self.is_refused_one()
    }

    /// How many late answers its line has heard from it.
    pub(super) fn note_late_answers(&mut self, count: u64) {
        self.totals.late = count;
    }

    /// What people see.
    pub(super) fn view(&self, planned: Option<&PlannedMeterStatus>, now: Timestamp) -> MeterView {
        let state = match planned.map(|found| found.state) {
            Some(MeterState::Healthy) if self.last_answer.is_some() => "healthy",
            Some(MeterState::Healthy) => "not asked yet",
            Some(MeterState::Doubtful { .. }) => "doubtful",
            Some(MeterState::BackingOff { .. }) => "silent",
            None => "left alone",
        };
        let made = self.sampled.made();
        let mut remarks = self.remarks.clone();
        remarks.extend(self.identity.complaint().map(ToOwned::to_owned));
        let collected = self.memory.number(Note::Collected);
        MeterView {
            meter: self.id().clone(),
            unit: 0,
            address: Some(self.place()),
            model: self.flag.model.id.clone(),
            state,
            trust: self.identity.trust(),
            serial: self.identity.serial().map(ToOwned::to_owned),
            last_answer: self.last_answer,
            last_interval: made.last.max(self.totals.last_interval),
            intervals: made.intervals + self.totals.intervals,
            flagged: made.flagged + self.totals.flagged,
            totals: MeterTotals::default(),
            sessions: Some(self.totals.clone()),
            last_collected: collected.map(Timestamp::from_millis),
            overwrite_in_days: self.memory.overwrite_in_days(now),
            clock_error_ms: self.clock_error_ms,
            clock_wish: self.clock_wish,
            found: self.found(now),
            remarks,
        }
    }

    /// Its number and address, for people.
    fn place(&self) -> String {
        let number = self.flag.number.as_ref().map(ToString::to_string);
        let address = self.flag.address.as_ref().map(ToString::to_string);
        match (number, address) {
            (Some(number), Some(address)) => format!("{number} / {address}"),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => String::new(),
        }
    }
}

/// The totals of a profile that the gateway makes.
fn totals(settings: &MeterSettings, flag: &FlagMeter) -> Vec<Total> {
    let wanted = settings.profile.iter().flat_map(|profile| &profile.totals);
    let total = |obis: &metering::Obis| {
        let measured = flag.model.measured.iter().find(|item| item.obis == *obis)?;
        Some(Total {
            obis: *obis,
            exponent: flag.model.energy_exponent,
            unit: measured.unit,
            modulus: None,
        })
    };
    wanted.filter_map(total).collect()
}
