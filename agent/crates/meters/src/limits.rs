//! Every limit of this crate, with its reason.

use std::time::Duration;

// Requests.

/// Modbus Application Protocol V1.1b3, 6.3 and 6.4: registers in one read.
pub(crate) const READ_REGISTERS_MAX: u16 = 125;
/// Octets of a read request on a serial line: unit, function, address, count, checksum.
pub(crate) const REQUEST_OCTETS: u32 = 8;
/// Octets of its answer beside the registers: unit, function, length, checksum.
pub(crate) const ANSWER_OCTETS: u32 = 5;
/// Registers between two values that are read along at most, however cheap the line: what no
/// model lists may be refused.
pub(crate) const GAP_REGISTERS_MAX: u16 = 24;
/// Steps of padding tried on either side: with two lengths to avoid, the third step is free.
pub(crate) const PAD_STEPS_MAX: u16 = 3;
/// Paddings a meter refused that are remembered; the oldest goes.
pub(crate) const BAD_PADS_MAX: usize = 128;
/// Places where a meter does not let two values be read together that are remembered.
pub(crate) const CUTS_MAX: usize = 256;

// Queues.

/// Commands waiting for one bus; the desk answers "busy" beyond it.
pub(crate) const COMMANDS_MAX: usize = 8;
/// Values in one command: more than any model has.
pub(crate) const COMMAND_VALUES_MAX: usize = 256;
/// Stretches of sampled marks remembered of one poll: one more with every step of the clock.
pub(crate) const MARK_STRETCHES_MAX: usize = 8;

// Shares of the line, per mille. The rest goes by rank.

/// What samples keep while commands press.
pub(crate) const SCHEDULED_SHARE: u32 = 300;
/// What background polls keep while commands and samples press.
pub(crate) const BACKGROUND_SHARE: u32 = 100;
/// Line time that background polls let samples have before they ask for their share: a burst
/// shorter than this divided by the share is not disturbed.
pub(crate) const BACKGROUND_GRACE: Duration = Duration::from_millis(500);

// Sessions.

/// What sessions keep of the line, per mille, while polls and samples leave no room for them.
pub(crate) const SESSION_SHARE: u32 = 100;
/// Between the longest end of a session and whatever comes next: the sign-off, the line set back,
/// and one exchange that is not answered.
pub(crate) const SESSION_MARGIN: Duration = Duration::from_millis(500);
/// Requests for sessions that wait for one bus.
pub(crate) const SESSION_REQUESTS_MAX: usize = 8;
/// Wait after a session that broke; doubled with each further one.
pub(crate) const SESSION_RETRY_MIN: Duration = Duration::from_secs(5);
/// The longest such wait.
pub(crate) const SESSION_RETRY_MAX: Duration = Duration::from_mins(5);

// Meters that do not answer.

/// Line time a silent request costs until it has been seen: `feasibility.md` 1.3, rule 2.
pub(crate) const SILENCE_COST: Duration = Duration::from_millis(300);
/// First probe after a first timeout, so that one lost frame does not cost five seconds.
pub(crate) const DOUBT_WAIT: Duration = Duration::from_secs(1);
/// A meter that was silent this recently gets no quick first probe.
pub(crate) const DOUBT_FORGIVEN: Duration = Duration::from_mins(1);
/// Wait after the first probe without an answer; doubled after each further one.
pub(crate) const PROBE_WAIT_MIN: Duration = Duration::from_secs(5);
/// The longest wait between two probes of one meter.
pub(crate) const PROBE_WAIT_MAX: Duration = Duration::from_mins(5);
/// A probe without an answer is followed by this many times its length without another one.
pub(crate) const PROBE_SPACING: u32 = 20;
/// The same while other work waits: under 2 % of the line for all dead meters together.
pub(crate) const PROBE_SPACING_BUSY: u32 = 60;
/// A block silent this often, while the meter answers otherwise, is left out for a while.
pub(crate) const STRIKES_MAX: u8 = 3;
/// How long such a block is left out.
pub(crate) const MUTE_FOR: Duration = Duration::from_mins(15);
/// Blocks of one poll watched for silence.
pub(crate) const STRIKES_WATCHED_MAX: usize = 64;

// Refusals.

/// First wait after exceptions 5 and 6; doubled each time.
pub(crate) const BUSY_WAIT: Duration = Duration::from_millis(500);
/// Waits after exceptions 5 and 6 before the block is given up for this cycle: 0.5, 1 and 2 s.
pub(crate) const BUSY_WAITS_MAX: u8 = 3;
/// Equal refusals before one is believed (`feasibility.md` 1.3, rule 8).
pub(crate) const REFUSALS_BELIEVED: u8 = 2;
/// Refusals of one block in one cycle before it is left for the next one: a meter whose
/// exceptions change from one repeat to the next cannot be believed at all.
pub(crate) const REFUSALS_MAX: u8 = 8;

// Waiting.

/// The longest sleep: the clock is slewed, and a mark must not be missed by that.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(10);
/// The shortest sleep.
pub(crate) const WAIT_MIN: Duration = Duration::from_millis(1);
/// No request goes to a line for this long after it was found gone.
pub(crate) const LINE_GONE_WAIT: Duration = Duration::from_millis(500);
/// First polls of meters are spread over this at most, so that a bus says something soon.
pub(crate) const STAGGER_MAX: Duration = Duration::from_secs(10);
/// How long after a mark a silent meter's sample is waited for at most.
pub(crate) const RESTORE_WINDOW_MAX: Duration = Duration::from_mins(1);
/// How far the clock may lie before a sample's earliest start until its burst is called off.
pub(crate) const EARLY_SLACK: Duration = Duration::from_secs(1);
/// Longest turnaround that is learned from; beyond it something else went wrong.
pub(crate) const TURNAROUND_MAX: Duration = Duration::from_secs(5);
/// Window of the utilisation that the status shows.
pub(crate) const UTILISATION_WINDOW: Duration = Duration::from_mins(1);

