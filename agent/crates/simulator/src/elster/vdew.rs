//! Simulated meters of the VDEW style: registers with OBIS codes, a readout, a load profile `P.01`.
//!
//! What a header of the profile says beyond its time is laid out after the family's usual form;
//! the source of our description names the registers and the actions only.

mod form;
mod profile;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use iec62056_21::codec::{DataSet, Form, Identification, MeterAddress, Packet, PacketRead};
use iec62056_21::codec::{Password, Seed};
use iec62056_21::meter::limits::READOUT_WAIT;
use iec62056_21::meter::{Dialect, Level, Refused, Security, Settings, Store};

use super::civil::Civil;
use super::contents::Contents;
use super::encode::demand;
use super::energy::Source;
use super::incident::What;
use super::model::{ElsterModel, RATES};
use super::scenario::Scenario;
use super::{ElsterError, ElsterMeter};
use crate::flag::FlagMeter;
use form::{kilo, stamp, stamp_says};

/// A simulated model of the VDEW style.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VdewModel {
    /// A1350.
    A1350,
    /// A1500.
    A1500,
    /// AS1440.
    As1440,
    /// AS220.
    As220,
}

impl VdewModel {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::A1350, Self::A1500, Self::As1440, Self::As220];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::A1350 => "elster-a1350",
            Self::A1500 => "elster-a1500",
            Self::As1440 => "elster-as1440",
            Self::As220 => "elster-as220",
        }
    }

    /// The line it answers a sign-on with; made up.
    pub const fn identification(self) -> &'static str {
        match self {
            Self::A1350 => "/ABB5A1350-0.00",
            Self::A1500 => "/ABB5A1500-0.00",
            Self::As1440 => "/ELS5AS1440-0.00",
            Self::As220 => "/ELS5AS220-0.00",
        }
    }

    /// Decimals of energies in kilowatt hours.
    const fn decimals(self) -> usize {
        match self {
            Self::A1350 | Self::A1500 => 3,
            Self::As1440 | Self::As220 => 2,
        }
    }

    /// Whether it keeps a load profile.
    pub const fn has_profile(self) -> bool {
        !matches!(self, Self::As220)
    }
}

/// A simulated meter of the VDEW style; clones share its contents.
#[derive(Debug, Clone)]
pub struct VdewMeter {
    model: VdewModel,
    truth: ElsterMeter,
}

impl VdewMeter {
    /// A meter of this model in these circumstances.
    pub fn new(model: VdewModel, scenario: Scenario) -> Self {
        Self {
            model,
            truth: ElsterMeter::new(ElsterModel::A1140, scenario),
        }
    }

    /// Its model.
    pub const fn model(&self) -> VdewModel {
        self.model
    }

    /// What is true of it: totals, intervals, clock, incidents.
    pub const fn truth(&self) -> &ElsterMeter {
        &self.truth
    }

    /// How such a meter usually behaves: on a bus at 9600 bit/s, P1, a readout.
    pub fn settings(&self) -> Result<Settings, ElsterError> {
        let contents = self.truth.contents();
        let levels = [Level::One, Level::Two, Level::Three];
        let passwords = levels.into_iter().zip(&contents.scenario.passwords);
        let passwords = passwords
            .map(|(level, text)| Ok((level, Password::new(text)?)))
            .collect::<Result<Vec<_>, ElsterError>>()?;
        let line = format!("{}\r\n", self.model.identification());
        let identification =
            Identification::decode(line.as_bytes()).map_err(|_| ElsterError::Identification)?;
        let mut settings = Settings::new(identification, Security::vdew(passwords));
        settings.address = Some(MeterAddress::new(&contents.scenario.address())?);
        settings.dialect = Dialect::Vdew;
        settings.has_streams = false;
        settings.reads_out_unasked = true;
        settings.select_wait = READOUT_WAIT;
        Ok(settings)
    }

    /// The meter with its usual behaviour, for a wire.
    pub fn on_wire(&self) -> Result<FlagMeter, ElsterError> {
        Ok(self.on_wire_as(self.settings()?))
    }

    /// The meter with a behaviour of one's own.
    pub fn on_wire_as(&self, settings: Settings) -> FlagMeter {
        let registers = Registers {
            model: self.model,
            contents: Arc::clone(&self.truth.contents),
        };
        FlagMeter::new(settings, &Arc::new(Mutex::new(registers)))
    }
}

/// The contents, as they are read by OBIS codes.
#[derive(Debug)]
struct Registers {
    model: VdewModel,
    contents: Arc<Mutex<Contents>>,
}

/// What has a total and a demand: group C of its code.
const COUNTED: [(u8, Source); 4] = [
    (1, Source::Import),
    (2, Source::Export),
    (5, Source::Q1),
    (8, Source::Q4),
];

/// Billing periods that are shown.
const PERIODS: usize = 12;

impl Registers {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of a register, with its brackets.
    fn value(&self, code: &str, at: Duration) -> Option<String> {
        let mut contents = self.contents();
        let utc = contents.utc(at);
        let local = Civil::of(contents.history.clock.local(utc));
        let text = match code {
            "0.0.0" => contents.scenario.address(),
            "0.2.0" => "0.00".to_owned(),
            "0.9.1" => format!("{:02}:{:02}:{:02}", local.hour, local.minute, local.second),
            "0.9.2" => format!(
                "{:02}-{:02}-{:02}",
                local.year.rem_euclid(100),
                local.month,
                local.day
            ),
            "C003" => stamp(local, true),
            "0.1.0" => format!("{:02}", contents.ended(utc).len() % 100),
            "C.1.0" => contents.scenario.serial.clone(),
            "C.7.0" => {
                let cuts = contents.counted(super::counters::Counter::PowerCut, utc);
                format!("{:04}", cuts.len() % 10_000)
            }
            "F.F" => "00000000".to_owned(),
            _ => return self.measured(&mut contents, code, utc),
        };
        Some(format!("({text})"))
    }

