//! Why the agent does not answer, as the service manager and the journal know it.

use crate::limits::{AGENT_WORDS_MAX, SERVICE_WITHIN};
use crate::plain;
use std::process::Stdio;
use tokio::process::Command;
use tokio::time::timeout;

/// `EX_CONFIG` of sysexits, with which the agent ends for a wrong configuration.
const EXIT_MISCONFIGURED: &str = "78";

/// Why the agent does not answer, in words.
pub async fn why_absent() -> String {
    let wanted = "--property=ActiveState,Result,ExecMainStatus,ConditionResult";
    let shown = said("systemctl", &["show", "pmu-agent.service", wanted]).await;
    let state = State::parse(&shown.unwrap_or_default());
    if !state.has_failed {
        return state.words;
    }
    let lines = ["_SYSTEMD_UNIT=pmu-agent.service", "--lines=3"];
    let form = ["--output=cat", "--quiet", "--no-pager"];
    let last = said("journalctl", &[lines.as_slice(), form.as_slice()].concat()).await;
    let last = last.unwrap_or_default();
    let last: Vec<&str> = last.split_whitespace().collect();
    if last.is_empty() {
        return state.words;
    }
    let last = plain(&last.join(" "), AGENT_WORDS_MAX);
    format!("{}. It said: {last}", state.words)
}

async fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = timeout(SERVICE_WITHIN, command.output()).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(text.chars().take(AGENT_WORDS_MAX).collect())
}

/// A unit's state.
#[derive(Debug, PartialEq, Eq)]
struct State {
    words: String,
    has_failed: bool,
}

impl State {
    /// From what `systemctl show` says; nothing, where it cannot be asked.
    fn parse(shown: &str) -> Self {
        let value = |key: &str| {
            let mut lines = shown.lines();
            let found = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            found.unwrap_or_default().trim()
        };
        let (words, has_failed) = match (value("ActiveState"), value("ExecMainStatus")) {
            ("active" | "reloading", _) => ("runs, and does not answer", false),
            ("activating", _) => ("is starting", false),
            ("deactivating", _) => ("is ending", false),
            ("failed", EXIT_MISCONFIGURED) => ("STOPPED: its configuration is wrong", true),
            ("failed", _) => ("STOPPED: it ended by a fault", true),
            ("inactive", _) if value("ConditionResult") == "no" => {
                ("waits until the set-up is complete", false)
            }
            ("inactive", _) => ("STOPPED", false),
            _ => ("does not answer", false),
        };
        Self {
            words: words.to_owned(),
            has_failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(shown: &str, words: &str, has_failed: bool) {
        let words = words.to_owned();
        assert_eq!(State::parse(shown), State { words, has_failed });
    }

    #[test]
    fn the_state_of_the_service_is_said_in_words() {
        check("", "does not answer", false);
        check("ActiveState=activating\n", "is starting", false);
        check(
            "Result=exit-code\nExecMainStatus=78\nActiveState=failed\n",
            "STOPPED: its configuration is wrong",
            true,
        );
        check(
            "Result=signal\nExecMainStatus=9\nActiveState=failed\n",
            "STOPPED: it ended by a fault",
            true,
        );
        check(
            "ActiveState=inactive\nConditionResult=no\n",
            "waits until the set-up is complete",
            false,
        );
        check(
            "ActiveState=inactive\nConditionResult=yes\n",
            "STOPPED",
            false,
        );
    }
}
