//! A simulated PPM or Vision meter, the ancestor of the A1700.
//!
//! One source describes it, without the layout of demands and of billing data: they are zero here.
//! Values of its profile are watts in six digits, most significant first.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use iec62056_21::codec::{Identification, Packet, PacketRead, Seed};
use iec62056_21::meter::{Level, Refused, Settings, Store};

use super::civil::{Civil, DAY};
use super::contents::Contents;
use super::encode::{bcd_high_first, bcd_low_first, bcd_of, clock, clock_says, demand, text};
use super::energy::Source;
use super::identities::PACKET;
use super::model::{ElsterModel, RATES};
use super::scenario::Scenario;
use super::{ElsterError, ElsterMeter};
use crate::flag::FlagMeter;

/// What it counts: import and export, active and reactive, and apparent energy.
const COUNTED: [Source; 5] = [
    Source::Import,
    Source::Export,
    Source::Q1,
    Source::Q4,
    Source::VaImport,
];

/// The category of its scaling: a register counts tens of watt hours.
const SCALING: u8 = 5;
/// 774: channels of import and export.
const DEFINITION: u8 = 0x03;
const CHANNELS: usize = 2;

/// A simulated PPM; clones share its contents.
#[derive(Debug, Clone)]
pub struct PpmMeter {
    truth: ElsterMeter,
}

impl PpmMeter {
    /// Its name on the command line.
    pub const NAME: &str = "elster-ppm";

    /// The line it answers a sign-on with; made up after the layout that our source describes.
    pub const IDENTIFICATION: &str = "/GEC5050010010100@000";

    /// A meter in these circumstances.
    pub fn new(scenario: Scenario) -> Self {
        Self {
            truth: ElsterMeter::new(ElsterModel::A1140, scenario),
        }
    }

    /// What is true of it: totals, intervals, clock, incidents.
    pub const fn truth(&self) -> &ElsterMeter {
        &self.truth
    }

    /// How such a meter usually behaves: as an A1700, without data streams.
    pub fn settings(&self) -> Result<Settings, ElsterError> {
        let mut settings = self.truth.settings()?;
        let line = format!("{}\r\n", Self::IDENTIFICATION);
        settings.identification =
            Identification::decode(line.as_bytes()).map_err(|_| ElsterError::Identification)?;
        settings.has_streams = false;
        Ok(settings)
    }

    /// The meter with its usual behaviour, for a wire.
    pub fn on_wire(&self) -> Result<FlagMeter, ElsterError> {
        Ok(self.on_wire_as(self.settings()?))
    }

    /// The meter with a behaviour of one's own.
    pub fn on_wire_as(&self, settings: Settings) -> FlagMeter {
        let identities = Identities(Arc::clone(&self.truth.contents));
        FlagMeter::new(settings, &Arc::new(Mutex::new(identities)))
    }
}

/// The contents, as the identities of a PPM hold them.
#[derive(Debug)]
struct Identities(Arc<Mutex<Contents>>);

impl Identities {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn whole(&self, identity: u16, at: Duration) -> Option<Vec<u8>> {
        let mut contents = self.contents();
        let utc = contents.utc(at);
        let counted = |total: u128| bcd_low_first(total / 3600 / 1000 / 10, 5);
        Some(match identity {
            501 => {
                let totals = COUNTED.iter();
                totals
                    .flat_map(|source| counted(contents.energies.total(*source, utc)))
                    .collect()
            }
            502 => {
                let mut octets = Vec::new();
                for source in [Source::Import, Source::Export] {
                    for rate in 0..RATES {
                        octets.extend(counted(contents.tou((source, rate), utc)));
                    }
                }
                octets
            }
            503 => vec![0; 128],
            504 => vec![0; 32],
            540 => vec![0; 1024],
            541 => vec![0; 256],
            550 => profile(&contents, utc),
            561 => vec![0; 9],
            704 => vec![SCALING],
            741..=745 | 751..=755 => vec![0],
            774 => vec![DEFINITION],
            795 => text(&contents.scenario.scheme, 8),
            798 => format!("{:0>16}", contents.scenario.serial).into_bytes(),
            860 | 861 => clock(contents.history.clock.local(utc)),
            878 => vec![bcd_of(contents.scenario.minutes.into())],
            _ => return None,
        })
    }
}

/// All days, each with its date and an interval for every period; one without power is zero.
fn profile(contents: &Contents, utc: i64) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut date = i64::MIN;
    let kept = contents.scenario.profile_days.min(contents.scenario.days);
    let begin = contents.recorder().day_of(utc - (kept - 1).max(0) * DAY);
    let sources = [Source::Import, Source::Export];
    for interval in contents.recorder().demands(begin, utc, &sources) {
        let day = (interval.local_end - 1).div_euclid(DAY);
        if day != date {
            date = day;
            let civil = Civil::of(day * DAY);
            octets.extend([0xe4, bcd_of(civil.day), bcd_of(civil.month)]);
        }
        let bit = |is_on: bool, bit: u8| if is_on { bit } else { 0 };
        let status = interval.status;
        octets.push(
            bit(status & 0x01 != 0, 0x01)
                | bit(status & 0x02 != 0, 0x02)
                | bit(status & 0x04 != 0, 0x04)
                | bit(status & 0x08 != 0, 0x08)
                | bit(interval.seconds != interval.period, 0x10)
                | bit(status & 0x20 != 0, 0x20),
        );
        for channel in interval.channels.iter().take(CHANNELS) {
            let watts = demand(channel.energy, interval.period) / 1000;
            octets.extend(bcd_high_first(watts, 3));
        }
    }
    octets.resize(octets.len().div_ceil(PACKET) * PACKET, 0xff);
    octets
}

