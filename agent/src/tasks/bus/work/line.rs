//! Work at the line itself, in slices between which others have it: looking for meters, a meter
//! layer by layer, listening.

use super::found;
use super::listen::Listening;
use super::{Bus, diagnoses, words};
use crate::adapters::dialled::CallFault;
use crate::adapters::port::Port;
use crate::config::{LinkSettings, Number};
use crate::jobs::Ticket;
use crate::limits::{EXAMINE_FOR, LINE_WORK_HOLD_MIN, SCAN_SECONDS_MAX};
use crate::tasks::bus::flag::{SessionSaid, signs_of_life};
use crate::tasks::bus::sessions::alive;
use desk::{Diagnosis, Outcome, Progress, ScanWish};
use iec62056_21::conversation::{PasswordRefusal, SessionFault, Step};
use line::{DataBits, LineFault, LineSettings, Parity, StopBits};
use meters::catalogue::Catalogue;
use meters::flag::{
    Credentials, Examination, ExaminedMeter, FoundMeter, LineReach, PingRun, Scan, ScanOrder,
    Setting, Site, StationWish, VisitFault, WishedAddresses,
};
use meters::planner::{Respect, SessionEnd, SessionRequest, SessionTurn};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What stands for a line without settings of its own, as a Modbus TCP connection.
const NO_LINE: LineSettings = LineSettings {
    baud: 9600,
    parity: Parity::None,
    data_bits: DataBits::Eight,
    stop_bits: StopBits::One,
};

/// A piece of work at the line.
pub(in super::super) struct LineJob {
    ticket: Ticket,
    kind: Kind,
    progress: Progress,
    /// Nothing more is tried then.
    until: Instant,
}

enum Kind {
    Scan(Box<Scan>),
    Ping(Box<(PingRun, Examined)>),
    /// Why a session could not be opened; the fault in words.
    Examine(Box<(Examination, Examined)>, String),
    Listen(Box<Listening>),
}

/// A meter as the trials need it.
pub(in super::super) struct Examined {
    meter: ExaminedMeter,
    name: String,
    number: Option<Number>,
    /// Its password was refused, and is not tried again yet.
    was_refused: bool,
}

/// How a slice ended.
enum Slice {
    More,
    Ended,
    Gone(Arc<io::Error>),
    NotReached(CallFault, Number),
    Unusable(String),
}

impl Bus {
    /// Looks for meters.
    pub(super) fn scan_work(&mut self, ticket: Ticket, wish: &ScanWish) {
        if let Some(trouble) = self.line_trouble() {
            return ticket.failed(trouble);
        }
        let link = &self.parts.settings.link;
        if matches!(link, LinkSettings::Modem(_) | LinkSettings::Pad(_)) {
            return ticket.failed(words::not_here(
                "a line on which meters are called by number",
            ));
        }
        let addresses = match WishedAddresses::parse(&wish.addresses) {
            Ok(addresses) => addresses,
            Err(error) => return ticket.failed(words::bad_wish(&error.to_string())),
        };
        let is_tcp = matches!(link, LinkSettings::ModbusTcp { .. });
        let wished = meters::flag::ScanWish {
            flag: wish.flag && !is_tcp,
            modbus: wish.modbus,
            dlms: match link {
                _ if !wish.dlms || is_tcp => StationWish::None,
                LinkSettings::SerialServer { .. } => StationWish::HdlcAndWrapper,
                _ => StationWish::Hdlc,
            },
            addresses,
            bauds: wish.bauds.clone(),
        };
        let known = self.configured();
        let reach = self.reach();
        let limit = Duration::from_secs(u64::from(wish.seconds_max.min(SCAN_SECONDS_MAX)));
        let order = ScanOrder {
            wish: &wished,
            known: &known,
            catalogue: &self.parts.catalogue,
            limit,
        };
        let scan = Box::new(Scan::new(&reach, &order));
        self.line_work(ticket, Kind::Scan(scan), limit);
    }

    /// Tries a FLAG meter layer by layer.
    pub(super) fn ping_work(&mut self, ticket: Ticket, book: usize) {
        let Some(examined) = self.examined(book) else {
            return;
        };
        let run = Box::new((PingRun::new(), examined));
        self.line_work(ticket, Kind::Ping(run), EXAMINE_FOR);
    }

    /// Finds out why a meter does not answer, for a job that then has failed.
    pub(super) fn examine_work(&mut self, ticket: Ticket, book: usize, fault: String) {
        let Some(examined) = self.examined(book) else {
            return;
        };
        let reach = self.reach();
        let can_switch = reach.dtr.is_some();
        let examination = Examination::new(&examined.meter, &reach, can_switch);
        let kind = Kind::Examine(Box::new((examination, examined)), fault);
        self.line_work(ticket, kind, EXAMINE_FOR);
    }

    /// Listens, and sends nothing.
    pub(super) fn listen_work(&mut self, ticket: Ticket, seconds: u32) {
        if let Some(trouble) = self.line_trouble() {
            return ticket.failed(trouble);
        }
        let listening = Listening::new(seconds);
        let limit = listening.limit();
        self.line_work(ticket, Kind::Listen(Box::new(listening)), limit);
    }

