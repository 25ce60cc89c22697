//! What the recovery system is good for, on the page: its update and its head-end. No meter is read
//! and the store is left as it is.

use super::{Agent, Answers, Facts, Page, Setup, agent};
use crate::show::update::progress;
use crate::words::{age_text, bytes_text};
use desk::UpdateStatus;

pub(super) fn setup(page: &mut Page, setup: &Setup) {
    let words = match setup {
        Setup::Complete => "complete",
        Setup::Missing(_) => {
            "NONE IS FOUND on the data partition, so no update can be ordered: flash the disk \
             anew, or replace it"
        }
    };
    page.item("set-up", words, 2);
}

pub(super) fn show(page: &mut Page, facts: &Facts) {
    match &facts.agent {
        Agent::Absent(_) if matches!(facts.setup, Setup::Missing(_)) => {
            page.item("agent", "is not started: it has no configuration", 1);
        }
        Agent::Absent(why) => page.item("agent", why, 4),
        Agent::Running(answers) => running(page, answers),
    }
    page.item("meters", "none are read in recovery", 1);
    let words = match facts.data {
        Some((free, all)) => format!(
            "left as it is; {} of {} free",
            bytes_text(free),
            bytes_text(all)
        ),
        None => "the data partition is not there, or cannot be mounted".to_owned(),
    };
    page.item("data", &words, 1);
    if let Agent::Running(answers) = &facts.agent {
        agent::alarms(page, &answers.status.alarms);
    }
}

fn running(page: &mut Page, answers: &Answers) {
    let status = &answers.status;
    let words = format!(
        "{}, runs since {}; it takes updates and nothing else",
        status.version,
        age_text(status.up_s)
    );
    page.item("agent", &words, 1);
    if let Some(update) = &answers.update {
        page.item("update", &update_text(update), 3);
    }
    agent::uplink(page, status.uplink.as_ref(), &[]);
}

fn update_text(update: &UpdateStatus) -> String {
    if let Some(order) = &update.order {
        return format!("from {}: {}", order.source, progress(order));
    }
    match &update.last {
        Some(last) if last.is_well => last.words.clone(),
        Some(last) => format!("NOT DONE: {}", last.words),
        None => "none is ordered".to_owned(),
    }
}
