//! What the gateway knows of one meter: who it is, what it said, the profile made of it.

mod identity;
mod instants;
mod sample;

use super::view::{MeterTotals, MeterView};
use crate::adapters::clock::Clock;
use crate::config::MeterSettings;
use crate::plan::{self, IDENTITY, INSTANT, MeterPlan, SAMPLE};
use crate::tasks::storekeeper::Record;
use desk::MeterTrust;
use identity::Identity;
use metering::{Event, EventCode, MeterId, Moment, Reading, Timestamp};
use meters::Span;
use meters::catalogue::{Register, SunSpecWalk};
use meters::planner::{Answered, Happening, MeterState, Outcome, PlannedMeterStatus, PollId, Why};
use meters::profile_maker::ProfileMaker;
pub(super) use sample::{Begin, passed_mark};

/// One meter's book.
pub(super) struct Book {
    pub(super) settings: MeterSettings,
    pub(super) plan: MeterPlan,
    identity: Identity,
    maker: Option<ProfileMaker>,
    /// Samples taken before the meter had said who it is, or the store where its profile goes on.
    held: Vec<sample::Sample>,
    pub(super) walk: Option<SunSpecWalk>,
    totals: MeterTotals,
    last_answer: Option<Timestamp>,
    last_interval: Option<Timestamp>,
    /// End of the newest interval that is stored, which lies ahead after the clock was set back.
    newest: Option<Timestamp>,
    /// Beyond this there may be rows that the maker does not know of.
    looked_up_to: Option<Timestamp>,
    /// Gaps too long for rows that are still to be told, first and last mark.
    cuts: Vec<(Timestamp, Timestamp)>,
    /// The profile is to begin, for this reason, as soon as the store can say where.
    pub(super) unplaced: Option<Begin>,
    /// Whether the store remembers that there are rows ahead.
    pub(super) is_noted_behind: bool,
    intervals: u64,
    flagged: u64,
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

impl Book {
    pub(super) fn new(settings: MeterSettings, accepted: Option<String>) -> Self {
        let plan = plan::plan(&settings, None);
        let walk = settings.model.sunspec.clone().map(SunSpecWalk::new);
        let identity = Identity::new(&settings, accepted);
        Self {
            settings,
            plan,
            identity,
            maker: None,
            held: Vec::new(),
            walk,
            totals: MeterTotals::default(),
            last_answer: None,
            last_interval: None,
            newest: None,
            looked_up_to: None,
            cuts: Vec::new(),
            unplaced: None,
            is_noted_behind: false,
            intervals: 0,
            flagged: 0,
            refused: Vec::new(),
        }
    }

    pub(super) fn id(&self) -> &MeterId {
        &self.settings.id
    }

    pub(super) fn unit(&self) -> u8 {
        self.settings.unit
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
                    let sample = sample::Sample::new(mark, words, failed, clock);
                    self.hear_sample(sample, clock, &mut said);
                }
                (INSTANT, _) => self.hear_instants(&words, clock, &mut said),
                _ => {}
            },
            Happening::MarkMissed {
                first, mark, why, ..
            } => {
                self.hear_missed(first, mark, why, clock, &mut said);
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
                    self.settings.model.id
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

    pub(super) fn clock_stepped(&mut self) {
        if let Some(maker) = &mut self.maker {
            maker.clock_stepped();
        }
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
        let mut remarks = self.refused.clone();
        remarks.extend(self.identity.complaint().map(ToOwned::to_owned));
        MeterView {
            meter: self.id().clone(),
            unit: self.settings.unit,
            model: self.settings.model.id.clone(),
            state,
            trust: self.identity.trust(),
            serial: self.identity.serial().map(ToOwned::to_owned),
            last_answer: self.last_answer,
            last_interval: self.last_interval,
            intervals: self.intervals,
            flagged: self.flagged,
            totals: self.totals.clone(),
            remarks,
        }
    }

    /// End of the newest interval, which may lie ahead.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// Up to where rows ahead are known, if there may be more.
    pub(super) fn looked_up_to(&self) -> Option<Timestamp> {
        self.looked_up_to
    }

    /// Whether there are rows after marks that are still to come.
    pub(super) fn is_behind(&self) -> bool {
        self.looked_up_to.is_some() || self.maker.as_ref().is_some_and(ProfileMaker::is_behind)
    }

    /// Begins the walk along the chain anew.
    pub(super) fn restart_walk(&mut self) {
        self.walk = self.settings.model.sunspec.clone().map(SunSpecWalk::new);
    }

    /// Whether its data is taken.
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

/// Why a value was not had, as flags of its interval.
fn flags_of(why: Why) -> metering::Flags {
    use metering::{Flag, Flags};
    let missing = Flags::from(Flag::Missing);
    match why {
        Why::Damaged => missing.with(Flag::LinkError),
        Why::Clock => missing.with(Flag::TimeSet),
        Why::Late => missing.with(Flag::LateSample),
        Why::Replaced => missing.with(Flag::ConfigChanged),
        Why::Silent | Why::LineGone | Why::Refused(_) | Why::Exception(_) | Why::NotReadable => {
            missing
        }
    }
}

/// Milliseconds from a mark to the instant a sample was taken.
fn offset_ms(taken: Moment, mark: Timestamp, clock: &Clock) -> i32 {
    let offset = clock.utc_at(taken).millis_since(mark);
    i32::try_from(offset).unwrap_or(if offset < 0 { i32::MIN } else { i32::MAX })
}

/// A meter that nobody could believe for so long is worth a word in the log.
pub(super) const HELD_MAX: usize = 4;

#[cfg(test)]
mod tests;
