//! Every limit of the contract, with its reason.

/// An MQTT packet that a broker must take (`max_packet_size`).
pub const PACKET_BYTES_MAX: usize = 256 * 1024;
/// An up message: the packet without room for its fixed header, topic and properties.
pub const MESSAGE_BYTES_MAX: usize = PACKET_BYTES_MAX - 1024;
/// A body: the message without room for its envelope and a channel list of full length.
pub const BODY_BYTES_MAX: usize = MESSAGE_BYTES_MAX - 2048;
/// A backfill request; the largest one allowed takes less than 2 KiB.
pub const REQUEST_BYTES_MAX: usize = 4 * 1024;
/// The payload of a watermark; the envelope around it takes at most 16 KiB.
pub const WATERMARK_BYTES_MAX: usize = 16 * 1024;
/// A topic: the longest one of the contract, of an image, has 119 bytes.
pub const TOPIC_BYTES_MAX: usize = 128;

/// Bytes of one chunk of an image: eight seconds of a line of 64 kbit/s.
pub const CHUNK_BYTES_MAX: usize = 64 * 1024;
/// A chunk with its envelope of less than 64 bytes.
pub const CHUNK_MESSAGE_BYTES_MAX: usize = CHUNK_BYTES_MAX + 256;
/// Chunks that are asked for at once: what a gateway holds of an image in memory.
pub const WISH_CHUNKS_MAX: usize = 4;
/// Bytes of these.
pub const WISH_BYTES_MAX: u64 = 4 * 64 * 1024;
/// A wish for chunks; the largest has less than 100 bytes.
pub const WISH_MESSAGE_BYTES_MAX: usize = 512;

/// Numbers and times fit the `bigint` of a database.
pub const NUMBER_MAX: u64 = i64::MAX.unsigned_abs();
/// The end of the year 9999: what lies beyond is no time but damage.
pub const MILLIS_MAX: u64 = 253_402_300_799_999;

/// Rows of one load-profile block: a day of one-minute intervals goes in two blocks.
pub const BLOCK_ROWS_MAX: usize = 1024;
/// Channels of one profile.
pub const CHANNELS_MAX: usize = 64;
/// Polls of one group of readings.
pub const GROUP_ROWS_MAX: usize = 8192;
/// Quantities of one poll.
pub const QUANTITIES_MAX: usize = 256;
/// Groups in one body of readings: one for each shape of poll and quality of the clock.
pub const GROUPS_MAX: usize = 1024;
/// Text for people in an event or gap record.
pub const TEXT_BYTES_MAX: usize = 2048;
/// A code word, a firmware version, a capability.
pub const WORD_BYTES_MAX: usize = 64;
/// Capabilities in a birth.
pub const CAPABILITIES_MAX: usize = 64;
/// Signers whose numbers stand in a birth: those who ordered something last.
pub const SIGNERS_MAX: usize = 64;
/// Refused systems in the birth of the recovery system; a box has two slots.
pub const REFUSED_SYSTEMS_MAX: usize = 8;

/// Islands of one stream in one watermark: five streams of these stay below 16 KiB.
pub const MARK_ISLANDS_MAX: usize = 128;
/// Islands a consumer keeps for one stream of one gateway; beyond it numbers wait for a resend.
pub const TRACKED_ISLANDS_MAX: usize = 4096;
/// The id of a backfill request.
pub const REQUEST_ID_BYTES_MAX: usize = 32;
/// Ranges in one backfill request or gap record.
pub const RANGES_MAX: usize = 64;
