//! Simulated Elster meters: contents in the true layouts, with the truth beside them.
//!
//! Written from the same description of the meters as the gateway's decoders and sharing no code
//! with them: where both agree, neither has merely repeated the other's mistake.

mod billing;
pub mod civil;
mod clock;
mod contents;
mod counters;
mod encode;
mod energy;
mod history;
mod identities;
mod incident;
mod instant;
mod instrument;
mod model;
mod pages;
mod ppm;
mod profile;
mod rates;
mod scenario;
mod store;
mod vdew;
mod walk;
mod zone;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use iec62056_21::codec::{Identification, InvalidField, MeterAddress, Password};
use iec62056_21::meter::{Level, Security, Settings};

use crate::flag::FlagMeter;
use contents::Contents;

pub(crate) use civil::{Civil, DAY};
pub use counters::Counter;
pub(crate) use energy::Energies;
pub use energy::{MilliSeconds, Source};
pub use incident::{Incident, Port, What};
pub use instant::Instant;
pub use model::ElsterModel;
pub use pages::{PROVISIONAL_ROWS, PageTrouble};
pub use ppm::PpmMeter;
pub use profile::{TrueChannel, TrueInterval};
pub use scenario::Scenario;
pub use vdew::{VdewMeter, VdewModel};
pub use zone::{Change, Zone};

/// Why there is no such meter.
#[derive(Debug, thiserror::Error)]
pub enum ElsterError {
    /// A text cannot be sent.
    #[error("the meter cannot be made; choose another serial number, address or password")]
    Text(#[from] InvalidField),
    /// The identification of a model cannot be read.
    #[error("the model's identification is not one; correct it in the source")]
    Identification,
}

/// A simulated Elster meter; clones share its contents.
#[derive(Debug, Clone)]
pub struct ElsterMeter {
    model: ElsterModel,
    contents: Arc<Mutex<Contents>>,
}

impl ElsterMeter {
    /// A meter of this model in these circumstances.
    pub fn new(model: ElsterModel, scenario: Scenario) -> Self {
        Self {
            model,
            contents: Arc::new(Mutex::new(Contents::new(model, scenario))),
        }
    }

    /// Its model.
    pub const fn model(&self) -> ElsterModel {
        self.model
    }

    /// How such a meter usually behaves: on a bus at 9600 bit/s, seven bits, its own address and an
    /// empty one.
    pub fn settings(&self) -> Result<Settings, ElsterError> {
        let contents = self.contents();
        let levels = [Level::One, Level::Two, Level::Three];
        let passwords = levels.into_iter().zip(&contents.scenario.passwords);
        let passwords = passwords
            .map(|(level, text)| Ok((level, Password::new(text)?)))
            .collect::<Result<Vec<_>, InvalidField>>()?;
        let line = format!("{}\r\n", self.model.identification());
        let identification =
            Identification::decode(line.as_bytes()).map_err(|_| ElsterError::Identification)?;
        let mut settings = Settings::new(identification, Security::elster(passwords));
        settings.address = Some(MeterAddress::new(&contents.scenario.address())?);
        Ok(settings)
    }

    /// The meter with its usual behaviour, for a wire.
    pub fn on_wire(&self) -> Result<FlagMeter, ElsterError> {
        Ok(self.on_wire_as(self.settings()?))
    }

    /// The meter with a behaviour of one's own.
    pub fn on_wire_as(&self, settings: Settings) -> FlagMeter {
        FlagMeter::new(settings, &self.contents)
    }

    /// Its serial number as the meter says it.
    pub fn serial(&self) -> String {
        format!("{:0>16}", self.contents().scenario.serial)
    }

    /// Its address on a bus.
    pub fn address(&self) -> String {
        self.contents().scenario.address()
    }

    /// True time (UTC, in seconds) at an instant of the wire.
    pub fn utc(&self, at: Duration) -> i64 {
        self.contents().utc(at)
    }

    /// The true time at which it was put to work.
    pub fn begun(&self) -> i64 {
        self.contents().history.begun
    }

    /// Its own local time at a true time, in seconds.
    pub fn local(&self, utc: i64) -> i64 {
        self.contents().history.clock.local(utc)
    }

    /// How far its clock is ahead at a true time.
    pub fn clock_error(&self, utc: i64) -> i64 {
        self.contents().history.clock.error(utc)
    }

