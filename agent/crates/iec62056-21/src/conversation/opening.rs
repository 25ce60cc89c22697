//! From the sign-on to the operand.

use line::{GuardedLine, Line, LineSettings, Parting};
use tokio::time::Instant;

use super::fault::{SessionFault, Step};
use super::mask::PasswordMask;
use super::terms::{Opening, Terms};
use super::voice::{Asked, Leaving, Said, Voice};
use crate::codec::ExpectedAnswer;
use crate::codec::{
    Answer, Baud, Command, DecodeFault, Frame, Identification, Mode, OptionSelect, Procedure,
    Purpose, SignOn,
};
use crate::limits::{BREAK_DELAY, IDENTIFICATION_OCTETS_MAX, PROBES_MAX};

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

/// Opens as often as the terms say. When it fails, the line is as it was before.
pub(super) async fn open<L: Line>(
    voice: &mut Voice<'_, L>,
    terms: &Terms,
    purpose: Purpose,
) -> Result<Opened, SessionFault> {
    let mut attempt = 1;
    loop {
        let fault = match open_once(voice, terms, purpose).await {
            Ok(opened) => return Ok(opened),
            Err(fault) => fault,
        };
        let is_last = attempt >= terms.attempts.get();
        if is_last || !is_worth_a_repeat(&fault) {
            voice.promise(Leaving::OutOfStep);
            return Err(fault);
        }
        attempt += 1;
        voice.promise(Leaving::ToTryAgain(terms.line));
        voice.line.part().await?;
        voice.promise(Leaving::OutOfStep);
    }
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
            let settings = follow(voice, terms, mode).await?;
            return Ok(Opened {
                identification,
                said: None,
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
    let said = match ExpectedAnswer::to_option_select(purpose) {
        Some(expected) => {
            Some(select_option(voice, terms, &select.encode(), expected, then).await?)
        }
        None => {
            // HDLC: the meter waits to be asked, at the new speed.
            voice
                .line
                .send_unanswered(
                    voice.gap,
                    &voice.parity.sent(select.encode().octets()),
                    voice.gap,
                )
                .await?;
            if let Some(settings) = then {
                voice.line.set(settings).await?;
            }
            None
        }
    };
    Ok(Opened {
        identification,
        said,
        settings: then.or(terms.line),
    })
}

async fn sign_on<L: Line>(
    voice: &mut Voice<'_, L>,
    terms: &Terms,
) -> Result<Identification, SessionFault> {
    let address = terms.address.clone();
    let request = SignOn { address }.encode();
    let asked = Asked::new(Step::SignOn, &request, ExpectedAnswer::to_sign_on());
    let said = voice.ask(asked).await.map_err(|fault| match fault {
        SessionFault::Garbled { garble, .. } => match foreign_line(voice) {
            _ if identifications(voice, &voice.misheard()) > 1 => SessionFault::TwoMeters,
            Some(octets) => SessionFault::NoIdentification { octets },
            None => SessionFault::Garbled {
                step: Step::SignOn,
                garble,
            },
        },
        fault => fault,
    })?;
    match Identification::decode(&said.octets) {
        // Two that overlap may make one with a second beginning in it.
        Ok(identification) if identification.text().contains('/') => Err(SessionFault::TwoMeters),
        Ok(identification) => {
            if terms.gap.is_none() {
                voice.gap = identification.manufacturer().reaction_time_min();
            }
            Ok(identification)
        }
        Err(_) if matches!(Answer::decode(&said.octets), Ok(Answer::NotAcknowledged)) => {
            let step = Step::SignOn;
            Err(SessionFault::NotAcknowledged { step })
        }
        Err(fault) => Err(SessionFault::Breach(fault)),
    }
}

/// How many identifications begin in these octets.
fn identifications<L: Line>(voice: &Voice<'_, L>, octets: &[u8]) -> usize {
    let heard = voice.parity.received(octets);
    // A damaged octet may have been a letter.
    let is_letter = |octet: &u8| !octet.is_ascii() || octet.is_ascii_alphabetic();
    let begins = |four: &&[u8]| matches!(four, [b'/', rest @ ..] if rest.iter().all(is_letter));
    heard.windows(4).filter(begins).count()
}

/// An undamaged line that begins like an identification, and is none.
fn foreign_line<L: Line>(voice: &Voice<'_, L>) -> Option<usize> {
    let misheard = voice.misheard();
    let heard = voice.parity.received(&misheard);
    let at = heard.iter().position(|octet| *octet == b'/')?;
    let line = heard.get(at..)?;
    if line.starts_with(b"/?") {
        return None;
    }
    let end = line.iter().position(|octet| *octet == b'\n')?;
    let line = line.get(..=end)?;
    let is_line = line.is_ascii() && (5..=IDENTIFICATION_OCTETS_MAX).contains(&line.len());
    let is_foreign = matches!(Identification::decode(line), Err(fault) if !matches!(fault, DecodeFault::EighthBit));
    (is_line && is_foreign).then_some(line.len())
}

/// What comes behind an identification is another one.
async fn look_for_another_meter<L: Line>(voice: &mut Voice<'_, L>) -> Result<(), SessionFault> {
    voice.line.await_silence(voice.gap).await?;
    if identifications(voice, voice.line.unused()) > 0 {
        return Err(SessionFault::TwoMeters);
    }
    Ok(())
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

/// Modes A and B: the meter goes on without being asked.
async fn follow<L: Line>(
    voice: &mut Voice<'_, L>,
    terms: &Terms,
    mode: Mode,
) -> Result<Option<LineSettings>, SessionFault> {
    let Opening::Negotiated { .. } = terms.opening else {
        return Ok(terms.line);
    };
    let (Mode::B(baud), Some(settings)) = (mode, terms.line) else {
        return Ok(terms.line);
    };
    let settings = LineSettings {
        baud: baud.bits_per_second(),
        ..settings
    };
    voice.line.set(settings).await?;
    Ok(Some(settings))
}

async fn select_option<L: Line>(
    voice: &mut Voice<'_, L>,
    terms: &Terms,
    request: &Frame,
    expected: ExpectedAnswer,
    then: Option<LineSettings>,
) -> Result<Said, SessionFault> {
    let step = Step::Select;
    let said = voice
        .ask(Asked {
            then,
            longer: terms.seed_delay,
            ..Asked::new(step, request, expected)
        })
        .await?;
    match Answer::decode(&said.octets) {
        Ok(Answer::NotAcknowledged) => Err(SessionFault::NotAcknowledged { step }),
        Ok(Answer::SignOff) => Err(SessionFault::SignedOff),
        Ok(Answer::Refused(refusal)) => Err(SessionFault::Refused { step, refusal }),
        Ok(_) => Ok(said),
        // A readout is no answer of programming mode.
        Err(_) => Ok(said),
    }
}