    fn line_work(&mut self, ticket: Ticket, kind: Kind, limit: Duration) {
        self.token += 1;
        let hold_max = match &kind {
            Kind::Listen(_) => limit,
            _ => self.parts.settings.session_max,
        };
        let request = SessionRequest {
            meter: None,
            token: self.token,
            hold_min: LINE_WORK_HOLD_MIN.min(hold_max),
            hold_max,
            respect: match kind {
                Kind::Listen(_) => Respect::Samples,
                _ => Respect::Polls,
            },
        };
        match self.planner.ask_session(request) {
            Ok(()) => {
                let job = LineJob {
                    ticket,
                    kind,
                    progress: Progress::default(),
                    until: Instant::now() + limit,
                };
                self.line_jobs.insert(self.token, job);
            }
            Err(error) => ticket.failed(words::busy(&error.to_string())),
        }
    }

    /// One slice of a piece of work at the line.
    pub(in super::super) async fn slice_for_line(
        &mut self,
        token: u64,
        mut job: LineJob,
        turn: &SessionTurn,
    ) -> SessionEnd {
        if job.ticket.is_cancelled() && !matches!(job.kind, Kind::Scan(_) | Kind::Listen(_)) {
            let progress = std::mem::take(&mut job.progress);
            job.ticket.cancelled(progress);
            return worked(false);
        }
        job.ticket.runs(job.progress.clone());
        let pulse = self.parts.pulse.clone();
        let at_most = signs_of_life(turn, &self.parts.settings);
        let shutdown = self.parts.shutdown.clone();
        let slice = self.line_slice(&mut job, turn.hold_max);
        let slice = alive(slice, &pulse, at_most, &shutdown).await;
        match slice.unwrap_or(Slice::More) {
            Slice::More if Instant::now() < job.until && !job.ticket.is_cancelled() => {
                job.ticket.runs(job.progress.clone());
                self.line_jobs.insert(token, job);
                worked(true)
            }
            Slice::More | Slice::Ended => {
                self.line_done(job).await;
                worked(false)
            }
            Slice::NotReached(fault, number) => {
                not_reached(job, diagnoses::not_reached(&fault, Some(&number)));
                worked(false)
            }
            Slice::Unusable(why) => {
                not_reached(job, words::line_gone(&why));
                worked(false)
            }
            Slice::Gone(error) => {
                let change = self.link.lost(&error);
                self.say(change).await;
                job.ticket.failed(words::line_gone(&error.to_string()));
                SessionEnd::LineGone
            }
        }
    }

    async fn line_slice(&mut self, job: &mut LineJob, hold_max: Duration) -> Slice {
        let until = (Instant::now() + hold_max).min(job.until);
        let number = match &job.kind {
            Kind::Ping(run) => run.1.number.clone(),
            Kind::Examine(trials, _) => trials.1.number.clone(),
            Kind::Scan(_) | Kind::Listen(_) => None,
        };
        if let Some(number) = &number
            && let Err(fault) = self.link.reach(Some(number)).await
        {
            return Slice::NotReached(fault, number.clone());
        }
        let reach = self.reach();
        let catalogue = Arc::clone(&self.parts.catalogue);
        let slice = self.with_site(reach, until, &catalogue, job).await;
        if number.is_some() {
            self.link.leave().await;
        }
        slice
    }

    async fn with_site(
        &mut self,
        reach: LineReach,
        until: Instant,
        catalogue: &Catalogue,
        job: &mut LineJob,
    ) -> Slice {
        let is_tcp = matches!(self.parts.settings.link, LinkSettings::ModbusTcp { .. });
        let Some((line, ids)) = self.link.line_and_ids() else {
            return Slice::Unusable("the line is not open".to_owned());
        };
        let mut set_dtr = |port: &mut Port, on: bool| {
            let done = port.set_dtr(on);
            done.map_err(|error| LineFault::Settings(Arc::new(error)))
        };
        let mut site = Site {
            line,
            reach,
            set_dtr: None,
            tcp: is_tcp.then_some(ids),
        };
        if reach.dtr.is_some() {
            site.set_dtr = Some(&mut set_dtr);
        }
        let cancel = job.ticket.cancel().clone();
        let shutdown = self.parts.shutdown.clone();
        let cancelled = || cancel.is_cancelled() || shutdown.is_cancelled();
        let ticket = &job.ticket;
        let progress = &mut job.progress;
        match &mut job.kind {
            Kind::Scan(scan) => {
                let mut tell = |told: meters::flag::ScanProgress| {
                    *progress = found::scan_progress(&told);
                    ticket.runs(progress.clone());
                };
                let ended = scan
                    .go_on(&mut site, catalogue, until, &cancelled, &mut tell)
                    .await;
                match scan.line_gone() {
                    Some(error) => Slice::Gone(error),
                    None if ended => Slice::Ended,
                    None => Slice::More,
                }
            }
            Kind::Ping(run) => {
                progress.words = run.0.words();
                ticket.runs(progress.clone());
                let (run, examined) = run.as_mut();
                let ended = run
                    .go_on(&mut site, &examined.meter, catalogue, until, &cancelled)
                    .await;
                progress.words = run.words();
                if ended { Slice::Ended } else { Slice::More }
            }
            Kind::Examine(trials, _) => {
                let went = trials
                    .0
                    .go_on(&mut site, catalogue, until, &cancelled)
                    .await;
                "looking for what is set wrong".clone_into(&mut progress.words);
                slice_of(went)
            }
            Kind::Listen(listening) => {
                let went = listening.go_on(site.line, until, ticket, &cancelled).await;
                *progress = listening.progress();
                slice_of(went)
            }
        }
    }

