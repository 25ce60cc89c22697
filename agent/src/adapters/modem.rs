//! The dialogue with a Hayes modem: a telephone line or GSM data calls.
//!
//! What of ITU-T V.250 is used, and what is uncertain, stands in `docs/standards/modem.md`.

mod result_code;
#[cfg(test)]
mod tests;

use super::dialled::{CallFault, Standing, Talk};
use super::lead::Circuits;
use crate::config::{Dialling, HangUp, ModemSettings, Number};
use crate::limits::{
    CALL_LINES_MAX, DIAL_GRACE, DTR_DROPPED_FOR, ESCAPE_ANSWER_WITHIN, ESCAPE_GUARD_AFTER,
    ESCAPE_GUARD_BEFORE, MODEM_ANSWER_WITHIN, MODEM_COMMAND_TRIES, MODEM_SETTLES_WITHIN,
    MODEM_SLOW_ANSWER_WITHIN,
};
use line::Line;
use std::time::Duration;
use tokio::time::Instant;

pub use result_code::{Heard, ResultCode, ResultReader, fuzz_result};

/// No echo, results in words, and none left out.
const PLAIN: &str = "ATE0V1Q0";
/// The carrier's circuit follows the carrier; a falling DTR ends the call.
const CIRCUITS: &str = "AT&C1&D2";
/// Nobody who calls is answered.
const NO_ANSWER: &str = "ATS0=0";

/// Calls; the modem is in its command state and no call stands.
pub(super) async fn call<L: Line + Circuits>(
    talk: &mut Talk<'_, L>,
    settings: &ModemSettings,
    number: &Number,
) -> Result<Standing, CallFault> {
    talk.raise_dtr();
    // Some modems have nothing to go back to.
    ask(talk, "ATZ", MODEM_SLOW_ANSWER_WITHIN).await?;
    talk.rest(MODEM_SETTLES_WITHIN).await?;
    if !ask(talk, PLAIN, MODEM_ANSWER_WITHIN).await? {
        return Err(CallFault::ModemRefuses { command: PLAIN });
    }
    for wish in [CIRCUITS, NO_ANSWER] {
        if !ask(talk, wish, MODEM_ANSWER_WITHIN).await? {
            log::debug!(wish; "the modem does not know this command; going on without it");
        }
    }
    for (number, line) in (1..).zip(&settings.init) {
        if !ask(talk, line.reveal(), MODEM_SLOW_ANSWER_WITHIN).await? {
            return Err(CallFault::InitRefused { number });
        }
    }
    let wait = settings.calls.answer_within;
    // A GSM modem may have no such register; the wait below has its own end.
    let s7 = format!("ATS7={}", wait.as_secs().clamp(1, 255));
    ask(talk, &s7, MODEM_ANSWER_WITHIN).await?;
    let dial = match settings.dialling {
        Dialling::Tone => "ATDT",
        Dialling::Pulse => "ATDP",
    };
    talk.send(format!("{dial}{number}\r").as_bytes()).await?;
    let heard = hear(talk, wait + DIAL_GRACE, |result| result != ResultCode::Ok).await?;
    let Some(heard) = heard else {
        // Any octet ends the dialling.
        talk.send(b"\r").await?;
        talk.rest(MODEM_SETTLES_WITHIN).await?;
        return Err(CallFault::NoResult { waited: wait });
    };
    match heard.result {
        ResultCode::Connect { rate } => Ok(Standing {
            rate,
            line_feed_due: heard.in_words,
        }),
        ResultCode::NoCarrier => Err(CallFault::NoCarrier),
        ResultCode::NoDialTone => Err(CallFault::NoDialTone),
        ResultCode::Busy => Err(CallFault::Busy),
        ResultCode::NoAnswer => Err(CallFault::NoAnswer),
        ResultCode::Barred => Err(CallFault::Barred),
        ResultCode::Error | ResultCode::Ok | ResultCode::Ring => {
            Err(CallFault::ModemRefuses { command: dial })
        }
    }
}

