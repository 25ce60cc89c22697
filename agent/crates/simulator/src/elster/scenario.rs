//! What a test chooses of a meter.

use std::time::Duration;

use iec62056_21::meter::Level;

use super::civil::{Civil, DAY};
use super::incident::Incident;
use super::zone::Zone;

/// A meter's circumstances. Everything else follows from the seed.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a circumstance of its own"
)]
pub struct Scenario {
    /// Decides loads, operands and starting totals.
    pub seed: u64,
    /// The serial number, up to 16 letters and digits; its last three digits are the address.
    pub serial: String,
    /// The name of its scheme.
    pub scheme: String,
    /// Its local time.
    pub zone: Zone,
    /// The true time (UTC) at the instant zero of its wire.
    pub starts_at: i64,
    /// Days for which it has been at work by then.
    pub days: i64,
    /// Days that its load profile keeps.
    pub profile_days: i64,
    /// Seconds that its clock gains in a million.
    pub drift_ppm: i64,
    /// The period of its load profile.
    pub minutes: u8,
    /// The channels of its load profile as the mask is transmitted; none for import and export.
    pub mask: Option<[u8; 2]>,
    /// The base load in milliwatts.
    pub load_mw: u64,
    /// Whether a billing period ends at each beginning of a month.
    pub bills_monthly: bool,
    /// What befell it, and will.
    pub incidents: Vec<Incident>,
    /// Primary and secondary of the voltage transformers, in hundredths of a volt.
    pub vt: (u32, u32),
    /// Primary and secondary of the current transformers, in hundredths of an ampere.
    pub ct: (u32, u32),
    /// Whether records of the profile have an extended status octet.
    pub has_extended_status: bool,
    /// Whether values of the profile are plain numbers, as one source has it of an A1140, and not
    /// decimal digits.
    pub has_plain_numbers: bool,
    /// From a request for instantaneous values until they are ready.
    pub ready_after: Duration,
    /// Whether the profile is gone: the meter says that there is nothing.
    pub has_lost_profile: bool,
    /// The passwords of levels one to three, eight characters each.
    pub passwords: [String; 3],
    /// The level that reading needs, but for what says who the meter is.
    pub reading_level: Level,
    /// Whether a second billing reset on one day is refused.
    pub locks_billing: bool,
    /// Through which port the gateway comes.
    pub port: super::incident::Port,
}

impl Scenario {
    /// A healthy meter in Central Europe that has been at work for forty days, on Sunday 3 May 2026
    /// at 10:00 UTC.
    pub fn new(seed: u64, serial: &str) -> Self {
        Self {
            seed,
            serial: serial.to_owned(),
            scheme: "SIMUL001".to_owned(),
            zone: Zone::CENTRAL_EUROPE,
            starts_at: Civil::date(2026, 5, 3).at(10, 0).seconds(),
            days: 40,
            profile_days: 900,
            drift_ppm: 0,
            minutes: 30,
            mask: None,
            load_mw: 120_000_000,
            bills_monthly: true,
            incidents: Vec::new(),
            vt: (1_100_000, 11_000),
            ct: (20_000, 500),
            has_extended_status: false,
            has_plain_numbers: false,
            ready_after: Duration::from_secs(2),
            has_lost_profile: false,
            passwords: ["0001ABCD", "ABCD0002", "FEDC0003"].map(str::to_owned),
            reading_level: Level::One,
            locks_billing: false,
            port: super::incident::Port::Remote,
        }
    }

    /// The true time at which it was put to work: a midnight of UTC.
    pub const fn begun(&self) -> i64 {
        (self.starts_at - self.days * DAY).div_euclid(DAY) * DAY
    }

    /// Its address: the last three digits of its serial number.
    pub fn address(&self) -> String {
        let digits: Vec<char> = self.serial.chars().filter(char::is_ascii_digit).collect();
        let last = digits.len().saturating_sub(3);
        digits.into_iter().skip(last).collect()
    }
}
