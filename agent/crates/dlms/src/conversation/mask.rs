//! What a trace must not show: the password of low level security, as it stands in an AARQ.

use std::fmt;

use line::Mask;
use zeroize::Zeroizing;

use crate::limits::SECRET_OCTETS_MAX;

/// Hides passwords that it was told, wherever they stand in what passed.
#[derive(Default)]
pub struct PasswordMask {
    secrets: Vec<Zeroizing<Vec<u8>>>,
    /// What is left of the last outward and inward message, so that a password in two pieces is
    /// hidden behind its first octets too.
    tails: [Vec<u8>; 2],
}

/// Passwords that a trace remembers; ours.
const SECRETS_REMEMBERED: usize = 8;

impl fmt::Debug for PasswordMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordMask")
            .field("secrets", &self.secrets.len())
            .finish_non_exhaustive()
    }
}

impl Mask for PasswordMask {
    fn hide(&mut self, outward: bool, octets: &mut [u8]) {
        let place = usize::from(outward);
        let Some(tail) = self.tails.get_mut(place) else {
            return;
        };
        let before = tail.len();
        let mut whole = Zeroizing::new(std::mem::take(tail));
        whole.extend_from_slice(octets);
        for secret in &self.secrets {
            let found: Vec<usize> = whole
                .windows(secret.len())
                .enumerate()
                .filter_map(|(at, window)| (window == secret.as_slice()).then_some(at))
                .collect();
            for at in found {
                let end = (at + secret.len()).saturating_sub(before);
                let at = at.saturating_sub(before);
                if let Some(hidden) = octets.get_mut(at..end) {
                    hidden.fill(b'*');
                }
            }
        }
        let kept = whole.len().saturating_sub(SECRET_OCTETS_MAX - 1);
        *tail = whole.get(kept..).unwrap_or_default().to_vec();
    }

    fn learn(&mut self, secret: &[u8]) {
        if secret.is_empty() || self.secrets.iter().any(|known| known.as_slice() == secret) {
            return;
        }
        if self.secrets.len() == SECRETS_REMEMBERED {
            self.secrets.remove(0);
        }
        self.secrets.push(Zeroizing::new(secret.to_vec()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_hidden_wherever_it_stands() {
        let mut mask = PasswordMask::default();
        mask.learn(b"12345678");
        let mut octets = *b"ab12345678cd";
        mask.hide(true, &mut octets);
        assert_eq!(&octets, b"ab********cd");
        assert!(!format!("{mask:?}").contains("1234"));
    }

    #[test]
    fn the_second_half_of_a_password_in_two_pieces_is_hidden() {
        let mut mask = PasswordMask::default();
        mask.learn(b"12345678");
        let mut one = *b"ab1234";
        mask.hide(false, &mut one);
        let mut other = *b"5678cd";
        mask.hide(false, &mut other);
        assert_eq!(&other, b"****cd");
    }
}
