//! What the gateway knows of one meter: who it is, what it said, the profile made of it.

mod instants;

use super::identity::Identity;
use super::sampled::{Rows, Sample, Sampled, Total};
use super::view::{MeterTotals, MeterView};
use crate::adapters::clock::Clock;
use crate::config::{MeterSettings, ModbusMeter};
use crate::plan::{self, IDENTITY, INSTANT, MeterPlan, SAMPLE};
use crate::tasks::storekeeper::Record;
use desk::MeterTrust;
use metering::{Event, EventCode, MeterId, Reading, Timestamp};
use meters::Span;
use meters::catalogue::{IdentityCheck, IdentityValue, Register, SunSpecWalk, What};
use meters::planner::{Answered, Happening, MeterState, Outcome, PlannedMeterStatus, PollId, Why};
use meters::profile_maker::SampledTotal;

/// One meter's book.
pub(super) struct Book {
    pub(super) settings: MeterSettings,
    modbus: ModbusMeter,
    pub(super) plan: MeterPlan,
    identity: Identity,
    pub(super) sampled: Sampled,
    pub(super) walk: Option<SunSpecWalk>,
    totals: MeterTotals,
    last_answer: Option<Timestamp>,
    refused: Vec<String>,
}

/// What a book wants done after hearing something.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) records: Vec<Record>,
    pub(super) events: Vec<Event>,
    pub(super) read_again: Vec<(PollId, Option<Timestamp>)>,
    pub(super) accepted_serial: Option<String>,
}

impl From<Rows> for Said {
    fn from(rows: Rows) -> Self {
        let mut said = Self::default();
        said.take(rows);
        said
    }
}

impl Said {
    /// What came of a sample.
    fn take(&mut self, rows: Rows) {
        self.records.extend(rows.records);
        self.events.extend(rows.events);
        let again = rows.read_again.into_iter();
        self.read_again
            .extend(again.map(|mark| (SAMPLE, Some(mark))));
    }
}

impl Book {
    pub(super) fn new(
        settings: MeterSettings,
        modbus: ModbusMeter,
        accepted: Option<String>,
    ) -> Self {
        let plan = plan::plan(&settings, &modbus, None);
        let walk = modbus.model.sunspec.clone().map(SunSpecWalk::new);
        let can_tell = !modbus.model.identify.is_empty();
        let identity = Identity::new(can_tell, accepted.or_else(|| settings.serial.clone()));
        let sampled = Sampled::new(&settings, totals(&plan));
        Self {
            settings,
            modbus,
            plan,
            identity,
            sampled,
            walk,
            totals: MeterTotals::default(),
            last_answer: None,
            refused: Vec::new(),
        }
    }

    pub(super) fn id(&self) -> &MeterId {
        &self.settings.id
    }

    pub(super) fn unit(&self) -> u8 {
        self.modbus.unit
    }

    /// The guard recognises a late answer while it talks to any meter.
    pub(super) fn note_late_answers(&mut self, count: u64) {
        self.totals.late = count;
    }

    /// Counts the end of an exchange.
    pub(super) fn count(&mut self, outcome: &Outcome, now: Timestamp) {
        self.totals.requests += 1;
        match outcome {
            Outcome::Words {
                left_at,
                arrived_at,
                ..
            } => {
                self.totals.answers += 1;
                self.last_answer = Some(now);
                self.totals.round_trips.note(arrived_at.since(*left_at));
            }
            Outcome::Exception(code) => {
                self.last_answer = Some(now);
                *self.totals.exceptions.entry(*code).or_default() += 1;
            }
            Outcome::Silent => self.totals.silent += 1,
            Outcome::Damaged => self.totals.damaged += 1,
            Outcome::LineGone => {}
        }
    }