/// Ends the call, if one may stand; the modem itself says that none stands any more.
pub(super) async fn hang_up<L: Line + Circuits>(
    talk: &mut Talk<'_, L>,
    settings: &ModemSettings,
) -> Result<(), CallFault> {
    // A hanging up that was given up may have left it low.
    talk.raise_dtr();
    let ways = match settings.hang_up {
        HangUp::Escape => [HangUp::Escape, HangUp::Dtr],
        HangUp::Dtr => [HangUp::Dtr, HangUp::Escape],
    };
    for way in ways {
        let has_ended = match way {
            HangUp::Escape => escape(talk).await?,
            HangUp::Dtr => drop_dtr(talk).await?,
        };
        if has_ended {
            return talk.rest(MODEM_SETTLES_WITHIN).await;
        }
    }
    if talk.heard_anything() {
        Err(CallFault::NotHungUp)
    } else {
        Err(CallFault::ModemSilent)
    }
}

/// Silence, `+++`, silence, on hook. In the command state only the last part has an effect.
async fn escape<L: Line + Circuits>(talk: &mut Talk<'_, L>) -> Result<bool, CallFault> {
    talk.rest(ESCAPE_GUARD_BEFORE).await?;
    talk.send(b"+++").await?;
    let escaped = Instant::now();
    let heard = hear(talk, ESCAPE_ANSWER_WITHIN, |_| true).await?;
    talk.rest(ESCAPE_GUARD_AFTER.saturating_sub(escaped.elapsed()))
        .await?;
    if heard.is_none() {
        // It was in its command state: what stands there is no command.
        talk.send(b"\r").await?;
        talk.rest(MODEM_SETTLES_WITHIN).await?;
    }
    for command in ["ATH0\r", "ATH\r"] {
        talk.send(command.as_bytes()).await?;
        let heard = hear(talk, MODEM_SLOW_ANSWER_WITHIN, |_| true).await?;
        match heard.map(|heard| heard.result) {
            Some(ResultCode::Ok | ResultCode::NoCarrier) => return hears_commands(talk).await,
            Some(_) => {}
            None => return Ok(false),
        }
    }
    Ok(false)
}

/// Lets DTR fall, and asks whether the modem hears commands again.
async fn drop_dtr<L: Line + Circuits>(talk: &mut Talk<'_, L>) -> Result<bool, CallFault> {
    if !talk.pulse_dtr(DTR_DROPPED_FOR).await? {
        return Ok(false);
    }
    hears_commands(talk).await
}

/// Whether the modem is in its command state: not even a meter that talks on by itself can look
/// like an answer twice.
async fn hears_commands<L: Line + Circuits>(talk: &mut Talk<'_, L>) -> Result<bool, CallFault> {
    for _ in 0..MODEM_COMMAND_TRIES {
        talk.rest(MODEM_SETTLES_WITHIN).await?;
        talk.send(b"AT\r").await?;
        let heard = hear(talk, MODEM_ANSWER_WITHIN, |_| true).await?;
        if heard.is_some_and(|heard| heard.result == ResultCode::Ok) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Sends a command until it is answered; whether the modem takes it.
async fn ask<L: Line + Circuits>(
    talk: &mut Talk<'_, L>,
    command: &str,
    within: Duration,
) -> Result<bool, CallFault> {
    for _ in 0..MODEM_COMMAND_TRIES {
        talk.send(format!("{command}\r").as_bytes()).await?;
        let is_answer = |result| matches!(result, ResultCode::Ok | ResultCode::Error);
        if let Some(heard) = hear(talk, within, is_answer).await? {
            return Ok(heard.result == ResultCode::Ok);
        }
    }
    Err(CallFault::ModemSilent)
}

/// The first result that is wanted; nothing if none comes in time. A ring is never wanted.
async fn hear<L: Line + Circuits>(
    talk: &mut Talk<'_, L>,
    within: Duration,
    is_wanted: impl Fn(ResultCode) -> bool,
) -> Result<Option<Heard>, CallFault> {
    let until = Instant::now() + within;
    let mut reader = ResultReader::default();
    let mut passed_over = 0;
    while let Some(octet) = talk.octet(until).await? {
        let Some(heard) = reader.push(octet) else {
            continue;
        };
        if heard.result != ResultCode::Ring && is_wanted(heard.result) {
            return Ok(Some(heard));
        }
        passed_over += 1;
        if passed_over == CALL_LINES_MAX {
            break;
        }
    }
    Ok(None)
}
