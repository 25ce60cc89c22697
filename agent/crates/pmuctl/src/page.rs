//! The status page: one screen of 80 columns and 24 lines that says how the box is.
//!
//! It stands on the serial console, where nobody signs in. It shows what a person on site needs to
//! find a fault, and nothing that is secret. Whoever writes into it, a meter or a broker, cannot
//! move its cursor.

mod agent;
mod boot;
mod network;
mod recovery;

pub use boot::{Anchor, BootReport, reason_text};
pub use network::{Interface, v4_addresses, v6_addresses};

use crate::limits::COLUMNS;
use crate::plain;
use crate::words::{bytes_text, wrapped};
use desk::{MeterStatus, Status, StoreStats, UpdateStatus};

/// One line less than a terminal has: behind the last character of the last line it would scroll.
pub const LINES: usize = 23;
/// Ports that are shown.
const INTERFACES_SHOWN: usize = 3;
/// Things that are still missing, as they are shown.
const MISSING_SHOWN: usize = 7;
/// Where the words begin.
const INDENT: &str = "          ";

/// All that the page tells.
#[derive(Debug, Clone)]
pub struct Facts {
    /// UTC by the clock of this machine.
    pub utc: String,
    /// Version of this program.
    pub program: String,
    /// The gateway's name, as configured.
    pub gateway: Option<String>,
    /// What the boot program handed over; none on a system without it.
    pub boot: Option<BootReport>,
    /// Whether the box is a gateway already.
    pub setup: Setup,
    /// Its ports.
    pub network: Vec<Interface>,
    /// Whether the clock is synchronised, where the agent cannot say.
    pub is_clock_synchronised: Option<bool>,
    /// The agent.
    pub agent: Agent,
    /// Free and all bytes of the partition with the store.
    pub space: Option<(u64, u64)>,
    /// Free and all bytes of the data partition, if it is there.
    pub data: Option<(u64, u64)>,
}

/// Whether the box was provisioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setup {
    /// Nothing is missing.
    Complete,
    /// What is missing, and last what to do about it.
    Missing(Vec<String>),
}

/// The program that reads the meters.
#[derive(Debug, Clone)]
pub enum Agent {
    /// It answers.
    Running(Box<Answers>),
    /// It does not, and why, in words.
    Absent(String),
}

/// What the agent says.
#[derive(Debug, Clone)]
pub struct Answers {
    /// How it is.
    pub status: Status,
    /// How its meters are.
    pub meters: Vec<MeterStatus>,
    /// What its store costs.
    pub store: Option<StoreStats>,
    /// How updates stand, where the system can be updated.
    pub update: Option<UpdateStatus>,
}

/// The page.
pub fn text(facts: &Facts) -> String {
    let mut page = Page::default();
    let is_recovery = facts.boot.as_ref().is_some_and(BootReport::is_recovery);
    title(&mut page, facts);
    system(&mut page, facts);
    if is_recovery {
        recovery::setup(&mut page, &facts.setup);
    } else {
        setup(&mut page, facts);
    }
    network(&mut page, &facts.network);
    clock(&mut page, facts);
    if is_recovery {
        recovery::show(&mut page, facts);
    } else {
        match &facts.agent {
            Agent::Absent(why) => {
                page.item("agent", why, 4);
                space(&mut page, facts.space);
            }
            Agent::Running(answers) => agent::show(&mut page, answers),
        }
    }
    page.finish()
}

/// Lines, until the screen is full.
#[derive(Default)]
struct Page {
    lines: Vec<String>,
}

impl Page {
    /// A line as it is.
    fn line(&mut self, text: &str) {
        let text = plain(text, COLUMNS);
        self.lines.push(text.trim_end().to_owned());
    }

    /// A name and what is to be said about it, in at most so many lines; `~` where more would
    /// follow.
    fn item(&mut self, name: &str, text: &str, lines_max: usize) {
        // More than a screen can hold is not worth its breaking into lines.
        let text = plain(text, COLUMNS * (lines_max + 1));
        let lines = wrapped(&text, INDENT, COLUMNS);
        let lines: Vec<&str> = lines.lines().map(str::trim_start).collect();
        let width = INDENT.len();
        for (at, words) in lines.iter().take(lines_max).enumerate() {
            let name = if at == 0 { name } else { "" };
            let is_cut = at + 1 == lines_max && lines.len() > lines_max;
            let words = if is_cut {
                cut(words)
            } else {
                (*words).to_owned()
            };
            self.line(&format!("{name:<width$}{words}"));
        }
    }

