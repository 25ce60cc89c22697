//! What came of a demonstration: figures, and the promises that were broken.

use std::time::Duration;

use serde_json::{Value, json};

use super::judge::Verdict;
use super::limits::{ELSTERS_WITHIN, FINDINGS_SHOWN};
use super::table::percent;

/// Everything known at the end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    /// Meters on the line.
    pub(crate) meters: usize,
    /// Names of those that can answer.
    pub(crate) alive: Vec<&'static str>,
    /// Names of the Elster meters among them.
    pub(crate) elsters: Vec<&'static str>,
    /// Registers of Elster meters compared with what the meters held.
    pub(crate) registers: u64,
    /// What the judge found.
    pub(crate) verdict: Verdict,
    /// Numbers or values that came to the head-end with two contents.
    pub(crate) conflicts: u64,
    /// Messages that the head-end could not take.
    pub(crate) refused: u64,
    /// Share of the time that the line was in use, in thousandths.
    pub(crate) busy_per_mille: u32,
    /// Late answers that reached the gateway; none was used.
    pub(crate) late: u64,
    /// What went wrong with the programs, in words.
    pub(crate) faults: Vec<String>,
    /// From the start of the gateway to the end.
    pub(crate) ran: Duration,
    /// What the troubles were made of.
    pub(crate) seed: u64,
}

impl Outcome {
    /// One line for a program.
    pub(crate) fn json(&self) -> Value {
        let verdict = &self.verdict;
        json!({
            "meters": self.meters,
            "alive": self.alive.len() + self.elsters.len(),
            "elster_meters": self.elsters.len(),
            "elster_meters_with_intervals": self.elsters_heard(),
            "elster_intervals_compared": verdict.own_compared,
            "elster_registers_compared": self.registers,
            "intervals_stored": verdict.stored,
            "intervals_confirmed": verdict.confirmed,
            "values_compared": verdict.compared,
            "wrong_values": verdict.wrong.len(),
            "lost": verdict.lost,
            "booked_twice": self.booked_twice(),
            "unexplained_gaps": verdict.gaps.len(),
            "flagged": verdict.flagged,
            "bus_utilisation": f64::from(self.busy_per_mille) / 1000.0,
            "late_answers_discarded": self.late,
            "seconds": self.ran.as_secs(),
            "seed": self.seed,
            "kept": self.broken().is_empty(),
        })
    }

    /// Some lines for a person.
    pub(crate) fn text(&self) -> String {
        let verdict = &self.verdict;
        let mut text = format!(
            "\n{} s, seed {}: {} meters, {} of them alive\n\
             intervals    {} stored, {} confirmed by the head-end, {} flagged\n\
             totals       {} compared with what the meters held, {} wrong values\n\
             Elster       {} of {} meters: {} intervals and {} registers compared with their own\n\
             lost         {}\n\
             booked twice {}\n\
             gaps         {} without a word\n\
             line         in use {} of the time, {} late answers discarded\n",
            self.ran.as_secs(),
            self.seed,
            self.meters,
            self.alive.len() + self.elsters.len(),
            verdict.stored,
            verdict.confirmed,
            verdict.flagged,
            verdict.compared,
            verdict.wrong.len(),
            self.elsters_heard(),
            self.elsters.len(),
            verdict.own_compared,
            self.registers,
            verdict.lost,
            self.booked_twice(),
            verdict.gaps.len(),
            percent(self.busy_per_mille),
            self.late,
        );
        if self.broken().is_empty() {
            text.push_str("\nno wrong value, no lost value, no value twice\n");
        }
        text
    }

    /// Every broken promise, in words; none = all were kept.
    pub(crate) fn broken(&self) -> Vec<String> {
        let verdict = &self.verdict;
        let mut broken = Vec::new();
        tell(&mut broken, "wrong values", &verdict.wrong);
        tell(&mut broken, "lost", &verdict.losses);
        tell(&mut broken, "booked twice", &verdict.twice);
        tell(&mut broken, "missing without a word", &verdict.gaps);
        if self.conflicts > 0 {
            let count = self.conflicts;
            broken.push(format!(
                "booked twice: {count} values or numbers came with two contents"
            ));
        }
        if self.refused > 0 {
            broken.push(format!(
                "the head-end could not read {} messages",
                self.refused
            ));
        }
        if verdict.confirmed == 0 {
            broken.push("no interval was confirmed".to_owned());
        }
        let unheard = self
            .alive
            .iter()
            .filter(|meter| !verdict.heard.contains(**meter));
        broken.extend(unheard.map(|meter| format!("{meter} is alive and has no value")));
        if !self.elsters.is_empty() && self.elsters_heard() == 0 {
            broken.push("no interval of an Elster meter arrived".to_owned());
        }
        if self.ran >= ELSTERS_WITHIN {
            let heard = |meter: &&str| self.verdict.heard.contains(*meter);
            let unheard = self.elsters.iter().filter(|meter| !heard(meter));
            broken.extend(unheard.map(|meter| format!("no interval of {meter} arrived")));
            if !self.elsters.is_empty() && self.registers == 0 {
                broken.push("no register of an Elster meter arrived".to_owned());
            }
        }
        broken.extend(self.faults.iter().cloned());
        broken
    }

