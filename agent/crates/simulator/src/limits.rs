//! Every limit of the simulator, with its source.

use std::time::Duration;

/// Modbus over Serial Line V1.02, 2.5.1: an RTU frame has at most 256 octets.
pub const RTU_FRAME_OCTETS_MAX: usize = 256;
/// Modbus Messaging on TCP/IP V1.0b: 7 octets of header before a PDU of at most 253.
pub const TCP_FRAME_OCTETS_MAX: usize = 260;
/// Modbus Application Protocol V1.1b3, 6.3: registers in one read.
pub const READ_REGISTERS_MAX: u16 = 125;
/// Modbus Application Protocol V1.1b3, 6.12: registers in one write.
pub const WRITE_REGISTERS_MAX: u16 = 123;
/// Requests that a queueing meter or serial server keeps while it thinks; more are lost.
pub const REQUESTS_WAITING_MAX: usize = 8;
/// Octets that one wire has under way; beyond it an answer is lost.
pub const OCTETS_UNDER_WAY_MAX: usize = 32_768;
/// Requests that a wire remembers one by one; older ones stay in the totals.
pub const REQUESTS_KEPT_MAX: usize = 200_000;
/// Answers that the truth remembers; older ones are forgotten.
pub const ANSWERS_KEPT_MAX: usize = 400_000;
/// Classes of the histogram of silences, half a character each; the last holds all longer ones.
pub const SILENCE_CLASSES: usize = 24;
/// The longest stretch in which the truth searches for a value, one step per millisecond.
pub const SEARCH_MAX: Duration = Duration::from_mins(2);
/// Octets taken from a pty or a socket at once.
pub const READ_OCTETS: usize = 1024;
/// The pty thread looks at its orders at least this often.
pub const PTY_WAIT_MAX: Duration = Duration::from_millis(500);
/// Steps of a write that an unwritable pty may take before its octets count as lost.
pub const PTY_WRITE_STEPS: usize = 4;
/// What a write to a pty takes at most unless the thread was interrupted in it; the rest of the
/// time was not silence that the gateway could have missed.
pub const PTY_WRITE_TIME_MAX: Duration = Duration::from_micros(30);
/// Octets that an answering peer remembers.
pub const HEARD_KEPT_MAX: usize = 65_536;
/// A pty link looks at its peer at least this often.
pub const LINK_PTY_WAIT_MAX: Duration = Duration::from_millis(20);
/// What a simulated modem or PAD remembers of its life.
pub const LINK_EVENTS_KEPT_MAX: usize = 10_000;
/// ITU-T V.250, 5.2.1: a modem takes at least 40 characters a line; most take some hundred.
pub const COMMAND_LINE_OCTETS_MAX: usize = 255;

/// Packets waiting for one client; beyond it the oldest are dropped and counted.
#[cfg(feature = "broker")]
pub const CLIENT_QUEUE_MAX: usize = 20_000;
/// Sessions the broker keeps, connected or not.
#[cfg(feature = "broker")]
pub const SESSIONS_MAX: usize = 2_000;
/// Connections at once, those still in their handshake included.
#[cfg(feature = "broker")]
pub const CONNECTIONS_MAX: usize = 1_000;
/// Retained topics.
#[cfg(feature = "broker")]
pub const RETAINED_MAX: usize = 20_000;
/// Messages that wait for whoever hears along: more than a gateway says in a minute.
#[cfg(feature = "broker")]
pub const OVERHEARD_MAX: usize = 4_096;
/// Filters of one session.
#[cfg(feature = "broker")]
pub const FILTERS_MAX: usize = 100;
/// Raw injections waiting for one client.
#[cfg(feature = "broker")]
pub const INJECTIONS_MAX: usize = 64;
/// What a stalled broker lets stand in a connection's buffer.
#[cfg(feature = "broker")]
pub const READ_BUFFER_OCTETS: usize = 8_192;
/// A will that waits looks this often whether its session has come to an end.
#[cfg(feature = "broker")]
pub const WILL_STEP: Duration = Duration::from_millis(100);
/// How long the last word to a client may take.
#[cfg(feature = "broker")]
pub const GOODBYE_MAX: Duration = Duration::from_secs(1);
