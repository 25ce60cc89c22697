//! A meter layer by layer: port, line, sign-on, identity, password.

use super::examine::{Examination, examine};
use super::meter::FlagMeter;
use super::serial::is_same_serial;
use super::sighting::{SeenMeter, Sighting, identification_words, sight};
use super::site::Site;
use super::visit::Cancelled;
use crate::catalogue::Catalogue;
use crate::flag::limits::SIGHT_HOLD_MAX;
use iec62056_21::conversation::{Session, SessionFault};
use line::Line;
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
    /// Why the password did not do, if it did not.
    pub password: Option<SessionFault>,
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
    meter: &FlagMeter,
    catalogue: &Catalogue,
    limit: Duration,
    cancelled: Cancelled<'_>,
) -> Ping {
    let until = Instant::now() + limit;
    let mut ping = Ping::default();
    if let Err(fault) = site.line.part().await {
        ping.note(PingLayer::Port, false, fault.to_string());
        return ping;
    }
    let sighting = sight(site, &meter.setting, meter.address.as_ref(), catalogue).await;
    if let Sighting::Fault(fault) = &sighting {
        ping.note(PingLayer::Port, false, fault.to_string());
        return ping;
    }
    let set = format!("open, {}", meter.setting);
    ping.note(PingLayer::Port, true, set);
    if let Some(seen) = ping.judge_line(sighting) {
        if ping.judge_identity(meter, &seen) {
            ping.try_password(site, meter).await;
        }
        ping.seen = Some(seen);
    } else {
        let left = until.saturating_duration_since(Instant::now());
        match examine(site, meter, catalogue, left, cancelled).await {
            Ok(examination) => ping.examination = Some(examination),
            Err(fault) => ping.note(PingLayer::Port, false, fault.to_string()),
        }
    }
    ping
}

impl Ping {
    fn judge_line(&mut self, sighting: Sighting) -> Option<SeenMeter> {
        let (is_line_well, words) = match sighting {
            Sighting::Meter(seen) => {
                self.note(PingLayer::Line, true, "octets come undamaged");
                let words = seen.identification.as_ref().map(identification_words);
                let is_whole = words.is_some();
                let words = words.unwrap_or_else(|| format!("it answers, but {}", seen.remark));
                self.note(PingLayer::SignOn, is_whole, words);
                return is_whole.then_some(*seen);
            }
            Sighting::Nothing => (false, "nothing is heard".to_owned()),
            Sighting::EchoOnly => (false, "only what was sent is heard".to_owned()),
            Sighting::Garbled(garble) => (false, format!("{} garbled octets", garble.octets)),
            Sighting::TwoMeters => {
                self.note(PingLayer::Line, true, "octets come undamaged");
                self.note(PingLayer::SignOn, false, "more than one meter answers");
                return None;
            }
            Sighting::Stranger(words) => {
                self.note(PingLayer::Line, true, "octets come undamaged");
                self.note(PingLayer::SignOn, false, words);
                return None;
            }
            Sighting::Fault(fault) => (false, fault.to_string()),
        };
        self.note(PingLayer::Line, is_line_well, words);
        None
    }

    fn judge_identity(&mut self, meter: &FlagMeter, seen: &SeenMeter) -> bool {
        let fits = seen
            .identification
            .as_ref()
            .is_some_and(|identification| meter.model.fits(identification));
        if !fits {
            let words = format!("this is no meter of the model {}", meter.model.id);
            self.note(PingLayer::Identity, false, words);
            return false;
        }
        let told = seen.serial.as_deref();
        let (is_right, words) = match (&meter.serial, told) {
            (None, Some(found)) => (true, format!("serial number {found}")),
            (None, None) => (true, "it tells no serial number".to_owned()),
            (Some(expected), Some(found)) if is_same_serial(found, expected) => {
                (true, format!("serial number {found}"))
            }
            (Some(expected), Some(found)) => {
                (false, format!("serial number {found} instead of {expected}"))
            }
            // The level of the password may be needed to read it.
            (Some(_), None) => (true, "it tells its serial number to nobody".to_owned()),
        };
        self.note(PingLayer::Identity, is_right, words);
        is_right
    }

    async fn try_password<L: Line>(&mut self, site: &mut Site<'_, L>, meter: &FlagMeter) {
        let Some(credential) = &meter.credential else {
            let words = "none is configured: only what is public can be read";
            self.note(PingLayer::Password, true, words);
            return;
        };
        let level = credential.level;
        match prove(site, meter).await {
            Ok(Proof::Taken) => {
                let words = format!("taken, level {level} as configured");
                self.note(PingLayer::Password, true, words);
            }
            Ok(Proof::TooLow(words)) => {
                let words = format!("taken, but it does not open level {level}: {words}");
                self.note(PingLayer::Password, false, words);
            }
            Err(fault) => {
                self.note(PingLayer::Password, false, fault.to_string());
                self.password = Some(fault);
            }
        }
    }
}

/// What a password was good for.
enum Proof {
    Taken,
    /// Something that its level should read is refused; in the meter's words.
    TooLow(String),
}

/// Logs on, once, and reads the clock, which needs what all readings need.
async fn prove<L: Line>(site: &mut Site<'_, L>, meter: &FlagMeter) -> Result<Proof, SessionFault> {
    let terms = meter.terms(SIGHT_HOLD_MAX, false);
    let mut session = Session::open(site.line, &terms).await?;
    let proof = prove_in(&mut session, meter).await;
    session.close().await;
    proof
}

async fn prove_in<L: Line>(
    session: &mut Session<'_, L>,
    meter: &FlagMeter,
) -> Result<Proof, SessionFault> {
    session.log_on(&meter.log_on()).await?;
    let clock = meter.model.clock.as_ref().map(|clock| clock.identity);
    let variant = meter.model.variant_of(session.identification());
    let row = clock
        .zip(variant)
        .and_then(|(clock, variant)| meter.model.identity(&variant.id, clock));
    let Some(row) = row.filter(|row| row.read.is_some_and(|needed| needed <= meter.level())) else {
        return Ok(Proof::Taken);
    };
    let octets = u8::try_from(row.octets).unwrap_or(u8::MAX);
    match session.read_packet(row.number, 1, octets).await {
        Ok(_) => Ok(Proof::Taken),
        Err(SessionFault::Refused { refusal, .. }) => Ok(Proof::TooLow(refusal.to_string())),
        Err(fault) => Err(fault),
    }
}