    fn elsters_heard(&self) -> usize {
        let heard = self.elsters.iter();
        heard
            .filter(|meter| self.verdict.heard.contains(**meter))
            .count()
    }

    fn booked_twice(&self) -> u64 {
        let found = u64::try_from(self.verdict.twice.len()).unwrap_or(u64::MAX);
        found.saturating_add(self.conflicts)
    }
}

fn tell(broken: &mut Vec<String>, promise: &str, findings: &[String]) {
    let shown = findings.iter().take(FINDINGS_SHOWN);
    broken.extend(shown.map(|finding| format!("{promise}: {finding}")));
    let hidden = findings.len().saturating_sub(FINDINGS_SHOWN);
    if hidden > 0 {
        broken.push(format!("{promise}: and {hidden} more"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Outcome {
        Outcome {
            meters: 4,
            alive: vec!["feeder-1", "feeder-2"],
            elsters: vec!["elster-1"],
            registers: 6,
            verdict: Verdict {
                stored: 30,
                confirmed: 30,
                compared: 40,
                own_compared: 8,
                heard: ["feeder-1", "feeder-2", "elster-1"]
                    .map(str::to_owned)
                    .into(),
                ..Verdict::default()
            },
            busy_per_mille: 437,
            ran: Duration::from_mins(1),
            seed: 7,
            ..Outcome::default()
        }
    }

    #[track_caller]
    fn breaks(change: impl FnOnce(&mut Outcome), words: &str) {
        let mut outcome = good();
        change(&mut outcome);
        let broken = outcome.broken();
        assert!(broken.iter().any(|line| line.contains(words)), "{broken:?}");
        assert_eq!(outcome.json().get("kept"), Some(&json!(false)));
        assert!(!outcome.text().contains("no value twice"));
    }

    #[test]
    fn kept_promises_are_said() {
        let outcome = good();
        assert!(outcome.broken().is_empty());
        assert!(
            outcome
                .text()
                .ends_with("no wrong value, no lost value, no value twice\n")
        );
        let figures = outcome.json();
        let figure = |key: &str| figures.get(key).cloned().unwrap();
        assert_eq!(figure("meters"), json!(4));
        assert_eq!(figure("alive"), json!(3));
        assert_eq!(figure("elster_meters_with_intervals"), json!(1));
        assert_eq!(figure("elster_intervals_compared"), json!(8));
        assert_eq!(figure("elster_registers_compared"), json!(6));
        assert_eq!(figure("intervals_confirmed"), json!(30));
        assert_eq!(figure("bus_utilisation"), json!(0.437));
        for promise in ["wrong_values", "lost", "booked_twice"] {
            assert_eq!(figure(promise), json!(0), "{promise}");
        }
    }

    #[test]
    fn each_broken_promise_is_said() {
        breaks(|o| o.verdict.wrong.push("a".to_owned()), "wrong values: a");
        breaks(|o| o.verdict.losses.push("b".to_owned()), "lost: b");
        breaks(|o| o.verdict.twice.push("c".to_owned()), "booked twice: c");
        breaks(|o| o.verdict.gaps.push("d".to_owned()), "without a word: d");
        breaks(|o| o.conflicts = 1, "two contents");
        breaks(|o| o.refused = 2, "could not read 2 messages");
        breaks(|o| o.verdict.confirmed = 0, "no interval was confirmed");
        breaks(
            |o| o.verdict.heard.clear(),
            "feeder-2 is alive and has no value",
        );
        breaks(
            |o| o.verdict.heard.retain(|meter| meter != "elster-1"),
            "no interval of an Elster meter arrived",
        );
        breaks(
            |o| {
                o.elsters.push("elster-2");
                o.ran = ELSTERS_WITHIN;
            },
            "no interval of elster-2 arrived",
        );
        breaks(
            |o| {
                o.registers = 0;
                o.ran = ELSTERS_WITHIN;
            },
            "no register of an Elster meter arrived",
        );
        breaks(
            |o| o.faults.push("pmu-agent ended unasked".to_owned()),
            "ended unasked",
        );
        let many = (0..20).map(|number| number.to_string()).collect();
        breaks(|o| o.verdict.wrong = many, "and 12 more");
    }
}
