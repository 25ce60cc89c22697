//! Event logs (class 7): rows with a time and a code.

use super::fault::CosemFault;
use super::rows;
use super::setup::{ColumnRole, ProfileSetup};
use super::tail::OrderedRow;
use super::text::data_text;
use super::timeline::{self, Calendar};
use crate::catalogue::dlms::{CodeMeaning, CodeTable, DlmsModel, DlmsProfile};
use crate::clock_basis::ClockBasis;
use dlms::codec::{Column, Data};
use metering::{MeterTime, Timestamp};
use std::time::Duration;

/// A row of a log, or of any other profile that is read as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its place in the answer, from 1.
    pub place: usize,
    /// When; none where the meter gives no time.
    pub at: Option<Timestamp>,
    /// What its clock showed.
    pub shown: Option<MeterTime>,
    /// Its code: the first column with a number that is neither time nor value.
    pub code: Option<u32>,
    /// What the code means, in words of the model.
    pub words: Option<String>,
    /// What the code becomes.
    pub event: Option<metering::EventCode>,
    /// All columns but the time, as texts.
    pub cells: Vec<(Column, String)>,
}

/// Reads buffers of one log.
#[derive(Debug, Clone, Copy)]
pub struct LogReader<'a> {
    profile: &'a DlmsProfile,
    codes: Option<&'a CodeTable>,
    calendar: Calendar<'a>,
}

impl<'a> LogReader<'a> {
    /// For a log of a meter whose clock runs by this calendar.
    pub fn new(model: &'a DlmsModel, profile: &'a DlmsProfile, basis: &'a ClockBasis) -> Self {
        let sense = model.clock.deviation;
        Self {
            profile,
            codes: model.codes_of(profile),
            calendar: Calendar { basis, sense },
        }
    }

    /// The entries of an answer in the order in which they came about; those without a time last.
    pub fn read(
        &self,
        setup: &ProfileSetup,
        answer: &Data,
        begins_within: bool,
    ) -> Result<Vec<LogEntry>, CosemFault> {
        let whole = rows::expand(setup, self.profile.nulls, answer, begins_within)?;
        let period = Duration::from_secs(setup.period_s.into());
        let placed = timeline::place(whole, setup.order, period, self.calendar);
        let timed = placed.rows.iter().map(|row| {
            let entry = self.entry(setup, row.row.place, &row.row.cells);
            LogEntry {
                at: Some(row.at),
                shown: row.shown(),
                ..entry
            }
        });
        let without = placed.without.iter();
        let without = without.map(|row| self.entry(setup, row.place, &row.cells));
        Ok(timed.chain(without).collect())
    }

    /// The entry that a row is.
    pub fn of_row(&self, setup: &ProfileSetup, row: &OrderedRow) -> LogEntry {
        LogEntry {
            at: row.at,
            shown: row.shown,
            ..self.entry(setup, row.place, &row.cells)
        }
    }

    fn entry(&self, setup: &ProfileSetup, place: usize, cells: &[Data]) -> LogEntry {
        let mut code = None;
        let mut texts = Vec::new();
        for (known, cell) in setup.columns.iter().zip(cells) {
            match known.role {
                ColumnRole::Time => continue,
                ColumnRole::Other | ColumnRole::Status if code.is_none() => {
                    code = cell.integer().and_then(|number| u32::try_from(number).ok());
                }
                _ => {}
            }
            texts.push((known.column, data_text(cell)));
        }
        let meaning = code.and_then(|code| self.meaning(code));
        LogEntry {
            place,
            at: None,
            shown: None,
            code,
            words: meaning.map(|meaning| meaning.words.clone()),
            event: meaning.and_then(|meaning| meaning.event),
            cells: texts,
        }
    }

    fn meaning(&self, code: u32) -> Option<&'a CodeMeaning> {
        let codes = self.codes?.codes.iter();
        codes.into_iter().find(|meaning| meaning.code == code)
    }
}
