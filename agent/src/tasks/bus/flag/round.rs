//! One look at everything a meter has to say, in as many sessions as that needs.

use super::ends::gone;
use super::profile::ProfileRun;
use super::task::Slice;
use super::{FlagBook, SessionSaid};
use crate::adapters::clock::Clock;
use crate::adapters::dialled::CallFault;
use crate::config::BusSettings;
use crate::health::Pulse;
use crate::jobs::Ticket;
use crate::plan::{self, COLLECT, INSTANT, SAMPLE};
use crate::tasks::storekeeper::StoreHandle;
use desk::Progress;
use line::{GuardedLine, Line};
use meters::catalogue::flag::{FlagIdentity, FlagModel};
use meters::flag::{Raw, Visit, VisitFault};
use meters::planner::{PollId, SessionEnd, SessionTurn};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a session needs beside its meter.
pub(in super::super) struct Desk<'a> {
    pub(in super::super) bus: &'a BusSettings,
    pub(in super::super) store: &'a StoreHandle,
    pub(in super::super) clock: &'a Clock,
    pub(in super::super) pulse: &'a Pulse,
    pub(in super::super) shutdown: &'a CancellationToken,
    /// Of the work that somebody started, if the session is for that.
    pub(in super::super) ticket: Option<&'a Ticket>,
}

impl Desk<'_> {
    /// Says how far the work is.
    pub(in super::super) fn report(&self, progress: &Progress) {
        if let Some(ticket) = self.ticket {
            ticket.runs(progress.clone());
        }
    }

    /// Whether nobody wants anything more of the session.
    pub(in super::super) fn is_over(&self) -> bool {
        self.shutdown.is_cancelled() || self.ticket.is_some_and(Ticket::is_cancelled)
    }
}

/// What a session came to.
#[derive(Debug)]
pub(in super::super) struct Held {
    pub(in super::super) end: SessionEnd,
    pub(in super::super) said: SessionSaid,
    /// Why the port is gone, if it is.
    pub(in super::super) gone: Option<Arc<std::io::Error>>,
}

impl Held {
    /// There is no line.
    pub(in super::super) fn no_line() -> Self {
        Self {
            end: SessionEnd::LineGone,
            said: SessionSaid::default(),
            gone: None,
        }
    }

    /// A session that was dropped half-way.
    pub(in super::super) fn dropped() -> Self {
        Self {
            end: SessionEnd::Broken,
            said: SessionSaid::default(),
            gone: None,
        }
    }
}

/// A part of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The clock, and what is done about it.
    Clock,
    /// An identity that is compared with what it was.
    Watch(u16),
    /// An identity whose values are kept.
    Register(u16),
    /// The historical sets of an identity, if there are new ones.
    Billing(u16),
    /// The meter's own load profile.
    Profile,
}

/// What is still to be done, and what was read for it.
#[derive(Debug, Default)]
pub(super) struct Round {
    pub(super) steps: VecDeque<Step>,
    /// The run through the load profile.
    pub(super) profile: Option<ProfileRun>,
}

/// Octets of a packet.
pub(super) const PACKET_OCTETS: u16 = 64;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepEnd {
    Done,
    /// The session's time is up before it.
    Later,
}

/// A session that goes on.
pub(super) struct Sitting<'a, 'l, 'm, L> {
    pub(super) book: &'a mut FlagBook,
    pub(super) visit: Visit<'l, 'm, L>,
    pub(super) desk: &'a Desk<'a>,
    pub(super) said: SessionSaid,
    /// What the meter lets the gateway read.
    pub(super) level: u8,
    /// How long one packet takes.
    pub(super) packet: Duration,
    /// Whether the meter and the line have data streams.
    pub(super) has_streams: bool,
    /// Whether the clock was measured in this session.
    pub(super) has_seen_clock: bool,
    /// Billing sets that were kept in this session.
    pub(super) sets_kept: u64,
}

impl FlagBook {
    /// Holds a session for what is due.
    pub(in super::super) async fn hold<L: Line>(
        &mut self,
        line: &mut GuardedLine<L>,
        turn: &SessionTurn,
        desk: &Desk<'_>,
    ) -> Held {
        let model = Arc::clone(&self.flag.model);
        self.totals.sessions += 1;
        let begun = tokio::time::Instant::now();
        let (said, ended) = match self.sit(line, &model, turn, desk).await {
            Ok(mut sitting) => {
                let ended = sitting.work(turn).await;
                let Sitting { visit, said, .. } = sitting;
                self.totals.octets += visit.octets();
                visit.end().await;
                (said, ended)
            }
            Err((fault, said)) => (said, Err(fault)),
        };
        let held_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.totals.held_ms += held_ms;
        self.close(said, ended, turn, desk)
    }

