//! What a box says of itself in the file `target` of its image.

use bootloader_verify::{Expected, Role};

/// A file `target` that says too little.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetFault {
    /// A line is missing.
    #[error("there is no line `{0}`; take the file of the image")]
    Missing(&'static str),
    /// The floor is no number.
    #[error("`floor {0}` is no number; take the file of the image")]
    Floor(String),
}

/// What a slot's image must be, from lines such as `product pmu`, `board pc`, `arch amd64`, `floor 3`.
/// Other lines are passed over: they are for the boot program.
pub fn expected_of_target(text: &str) -> Result<Expected, TargetFault> {
    let value = |key: &'static str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        let found = lines.find(|(word, _)| *word == key);
        found
            .map(|(_, value)| value.trim().to_owned())
            .ok_or(TargetFault::Missing(key))
    };
    let floor = value("floor")?;
    Ok(Expected {
        role: Role::Slot,
        product: value("product")?,
        board: value("board")?,
        arch: value("arch")?,
        floor: floor.parse().map_err(|_| TargetFault::Floor(floor))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_target_is_read_and_what_is_missing_is_named() {
        let found = "product pmu\nboard pc\narch arm64\nfloor 7\nrecovery-floor 1\n";
        let found = expected_of_target(found).unwrap();
        assert_eq!((found.arch.as_str(), found.floor), ("arm64", 7));
        let missing = expected_of_target("product pmu\nboard pc\nfloor 7\n");
        assert_eq!(missing, Err(TargetFault::Missing("arch")));
        let wrong = expected_of_target("product pmu\nboard pc\narch arm64\nfloor low\n");
        assert_eq!(wrong, Err(TargetFault::Floor("low".to_owned())));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "((product|board|arch|floor) ?\\PC*\n)*") {
            drop(expected_of_target(&text));
        }
    }
}