    async fn line_done(&mut self, job: LineJob) {
        let reach = self.reach();
        match job.kind {
            Kind::Scan(scan) => {
                let report = scan.finish();
                if report.is_cancelled && report.found.is_empty() {
                    job.ticket.cancelled(job.progress);
                } else {
                    let names = |found: &FoundMeter| self.configured_as(found);
                    let result = found::scan_result(&report, &reach, &names);
                    job.ticket.done(Outcome::Scan(result));
                }
            }
            Kind::Ping(run) => {
                let (run, examined) = *run;
                let ping = run.finish();
                if let Some(how) = &ping.password {
                    self.note_refused(&examined.name, how).await;
                }
                let mut result = found::ping_result(&ping, &reach, &examined.name);
                if examined.was_refused {
                    found::tell_refused(&mut result);
                }
                job.ticket.done(Outcome::Ping(result));
            }
            Kind::Examine(trials, fault) => {
                let (examination, examined) = *trials;
                let diagnosis = found::examined(&examination, &reach, &examined.name, &fault);
                job.ticket.failed(diagnosis);
            }
            Kind::Listen(listening) => job.ticket.done(Outcome::Heard(listening.finish())),
        }
    }

    async fn note_refused(&mut self, meter: &str, how: &PasswordRefusal) {
        let clock = self.parts.clock.clone();
        let mut books = self.flags.iter_mut();
        let Some(book) = books.find(|book| book.id().as_str() == meter) else {
            return;
        };
        let mut said = SessionSaid::default();
        book.note_refused_password(how, &clock, &mut said);
        let id = book.id().clone();
        self.session_said(&id, said).await;
    }

    fn reach(&mut self) -> LineReach {
        // Nothing is said of a DTR that this port does not have.
        let has_dtr = self
            .link
            .line_and_ids()
            .is_none_or(|(line, _)| line.line_mut().has_circuits());
        let link = &self.parts.settings.link;
        LineReach {
            line: link.line().copied().unwrap_or(NO_LINE),
            can_change: link.can_be_set(),
            dtr: match link {
                LinkSettings::Optical(optical) if has_dtr => optical.dtr.to_be_found(),
                _ => None,
            },
        }
    }

    fn examined(&mut self, place: usize) -> Option<Examined> {
        let reach = self.reach();
        let book = self.flags.get(place)?;
        let bus = &self.parts.settings;
        // Too many wrong passwords lock a meter: what was refused is not tried again.
        let was_refused = book.was_refused(Some(self.parts.clock.now().utc));
        Some(Examined {
            meter: ExaminedMeter {
                model: Arc::clone(&book.flag.model),
                peer: book.peer(),
                address: book.flag.address.clone(),
                setting: Setting::of(&book.line_use(bus), &reach),
                credentials: if was_refused {
                    Credentials::None
                } else {
                    book.credentials()
                },
                level: book.flag.access.level,
                serial: Some(book.expected_serial()).filter(|serial| !serial.is_empty()),
            },
            was_refused,
            name: book.id().to_string(),
            number: book.flag.number.clone(),
        })
    }
}

fn slice_of(went: Result<bool, LineFault>) -> Slice {
    match went {
        Ok(true) => Slice::Ended,
        Ok(false) => Slice::More,
        Err(LineFault::Gone(error)) => Slice::Gone(error),
        Err(fault) => Slice::Unusable(fault.to_string()),
    }
}

/// The meter could not be called, or the line not be used.
fn not_reached(job: LineJob, diagnosis: Diagnosis) {
    match job.kind {
        Kind::Ping(run) => {
            let is_dialled = run.1.number.is_some();
            let result = found::unreached(diagnosis, is_dialled);
            job.ticket.done(Outcome::Ping(result));
        }
        _ => job.ticket.failed(diagnosis),
    }
}

/// Whether other settings may help.
pub(super) fn is_worth_trials(fault: &VisitFault) -> bool {
    use SessionFault as F;
    let VisitFault::Session(fault) = fault else {
        return false;
    };
    match fault {
        F::Nothing { step, .. }
        | F::Garbled { step, .. }
        | F::EchoOnly { step }
        | F::NotAcknowledged { step } => *step == Step::SignOn,
        F::NoIdentification { .. } | F::TwoMeters => true,
        _ => false,
    }
}

fn worked(more: bool) -> SessionEnd {
    SessionEnd::Worked {
        unfinished: Vec::new(),
        more,
    }
}
