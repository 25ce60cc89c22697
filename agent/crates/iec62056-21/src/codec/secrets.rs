//! Passwords in octets: found and hidden before a trace or a person sees them.

use super::symbol::{ETX, SOH, STX};
use crate::limits::HIDDEN_OCTETS_MAX;

/// The octets with stars instead of what follows a P1 or a P2: the password, or what gives it
/// away, and the block check. Octets with their parity are recognised too.
pub fn without_secrets(octets: &[u8]) -> Vec<u8> {
    let mut shown = octets.to_vec();
    Secrets::default().hide(&mut shown);
    shown
}

/// Hides passwords in octets that come in pieces, cut anywhere.
///
/// What precedes a password is recognised with one damaged octet too. The octets must begin no
/// later than the command does: the rest of one that was cut before it cannot be recognised.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// The last octets, in seven bits; the newest is the last.
    tail: [u8; 4],
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Open,
    /// A command without an address follows, if the next octet is a bracket: with one flipped bit
    /// an R is made of the P of a password.
    Suspected,
    /// So many octets are hidden at most.
    Secret(u8),
    /// The block check is the last one to hide: with it the last octet could be computed.
    Ended,
}

impl Secrets {
    /// Puts stars in the place of secret octets.
    pub fn hide(&mut self, octets: &mut [u8]) {
        for octet in octets {
            if self.is_secret(*octet & 0x7f) {
                *octet = b'*';
            }
        }
    }

    fn is_secret(&mut self, seven: u8) -> bool {
        match (self.state, seven) {
            (State::Secret(_), ETX) => {
                self.state = State::Ended;
                return false;
            }
            (State::Secret(left), _) => {
                self.state = left.checked_sub(1).map_or(State::Open, State::Secret);
                return true;
            }
            (State::Ended, _) => {
                *self = Self::default();
                return true;
            }
            (State::Suspected, b'(') => {
                self.state = State::Secret(HIDDEN_OCTETS_MAX);
                return true;
            }
            (State::Suspected | State::Open, _) => {}
        }
        let [_, second, third, fourth] = self.tail;
        self.tail = [second, third, fourth, seven];
        self.state = state_behind(self.tail);
        false
    }
}

fn state_behind([first, letter, digit, last]: [u8; 4]) -> State {
    let is_soh = first == SOH;
    let is_p = letter == b'P';
    let is_one = matches!(digit, b'1' | b'2');
    let is_stx = last == STX;
    match (is_soh, is_p, is_one, is_stx) {
        (_, true, true, true) | (true, true, true, false) => State::Secret(HIDDEN_OCTETS_MAX),
        // P0 brings the operand.
        (true, true, false, true) if digit != b'0' => State::Secret(HIDDEN_OCTETS_MAX),
        (true, false, true, true) => State::Suspected,
        _ => State::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::Frame;
    use super::super::parity;
    use super::*;

    const WIRE: &[u8] = b"\x01P2\x02(SECRET)\x03\x55\x01R1\x02798001(10)\x03\x65";
    const SHOWN: &[u8] = b"\x01P2\x02********\x03*\x01R1\x02798001(10)\x03\x65";

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(without_secrets(WIRE), SHOWN);
        let shown = parity::receive_unchecked(&without_secrets(&parity::send(WIRE)));
        assert_eq!(shown, SHOWN);
        for len in 0..=WIRE.len() {
            let shown = without_secrets(&WIRE[..len]);
            assert!(!shown.escape_ascii().to_string().contains('S'), "{len}");
        }
        // The block check over this one looks like an end.
        let frame = Frame::command(*b"P1", Some("(b)"));
        assert_eq!(frame.octets().last(), Some(&ETX));
        assert_eq!(without_secrets(frame.octets()), b"\x01P1\x02***\x03*");
        let told = format!("{:?}", Frame::command(*b"P1", Some("(SECRET)")));
        assert_eq!(told, r#""\x01P1\x02********\x03*""#);
    }

    #[test]
    fn a_password_in_pieces_is_never_shown() {
        for cut in 0..=WIRE.len() {
            let (mut one, mut other) = (WIRE[..cut].to_vec(), WIRE[cut..].to_vec());
            let mut secrets = Secrets::default();
            secrets.hide(&mut one);
            secrets.hide(&mut other);
            assert_eq!([one, other].concat(), SHOWN, "{cut}");
        }
    }

    #[test]
    fn one_flipped_bit_does_not_give_a_password_away() {
        for bit in 0..4 * 8 {
            for command in [*b"P1", *b"P2"] {
                let mut wire = Frame::command(command, Some("(SECRET)")).into_octets();
                wire[bit / 8] ^= 1 << (bit % 8);
                // A P0 comes from the meter, and holds no secret.
                if wire.starts_with(b"\x01P0") {
                    continue;
                }
                let shown = without_secrets(&wire);
                assert!(!shown.escape_ascii().to_string().contains("SECR"), "{bit}");
            }
        }
    }

    #[test]
    fn nothing_else_is_hidden() {
        for wire in [
            &b"\x01R1\x02798001(10)\x03\x65"[..],
            b"\x01P0\x02(0123456789ABCDEF)\x03\x66",
            b"\x02(0123456789ABCDEF)\x03\x00\x02(P1)\x03\x00",
            b"\x01W1\x02551001(0200)\x03\x64\x06\x01B0\x03\x71",
        ] {
            assert_eq!(without_secrets(wire), wire);
        }
    }

    #[test]
    fn a_password_without_an_end_does_not_hide_for_ever() {
        let wire = [b"\x01P2\x02(SECRET".as_slice(), &[b'x'; 100]].concat();
        let shown = without_secrets(&wire);
        assert!(shown.ends_with(b"xxxx") && !shown.escape_ascii().to_string().contains('S'));
    }
}
