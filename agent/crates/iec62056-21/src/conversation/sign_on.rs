//! The sign-on, and who answers it.

use line::Line;

use super::fault::{SessionFault, Step};
use super::terms::Terms;
use super::voice::{Asked, Voice};
use crate::codec::{Answer, DecodeFault, ExpectedAnswer, Identification, SignOn};
use crate::limits::IDENTIFICATION_OCTETS_MAX;

pub(super) async fn sign_on<L: Line>(
    voice: &mut Voice<'_, L>,
    terms: &Terms,
) -> Result<Identification, SessionFault> {
    let address = terms.address.clone();
    let request = SignOn { address }.encode();
    let asked = Asked::new(Step::SignOn, &request, ExpectedAnswer::to_sign_on());
    let said = voice.ask(asked).await.map_err(|fault| match fault {
        SessionFault::Garbled { garble, .. } => match foreign_line(voice) {
            _ if identifications(&voice.parity.received(&voice.misheard())) > 1 => {
                SessionFault::TwoMeters
            }
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
        Ok(identification) if identifications(identification.text().as_bytes()) > 0 => {
            Err(SessionFault::TwoMeters)
        }
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
fn identifications(heard: &[u8]) -> usize {
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
pub(super) async fn look_for_another_meter<L: Line>(
    voice: &mut Voice<'_, L>,
) -> Result<(), SessionFault> {
    voice.line.await_silence(voice.gap).await?;
    if identifications(&voice.parity.received(voice.line.unused())) > 0 {
        return Err(SessionFault::TwoMeters);
    }
    Ok(())
}
