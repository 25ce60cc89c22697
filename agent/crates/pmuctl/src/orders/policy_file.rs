//! A policy as a file that people write, before a root key signs it.

use super::spot::{FileComplaint, Source};
use authority::{Operation, PolicyContent, Role, Rule};
use metering::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

const SHAPE: &str = "write `version`, `expires` and one [[rule]] with `operation` and `need`, \
                     perhaps `more` with `meters-max` or `step-max-s`, for each operation";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    version: Spanned<u64>,
    issued: Option<Spanned<String>>,
    expires: Spanned<String>,
    #[serde(default)]
    rule: Vec<RuleFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RuleFile {
    operation: Spanned<String>,
    need: Vec<Spanned<String>>,
    more: Option<Vec<Spanned<String>>>,
    meters_max: Option<u32>,
    step_max_s: Option<u32>,
}

/// The policy in a file's text. Without `issued` it is of `now`.
pub fn policy_content(
    file: &str,
    text: &str,
    now: Timestamp,
) -> Result<PolicyContent, FileComplaint> {
    let source = Source { file, text };
    let found: PolicyFile = source.read(SHAPE)?;
    let issued = found.issued.as_ref();
    let issued = issued
        .map(|value| source.time("issued", value))
        .transpose()?;
    let issued = issued.unwrap_or(now);
    let expires = source.time("expires", &found.expires)?;
    if expires <= issued.max(now) {
        let (span, problem) = (found.expires.span(), "this policy has expired");
        let remedy = "name a time to come; after it the built-in policy holds";
        return Err(source.complaint(&span, "expires", problem, remedy));
    }
    if *found.version.get_ref() == 0 {
        let span = found.version.span();
        let remedy = "count from 1, and up with each policy; 0 is the built-in one";
        return Err(source.complaint(&span, "version", "0 is no version", remedy));
    }
    let mut rules = BTreeMap::new();
    for rule in &found.rule {
        let span = rule.operation.span();
        let word = rule.operation.get_ref();
        let operation = Operation::from_word(word).ok_or_else(|| {
            let problem = format!("`{word}` is no operation");
            let remedy = "use a word such as tariff.set; `pmuctl command sign --help` lists them";
            source.complaint(&span, "rule.operation", problem, remedy)
        })?;
        if rules.insert(operation, rule.rule(source)?).is_some() {
            let problem = format!("{word} has two rules");
            let remedy = "leave one of them";
            return Err(source.complaint(&span, "rule.operation", problem, remedy));
        }
    }
    Ok(PolicyContent {
        version: *found.version.get_ref(),
        issued,
        expires,
        rules,
    })
}

impl RuleFile {
    fn rule(&self, source: Source<'_>) -> Result<Rule, FileComplaint> {
        let has_threshold = self.meters_max.is_some() || self.step_max_s.is_some();
        if self.more.is_some() != has_threshold {
            return Err(source.complaint(
                &self.operation.span(),
                "rule.more",
                "`more` goes with a threshold, and a threshold with `more`",
                "write both, `more` and `meters-max` or `step-max-s`, or neither",
            ));
        }
        let roles = |words: &[Spanned<String>], key: &str| {
            if !(1..=authority::limits::SIGNERS_MAX).contains(&words.len()) {
                let (span, problem) = (self.operation.span(), "1 to 4 roles are needed");
                return Err(source.complaint(&span, key, problem, "name a role for each person"));
            }
            let role = |word: &Spanned<String>| {
                Role::from_word(word.get_ref()).ok_or_else(|| {
                    let problem = format!("`{}` is no role", word.get_ref());
                    let remedy = "use viewer, operator, approver or administrator";
                    source.complaint(&word.span(), key, problem, remedy)
                })
            };
            words.iter().map(role).collect::<Result<Vec<Role>, _>>()
        };
        let more = self.more.as_deref();
        Ok(Rule {
            need: roles(&self.need, "rule.need")?,
            more: more.map(|words| roles(words, "rule.more")).transpose()?,
            meters_max: self.meters_max,
            step_max_s: self.step_max_s,
        })
    }
}

/// A policy in lines for people: every operation, also those that have the built-in rule.
pub fn policy_lines(policy: &PolicyContent) -> Vec<String> {
    let mut lines = vec![format!(
        "policy {}, made {}, expires {}",
        policy.version, policy.issued, policy.expires
    )];
    for operation in Operation::ALL {
        let own = policy.rules.get(operation);
        let rule = own.cloned().unwrap_or_else(|| Rule::built_in(*operation));
        let mark = if own.is_some() { "" } else { "  (built in)" };
        lines.push(format!(
            "  {:<17} {}{mark}",
            operation.word(),
            rule_text(&rule)
        ));
    }
    lines
}

fn rule_text(rule: &Rule) -> String {
    let words = |roles: &[Role]| {
        let words: Vec<&str> = roles.iter().map(|role| role.word()).collect();
        words.join(" and ")
    };
    let mut text = words(&rule.need);
    if let Some(more) = &rule.more {
        let meters = rule
            .meters_max
            .map(|most| format!("more than {most} meters"));
        let step = rule
            .step_max_s
            .map(|most| format!("steps of more than {most} s"));
        let beyond: Vec<String> = meters.into_iter().chain(step).collect();
        text = format!("{text}; {}: {}", beyond.join(" or "), words(more));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);
    const GOOD: &str = "version = 2\nexpires = \"2027-11-29\"\n[[rule]]\noperation = \
                        \"billing.reset\"\nneed = [\"operator\", \"approver\"]\n";

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let complaint = policy_content("p.toml", text, NOW).unwrap_err().to_string();
        assert!(complaint.starts_with(expected), "{complaint}");
    }

    #[test]
    fn a_policy_is_read_and_shown_with_what_holds_beside_it() {
        let policy = policy_content("p.toml", GOOD, NOW).unwrap();
        let text = policy_lines(&policy).join("\n");
        assert!(
            text.contains("billing.reset     operator and approver\n"),
            "{text}"
        );
        assert!(
            text.contains(
                "tariff.set        operator; more than 1 meters: operator and approver  (built in)"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_mistake_is_named_by_file_line_and_key() {
        check(
            &GOOD.replace("version = 2", "version = 0"),
            "p.toml:1: version: 0 is no version",
        );
        check(
            &GOOD.replace("2027", "1999"),
            "p.toml:2: expires: this policy has expired",
        );
        check(
            &GOOD.replace("billing.reset", "relay.open"),
            "p.toml:4: rule.operation: `relay.open`",
        );
        check(
            &GOOD.replace("approver", "boss"),
            "p.toml:5: rule.need: `boss` is no role",
        );
        check(
            &format!("{GOOD}meters-max = 1\n"),
            "p.toml:4: rule.more: `more` goes with",
        );
        check(
            &format!("{GOOD}meters = 1\n"),
            "p.toml:6: unknown field `meters`",
        );
        check("hello", "p.toml:1: ");
    }
}
