//! What this box is: a file beside this program, as trusted as the program itself.

use bootloader_verify::{Expected, Role, TrustedKeys};

/// What the boot payload says of its box.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    product: String,
    board: String,
    arch: String,
    floor: u64,
    recovery_floor: u64,
    /// Partitions by number, where the table has no names.
    numbers: Vec<(String, u32)>,
    pub(crate) keys: TrustedKeys,
}

impl Target {
    pub(crate) fn read() -> Result<Self, &'static str> {
        let text = std::fs::read_to_string("/etc/target").map_err(|_| "no-target")?;
        let keys = std::fs::read_to_string("/etc/trust.keys").map_err(|_| "no-keys")?;
        let keys = TrustedKeys::parse(&keys).map_err(|_| "keys")?;
        Self::parse(&text, keys)
    }

    fn parse(text: &str, keys: TrustedKeys) -> Result<Self, &'static str> {
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut target = Self {
            product: String::new(),
            board: String::new(),
            arch: String::new(),
            floor: 0,
            recovery_floor: 0,
            numbers: Vec::new(),
            keys,
        };
        for line in lines {
            let mut words = line.split_whitespace();
            let (key, value) = (words.next().unwrap_or_default(), words.next());
            let value = value.ok_or("target-value")?;
            match key {
                "product" => value.clone_into(&mut target.product),
                "board" => value.clone_into(&mut target.board),
                "arch" => value.clone_into(&mut target.arch),
                "floor" => target.floor = value.parse().map_err(|_| "target-floor")?,
                "recovery-floor" => {
                    target.recovery_floor = value.parse().map_err(|_| "target-floor")?;
                }
                "partition" => {
                    let number = words.next().and_then(|number| number.parse().ok());
                    let number = number.ok_or("target-partition")?;
                    target.numbers.push((value.to_owned(), number));
                }
                _ => return Err("target-key"),
            }
            if words.next().is_some() {
                return Err("target-line");
            }
        }
        let named = [&target.product, &target.board, &target.arch];
        if named.iter().any(|name| name.is_empty()) {
            return Err("target-names");
        }
        Ok(target)
    }

    /// What an image for this role must be. The state can only raise a slot's floor, and recovery has
    /// one of its own.
    pub(crate) fn expected(&self, role: Role, state_floor: u64) -> Expected {
        Expected {
            role,
            product: self.product.clone(),
            board: self.board.clone(),
            arch: self.arch.clone(),
            floor: match role {
                Role::Slot => self.floor.max(state_floor),
                Role::Recovery => self.recovery_floor,
            },
        }
    }

    /// The number of a partition, where the table has numbers only.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        let found = self.numbers.iter().find(|(known, _)| known == name);
        found.map(|(_, number)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bootloader_verify::PublicKey;

    fn keys() -> TrustedKeys {
        let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        TrustedKeys::new(PublicKey::from_hex(key).unwrap(), None, None)
    }

    const GOOD: &str = "product pmu\nboard pc\narch amd64\nfloor 7\nrecovery-floor 3\n";

    #[test]
    fn the_state_raises_the_floor_of_slots_and_never_lowers_it() {
        let target = Target::parse(GOOD, keys()).unwrap();
        for (role, state, floor) in [
            (Role::Slot, 0, 7),
            (Role::Slot, 9, 9),
            (Role::Recovery, 9, 3),
        ] {
            assert_eq!(
                target.expected(role, state).floor,
                floor,
                "{role:?} {state}"
            );
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(Target::parse(text, keys()).unwrap_err(), expected);
    }

    #[test]
    fn a_target_that_is_not_understood_is_no_target() {
        check("product pmu\n", "target-names");
        check(&format!("{GOOD}colour red\n"), "target-key");
        check(&format!("{GOOD}floor\n"), "target-value");
        check(&format!("{GOOD}floor -1\n"), "target-floor");
        check(&format!("{GOOD}floor 1 2\n"), "target-line");
        check(&format!("{GOOD}partition pmu-a\n"), "target-partition");
    }
}
