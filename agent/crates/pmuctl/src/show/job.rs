//! A piece of work: how far it is, and what came of it.

use super::{diagnosis, outcome};
use crate::limits::COLUMNS;
use crate::plain;
use crate::table::{Side, Table};
use crate::words::wrapped;
use desk::{Job, JobState, Outcome, Progress};

/// One line on how far it is.
pub(crate) fn progress(job: &Job) -> String {
    match &job.state {
        JobState::Waiting(why) => format!("waiting: {}", plain(why, 200)),
        JobState::Running(progress) => steps(progress),
        _ => plain(&job.words, 200),
    }
}

/// What came of it, or how far it is.
pub(crate) fn text(job: &Job) -> String {
    let words = plain(&job.words, 200);
    match &job.state {
        JobState::Done(outcome) => outcome::text(outcome),
        JobState::Failed(found) => diagnosis::text(found),
        JobState::Cancelled(progress) => {
            wrapped(&format!("cancelled: {}", steps(progress)), "", COLUMNS)
        }
        JobState::Waiting(_) | JobState::Running(_) => {
            let line = format!("job {}: {words}: {}", job.number, progress(job));
            wrapped(&line, "", COLUMNS)
        }
    }
}

/// A failure is no success, and neither is a meter that was pinged and is not well.
pub(crate) fn is_well(job: &Job) -> bool {
    match &job.state {
        JobState::Done(outcome) => match outcome.as_ref() {
            Outcome::Ping(ping) => {
                ping.diagnosis.is_none() && ping.layers.iter().all(|layer| layer.is_well)
            }
            _ => true,
        },
        JobState::Failed(_) | JobState::Cancelled(_) => false,
        JobState::Waiting(_) | JobState::Running(_) => true,
    }
}

pub(super) fn list(jobs: &[Job]) -> String {
    if jobs.is_empty() {
        return "no work was asked for since the gateway started\n".to_owned();
    }
    let mut table = Table::new(&[
        ("JOB", Side::Right),
        ("STATE", Side::Left),
        ("WHAT", Side::Left),
    ]);
    for job in jobs {
        let state = match job.state {
            JobState::Waiting(_) => "waiting",
            JobState::Running(_) => "running",
            JobState::Done(_) => "done",
            JobState::Failed(_) => "failed",
            JobState::Cancelled(_) => "cancelled",
        };
        table.row(&[job.number.to_string(), state.to_owned(), job.words.clone()]);
        match &job.state {
            JobState::Waiting(words) => table.note(words),
            JobState::Running(progress) | JobState::Cancelled(progress) => {
                table.note(&steps(progress));
            }
            JobState::Failed(found) => {
                table.note(&format!("{}: {}", found.code, found.happened));
            }
            JobState::Done(_) => {}
        }
    }
    format!("{table}`pmuctl job show N` shows what came of one, `pmuctl job cancel N` ends one\n")
}

fn steps(progress: &Progress) -> String {
    let words = plain(&progress.words, 200);
    // Words that count by themselves need no second count.
    let counts = progress.total > 0 && !words.contains(&format!(" of {}", progress.total));
    match (counts, words.is_empty()) {
        (false, true) => "running".to_owned(),
        (false, false) => words,
        (true, true) => format!("{} of {}", progress.done, progress.total),
        (true, false) => format!("{} of {}, {words}", progress.done, progress.total),
    }
}
