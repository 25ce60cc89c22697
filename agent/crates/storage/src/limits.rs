//! Every limit of the store, with its reason.

use std::time::Duration;

/// One entry on disk aims at this size: a message of it fits any broker's packet limit, and a
/// commit window of 250 meters stays one row.
pub const ENTRY_BYTES_AIM: usize = 32 * 1024;
/// No encoded value is longer; a decoder refuses more before it allocates.
pub const VALUE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Columns of one block: channels or values of one poll, and what belongs to each row.
pub const COLUMNS_MAX: usize = 512;
/// Cells of one block before it is taken apart: a day of 1 s intervals with 40 channels.
pub const CELLS_MAX: usize = 1 << 22;
/// Rows of one day chunk: one a second.
pub const CHUNK_ROWS_MAX: usize = 86_400;
/// Different shapes within one chunk: as many as rows, if each had one of its own.
pub const SECTIONS_MAX: usize = CHUNK_ROWS_MAX;
/// Polls in one entry.
pub const POLLS_MAX: usize = 16_384;
/// Ranges in one gap record.
pub const GAP_RANGES_MAX: usize = 1024;
/// Bytes of a request's id, as the contract has it.
pub const REQUEST_ID_BYTES_MAX: usize = 32;
/// Text of an event or an audit record; longer text is cut at a character.
pub const TEXT_BYTES_MAX: usize = 1024;
/// Bytes of one state value.
pub const STATE_BYTES_MAX: usize = 4096;
/// Ranges confirmed ahead of the watermark that are remembered; the rest is merely sent again.
pub const ISLANDS_MAX: usize = 64;
/// A watermark reaches the disk with the first commit this long after the last one did: the
/// head-end sends one every 2 s, and a commit each would cost 1 GB a day. A crash in between
/// only repeats messages.
pub const PERSIST_AFTER: Duration = Duration::from_mins(5);
/// Encoded bytes that one call of `pending` reads.
pub const PENDING_BYTES_MAX: usize = 1024 * 1024;
/// Events kept for people on site after the head-end has them.
pub const EVENTS_KEPT: u64 = 5_000;
/// Audit records kept at least.
pub const AUDIT_KEPT: u64 = 10_000;
/// Bytes of an exported piece of the audit chain.
pub const AUDIT_SEGMENT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Records of such a piece: all that a gateway keeps, twice.
pub const AUDIT_SEGMENT_RECORDS_MAX: usize = 20_000;
/// Drops remembered by number, so that a question about them can be answered.
pub const DROPS_KEPT: u64 = 1_000;
/// Messages set aside; the oldest of more is released again.
pub const QUARANTINE_MAX: usize = 1_000;
/// Bytes of an envelope, the cap of the contract before anything of it is read.
pub const ENVELOPE_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a signed receipt: about 400, and 170 for each meter of its proof.
pub const RECEIPT_BYTES_MAX: usize = 128 * 1024;
/// Bytes of what proves where a command stands; what is larger is kept elsewhere by its hash.
pub const PROOF_BYTES_MAX: usize = 4 * 1024;
/// Bytes of a note on a command; a longer one is cut at a character.
pub const COMMAND_NOTE_BYTES_MAX: usize = 512;
/// Bytes of the people behind a command, and of the word for what is to be done.
pub const COMMAND_NAME_BYTES_MAX: usize = 128;
/// Steps of one command: every register of every meter of a list.
pub const STEPS_MAX: u32 = 1_000_000;
/// Commands that are not ended; a bus carries out one at a time.
pub const COMMANDS_OPEN_MAX: u64 = 256;
/// Signers with numbers of their own: all keys that operators ever had in one epoch.
pub const SIGNERS_MAX: u64 = 4096;
/// Commands kept beside the open ones: 16 MB, if each were as large as it may be. An older one
/// cannot come back, because its number is used.
pub const COMMANDS_KEPT: u64 = 1_000;
/// An ended command is kept as long as load profiles are, if there is room.
pub const COMMAND_AGE_KEPT: Duration = Duration::from_hours(24 * 900);
/// Commands that one commit lets go.
pub const COMMANDS_DROP_MAX: usize = 64;
/// Commands in one answer.
pub const COMMANDS_PAGE_MAX: usize = 256;
/// Values kept by name: key set, policy, and the texts of schemes and lists.
pub const REMEMBERED_MAX: u64 = 1024;
/// Bytes of such a name.
pub const REMEMBERED_NAME_BYTES_MAX: usize = 96;
/// Bytes of such a value: a list of 2,000 meters.
pub const REMEMBERED_VALUE_BYTES_MAX: usize = 256 * 1024;
/// Bytes of all such values together.
pub const REMEMBERED_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Values moved into the archive by one commit: 5 MB of memory, a quarter of an hour of
/// 25 readings a second with 8 values each and the profiles beside them.
pub const SEAL_VALUES_MAX: usize = 260_000;
/// Entries moved into the archive by one commit.
pub const SEAL_ENTRIES_MAX: usize = 4_096;
/// Length of a telemetry chunk, chosen from its encoded size: 90 polls of 8 values make
/// about 500 bytes.
pub const TELEMETRY_SLOT_SECONDS: u64 = 900;
/// Meters that one archive can tell apart in its lifetime.
pub const METERS_MAX: usize = 20_000;
/// Profiles that one archive can tell apart in its lifetime.
pub const PROFILES_MAX: usize = 255;
/// Shapes that one archive remembers.
pub const SHAPES_MAX: usize = 20_000;
/// Broken files kept beside the store for an inspection; the oldest goes first.
pub const BROKEN_FILES_KEPT: usize = 3;
/// Below this share of free disk the oldest telemetry goes (per cent).
pub const DISK_LOW_PERCENT: u64 = 10;
/// Below this share of free disk telemetry stops, and the oldest sent profiles go (per cent).
pub const DISK_CRITICAL_PERCENT: u64 = 5;
/// Room kept back beside the store for a full disk: several starts, events and rounds of retention.
pub const RESERVE_BYTES: u64 = 4 * 1024 * 1024;
/// Given away at a time: a round of retention over 250 meters writes 117 kB, an append less.
pub const RESERVE_STEP_BYTES: u64 = 512 * 1024;
/// Kept for the next starts while the daemon runs.
pub const RESERVE_FOR_START_BYTES: u64 = 2 * 1024 * 1024;
/// Rows that one transaction of retention deletes from a table.
pub const DROP_ROWS_MAX: usize = 50_000;
/// Days that one call of `retain` takes from the archive by their age.
pub const RETAIN_DAYS_MAX: u16 = 2;
/// Days of profiles that stay even on a nearly full disk: a billing month.
pub const CRITICAL_PROFILE_DAYS_KEPT: u16 = 40;
/// Telemetry that stays unsent even on a nearly full disk.
pub const CRITICAL_TELEMETRY_KEPT: Duration = Duration::from_hours(1);
/// Rows of one page of the ledger.
pub const LEDGER_PAGE_ROWS_MAX: usize = 10_000;
/// Octets of one receipt in the ledger; a message holds no more.
pub const LEDGER_RECEIPT_BYTES_MAX: usize = 256 * 1024;
/// Forged receipts that the ledger keeps for a person; beyond, they are counted and told only.
pub const LEDGER_ASIDE_MAX: u64 = 1_000;
/// Islands that the ledger reports in one watermark.
pub const LEDGER_ISLANDS_MAX: usize = 64;
/// Settled runs that the ledger remembers of one stream; beyond, deliveries are booked and
/// asked for again.
pub const LEDGER_RUNS_MAX: usize = 4_096;
/// Memory for pages of the file of keys: all of it has a few dozen pages.
pub const KEYS_CACHE_BYTES: usize = 256 * 1024;
/// Keys in the file: 250 meters with four kinds, each twice during a change, and room.
pub const KEYS_MAX: u64 = 4096;
/// Octets of a sealed key: 64 of a password, and what sealing adds.
pub const SEALED_BYTES_MAX: usize = 256;
/// Bytes of a meter's name.
pub const KEY_NAME_BYTES_MAX: usize = 40;
/// Invocation counters that one commit reserves. A session takes 256, so that every fourth one
/// writes; a process that dies at every start wastes a key in three months.
pub const COUNTERS_ON_DISK: u32 = 1024;
/// Left between the counter that a meter names and the first one that is used: what was sent
/// and never arrived. One attempt a minute at a mute meter takes six weeks for it.
pub const COUNTER_GAP: u32 = 65_536;
/// A counter that a meter names may be so far beyond what is known here; a 256th of all.
pub const COUNTER_JUMP_MAX: u32 = 1 << 24;
/// The pause after a meter has refused its key: some lock their door after a few wrong ones.
pub const REFUSED_PAUSE_FIRST: Duration = Duration::from_hours(1);
/// The longest such pause.
pub const REFUSED_PAUSE_MAX: Duration = Duration::from_hours(24);