impl Store for Identities {
    fn is_powered(&mut self, at: Duration) -> bool {
        self.contents().is_powered(at)
    }

    fn operand(&mut self, at: Duration) -> Seed {
        self.contents().operand(at)
    }

    fn read(&mut self, asked: PacketRead, level: Level, at: Duration) -> Result<Vec<u8>, Refused> {
        let identity = asked.packet().identity();
        let whole = self.whole(identity, at).ok_or(Refused::Identity)?;
        if level < self.contents().reading_level(identity) {
            return Err(Refused::Locked);
        }
        let packet = usize::from(asked.packet().number()).checked_sub(1);
        let offset = packet.ok_or(Refused::Packet)? * PACKET;
        let end = offset + usize::from(asked.octets());
        let part = whole.get(offset..end).ok_or(Refused::Packet)?;
        Ok(part.to_vec())
    }

    fn write(
        &mut self,
        packet: Packet,
        octets: &[u8],
        level: Level,
        at: Duration,
    ) -> Result<(), Refused> {
        match packet.identity() {
            850 | 860 | 861 => {
                if level < Level::Three {
                    return Err(Refused::Locked);
                }
                let local = clock_says(octets).ok_or(Refused::Failure)?;
                let mut contents = self.contents();
                let utc = contents.utc(at);
                contents.set_clock(utc, local);
                Ok(())
            }
            862 if level >= Level::One => Ok(()),
            862 => Err(Refused::Locked),
            identity if self.whole(identity, at).is_some() => Err(Refused::Locked),
            _ => Err(Refused::Identity),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elster::{Incident, What};

    const NOW: Duration = Duration::from_secs(100);

    fn read(identities: &mut Identities, identity: u16, number: u16, octets: u8) -> Vec<u8> {
        let packet = Packet::new(identity, number).unwrap();
        let asked = PacketRead::new(packet, octets).unwrap();
        identities.read(asked, Level::One, NOW).unwrap()
    }

    #[test]
    fn identities_have_the_lengths_of_our_source() {
        let identities = Identities(PpmMeter::new(Scenario::new(1, "123")).truth.contents);
        for (identity, len) in [
            (501, 25),
            (502, 40),
            (503, 128),
            (504, 32),
            (540, 1024),
            (541, 256),
            (561, 9),
            (704, 1),
            (774, 1),
            (795, 8),
            (798, 16),
            (860, 7),
            (861, 7),
        ] {
            let whole = identities.whole(identity, NOW).unwrap();
            assert_eq!(whole.len(), len, "{identity}");
        }
        assert_eq!(identities.whole(507, NOW), None);
    }

    #[test]
    fn its_profile_has_a_date_and_every_interval_of_each_day() {
        let mut scenario = Scenario::new(1, "00000123");
        scenario.days = 3;
        let cut = What::PowerCut { seconds: 600 };
        scenario.incidents = vec![Incident::after(scenario.begun(), 1, 8, 10, cut)];
        let meter = PpmMeter::new(scenario);
        let mut identities = Identities(Arc::clone(&meter.truth.contents));
        let first = read(&mut identities, 550, 1, 64);
        // Three days up to and with 3 May.
        assert_eq!(first[..4], [0xe4, 0x01, 0x05, 0x00]);
        let utc = meter.truth.utc(NOW);
        let intervals = meter.truth.intervals(utc - 2 * DAY, utc);
        let watts = intervals[0].channels[0].energy / 1800 / 1000;
        assert_eq!(first[4..7], bcd_high_first(watts, 3));
        let whole = identities.whole(550, NOW).unwrap();
        let partial = whole[3..]
            .chunks(7)
            .take(200)
            .filter(|part| part[0] == 0x10);
        assert!(partial.count() <= 1);
        assert!(whole.len().is_multiple_of(64) && whole.ends_with(&[0xff]));
    }

    #[test]
    fn its_clock_is_set_at_level_three() {
        let meter = PpmMeter::new(Scenario::new(1, "00000123"));
        let mut identities = Identities(Arc::clone(&meter.truth.contents));
        let octets = clock(meter.truth.local(meter.truth.utc(NOW)) + 60);
        let packet = Packet::new(861, 1).unwrap();
        let refused = identities.write(packet, &octets, Level::Two, NOW);
        assert_eq!(refused, Err(Refused::Locked));
        assert_eq!(identities.write(packet, &octets, Level::Three, NOW), Ok(()));
        assert_eq!(meter.truth.clock_error(meter.truth.utc(NOW)), 60);
        assert!(meter.on_wire().is_ok());
    }
}
