//! What the gateway knows of one DLMS meter, and what a session with it does.

mod access;
mod backup;
mod clock;
mod ends;
mod gathering;
mod histories;
mod passwords;
mod profile;
mod program;
mod registers;
mod rotation;
mod session;
mod status_bits;
mod task;

pub(super) use ends::SessionTrouble;
pub(super) use task::{Slice, Task};

use super::flag::SessionSaid;
use super::identity::Identity;
use super::known::Known;
use super::memory::{Memory, Note};
use super::view::{MeterTotals, MeterView, SessionTotals};
use crate::adapters::clock::Clock;
use crate::config::{DlmsMeter, MeterSettings};
use crate::limits::REMARKS_MAX;
use crate::state::StateKey;
use crate::tasks::storekeeper::Record;
use desk::{CollectResult, MeterTrust};
use line::Peer;
use metering::{Event, EventCode, MeterId, Timestamp};
use meters::dlms::{CollectRun, Scalers};
use meters::planner::{Happening, MeterState, PlannedMeterStatus};

/// One meter's book.
pub(super) struct DlmsBook {
    pub(super) settings: MeterSettings,
    pub(super) dlms: DlmsMeter,
    identity: Identity,
    memory: Memory,
    known: Known,
    /// Scalers and units that the meter has told.
    scalers: Scalers,
    /// The run through its profile that the schedule wants.
    run: Option<CollectRun>,
    /// How far its logs and billing sets are.
    histories: histories::Histories,
    /// What the present run brought, or the last one.
    brought: CollectResult,
    /// The meter said that a counter was too small: it is read before the next session with keys.
    is_counter_behind: bool,
    /// A password is on trial: that the meter refuses it is no news.
    has_doubtful_password: bool,
    totals: SessionTotals,
    last_answer: Option<Timestamp>,
    /// Its clock minus ours at the last look, milliseconds.
    clock_error_ms: Option<i64>,
    remarks: Vec<String>,
}

impl DlmsBook {
    pub(super) fn new(
        settings: MeterSettings,
        dlms: DlmsMeter,
        accepted: Option<String>,
        (memory, known): (&[u8], &[u8]),
    ) -> Self {
        let expected = accepted.or_else(|| settings.serial.clone());
        Self {
            identity: Identity::new(true, expected),
            memory: Memory::decode(memory),
            known: Known::decode(known),
            settings,
            dlms,
            scalers: Scalers::new(),
            run: None,
            histories: histories::Histories::default(),
            brought: CollectResult::default(),
            is_counter_behind: false,
            has_doubtful_password: false,
            totals: SessionTotals::default(),
            last_answer: None,
            clock_error_ms: None,
            remarks: Vec::new(),
        }
    }

    pub(super) fn id(&self) -> &MeterId {
        &self.settings.id
    }

    /// Whether this is what its meter says of itself.
    pub(super) fn expects(&self, said: &str) -> bool {
        self.identity.expected() == Some(said)
    }

    pub(super) fn trust(&self) -> MeterTrust {
        self.identity.trust()
    }

    /// Takes whatever meter answers as the right one; says its serial number.
    pub(super) fn accept(&mut self) -> Option<String> {
        self.identity.accept()
    }

    /// Whose turnaround the guard learns: none of a Modbus unit, none of a FLAG meter.
    pub(super) fn peer(&self) -> Peer {
        super::sessions::peer(0x2_0000, &self.dlms.line_name())
    }

    /// How many late answers its line has heard from it.
    pub(super) fn note_late_answers(&mut self, count: u64) {
        self.totals.late = count;
    }

    /// Hears what the planner tells.
    pub(super) fn hear(&mut self, happening: &Happening, clock: &Clock) -> SessionSaid {
        let mut said = SessionSaid::default();
        match happening {
            Happening::MeterSilent { .. } => {
                let detail = "does not answer; check its supply, the line, its address and speed. \
                              It is tried again at growing intervals; its own load profile is read \
                              when it is back";
                said.events
                    .push(self.event(EventCode::MeterSilent, detail.to_owned(), clock));
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

    /// Something that a person should know, newest last.
    fn remark(&mut self, words: String) {
        self.remarks.retain(|known| *known != words);
        if self.remarks.len() >= REMARKS_MAX {
            self.remarks.remove(0);
        }
        self.remarks.push(words);
    }

    /// What is remembered goes to the store with what was read, in one commit.
    fn remember(&mut self, said: &mut SessionSaid) {
        if std::mem::take(&mut self.memory.is_changed) {
            said.records.push(Record::State {
                key: StateKey::MeterMemory(self.id().clone()),
                value: self.memory.encode(),
            });
        }
        if std::mem::take(&mut self.known.is_changed) {
            said.records.push(Record::State {
                key: StateKey::MeterCollect(self.id().clone()),
                value: self.known.encode(),
            });
        }
    }

    /// What is remembered of another meter that was here before is of no use.
    fn know_serial(&mut self, serial: &str) {
        let before = self.memory.note(Note::Serial);
        if before.is_some_and(|before| before != serial.as_bytes()) {
            self.memory.forget();
            self.known = Known::default();
            self.known.is_changed = true;
            self.scalers.clear();
            self.run = None;
            self.histories = histories::Histories::default();
        }
        self.memory.set_note(Note::Serial, serial.as_bytes());
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
        let mut remarks = self.remarks.clone();
        remarks.extend(self.identity.complaint().map(ToOwned::to_owned));
        let collected = self.memory.number(Note::Collected);
        MeterView {
            meter: self.id().clone(),
            unit: 0,
            address: Some(self.dlms.line_name()),
            model: self.dlms.model.id.clone(),
            state,
            trust: self.identity.trust(),
            serial: self.identity.serial().map(ToOwned::to_owned),
            last_answer: self.last_answer,
            last_interval: self.totals.last_interval,
            intervals: self.totals.intervals,
            flagged: self.totals.flagged,
            totals: MeterTotals::default(),
            sessions: Some(self.totals.clone()),
            last_collected: collected.map(Timestamp::from_millis),
            overwrite_in_days: self.memory.overwrite_in_days(now),
            clock_error_ms: self.clock_error_ms,
            clock_wish: None,
            found: Vec::new(),
            remarks,
        }
    }
}
