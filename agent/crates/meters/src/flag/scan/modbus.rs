//! Modbus meters: whether one answers, and which model it may be.

use crate::catalogue::{Catalogue, IdentityValue, Model, Step, SunSpecWalk, What};
use crate::flag::limits::{MODEL_GUESSES_MAX, SUNSPEC_STEPS_MAX};
use crate::modbus::{ReadFault, read_registers};
use crate::{Span, Table};
use line::{GuardedLine, Line, LineFault};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Registers that nearly every meter answers or refuses; the second differs from it in length.
const PRESENCE: Span = Span {
    table: Table::Holding,
    address: 0,
    count: 1,
};

/// What a unit said when it was asked whether it is there.
#[derive(Debug)]
pub(super) enum Presence {
    /// Nothing.
    Silent,
    /// Something that is no answer.
    Garbled { octets: usize },
    /// It is there.
    Present,
    /// The line cannot be used.
    Fault(LineFault),
}

/// What a meter was found to be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ModbusMatch {
    /// Names of models that fit, likeliest first.
    pub(super) models: Vec<String>,
    /// Its serial number, as the likeliest model reads it.
    pub(super) serial: Option<String>,
    /// Whether the serial number, or the lack of models, was cut short by the time.
    pub(super) is_whole: bool,
}

/// How well a model fits, the more the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// Its probe was answered.
    Answers,
    /// Something was where it keeps its serial number.
    HasSerial,
    /// It says itself that it is of this model.
    SaysSo,
}

/// Asks a unit for one register: an answer or a refusal proves that it is there.
pub(super) async fn presence<L: Line>(line: &mut GuardedLine<L>, unit: u8) -> Presence {
    match read_registers(line, unit, PRESENCE, Duration::ZERO).await {
        Ok(_) | Err(ReadFault::Exception(_) | ReadFault::Breach { .. }) => Presence::Present,
        Err(
            ReadFault::Line(LineFault::Silent { heard: 0, .. }) | ReadFault::Unreadable { .. },
        ) => Presence::Silent,
        Err(ReadFault::Line(
            LineFault::Silent { heard: octets, .. }
            | LineFault::Damaged { octets }
            | LineFault::Busy { octets, .. },
        )) => Presence::Garbled { octets },
        Err(ReadFault::Line(fault)) => Presence::Fault(fault),
    }
}

/// Reads what the models of the catalogue are told by, and says which of them fit.
pub(super) async fn identify<L: Line>(
    line: &mut GuardedLine<L>,
    unit: u8,
    catalogue: &Catalogue,
    until: Instant,
) -> ModbusMatch {
    let mut reader = Reader {
        line,
        unit,
        known: BTreeMap::new(),
        last_count: PRESENCE.count,
        until,
    };
    let mut fits: Vec<(Fit, &Model, Option<String>)> = Vec::new();
    for model in catalogue.models() {
        if let Some((fit, serial)) = reader.fit(model).await {
            fits.push((fit, model, serial));
        }
    }
    // Models that say less of themselves come later; else the order of the catalogue stands.
    fits.sort_by_key(|(fit, ..)| Reverse(*fit));
    let serial = fits.first().and_then(|(.., serial)| serial.clone());
    ModbusMatch {
        models: fits
            .iter()
            .take(MODEL_GUESSES_MAX)
            .map(|(_, model, _)| model.id.clone())
            .collect(),
        serial,
        is_whole: Instant::now() < until,
    }
}

/// Reads each span of a meter once, however many models name it.
struct Reader<'a, L> {
    line: &'a mut GuardedLine<L>,
    unit: u8,
    known: BTreeMap<Span, Option<Vec<u16>>>,
    last_count: u16,
    until: Instant,
}

impl<L: Line> Reader<'_, L> {
    async fn read(&mut self, span: Span) -> Option<Vec<u16>> {
        if let Some(known) = self.known.get(&span) {
            return known.clone();
        }
        if Instant::now() >= self.until {
            return None;
        }
        // A copy of the last answer must not pass for this one: lengths take turns.
        if span.count == self.last_count {
            let count = if span.count == 1 { 2 } else { 1 };
            let other = Span { count, ..PRESENCE };
            drop(read_registers(self.line, self.unit, other, Duration::ZERO).await);
        }
        self.last_count = span.count;
        let answer = read_registers(self.line, self.unit, span, Duration::ZERO).await;
        let words = answer.ok().map(|answer| answer.words);
        self.known.insert(span, words.clone());
        words
    }

    async fn fit(&mut self, model: &Model) -> Option<(Fit, Option<String>)> {
        if model.sunspec.is_some() {
            return self.fit_sunspec(model).await;
        }
        self.read(model.probe).await?;
        let mut fit = Fit::Answers;
        let mut answers = Vec::new();
        let mut serial = None;
        for identify in &model.identify {
            let words = self.read(identify.span).await;
            let value = words.and_then(|words| identify.identity(&words).ok());
            let is_there = !matches!(value, None | Some(IdentityValue::Unavailable));
            if is_there && identify.what == What::Serial {
                serial = value.as_ref().map(ToString::to_string);
                fit = fit.max(Fit::HasSerial);
            }
            if is_there && !identify.equals.is_empty() {
                fit = Fit::SaysSo;
            }
            answers.push(value);
        }
        let is_other = matches!(
            model.check_identity(&answers, None),
            crate::catalogue::IdentityCheck::WrongModel { .. }
        );
        (!is_other).then_some((fit, serial))
    }

    async fn fit_sunspec(&mut self, model: &Model) -> Option<(Fit, Option<String>)> {
        let mut walk = SunSpecWalk::new(model.sunspec.clone()?);
        let mut answer: Option<Vec<u16>> = None;
        for _ in 0..SUNSPEC_STEPS_MAX {
            match walk.next(answer.as_deref()) {
                Step::Read(span) => answer = self.read(span).await,
                Step::Found(_) => return Some((Fit::SaysSo, None)),
                Step::NotFound(_) => return None,
            }
        }
        None
    }
}
