//! A visit to a meter: bounded sessions that work off a list of errands.

mod billing;
mod instants;
mod meaning;
mod profile;
mod report;
mod rows;
mod run;
mod shelf;
mod stop;
mod talk;
mod wishes;

pub use report::{VisitEnd, VisitFault, VisitProgress, VisitReport};
pub use shelf::RawIdentity;
pub use talk::Cancelled;
pub use wishes::{BillingMark, BillingWish, DayRange, ProfileWish, Wishes};

use self::profile::Context;
use self::run::{Errand, errands, identify, read_clock};
use self::shelf::Shelf;
use self::stop::{After, Stop};
use self::talk::Talk;
use super::clock::GatewayClock;
use super::found::{Found, MeterIdentity, Sink};
use super::limits::{HOLD_MIN, STREAM_LEAD, UNPRODUCTIVE_SESSIONS_MAX};
use super::meter::FlagMeter;
use iec62056_21::conversation::Session;
use line::{GuardedLine, Line};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// What is to be read from a meter, and how far that is. It is kept from one session to the next,
/// and thrown away when it is done.
#[derive(Debug, Clone)]
pub struct Visit {
    wishes: Wishes,
    /// None until the meter's variant is known.
    errands: Option<VecDeque<Errand>>,
    shelf: Shelf,
    identity: Option<MeterIdentity>,
    sessions: u64,
    /// Sessions in a row that brought nothing new.
    unproductive: u8,
}

/// What a visit needs beside line and meter.
pub struct VisitTools<'a> {
    /// How long the line may be held, over all sessions if one is cut.
    pub hold_max: Duration,
    /// The gateway's clock.
    pub clock: &'a dyn GatewayClock,
    /// Asked between any two exchanges.
    pub cancelled: Cancelled<'a>,
    /// Takes what comes, as it comes.
    pub sink: &'a mut dyn Sink,
}

impl Visit {
    /// A visit that has not begun.
    pub fn new(wishes: Wishes) -> Self {
        Self {
            wishes,
            errands: None,
            shelf: Shelf::default(),
            identity: None,
            sessions: 0,
            unproductive: 0,
        }
    }

    /// Whether everything was read.
    pub fn is_done(&self) -> bool {
        self.errands.as_ref().is_some_and(VecDeque::is_empty)
    }

    /// How far it is.
    pub fn progress(&self) -> VisitProgress {
        let front = self.errands.as_ref().and_then(VecDeque::front);
        let (done, total) = front.map_or((0, 0), Errand::progress);
        let words = match front {
            Some(errand) => errand.words(),
            None if self.is_done() => "done".to_owned(),
            None => "opening the session".to_owned(),
        };
        VisitProgress { done, total, words }
    }

    /// One session: opens, works, and signs off whatever happened.
    async fn session<L: Line>(
        &mut self,
        line: &mut GuardedLine<L>,
        meter: &FlagMeter,
        hold: Duration,
        tools: &mut VisitTools<'_>,
        report: &mut VisitReport,
    ) -> Result<(), Stop> {
        let wants_profile = self.wishes.profile.is_some() || self.wishes.instrumentation.is_some();
        let terms = meter.terms(hold, wants_profile);
        let session = Session::open(line, &terms).await.map_err(Stop::NotOpened)?;
        report.sessions = report.sessions.saturating_add(1);
        self.sessions += 1;
        let mut talk = Talk::new(session, tools.cancelled);
        let before = self.position();
        let outcome = self.work(&mut talk, meter, tools).await;
        report.exchanges += talk.exchanges;
        talk.into_session().close().await;
        self.unproductive = match &outcome {
            Err(Stop::OutOfTime) if self.position() == before => self.unproductive + 1,
            _ => 0,
        };
        if self.unproductive >= UNPRODUCTIVE_SESSIONS_MAX {
            return Err(Stop::TooShort);
        }
        outcome
    }

    async fn work<L: Line>(
        &mut self,
        talk: &mut Talk<'_, '_, L>,
        meter: &FlagMeter,
        tools: &mut VisitTools<'_>,
    ) -> Result<(), Stop> {
        talk.log_on(&meter.log_on()).await?;
        let identity = identify(talk, meter, self.identity.as_ref()).await?;
        let variant = identity.variant.clone();
        tools.sink.take(Found::Identity(Box::new(identity.clone())));
        self.identity = Some(identity);
        let shown = read_clock(talk, meter, &variant, tools).await?;
        let context = Context {
            model: &meter.model,
            variant: &variant,
            level: meter.level(),
            basis: &meter.basis,
            shown,
            can_stream: meter.can_stream(),
            block_time: meter.block_time(),
            stream_lead: STREAM_LEAD,
            session: self.sessions,
        };
        let wishes = &self.wishes;
        let todo = self
            .errands
            .get_or_insert_with(|| errands(&meter.model, &variant, meter.level(), wishes));
        while let Some(errand) = todo.front_mut() {
            errand
                .run(talk, &mut self.shelf, &context, tools.sink)
                .await?;
            todo.pop_front();
        }
        Ok(())
    }

    /// Changes whenever something was read that need not be read again.
    fn position(&self) -> (usize, u64, usize) {
        let errands = self.errands.as_ref();
        let left = errands.map_or(usize::MAX, VecDeque::len);
        let front = errands.and_then(VecDeque::front);
        (
            left,
            front.map_or(0, Errand::position),
            self.shelf.octets_begun(),
        )
    }
}

/// Works off what a visit has still to do, in one session; if that is cut, in a few more.
///
/// It ends when the line has been held for so long, a little later if the line is slow: an exchange
/// that has begun is never dropped.
pub async fn visit<L: Line>(
    line: &mut GuardedLine<L>,
    meter: &FlagMeter,
    visit: &mut Visit,
    mut tools: VisitTools<'_>,
) -> VisitReport {
    let began = Instant::now();
    let before = octets_on(line);
    let mut report = VisitReport {
        end: VisitEnd::More,
        octets: 0,
        held: Duration::ZERO,
        sessions: 0,
        exchanges: 0,
        identity: None,
    };
    let mut doubts = 0;
    loop {
        let hold = tools.hold_max.saturating_sub(began.elapsed());
        if report.sessions > 0 && hold < HOLD_MIN {
            break;
        }
        let worked = visit
            .session(line, meter, hold, &mut tools, &mut report)
            .await;
        let after = match worked {
            Ok(()) => After::End(VisitEnd::Done),
            Err(stop) => stop.after(meter, &report, tools.hold_max, &mut doubts),
        };
        if let After::End(end) = after {
            report.end = end;
            break;
        }
    }
    report.octets = octets_on(line) - before;
    report.held = began.elapsed();
    report.identity.clone_from(&visit.identity);
    report
}

fn octets_on<L: Line>(line: &GuardedLine<L>) -> u64 {
    let counters = line.counters();
    counters.octets_sent + counters.octets_heard
}
