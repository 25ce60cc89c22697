//! Where a bus goes on: its meters and their serial numbers; their intervals are in `place`.

use super::Bus;
use super::book::Book;
use super::dlms::DlmsBook;
use super::flag::{FlagBook, Remembered};
use super::sampled::Begin;
use crate::config::{MeterSettings, Speaks};
use crate::plan::{self, COLLECT, IDENTITY};
use crate::state::StateKey;
use crate::tasks::storekeeper::{Ask, Look, Record, Urgency};
use metering::MeterId;
use meters::planner::PlannedMeter;

impl Bus {
    /// These are the meters from now on. One that did not change keeps its book and its place in
    /// the plan.
    pub(super) async fn take_meters(&mut self, meters: Vec<MeterSettings>, begin: Begin) {
        let mut old = std::mem::take(&mut self.books);
        let mut old_flags = std::mem::take(&mut self.flags);
        let mut old_dlms = std::mem::take(&mut self.dlms);
        let mut fresh = Vec::new();
        for settings in meters {
            if Some(&settings.id) == self.quarantined.as_ref() {
                continue;
            }
            let same = |book: &Book| book.settings == settings;
            if let Some(place) = old.iter().position(same) {
                self.books.push(old.swap_remove(place));
                continue;
            }
            let same = |book: &FlagBook| book.settings == settings;
            if let Some(place) = old_flags.iter().position(same) {
                self.flags.push(old_flags.swap_remove(place));
                continue;
            }
            let same = |book: &DlmsBook| book.settings == settings;
            if let Some(place) = old_dlms.iter().position(same) {
                self.dlms.push(old_dlms.swap_remove(place));
                continue;
            }
            let accepted = self.accepted_serial(&settings.id).await;
            match settings.speaks.clone() {
                Speaks::Modbus(modbus) => {
                    fresh.push(settings.id.clone());
                    let mut book = Book::new(settings, modbus, accepted);
                    self.begin_profile(&mut book.sampled, begin).await;
                    self.books.push(book);
                }
                Speaks::Flag(flag) => {
                    let remembered = self.remembered(&settings.id).await;
                    let mut book = FlagBook::new(settings, *flag, accepted, &remembered);
                    self.begin_profile(&mut book.sampled, begin).await;
                    self.flags.push(book);
                }
                Speaks::Dlms(dlms) => {
                    let known = self.remembered(&settings.id).await;
                    let known = (known.memory.as_slice(), known.known.as_slice());
                    self.dlms
                        .push(DlmsBook::new(settings, *dlms, accepted, known));
                }
            }
        }
        self.replan();
        for meter in fresh {
            self.ask_identity(&meter);
        }
        self.try_other_passwords();
    }

    /// A person has corrected a password.
    fn try_other_passwords(&mut self) {
        let now = self.now();
        let flags = self.flags.iter().filter(|book| book.has_another_password());
        let dlms = self.dlms.iter().filter(|book| book.has_another_password());
        let corrected = flags.map(FlagBook::id).chain(dlms.map(DlmsBook::id));
        for meter in corrected {
            if !self.planner.session_due(meter, COLLECT, now) {
                log::debug!(meter:%; "its password is tried at its next turn");
            }
        }
    }

    /// Hands all plans to the planner; what did not change is not disturbed there.
    pub(super) fn replan(&mut self) {
        let planned: Vec<PlannedMeter> = self
            .books
            .iter()
            .map(|book| book.plan.planned.clone())
            .collect();
        let now = self.now();
        self.planner.replace(planned, now);
        let bus = &self.parts.settings;
        let flags = self.flags.iter().map(|book| &book.settings);
        let sessions = flags.chain(self.dlms.iter().map(|book| &book.settings));
        let sessions = sessions.filter_map(|settings| {
            let mut planned = plan::session_meter(settings, bus)?;
            if bus.on_demand {
                planned.polls.clear();
            }
            Some(planned)
        });
        self.planner.replace_sessions(sessions.collect(), now);
        self.due = tokio::time::Instant::now();
    }

    /// Who a meter is comes before what it says.
    pub(super) fn ask_identity(&mut self, meter: &MeterId) {
        let now = self.now();
        if !self.planner.read_again(meter, IDENTITY, None, now) {
            log::debug!(meter:%; "its identity is asked for at its next turn");
        }
    }

    /// What is remembered of a meter that is read in sessions.
    async fn remembered(&self, meter: &MeterId) -> Remembered {
        Remembered {
            memory: self.state(&StateKey::MeterMemory(meter.clone())).await,
            known: self.state(&StateKey::MeterCollect(meter.clone())).await,
            advance: self.state(&StateKey::FlagAdvance(meter.clone())).await,
        }
    }

    async fn state(&self, key: &StateKey) -> Vec<u8> {
        let (kind, id) = key.key();
        let ask = |reply| Look::State { kind, id, reply };
        let found = self.parts.store.ask(ask).await;
        found.ok().flatten().unwrap_or_default()
    }

    async fn accepted_serial(&self, meter: &MeterId) -> Option<String> {
        let (kind, id) = StateKey::AcceptedSerial(meter.clone()).key();
        let found = self
            .parts
            .store
            .ask(|reply| Look::State { kind, id, reply })
            .await;
        String::from_utf8(found.ok().flatten()?)
            .ok()
            .filter(|text| !text.is_empty())
    }

    pub(super) async fn remember_serial(&self, meter: &MeterId, serial: &str) {
        let (kind, id) = StateKey::AcceptedSerial(meter.clone()).key();
        let value = serial.as_bytes().to_vec();
        let done = self
            .parts
            .store
            .ask(|reply| Ask::SetState {
                kind,
                id,
                value,
                reply,
            })
            .await;
        if let Err(error) = done {
            log::error!(error:%, meter:%; "its serial number cannot be kept");
        }
        let record = Record::Audit {
            who: "gateway".to_owned(),
            what: "serial number kept".to_owned(),
            detail: format!("{meter} has serial number {serial}"),
        };
        self.parts.store.keep(vec![record], Urgency::Soon).await;
    }
}
