//! Every limit of this program, with its reason.

use std::time::Duration;

/// What a serial console shows in one line.
pub const COLUMNS: usize = 80;
/// A meter on a slow line with retries answers within this, and so does everything shorter.
pub const DESK_WAIT: Duration = Duration::from_mins(2);
/// Checking every checksum of a 900-day store from a slow card.
pub const VERIFY_WAIT: Duration = Duration::from_hours(1);

/// The contract's largest packet.
pub const MQTT_PACKET_BYTES_MAX: u32 = 256 * 1024;
/// Messages that the broker may send before the first is acknowledged.
pub const MQTT_RECEIVE_MAX: u16 = 200;
/// Acknowledgements and messages handed to the MQTT client and not yet written; all
/// acknowledgements of a window fit, with room for the rest.
pub const MQTT_REQUESTS_MAX: usize = 1024;
/// Events of the MQTT client that were not looked at.
pub const MQTT_EVENTS_MAX: usize = 256;
/// Watermarks and requests without the broker's word. Far fewer than the client takes, so that
/// it never stops to pass on acknowledgements.
pub const MQTT_UNANSWERED_MAX: usize = 32;
/// The client crate panics below 5 s.
pub const MQTT_KEEP_ALIVE: Duration = Duration::from_secs(30);
/// TCP, TLS and CONNACK.
pub const MQTT_CONNECT_WITHIN_S: u64 = 15;
/// A broker that owes a word for longer is not there any more.
pub const MQTT_ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// The longest first pause before connecting again; it doubles with each loss.
pub const BACK_OFF_FIRST: Duration = Duration::from_millis(500);
/// The longest pause at all: a consumer is one, gateways are many.
pub const BACK_OFF_MAX: Duration = Duration::from_secs(30);
/// A connection that lasted this long starts the pauses anew.
pub const BACK_OFF_RESET_AFTER: Duration = Duration::from_mins(1);
/// How long the end of the program waits for the broker to take the last watermarks.
pub const FAREWELL_WITHIN: Duration = Duration::from_secs(2);

/// Messages booked in one transaction.
pub const BATCH_MESSAGES_MAX: usize = 200;
/// Their bytes.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Gateways that one consumer serves; five thousand are the design size of a fleet.
pub const GATEWAYS_MAX: usize = 10_000;
/// Images in the folder that is served: each has been hashed.
pub const IMAGES_MAX: usize = 64;
/// How often the folder is looked through for an image that is not known.
pub const IMAGE_LOOK_EVERY: Duration = Duration::from_secs(10);
/// Gateways that fetch images at a time; of more, those that asked last are served.
pub const IMAGE_READERS_MAX: usize = 256;
/// Chunks that one gateway may wait for: two full wishes.
pub const IMAGE_QUEUE_MAX: usize = 8;
/// Messages without the broker's word while chunks are sent: watermarks go first.
pub const IMAGE_UNANSWERED_MAX: usize = 4;
/// How often is looked whether a gateway's pace allows its next chunk.
pub const IMAGE_STEP: Duration = Duration::from_millis(20);
/// Channel lists kept for one gateway.
pub const LISTS_MAX: usize = 256;
/// Channel lists that were looked for in the ledger in vain and are not looked for again.
pub const LISTS_MISSED_MAX: usize = 1024;
/// Blocks of one gateway that wait for their channel list. Beyond it they are dropped: without
/// a watermark the gateway sends them again.
pub const WAITING_BLOCKS_MAX: usize = 512;
/// Bytes of all blocks of all gateways that wait.
pub const WAITING_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How far before a block the ledger is searched for its channel list first.
pub const LISTS_SEARCH: Duration = Duration::from_hours(7 * 24);
/// Holes of one gateway whose age is known; the rest come when these are filled.
pub const HOLES_MAX: usize = 1024;
/// Numbers asked for in one request; a gateway refuses ten thousand.
pub const REQUEST_NUMBERS_MAX: u64 = 5_000;
/// A hole that stays is asked for again after 2, 4, 8 … times its first patience, 64 at most.
pub const ASK_DOUBLINGS_MAX: u32 = 6;

/// Meters in the live table.
pub const METERS_SHOWN_MAX: usize = 20_000;
/// Remarks under the live table.
pub const REMARKS_SHOWN: usize = 5;
/// Length of a remark from elsewhere.
pub const REMARK_CHARS_MAX: usize = 300;
/// The live table is drawn at most this often.
pub const DRAW_EVERY: Duration = Duration::from_millis(500);
/// Lines of a terminal that does not say how many it has.
pub const LINES_DEFAULT: usize = 24;
/// A PEM file.
pub const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;

