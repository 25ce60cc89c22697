//! Every limit of the protocol, with its source. "Ours" marks a bound that no source gives.

use std::time::Duration;

/// The address in a sign-on.
pub const METER_ADDRESS_CHARS_MAX: usize = 32;

/// The text of an identification; ours, four times what Elster meters send.
pub const IDENTIFICATION_CHARS_MAX: usize = 64;

/// Enhanced capabilities in an identification; ours.
pub const CAPABILITIES_MAX: usize = 8;

/// An identification from `/` to the line's end: manufacturer, baud character, capabilities of two
/// characters each, text.
pub const IDENTIFICATION_OCTETS_MAX: usize =
    1 + 3 + 1 + 2 * CAPABILITIES_MAX + IDENTIFICATION_CHARS_MAX + 2;

/// A sign-on: `/?`, address, `!`, line end.
pub const SIGN_ON_OCTETS_MAX: usize = METER_ADDRESS_CHARS_MAX + 5;

/// The address of a data set; ours.
pub const SET_ADDRESS_CHARS_MAX: usize = 32;

/// The value of a data set in programming mode: 64 octets in hexadecimal. A readout is promised to
/// have at most 32, but one that has more is not refused for it.
pub const VALUE_CHARS_MAX: usize = 128;

/// The unit of a data set; ours.
pub const UNIT_CHARS_MAX: usize = 16;

/// What a command carries: one data set with its brackets and its asterisk.
pub const COMMAND_PAYLOAD_OCTETS_MAX: usize =
    SET_ADDRESS_CHARS_MAX + VALUE_CHARS_MAX + UNIT_CHARS_MAX + 3;

/// What one block of an answer carries; ours. The longest one is a whole readout.
pub const PAYLOAD_OCTETS_MAX: usize = 16 * 1024;

/// What the partial blocks of one answer carry together; ours.
pub const JOINED_OCTETS_MAX: usize = 256 * 1024;

/// Data sets of one text; ours. A set of the joined blocks has at least six characters on average.
pub const SETS_MAX: usize = 48 * 1024;

/// The value of a refusal, as `ERROR16`; ours, with room for others.
pub const REFUSAL_CHARS_MAX: usize = 16;

/// A password that is sent as it is (P1), and the answer to an operand (P2).
pub const SECRET_CHARS_MAX: usize = 32;

/// Addresses of data sets that the explanation of an answer names; ours.
pub const EXPLAINED_SETS_MAX: usize = 4;

/// Octets that a trace hides behind the beginning of a password, if its end is damaged.
pub const HIDDEN_OCTETS_MAX: u8 = 40;

/// The password of an Elster meter has exactly so many characters.
pub const ELSTER_PASSWORD_CHARS: usize = 8;

/// Octets of a packet of an Elster identity.
pub const PACKET_OCTETS_MAX: u8 = 64;

/// An Elster identity has three decimal digits.
pub const IDENTITY_MAX: u16 = 999;

/// The number of a packet has three hexadecimal digits.
pub const PACKET_NUMBER_MAX: u16 = 0xfff;

/// Data of one packet of a data stream.
pub const STREAM_DATA_OCTETS_MAX: usize = 256;

/// Around the data of a packet: STX, number, length, end, checksum.
pub const STREAM_EXTRA_OCTETS: usize = 7;

/// Octets of `00` or `FF` that switching the direction of a line may put before a single character;
/// ours.
pub const SWITCHING_NOISE_OCTETS_MAX: u8 = 2;

/// A late answer has at least so many octets, one octet in hexadecimal: fewer are too easily a part
/// of another protocol's message.
pub const LATE_OCTETS_MIN: usize = 7;

/// Octets of noise, or line ends, that may stand behind an answer; ours, as the switching makes them.
pub const TRAILING_NOISE_OCTETS_MAX: u8 = 4;

/// A meter thinks at least this long before it answers (and so must the gateway before it goes on).
pub const REACTION_TIME_MIN: Duration = Duration::from_millis(200);

/// The same for a meter whose identification promises to be fast.
pub const FAST_REACTION_TIME_MIN: Duration = Duration::from_millis(20);

/// A meter begins to answer within this time.
pub const REACTION_TIME_MAX: Duration = Duration::from_millis(1500);

/// Two octets of a message follow each other within this time.
pub const CHARACTER_GAP_MAX: Duration = Duration::from_millis(1500);

/// Times an opening or a request is tried, if nobody says otherwise. One source retries three
/// times, another five.
pub const ATTEMPTS: u8 = 3;

/// Behind a break (a B0 that ends what a meter may still be in); one source.
pub const BREAK_DELAY: Duration = Duration::from_millis(500);

/// Behind the option select of mode E, before the line is set for HDLC; ours.
pub const HAND_OVER_DELAY: Duration = Duration::from_millis(300);

/// Behind the B0 that follows a failed opening; one source.
pub const FAILED_OPENING_DELAY: Duration = Duration::from_secs(2);

/// A meter may take so much longer before it sends the operand than for anything else; one source
/// waits so long for it.
pub const SEED_DELAY: Duration = Duration::from_secs(1);

/// A password lapses about five minutes after it was given; one source renews it so early.
pub const RENEW_AFTER: Duration = Duration::from_secs(270);

/// A refusal that may mean a lapsed password is believed to mean that only so long after the
/// password was given; before, the identity is locked. Ours.
pub const LAPSE_SUSPECTED_AFTER: Duration = Duration::from_secs(30);

/// How long a session may keep the line, if nobody says otherwise; ours.
pub const HOLD_MAX: Duration = Duration::from_mins(10);

/// The line is silent for so long before a probe: what an older request brings has come by then,
/// or comes in the probe's own time. One source.
pub const FLUSH_SILENCE: Duration = Duration::from_secs(1);

/// Silence that proves an answer of which only a mark tells the end; ours. It lies within the least
/// reaction time, so that it costs nothing.
pub const MARKED_SILENCE: Duration = Duration::from_millis(100);

/// Any answer but a readout has come within this time, however slowly its characters follow; ours.
pub const ANSWER_TIME_MAX: Duration = Duration::from_mins(1);

/// The longest readout at 300 baud takes 546 s.
pub const READOUT_TIME_MAX: Duration = Duration::from_mins(10);

/// Answers of one length that are remembered, to recognise a copy; ours.
pub const COPIES_REMEMBERED: usize = 4;

/// Answers that are remembered at all; ours.
pub const ANSWERS_REMEMBERED: usize = 64;

/// Answers to one request that may be doubted, because each equals an earlier one; ours.
pub const DOUBTS_MAX: u8 = 4;

/// Probes with different answers that a session may have; ours.
pub const PROBES_MAX: usize = 8;

/// An answer in partial blocks has at most so many; ours.
pub const PARTIAL_BLOCKS_MAX: usize = 4096;

/// Behind the ESC that ends a data stream; one source.
pub const ABORT_SILENCE: Duration = Duration::from_secs(3);

/// Blocks of 256 octets that one data stream is asked for: three hexadecimal digits, as the number
/// of a packet; ours.
pub const STREAM_BLOCKS_MAX: u16 = 0xfff;

/// A meter may end a session of its own; one source opens a new one so many times.
pub const REOPENINGS_MAX: u8 = 10;

/// Secrets that a trace remembers for each line; ours.
pub const SECRETS_REMEMBERED: usize = 8;
