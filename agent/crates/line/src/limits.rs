//! Every limit of a line, with its source.

use std::time::Duration;

/// The hard deadline of an exchange is at least this long after the request has left. It may be
/// this short because safety rests on matching, not on waiting.
pub const DEADLINE_FLOOR: Duration = Duration::from_millis(300);

/// The hard deadline is never longer than this, whatever a meter has taught: a dead meter must
/// not make the living miss a polling period.
pub const DEADLINE_CEILING: Duration = Duration::from_secs(3);

/// The same behind a TCP gateway, which itself may wait a second for a meter.
pub const GATEWAY_DEADLINE_FLOOR: Duration = Duration::from_millis(1500);

/// The longest hard deadline behind a TCP gateway.
pub const GATEWAY_DEADLINE_CEILING: Duration = Duration::from_secs(6);

/// Silence after a complete frame with a wrong checksum that ends an exchange as damaged.
pub const DAMAGED_SILENCE: Duration = Duration::from_millis(20);

/// A line that has not been silent for this long cannot be used.
pub const SETTLE_MAX: Duration = Duration::from_secs(2);

/// The longest silence that may be asked for before a request.
pub const GAP_MAX: Duration = Duration::from_secs(1);

/// The longest wait after a broadcast.
pub const BROADCAST_DELAY_MAX: Duration = Duration::from_secs(5);

/// What a port may need to take a request, beyond the request's own line time.
pub const WRITE_GRACE: Duration = Duration::from_secs(1);

/// Modbus over Serial Line V1.02, 2.5.1.1: above 19 200 baud the silence is fixed.
pub const SILENCE_ABOVE_19200: Duration = Duration::from_micros(1750);

/// The runtime's timer rounds up to the next millisecond.
pub const RUNTIME_LATE_BY: Duration = Duration::from_millis(1);

/// A precise timer wakes its thread at most this late, unless the processor is taken (measured:
/// 50 to 100 us).
pub const PRECISE_LATE_BY: Duration = Duration::from_micros(200);

/// The rest of an answer is waited for at once if that spares at least so many looks at the line.
pub const LOOKS_SPARED_MIN: u32 = 2;

/// Octets taken from the line in one read.
pub const READ_OCTETS_MAX: usize = 512;

/// Reads that empty the line before a request; one that still talks then is not silent.
pub const DRAIN_READS_MAX: usize = 16;

/// Octets kept while an answer is searched, four Modbus RTU frames (V1.02, 2.5.1: 256 each). Where
/// an answer may be longer than half of it, so many octets are kept beyond the longest one.
pub const HEARD_OCTETS_MAX: usize = 1024;

/// The octets of one run of a foreign conversation; a longer one comes in several runs.
pub const RUN_OCTETS_MAX: usize = 1024;

/// An interruption must have silenced the line within this time.
pub const INTERRUPTION_MAX: Duration = Duration::from_secs(30);

/// An echo begins within this many octets after the request, or it is none.
pub const ECHO_LEAD_OCTETS_MAX: usize = 64;

/// The echo of a request with fewer octets than this counts at the very beginning only: its
/// octets may stand in any answer.
pub const ECHO_SEARCHED_OCTETS_MIN: usize = 4;

/// Answered exchanges without an echo, after which a line that echoed no longer does.
pub const ECHO_MISSES_MAX: u8 = 3;

/// Lost requests whose late answers are still recognised.
pub const LOST_REQUESTS_MAX: usize = 16;

/// A late answer older than this teaches nothing: no meter thinks for a minute.
pub const LOST_REQUEST_AGE_MAX: Duration = Duration::from_mins(1);

/// Beyond this time without listening, the arrival time of an octet is not known.
pub const UNHEARD_MAX: Duration = Duration::from_millis(50);

/// Meters on one line whose turnaround is learned; Modbus has 247 addresses, TCP 256.
pub const PEERS_MAX: usize = 256;

/// The longest turnaround is remembered for at least this many answers, at most twice as many.
pub const TURNAROUND_WINDOW: u32 = 1024;

/// An answer within this time is never slow.
pub const PATIENCE_FLOOR: Duration = Duration::from_millis(20);

/// Records kept by a byte trace.
pub const TRACE_RECORDS_MAX: usize = 4096;

/// Octets kept by a byte trace.
pub const TRACE_OCTETS_MAX: usize = 64 * 1024;