/// The widest terminal that is filled.
pub const COLUMNS_MAX: usize = 400;
/// A narrower one gets lines that it has to break.
pub const COLUMNS_MIN: usize = 40;
/// A yes or a no.
pub const ANSWER_BYTES_MAX: u64 = 80;
/// How often the terminal is looked at until one is typed.
pub const ANSWER_LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often a piece of work is looked at: a person sees no delay, and the gateway no load.
pub const JOB_LOOK_EVERY: Duration = Duration::from_millis(300);
/// A piece of work ends at its next step: one exchange with retries on the slowest line, and a
/// modem that hangs up.
pub const CANCEL_WITHIN: Duration = Duration::from_mins(1);
/// Days that are collected where none are named: what an installer wants to see, in minutes.
pub const COLLECT_DAYS: u64 = 30;
/// Intervals in one answer of the gateway from which on there may be more behind them.
pub const PROFILE_ROWS_MORE: usize = 1000;
/// Answers of intervals that are joined: 900 days of minutes, and some.
pub const PROFILE_PAGES_MAX: usize = 2000;
/// The shortest pause between two looks at instantaneous values.
pub const WATCH_EVERY_MIN: Duration = Duration::from_millis(500);

/// A configuration; the largest that is in use has a few hundred meters.
pub const CONFIGURATION_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// A backup: the gateway's longest answer, with room for its layout.
pub const BACKUP_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Identities in a backup.
pub const BACKUP_IDENTITIES_MAX: usize = 10_000;
/// A meter model file.
pub const MODEL_BYTES_MAX: u64 = 1024 * 1024;

/// `pmu-agent check` with every model on a slow card.
pub const JUDGE_WITHIN: Duration = Duration::from_mins(1);
/// A private gateway answers after this, or does not.
pub const DIRECT_START_WITHIN: Duration = Duration::from_secs(30);
/// How often it is asked until then.
pub const DIRECT_LOOK_EVERY: Duration = Duration::from_millis(50);
/// The exchange in progress ends, a modem hangs up, the store commits: as the unit file has it.
pub const DIRECT_STOP_WITHIN: Duration = Duration::from_secs(30);
/// What a private gateway said last, where it did not start.
pub const DIRECT_WORDS_MAX: usize = 4000;
/// Folders of private gateways that are looked through for what a killed one left.
pub const DIRECT_FOLDERS_MAX: usize = 1000;

/// A page of 24 lines takes two seconds at 9600 baud.
pub const PAGE_EVERY_MIN: Duration = Duration::from_secs(2);
/// The agent answers at once, or the page says that it does not.
pub const PAGE_ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// The service manager and the journal likewise.
pub const SERVICE_WITHIN: Duration = Duration::from_secs(3);
/// What the agent said last, on the page.
pub const AGENT_WORDS_MAX: usize = 400;
/// A file of the kernel or of the boot program.
pub const MACHINE_FILE_BYTES_MAX: u64 = 256 * 1024;

/// Wired ports that are set up; a gateway has two.
pub const NETWORKS_MAX: usize = 16;
/// Servers for names of one port.
pub const DNS_SERVERS_MAX: usize = 8;
/// Time servers.
pub const TIME_SERVERS_MAX: usize = 8;
/// Passwords of meters that are brought at once.
pub const PASSWORDS_MAX: usize = 256;
/// Any file of a folder that provisions a gateway.
pub const BROUGHT_BYTES_MAX: u64 = 1024 * 1024;
/// All of them together with what is made of them, as JSON.
pub const CHANGE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// A file with the key of a meter: 64 digits and a line end.
pub const METER_KEY_FILE_BYTES_MAX: u64 = 256;

/// A signed command, key set or policy, or the text of one before it is signed; the crate that
/// reads them has closer limits of its own.
pub const SIGNED_FILE_BYTES_MAX: usize = 256 * 1024;
/// A message with a receipt.
pub const RECEIPT_FILE_BYTES_MAX: u64 = 256 * 1024;
/// A piece of the audit chain; the storage crate reads 64 MiB.
pub const AUDIT_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// A file that a command brings to a gateway.
pub const DOCUMENT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// An image of a golden meter, or a write set: what a gateway keeps of one document.
pub const PAGES_BYTES_MAX: u64 = 256 * 1024;
/// A recorded session of a maker's program.
pub const RECORDING_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Text inside a command; with its names and signatures the envelope stays below 16 KiB.
pub const INLINE_BYTES_MAX: usize = 12 * 1024;
/// The broker takes a connection, a subscription, a message within this.
pub const POST_WITHIN: Duration = Duration::from_secs(20);
/// A kept message comes within this after a subscription, or there is none.
pub const BIRTH_WITHIN: Duration = Duration::from_secs(10);
/// Messages that came while the broker's word on one of ours was waited for.
pub const POST_QUEUE_MAX: usize = 1024;
/// The pause before a lost connection is tried again.
pub const POST_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Commands of one call of `command send`.
pub const COMMANDS_MAX: usize = 1000;
/// Gateways of one roll-out.
pub const ROLLOUT_GATEWAYS_MAX: usize = 10_000;
/// The file in which a roll-out remembers how far it came.
pub const ROLLOUT_FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Rows of a stored load profile as CSV.
pub const PROFILE_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// A gateway of a roll-out that said nothing is sent its command again after this.
pub const ROLLOUT_AGAIN_AFTER: Duration = Duration::from_mins(5);
/// How often a roll-out looks whether something is due.
pub const ROLLOUT_LOOK_EVERY: Duration = Duration::from_secs(1);
