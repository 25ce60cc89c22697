//! One try to sign on, and what was seen.

use super::setting::Setting;
use super::site::Site;
use super::visit::identification_words;
use crate::catalogue::Catalogue;
use crate::catalogue::flag::{FlagModel, IdentityWhat, LogOnStyle};
use crate::flag::limits::{GARBLED_LOOKS_MAX, SIGHT_HOLD_MAX, SIGHT_PEER};
use iec62056_21::codec::{Form, Identification, MeterAddress};
use iec62056_21::conversation::{Garble, LogOn, Session, SessionFault, Step, Terms};
use line::{Line, LineFault};
use std::cmp::Reverse;
use std::fmt;
use std::num::NonZeroU8;

/// What a try to sign on brought.
#[derive(Debug, Clone)]
pub enum Sighting {
    /// Nothing was heard.
    Nothing,
    /// Nothing but what was sent.
    EchoOnly,
    /// Octets that are no message.
    Garbled(Garble),
    /// Two meters at once.
    TwoMeters,
    /// A meter that does not take the sign-on.
    Refused,
    /// Somebody who does not speak FLAG.
    Stranger(String),
    /// A meter answered.
    Meter(Box<SeenMeter>),
    /// The line cannot be used.
    Fault(LineFault),
}

impl fmt::Display for Sighting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing is heard"),
            Self::EchoOnly => f.write_str("only what was sent is heard"),
            Self::Garbled(garble) => write!(f, "{} garbled octets", garble.octets),
            Self::TwoMeters => f.write_str("more than one meter answers"),
            Self::Refused => f.write_str("the sign-on is refused"),
            Self::Stranger(words) => f.write_str(words),
            Self::Meter(seen) => match &seen.identification {
                Some(identification) => f.write_str(&identification_words(identification)),
                None => write!(f, "a meter answers, but {}", seen.remark),
            },
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

/// A meter that answered.
#[derive(Debug, Clone)]
pub struct SeenMeter {
    /// What it says of itself; none where the conversation broke off too early.
    pub identification: Option<Identification>,
    /// Its serial number, if it tells it without a password.
    pub serial: Option<String>,
    /// Names of models that fit, likeliest first.
    pub models: Vec<String>,
    /// What went wrong behind the sign-on; empty where nothing did.
    pub remark: String,
    /// Answers to the sign-on that were garbled before one was not.
    pub garbled: u8,
}

/// Signs on, asks for the serial number at the public level, and signs off.
///
/// Where the answer begins well and is garbled then, it is asked for again: noise comes and goes, two
/// meters do not.
pub(crate) async fn sight<L: Line>(
    site: &mut Site<'_, L>,
    setting: &Setting,
    address: Option<&MeterAddress>,
    catalogue: &Catalogue,
) -> Sighting {
    let mut begun = None;
    for garbled in 0..GARBLED_LOOKS_MAX {
        match sight_once(site, setting, address, catalogue).await {
            Sighting::Garbled(garble) if garble.begins_well => {}
            // By chance two meters at once look like a line of text.
            Sighting::TwoMeters => {}
            Sighting::Meter(mut seen) => {
                seen.garbled = garbled;
                let is_whole = seen.identification.is_some();
                begun = Some(Sighting::Meter(seen));
                if is_whole {
                    break;
                }
            }
            sighting => return begun.unwrap_or(sighting),
        }
    }
    begun.unwrap_or(Sighting::TwoMeters)
}

