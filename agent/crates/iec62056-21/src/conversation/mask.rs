//! Keeps passwords out of the byte trace of a line.

use std::collections::VecDeque;
use std::fmt;

use line::{Mask, Trace};

use crate::codec::Secrets;
use crate::limits::SECRETS_REMEMBERED;

/// Fewer octets than this at the edge of a record tell nothing, and are not looked for.
const OVERLAP_MIN: usize = 3;

/// Hides what follows P1 and P2, whoever sends it, and what a session has sent itself, in whatever
/// shape it comes back: cut, damaged, late.
#[derive(Default)]
pub(super) struct PasswordMask {
    heard: Secrets,
    /// In seven bits.
    sent: VecDeque<Vec<u8>>,
}

impl PasswordMask {
    /// Puts a mask before the trace, if there is none.
    pub(super) fn wear(trace: &Trace) {
        trace.wear(|| Box::new(Self::default()));
    }
}

impl fmt::Debug for PasswordMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswordMask(*)")
    }
}

impl Mask for PasswordMask {
    fn hide(&mut self, outward: bool, octets: &mut [u8]) {
        for secret in &self.sent {
            hide_copies(octets, secret);
        }
        if outward {
            Secrets::default().hide(octets);
        } else {
            self.heard.hide(octets);
        }
    }

    fn learn(&mut self, secret: &[u8]) {
        let seven: Vec<u8> = secret.iter().map(|octet| octet & 0x7f).collect();
        // Of what is one character only, copies are everywhere, and tell nothing.
        let is_plain = seven.iter().all(|octet| Some(octet) == seven.first());
        if is_plain || self.sent.contains(&seven) {
            return;
        }
        if self.sent.len() >= SECRETS_REMEMBERED {
            self.sent.pop_front();
        }
        self.sent.push_back(seven);
    }
}

/// Puts stars over each copy of the secret, of which a quarter may be damaged or, at the edges of
/// the octets, any part may be missing.
fn hide_copies(octets: &mut [u8], secret: &[u8]) {
    let mut hidden = Vec::new();
    let len = secret.len();
    // The copy begins `len` octets before the first octet, then one later, and so on.
    for start in 1..len + octets.len() {
        let skipped = len.saturating_sub(start);
        let from = start.saturating_sub(len);
        let copy = secret.get(skipped..).unwrap_or_default();
        let place = octets.get(from..).unwrap_or_default();
        let overlap = copy.len().min(place.len());
        let same = copy
            .iter()
            .zip(place)
            .filter(|(one, other)| **one == **other & 0x7f)
            .count();
        if overlap >= OVERLAP_MIN.min(len) && same >= overlap - overlap / 4 {
            hidden.push(from..from + overlap);
        }
    }
    for range in hidden {
        if let Some(place) = octets.get_mut(range) {
            place.fill(b'*');
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::parity;

    #[track_caller]
    fn check(octets: &[u8], expected: &[u8]) {
        let mut mask = PasswordMask::default();
        mask.learn(b"SECRET01");
        let mut shown = octets.to_vec();
        mask.hide(false, &mut shown);
        assert_eq!(
            shown.escape_ascii().to_string(),
            expected.escape_ascii().to_string()
        );
    }

    #[test]
    fn copies_are_hidden_whole_damaged_and_cut() {
        check(b"(SECRET01)", b"(********)");
        check(b"SECRET01SECRET01", b"****************");
        check(b"xSECRoT01x", b"x********x");
        check(b"xSECR", b"x****");
        check(b"ET01) and", b"****) and");
        check(b"(SECRET 0", b"(********");
        check(b"SECONDS 01", b"SECONDS 01");
        check(b"SE", b"SE");
        check(b"", b"");
        check(&parity::send(b"SECRET01"), b"********");
    }

    #[test]
    fn what_is_one_character_only_is_not_looked_for() {
        let mut mask = PasswordMask::default();
        mask.learn(b"00000000");
        let mut shown = b"(0000000000000000)".to_vec();
        mask.hide(false, &mut shown);
        assert_eq!(shown, b"(0000000000000000)");
        assert_eq!(format!("{mask:?}"), "PasswordMask(*)");
    }

    #[test]
    fn a_heard_password_is_hidden_although_it_comes_in_pieces() {
        let mut mask = PasswordMask::default();
        let mut shown = Vec::new();
        for piece in [&b"\x01P"[..], b"2\x02(UNKN", b"OWN)\x03", b"x/?"] {
            let mut piece = piece.to_vec();
            mask.hide(false, &mut piece);
            shown.extend(piece);
        }
        assert_eq!(shown, b"\x01P2\x02*********\x03*/?");
        let mut outward = b"\x01P1\x02(SECRET01)\x03x".to_vec();
        mask.hide(true, &mut outward);
        assert_eq!(outward, b"\x01P1\x02**********\x03*");
    }

    #[test]
    fn only_the_last_secrets_are_remembered() {
        let mut mask = PasswordMask::default();
        for number in 0..20 {
            mask.learn(format!("SECRET{number:02}").as_bytes());
        }
        assert_eq!(mask.sent.len(), SECRETS_REMEMBERED);
    }

    proptest! {
        #[test]
        fn no_copy_is_seen_wherever_it_stands_and_however_it_is_cut(
            (before, behind) in (prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec(any::<u8>(), 0..40)),
            (flipped, bit) in (0usize..16, 0u32..7),
            (cut_one, cut_other) in (0usize..100, 0usize..100),
        ) {
            let secret = b"DCEF64BA826BF9A4";
            let mut copy = secret.to_vec();
            copy[flipped] ^= 1 << bit;
            let whole = [before, copy, behind].concat();
            let (from, to) = (cut_one % whole.len(), cut_other % whole.len());
            let mut mask = PasswordMask::default();
            mask.learn(secret);
            let mut shown = whole[from.min(to)..from.max(to)].to_vec();
            mask.hide(false, &mut shown);
            let shown: Vec<u8> = shown.iter().map(|octet| octet & 0x7f).collect();
            for part in secret.windows(5) {
                prop_assert!(!shown.windows(5).any(|place| place == part));
            }
        }
    }
}
