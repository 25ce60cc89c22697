//! Modbus: reads of registers over a guarded line, on RTU, RTU over TCP, and Modbus TCP.
//!
//! The crate `tokio-modbus` encodes the request and decodes the answer, at one end of a pipe in
//! memory. It never sees the line: at the other end of the pipe the driver hands the request to
//! [`line::GuardedLine::exchange`] and passes back only a frame whose unit, function, length and
//! checksum fit that request. For each exchange it is attached afresh, so no half-read frame
//! outlives an error. The own frame-level code is the checksum and the matching.

mod checksum;
mod exception;
mod expected;
mod expected_tcp;
mod explain;
mod read;
mod write;

pub use self::checksum::{checksum, with_checksum};
pub use self::exception::{Exception, ExceptionRemedy};
pub use self::expected::{ExpectedAnswer, UnknownAnswer};
pub use self::expected_tcp::ExpectedTcpAnswer;
pub use self::explain::explain;
pub use self::read::{
    ReadAnswer, ReadFault, ReadRemedy, TransactionIds, read_registers, read_registers_tcp,
};

pub use self::write::{Ask, Framing, WriteFunction, ask};

use line::{Find, Pattern};

/// What a fuzz target calls: the first octets make a request, the rest is what was heard.
///
/// # Panics
///
/// When a match lies outside of what was heard, or does not prove what it promises.
pub fn fuzz_match(data: &[u8]) {
    let Some((&[unit, kind, count, id_high, id_low], heard)) = data.split_first_chunk::<5>() else {
        return;
    };
    let function = match kind % 8 {
        0 => 15,
        7 => 16,
        low => low,
    };
    let pdu = [function, id_high, id_low, 0, count];
    let Ok(expected) = ExpectedAnswer::of(unit, &pdu) else {
        return;
    };
    if let Some(frame) = found(&expected, heard) {
        assert_eq!(
            checksum(frame),
            0,
            "a frame with its checksum leaves no remainder"
        );
        assert_eq!(frame.first(), Some(&unit));
        assert!(frame.get(1).is_some_and(|octet| octet & 0x7f == function));
    }
    let id = u16::from_be_bytes([id_high, id_low]);
    let Ok(expected) = ExpectedTcpAnswer::of(id, unit, &pdu) else {
        return;
    };
    if let Some(frame) = found(&expected, heard) {
        assert_eq!(frame.first_chunk(), Some(&[id_high, id_low, 0, 0]));
        assert_eq!(frame.get(6), Some(&unit));
    }
}

/// The frame a pattern finds in what was heard; its place is checked in any case.
fn found<'a>(pattern: &dyn Pattern, heard: &'a [u8]) -> Option<&'a [u8]> {
    let (at, len, whole) = match pattern.find(heard) {
        Find::Found { at, len } => (at, len, true),
        Find::Damaged { at, len } => (at, len, false),
        Find::NotYet => return None,
    };
    let frame = heard.get(at..at + len);
    assert!(frame.is_some(), "a match lies within what was heard");
    assert!(
        len <= pattern.longest(),
        "no match is longer than the longest answer"
    );
    frame.filter(|_| whole)
}
