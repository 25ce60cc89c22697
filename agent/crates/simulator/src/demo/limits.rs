//! Every limit of the demonstration, with its reason.

use std::time::Duration;

/// Below this no interval of an Elster meter would be confirmed.
pub(crate) const RUN_MIN: Duration = Duration::from_secs(30);
/// What the meters' truth was made for; longer soaks are the business of `hil-tests`.
pub(crate) const RUN_MAX: Duration = Duration::from_hours(24);
/// Length of an interval of the Modbus meters, in seconds: half a minute shall show some, and
/// between two samples there shall be room for two sessions with Elster meters.
pub(crate) const PERIOD_S: u32 = 20;
/// Pace of the instantaneous values, in seconds.
pub(crate) const INSTANT_S: u32 = 20;
/// The longest session, in seconds: what the samples leave of an interval.
pub(crate) const SESSION_S: u32 = 16;
/// Days of load profile that a meter which keeps one has at least when the gateway meets it.
pub(crate) const PAST_DAYS: i64 = 1;
/// Its reaction time. The standard's shortest are 20 and 200 ms; what is between leaves time for more
/// to be seen.
pub(crate) const ELSTER_REACTION: Duration = Duration::from_millis(50);
/// The gateway is started this long before the end of an interval: it is up then, and behind the
/// first samples a whole interval lies ahead for the first sessions with Elster meters.
pub(crate) const START_LEAD: Duration = Duration::from_secs(2);
/// At the end, what has not come of the meters' own load profiles is waited for at most this long:
/// with each interval about one more meter gets the line, and a damaged octet may cost one its
/// session.
pub(crate) const OWN_PATIENCE: Duration = Duration::from_mins(1);
/// The load profile of every meter that keeps one, and registers, have begun to arrive after this; one meter at a
/// time gets the line.
pub(crate) const OWN_WITHIN: Duration = Duration::from_mins(2);
/// Intervals that ended this shortly before they were asked for may not have been recorded yet: the
/// clocks of the meters differ from the gateway's.
pub(crate) const ERRAND_SLACK: Duration = Duration::from_secs(30);
/// What a meter holds of its own is read anew this often, in seconds; oftener, the line would be more
/// than busy.
pub(crate) const COLLECT_S: u32 = 300;
/// Registers of such a meter were on it within this distance from the time they are booked
/// under, in seconds: its answer takes a while, and its clock counts whole seconds.
pub(crate) const REGISTER_REACH_S: i64 = 3;
/// The gateway flags a sample that is further from its mark: the shipped default.
pub(crate) const LATE_AFTER: Duration = Duration::from_secs(2);
/// A value was on the meter within this distance from the end of its interval: the tolerance, and
/// the time of one exchange.
pub(crate) const SAMPLE_REACH: Duration = Duration::from_millis(2500);
/// The clock of the machine may move by this much against the monotonic one and values can still
/// be judged.
pub(crate) const CLOCK_DRIFT_MAX: Duration = Duration::from_millis(250);

/// The children are looked at, the desk is asked, and the table is drawn, this often.
pub(crate) const TICK: Duration = Duration::from_millis(500);
/// What is expected to come soon is looked for this often.
pub(crate) const STEP: Duration = Duration::from_millis(50);
/// Where no terminal is, a line is said this often.
pub(crate) const LINE_EVERY: Duration = Duration::from_secs(5);
/// It has this long for an answer.
pub(crate) const DESK_WITHIN: Duration = Duration::from_secs(5);
/// Octets of an answer.
pub(crate) const ANSWER_OCTETS_MAX: u64 = 4 << 20;
/// The gateway answers its desk this long after its start, on a busy machine too.
pub(crate) const START_WITHIN: Duration = Duration::from_secs(30);
/// A desk that was silent for this long belongs to a gateway that hangs.
pub(crate) const SILENT_MAX: Duration = Duration::from_secs(20);
/// The state of the clock is said anew this often; the gateway believes it for ten minutes.
pub(crate) const CLOCK_STATE_EVERY: Duration = Duration::from_mins(1);

/// What the gateway has made is numbered in its store after this: its commit window, and a little.
pub(crate) const COMMIT_GRACE: Duration = Duration::from_secs(2);
/// What was stored at the end has this long to be confirmed.
pub(crate) const DRAIN_WITHIN: Duration = Duration::from_secs(15);
/// The gateway ends within this once it is told to: it finishes exchanges, store and uplink.
pub(crate) const AGENT_GRACE: Duration = Duration::from_secs(35);
/// So does the head-end.
pub(crate) const CONSUMER_GRACE: Duration = Duration::from_secs(15);

/// Last lines of a log that are shown when its program failed.
pub(crate) const LOG_LINES: usize = 12;
/// New octets taken from the head-end's report at once.
pub(crate) const REPORT_OCTETS_MAX: u64 = 1 << 20;
/// Wrong registers remembered; more are not worth telling.
pub(crate) const WRONG_KEPT_MAX: usize = 100;
/// Broken promises told one by one, of each kind.
pub(crate) const FINDINGS_SHOWN: usize = 8;
/// The kernel takes names of unix sockets up to 108 octets; `/run/metrics.sock` is added.
pub(crate) const FOLDER_OCTETS_MAX: usize = 85;
/// Columns of a terminal that does not say how many it has.
pub(crate) const COLUMNS_DEFAULT: usize = 80;
