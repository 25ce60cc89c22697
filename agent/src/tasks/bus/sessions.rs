//! Sessions on a line: they are given the line, and what comes of them is handed over.

use super::dlms::{self, DlmsBook};
use super::flag::{Desk, FlagBook, Held, SessionSaid, Slice, Task, signs_of_life};
use super::{Bus, BusParts};
use crate::health::Pulse;
use crate::jobs::Ticket;
use crate::limits::PROGRESS_WITHIN;
use crate::tasks::keykeeper::MeterKeys;
use line::Peer;
use metering::MeterId;
use meters::planner::{SessionEnd, SessionTurn};
use std::time::Duration;
use tokio::time::{Instant, interval, sleep};
use tokio_util::sync::CancellationToken;

/// A session that goes on when the daemon is told to stop gets so long to end.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// How often a task beats while it waits for one thing.
const BEAT_EVERY: Duration = Duration::from_secs(5);

impl Bus {
    /// One session, for the schedule or for somebody who asked.
    pub(super) async fn session(&mut self, turn: SessionTurn) {
        let name = turn.meter.as_ref().map_or("the line", MeterId::as_str);
        self.marker.set(name);
        let end = match turn.token {
            Some(token) => Box::pin(self.session_for_job(token, &turn)).await,
            None => Box::pin(self.scheduled_session(&turn)).await,
        };
        if !matches!(end, SessionEnd::Worked { more: true, .. }) {
            self.hang_up().await;
        }
        self.marker.clear();
        self.due = if end == SessionEnd::LineGone {
            self.link.next_try()
        } else {
            Instant::now()
        };
        self.notice_step().await;
        let happenings = self.planner.session_done(&turn, &end, self.now());
        self.happened(happenings).await;
    }

    /// Ends a call that nobody goes on with.
    pub(super) async fn hang_up(&mut self) {
        let pulse = self.parts.pulse.clone();
        let shutdown = &self.parts.shutdown;
        let left = alive(self.link.leave(), &pulse, PROGRESS_WITHIN, shutdown).await;
        if left.is_none() {
            log::debug!("the port is closed, which ends the call");
        }
    }

    async fn scheduled_session(&mut self, turn: &SessionTurn) -> SessionEnd {
        let meter = turn.meter.as_ref();
        let place = self.flags.iter().position(|book| Some(book.id()) == meter);
        let Some(place) = place else {
            return self.scheduled_dlms(turn).await;
        };
        let mut book = self.flags.remove(place);
        let held = self.hold(&mut book, turn).await;
        self.flags.insert(place, book);
        self.heard_session(turn, held).await
    }

    /// Reaches a meter and holds a session with it.
    async fn hold(&mut self, book: &mut FlagBook, turn: &SessionTurn) -> Held {
        let pulse = self.parts.pulse.clone();
        let at_most = signs_of_life(turn, &self.parts.settings);
        let number = book.flag.number.clone();
        let desk = desk(&self.parts, &pulse, None);
        let holding = async {
            match self.link.reach(number.as_ref()).await {
                Ok(line) => book.hold(line, turn, &desk).await,
                Err(fault) => book.not_reached(fault, &desk),
            }
        };
        let held = alive(holding, &pulse, at_most, &self.parts.shutdown).await;
        held.unwrap_or_else(Held::dropped)
    }

    async fn scheduled_dlms(&mut self, turn: &SessionTurn) -> SessionEnd {
        let meter = turn.meter.as_ref();
        let place = self.dlms.iter().position(|book| Some(book.id()) == meter);
        let Some(place) = place else {
            return SessionEnd::Refused;
        };
        let mut book = self.dlms.remove(place);
        let (held, _) = self.hold_dlms(&mut book, turn, None).await;
        self.dlms.insert(place, book);
        self.heard_session(turn, held).await
    }

