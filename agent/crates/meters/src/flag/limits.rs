//! Limits of the FLAG driver, each with its reason.

use line::Peer;
use std::time::Duration;

// Looking for meters.

/// Addresses that a person may name for one scan: at two seconds each more than half an hour.
pub(crate) const SCAN_ADDRESSES_MAX: usize = 1000;
/// Speeds of one scan: more than FLAG has.
pub(crate) const SCAN_BAUDS_MAX: usize = 10;
/// Outstations on one RS485 pair, by the makers' limit of 32 meters.
pub(crate) const OUTSTATIONS_LIKELY: u8 = 32;
/// Modbus units that are tried early.
pub(crate) const UNITS_LIKELY: u8 = 10;
/// Modbus over Serial Line V1.02, 2.2: the highest unit.
pub(crate) const UNITS_MAX: u8 = 247;
/// A look at a meter holds the line no longer: at 300 baud sign-on, operand and serial number take
/// ten seconds.
pub(crate) const SIGHT_HOLD_MAX: Duration = Duration::from_secs(20);
/// Whose turnaround the line learns from meters that are only looked at; no configured meter.
pub(crate) const SIGHT_PEER: Peer = Peer(u32::MAX - 1);
/// Models named for one meter that was found.
pub(crate) const MODEL_GUESSES_MAX: usize = 8;
/// Steps of a walk along a SunSpec chain: three bases, then blocks.
pub(crate) const SUNSPEC_STEPS_MAX: usize = 64;
/// Time that must be left for one more place to be asked: a meter that answers at 1200 baud.
pub(crate) const ASK_TIME_MAX: Duration = Duration::from_secs(5);
/// How long the models are compared with one meter.
pub(crate) const IDENTIFY_TIME_MAX: Duration = Duration::from_secs(20);

// Visits.

/// What an exchange is taken to need until one has been seen: the rest before it, a slow meter's
/// reaction, 140 characters at 1200 baud.
pub(crate) const EXCHANGE_TIME_FIRST: Duration = Duration::from_millis(1500);
/// What a sign-off needs: the rest before it, five characters at 300 baud, the meter's time to act.
pub(crate) const SIGN_OFF_TIME: Duration = Duration::from_millis(700);
/// Looks whether values of the moment are ready: a minute, three a second.
pub(crate) const INSTANT_LOOKS_MAX: u32 = 200;
/// Octets of a packet.
pub(crate) const PACKET_OCTETS: usize = 64;
/// Octets of a block of a data stream.
pub(crate) const BLOCK_OCTETS: usize = 256;
/// The number of a packet has three hexadecimal digits.
pub(crate) const PACKET_NUMBER_LAST: u16 = 0xfff;
/// Days of a profile that are read in one go, so that a restart costs little.
pub(crate) const WINDOW_DAYS_MAX: u64 = 31;
/// A window of a profile is begun anew so often, if the meter changes it while it is read.
pub(crate) const PROFILE_RESTARTS_MAX: u8 = 3;
/// So far behind the wished days a profile is read, that they are settled: a clock that is set back
/// further tells so by its marker.
pub(crate) const PROFILE_MARGIN: Duration = Duration::from_mins(60);
/// Broken data streams of one window, before it is read in packets.
pub(crate) const STREAM_BREAKS_MAX: u8 = 3;
/// Billing sets are begun anew so often, if a period ends while they are read.
pub(crate) const BILLING_RESTARTS_MAX: u8 = 2;
/// A session that was cut is followed by another one only if so much time is left: sign-on, password
/// and identity take three seconds.
pub(crate) const HOLD_MIN: Duration = Duration::from_secs(4);
/// Sessions opened anew within one visit.
pub(crate) const REOPENINGS_MAX: u8 = 3;
/// A password whose confirmation was lost is tried once more: a meter locks after three wrong ones,
/// if it locks at all.
pub(crate) const PASSWORD_DOUBTS_MAX: u8 = 1;
/// Sessions in a row that bring nothing, before somebody is told.
pub(crate) const UNPRODUCTIVE_SESSIONS_MAX: u8 = 3;
/// Characters of a whole packet of a data stream.
pub(crate) const STREAM_BLOCK_CHARACTERS: u32 = 263;
/// From the request for a data stream to its first octet: rest, request, a slow reaction.
pub(crate) const STREAM_LEAD: Duration = Duration::from_millis(1500);
