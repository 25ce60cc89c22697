//! What the intervals of one channel hold, by where they lie to two looks at its register.

use crate::limits::CLOCK_LOOK_SLACK_S;

/// Where an interval lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lies {
    /// Between both looks.
    Between,
    /// The first look lies within it.
    AtFirst,
    /// The second one does.
    AtSecond,
    /// Behind both.
    Behind,
}

impl Lies {
    /// Looks and interval in seconds; a look within the slack of an end may lie on either side.
    pub(super) fn of(begin: u64, end: u64, first: u64, second: Option<u64>) -> Self {
        let slack = CLOCK_LOOK_SLACK_S;
        match second {
            Some(second) if begin >= second + slack => Self::Behind,
            Some(second) if end + slack > second => Self::AtSecond,
            _ if begin >= first + slack => Self::Between,
            _ => Self::AtFirst,
        }
    }
}

/// A sum in both codings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Both {
    pub(super) own: i128,
    pub(super) other: i128,
}

impl Both {
    fn take(&mut self, more: Self) {
        self.own = self.own.saturating_add(more.own);
        self.other = self.other.saturating_add(more.other);
    }
}

/// The sums of one channel, in the profile's unit of demand times seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) between: Both,
    pub(super) at_first: Both,
    pub(super) at_second: Both,
    pub(super) behind: Both,
    /// Values that are no numbers as the model says they are coded.
    pub(super) no_numbers: u32,
    /// Values that are none in the other coding, or there is no other.
    pub(super) no_others: u32,
}

impl Sums {
    pub(super) fn add(&mut self, lies: Lies, own: Option<i64>, other: Option<i64>, period_s: u64) {
        let energy = |value: Option<i64>| i128::from(value.unwrap_or(0)) * i128::from(period_s);
        let both = Both {
            own: energy(own),
            other: energy(other),
        };
        self.no_numbers = self.no_numbers.saturating_add(u32::from(own.is_none()));
        self.no_others = self.no_others.saturating_add(u32::from(other.is_none()));
        match lies {
            Lies::Between => self.between.take(both),
            Lies::AtFirst => self.at_first.take(both),
            Lies::AtSecond => self.at_second.take(both),
            Lies::Behind => self.behind.take(both),
        }
    }

    /// What the register advanced at least and at most.
    pub(super) fn own_bounds(&self) -> (i128, i128) {
        let ends = self.at_first.own.saturating_add(self.at_second.own);
        (self.between.own, self.between.own.saturating_add(ends))
    }

    pub(super) fn fits_other(&self, advance: i128, room: i128) -> bool {
        let ends = self.at_first.other.saturating_add(self.at_second.other);
        let at_most = self.between.other.saturating_add(ends);
        self.no_others == 0
            && self.between.other.saturating_sub(room) <= advance
            && advance <= at_most.saturating_add(room)
    }

    /// The second look is done with; it may become the first one.
    pub(super) fn go_on(&mut self, begins_anew: bool) {
        if begins_anew {
            *self = Self {
                between: self.behind,
                at_first: self.at_second,
                ..Self::default()
            };
            return;
        }
        self.between.take(std::mem::take(&mut self.at_second));
        self.between.take(std::mem::take(&mut self.behind));
    }
}
