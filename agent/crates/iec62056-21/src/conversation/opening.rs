//! From the sign-on to the operand.

use line::{DataBits, GuardedLine, Line, LineSettings, Parity, Parting};
use tokio::time::Instant;

use super::fault::{SessionFault, Step};
use super::mask::PasswordMask;
use super::sign_on::{look_for_another_meter, sign_on};
use super::terms::{Opening, Terms};
use super::voice::{Asked, Leaving, Said, Voice};
use crate::codec::ExpectedAnswer;
use crate::codec::{
    Answer, Baud, Command, DecodeFault, Frame, Identification, Mode, OptionSelect, Procedure,
    Purpose,
};
use crate::limits::{BREAK_DELAY, HAND_OVER_DELAY, PROBES_MAX};

/// What an opening brought.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) identification: Identification,
    /// What the meter said behind the option select, if it was asked to say something.
    pub(super) said: Option<Said>,
    /// How the line is set now, if that is known.
    pub(super) settings: Option<LineSettings>,
}

impl Terms {
    pub(super) fn check(&self) -> Result<(), SessionFault> {
        let terms = |reason| Err(SessionFault::Terms { reason });
        if self.line.is_none() && matches!(self.opening, Opening::Negotiated { .. }) {
            return terms("a negotiated opening needs the settings of the line to begin with");
        }
        if self.probes.len() > PROBES_MAX {
            return terms("there are too many probes");
        }
        let mark = |place: usize| self.probes.get(place).map(super::terms::Probe::mark);
        let count = self.probes.len();
        let is_twice = (0..count).any(|one| (0..one).any(|other| mark(one) == mark(other)));
        if is_twice {
            return terms("two probes have answers that cannot be told apart");
        }
        Ok(())
    }
}

/// Makes the line ready for a conversation, whoever used it before.
pub(super) async fn prepare<L: Line>(
    line: &mut GuardedLine<L>,
    terms: &Terms,
) -> Result<(), SessionFault> {
    terms.check()?;
    PasswordMask::wear(line.trace());
    line.part().await?;
    if Instant::now() < line.late_until() {
        let until = line.late_until();
        line.listen(until).await?;
    }
    let mut voice = Voice::new(line, terms);
    voice.promise(Leaving::OutOfStep);
    if let Some(settings) = terms.line {
        voice.line.set(settings).await?;
    }
    if terms.break_first {
        let octets = terms.parity.sent(Command::SignOff.encode().octets());
        let parting = Parting {
            interruption: None,
            min_gap: voice.gap,
            octets,
            delay: BREAK_DELAY,
            restore: None,
            late: std::time::Duration::ZERO,
        };
        voice.line.promise(Some(parting));
        voice.line.part().await?;
        voice.promise(Leaving::OutOfStep);
    }
    Ok(())
}

/// Opens as often as the terms say. When it fails, a sign-off is promised.
pub(super) async fn open<L: Line>(
    voice: &mut Voice<'_, L>,
    terms: &Terms,
    purpose: Purpose,
) -> Result<Opened, SessionFault> {
    let mut attempt = 1;
    loop {
        match open_once(voice, terms, purpose).await {
            Ok(opened) => return Ok(opened),
            Err(fault) => try_again(voice, terms, attempt, fault).await?,
        }
        attempt += 1;
    }
}

/// Asks who is there as often as the terms say, and nothing else.
pub(super) async fn identify<L: Line>(
    voice: &mut Voice<'_, L>,
    terms: &Terms,
) -> Result<Identification, SessionFault> {
    let mut attempt = 1;
    loop {
        let identified = match sign_on(voice, terms).await {
            Ok(identification) => look_for_another_meter(voice).await.map(|()| identification),
            Err(fault) => Err(fault),
        };
        match identified {
            Ok(identification) => return Ok(identification),
            Err(fault) => try_again(voice, terms, attempt, fault).await?,
        }
        attempt += 1;
    }
}

/// Signs off before another attempt, if there is to be one.
async fn try_again<L: Line>(
    voice: &mut Voice<'_, L>,
    terms: &Terms,
    attempt: u8,
    fault: SessionFault,
) -> Result<(), SessionFault> {
    let attempts = terms.opening_attempts.unwrap_or(terms.attempts);
    if attempt >= attempts.get() || !is_worth_a_repeat(&fault) {
        return Err(fault);
    }
    voice.promise(Leaving::ToTryAgain(terms.line));
    voice.line.part().await?;
    voice.promise(Leaving::OutOfStep);
    Ok(())
}

fn is_worth_a_repeat(fault: &SessionFault) -> bool {
    matches!(
        fault,
        SessionFault::Nothing { .. }
            | SessionFault::Garbled { .. }
            | SessionFault::EchoOnly { .. }
            | SessionFault::TwoMeters
            | SessionFault::NotAcknowledged { .. }
            | SessionFault::SignedOff
    )
}

