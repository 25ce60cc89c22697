//! Commands that were sent and have not ended: what was heard of each. Pure; the caller receives.

use authority::{CommandId, CommandState, Receipt};
use metering::GatewayId;

/// One command, and the last that was heard of it.
#[derive(Debug, Clone)]
pub struct Awaited {
    /// Which.
    pub id: CommandId,
    /// Of which gateway.
    pub gateway: GatewayId,
    /// The last word; nothing yet.
    pub last: Option<Receipt>,
}

/// What a receipt was for those who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Of a command that nobody waits for here.
    Foreign,
    /// The same, or older than what was heard before.
    Nothing,
    /// Something new.
    News,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct AwaitedCommands(pub Vec<Awaited>);

impl AwaitedCommands {
    /// Waits for one more.
    pub fn add(&mut self, gateway: GatewayId, id: CommandId) {
        self.0.push(Awaited {
            id,
            gateway,
            last: None,
        });
    }

    /// Takes a receipt. It counts for the gateway on whose topic it came and for no other.
    pub fn hear(&mut self, gateway: &GatewayId, receipt: &Receipt) -> Heard {
        let mut known = self.0.iter_mut();
        let Some(one) = known.find(|one| one.id == receipt.id && one.gateway == *gateway) else {
            return Heard::Foreign;
        };
        let is_news = match &one.last {
            None => true,
            // What is sent again after a lost connection comes in any order: an end stays.
            Some(last) if last.state.is_final() => false,
            Some(last) => {
                receipt.state.is_final() || (receipt.at, receipt.step) > (last.at, last.step)
            }
        };
        if !is_news {
            return Heard::Nothing;
        }
        one.last = Some(receipt.clone());
        Heard::News
    }

    /// Whether nothing more comes without somebody's doing.
    pub fn are_all_ended(&self) -> bool {
        self.0.iter().all(|one| one.state().is_some_and(is_end))
    }

    /// Whether all of them were done.
    pub fn have_all_succeeded(&self) -> bool {
        let done = |one: &Awaited| one.state() == Some(CommandState::Succeeded);
        self.0.iter().all(done)
    }

    /// Those that have not ended.
    pub fn open(&self) -> impl Iterator<Item = &Awaited> {
        self.0.iter().filter(|one| !one.state().is_some_and(is_end))
    }
}

/// `partial` waits for a person.
const fn is_end(state: CommandState) -> bool {
    state.is_final() || matches!(state, CommandState::Partial)
}

impl Awaited {
    /// How far it has come.
    pub fn state(&self) -> Option<CommandState> {
        self.last.as_ref().map(|receipt| receipt.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metering::Timestamp;

    fn receipt(state: &str, at: u64) -> Receipt {
        Receipt {
            id: CommandId::new([1; 16]),
            number: 1,
            state: CommandState::from_word(state).unwrap(),
            at: Timestamp::from_seconds(at),
            step: 0,
            steps: 0,
            code: None,
            text: None,
            now: None,
            evidence: None,
            proof: None,
            next_key: None,
        }
    }

    #[track_caller]
    fn check(words: &[(&str, u64, Heard)], ended: bool, succeeded: bool) {
        let gateway: GatewayId = "pmu-001".parse().unwrap();
        let mut all = AwaitedCommands::default();
        all.add(gateway.clone(), CommandId::new([1; 16]));
        for (state, at, expected) in words {
            assert_eq!(
                all.hear(&gateway, &receipt(state, *at)),
                *expected,
                "{state} at {at}"
            );
        }
        assert_eq!(
            (all.are_all_ended(), all.have_all_succeeded()),
            (ended, succeeded)
        );
        let other: GatewayId = "pmu-002".parse().unwrap();
        assert_eq!(all.hear(&other, &receipt("succeeded", 99)), Heard::Foreign);
    }

    #[test]
    fn an_end_stays_whatever_comes_later() {
        use Heard::{News, Nothing};
        check(&[], false, false);
        check(
            &[("accepted", 1, News), ("accepted", 1, Nothing)],
            false,
            false,
        );
        check(&[("accepted", 1, News), ("succeeded", 1, News)], true, true);
        check(
            &[("succeeded", 3, News), ("executing", 4, Nothing)],
            true,
            true,
        );
        check(
            &[("executing", 3, News), ("accepted", 2, Nothing)],
            false,
            false,
        );
        check(&[("partial", 3, News)], true, false);
        check(&[("partial", 3, News), ("failed", 4, News)], true, false);
    }
}
