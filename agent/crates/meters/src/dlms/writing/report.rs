//! What a meter holds of a program.

use crate::cosem::data_text;
use ::dlms::codec::{Attribute, Data, LogicalName};
use std::fmt;

/// How much of it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Written {
    /// All of it, and it was there before: nothing had to be written.
    Unchanged,
    /// All of it.
    New,
    /// Nothing: what was there before.
    Old,
    /// Some of it; the items say what is where.
    Partial,
}

/// What is in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemState {
    /// What should be there, and was there before.
    Same,
    /// What was there before.
    Old,
    /// What should be there.
    New,
    /// Neither, but a step between both.
    Between,
    /// Neither, and not by this program alone.
    Foreign,
}

/// One place that a program touches.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemReport {
    /// Where.
    pub attribute: Attribute,
    /// What is there, in a word.
    pub state: ItemState,
    /// What was there when the meter was looked at first.
    pub before: Data,
    /// What should be there.
    pub wanted: Data,
    /// What is there.
    pub found: Data,
}

/// The meter holds what was written in a form of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Where.
    pub attribute: Attribute,
    /// What was written.
    pub wanted: Data,
    /// What is there.
    pub found: Data,
}

/// What a person should know besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// The calendar of before is in force, whatever stands in the passive part.
    OldCalendarInForce,
    /// The new calendar is in force.
    NewCalendarInForce,
    /// No activation time is set.
    ActivationOff,
    /// The activation time of before is over; it was not set again, as a meter may take that for
    /// "now".
    FormerTimeIsOver,
    /// Rows of a profile are gone for good.
    RowsLost {
        /// Which profile.
        profile: LogicalName,
        /// Rows that it had.
        rows: u32,
    },
    /// Whether rows of a profile are gone cannot be told.
    RowsInDoubt {
        /// Which profile.
        profile: LogicalName,
    },
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OldCalendarInForce => f.write_str("the old calendar is still in force"),
            Self::NewCalendarInForce => f.write_str("the new calendar is in force"),
            Self::ActivationOff => f.write_str("no activation time is set"),
            Self::FormerTimeIsOver => {
                f.write_str("the former activation time is over and was not set again")
            }
            Self::RowsLost { profile, rows } => {
                write!(f, "{rows} rows of profile {profile} are gone")
            }
            Self::RowsInDoubt { profile } => {
                write!(
                    f,
                    "whether rows of profile {profile} are gone cannot be told"
                )
            }
        }
    }
}

/// What is done about places that hold what nobody expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Doubtful {
    /// Nothing is written at all; it is told.
    Leave,
    /// They are written over, because a person has looked.
    Overwrite,
}

/// How a meter stands to a program, as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteReport {
    /// How much of it is there.
    pub verdict: Written,
    /// All places.
    pub items: Vec<ItemReport>,
    /// Places where it is there in a form of the meter's own.
    pub differences: Vec<Difference>,
    /// What a person should know.
    pub remarks: Vec<Remark>,
    /// Why the writing ended before its end, in the meter's words.
    pub stopped: Option<String>,
}

impl WriteReport {
    /// Places in one of these states.
    pub fn places(&self, states: &[ItemState]) -> Vec<Attribute> {
        let items = self.items.iter();
        let items = items.filter(|item| states.contains(&item.state));
        items.map(|item| item.attribute).collect()
    }

    /// What is written.
    pub fn done(&self) -> Vec<Attribute> {
        self.places(&[ItemState::New])
    }

    /// What is not.
    pub fn not_done(&self) -> Vec<Attribute> {
        self.places(&[ItemState::Old])
    }

    /// What is neither.
    pub fn doubtful(&self) -> Vec<Attribute> {
        self.places(&[ItemState::Between, ItemState::Foreign])
    }
}

impl fmt::Display for WriteReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.verdict {
            Written::Unchanged => "nothing had to be written",
            Written::New => "all of it is written and read back",
            Written::Old => "the meter holds what it held before",
            Written::Partial => "the meter holds a part of it",
        })?;
        if let Some(stopped) = &self.stopped {
            write!(f, "; {stopped}")?;
        }
        for remark in &self.remarks {
            write!(f, "; {remark}")?;
        }
        if self.verdict == Written::Partial {
            for (words, list) in [
                ("written", self.done()),
                ("as before", self.not_done()),
                ("in doubt", self.doubtful()),
            ] {
                let list: Vec<String> = list.iter().map(ToString::to_string).collect();
                if !list.is_empty() {
                    write!(f, "; {words}: {}", list.join(", "))?;
                }
            }
        }
        for one in &self.differences {
            let (wanted, found) = (data_text(&one.wanted), data_text(&one.found));
            write!(f, "; {} holds `{found}` for `{wanted}`", one.attribute)?;
        }
        Ok(())
    }
}
