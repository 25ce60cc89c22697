//! How a call ends, for programs: exit codes, and what is neither done nor failed.

use anyhow::Result;

/// How a call ended. The page on signing and sending commands lists all of them, and a test compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Done, proven, valid.
    Done,
    /// It is not so, or it could not be done.
    Not,
    /// A gateway is said to have done it, and nobody has proven that.
    Unproven,
    /// The words of the call are wrong; `EX_USAGE` of sysexits.
    Misused,
    /// Not ended yet; `EX_TEMPFAIL` of sysexits.
    StillOpen,
}

impl Ending {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Done,
        Self::Not,
        Self::Unproven,
        Self::Misused,
        Self::StillOpen,
    ];

    /// The exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Not => 1,
            Self::Unproven => 2,
            Self::Misused => 64,
            Self::StillOpen => 75,
        }
    }

    /// How a call ended that came to this.
    pub fn of(result: &Result<bool>) -> Self {
        match result {
            Ok(true) => Self::Done,
            Err(error) if error.is::<StillOpen>() => Self::StillOpen,
            Err(error) if error.is::<Unproven>() => Self::Unproven,
            Ok(false) | Err(_) => Self::Not,
        }
    }
}

/// Something was ordered, and nobody knows yet how it ends: ask again later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StillOpen(pub String);

/// Something was ordered, and whoever says that it is done has not proven to be the gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unproven(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../../docs/how-to/sign-and-send-commands.md");

    /// The codes of the table on the page.
    fn listed() -> Vec<u8> {
        let (_, section) = PAGE.split_once("Exit codes\n").unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| "));
        let codes = rows.filter_map(|row| row.split_once(" |")?.0.parse().ok());
        codes.collect()
    }

    #[test]
    fn the_page_lists_every_exit_code_and_no_other() {
        assert_eq!(listed(), Ending::ALL.map(Ending::code));
    }

    #[track_caller]
    fn check(result: &Result<bool>, code: u8) {
        assert_eq!(Ending::of(result).code(), code);
    }

    #[test]
    fn a_call_ends_with_the_code_of_what_came_of_it() {
        check(&Ok(true), 0);
        check(&Ok(false), 1);
        check(&Err(anyhow::anyhow!("no")), 1);
        check(&Err(Unproven("said".to_owned()).into()), 2);
        check(&Err(StillOpen("later".to_owned()).into()), 75);
        let wrapped = anyhow::Error::from(StillOpen("later".to_owned())).context("in a file");
        check(&Err(wrapped), 75);
    }
}
