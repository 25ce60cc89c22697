//! Conversations that are no sessions: a readout, what is sent unasked, HDLC, listening only.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use line::{GuardedLine, Line, LineFault, LineSettings, Pattern, Run};
use tokio::time::Instant;

use super::fault::{Garble, SessionFault, Step};
use super::mask::PasswordMask;
use super::opening::{self, Opened};
use super::pattern::Pushed;
use super::terms::Terms;
use super::voice::{Leaving, Voice};
use crate::codec::{
    Block, BlockEnd, DataLines, DecodeFault, ExpectedAnswer, Identification, Purpose,
};
use crate::limits::PAYLOAD_OCTETS_MAX;

/// What a meter shows of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOut {
    /// Who the meter says it is.
    pub identification: Identification,
    /// Data lines, up to and with the mark that ends them.
    pub text: String,
    /// When the request had left; if there was none, when it began to be waited for.
    pub left_at: Instant,
    /// When the last octet was read.
    pub arrived_at: Instant,
}

impl ReadOut {
    /// The data lines.
    pub fn lines(&self) -> Result<DataLines<'_>, DecodeFault> {
        DataLines::parse_to_mark(&self.text)
    }
}

/// Asks who is there, and signs off: for whoever looks for meters.
pub async fn identify<L: Line>(
    line: &mut GuardedLine<L>,
    terms: &Terms,
) -> Result<Identification, SessionFault> {
    opening::prepare(line, terms).await?;
    let mut voice = Voice::new(line, terms);
    let identified = opening::identify(&mut voice, terms).await;
    if identified.is_ok() {
        voice.promise(Leaving::InStep);
    }
    let parted = voice.line.part().await;
    let identification = identified?;
    parted?;
    Ok(identification)
}

/// Reads what a meter of mode A, B, C or E shows of its own, without a password.
pub async fn read_out<L: Line>(
    line: &mut GuardedLine<L>,
    terms: &Terms,
) -> Result<ReadOut, SessionFault> {
    opening::prepare(line, terms).await?;
    let mut voice = Voice::new(line, terms);
    let opened = opening::open(&mut voice, terms, Purpose::Readout).await;
    if opened.is_ok() {
        voice.promise(Leaving::InStep);
    }
    let parted = voice.line.part().await;
    let Opened {
        identification,
        said,
        ..
    } = opened?;
    parted?;
    let said = said.ok_or(SessionFault::Breach(DecodeFault::Incomplete))?;
    let text = Block::decode(&said.octets)?.payload().to_owned();
    Ok(ReadOut {
        identification,
        text,
        left_at: said.left_at,
        arrived_at: said.arrived_at,
    })
}

/// Waits for what a meter of mode D sends unasked. Nothing is sent.
///
/// Nothing protects it but the parity of its characters: no value of it may be kept without another
/// proof.
pub async fn hear_push<L: Line>(
    line: &mut GuardedLine<L>,
    terms: &Terms,
    within: Duration,
) -> Result<ReadOut, SessionFault> {
    PasswordMask::wear(line.trace());
    line.part().await?;
    if let Some(settings) = terms.line {
        line.set(settings).await?;
    }
    let voice = Voice::new(line, terms);
    let expected = ExpectedAnswer::to_option_select(Purpose::Readout);
    let expected = expected.ok_or(SessionFault::Breach(DecodeFault::Incomplete))?;
    let patience = voice.patience(&expected, within);
    let pattern: Arc<dyn Pattern> = Arc::new(Pushed {
        parity: terms.parity,
        octets_max: PAYLOAD_OCTETS_MAX,
    });
    let heard = voice.line.hear(terms.peer, &pattern, patience).await;
    let garble = Garble::of(&voice.misheard(), terms.parity);
    if let Some(settings) = terms.restore {
        voice.line.set(settings).await?;
    }
    let step = Step::Readout;
    let answer = heard.map_err(|fault| match fault {
        LineFault::Silent { waited, heard: 0 } => SessionFault::Nothing { step, waited },
        LineFault::Silent { .. } | LineFault::Damaged { .. } => {
            SessionFault::Garbled { step, garble }
        }
        fault => SessionFault::Line(fault),
    })?;
    let octets = terms.parity.received(&answer.bytes);
    let (identification, text) = pushed(&octets)?;
    Ok(ReadOut {
        identification,
        text,
        left_at: answer.left_at,
        arrived_at: answer.arrived_at,
    })
}

fn pushed(octets: &[u8]) -> Result<(Identification, String), DecodeFault> {
    let end = octets.iter().position(|octet| *octet == b'\n');
    let (line, rest) = octets
        .split_at_checked(end.ok_or(DecodeFault::Incomplete)? + 1)
        .ok_or(DecodeFault::Incomplete)?;
    let text = std::str::from_utf8(rest).map_err(|_| DecodeFault::EighthBit)?;
    DataLines::parse_to_mark(text)?;
    // The same characters as in a block.
    Block::new(text, BlockEnd::Last)?;
    Ok((Identification::decode(line)?, text.to_owned()))
}

/// A line on which a meter of mode E waits to be asked in HDLC.
#[derive(Debug)]
pub struct HandOver {
    /// Who the meter says it is.
    pub identification: Identification,
    /// How the line is set now, if its settings were given.
    pub settings: Option<LineSettings>,
}

/// Opens a meter of mode E and selects HDLC. The line stays with whoever speaks it: by
/// [`GuardedLine::carry_out`], and at the end by [`GuardedLine::part`], which restores the line.
pub async fn hand_over_hdlc<L: Line>(
    line: &mut GuardedLine<L>,
    terms: &Terms,
) -> Result<HandOver, SessionFault> {
    opening::prepare(line, terms).await?;
    let mut voice = Voice::new(line, terms);
    match opening::open(&mut voice, terms, Purpose::Binary).await {
        Ok(opened) => Ok(HandOver {
            identification: opened.identification,
            settings: opened.settings,
        }),
        Err(fault) => {
            drop(voice.line.part().await);
            Err(fault)
        }
    }
}

/// Records what a foreign master and its meters say to each other, in runs that a silence ends,
/// until then or until `take` breaks off. Nothing is sent, and passwords are hidden.
pub async fn overhear<L: Line>(
    line: &mut GuardedLine<L>,
    until: Instant,
    silence: Duration,
    take: &mut (dyn FnMut(Run) -> ControlFlow<()> + Send),
) -> Result<(), LineFault> {
    PasswordMask::wear(line.trace());
    line.overhear(until, silence, take).await
}