    /// Holds a session with a DLMS meter: for what is due, or for a task.
    pub(super) async fn hold_dlms(
        &mut self,
        book: &mut DlmsBook,
        turn: &SessionTurn,
        task: Option<(&mut dlms::Task, Option<&Ticket>)>,
    ) -> (Held, dlms::Slice) {
        let pulse = self.parts.pulse.clone();
        let at_most = signs_of_life(turn, &self.parts.settings);
        let keys = MeterKeys::new(self.parts.keys.clone());
        let ticket = task.as_ref().and_then(|(_, ticket)| *ticket);
        let desk = desk(&self.parts, &pulse, ticket);
        let holding = async {
            let Ok(line) = self.link.reach(None).await else {
                return (Held::no_line(), dlms::Slice::More);
            };
            if let Some((task, _)) = task {
                book.hold_task(line, turn, (&desk, &keys), task).await
            } else {
                let held = book.hold(line, turn, &desk, &keys).await;
                (held, dlms::Slice::More)
            }
        };
        let held = alive(holding, &pulse, at_most, &self.parts.shutdown).await;
        held.unwrap_or_else(|| (Held::dropped(), dlms::Slice::More))
    }

    /// Reaches a meter and holds a session for a task.
    pub(super) async fn hold_task(
        &mut self,
        book: &mut FlagBook,
        turn: &SessionTurn,
        task: &mut Task,
        ticket: Option<&Ticket>,
    ) -> (Held, Slice) {
        let pulse = self.parts.pulse.clone();
        let at_most = signs_of_life(turn, &self.parts.settings);
        let number = book.flag.number.clone();
        let desk = desk(&self.parts, &pulse, ticket);
        let holding = async {
            match self.link.reach(number.as_ref()).await {
                Ok(line) => book.hold_task(line, turn, &desk, task).await,
                Err(fault) => {
                    let held = book.not_reached(fault.clone(), &desk);
                    (held, Slice::NotReached(fault))
                }
            }
        };
        let held = alive(holding, &pulse, at_most, &self.parts.shutdown).await;
        held.unwrap_or_else(|| (Held::dropped(), Slice::More))
    }

    /// What a session brought goes where it belongs.
    pub(super) async fn heard_session(&mut self, turn: &SessionTurn, held: Held) -> SessionEnd {
        if let Some(error) = held.gone {
            let change = self.link.lost(&error);
            self.say(change).await;
        }
        if let Some(meter) = &turn.meter {
            self.session_said(&meter.clone(), held.said).await;
        }
        self.show();
        held.end
    }

    /// What a book of a meter that is read in sessions wants done.
    pub(super) async fn session_said(&mut self, meter: &MeterId, said: SessionSaid) {
        if let Some(serial) = said.accepted_serial {
            self.remember_serial(meter, &serial).await;
        }
        self.parts
            .store
            .keep_together(said.events, said.records)
            .await;
    }
}

/// A meter that is read in sessions as the guard of the line knows it; `kind` keeps one protocol's
/// from another's and from Modbus units.
pub(super) fn peer(kind: u32, name: &str) -> Peer {
    let sum = name
        .bytes()
        .fold(0_u32, |sum, octet| sum.wrapping_mul(31) ^ u32::from(octet));
    Peer(kind | (sum & 0xffff))
}

/// What a session needs beside its meter.
fn desk<'a>(parts: &'a BusParts, pulse: &'a Pulse, ticket: Option<&'a Ticket>) -> Desk<'a> {
    Desk {
        bus: &parts.settings,
        store: &parts.store,
        clock: &parts.clock,
        pulse,
        shutdown: &parts.shutdown,
        ticket,
    }
}

/// Shows signs of life while something bounded goes on: a call alone may take a minute. Nothing
/// when it has not ended soon after the daemon was told to stop; then it is dropped, and whoever
/// uses the line next signs off first.
pub(super) async fn alive<T>(
    what: impl Future<Output = T>,
    pulse: &Pulse,
    at_most: Duration,
    shutdown: &CancellationToken,
) -> Option<T> {
    let mut what = std::pin::pin!(what);
    let mut beats = interval(BEAT_EVERY);
    let end = Instant::now() + at_most;
    let mut stops = std::pin::pin!(async {
        shutdown.cancelled().await;
        sleep(STOP_WITHIN).await;
    });
    loop {
        tokio::select! {
            biased;
            done = &mut what => return Some(done),
            () = &mut stops => return None,
            _ = beats.tick(), if Instant::now() < end => pulse.beat(),
        }
    }
}
