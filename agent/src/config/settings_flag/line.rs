//! How the line is used for one meter.
//!
//! Seven bits and even parity are, on the wire, the same as eight bits whose eighth is the parity:
//! so a line that Modbus meters share stays as it is, and the gateway makes the parity.

use super::super::complaint::Notebook;
use super::super::file::FlagLineFile;
use super::super::flag_meter::{FlagLine, FlagParity};
use super::super::link::LinkSettings;
use super::super::settings_bus::one_of;
use super::FlagReader;
use line::{DataBits, LineSettings, Parity, StopBits};
use toml::Spanned;

/// IEC 62056-21, 6.3.14: the fastest speed that has a digit of its own.
const BAUD_MAX: u32 = 19_200;

impl FlagReader<'_> {
    pub(super) fn line(&self, notes: &mut Notebook) -> Option<FlagLine> {
        let file = self.file.line.as_ref().map(Spanned::as_ref);
        let before = notes.count();
        let wanted = self.settings(file, notes);
        if notes.count() > before {
            return None;
        }
        let changes = file.and_then(|file| file.changes_speed.as_ref());
        let is_optical = matches!(self.bus.link, LinkSettings::Optical(_));
        let changes = changes.map_or(is_optical, |value| *value.as_ref());
        let parity = self.parity(file, wanted.as_ref(), notes)?;
        Some(FlagLine {
            settings: wanted.filter(|wanted| self.bus.link.line() != Some(wanted)),
            changes_speed_to: changes.then_some(BAUD_MAX),
            parity,
        })
    }

    /// The line of the bus, or what the meter wants instead where that can be had.
    fn settings(&self, file: Option<&FlagLineFile>, notes: &mut Notebook) -> Option<LineSettings> {
        let bus = self.bus.link.line().copied()?;
        let mut line = bus;
        let suits = is_seven_even(bus) || is_plain_eight(bus);
        if !suits {
            line.data_bits = DataBits::Eight;
            line.parity = Parity::None;
        }
        if let Some(file) = file {
            self.wishes(file, &mut line, notes);
        }
        if line != bus && !self.bus.link.can_be_set() {
            let span = self
                .file
                .line
                .as_ref()
                .map_or(self.file.bus.span(), Spanned::span);
            let problem = format!("bus {} cannot be set otherwise", self.bus.id);
            let remedy = "set the line behind it to 7 data bits and even parity, and the bus too";
            self.complain(span, "line", problem, remedy, notes);
            return None;
        }
        Some(line)
    }

    fn wishes(&self, file: &FlagLineFile, line: &mut LineSettings, notes: &mut Notebook) {
        if let Some(baud) = &file.baud {
            let known = [300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400];
            if known.contains(baud.as_ref()) {
                line.baud = *baud.as_ref();
            } else {
                let problem = format!("{} is not a baud rate", baud.as_ref());
                let known = known.map(|rate| rate.to_string());
                let remedy = format!("use one of {}", known.join(", "));
                self.complain(baud.span(), "line.baud", problem, remedy, notes);
            }
        }
        match file
            .data_bits
            .as_ref()
            .map(|bits| (bits.as_ref(), bits.span()))
        {
            None => {}
            Some((7, _)) => {
                line.data_bits = DataBits::Seven;
                line.parity = Parity::Even;
            }
            Some((8, _)) => {
                line.data_bits = DataBits::Eight;
                line.parity = Parity::None;
            }
            Some((other, span)) => {
                let problem = format!("{other} data bits do not exist");
                self.complain(span, "line.data-bits", problem, "use 7 or 8", notes);
            }
        }
        if let Some(parity) = &file.parity {
            match parity.as_ref().as_str() {
                "none" => line.parity = Parity::None,
                "even" => line.parity = Parity::Even,
                other => {
                    let problem = format!("`{other}` is no parity of IEC 62056-21");
                    let remedy = "use even with 7 data bits, none with 8";
                    self.complain(parity.span(), "line.parity", problem, remedy, notes);
                }
            }
        }
        match file
            .stop_bits
            .as_ref()
            .map(|bits| (bits.as_ref(), bits.span()))
        {
            None => {}
            Some((1, _)) => line.stop_bits = StopBits::One,
            Some((2, _)) => line.stop_bits = StopBits::Two,
            Some((other, span)) => {
                let problem = format!("{other} stop bits do not exist");
                self.complain(span, "line.stop-bits", problem, "use 1 or 2", notes);
            }
        }
        if !is_seven_even(*line) && !is_plain_eight(*line) {
            let span = self.file.line.as_ref().map_or(0..0, Spanned::span);
            let problem = "is neither 7 data bits with even parity nor 8 without parity";
            let remedy = "IEC 62056-21 knows no other characters";
            self.complain(span, "line", problem, remedy, notes);
        }
    }

    fn parity(
        &self,
        file: Option<&FlagLineFile>,
        line: Option<&LineSettings>,
        notes: &mut Notebook,
    ) -> Option<FlagParity> {
        let usual = if line.copied().is_some_and(is_plain_eight) {
            FlagParity::Software
        } else {
            FlagParity::Line
        };
        let Some(text) = file.and_then(|file| file.parity_by.as_ref()) else {
            return Some(usual);
        };
        let words = ["line", "software", "ignored"];
        match text.as_ref().as_str() {
            "line" => Some(FlagParity::Line),
            "software" => Some(FlagParity::Software),
            "ignored" => Some(FlagParity::Ignored),
            other => {
                let problem = format!("`{other}` makes no parity");
                let remedy = format!("use {}", one_of(&words));
                self.complain(text.span(), "line.parity-by", problem, remedy, notes);
                None
            }
        }
    }
}

fn is_seven_even(line: LineSettings) -> bool {
    line.data_bits == DataBits::Seven && line.parity == Parity::Even
}

fn is_plain_eight(line: LineSettings) -> bool {
    line.data_bits == DataBits::Eight && line.parity == Parity::None
}