    /// Hears what the planner tells.
    pub(super) fn hear(&mut self, happening: Happening, clock: &Clock) -> Said {
        let mut said = Said::default();
        match happening {
            Happening::PollDone {
                poll,
                mark,
                words,
                failed,
                ..
            } => match (poll, mark) {
                (IDENTITY, _) => self.hear_identity(&words, &failed, clock, &mut said),
                (SAMPLE, Some(mark)) => {
                    let sample = self.sample(mark, &words, &failed, clock);
                    let mut rows = Rows::default();
                    let trust = self.trust();
                    self.sampled.hear(sample, trust, clock, &mut rows);
                    said.take(rows);
                }
                (INSTANT, _) => self.hear_instants(&words, clock, &mut said),
                _ => {}
            },
            Happening::MarkMissed {
                first, mark, why, ..
            } => {
                let trust = self.trust();
                said.take(self.sampled.hear_missed((first, mark), why, trust, clock));
            }
            Happening::MeterSilent { .. } => {
                let detail = "does not answer; check its supply, the two wires and its address. It \
                              is asked again at growing intervals and costs the others nothing";
                said.events
                    .push(self.event(EventCode::MeterSilent, detail.to_owned(), clock));
            }
            Happening::MeterBack { .. } => {
                // It may be another one by now.
                self.identity.doubt();
                if !self.plan.identify.is_empty() {
                    said.read_again.push((IDENTITY, None));
                }
                let detail = "answers again".to_owned();
                said.events
                    .push(self.event(EventCode::MeterBack, detail, clock));
            }
            Happening::AddressRefused {
                span, exception, ..
            } => {
                let detail = format!(
                    "refuses {span} with exception {exception}, twice; it is left out from now on. \
                     Check that {} is the right model",
                    self.modbus.model.id
                );
                self.refused.push(format!("refuses {span}"));
                said.events
                    .push(self.event(EventCode::RegisterRefused, detail, clock));
            }
            Happening::CommandDone { .. } => {}
        }
        said
    }

    /// Everything that was just read, for a person.
    pub(super) fn registers(&self) -> impl Iterator<Item = &Register> {
        let totals = self.plan.totals.iter();
        let rest = self.plan.instants.iter();
        totals.chain(rest.filter(|register| {
            !self
                .plan
                .totals
                .iter()
                .any(|total| total.obis == register.obis)
        }))
    }

    fn sample(
        &self,
        mark: Timestamp,
        words: &[Answered],
        failed: &[(Span, Why)],
        clock: &Clock,
    ) -> Sample {
        let failed = failed.iter().map(|(_, why)| *why);
        let Some(taken) = words.iter().map(|answered| answered.taken).max() else {
            return Sample::missing(mark, failed, clock);
        };
        let values = self.plan.totals.iter().map(|total| decoded(total, words));
        Sample::new(mark, values.collect(), taken, failed, clock)
    }

    fn hear_identity(
        &mut self,
        words: &[Answered],
        failed: &[(Span, Why)],
        clock: &Clock,
        said: &mut Said,
    ) {
        // A line that failed says nothing about who is there.
        let unclear =
            |why: &Why| matches!(why, Why::Silent | Why::Damaged | Why::LineGone | Why::Late);
        if words.is_empty() || failed.iter().any(|(_, why)| unclear(why)) {
            return;
        }
        let identify = &self.plan.identify;
        let answers: Vec<Option<IdentityValue>> = identify
            .iter()
            .map(|item| {
                let found = words.iter().find(|answered| answered.span == item.span)?;
                item.identity(&found.words).ok()
            })
            .collect();
        let serial = identify.iter().zip(&answers).find_map(|(item, answer)| {
            let known = answer
                .as_ref()
                .filter(|found| **found != IdentityValue::Unavailable);
            known
                .filter(|_| item.what == What::Serial)
                .map(ToString::to_string)
        });
        let model = &self.modbus.model;
        let check = model.check_identity(&answers, self.identity.expected());
        let complaint = match check {
            IdentityCheck::Matches | IdentityCheck::SerialNotKnown => None,
            IdentityCheck::WrongModel { expected, found } => Some(format!(
                "says it is {found}, not {expected} as its model file expects"
            )),
            IdentityCheck::WrongSerial { expected, found } => {
                Some(format!("has serial number {found}, not {expected}"))
            }
        };
        let judged = self.identity.judge(&self.settings.id, serial, complaint);
        for (code, detail) in judged.events {
            said.events.push(self.event(code, detail, clock));
        }
        said.accepted_serial = judged.accepted_serial;
        said.take(self.sampled.hear_held(self.identity.trust(), clock));
    }