// The Modbus driver.

/// Modbus Application Protocol V1.1b3, 6.1 and 6.2: coils or inputs in one read.
pub(crate) const READ_BITS_MAX: u16 = 2000;
/// Modbus Application Protocol V1.1b3, 4.1: octets of a PDU.
pub(crate) const TCP_PDU_OCTETS_MAX: usize = 253;
/// Modbus Application Protocol V1.1b3, 6.12: registers in one write.
pub(crate) const WRITE_REGISTERS_MAX: u16 = 123;
/// The pipe to the crate that encodes and decodes; the largest frame has 260 octets.
pub(crate) const PIPE_OCTETS: usize = 512;

// Programming.

/// How often a read of a programming run is asked; a write is asked once.
pub(crate) const PROGRAM_ATTEMPTS: u8 = 3;
/// Wait before a meter that is busy is asked again.
pub(crate) const PROGRAM_BUSY_WAIT: Duration = Duration::from_secs(1);

// Gateway-made load profiles.

/// Rows made for marks nobody sampled, at once: a month of quarters of an hour.
pub(crate) const GAP_ROWS_MAX: u64 = 3000;
/// Without a known maximum, a register that wrapped may have advanced by this part of its range.
pub(crate) const ROLLOVER_PART: i64 = 10;
/// Without a known maximum, two looks at one register differ by this much at most, in units of
/// the channel's last digit.
pub(crate) const SECOND_LOOK_SLACK: i64 = 1000;

// Forecast.

/// Line time in use, per mille, above which a bus gets a warning.
pub(crate) const BUSY_WARNING: u32 = 700;
/// Line time in use, per mille, above which a bus is refused.
pub(crate) const BUSY_REFUSED: u32 = 1000;

// Load profiles of FLAG meters.

/// Octets of a profile taken in at once; the longest record has 65,535.
pub(crate) const PROFILE_BUFFER_OCTETS_MAX: usize = 64 * 1024;
/// Octets of one stretch that was not understood which are kept to be shown; the rest is counted.
pub(crate) const PUZZLE_OCTETS_KEPT: usize = 256;
/// Values that are no numbers which are told one by one; a profile that is coded otherwise than its
/// model says consists of them.
pub(crate) const NO_NUMBERS_TOLD_MAX: usize = 32;
/// Channels of a profile of the VDEW style; ours, twice what such meters are sold with.
pub(crate) const VDEW_CHANNELS_MAX: usize = 32;
/// Days of a load profile asked for at most: no meter of this kind holds more (900).
pub(crate) const COLLECT_DAYS_MAX: u64 = 1000;
/// Windows of one collection; days between them are read with the next one.
pub(crate) const COLLECT_PLANS_MAX: usize = 64;
/// Octets of a window that is asked for: packets of 64 have numbers of three hexadecimal digits,
/// and a quarter is left for markers.
pub(crate) const WINDOW_OCTETS_MAX: u64 = 0xfff * 64 * 3 / 4;

// Profiles of DLMS meters.

/// Columns of a profile; ours, over twice what meters capture.
pub(crate) const COSEM_COLUMNS_MAX: usize = 64;
/// Rows of one answer; ours: a quarter of an hour for 900 days.
pub(crate) const COSEM_ROWS_MAX: usize = 96 * 900;
/// A stamp that lies so far behind a mark belongs to it: a meter may take its time to write a row.
pub(crate) const COSEM_STAMP_LATE_S: u64 = 30;
/// Longer periods have no grid of marks in UTC: their rows end when the meter says.
pub(crate) const COSEM_GRID_PERIOD_MAX_S: u32 = 3600;

/// Objects of one association; ours, several times what large meters list.
pub(crate) const COSEM_OBJECTS_MAX: usize = 2048;
/// Attributes or methods of one object; their numbers have eight bits, with a sign.
pub(crate) const COSEM_RIGHTS_MAX: usize = 256;
/// Characters in which rights to one object are told; ours.
pub(crate) const COSEM_ACCESS_TEXT_MAX: usize = 240;
/// Characters of one attribute in words: a calendar of four seasons has less than a thousand.
pub(crate) const COSEM_WORDS_MAX: usize = 2000;

// Clocks of meters.

/// No clock drifts as far as a day, and no zone or season explains it: it has lost its time.
pub(crate) const CLOCK_LOST_FROM: Duration = Duration::from_hours(24);

// Intervals against registers.

/// How far the time of a look at registers may be off against the meter's own clock: the clock is
/// measured in the same session, and an answer may take some seconds.
pub(crate) const CLOCK_LOOK_SLACK_S: u64 = 30;
/// Looks at registers that are compared lie at least so far apart.
pub(crate) const ADVANCE_SPAN_MIN_S: u64 = 6 * 3600;
/// Behind a span like this the comparison begins anew.
pub(crate) const ADVANCE_SPAN_MAX_S: u64 = 7 * 86_400;
/// Rows that are missing may be read so much later; then the comparison begins anew.
pub(crate) const ADVANCE_WAIT_S: u64 = 3 * 86_400;
/// Totals of one look that are kept; an identity has sixteen.
pub(crate) const ADVANCE_TOTALS_MAX: usize = 16;
/// Channels that are compared: a mask has sixteen bits.
pub(crate) const ADVANCE_CHANNELS_MAX: usize = 16;
/// Stretches without rows in one comparison.
pub(crate) const ADVANCE_MISSING_MAX: usize = 16;
