//! Commands that were sent and have not ended: what was heard of each. Pure; the caller receives.

use crate::limits::COMMANDS_MAX;
use authority::{CommandId, CommandState, Receipt};
use metering::GatewayId;

/// A command that has ended, in the measure of how far it is.
const WHOLE: u64 = 1000;

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

    /// Whether somebody waits for this one.
    pub fn awaits(&self, gateway: &GatewayId, id: CommandId) -> bool {
        self.0
            .iter()
            .any(|one| one.id == id && one.gateway == *gateway)
    }

    /// Takes a receipt of a command that nobody sent here, too; the oldest that ended is forgotten
    /// where there are many.
    pub fn watch(&mut self, gateway: &GatewayId, receipt: &Receipt) {
        if self.hear(gateway, receipt) != Heard::Foreign {
            return;
        }
        if self.0.len() >= COMMANDS_MAX {
            let ended = self
                .0
                .iter()
                .position(|one| one.state().is_some_and(is_end));
            self.0.remove(ended.unwrap_or(0));
        }
        self.add(gateway.clone(), receipt.id);
        self.hear(gateway, receipt);
    }

    /// How far all of them are, in thousandths of a command, and of how many. A command that says its
    /// steps counts by them.
    pub fn how_far(&self) -> (u64, u64) {
        let count = u64::try_from(self.0.len()).unwrap_or(u64::MAX);
        let part = self.0.iter().map(Awaited::thousandths);
        let part = part.fold(0, u64::saturating_add);
        (part, count.saturating_mul(WHOLE))
    }

    /// The same in words, with the one that runs.
    pub fn words(&self) -> String {
        let open = self.open().count();
        let ended = self.0.len().saturating_sub(open);
        let mut words = format!("{ended} of {} ended", self.0.len());
        let mut steps = self.open().filter_map(|one| {
            let last = one.last.as_ref().filter(|last| last.steps > 0)?;
            Some((&one.gateway, last.step, last.steps))
        });
        if let Some((gateway, step, steps)) = steps.next() {
            words.extend([format!(", {gateway} step {step} of {steps}")]);
        }
        words
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
    fn thousandths(&self) -> u64 {
        let Some(last) = &self.last else { return 0 };
        if is_end(last.state) {
            return WHOLE;
        }
        let (step, steps) = (u64::from(last.step), u64::from(last.steps));
        // What has not ended is never shown as whole.
        (step.saturating_mul(WHOLE) / steps.max(1)).min(WHOLE.saturating_sub(1))
    }

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

    #[track_caller]
    fn check_far(steps: &[(&str, u32, u32)], part: u64, words: &str) {
        let mut all = AwaitedCommands::default();
        for (number, (state, step, steps)) in (0_u8..).zip(steps) {
            let receipt = Receipt {
                id: CommandId::new([number; 16]),
                step: *step,
                steps: *steps,
                ..receipt(state, 1)
            };
            all.watch(&"pmu-001".parse().unwrap(), &receipt);
        }
        assert_eq!(
            all.how_far(),
            (part, u64::try_from(steps.len()).unwrap() * 1000)
        );
        assert_eq!(all.words(), words);
    }

    #[test]
    fn how_far_they_are_goes_by_ends_and_steps() {
        check_far(&[], 0, "0 of 0 ended");
        check_far(&[("accepted", 0, 0)], 0, "0 of 1 ended");
        let half = ("executing", 2, 4);
        check_far(&[half], 500, "0 of 1 ended, pmu-001 step 2 of 4");
        let said = "1 of 2 ended, pmu-001 step 2 of 4";
        check_far(&[("failed", 1, 4), half], 1500, said);
        check_far(
            &[("executing", 4, 4)],
            999,
            "0 of 1 ended, pmu-001 step 4 of 4",
        );
    }

    #[test]
    fn whoever_watches_long_keeps_what_is_open_and_forgets_what_ended() {
        let mut all = AwaitedCommands::default();
        let gateway: GatewayId = "pmu-001".parse().unwrap();
        for number in 0..=u16::try_from(COMMANDS_MAX).unwrap() {
            let mut id = [0; 16];
            id[..2].copy_from_slice(&number.to_be_bytes());
            let state = if number == 3 { "succeeded" } else { "accepted" };
            let receipt = Receipt {
                id: CommandId::new(id),
                ..receipt(state, 1)
            };
            all.watch(&gateway, &receipt);
        }
        assert_eq!(all.0.len(), COMMANDS_MAX);
        assert_eq!(all.open().count(), COMMANDS_MAX);
    }
}
