//! What an installer types, and what comes of it.

use std::process::Command;
use std::time::Duration;

use desk::{Answer, Diagnosis, Job, JobState, Outcome, Request, Work};
use serde_json::Value;
use tokio::time::Instant;

use crate::agent::Agent;
use crate::binaries;
use crate::clock::pause;
use crate::limits::LOOK_EVERY;
use crate::process::command;

/// `pmuctl` with these words, for this gateway, not started yet.
pub fn pmuctl(agent: &Agent, words: &[&str]) -> Command {
    let mut typed = command(binaries::pmuctl());
    typed
        .args(words)
        .env("PMU_SOCKET", agent.folder().join("run/desk.sock"));
    typed
}

/// Exit code and all words of a command.
pub fn said(agent: &Agent, words: &str) -> (Option<i32>, String) {
    let words: Vec<&str> = words.split_whitespace().collect();
    typed(agent, &words)
}

/// The same, of words that may have spaces in them.
pub fn typed(agent: &Agent, words: &[&str]) -> (Option<i32>, String) {
    let done = pmuctl(agent, words).output().expect("pmuctl");
    let text = [done.stdout, done.stderr].concat();
    let text = String::from_utf8(text).expect("words");
    println!("$ pmuctl {}\n{text}", words.join(" "));
    (done.status.code(), text)
}

/// A command that must end with this code and say these words; a table may fold its lines.
#[track_caller]
pub fn check(agent: &Agent, words: &str, code: i32, expected: &[&str]) -> String {
    let (ended, text) = said(agent, words);
    assert_eq!(ended, Some(code), "{words}: {text}");
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in expected {
        assert!(flat.contains(part), "{words}: no `{part}` in\n{text}");
    }
    text
}

/// The one line of JSON that a command with `--json` says.
#[track_caller]
pub fn json(agent: &Agent, words: &str) -> Value {
    let (ended, text) = said(agent, &format!("{words} --json"));
    let line = text
        .lines()
        .rev()
        .find_map(|line| serde_json::from_str(line).ok());
    line.unwrap_or_else(|| panic!("{words}: {ended:?}, no line of JSON in\n{text}"))
}

/// Work that was started.
#[derive(Debug, Clone, Copy)]
pub struct Started {
    /// By which it is looked at.
    pub number: u64,
}

/// Starts work at the gateway, as `pmuctl` does.
#[track_caller]
pub fn start(agent: &Agent, what: &Work) -> Started {
    match agent.ask(&Request::Start { what: what.clone() }) {
        Ok(Ok(Answer::Job(job))) => Started { number: job.number },
        other => panic!("{what:?} was not taken: {other:?}\n{}", agent.said()),
    }
}

impl Started {
    /// How it stands.
    #[track_caller]
    pub fn look(self, agent: &Agent) -> Job {
        let number = self.number;
        match agent.ask(&Request::Job { number }) {
            Ok(Ok(Answer::Job(job))) => *job,
            other => panic!("no job {number}: {other:?}\n{}", agent.said()),
        }
    }

    /// Waits until it has ended; each state that differs from the one before goes to `see`.
    #[track_caller]
    pub fn wait(self, agent: &Agent, within: Duration, mut see: impl FnMut(&JobState)) -> JobState {
        let until = Instant::now() + within;
        let mut before = None;
        loop {
            let state = self.look(agent).state;
            if before.as_ref() != Some(&state) {
                see(&state);
            }
            if state.has_ended() {
                return state;
            }
            assert!(
                Instant::now() < until,
                "job {} has not ended within {within:?}: {state:?}\n{}",
                self.number,
                agent.said()
            );
            before = Some(state);
            pause(LOOK_EVERY);
        }
    }

    /// Has it end at its next step.
    #[track_caller]
    pub fn cancel(self, agent: &Agent) {
        let number = self.number;
        match agent.ask(&Request::Cancel { number }) {
            Ok(Ok(_)) => {}
            other => panic!("job {number} cannot be cancelled: {other:?}"),
        }
    }

    /// Its result; a failure fails the test.
    #[track_caller]
    pub fn result(self, agent: &Agent, within: Duration) -> Outcome {
        match self.wait(agent, within, |_| {}) {
            JobState::Done(outcome) => *outcome,
            other => panic!("job {}: {other:?}\n{}", self.number, agent.said()),
        }
    }

    /// What was found to be wrong; a result fails the test.
    #[track_caller]
    pub fn failure(self, agent: &Agent, within: Duration) -> Diagnosis {
        match self.wait(agent, within, |_| {}) {
            JobState::Failed(diagnosis) => diagnosis,
            other => panic!("job {}: {other:?}\n{}", self.number, agent.said()),
        }
    }
}
