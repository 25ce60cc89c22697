//! Which class comes next: by rank, but none starves.

use super::Class;
use crate::limits::{BACKGROUND_GRACE, BACKGROUND_SHARE, SCHEDULED_SHARE, SESSION_SHARE};
use std::time::Duration;

/// What the two lower classes have coming to them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shares {
    scheduled_owed: Duration,
    background_owed: Duration,
    sessions_owed: Duration,
    /// What those that waited for an order have coming to them before the next one.
    owed_after_orders: Duration,
    last: Option<Class>,
}

/// Which classes have something to send.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one claim for each who may wait"
)]
pub(crate) struct Ready {
    pub(crate) command: bool,
    pub(crate) scheduled: bool,
    pub(crate) background: bool,
    pub(crate) session: bool,
}

impl Shares {
    /// Rank decides, with two exceptions: a class below its share goes first once, and never do
    /// two others go in a row while a command waits.
    pub(crate) fn choose(&self, ready: Ready) -> Option<Class> {
        if ready.command && self.last != Some(Class::Command) {
            return Some(Class::Command);
        }
        if ready.background && self.is_background_entitled() {
            return Some(Class::Background);
        }
        if ready.scheduled && (!ready.command || self.scheduled_owed > Duration::ZERO) {
            return Some(Class::Scheduled);
        }
        if ready.command {
            return Some(Class::Command);
        }
        ready.background.then_some(Class::Background)
    }

    /// Whether background polls may go although samples want the line.
    pub(crate) fn is_background_entitled(&self) -> bool {
        self.background_owed >= BACKGROUND_GRACE
    }

    /// What sessions have coming to them.
    pub(crate) fn sessions_owed(&self) -> Duration {
        self.sessions_owed
    }

    /// Whether the next order may go before polls that wait.
    pub(crate) fn may_order(&self) -> bool {
        self.owed_after_orders.is_zero()
    }

    /// Whether the last exchange was a command's.
    pub(crate) fn was_command(&self) -> bool {
        self.last == Some(Class::Command)
    }

    /// Line time that an order took while others waited.
    pub(crate) fn account_order(&mut self, spent: Duration) {
        self.owed_after_orders = self.owed_after_orders.saturating_add(spent);
    }

    /// Line time that went by, to whom it went, and who waited meanwhile. A class that did not
    /// wait has no claim.
    pub(crate) fn account(&mut self, spent: Duration, served: Option<Class>, waiting: Ready) {
        if served.is_some() {
            self.last = served;
        }
        self.owed_after_orders = self.owed_after_orders.saturating_sub(spent);
        self.sessions_owed = owed(
            self.sessions_owed,
            spent,
            SESSION_SHARE,
            false,
            waiting.session,
        );
        self.account_others(spent, served, waiting);
    }

    /// Line time that a session took.
    pub(crate) fn account_session(&mut self, spent: Duration, waiting: Ready) {
        self.owed_after_orders = self.owed_after_orders.saturating_sub(spent);
        self.sessions_owed = owed(self.sessions_owed, spent, SESSION_SHARE, true, true);
        self.account_others(spent, None, waiting);
    }

    fn account_others(&mut self, spent: Duration, served: Option<Class>, waiting: Ready) {
        self.scheduled_owed = owed(
            self.scheduled_owed,
            spent,
            SCHEDULED_SHARE,
            served == Some(Class::Scheduled),
            waiting.scheduled,
        );
        self.background_owed = owed(
            self.background_owed,
            spent,
            BACKGROUND_SHARE,
            served == Some(Class::Background),
            waiting.background,
        );
    }
}

fn owed(
    owed: Duration,
    spent: Duration,
    share: u32,
    is_served: bool,
    is_waiting: bool,
) -> Duration {
    if is_served {
        owed.saturating_sub(spent.saturating_mul(1000 - share) / 1000)
    } else if is_waiting {
        owed.saturating_add(spent.saturating_mul(share) / 1000)
    } else {
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Ready = Ready {
        command: true,
        scheduled: true,
        background: true,
        session: false,
    };

    /// Everybody always wants the line; each exchange takes 100 ms.
    fn served(ready: Ready, exchanges: u32) -> [u32; 3] {
        let mut shares = Shares::default();
        let mut counts = [0; 3];
        let mut others_in_a_row = 0;
        for _ in 0..exchanges {
            let class = shares.choose(ready).unwrap();
            match class {
                Class::Command => counts[0] += 1,
                Class::Scheduled => counts[1] += 1,
                Class::Background => counts[2] += 1,
            }
            others_in_a_row = if class == Class::Command {
                0
            } else {
                others_in_a_row + 1
            };
            assert!(
                !ready.command || others_in_a_row <= 1,
                "a command waits one exchange"
            );
            shares.account(Duration::from_millis(100), Some(class), ready);
        }
        counts
    }

    #[test]
    fn nobody_starves() {
        let [command, scheduled, background] = served(ALL, 10_000);
        assert!(command >= 4_900, "{command}");
        assert!((2_900..4_100).contains(&scheduled), "{scheduled}");
        assert!((900..1_200).contains(&background), "{background}");
    }

    #[test]
    fn samples_are_not_disturbed_for_five_seconds() {
        let ready = Ready {
            command: false,
            ..ALL
        };
        assert_eq!(served(ready, 50), [0, 50, 0]);
        let [_, scheduled, background] = served(ready, 10_000);
        assert!((900..1_100).contains(&background), "{background}");
        assert!(scheduled >= 8_900, "{scheduled}");
    }
}