async fn sight_once<L: Line>(
    site: &mut Site<'_, L>,
    setting: &Setting,
    address: Option<&MeterAddress>,
    catalogue: &Catalogue,
) -> Sighting {
    if let Err(fault) = site.switch_dtr(setting) {
        return Sighting::Fault(fault);
    }
    let (line, parity) = setting.carriage(&site.reach);
    let terms = Terms {
        opening: setting.opening(),
        line,
        parity,
        attempts: NonZeroU8::MIN,
        hold_max: SIGHT_HOLD_MAX,
        restore: line.map(|_| site.reach.line),
        ..Terms::new(SIGHT_PEER, address.cloned())
    };
    let session = match Session::open(site.line, &terms).await {
        Ok(session) => session,
        Err(fault) => return unopened(fault),
    };
    let identification = session.identification().clone();
    let models = likeliest(catalogue, &identification);
    let (serial, remark) = if let Some(model) = models.first() {
        ask_serial(session, model, &identification).await
    } else {
        session.close().await;
        (None, String::new())
    };
    Sighting::Meter(Box::new(SeenMeter {
        serial,
        models: models.iter().map(|model| model.id.clone()).collect(),
        identification: Some(identification),
        remark,
        garbled: 0,
    }))
}

/// Models that fit, the likeliest first. Of two that fit alike, the one with a load profile: if it
/// was the other, reading it shows so at once.
fn likeliest<'a>(catalogue: &'a Catalogue, identification: &Identification) -> Vec<&'a FlagModel> {
    let mut models = catalogue.flag_models_for(identification);
    let rank = |model: &&FlagModel| {
        let keeps_profile = model.profile.is_some();
        Reverse((model.weight(identification), keeps_profile))
    };
    models.sort_by_key(rank);
    models
}

/// What it means that a conversation could not be opened.
fn unopened(fault: SessionFault) -> Sighting {
    let words = fault.to_string();
    let behind = |step: Step| step != Step::SignOn;
    match fault {
        SessionFault::Nothing { step, .. }
        | SessionFault::Garbled { step, .. }
        | SessionFault::EchoOnly { step }
        | SessionFault::NotAcknowledged { step }
        | SessionFault::Refused { step, .. }
            if behind(step) =>
        {
            answered_only(words)
        }
        SessionFault::WrongMode { .. } | SessionFault::SignedOff => answered_only(words),
        SessionFault::NotAcknowledged { .. } => Sighting::Refused,
        SessionFault::Nothing { .. } => Sighting::Nothing,
        SessionFault::EchoOnly { .. } => Sighting::EchoOnly,
        SessionFault::Garbled { garble, .. } => Sighting::Garbled(garble),
        SessionFault::TwoMeters | SessionFault::NoIdentification { .. } => Sighting::TwoMeters,
        SessionFault::Line(fault) => Sighting::Fault(fault),
        _ => Sighting::Stranger(words),
    }
}

fn answered_only(remark: String) -> Sighting {
    Sighting::Meter(Box::new(SeenMeter {
        identification: None,
        serial: None,
        models: Vec::new(),
        remark,
        garbled: 0,
    }))
}

/// The serial number, as far as it is told to anybody, and what went wrong.
async fn ask_serial<L: Line>(
    mut session: Session<'_, L>,
    model: &FlagModel,
    identification: &Identification,
) -> (Option<String>, String) {
    let found = public_serial(&mut session, model, identification).await;
    session.close().await;
    match found {
        Ok(serial) => (serial, String::new()),
        Err(fault) => (None, fault.to_string()),
    }
}

pub(crate) async fn public_serial<L: Line>(
    session: &mut Session<'_, L>,
    model: &FlagModel,
    identification: &Identification,
) -> Result<Option<String>, SessionFault> {
    if let Some(address) = super::serial::serial_set(model) {
        let said = session.read_set(Form::National, address, "").await?;
        return Ok(super::serial::serial_of_set(&said));
    }
    let variant = model.variant_of(identification);
    let row =
        variant.and_then(|variant| model.identity_that_tells(&variant.id, IdentityWhat::Serial));
    let Some(row) = row else {
        return Ok(None);
    };
    let is_elster = matches!(
        model.session.log_on,
        LogOnStyle::Elster | LogOnStyle::ElsterPublicFirst
    );
    if is_elster {
        session.log_on(&LogOn::Public).await?;
    }
    let octets = u8::try_from(row.octets).unwrap_or(u8::MAX);
    let answered = session.read_packet(row.number, 1, octets).await?;
    Ok(super::serial::text(&answered.data))
}