    /// Lines that are left.
    fn room(&self) -> usize {
        LINES.saturating_sub(self.lines.len())
    }

    fn finish(mut self) -> String {
        self.lines.truncate(LINES);
        self.lines.push(String::new());
        self.lines.join("\n")
    }
}

/// The last line of a text that goes on: whole words, and a mark.
fn cut(words: &str) -> String {
    let room = COLUMNS - INDENT.len() - " ~".len();
    let whole = Some(words).filter(|words| words.chars().count() <= room);
    let kept = whole.or_else(|| words.rsplit_once(' ').map(|split| split.0));
    format!("{} ~", kept.unwrap_or(words))
}

fn title(page: &mut Page, facts: &Facts) {
    let gateway = facts.gateway.as_deref().unwrap_or("without a name yet");
    let left = format!("PMU gateway {}", plain(gateway, 40));
    let right = plain(&facts.utc, 24);
    let room = COLUMNS.saturating_sub(right.chars().count());
    page.line(&format!("{left:<room$}{right}"));
    page.line(&"-".repeat(COLUMNS));
    let Some(boot) = facts.boot.as_ref().filter(|boot| boot.is_recovery()) else {
        return;
    };
    page.line("RECOVERY: no system could be started; this box reads no meters");
    let why = boot.reason.as_deref().unwrap_or("unknown");
    page.item("why", reason_text(why), 2);
}

fn system(page: &mut Page, facts: &Facts) {
    let Some(boot) = &facts.boot else {
        let words = format!(
            "{}, not started by the boot program: nothing was checked",
            facts.program
        );
        page.item("system", &words, 1);
        return;
    };
    let anchor = match boot.anchor {
        Anchor::Present => "firmware anchor on",
        Anchor::Absent => "no firmware anchor",
        Anchor::Unknown => "firmware anchor not known",
    };
    let words = format!(
        "{} in slot {}, checked at boot, counter {}, {anchor}",
        boot.version, boot.slot, boot.counter
    );
    page.item("system", &words, 2);
    if boot.tries > 0 {
        let words = format!("on trial, attempts left: {}", boot.tries);
        page.item("", &words, 1);
    }
    if let Some(reason) = boot.reason.as_deref().filter(|_| !boot.is_recovery()) {
        let words = format!("not the preferred system: {}", reason_text(reason));
        page.item("", &words, 2);
    }
    for (slot, reason) in &boot.attempts {
        let words = format!("slot {slot} was refused: {}", reason_text(reason));
        page.item("", &words, 1);
    }
}

fn setup(page: &mut Page, facts: &Facts) {
    let Setup::Missing(missing) = &facts.setup else {
        page.item("set-up", "complete", 1);
        return;
    };
    page.item("set-up", "NOT COMPLETE: no meter is read until it is", 1);
    // The last says what to do now.
    let Some((next, parts)) = missing.split_last() else {
        return;
    };
    for what in parts.iter().take(MISSING_SHOWN) {
        page.item("", &format!("- {what}"), 1);
    }
    page.item("", next, 3);
}

fn network(page: &mut Page, interfaces: &[Interface]) {
    if interfaces.is_empty() {
        page.item("network", "no port was found", 1);
    }
    for (at, interface) in interfaces.iter().take(INTERFACES_SHOWN).enumerate() {
        let state = match (interface.has_link, interface.addresses.as_slice()) {
            (false, _) => "no cable, or nobody at its other end".to_owned(),
            (true, []) => "no address".to_owned(),
            (true, addresses) => addresses.join(" "),
        };
        let name = if at == 0 { "network" } else { "" };
        page.item(name, &format!("{} {state}", interface.name), 1);
    }
}

fn clock(page: &mut Page, facts: &Facts) {
    let words = match (&facts.agent, facts.is_clock_synchronised) {
        (Agent::Running(answers), _) => answers.status.clock.as_str(),
        (_, Some(true)) => "synchronised",
        (_, Some(false)) => "not synchronised: no time server answers",
        (_, None) => "not known",
    };
    page.item("clock", words, 1);
}

fn space(page: &mut Page, space: Option<(u64, u64)>) {
    let words = match space {
        Some((free, all)) => format!("{} of {} free", bytes_text(free), bytes_text(all)),
        None => "the data partition is not there".to_owned(),
    };
    page.item("store", &words, 1);
}

#[cfg(test)]
mod tests;