    /// `C.8.0` a total, `C.8.1` to `C.8.4` its rates, `C.6.0` the highest demand; behind a star the
    /// number of the billing period, 01 for the last one.
    fn measured(&self, contents: &mut Contents, code: &str, utc: i64) -> Option<String> {
        let (code, back) = match code.split_once('*') {
            Some((code, back)) => (code, back.parse::<usize>().ok()?),
            None => (code, 0),
        };
        let mut groups = code.split('.');
        let (group, kind, rate) = (groups.next()?, groups.next()?, groups.next()?);
        if groups.next().is_some() {
            return None;
        }
        let counted = COUNTED.iter().find(|(c, _)| c.to_string() == group);
        let (_, source) = *counted?;
        let ended = contents.ended(utc);
        let place = ended.len().checked_sub(back)?;
        let then = if back == 0 {
            utc
        } else {
            ended.get(place).map(|(end, _)| *end)?
        };
        match (kind, rate.parse::<usize>().ok()?) {
            ("8", 0) => Some(self.energy(contents.energies.total(source, then))),
            ("8", rate @ 1..=RATES) if source != Source::Q4 => {
                let total = contents.tou((source, rate - 1), then);
                Some(self.energy(total))
            }
            ("6", 0) if matches!(source, Source::Import | Source::Export) => {
                let from = place.checked_sub(1).and_then(|before| ended.get(before));
                let from = from.map_or(contents.history.begun, |(end, _)| *end);
                let intervals = contents.recorder().demands(from, then, &[source]);
                let demands = intervals.iter().filter_map(|interval| {
                    let channel = interval.channels.first()?;
                    Some((demand(channel.energy, interval.period), interval.local_end))
                });
                let (demand, local) = demands.max().unwrap_or((0, 0));
                let time = stamp(Civil::of(local), false);
                Some(format!("({}*kW)({time})", kilo(demand, 3)))
            }
            _ => None,
        }
    }

    fn energy(&self, total: u128) -> String {
        let shown = kilo(total / 3600, self.model.decimals());
        format!("({shown:0>10}*kWh)")
    }

    /// All registers, in the order of the readout.
    fn codes(&self, at: Duration) -> Vec<String> {
        let fixed = [
            "F.F", "C.1.0", "0.0.0", "0.2.0", "0.9.1", "0.9.2", "0.1.0", "C.7.0",
        ];
        let mut codes: Vec<String> = fixed.map(str::to_owned).to_vec();
        let contents = self.contents();
        let utc = contents.utc(at);
        let ended = contents.ended(utc).len().min(PERIODS);
        drop(contents);
        for (group, _) in COUNTED {
            for kind in ["8.0", "8.1", "8.2", "8.3", "8.4", "6.0"] {
                codes.push(format!("{group}.{kind}"));
                if kind.ends_with('0') {
                    codes.extend((1..=ended).map(|back| format!("{group}.{kind}*{back:02}")));
                }
            }
        }
        codes
    }
}

impl Store for Registers {
    fn is_powered(&mut self, at: Duration) -> bool {
        self.contents().is_powered(at)
    }

    fn operand(&mut self, at: Duration) -> Seed {
        self.contents().operand(at)
    }

    fn read(&mut self, _: PacketRead, _: Level, _: Duration) -> Result<Vec<u8>, Refused> {
        Err(Refused::Identity)
    }

    fn write(&mut self, _: Packet, _: &[u8], _: Level, _: Duration) -> Result<(), Refused> {
        Err(Refused::Identity)
    }

    fn read_set(
        &mut self,
        form: Form,
        asked: DataSet<'_>,
        _: Level,
        at: Duration,
    ) -> Result<String, Refused> {
        match (asked.address(), form) {
            ("P.01", Form::National | Form::NationalPartial) => self.profile(asked.value(), at),
            ("P.01", _) => Err(Refused::Command),
            (code, _) => {
                let value = self.value(code, at).ok_or(Refused::Identity)?;
                Ok(format!("{code}{value}"))
            }
        }
    }

    fn write_set(
        &mut self,
        form: Form,
        set: DataSet<'_>,
        level: Level,
        at: Duration,
    ) -> Result<(), Refused> {
        if level < Level::One {
            return Err(Refused::Locked);
        }
        let mut contents = self.contents();
        let utc = contents.utc(at);
        match (set.address(), form) {
            ("S01", Form::Plain) => {
                let date = contents.history.date(utc);
                let last = contents.history.resets(utc).next_back();
                let is_today = last.is_some_and(|(last, _)| contents.history.date(last) == date);
                if contents.scenario.locks_billing && is_today {
                    return Err(Refused::Words("ERROR08"));
                }
                contents.happen(utc, What::BillingReset { trigger: 0x10 });
                Ok(())
            }
            ("S08", Form::Plain) => {
                contents.happen(utc, What::ProfileCleared);
                Ok(())
            }
            ("S0D" | "S0I", Form::Plain) => Ok(()),
            ("C003", Form::Formatted | Form::National) => {
                let invalid = Refused::Words("ERROR11");
                let local = stamp_says(set.value()).map_err(|_| invalid)?;
                contents.set_clock(utc, local.ok_or(invalid)?);
                Ok(())
            }
            _ => Err(Refused::Identity),
        }
    }

    fn readout(&mut self, at: Duration) -> Option<String> {
        let mut text = String::new();
        for code in self.codes(at) {
            if let Some(value) = self.value(&code, at) {
                text.extend([code.as_str(), value.as_str(), "\r\n"]);
            }
        }
        Some(text)
    }
}
