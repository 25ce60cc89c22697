//! One place where a rule is broken, said so that the reader knows what to do.

use std::fmt;

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Breach {
    /// Number or name of the rule in `docs/architecture.md`.
    pub(super) rule: &'static str,
    /// File, or manifest of the crate.
    pub(super) place: String,
    /// What is wrong.
    pub(super) problem: String,
    /// What to do.
    pub(super) remedy: &'static str,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            place,
            problem,
            remedy,
        } = self;
        write!(f, "{rule}, {place}: {problem}; {remedy}")
    }
}

/// Fails the test with every breach on a line of its own.
#[track_caller]
pub(super) fn report(breaches: &[Breach]) {
    let lines: Vec<String> = breaches.iter().map(ToString::to_string).collect();
    assert!(
        lines.is_empty(),
        "the house is not in order:\n{}",
        lines.join("\n")
    );
}

/// The places of the breaches, for the bad examples of each rule.
pub(super) fn places(breaches: &[Breach]) -> Vec<&str> {
    breaches
        .iter()
        .map(|breach| breach.place.as_str())
        .collect()
}

#[test]
fn a_breach_names_rule_place_problem_and_remedy() {
    let breach = Breach {
        rule: "D1",
        place: "agent/crates/line/Cargo.toml".to_owned(),
        problem: "line uses storage".to_owned(),
        remedy: "move the code up",
    };
    let text = "D1, agent/crates/line/Cargo.toml: line uses storage; move the code up";
    assert_eq!(breach.to_string(), text);
    assert!(std::panic::catch_unwind(|| report(&[breach])).is_err());
}
