//! Limits and usual times of the meter's side. "Ours" marks what no source gives.

use std::time::Duration;

/// A password that is not renewed lapses after about five minutes (two sources).
pub const LAPSE: Duration = Duration::from_mins(5);

/// A session in which nothing comes ends after this time; ours.
pub const INACTIVITY: Duration = Duration::from_mins(2);

/// How long a meter without a readout waits for the option select; ours, with room for a modem.
pub const SELECT_WAIT: Duration = Duration::from_secs(30);

/// The same for one that then sends its readout; ours, twice the longest reaction time.
pub const READOUT_WAIT: Duration = Duration::from_secs(3);

/// How long after a readout it may still be asked for again; ours.
pub const REPEAT_WAIT: Duration = Duration::from_secs(3);

/// Payload of one partial block of an answer; ours.
pub const PARTIAL_CHARS: usize = 256;

/// Bits of a character: of seven with parity as well as of eight without.
pub const CHARACTER_BITS: u64 = 10;

/// Packets of 256 octets in one data stream: what two octets can number.
pub const STREAM_PACKETS_MAX: u32 = 0xffff;
