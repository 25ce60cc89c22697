//! Keys on their way to a meter: wrapped with the meter's master key, RFC 3394.

use aes_kw::{IV_LEN, KeyInit, KwAes128, KwAes256};
use zeroize::Zeroizing;

use super::fault::SecurityFault;
use super::key::{Key, Suite};

impl Key {
    /// This key, wrapped with the meter's master key.
    pub fn wrapped(&self, master: &Self) -> Result<Vec<u8>, SecurityFault> {
        let mut wrapped = vec![0; self.reveal().len() + IV_LEN];
        let done = match master.reveal().len() {
            16 => KwAes128::new_from_slice(master.reveal())
                .is_ok_and(|cipher| cipher.wrap_key(self.reveal(), &mut wrapped).is_ok()),
            _ => KwAes256::new_from_slice(master.reveal())
                .is_ok_and(|cipher| cipher.wrap_key(self.reveal(), &mut wrapped).is_ok()),
        };
        done.then_some(wrapped).ok_or(SecurityFault::Wrapped)
    }

    /// The key of a suite that is wrapped here: the meter's side.
    pub fn unwrapped(suite: Suite, wrapped: &[u8], master: &Self) -> Result<Self, SecurityFault> {
        let mut octets = Zeroizing::new(vec![0; suite.key_octets()]);
        if wrapped.len() != octets.len() + IV_LEN {
            return Err(SecurityFault::Wrapped);
        }
        let done = match master.reveal().len() {
            16 => KwAes128::new_from_slice(master.reveal())
                .is_ok_and(|cipher| cipher.unwrap_key(wrapped, &mut octets).is_ok()),
            _ => KwAes256::new_from_slice(master.reveal())
                .is_ok_and(|cipher| cipher.unwrap_key(wrapped, &mut octets).is_ok()),
        };
        if !done {
            return Err(SecurityFault::Wrapped);
        }
        Self::new(suite, &octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(|digit| *digit != b' ').collect();
        let pairs = digits.chunks(2);
        pairs
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[track_caller]
    fn check(master: (Suite, &str), key: (Suite, &str), wrapped: &str) {
        let (master, suite) = (Key::new(master.0, &hex(master.1)).unwrap(), key.0);
        let key = Key::new(suite, &hex(key.1)).unwrap();
        let wrapped = hex(wrapped);
        assert_eq!(key.wrapped(&master).unwrap(), wrapped);
        let again = Key::unwrapped(suite, &wrapped, &master).unwrap();
        assert_eq!(again.reveal(), key.reveal());
        for octet in 0..wrapped.len() {
            let mut changed = wrapped.clone();
            changed[octet] ^= 1;
            let refused = Key::unwrapped(suite, &changed, &master).unwrap_err();
            assert_eq!(refused, SecurityFault::Wrapped);
        }
    }

    const SHORT: &str = "000102030405060708090A0B0C0D0E0F";
    const LONG: &str = "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F";
    const DATA: &str = "00112233445566778899AABBCCDDEEFF";

    #[test]
    fn keys_are_wrapped_as_in_the_examples_of_rfc_3394() {
        // 4.1, 4.3 and 4.6; the others have keys that no suite has.
        check(
            (Suite::Zero, SHORT),
            (Suite::Zero, DATA),
            "1FA68B0A8112B447 AEF34BD8FB5A7B82 9D3E862371D2CFE5",
        );
        check(
            (Suite::Two, LONG),
            (Suite::One, DATA),
            "64E8C3F9CE0F5BA2 63E9777905818A2A 93C8191E7D6E8AE7",
        );
        check(
            (Suite::Two, LONG),
            (
                Suite::Two,
                "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
            ),
            "28C9F404C4B810F4 CBCCB35CFB87F826 3F5786E2D80ED326 CBC7F0E71A99F43B FB988B9B7A02DD21",
        );
    }

    #[test]
    fn what_has_another_length_is_not_unwrapped() {
        let master = Key::new(Suite::Zero, &hex(SHORT)).unwrap();
        for length in [0, 7, 8, 16, 23, 25, 40, 1000] {
            let refused = Key::unwrapped(Suite::Zero, &vec![0; length], &master);
            assert_eq!(refused.unwrap_err(), SecurityFault::Wrapped);
        }
    }
}
