//! Every limit of the harness.

use std::time::Duration;

/// How long a program may take until it can be used.
pub const START_WITHIN: Duration = Duration::from_secs(20);
/// How long a program may take to end when it is asked to.
pub const STOP_WITHIN: Duration = Duration::from_secs(40);
/// How often a condition is looked at.
pub const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A clock that moves by more than this against the monotonic one was set.
pub const CLOCK_MOVED_MS: i64 = 100;
/// Lines of a program's log that a failed test shows.
pub const TAIL_LINES: usize = 40;
/// How long the local socket may take to answer.
pub const DESK_WITHIN: Duration = Duration::from_secs(10);
/// Building both programs from nothing, on two cores.
pub const BUILD_WITHIN: Duration = Duration::from_mins(20);
/// Octets that a cable carries at once.
pub const CABLE_OCTETS: usize = 512;
/// Octets that the proxy carries at once.
pub const PROXY_OCTETS: usize = 16_384;
/// How long the proxy waits for octets before it looks at its orders.
pub const PROXY_LOOK: Duration = Duration::from_millis(20);
/// How far a sample may be from the instant that its row names: line time and thinking included.
pub const SAMPLE_SLACK: Duration = Duration::from_millis(250);
/// Rows taken from the ledger in one go.
pub const PAGES_MAX: usize = 1000;
/// How long a gateway may take until its birth is at the broker, on a machine that builds beside it.
pub const BIRTH_WITHIN: Duration = Duration::from_mins(2);
