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
/// Whose turnaround the line learns from DLMS meters that are only looked at.
pub(crate) const STATION_PEER: Peer = Peer(u32::MAX - 2);
/// A DLMS meter answers a SNRM, which asks nothing of its application, within this time.
pub(crate) const STATION_RESPONSE: Duration = Duration::from_secs(1);
/// A look at a DLMS meter holds the line no longer: at 1200 baud link, association and three reads
/// take six seconds.
pub(crate) const STATION_HOLD_MAX: Duration = Duration::from_secs(15);
/// Lower HDLC addresses of one octet that are no group's (IEC 62056-46, 6.4.2.3).
pub(crate) const LOWERS_MAX: u16 = 125;
/// What a place costs a scan where nobody answers, by protocol.
pub(crate) const SILENT_FLAG: Duration = Duration::from_secs(2);
pub(crate) const SILENT_MODBUS: Duration = Duration::from_secs(1);
pub(crate) const SILENT_DLMS: Duration = Duration::from_millis(1200);
/// Models named for one meter that was found.
pub(crate) const MODEL_GUESSES_MAX: usize = 8;
/// Steps of a walk along a SunSpec chain: three bases, then blocks.
pub(crate) const SUNSPEC_STEPS_MAX: usize = 64;
/// Time that must be left for one more place to be asked: a meter that answers at 1200 baud.
pub(crate) const ASK_TIME_MAX: Duration = Duration::from_secs(5);
/// What one place of a scan needs in a slice: most are silent, for as long as a meter may think.
pub(crate) const SLICE_ASK: Duration = Duration::from_millis(2500);
/// A look that brings octets that begin well is repeated so often: what is never whole is two meters,
/// what is whole at times is noise.
pub(crate) const GARBLED_LOOKS_MAX: u8 = 3;
/// Tries of a request while a password is proven.
pub(crate) const PROOF_ATTEMPTS: u8 = 2;
/// Reads by which a ping sees how good the line is, beside those that it needs.
pub(crate) const QUALITY_READS: usize = 5;
/// One lost or damaged answer in so many is told.
pub(crate) const LOST_SHARE: u64 = 10;
