//! Every limit of the protocol, with its source. "Ours" marks a bound that no source gives.

use std::num::NonZeroU8;
use std::time::Duration;

/// How deep arrays and structures may lie within each other; ours, twice what profiles need.
pub const DATA_DEPTH_MAX: u8 = 16;

/// Values of one answer, arrays and structures counted; ours. A quarter of an hour for 90 days and
/// eight channels has 86 thousand.
pub const DATA_ITEMS_MAX: usize = 256 * 1024;

/// Octets of one value, all blocks together; ours.
pub const VALUE_OCTETS_MAX: usize = 1024 * 1024;

/// Octets of an octet string, a visible string or a bit string; ours.
pub const STRING_OCTETS_MAX: usize = 64 * 1024;

/// Items of a request or an answer with a list; ours.
pub const LIST_ITEMS_MAX: usize = 64;

/// Blocks of one value; ours.
pub const BLOCKS_MAX: u32 = 65_535;

/// IEC 62056-46, 6.4.2: the length of a frame has eleven bits.
pub const FRAME_OCTETS_MAX: usize = 0x7ff;

/// IEC 62056-46, 6.4.4.4.3.2: what an information field holds if nothing was negotiated.
pub const INFORMATION_OCTETS_DEFAULT: u16 = 128;

/// IEC 62056-46: what an information field may hold.
pub const INFORMATION_OCTETS_MAX: u16 = 2030;

/// Three bits of sequence number: at most seven frames may be unconfirmed.
pub const WINDOW_MAX: u8 = 7;

/// Segments of one message; ours, beyond what the largest APDU needs.
pub const SEGMENTS_MAX: usize = 65_536 / 32;

/// The APDU that this side takes, if nothing else is said; ours.
pub const PDU_OCTETS: u16 = 4096;

/// The smallest APDU that a peer may ask for; ours: a block and its protection must fit.
pub const PDU_OCTETS_MIN: u16 = 64;

/// Green Book: the length of the wrapper's header has sixteen bits.
pub const APDU_OCTETS_MAX: usize = 0xffff;

/// Octets of a password of low level security, and of a challenge; Green Book.
pub const SECRET_OCTETS_MAX: usize = 64;

/// Octets of the challenge that this side sends.
pub const CHALLENGE_OCTETS: usize = 32;

/// Octets of the shortest challenge that is answered; Green Book.
pub const CHALLENGE_OCTETS_MIN: usize = 8;

/// Invocation counters that are reserved at a time; ours: one write to the disk per so many APDUs.
pub const COUNTERS_RESERVED: u32 = 256;

/// The last invocation counter that is used. What is above is never sent, so that a key is replaced
/// long before its counter ends; ours.
pub const COUNTER_MAX: u32 = u32::MAX - COUNTERS_RESERVED;

/// Times a frame is sent, if nothing else is said.
pub const ATTEMPTS: NonZeroU8 = match NonZeroU8::new(3) {
    Some(attempts) => attempts,
    None => NonZeroU8::MIN,
};

/// Times a meter may say that it is not ready yet; ours.
pub const NOT_READY_MAX: u8 = 20;

/// Between two polls of a meter that is not ready; ours.
pub const NOT_READY_PAUSE: Duration = Duration::from_millis(200);

/// An answer begins within this time; ours. Meters prepare a profile for seconds.
pub const RESPONSE: Duration = Duration::from_secs(3);

/// Two octets of a frame follow each other within this time. The standard says 25 ms and more; a
/// serial server passes octets on in pieces of its own.
pub const INTER_OCTET: Duration = Duration::from_millis(250);

/// A whole frame at 300 baud takes 75 s.
pub const ANSWER_TIME_MAX: Duration = Duration::from_secs(90);

/// A meter gives a link up after this silence; Green Book, default.
pub const INACTIVITY: Duration = Duration::from_mins(2);

/// Behind a DISC that nobody waits for; ours.
pub const DISCONNECT_DELAY: Duration = Duration::from_millis(500);

/// How long a session may keep the line, if nobody says otherwise; ours.
pub const HOLD_MAX: Duration = Duration::from_mins(10);
