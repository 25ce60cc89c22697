//! Modbus meters: whether one answers, and which model it may be.

use crate::catalogue::{Catalogue, IdentityValue, Model, Step, SunSpecWalk, What};
use crate::flag::limits::{MODEL_GUESSES_MAX, SUNSPEC_STEPS_MAX};
use crate::flag::site::Site;
use crate::modbus::ReadFault;
use crate::{Span, Table};
use line::{Line, LineFault};
use std::cmp::Reverse;
use std::collections::BTreeMap;
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
    /// Whether every model was compared.
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
pub(super) async fn presence<L: Line>(site: &mut Site<'_, L>, unit: u8) -> Presence {
    match site.read_registers(unit, PRESENCE).await {
        Ok(_) | Err(ReadFault::Exception(_) | ReadFault::Breach { .. }) => Presence::Present,
        Err(
            ReadFault::Line(LineFault::Silent { heard: 0, .. })
            | ReadFault::Unreadable { .. }
            | ReadFault::Unwritable { .. },
        ) => Presence::Silent,
        Err(ReadFault::Line(
            LineFault::Silent { heard: octets, .. }
            | LineFault::Damaged { octets }
            | LineFault::Busy { octets, .. },
        )) => Presence::Garbled { octets },
        Err(ReadFault::Line(fault)) => Presence::Fault(fault),
    }
}

/// The comparison of one meter with the models of the catalogue. What was read of it is not read
/// again in the next slice.
#[derive(Debug)]
pub(super) struct Matching {
    unit: u8,
    known: BTreeMap<Span, Option<Vec<u16>>>,
    last_count: u16,
}

impl Matching {
    pub(super) fn new(unit: u8) -> Self {
        Self {
            unit,
            known: BTreeMap::new(),
            last_count: PRESENCE.count,
        }
    }

    /// Reads what the models are told by, and says which of them fit.
    pub(super) async fn go_on<L: Line>(
        &mut self,
        site: &mut Site<'_, L>,
        catalogue: &Catalogue,
        until: Instant,
    ) -> ModbusMatch {
        let mut reader = Reader {
            site,
            matching: self,
            until,
            is_whole: true,
        };
        let mut fits: Vec<(Fit, &Model, Option<String>)> = Vec::new();
        for model in catalogue.models() {
            if let Some((fit, serial)) = reader.fit(model).await {
                fits.push((fit, model, serial));
            }
        }
        let is_whole = reader.is_whole;
        // Models that say less of themselves come later; else the order of the catalogue stands.
        fits.sort_by_key(|(fit, ..)| Reverse(*fit));
        let serial = fits.first().and_then(|(.., serial)| serial.clone());
        let models = fits.iter().take(MODEL_GUESSES_MAX);
        ModbusMatch {
            models: models.map(|(_, model, _)| model.id.clone()).collect(),
            serial,
            is_whole,
        }
    }
}

/// Reads each span of a meter once, however many models name it.
struct Reader<'r, 's, L> {
    site: &'r mut Site<'s, L>,
    matching: &'r mut Matching,
    until: Instant,
    is_whole: bool,
}

impl<L: Line> Reader<'_, '_, L> {
    async fn read(&mut self, span: Span) -> Option<Vec<u16>> {
        if let Some(known) = self.matching.known.get(&span) {
            return known.clone();
        }
        if Instant::now() >= self.until {
            self.is_whole = false;
            return None;
        }
        let unit = self.matching.unit;
        // A copy of the last answer must not pass for this one: lengths take turns.
        if span.count == self.matching.last_count {
            let count = if span.count == 1 { 2 } else { 1 };
            let other = Span { count, ..PRESENCE };
            drop(self.site.read_registers(unit, other).await);
        }
        self.matching.last_count = span.count;
        let answer = self.site.read_registers(unit, span).await;
        let words = answer.ok().map(|answer| answer.words);
        self.matching.known.insert(span, words.clone());
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
