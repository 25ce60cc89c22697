//! Every limit of this crate, with its source.

/// A signed envelope; looked at before the first byte is parsed. The largest watermark the
/// contract allows (five streams of 128 islands) takes 13 KiB.
pub const ENVELOPE_BYTES_MAX: usize = 16 * 1024;
/// Keys a gateway trusts at the same time: two in use, two being rotated in, and room.
pub const INGEST_KEYS_MAX: usize = 16;
/// Root keys: two are provisioned, two may be on their way in.
pub const ROOT_KEYS_MAX: usize = 4;
/// Keys of one gateway, each of which signed receipts at its time.
pub const RECEIPT_KEYS_MAX: usize = 16;
/// A file of public keys: sixteen PEM blocks with generous comments, or 128 lines of digits.
pub const KEY_FILE_BYTES_MAX: usize = 64 * 1024;
/// Octets of a meter's secret: its longest password.
pub const SECRET_OCTETS_MAX: usize = 64;
/// Octets read of a credential; a master key has 32.
pub const MASTER_KEY_FILE_BYTES_MAX: usize = 4096;

/// A signed command in its envelope; what is larger travels as a blob.
pub const COMMAND_BYTES_MAX: usize = 16 * 1024;
/// Signatures of one envelope.
pub const SIGNERS_MAX: usize = 4;
/// A signed key set: 128 keys of some 200 bytes.
pub const KEY_SET_BYTES_MAX: usize = 32 * 1024;
/// Operators' keys in one set.
pub const OPERATOR_KEYS_MAX: usize = 128;
/// A signed policy: a rule for each operation.
pub const POLICY_BYTES_MAX: usize = 16 * 1024;
/// Meters of one command; with names of full length these take less than 16 KiB as a list of names
/// allows. More go in a meter list.
pub const METERS_MAX: usize = 256;
/// A blob: the largest system image that a gateway takes.
pub const BLOB_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// A name in the library: eight folders of names.
pub const LIBRARY_NAME_BYTES_MAX: usize = 160;
/// Levels of such a name.
pub const LIBRARY_LEVELS_MAX: usize = 8;
/// A sealed secret inside a command.
pub const SEALED_BYTES_MAX: usize = 512;
/// The end of the year 9999, in seconds.
pub const SECONDS_MAX: u64 = 253_402_300_799;
/// Numbers fit the `bigint` of a database.
pub const NUMBER_MAX: u64 = i64::MAX.unsigned_abs();
/// A command lives at most 31 days: a list that is planned for next month is put, not sent.
pub const LIFE_SECONDS_MAX: u64 = 31 * 86_400;
/// How far two synchronised clocks may be apart.
pub const SKEW_SECONDS: u64 = 120;
/// The name of a person.
pub const WHO_BYTES_MAX: usize = 64;
/// Attempts that a command may ask for.
pub const ATTEMPTS_MAX: u8 = 10;

/// A signed receipt: 512 meters with two hashes each.
pub const RECEIPT_BYTES_MAX: usize = 128 * 1024;
/// Meters in one receipt.
pub const RECEIPT_METERS_MAX: usize = 512;
/// A command in the journal, with those who stand behind it.
pub const JOURNAL_BYTES_MAX: usize = 20 * 1024;
/// Words for people in a receipt.
pub const RECEIPT_TEXT_BYTES_MAX: usize = 1024;
/// A signed seal of the audit chain.
pub const AUDIT_SEAL_BYTES_MAX: usize = 1024;

/// The file that maps roles to rights.
pub const ROLES_FILE_BYTES_MAX: usize = 16 * 1024;
/// People with an account on one gateway.
pub const PEOPLE_MAX: usize = 64;
/// Sessions at the same time.
pub const SESSIONS_MAX: usize = 32;
/// The shortest password.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// The longest one: hashing costs time.
pub const PASSWORD_BYTES_MAX: usize = 256;