    /// Opens the session, looks who is there, and logs on.
    pub(super) async fn sit<'a, 'l, 'm, L: Line>(
        &'a mut self,
        line: &'l mut GuardedLine<L>,
        model: &'m FlagModel,
        turn: &SessionTurn,
        desk: &'a Desk<'a>,
    ) -> Result<Sitting<'a, 'l, 'm, L>, (VisitFault, SessionSaid)> {
        let terms = self.terms(desk.bus, turn);
        let visit = Visit::begin(line, model, &terms).await;
        let visit = visit.map_err(|fault| (fault, SessionSaid::default()))?;
        self.last_answer = Some(desk.clock.now().utc);
        let packet = plan::packet_time(&self.flag, desk.bus);
        let has_streams = self.has_streams() && model.session.stream_option.is_some();
        let mut sitting = Sitting {
            book: self,
            visit,
            desk,
            said: SessionSaid::default(),
            level: 0,
            packet,
            has_streams,
            has_seen_clock: false,
            sets_kept: 0,
        };
        match sitting.enter().await {
            Ok(()) => Ok(sitting),
            Err(fault) => {
                let Sitting { visit, said, .. } = sitting;
                visit.end().await;
                Err((fault, said))
            }
        }
    }

    fn close(
        &mut self,
        mut said: SessionSaid,
        ended: Result<Vec<PollId>, VisitFault>,
        turn: &SessionTurn,
        desk: &Desk<'_>,
    ) -> Held {
        let (end, gone) = match ended {
            Ok(unfinished) => {
                let more = !unfinished.is_empty();
                (SessionEnd::Worked { unfinished, more }, None)
            }
            Err(fault) => {
                log::debug!(meter:% = self.id(), fault:%; "a session failed");
                let end = self.note_failure(&fault, desk, &mut said);
                (end, gone(&fault))
            }
        };
        match end {
            SessionEnd::Silent => self.totals.silent += 1,
            SessionEnd::Broken => self.totals.broken += 1,
            SessionEnd::Refused => {
                self.totals.refused += 1;
                if turn.due.contains(&COLLECT) {
                    self.round = None;
                }
            }
            SessionEnd::Worked { .. } | SessionEnd::LineGone => {}
        }
        self.end_session(desk.clock, &mut said);
        Held { end, said, gone }
    }

    /// Steps of the round that are still to be done.
    pub(super) fn steps_left(&self) -> usize {
        self.round.as_ref().map_or(0, |round| round.steps.len())
    }

    /// The meter could not be called.
    pub(in super::super) fn not_reached(&mut self, fault: CallFault, desk: &Desk<'_>) -> Held {
        self.totals.silent += 1;
        let remark = format!("could not be called: {fault}");
        log::warn!(meter:% = self.id(), fault:%; "{} {remark}", self.id());
        self.remark(remark);
        let (end, gone) = match fault {
            CallFault::Port(error) => (SessionEnd::LineGone, Some(error)),
            CallFault::NotConnected => (SessionEnd::LineGone, None),
            _ => (SessionEnd::Silent, None),
        };
        desk.pulse.beat();
        let mut said = SessionSaid::default();
        self.end_session(desk.clock, &mut said);
        Held { end, said, gone }
    }
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Everything that is due, as far as time allows; the polls that are not finished.
    async fn work(&mut self, turn: &SessionTurn) -> Result<Vec<PollId>, VisitFault> {
        let mut unfinished = Vec::new();
        for poll in &turn.due {
            let end = match *poll {
                SAMPLE => self.sample(turn.mark).await?,
                INSTANT => self.instants().await.or_else(later)?,
                COLLECT => self.collect().await?,
                _ => StepEnd::Done,
            };
            if end == StepEnd::Later {
                unfinished.push(*poll);
            }
        }
        // A sample does not wait for the clock; and what it brought stands, whatever the clock says.
        if let Err(fault) = self.see_clock().await {
            log::debug!(meter:% = self.book.id(), fault:%; "the clock was not seen");
        }
        Ok(unfinished)
    }

    /// Measures the clock in a session for something else, unless it was measured already. Only what
    /// ends the session is a fault.
    pub(super) async fn see_clock(&mut self) -> Result<(), VisitFault> {
        let (model, variant) = (self.visit.model(), &self.visit.variant().id);
        let mut rows = model.identities_of(variant);
        let is_read = model.clock.as_ref().is_some_and(|clock| {
            let row = rows.find(|row| row.number == clock.identity);
            row.and_then(|row| row.read)
                .is_some_and(|level| level <= self.level)
        });
        if self.has_seen_clock || !is_read || !self.has_room(1) {
            return Ok(());
        }
        match self.look_at_clock().await {
            Err(fault) if fault.ends_session() => Err(fault),
            Err(fault) => {
                log::debug!(meter:% = self.book.id(), fault:%; "the clock was not seen");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    /// The steps of a round, one after the other.
    pub(super) async fn collect(&mut self) -> Result<StepEnd, VisitFault> {
        let begun = self.book.round.as_ref().map(|round| round.steps.front());
        if begun.is_some_and(|next| next != Some(&Step::Clock))
            && let Err(fault) = self.see_clock().await
        {
            return later(fault);
        }
        let mut round = self.book.round.take().unwrap_or_else(|| self.new_round());
        while let Some(step) = round.steps.front().cloned() {
            self.desk.pulse.beat();
            let end = if self.has_room(1) {
                self.step(&step, &mut round).await
            } else {
                Ok(StepEnd::Later)
            };
            match end {
                Ok(StepEnd::Done) => {
                    round.steps.pop_front();
                }
                Ok(StepEnd::Later) => {
                    self.book.round = Some(round);
                    self.book.brought.octets += self.visit.octets();
                    return Ok(StepEnd::Later);
                }
                Err(fault) if fault.ends_session() => {
                    self.book.round = Some(round);
                    return later(fault);
                }
                Err(fault) => {
                    // The rest of the meter is read all the same.
                    let words = format!("{}: {fault}", words(&step));
                    log::debug!(meter:% = self.book.id(); "{words}");
                    self.book.remark(words);
                    round.steps.pop_front();
                }
            }
        }
        self.collected().await;
        self.book.brought.octets += self.visit.octets();
        Ok(StepEnd::Done)
    }

    pub(super) async fn step(
        &mut self,
        step: &Step,
        round: &mut Round,
    ) -> Result<StepEnd, VisitFault> {
        match step {
            Step::Clock => self.look_at_clock().await,
            Step::Watch(identity) => self.watch(*identity).await,
            Step::Register(identity) => self.register(*identity).await,
            Step::Billing(identity) => self.billing(*identity, None).await,
            Step::Profile => self.profile(round).await,
        }
    }

    /// Whether there is time for so many packets, and somebody still wants them.
    pub(super) fn has_room(&self, packets: u16) -> bool {
        !self.desk.is_over() && self.visit.left() >= self.packet * u32::from(packets)
    }

    /// Reads an identity if its session has time for it.
    pub(super) async fn read(&mut self, row: &FlagIdentity) -> Result<Option<Raw>, VisitFault> {
        let packets = row.octets.div_ceil(PACKET_OCTETS).max(1);
        if !self.has_room(packets) {
            return Ok(None);
        }
        self.desk.pulse.beat();
        let raw = self.visit.read(row, 0).await?;
        Ok(Some(raw))
    }
}

/// Time's up is no fault: the task goes on in the next session.
pub(super) fn slice_of(fault: VisitFault) -> Slice {
    match later(fault) {
        Ok(_) => Slice::More,
        Err(fault) => Slice::Failed(fault),
    }
}

/// Time's up is no fault: the round goes on in the next session.
fn later(fault: VisitFault) -> Result<StepEnd, VisitFault> {
    use iec62056_21::conversation::SessionFault;
    match fault {
        VisitFault::Session(SessionFault::TimeUp { .. }) => Ok(StepEnd::Later),
        fault => Err(fault),
    }
}

pub(super) fn words(step: &Step) -> String {
    match step {
        Step::Clock => "clock".to_owned(),
        Step::Watch(identity) | Step::Register(identity) | Step::Billing(identity) => {
            format!("identity {identity}")
        }
        Step::Profile => "load profile".to_owned(),
    }
}
