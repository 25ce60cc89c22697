//! Which billing sets of an identity are kept already while not all of them are: neither a session that
//! breaks nor a restart makes one come twice, and a set that the meter adds meanwhile moves them all.

/// Sets in a row that are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stretch {
    /// What the newest of them says of itself.
    newest: Vec<u8>,
    count: u16,
}

/// All such stretches, the newest first. The first one may still be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Stretches(Vec<Stretch>);

impl Stretches {
    /// From what is stored; what cannot be read is forgotten, and the sets are read once more.
    pub(super) fn decode(stored: &[u8]) -> Self {
        let mut stretches = Vec::new();
        let mut rest = stored;
        while let [high, low, length, behind @ ..] = rest {
            let Some((newest, behind)) = behind.split_at_checked(usize::from(*length)) else {
                return Self::default();
            };
            stretches.push(Stretch {
                newest: newest.to_vec(),
                count: u16::from_be_bytes([*high, *low]),
            });
            rest = behind;
        }
        Self(stretches)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        for stretch in &self.0 {
            let Ok(length) = u8::try_from(stretch.newest.len()) else {
                continue;
            };
            octets.extend(stretch.count.to_be_bytes());
            octets.push(length);
            octets.extend(&stretch.newest);
        }
        octets
    }

    /// How many of the newest are kept where this is what the newest set says of itself.
    pub(super) fn begin(&mut self, newest: &[u8]) -> u16 {
        match self.0.first() {
            Some(first) if first.newest == newest => {}
            _ => self.0.insert(
                0,
                Stretch {
                    newest: newest.to_vec(),
                    count: 0,
                },
            ),
        }
        self.kept()
    }

    /// The next set is kept; how many of the newest are now.
    pub(super) fn keep(&mut self) -> u16 {
        if let Some(first) = self.0.first_mut() {
            first.count = first.count.saturating_add(1);
        }
        self.kept()
    }

    /// Whether the next set, which says this of itself, is the first of an older stretch: then all of
    /// that is kept as well.
    pub(super) fn joins(&mut self, info: &[u8]) -> bool {
        let mut older = self.0.iter().skip(1);
        let Some(place) = older.position(|stretch| stretch.newest == info) else {
            return false;
        };
        let place = place + 1;
        let joined = self.0.remove(place).count;
        // What lies between was counted from the same newest set, and stands behind it now.
        self.0.drain(1..place);
        if let Some(first) = self.0.first_mut() {
            first.count = first.count.saturating_add(joined);
        }
        joined > 0
    }

    pub(super) fn kept(&self) -> u16 {
        self.0.first().map_or(0, |first| first.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_that_are_kept_are_found_again_behind_newer_ones() {
        let mut kept = Stretches::default();
        assert_eq!(kept.begin(b"may"), 0);
        assert_eq!((kept.keep(), kept.keep()), (1, 2));
        let mut kept = Stretches::decode(&kept.encode());
        assert_eq!(kept.begin(b"may"), 2, "nothing new");
        // A month later, and a cut after one set.
        assert_eq!(kept.begin(b"june"), 0);
        assert!(!kept.joins(b"june"));
        assert_eq!(kept.keep(), 1);
        let mut kept = Stretches::decode(&kept.encode());
        assert_eq!(kept.begin(b"june"), 1);
        assert!(!kept.joins(b"april"));
        assert!(kept.joins(b"may"));
        assert_eq!(kept.kept(), 3);
        assert_eq!(Stretches::decode(&kept.encode()), kept);
    }

    #[test]
    fn what_cannot_be_read_is_forgotten() {
        for stored in [&[][..], &[0], &[0, 1, 5, 1, 2], &[1, 2]] {
            assert_eq!(Stretches::decode(stored).kept(), 0, "{stored:?}");
        }
    }
}
