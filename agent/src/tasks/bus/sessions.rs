//! Sessions on a line: they are given the line, and what comes of them is handed over.

use super::Bus;
use super::flag::{Desk, FlagBook, FlagSaid, Held, Slice, Task, signs_of_life};
use crate::health::Pulse;
use crate::jobs::Ticket;
use metering::MeterId;
use meters::planner::{SessionEnd, SessionTurn};
use std::time::Duration;
use tokio::time::{Instant, interval};

/// How often a task beats while it waits for one thing.
const BEAT_EVERY: Duration = Duration::from_secs(5);

impl Bus {
    /// One session, for the schedule or for somebody who asked.
    pub(super) async fn session(&mut self, turn: SessionTurn) {
        let name = turn.meter.as_ref().map_or("the line", MeterId::as_str);
        self.marker.set(name);
        let end = match turn.token {
            Some(token) => Box::pin(self.session_for_job(token, &turn)).await,
            None => self.scheduled_session(&turn).await,
        };
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

    async fn scheduled_session(&mut self, turn: &SessionTurn) -> SessionEnd {
        let meter = turn.meter.as_ref();
        let place = self.flags.iter().position(|book| Some(book.id()) == meter);
        let Some(place) = place else {
            return SessionEnd::Refused;
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
        let desk = Desk {
            bus: &self.parts.settings,
            store: &self.parts.store,
            clock: &self.parts.clock,
            pulse: &pulse,
            ticket: None,
        };
        let holding = async {
            match self.link.reach(number.as_ref()).await {
                Ok(line) => {
                    let held = book.hold(line, turn, &desk).await;
                    self.link.leave().await;
                    held
                }
                Err(fault) => book.not_reached(fault, &desk),
            }
        };
        alive(holding, &pulse, at_most).await
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
        let bus = &self.parts.settings;
        let at_most = signs_of_life(turn, bus);
        let number = book.flag.number.clone();
        let desk = Desk {
            bus,
            store: &self.parts.store,
            clock: &self.parts.clock,
            pulse: &pulse,
            ticket,
        };
        let holding = async {
            match self.link.reach(number.as_ref()).await {
                Ok(line) => {
                    let held = book.hold_task(line, turn, &desk, task).await;
                    self.link.leave().await;
                    held
                }
                Err(fault) => {
                    let held = book.not_reached(fault.clone(), &desk);
                    (held, Slice::NotReached(fault))
                }
            }
        };
        alive(holding, &pulse, at_most).await
    }

    /// What a session brought goes where it belongs.
    pub(super) async fn heard_session(&mut self, turn: &SessionTurn, held: Held) -> SessionEnd {
        if let Some(error) = held.gone {
            let change = self.link.lost(&error);
            self.say(change).await;
        }
        if let Some(meter) = &turn.meter {
            self.flag_said(&meter.clone(), held.said).await;
        }
        self.show();
        held.end
    }

    /// What a book of a FLAG meter wants done.
    pub(super) async fn flag_said(&mut self, meter: &MeterId, said: FlagSaid) {
        if let Some(serial) = said.accepted_serial {
            self.remember_serial(meter, &serial).await;
        }
        self.parts
            .store
            .keep_together(said.events, said.records)
            .await;
    }
}

/// Shows signs of life while something bounded goes on: a call alone may take a minute.
pub(super) async fn alive<T>(what: impl Future<Output = T>, pulse: &Pulse, at_most: Duration) -> T {
    let mut what = std::pin::pin!(what);
    let mut beats = interval(BEAT_EVERY);
    let end = Instant::now() + at_most;
    loop {
        tokio::select! {
            biased;
            done = &mut what => return done,
            _ = beats.tick(), if Instant::now() < end => pulse.beat(),
        }
    }
}