async fn open_once<L: Line>(
    voice: &mut Voice<'_, L>,
    terms: &Terms,
    purpose: Purpose,
) -> Result<Opened, SessionFault> {
    let identification = sign_on(voice, terms).await?;
    let procedure = match purpose {
        Purpose::Binary => Procedure::Hdlc,
        _ => Procedure::Normal,
    };
    let mode = identification.mode();
    match (mode, purpose) {
        (Mode::A | Mode::B(_), Purpose::Readout) => {
            let (said, settings) = follow(voice, terms, mode).await?;
            return Ok(Opened {
                identification,
                said: Some(said),
                settings,
            });
        }
        (Mode::C(_), Purpose::Binary) | (Mode::A | Mode::B(_), _) => {
            return Err(SessionFault::WrongMode { mode });
        }
        (Mode::C(_) | Mode::E(_), _) => {}
    }
    look_for_another_meter(voice).await?;
    let (baud, then) = speed(terms, mode);
    let select = OptionSelect {
        procedure,
        baud,
        purpose,
    };
    let select = select.encode();
    let (said, then) = match ExpectedAnswer::to_option_select(purpose) {
        Some(expected) => {
            let step = match purpose {
                Purpose::Readout => Step::Readout,
                _ => Step::Select,
            };
            let asked = Asked {
                then,
                longer: terms.seed_delay,
                ..Asked::new(step, &select, expected)
            };
            (Some(select_option(voice, asked).await?), then)
        }
        None => (None, hand_over(voice, &select, then.or(terms.line)).await?),
    };
    Ok(Opened {
        identification,
        said,
        settings: then.or(terms.line),
    })
}

/// The speed to select, and how the line is set then.
fn speed(terms: &Terms, mode: Mode) -> (Baud, Option<LineSettings>) {
    let offered = match mode {
        Mode::A => Baud::B300,
        Mode::B(baud) | Mode::C(baud) | Mode::E(baud) => baud,
    };
    match (terms.opening, terms.line) {
        (Opening::Negotiated { baud_max }, Some(settings)) => {
            let baud = offered.min(baud_max);
            let changed = LineSettings {
                baud: baud.bits_per_second(),
                ..settings
            };
            // 300 means that both stay as they are.
            (baud, (baud != Baud::B300).then_some(changed))
        }
        _ => (offered, None),
    }
}

/// Modes A and B: the readout follows without being asked for.
async fn follow<L: Line>(
    voice: &mut Voice<'_, L>,
    terms: &Terms,
    mode: Mode,
) -> Result<(Said, Option<LineSettings>), SessionFault> {
    let settings = match (terms.opening, mode, terms.line) {
        (Opening::Negotiated { .. }, Mode::B(baud), Some(settings)) => Some(LineSettings {
            baud: baud.bits_per_second(),
            ..settings
        }),
        _ => None,
    };
    if let Some(settings) = settings {
        voice.line.set(settings).await?;
    }
    let expected = ExpectedAnswer::to_option_select(Purpose::Readout);
    let expected = expected.ok_or(SessionFault::Breach(DecodeFault::Incomplete))?;
    let said = voice.hear(Step::Readout, expected, None).await?;
    Ok((said, settings.or(terms.line)))
}

async fn select_option<L: Line>(
    voice: &mut Voice<'_, L>,
    asked: Asked<'_>,
) -> Result<Said, SessionFault> {
    let step = asked.step;
    let said = voice.ask(asked).await?;
    match Answer::decode(&said.octets) {
        Ok(Answer::NotAcknowledged) => Err(SessionFault::NotAcknowledged { step }),
        Ok(Answer::SignOff) => Err(SessionFault::SignedOff),
        Ok(Answer::Refused(refusal)) => Err(SessionFault::Refused { step, refusal }),
        Ok(_) | Err(_) => Ok(said),
    }
}

/// HDLC: the meter waits to be asked, at the new speed and with eight bits. Whether it confirms
/// before, our sources do not say; if it does, that is passed over.
async fn hand_over<L: Line>(
    voice: &mut Voice<'_, L>,
    select: &Frame,
    then: Option<LineSettings>,
) -> Result<Option<LineSettings>, SessionFault> {
    let octets = voice.parity.sent(select.octets());
    voice
        .line
        .send_unanswered(voice.gap, &octets, HAND_OVER_DELAY)
        .await?;
    let Some(settings) = then else {
        return Ok(None);
    };
    let settings = LineSettings {
        parity: Parity::None,
        data_bits: DataBits::Eight,
        ..settings
    };
    voice.line.set(settings).await?;
    Ok(Some(settings))
}
