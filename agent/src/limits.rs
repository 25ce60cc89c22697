//! Every limit of the daemon, by name.

use std::time::Duration;

/// Largest MQTT packet either way; the broker is told, and should allow the same. With a
/// smaller one for what comes in, a flood of larger packets was seen to stall the session at mosquitto
/// 2.0.11 (it seems to keep their places in its window). Each topic has its own smaller limit, before
/// anything is read.
pub const MQTT_PACKET_BYTES_MAX: usize = 256 * 1024;
/// Messages handed to the MQTT client and not yet written.
pub const MQTT_REQUESTS_MAX: usize = 1024;
/// Events of the MQTT client waiting for the uplink.
pub const MQTT_EVENTS_MAX: usize = 64;
/// Requests waiting for the storekeeper; beyond it the lines wait.
pub const STORE_REQUESTS_MAX: usize = 256;
/// Requests waiting for the keys of meters; beyond it the sessions wait.
pub const KEY_REQUESTS_MAX: usize = 64;
/// Commands, key sets and policies that wait for the command desk; beyond it they have to come again.
pub const DESK_REQUESTS_MAX: usize = 64;
/// What the desk answers to commands that it does not take, or knows already: whoever owns the broker can
/// send an old one again and again, and each answer is a record on the disk.
pub const ANSWERS_BURST: u32 = 32;
/// And so often when these are used up.
pub const ANSWER_EVERY: Duration = Duration::from_secs(2);
/// Commands that are carried out at once; each has its meters for itself.
pub const COMMANDS_AT_ONCE: usize = 8;
/// Requests of people waiting for one bus.
pub const BUS_REQUESTS_MAX: usize = 8;
/// Messages the broker has but the head-end has not committed: beyond it no more are sent.
pub const UNCOMMITTED_MAX: usize = 4096;
/// Entries fetched from the store at a time.
pub const FETCH_MAX: usize = 64;
/// Entries one request of the head-end may ask for again.
pub const BACKFILL_ENTRIES_MAX: usize = 10_000;
/// Rows of a block that answers a request: a day of quarter-hours, well below a packet.
pub const BACKFILL_ROWS_A_BLOCK: usize = 96;
/// Refusals of one message by the broker before it is set aside.
pub const REFUSALS_MAX: u8 = 5;
/// Bytes kept in memory while nothing can be stored; beyond it the lines wait.
pub const UNSTORED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of text in the file of a byte trace.
pub const TRACE_FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Disconnections with the same message in flight before it is set aside.
pub const POISON_DISCONNECTS_MAX: u8 = 4;
/// Times another client may take our name within [`TAKEOVER_WINDOW`] before we pause.
pub const TAKEOVERS_MAX: usize = 3;
/// See [`TAKEOVERS_MAX`].
pub const TAKEOVER_WINDOW: Duration = Duration::from_mins(10);
/// A connection that is lost within this was probably taken over.
pub const SHORT_LIVED: Duration = Duration::from_secs(5);
/// The pause after too many takeovers.
pub const TAKEOVER_PAUSE: Duration = Duration::from_mins(5);
/// First pause between two attempts to connect; doubled up to the configured longest.
pub const BACK_OFF_FIRST: Duration = Duration::from_secs(1);
/// A connection that held this long was a good one: the pauses start anew.
pub const BACK_OFF_RESET_AFTER: Duration = Duration::from_mins(1);
/// Messages in flight and no word of the broker for this long: the connection is dead.
pub const ACKNOWLEDGE_WITHIN: Duration = Duration::from_mins(1);
/// How long the store is kept waiting for the rest of a burst of samples.
pub const URGENT_COMMIT_WITHIN: Duration = Duration::from_millis(250);
/// Pending bytes that force a commit before its window ends.
pub const COMMIT_BYTES_MAX: usize = 256 * 1024;
/// A vanished port is looked for this often; five seconds are promised.
pub const REOPEN_EVERY: Duration = Duration::from_secs(1);
/// A wall clock that moves by more than this against the monotonic one was set.
pub const CLOCK_STEP_MS: i64 = 500;
/// The local socket answers nobody before every line knows its meters, or this has passed.
pub const LINES_SHOWN_WITHIN: Duration = Duration::from_secs(5);
/// People connected to the local socket at a time.
pub const LOCAL_CALLERS_MAX: usize = 16;
/// Alarms shown by `pmuctl status`.
pub const ALARMS_SHOWN_MAX: usize = 20;
/// Tasks that made no progress for this long keep the watchdog hungry.
pub const PROGRESS_WITHIN: Duration = Duration::from_secs(30);
/// Requests of the head-end answered in one go.
pub const REQUESTS_BURST: u32 = 10;
/// And one more after each such time.
pub const REQUESTS_EVERY: Duration = Duration::from_secs(6);
/// Intervals handed out at once, to people and to the head-end.
pub const PROFILE_ROWS_MAX: usize = 5000;
/// Marks after now whose rows are looked for at once after the clock was set back.
pub const LOOK_AHEAD_MARKS: u32 = 1000;
/// Instantaneous values answered within this are told with one time, that of the last.
pub const INSTANT_SPREAD_MAX: Duration = Duration::from_secs(1);
/// Rows of one stored block of intervals.
pub const BLOCK_ROWS_MAX: usize = 1024;
/// A mark younger than this may still get its row: from memory, or from a sample under way.
pub const ROWS_SETTLED_AFTER: Duration = Duration::from_hours(1);
/// Records a bus holds back before it hands them to the storekeeper.
pub const PATIENT_RECORDS_MAX: usize = 32;
/// A chunk of an image that did not come is asked for again after this: on a line of 64 kbit/s one
/// takes eight seconds.
pub const IMAGE_ASK_AGAIN_AFTER: Duration = Duration::from_secs(20);
/// The longest pause until it is asked for again; it doubles each time.
pub const IMAGE_ASK_AGAIN_AFTER_MAX: Duration = Duration::from_mins(5);
/// How often is looked whether more of an image can be asked for.
pub const IMAGE_STEP: Duration = Duration::from_millis(50);
/// Whoever fetches an image is told after so much silence.
pub const IMAGE_SILENCE_MAX: Duration = Duration::from_mins(1);
/// Attempts to install an image whose bytes came over the broker and were not those of the order.
pub const IMAGE_ATTEMPTS_MAX: u32 = 3;
/// Bytes of a document that travels beside its command: a network map of some thousand meters.
pub const DOCUMENT_BYTES_MAX: u64 = 1024 * 1024;
/// A document that has not come after this is not waited for.
pub const DOCUMENT_WITHIN: Duration = Duration::from_mins(5);
/// How often a document is fetched whose bytes are not those that were signed.
pub const DOCUMENT_ATTEMPTS_MAX: u32 = 3;
/// Bytes of a configuration that comes by command.
pub const CONFIGURATION_BYTES_MAX: usize = 1024 * 1024;
/// Starts with a configuration on trial: a kill or a power cut is not its fault.
pub const CONFIGURATION_STARTS_MAX: u32 = 3;
/// Wishes about updates that wait.
pub const UPDATE_ASKS_MAX: usize = 4;
/// Jobs that wait or run; beyond it no more are taken.
pub const JOBS_OPEN_MAX: usize = 8;
/// Jobs that are remembered; the oldest that has ended goes.
pub const JOBS_KEPT_MAX: usize = 16;
/// A serial server or PAD that does not accept a connection within this is treated as gone.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// A modem or PAD takes what is written within this, or its port is gone.
pub const CALL_WRITE_WITHIN: Duration = Duration::from_secs(5);
/// Silence before `+++`: register S12 of a modem holds one second, and octets of the conversation
/// may still be on their way to it.
pub const ESCAPE_GUARD_BEFORE: Duration = Duration::from_millis(1500);
/// Silence after `+++`.
pub const ESCAPE_GUARD_AFTER: Duration = Duration::from_millis(1200);
/// From `+++` to the modem's OK.
pub const ESCAPE_ANSWER_WITHIN: Duration = Duration::from_millis(2500);
/// A modem answers an ordinary command within this.
pub const MODEM_ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// A modem answers a reset or the end of a call within this.
pub const MODEM_SLOW_ANSWER_WITHIN: Duration = Duration::from_secs(6);
/// A modem that was reset, or that has ended a call, may not hear the next command at once.
pub const MODEM_SETTLES_WITHIN: Duration = Duration::from_millis(600);
/// How often a command is sent to a modem that does not answer.
pub const MODEM_COMMAND_TRIES: u8 = 2;
/// Beyond the wait for a carrier that the modem itself keeps (register S7).
pub const DIAL_GRACE: Duration = Duration::from_secs(8);
/// DTR is dropped for this long; modems want a twentieth of a second (register S25) to a second.
pub const DTR_DROPPED_FOR: Duration = Duration::from_millis(1500);
/// One line of a modem or PAD; longer ones are cut.
pub const CALL_LINE_OCTETS_MAX: usize = 128;
/// Lines of a modem or PAD that are passed over while one answer is waited for.
pub const CALL_LINES_MAX: usize = 64;
/// A word of the modem or PAD at the end of a conversation counts if nothing follows it for this
/// long.
pub const FAREWELL_QUIET: Duration = Duration::from_millis(500);
/// A PAD answers an ordinary command within this.
pub const PAD_ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// A PAD answers its recall within this.
pub const PAD_RECALL_WITHIN: Duration = Duration::from_secs(2);
/// A PAD confirms the end of a call within this; the network has its part in it.
pub const PAD_CLEAR_WITHIN: Duration = Duration::from_secs(10);
/// How often a PAD is recalled and told to clear: a recall of one that was recalled already leads
/// back into the conversation.
pub const PAD_CLEAR_TRIES: u8 = 2;
/// A PAD that has said something and is silent for this long has said all.
pub const PAD_QUIET: Duration = Duration::from_secs(1);
/// ITU-T X.28: a break lasts at least 150 ms.
pub const PAD_BREAK: Duration = Duration::from_millis(250);
/// Tries of one request within a session with a FLAG meter.
pub const SESSION_ATTEMPTS: u8 = 3;
/// A session that may last so long tries its opening twice; a shorter one leaves that to the next.
pub const OPENING_TWICE_FROM: Duration = Duration::from_secs(20);
/// A password that a meter refused is tried again after this, unless the configuration changes.
pub const PASSWORD_RETRY_AFTER: Duration = Duration::from_hours(24);
/// Remarks of one meter that people see.
pub const REMARKS_MAX: usize = 8;
/// Days before a meter overwrites what nobody has read, at which a person is told.
pub const OVERWRITE_DAYS: u32 = 7;
/// Findings of one meter that people see.
pub const FINDINGS_MAX: usize = 8;
/// What was found is shown for this long.
pub const FINDINGS_SHOWN_FOR: Duration = Duration::from_hours(7 * 24);
/// Value group B of a register as a meter counts it, where its product with the transformer ratios
/// is kept as well; 65 to 127 are free for utilities (IEC 62056-61).
pub const SECONDARY_GROUP_B: u8 = 65;
/// Sessions in a row in which a password that was never taken may be met with silence, before it
/// counts as wrong. No source says how many wrong ones lock a meter; three is usual elsewhere.
pub const PASSWORD_SILENCES_MAX: u8 = 2;
/// Refusals in a row of a password that the meter has taken before, before it counts as wrong: it is
/// seldom changed, and a sign-off or a NAK may be the line's doing. A third might lock the meter.
pub const PASSWORD_DOUBTS_MAX: u8 = 2;
/// A meter's clock is adjusted at most this often: what the last time has done is seen first.
pub const CLOCK_ADJUST_EVERY: Duration = Duration::from_hours(24);
/// Gaps of a meter's load profile are looked for this often.
pub const GAP_LOOK_EVERY: Duration = Duration::from_hours(24);
/// A meter's load profile is read with a day of overlap this often; in between only what is new.
pub const OVERLAP_EVERY: Duration = Duration::from_hours(20);
/// Interval ends looked at for gaps at a time: 900 days of quarter-hours.
pub const PROFILE_ENDS_MAX: usize = 90_000;
/// From so many packets on a data stream is worth its beginning.
pub const STREAM_FROM_PACKETS: u32 = 8;
/// A slice of work at the line shorter than this tries nothing: one silent meter takes two seconds.
pub const LINE_WORK_HOLD_MIN: Duration = Duration::from_secs(4);
/// What a session of programming may take beside its sign-on: 300 packets at 9600 baud.
pub const PROGRAM_HOLD_MAX: Duration = Duration::from_mins(3);
/// Gateways begin their drift watch within so many seconds of the time that is set.
pub const DRIFT_JITTER_S: u32 = 3600;
/// A meter that the drift watch cannot have for so long is left for the next night.
pub const DRIFT_LOOK_WITHIN: Duration = Duration::from_mins(30);
/// A scan ends after this, whatever was wished.
pub const SCAN_SECONDS_MAX: u32 = 3600;
/// How long it is looked for what is set wrong.
pub const EXAMINE_FOR: Duration = Duration::from_mins(2);
/// Somebody listens no longer than this.
pub const LISTEN_SECONDS_MAX: u32 = 3600;
/// Octets that are kept of what was heard: they go to the caller in one line.
pub const LISTEN_OCTETS_MAX: usize = 128 * 1024;
/// Messages that are kept of it.
pub const LISTEN_RUNS_MAX: usize = 6000;
/// How soon a listener notices that nobody wants more.
pub const LISTEN_LOOK_EVERY: Duration = Duration::from_secs(1);

/// Records of the audit chain that one answer holds.
pub const AUDIT_PIECE_RECORDS_MAX: u32 = 2000;
/// Bytes of their lines: twice as long, with every sign escaped, they still fit a line of the desk.
pub const AUDIT_PIECE_BYTES_MAX: usize = 1024 * 1024;
