//! A meter layer by layer: port, line, sign-on, identity, password.

use super::examine::{ExaminedMeter, Examination};
use super::serial::{is_same_serial, serial_row, text};
use super::sighting::{SeenMeter, Sighting, sight};
use super::site::{Cancelled, Site};
use super::terms::{Credentials, Wish, terms};
use super::visit::{Visit, VisitFault, identification_words};
use crate::catalogue::Catalogue;
use super::diagnosis::trouble_of;
use crate::catalogue::flag::FlagIdentity;
use crate::flag::limits::{ASK_TIME_MAX, LOST_SHARE, PROOF_ATTEMPTS, QUALITY_READS, SIGHT_HOLD_MAX};
use line::{GuardedLine, Line};
use crate::doctor::SessionTrouble;
use std::error::Error as _;
use std::fmt;
use std::time::Duration;
use tokio::time::Instant;

/// A layer of the way to a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PingLayer {
    /// The gateway's own port.
    Port,
    /// What lies between it and the meter.
    Line,
    /// Whether the meter answers.
    SignOn,
    /// Whether it is the right one.
    Identity,
    /// Whether it takes its password.
    Password,
}

/// What was seen of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PingStep {
    /// Which.
    pub layer: PingLayer,
    /// Whether it holds.
    pub is_well: bool,
    /// What was seen.
    pub words: String,
}

/// What a ping found.
#[derive(Debug, Clone, Default)]
pub struct Ping {
    /// The layers in their order; the first that does not hold is the last.
    pub steps: Vec<PingStep>,
    /// What was tried to find out why, if it did not answer.
    pub examination: Option<Examination>,
    /// What answered, if a meter did.
    pub seen: Option<SeenMeter>,
    /// What went wrong behind the sign-on, if something did.
    pub trouble: Option<SessionTrouble>,
}

impl fmt::Display for PingLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Port => "port",
            Self::Line => "line",
            Self::SignOn => "sign-on",
            Self::Identity => "identity",
            Self::Password => "password",
        })
    }
}

impl Ping {
    /// Whether every layer holds.
    pub fn is_well(&self) -> bool {
        self.steps.iter().all(|step| step.is_well)
    }

    fn note(&mut self, layer: PingLayer, is_well: bool, words: impl Into<String>) {
        self.steps.push(PingStep {
            layer,
            is_well,
            words: words.into(),
        });
    }
}

/// Tries a meter layer by layer, and where it does not answer, what may be set wrong. Its password
/// is tried once.
pub async fn ping<L: Line>(
    site: &mut Site<'_, L>,
    meter: &ExaminedMeter,
    catalogue: &Catalogue,
    limit: Duration,
    cancelled: Cancelled<'_>,
) -> Ping {
    let until = Instant::now() + limit;
    let mut run = PingRun::new();
    while !run.go_on(site, meter, catalogue, until, cancelled).await
        && Instant::now() + ASK_TIME_MAX <= until
        && !cancelled()
    {}
    run.finish()
}

/// A ping that goes on in slices, so that others have the line in between.
#[derive(Debug, Default)]
pub struct PingRun {
    ping: Ping,
    stage: Stage,
    quality: Quality,
}

/// What comes next.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A sign-on as it is configured.
    #[default]
    Look,
    /// The password.
    Prove,
    /// Everything that may be set wrong.
    Examine,
    /// Nothing.
    Done,
}

impl PingRun {
    /// A ping that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// How far it is, in words.
    pub fn words(&self) -> String {
        match self.stage {
            Stage::Look => "signing on".to_owned(),
            Stage::Prove => "trying the password".to_owned(),
            Stage::Examine => {
                let examination = self.ping.examination.as_ref();
                let next = examination.and_then(|examination| examination.left_out.first());
                next.map_or_else(String::new, |way| format!("trying {way}"))
            }
            Stage::Done => "done".to_owned(),
        }
    }

    /// One slice, of at least one step. True if nothing is left to be tried.
    pub async fn go_on<L: Line>(
        &mut self,
        site: &mut Site<'_, L>,
        meter: &ExaminedMeter,
        catalogue: &Catalogue,
        slice_until: Instant,
        cancelled: Cancelled<'_>,
    ) -> bool {
        let mut has_done = false;
        while self.stage != Stage::Done {
            let is_over = Instant::now() + ASK_TIME_MAX > slice_until;
            if has_done && (is_over || cancelled()) {
                break;
            }
            has_done = true;
            let before = Quality::of(site.line);
            match self.stage {
                Stage::Look => self.look(site, meter, catalogue).await,
                Stage::Prove => {
                    self.stage = Stage::Done;
                    self.ping.try_password(site, meter).await;
                }
                Stage::Examine => {
                    let until = slice_until;
                    self.examine(site, meter, catalogue, until, cancelled).await;
                }
                Stage::Done => {}
            }
            self.quality = self.quality.with(Quality::of(site.line).since(before));
        }
        self.stage == Stage::Done
    }

    /// What it found. What was not tried any more is left out.
    pub fn finish(mut self) -> Ping {
        if self.ping.seen.is_some() {
            self.ping.judge_quality(self.quality);
        }
        self.ping
    }

