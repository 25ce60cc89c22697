//! Sizes and counts that parsers and loops keep to.

/// Bytes of a block: of the file system's image, of its hash tree, of the manifest, of the state.
pub const BLOCK: usize = 4096;
/// The same for offsets.
pub const BLOCK_U64: u64 = 4096;
/// Where the statement of keys lies in the state partition, behind the two copies of the state.
pub const STATEMENT_AT: u64 = 2 * BLOCK_U64;
/// SHA-256 hashes in one block of the tree.
pub const HASHES_PER_BLOCK: u32 = 128;
/// Bytes of a name in a manifest. Longer ones fit no kernel's release either.
pub const NAME_BYTES_MAX: usize = 64;
/// Blocks of a file system's image: 2 GiB, far beyond any slot.
pub const DATA_BLOCKS_MAX: u32 = 524_288;
/// Bytes of a payload: more than any boot partition holds.
pub const PAYLOAD_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Bytes of the file of trusted keys.
pub const KEY_FILE_BYTES_MAX: usize = 4096;
/// How often a new image is tried before the former one comes back.
pub const TRIES: u8 = 3;
/// Starts in a row that never came to health after which the other slot is tried. Power cuts come in
/// bursts too, so this condemns nothing.
pub const STREAK_MAX: u8 = 5;
/// Blocks that one thread reads at once while it checks an image: 128 KiB, so that what was read is
/// still in the processor's cache when it is hashed.
pub const READ_BLOCKS: u32 = HASHES_PER_BLOCK / 4;
/// Threads of a check at most.
pub const THREADS_MAX: usize = 16;
