//! Hears on a lead what the gateway says to FLAG meters, in the clear: only here is known what no
//! log, trace or file may hold.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use simulator::link::{Circuit, Link, Peer, PtyLink};
use tokio::time::Instant;

use crate::bus::Bus;

/// Stands on the lead before a peer and passes everything on.
#[derive(Debug)]
pub struct Tap {
    peer: Box<dyn Peer>,
    heard: Heard,
}

/// What the gateway said so far, without the parity; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    octets: Arc<Mutex<Vec<u8>>>,
}

/// A password or what was made of it, as the gateway sent it to a meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordTry {
    /// The outstation number that was called.
    pub address: String,
    /// What stood in the brackets.
    pub operand: String,
}

/// A port behind which somebody hears what comes to a line.
#[derive(Debug)]
pub struct TappedPort {
    /// Its device.
    pub device: PathBuf,
    /// What came to the line.
    pub heard: Heard,
    _pty: PtyLink,
}

impl TappedPort {
    /// A port of a line; `link` makes the end of the lead, of what stands there.
    pub fn open(bus: &Bus, folder: &Path, link: impl FnOnce(Tap) -> Link) -> Self {
        let (tap, heard) = Tap::before(bus.wire.clone());
        let device = folder.join(format!("tty-{}", bus.id));
        Self {
            _pty: PtyLink::open(&link(tap), &device).expect("a pty"),
            device,
            heard,
        }
    }
}

impl Tap {
    /// A lead to this peer, and what is heard on it.
    pub fn before(peer: impl Peer + 'static) -> (Self, Heard) {
        let heard = Heard::default();
        let tap = Self {
            peer: Box::new(peer),
            heard: heard.clone(),
        };
        (tap, heard)
    }
}

impl Peer for Tap {
    fn hear(&mut self, now: Instant, octets: &[u8]) {
        let plain = octets.iter().map(|octet| octet & 0x7f);
        self.heard.locked().extend(plain);
        self.peer.hear(now, octets);
    }

    fn say(&mut self, now: Instant, said: &mut Vec<u8>) {
        self.peer.say(now, said);
    }

    fn due(&self) -> Option<Instant> {
        self.peer.due()
    }

    fn turn(&mut self, now: Instant, circuit: Circuit) {
        self.peer.turn(now, circuit);
    }

    fn carrier(&self) -> bool {
        self.peer.carrier()
    }
}

impl Heard {
    fn locked(&self) -> MutexGuard<'_, Vec<u8>> {
        self.octets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of it.
    pub fn octets(&self) -> Vec<u8> {
        self.locked().clone()
    }

    /// How often a meter was called.
    pub fn sign_ons(&self) -> usize {
        let octets = self.octets();
        octets.windows(2).filter(|pair| pair == b"/?").count()
    }

    /// Whether a session with this meter goes on in which it was asked for something.
    pub fn is_reading(&self, address: &str) -> bool {
        let octets = self.octets();
        let text: String = octets.iter().copied().map(char::from).collect();
        let Some((_, last)) = text.rsplit_once("/?") else {
            return false;
        };
        let is_it = last.split('!').next() == Some(address);
        is_it && last.contains("\u{1}R1\u{2}") && !last.contains("\u{1}B0")
    }

    /// Every password that was tried. The zeros that ask for the public level are none.
    pub fn tries(&self) -> Vec<PasswordTry> {
        let text: String = self.octets().iter().copied().map(char::from).collect();
        let sessions = text.split("/?").skip(1);
        let tries = sessions.flat_map(|session| {
            let address = session.split('!').next().unwrap_or_default();
            let commands = session.split('\u{1}').skip(1);
            commands.filter_map(move |command| {
                let is_password =
                    command.starts_with("P1\u{2}(") || command.starts_with("P2\u{2}(");
                let (operand, _) = command.get(4..)?.split_once(')')?;
                let is_public = operand.bytes().all(|digit| digit == b'0');
                (is_password && !is_public).then(|| PasswordTry {
                    address: address.to_owned(),
                    operand: operand.to_owned(),
                })
            })
        });
        tries.collect()
    }

    /// Of the tries those at one meter.
    pub fn tries_at(&self, address: &str) -> usize {
        let tries = self.tries();
        tries
            .iter()
            .filter(|tried| tried.address == address)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(heard: &[u8], expected: &[(&str, &str)]) {
        let all = Heard::default();
        all.locked().extend(heard);
        let tries = all.tries();
        let found: Vec<_> = tries
            .iter()
            .map(|tried| (tried.address.as_str(), tried.operand.as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_session_goes_on_from_its_first_request_to_its_sign_off() {
        let reads = |heard: &[u8], address: &str| {
            let all = Heard::default();
            all.locked().extend(heard);
            all.is_reading(address)
        };
        let begun = b"/?001!\r\n\x06051\r\n";
        let reading = [&begun[..], b"\x01R1\x02798001(08)\x03\x00"].concat();
        let ended = [&reading[..], b"\x01B0\x03\x71"].concat();
        let other = [&reading[..], b"/?002!\r\n"].concat();
        assert!(reads(&reading, "001"));
        for heard in [b"", &begun[..], &ended[..], &other[..]] {
            assert!(!reads(heard, "001"), "{heard:?}");
        }
        assert!(!reads(&reading, "002"));
    }

    #[test]
    fn a_password_is_told_from_all_else_that_is_said() {
        check(b"", &[]);
        check(b"/?001!\r\n\x06051\r\n\x01R1\x02798001(08)\x03\x00", &[]);
        check(b"/?001!\r\n\x01P2\x02(0000000000000000)\x03\x61", &[]);
        check(
            b"/?001!\r\n\x01P2\x02(DCEF64BA826BF9A4)\x03\x34/?2!\r\n\x01P1\x02(12345678)\x03\x00",
            &[("001", "DCEF64BA826BF9A4"), ("2", "12345678")],
        );
    }
}