    async fn look<L: Line>(
        &mut self,
        site: &mut Site<'_, L>,
        meter: &ExaminedMeter,
        catalogue: &Catalogue,
    ) {
        self.stage = Stage::Done;
        let ping = &mut self.ping;
        if let Err(fault) = site.line.part().await {
            return ping.note(PingLayer::Port, false, fault.to_string());
        }
        let sighting = sight(site, &meter.setting, meter.address.as_ref(), catalogue).await;
        if let Sighting::Fault(fault) = &sighting {
            return ping.note(PingLayer::Port, false, fault.to_string());
        }
        ping.note(PingLayer::Port, true, format!("open, {}", meter.setting));
        match ping.judge_line(sighting) {
            Some(seen) => {
                let may_go_on = seen.identification.is_some();
                if may_go_on && ping.judge_identity(meter, &seen) {
                    self.stage = Stage::Prove;
                }
                ping.seen = Some(seen);
            }
            None => self.stage = Stage::Examine,
        }
    }

    async fn examine<L: Line>(
        &mut self,
        site: &mut Site<'_, L>,
        meter: &ExaminedMeter,
        catalogue: &Catalogue,
        until: Instant,
        cancelled: Cancelled<'_>,
    ) {
        let examination = self.ping.examination.take();
        let mut examination = examination.unwrap_or_else(|| Examination::new(meter, site));
        let went = examination.go_on(site, catalogue, until, cancelled).await;
        self.ping.examination = Some(examination);
        match went {
            Ok(false) => {}
            Ok(true) => self.stage = Stage::Done,
            Err(fault) => {
                self.ping.note(PingLayer::Port, false, fault.to_string());
                self.stage = Stage::Done;
            }
        }
    }
}

impl Ping {
    fn judge_line(&mut self, sighting: Sighting) -> Option<SeenMeter> {
        let words = sighting.to_string();
        match sighting {
            Sighting::Meter(seen) => {
                let words_of_line = match seen.garbled {
                    0 => "octets come undamaged".to_owned(),
                    times => format!("octets come, but the first {times} answers were damaged"),
                };
                self.note(PingLayer::Line, true, words_of_line);
                let is_whole = seen.identification.is_some();
                self.note(PingLayer::SignOn, is_whole, words);
                // As long as nothing else is known, it fell silent.
                self.trouble = (!is_whole).then_some(SessionTrouble::Dropped {
                    per_cent: 0,
                    resume_from: None,
                });
                return Some(*seen);
            }
            Sighting::TwoMeters | Sighting::Refused | Sighting::Stranger(_) => {
                self.note(PingLayer::Line, true, "octets come undamaged");
                self.note(PingLayer::SignOn, false, words);
            }
            Sighting::Nothing | Sighting::EchoOnly | Sighting::Garbled(_) | Sighting::Fault(_) => {
                self.note(PingLayer::Line, false, words);
            }
        }
        None
    }

    fn judge_identity(
        &mut self,
        meter: &ExaminedMeter,
        seen: &SeenMeter,
    ) -> bool {
        let layer = PingLayer::Identity;
        let identification = seen.identification.as_ref();
        if !identification.is_some_and(|line| meter.model.fits(line)) {
            let expected = format!("a meter of the model {}", meter.model.id);
            self.note(layer, false, format!("this is not {expected}"));
            let found = identification.map(identification_words).unwrap_or_default();
            self.trouble = Some(SessionTrouble::OtherSerial { expected, found });
            return false;
        }
        match (&meter.serial, seen.serial.as_deref()) {
            (Some(expected), Some(found)) if !is_same_serial(found, expected) => {
                self.other_serial(expected, found);
                return false;
            }
            (_, Some(found)) => self.note(layer, true, format!("serial number {found}")),
            (_, None) => self.note(layer, true, "its serial number is not public"),
        }
        true
    }

    fn other_serial(&mut self, expected: &str, found: &str) {
        let words = format!("serial number {found} instead of {expected}");
        self.note(PingLayer::Identity, false, words);
        self.trouble = Some(SessionTrouble::OtherSerial {
            expected: expected.to_owned(),
            found: found.to_owned(),
        });
    }

    /// A line that damages or loses answers is told, whatever else holds.
    fn judge_quality(&mut self, seen: Quality) {
        let all = seen.answers + seen.damaged + seen.silent;
        let lost = seen.damaged + seen.silent;
        let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        if lost == 0 || lost * LOST_SHARE < all || self.is_told() {
            return;
        }
        self.trouble = Some(if seen.damaged >= seen.silent {
            SessionTrouble::BlockChecks {
                failed: count(seen.damaged),
                of: count(all),
            }
        } else {
            SessionTrouble::Dropped {
                per_cent: u8::try_from(seen.answers * 100 / all.max(1)).unwrap_or(100),
                resume_from: None,
            }
        });
        let words = format!("{lost} of {all} answers were damaged or did not come");
        for step in &mut self.steps {
            if step.layer == PingLayer::Line {
                words.clone_into(&mut step.words);
            }
        }
    }

