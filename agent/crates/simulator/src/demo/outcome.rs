//! What came of a demonstration: figures, and the promises that were broken.

use std::time::Duration;

use serde_json::{Value, json};

use super::judge::Verdict;
use super::keeper::{Keeper, Protocol};
use super::limits::{FINDINGS_SHOWN, OWN_WITHIN};
use super::table::percent;

/// A meter that keeps its load profile itself, at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OwnMeter {
    /// Its name.
    pub(crate) meter: &'static str,
    /// What it speaks.
    pub(crate) protocol: Protocol,
    /// Registers of it compared with what it held.
    pub(crate) registers: u64,
}

impl OwnMeter {
    /// One of which nothing was compared yet.
    pub(crate) fn of(keeper: &dyn Keeper) -> Self {
        Self {
            meter: keeper.id(),
            protocol: keeper.protocol(),
            registers: 0,
        }
    }
}

/// Makers and protocols that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Elster,
    Dlms,
}

impl Family {
    const ALL: [Self; 2] = [Self::Elster, Self::Dlms];

    const fn word(self) -> &'static str {
        match self {
            Self::Elster => "Elster",
            Self::Dlms => "DLMS",
        }
    }

    /// What was compared of it: meters, those of them with a right interval, intervals, registers.
    fn figures(self, outcome: &Outcome) -> Figures {
        let mut figures = Figures::default();
        for own in outcome.own.iter().filter(|own| self.has(own)) {
            figures.meters += 1;
            figures.heard += u64::from(outcome.verdict.heard.contains(own.meter));
            figures.intervals += outcome.intervals_of(own);
            figures.registers += own.registers;
        }
        figures
    }

    fn has(self, own: &OwnMeter) -> bool {
        match own.protocol {
            Protocol::Flag => self == Self::Elster,
            Protocol::Dlms { .. } => self == Self::Dlms,
        }
    }
}

/// What was compared of a family.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    meters: u64,
    heard: u64,
    intervals: u64,
    registers: u64,
}

/// Everything known at the end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    /// Meters on the line.
    pub(crate) meters: usize,
    /// Names of those that the gateway samples and that can answer.
    pub(crate) alive: Vec<&'static str>,
    /// Those that keep their load profiles themselves.
    pub(crate) own: Vec<OwnMeter>,
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
        let (elster, dlms) = (Family::Elster.figures(self), Family::Dlms.figures(self));
        let own = self.own.iter().map(|own| {
            json!({
                "meter": own.meter,
                "protocol": own.protocol.to_string(),
                "intervals_compared": self.intervals_of(own),
                "registers_compared": own.registers,
            })
        });
        json!({
            "meters": self.meters,
            "alive": self.alive.len() + self.own.len(),
            "elster_meters": elster.meters,
            "elster_meters_with_intervals": elster.heard,
            "elster_intervals_compared": elster.intervals,
            "elster_registers_compared": elster.registers,
            "dlms_meters": dlms.meters,
            "dlms_meters_with_intervals": dlms.heard,
            "dlms_intervals_compared": dlms.intervals,
            "dlms_registers_compared": dlms.registers,
            "own_profiles": own.collect::<Vec<Value>>(),
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
             {}\
             lost         {}\n\
             booked twice {}\n\
             gaps         {} without a word\n\
             line         in use {} of the time, {} late answers discarded\n",
            self.ran.as_secs(),
            self.seed,
            self.meters,
            self.alive.len() + self.own.len(),
            verdict.stored,
            verdict.confirmed,
            verdict.flagged,
            verdict.compared,
            verdict.wrong.len(),
            self.own_lines(),
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
        self.tell_unheard(&mut broken);
        broken.extend(self.faults.iter().cloned());
        broken
    }

    /// Of each family something has come; where there was time, of each meter.
    fn tell_unheard(&self, broken: &mut Vec<String>) {
        for family in Family::ALL {
            let (word, found) = (family.word(), family.figures(self));
            if found.meters == 0 {
                continue;
            }
            if found.heard == 0 {
                broken.push(format!("no interval of the {word} meters arrived"));
            }
            if self.ran < OWN_WITHIN {
                continue;
            }
            let heard = |own: &OwnMeter| self.verdict.heard.contains(own.meter);
            let unheard = self.own.iter().filter(|own| family.has(own) && !heard(own));
            broken.extend(unheard.map(|own| format!("no interval of {} arrived", own.meter)));
            if found.registers == 0 {
                broken.push(format!("no register of the {word} meters arrived"));
            }
        }
    }

    /// A line of each family.
    fn own_lines(&self) -> String {
        let line = |family: Family| {
            let found = family.figures(self);
            format!(
                "{:<12} {} of {} meters: {} intervals and {} registers compared with their own\n",
                family.word(),
                found.heard,
                found.meters,
                found.intervals,
                found.registers,
            )
        };
        Family::ALL.map(line).concat()
    }

    /// Intervals of a meter's own profile that were compared.
    fn intervals_of(&self, own: &OwnMeter) -> u64 {
        let compared = &self.verdict.own_compared;
        compared.get(own.meter).copied().unwrap_or_default()
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

    fn own(meter: &'static str, protocol: Protocol, registers: u64) -> OwnMeter {
        OwnMeter {
            meter,
            protocol,
            registers,
        }
    }

    fn good() -> Outcome {
        Outcome {
            meters: 4,
            alive: vec!["feeder-1", "feeder-2"],
            own: vec![
                own("elster-1", Protocol::Flag, 6),
                own("dlms-2", Protocol::Dlms { suite: 2 }, 4),
            ],
            verdict: Verdict {
                stored: 30,
                confirmed: 30,
                compared: 40,
                own_compared: [("elster-1".to_owned(), 8), ("dlms-2".to_owned(), 90)].into(),
                heard: ["feeder-1", "feeder-2", "elster-1", "dlms-2"]
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
        assert_eq!(figure("alive"), json!(4));
        assert_eq!(figure("elster_meters_with_intervals"), json!(1));
        assert_eq!(figure("elster_intervals_compared"), json!(8));
        assert_eq!(figure("elster_registers_compared"), json!(6));
        assert_eq!(figure("dlms_meters_with_intervals"), json!(1));
        assert_eq!(figure("dlms_intervals_compared"), json!(90));
        assert_eq!(figure("dlms_registers_compared"), json!(4));
        let listed = json!({
            "meter": "dlms-2",
            "protocol": "DLMS 2",
            "intervals_compared": 90,
            "registers_compared": 4,
        });
        assert_eq!(figure("own_profiles").get(1), Some(&listed));
        let line = "DLMS         1 of 1 meters: 90 intervals and 4 registers";
        assert!(outcome.text().contains(line), "{}", outcome.text());
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
            "no interval of the Elster meters arrived",
        );
        breaks(
            |o| o.verdict.heard.retain(|meter| meter != "dlms-2"),
            "no interval of the DLMS meters arrived",
        );
        breaks(
            |o| {
                o.own.push(own("elster-2", Protocol::Flag, 0));
                o.ran = OWN_WITHIN;
            },
            "no interval of elster-2 arrived",
        );
        breaks(
            |o| {
                o.own.retain(|own| own.protocol == Protocol::Flag);
                o.own.push(own("dlms-2", Protocol::Dlms { suite: 2 }, 0));
                o.ran = OWN_WITHIN;
            },
            "no register of the DLMS meters arrived",
        );
        breaks(
            |o| o.faults.push("pmu-agent ended unasked".to_owned()),
            "ended unasked",
        );
        let many = (0..20).map(|number| number.to_string()).collect();
        breaks(|o| o.verdict.wrong = many, "and 12 more");
    }
}