    /// A total at a true time: 3600 times what its register shows.
    pub fn total(&self, source: Source, utc: i64) -> MilliSeconds {
        self.contents().energies.total(source, utc)
    }

    /// What a time-of-use register has summed up, by its place in 508; none for an unused one.
    pub fn tou_total(&self, place: usize, utc: i64) -> Option<MilliSeconds> {
        let register = self.model.tou_registers().get(place).copied().flatten()?;
        Some(self.contents().tou(register, utc))
    }

    /// The highest demands of the present billing period, by register: milliwatts and the local
    /// time of the interval's end, highest first.
    pub fn peaks(&self, utc: i64) -> Vec<(Source, Vec<(u128, i64)>)> {
        let period = self.contents().present_period(utc);
        let peaks = period.peaks.into_iter().map(|peaks| {
            let told = peaks.iter().map(|peak| (peak.demand, peak.local_end));
            told.collect()
        });
        self.model.demands().into_iter().zip(peaks).collect()
    }

    /// What the cumulative demand registers show.
    pub fn cumulative_demands(&self, utc: i64) -> Vec<(Source, u128)> {
        let sums = self.contents().cumulative_demands(utc);
        self.model.demands().into_iter().zip(sums).collect()
    }

    /// The intervals of the load profile from the beginning of the meter's day in which `from`
    /// lies, as far as they have ended at `until` (true times). What was cleared is not there.
    pub fn intervals(&self, from: i64, until: i64) -> Vec<TrueInterval> {
        let contents = self.contents();
        let recorder = contents.recorder();
        recorder.truth(recorder.day_of(from), until)
    }

    /// The channels of its load profile at a true time, in their order.
    pub fn channels(&self, utc: i64) -> Vec<Source> {
        let contents = self.contents();
        let setting = contents.history.setting(utc);
        setting.map_or_else(Vec::new, |setting| self.model.channels(setting.mask))
    }

    /// Billing periods that have ended: when (true time), and why.
    pub fn billing_resets(&self, utc: i64) -> Vec<(i64, u8)> {
        self.contents().ended(utc)
    }

    /// What a counter counts.
    pub fn counted(&self, counter: Counter, utc: i64) -> usize {
        self.contents().counted(counter, utc).len()
    }

    /// An instantaneous value, if the meter knows the selector.
    pub fn instant(&self, selector: u8, at: Duration) -> Option<Instant> {
        self.contents().instant(selector, at)
    }

    /// Everything that befell it and is planned, in order of time.
    pub fn incidents(&self) -> Vec<Incident> {
        self.contents().history.incidents.clone()
    }

    /// Lets something happen at an instant of the wire; false if the meter has no power then.
    ///
    /// A meter without power neither counts nor answers.
    pub fn happen(&self, at: Duration, what: What) -> bool {
        let mut contents = self.contents();
        let utc = contents.utc(at);
        contents.happen(utc, what)
    }

    /// Changes its circumstances from now on: passwords, serial number, scheme, and what else is
    /// not history.
    pub fn change(&self, change: impl FnOnce(&mut Scenario)) {
        change(&mut self.contents().scenario);
    }

    /// From now on it takes programs: the identities whose layouts are known, and pages of the
    /// simulator's own, which say that it is simulated.
    pub fn take_programs(&self) {
        self.contents().pages.open();
    }

    /// How it fails at being programmed from now on.
    pub fn fail_at_pages(&self, trouble: PageTrouble) {
        self.contents().pages.be(trouble);
    }

    /// What an identity holds at an instant of the wire.
    pub fn holds(&self, identity: u16, at: Duration) -> Option<Vec<u8>> {
        let mut contents = self.contents();
        let utc = contents.utc(at);
        contents.whole(identity, utc, at)
    }

    /// Packets that were written to it, in order: identity, packet, octets.
    pub fn programmed(&self) -> Vec<(u16, u16, Vec<u8>)> {
        self.contents().pages.done().to_vec()
    }

    /// Whatever was written to it and taken, in order: also the operator's name, and what chooses what is
    /// read next.
    pub fn taken(&self) -> Vec<(u16, u16, Vec<u8>)> {
        self.contents().pages.taken().to_vec()
    }

    /// Somebody else programs it at its optical port: the first octets of an identity. False where it
    /// does not take that.
    pub fn program_by_others(
        &self,
        identity: u16,
        octets: &[u8],
        name: &str,
        at: Duration,
    ) -> bool {
        let mut contents = self.contents();
        contents.program_by_others(identity, octets, name, at)
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