    /// Whether something was found that is more than a bad line.
    fn is_told(&self) -> bool {
        !matches!(
            self.trouble,
            None | Some(SessionTrouble::BlockChecks { .. } | SessionTrouble::Dropped { .. })
        )
    }

    async fn try_password<L: Line>(&mut self, site: &mut Site<'_, L>, meter: &ExaminedMeter) {
        if meter.credentials == Credentials::None {
            let words = "none is configured: only what is public can be read";
            self.note(PingLayer::Password, true, words);
            return;
        }
        let level = meter.level;
        match prove(site, meter).await {
            Ok(Proof::Taken { serial }) => {
                if let (Some(expected), Some(found)) = (&meter.serial, &serial)
                    && !is_same_serial(found, expected)
                {
                    self.other_serial(expected, found);
                    return;
                }
                let words = format!("taken, level {level} as configured");
                self.note(PingLayer::Password, true, words);
            }
            Ok(Proof::TooLow { what, words, needs }) => {
                let told = format!("taken, but it does not open {what}: {words}");
                self.note(PingLayer::Password, false, told);
                self.trouble = Some(SessionTrouble::Level { what, level, needs });
            }
            Err(fault) => {
                self.note(PingLayer::Password, false, told(&fault));
                self.trouble = trouble_of(&fault, level);
            }
        }
    }
}

/// The fault and its cause.
fn told(fault: &VisitFault) -> String {
    match fault.source() {
        Some(cause) => format!("{fault}: {cause}"),
        None => fault.to_string(),
    }
}

/// What a password was good for.
enum Proof {
    /// It was taken; the serial number behind it, if it can be read.
    Taken { serial: Option<String> },
    /// Something that its level should read is refused.
    TooLow {
        what: String,
        /// In the meter's words.
        words: String,
        needs: Option<u8>,
    },
}

/// Logs on, once, and reads the clock, which needs what all readings need.
async fn prove<L: Line>(
    site: &mut Site<'_, L>,
    meter: &ExaminedMeter,
) -> Result<Proof, VisitFault> {
    let wish = Wish {
        peer: meter.peer,
        address: meter.address.clone(),
        line: meter.setting.line_use(&site.reach),
        hold_max: SIGHT_HOLD_MAX,
        attempts: PROOF_ATTEMPTS,
        opening_attempts: PROOF_ATTEMPTS,
        streams: false,
    };
    let terms = terms(&meter.model, &wish);
    let mut visit = Visit::begin(site.line, &meter.model, &terms).await?;
    let proof = prove_in(&mut visit, meter).await;
    visit.end().await;
    proof
}

async fn prove_in<L: Line>(
    visit: &mut Visit<'_, '_, L>,
    meter: &ExaminedMeter,
) -> Result<Proof, VisitFault> {
    visit.log_on(&meter.credentials).await?;
    let serial = match serial_row(visit.model(), &visit.variant().id) {
        Some(row) => serial_of(visit, row).await?,
        None => None,
    };
    let clock = meter.model.clock.as_ref().map(|clock| clock.identity);
    let row = clock.and_then(|clock| visit.row(clock));
    let Some(row) = row.filter(|row| row.read.is_some_and(|needed| needed <= meter.level)) else {
        return Ok(Proof::Taken { serial });
    };
    match visit.read(row, 0).await {
        Ok(_) => Ok(Proof::Taken { serial }),
        Err(fault) => match fault.refusal() {
            Some(refusal) => Ok(Proof::TooLow {
                what: row.content.clone(),
                words: refusal.to_string(),
                needs: None,
            }),
            None => Err(fault),
        },
    }
}

/// The serial number, read in pieces of several lengths: so many answers also tell how good the line
/// is.
async fn serial_of<L: Line>(
    visit: &mut Visit<'_, '_, L>,
    row: &FlagIdentity,
) -> Result<Option<String>, VisitFault> {
    let whole = u8::try_from(row.octets).unwrap_or(u8::MAX);
    for less in (1..whole).rev().take(QUALITY_READS) {
        match visit.read_packet(row.number, 1, less).await {
            Ok(_) => {}
            Err(fault) if fault.refusal().is_some() => return Ok(None),
            Err(fault) => return Err(fault),
        }
    }
    let raw = visit.read_packet(row.number, 1, whole).await?;
    Ok(text(&raw.octets))
}

/// What a line did with answers.
#[derive(Debug, Clone, Copy, Default)]
struct Quality {
    answers: u64,
    damaged: u64,
    silent: u64,
}

impl Quality {
    fn of<L: Line>(line: &GuardedLine<L>) -> Self {
        let counters = line.counters();
        Self {
            answers: counters.answers,
            damaged: counters.damaged,
            silent: counters.silent,
        }
    }

    fn with(self, more: Self) -> Self {
        Self {
            answers: self.answers + more.answers,
            damaged: self.damaged + more.damaged,
            silent: self.silent + more.silent,
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            answers: self.answers - before.answers,
            damaged: self.damaged - before.damaged,
            silent: self.silent - before.silent,
        }
    }
}
