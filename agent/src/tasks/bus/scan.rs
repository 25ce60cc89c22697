//! Looks for meters on a line, place by place, in turns between the polls of the schedule.

mod places;
mod seek;

use super::Bus;
use super::work::diagnosis;
use crate::config::LinkSettings;
use crate::jobs::Ticket;
use crate::limits::{SCAN_HOLD_MAX, SCAN_HOLD_MIN, SCAN_LONGEST, SCAN_PLACE_TIME};
use desk::{Diagnosis, Outcome, Progress, ScanResult, ScanWish};
use iec62056_21::codec::MeterAddress;
use meters::planner::{Respect, SessionEnd, SessionRequest, SessionTurn};
use places::{Known, Place, places};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// A scan that goes on.
pub(super) struct Scan {
    ticket: Ticket,
    places: VecDeque<Place>,
    total: usize,
    /// Of each group of places: how many were tried.
    tried: BTreeMap<String, usize>,
    result: ScanResult,
    until: Instant,
}

impl Bus {
    /// Begins a scan.
    pub(super) fn scan(&mut self, ticket: Ticket, wish: &ScanWish) {
        let bus = &self.parts.settings;
        if matches!(bus.link, LinkSettings::Modem(_) | LinkSettings::Pad(_)) {
            return ticket.failed(dialled());
        }
        if let Some(trouble) = self.line_trouble() {
            return ticket.failed(trouble);
        }
        let places = places(wish, bus, &self.known());
        let longest = Duration::from_secs(u64::from(wish.seconds_max)).min(SCAN_LONGEST);
        self.token += 1;
        let request = SessionRequest {
            meter: None,
            token: self.token,
            hold_min: SCAN_HOLD_MIN,
            hold_max: SCAN_HOLD_MAX,
            respect: Respect::Polls,
        };
        if let Err(error) = self.planner.ask_session(request) {
            return ticket.failed(super::work::busy(&error.to_string()));
        }
        let scan = Scan {
            ticket,
            total: places.len(),
            places,
            tried: BTreeMap::new(),
            result: ScanResult {
                found: Vec::new(),
                doubts: Vec::new(),
                tried: Vec::new(),
                left_out: Vec::new(),
            },
            until: Instant::now() + longest,
        };
        self.line_jobs
            .insert(self.token, super::LineJob::Scan(Box::new(scan)));
    }

    fn known(&self) -> Known {
        let mut bauds: Vec<u32> = self
            .parts
            .catalogue
            .flag_models()
            .map(|model| model.line.baud)
            .collect();
        bauds.sort_unstable_by(|one, other| other.cmp(one));
        bauds.dedup();
        let flags = self
            .flags
            .iter()
            .filter_map(|book| book.flag.address.as_ref());
        Known {
            outstations: flags.map(|address| address.text().to_owned()).collect(),
            units: self.books.iter().map(super::book::Book::unit).collect(),
            bauds,
        }
    }

    /// One turn of a scan.
    pub(super) async fn scan_on(
        &mut self,
        token: u64,
        mut scan: Box<Scan>,
        turn: &SessionTurn,
    ) -> SessionEnd {
        let begun = Instant::now();
        let end = begun + turn.hold_max.max(SCAN_PLACE_TIME);
        while Instant::now() + SCAN_PLACE_TIME <= end && Instant::now() < scan.until {
            if self.parts.shutdown.is_cancelled() {
                break;
            }
            if scan.ticket.is_cancelled() {
                let progress = scan.progress();
                scan.ticket.cancelled(progress);
                return over();
            }
            let Some(place) = scan.places.pop_front() else {
                break;
            };
            self.parts.pulse.beat();
            scan.ticket.runs(Progress {
                words: place.words(),
                ..scan.progress()
            });
            *scan.tried.entry(place.group()).or_default() += 1;
            if let Err(error) = self.look_at(&place, &mut scan.result).await {
                let change = self.link.lost(&error);
                self.say(change).await;
                let why = super::work::line_gone(&error.to_string());
                scan.ticket.failed(why);
                return SessionEnd::LineGone;
            }
        }
        if scan.places.is_empty() || Instant::now() >= scan.until {
            scan.end();
            return over();
        }
        self.line_jobs.insert(token, super::LineJob::Scan(scan));
        SessionEnd::Worked {
            unfinished: Vec::new(),
            more: true,
        }
    }
}

impl Scan {
    fn progress(&self) -> Progress {
        let done = self.total - self.places.len();
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Progress {
            done: number(done),
            total: number(self.total),
            words: format!("{done} of {} places", self.total),
        }
    }

    fn end(self) {
        let mut result = self.result;
        let tried = self.tried.iter();
        result.tried = tried
            .map(|(group, count)| format!("{group}: {count} addresses"))
            .collect();
        let mut left: BTreeMap<String, usize> = BTreeMap::new();
        for place in &self.places {
            *left.entry(place.group()).or_default() += 1;
        }
        let left = left.iter();
        result.left_out = left
            .map(|(group, count)| format!("{group}: {count} addresses"))
            .collect();
        self.ticket.done(Outcome::Scan(result));
    }
}

fn over() -> SessionEnd {
    SessionEnd::Worked {
        unfinished: Vec::new(),
        more: false,
    }
}

fn dialled() -> Diagnosis {
    diagnosis(
        "J03",
        "there is nothing to scan on a dialled line: each number has its own meter".to_owned(),
        "nothing was called, and nothing is lost",
        &["write the meter into the configuration with its number, then `pmuctl meter ping`"],
    )
}

/// The address of a place, if it can be one.
fn address_of(text: &str) -> Option<MeterAddress> {
    MeterAddress::new(text).ok().filter(|_| !text.is_empty())
}