    /// The registers of a `SunSpec` meter are known.
    pub(super) fn found(&mut self, registers: &[Register]) {
        self.plan = plan::plan(&self.settings, &self.modbus, Some(registers));
        self.sampled.set_totals(totals(&self.plan));
    }

    fn event(&self, code: EventCode, detail: String, clock: &Clock) -> Event {
        Event {
            at: clock.now().utc,
            code,
            meter: Some(self.id().clone()),
            detail,
        }
    }

    /// What people see.
    pub(super) fn view(&self, planned: Option<&PlannedMeterStatus>) -> MeterView {
        let state = match planned.map(|found| found.state) {
            Some(MeterState::Healthy) if self.last_answer.is_some() => "healthy",
            Some(MeterState::Healthy) => "not asked yet",
            Some(MeterState::Doubtful { .. }) => "doubtful",
            Some(MeterState::BackingOff { .. }) => "silent",
            None => "left alone",
        };
        let made = self.sampled.made();
        let mut remarks = self.refused.clone();
        remarks.extend(self.identity.complaint().map(ToOwned::to_owned));
        MeterView {
            meter: self.id().clone(),
            unit: self.modbus.unit,
            address: None,
            sessions: None,
            last_collected: None,
            overwrite_in_days: None,
            clock_error_ms: None,
            clock_wish: None,
            found: Vec::new(),
            model: self.modbus.model.id.clone(),
            state,
            trust: self.identity.trust(),
            serial: self.identity.serial().map(ToOwned::to_owned),
            last_answer: self.last_answer,
            last_interval: made.last,
            intervals: made.intervals,
            flagged: made.flagged,
            totals: self.totals.clone(),
            remarks,
        }
    }

    /// Serial number it answered with.
    pub(super) fn serial(&self) -> Option<&str> {
        self.identity.serial()
    }

    /// Begins the walk along the chain anew.
    pub(super) fn restart_walk(&mut self) {
        self.walk = self.modbus.model.sunspec.clone().map(SunSpecWalk::new);
    }

    /// Whether its data is taken.
    pub(super) fn is_trusted(&self) -> bool {
        self.identity.is_trusted()
    }

    pub(super) fn trust(&self) -> MeterTrust {
        self.identity.trust()
    }

    /// Takes whatever meter answers as the right one; says its serial number.
    pub(super) fn accept(&mut self) -> Option<String> {
        self.identity.accept()
    }
}

/// The value of a register among what came.
pub(super) fn value(register: &Register, words: &[Answered]) -> Option<Reading> {
    let find = |span: Span| words.iter().find(|answered| answered.span == span);
    let own = find(register.span())?;
    let scale = register.scale_register.and_then(|scale| find(scale.span));
    match register.decode(&own.words, scale.map(|answered| answered.words.as_slice())) {
        Ok(decoded) => Some(Reading {
            obis: register.obis,
            quantity: decoded.map(|found| found.quantity),
        }),
        Err(fault) => {
            log::debug!(fault:%, obis:% = register.obis; "a value could not be decoded");
            None
        }
    }
}

fn decoded(total: &Register, words: &[Answered]) -> Option<SampledTotal> {
    let find = |span: Span| words.iter().find(|answered| answered.span == span);
    let own = find(total.span())?;
    let scale = total.scale_register.and_then(|scale| find(scale.span));
    let found = total.decode(&own.words, scale.map(|answered| answered.words.as_slice()));
    let found = found.ok().flatten()?;
    Some(SampledTotal {
        digits: found.quantity.digits,
        exponent: found.quantity.exponent,
        is_coarse: found.coarse,
    })
}

fn totals(plan: &MeterPlan) -> Vec<Total> {
    let total = |register: &Register| Total {
        obis: register.obis,
        exponent: register.exponent,
        unit: register.unit,
        modulus: register.rollover,
    };
    plan.totals.iter().map(total).collect()
}

#[cfg(test)]
mod tests;
