//! The dialogue with a PAD: calls by number through a packet network.
//!
//! What of ITU-T X.28 is used, and what is uncertain, stands in `docs/standards/modem.md`.

mod signal;
#[cfg(test)]
mod tests;

use super::dialled::{CallFault, Standing, Talk};
use super::lead::Circuits;
use crate::config::{Number, PadSettings, Recall};
use crate::limits::{
    CALL_LINES_MAX, DTR_DROPPED_FOR, PAD_ANSWER_WITHIN, PAD_BREAK, PAD_CLEAR_TRIES,
    PAD_CLEAR_WITHIN, PAD_QUIET, PAD_RECALL_WITHIN,
};
use line::Line;
use std::time::Duration;
use tokio::time::Instant;

pub use signal::{ClearCause, Signal, SignalReader, fuzz_signal};

/// Data link escape: recalls the PAD.
pub(super) const DLE: u8 = 0x10;

/// Calls; no call stands.
pub(super) async fn call<L: Line + Circuits>(
    talk: &mut Talk<'_, L>,
    settings: &PadSettings,
    number: &Number,
) -> Result<Standing, CallFault> {
    talk.raise_dtr();
    for (number, command) in (1..).zip(&settings.setup) {
        send(talk, command.reveal()).await?;
        match settle(talk, settings).await? {
            Reply::Refused => return Err(CallFault::SetupRefused { number }),
            Reply::Nothing => return Err(CallFault::PadSilent),
            Reply::Prompted | Reply::Said => {}
        }
    }
    send(
        talk,
        &settings.call.reveal().replace("{number}", number.as_str()),
    )
    .await?;
    let wait = settings.calls.answer_within;
    let is_word = |signal: &Signal| !matches!(signal, Signal::Prompt | Signal::Other);
    match hear(talk, settings, wait, is_word).await? {
        Some(Signal::Connected) => Ok(Standing {
            rate: None,
            line_feed_due: true,
        }),
        Some(Signal::Cleared(cause)) => Err(CallFault::Cleared { cause }),
        Some(_) => Err(CallFault::PadRefuses),
        None if talk.heard_anything() => Err(CallFault::NoResult { waited: wait }),
        None => Err(CallFault::PadSilent),
    }
}

/// Ends the call, if one may stand; the PAD itself says that none stands any more.
pub(super) async fn hang_up<L: Line + Circuits>(
    talk: &mut Talk<'_, L>,
    settings: &PadSettings,
) -> Result<(), CallFault> {
    // A hanging up that was given up may have left it low.
    talk.raise_dtr();
    for _ in 0..PAD_CLEAR_TRIES {
        if clear(talk, settings).await? {
            return Ok(());
        }
    }
    // The network ends the call of a terminal that has gone.
    if talk.pulse_dtr(DTR_DROPPED_FOR).await? && clear(talk, settings).await? {
        return Ok(());
    }
    if talk.heard_anything() {
        Err(CallFault::NotHungUp)
    } else {
        Err(CallFault::PadSilent)
    }
}

/// Recalls the PAD and clears. In its command state only the second part has an effect.
async fn clear<L: Line + Circuits>(
    talk: &mut Talk<'_, L>,
    settings: &PadSettings,
) -> Result<bool, CallFault> {
    match settings.recall {
        Recall::Dle => talk.send(&[DLE]).await?,
        Recall::Break => {
            if !talk.send_break(PAD_BREAK).await {
                log::debug!("no break on this line: the PAD is not recalled");
            }
        }
    }
    let is_prompt = |signal: &Signal| *signal == Signal::Prompt;
    if hear(talk, settings, PAD_RECALL_WITHIN, is_prompt)
        .await?
        .is_none()
    {
        // It may have been in its command state: what stands there is no command.
        send(talk, "").await?;
        settle(talk, settings).await?;
    }
    send(talk, &settings.clear).await?;
    let is_end = |signal: &Signal| {
        let ended = [Signal::ClearConfirmed, Signal::Error].contains(signal);
        ended || matches!(signal, Signal::Cleared(_))
    };
    let has_ended = match hear(talk, settings, PAD_CLEAR_WITHIN, is_end).await? {
        None => false,
        // No call stands, or it did not understand.
        Some(Signal::Error) => !is_engaged(talk, settings).await?,
        Some(_) => true,
    };
    settle(talk, settings).await?;
    Ok(has_ended)
}

/// Whether the PAD says that a call stands. One that does not know the question knows of none.
async fn is_engaged<L: Line + Circuits>(
    talk: &mut Talk<'_, L>,
    settings: &PadSettings,
) -> Result<bool, CallFault> {
    settle(talk, settings).await?;
    send(talk, "STAT").await?;
    let is_state =
        |signal: &Signal| [Signal::Engaged, Signal::ClearConfirmed, Signal::Error].contains(signal);
    let state = hear(talk, settings, PAD_ANSWER_WITHIN, is_state).await?;
    Ok(state == Some(Signal::Engaged))
}

async fn send<L: Line + Circuits>(talk: &mut Talk<'_, L>, command: &str) -> Result<(), CallFault> {
    talk.send(format!("{command}\r").as_bytes()).await
}

/// How a PAD took a command.
#[derive(Debug, PartialEq, Eq)]
enum Reply {
    Prompted,
    /// It said something else and is silent now: a PAD may be set not to prompt.
    Said,
    Refused,
    Nothing,
}

/// Waits until the PAD has said all.
async fn settle<L: Line + Circuits>(
    talk: &mut Talk<'_, L>,
    settings: &PadSettings,
) -> Result<Reply, CallFault> {
    let end = Instant::now() + PAD_ANSWER_WITHIN;
    let mut until = end;
    let mut reply = Reply::Nothing;
    let mut reader = SignalReader::new(&settings.prompt, &settings.connected);
    while let Some(octet) = talk.octet(until).await? {
        until = end.min(Instant::now() + PAD_QUIET);
        match reader.push(octet) {
            Some(Signal::Prompt) if reply != Reply::Refused => return Ok(Reply::Prompted),
            Some(Signal::Prompt) => return Ok(reply),
            Some(Signal::Error) => reply = Reply::Refused,
            _ if reply == Reply::Nothing => reply = Reply::Said,
            _ => {}
        }
        if Instant::now() >= end {
            break;
        }
    }
    Ok(reply)
}

/// The first signal that is wanted; nothing if none comes in time.
async fn hear<L: Line + Circuits>(
    talk: &mut Talk<'_, L>,
    settings: &PadSettings,
    within: Duration,
    is_wanted: impl Fn(&Signal) -> bool,
) -> Result<Option<Signal>, CallFault> {
    let until = Instant::now() + within;
    let mut reader = SignalReader::new(&settings.prompt, &settings.connected);
    let mut passed_over = 0;
    while let Some(octet) = talk.octet(until).await? {
        let Some(signal) = reader.push(octet) else {
            continue;
        };
        if is_wanted(&signal) {
            return Ok(Some(signal));
        }
        passed_over += 1;
        if passed_over == CALL_LINES_MAX {
            break;
        }
    }
    Ok(None)
}
