//! The line of a meter that keeps its load profile itself.

use super::super::keeper::Protocol;
use super::super::report::Booked;

/// A meter that keeps its load profile itself, as gateway and head-end see it.
#[derive(Debug, Clone)]
pub(crate) struct OwnLine {
    /// Its name.
    pub(crate) meter: &'static str,
    /// Its model.
    pub(crate) model: &'static str,
    /// What it speaks.
    pub(crate) protocol: Protocol,
    /// Its outstation number, or its lower address.
    pub(crate) address: String,
    /// How the gateway finds it.
    pub(crate) state: String,
    /// Intervals stored.
    pub(crate) stored: u64,
    /// Its clock minus the gateway's, milliseconds.
    pub(crate) clock_error_ms: Option<i64>,
    /// What the head-end booked.
    pub(crate) booked: Booked,
    /// Whether all that was asked for has come.
    pub(crate) is_whole: bool,
}

impl OwnLine {
    pub(super) const fn confirmed(&self) -> u64 {
        self.booked.intervals
    }

    pub(super) fn stored(&self) -> u64 {
        self.stored.max(self.booked.intervals)
    }

    pub(super) fn state_word(&self) -> &str {
        match self.state.as_str() {
            "not asked yet" => "-",
            state => state,
        }
    }

    pub(super) fn text(&self, is_wide: bool) -> String {
        let clock = self.clock_error_ms.map_or_else(
            || "-".to_owned(),
            |error| format!("{}{} s", if error < 0 { "-" } else { "+" }, tenths(error)),
        );
        let end = self.booked.end.map_or_else(
            || "-".to_owned(),
            |end| end.to_string().chars().take(16).collect::<String>(),
        );
        let rest = if self.is_whole { ", whole" } else { "" };
        row(
            is_wide,
            [
                self.meter,
                self.model,
                &self.protocol.to_string(),
                &self.address,
                self.state_word(),
            ],
            [
                &self.stored().to_string(),
                &self.confirmed().to_string(),
                &clock,
            ],
            &format!("{end}{rest}"),
        )
    }
}

/// The names of the columns.
pub(super) fn head(is_wide: bool) -> String {
    row(
        is_wide,
        ["METER", "MODEL", "SPEAKS", "ADDRESS", "STATE"],
        ["STORED", "CONF.", "CLOCK"],
        "LOAD PROFILE OF ITS OWN UP TO",
    )
}

/// Milliseconds without their sign, as seconds with one decimal.
fn tenths(millis: i64) -> String {
    let tenths = millis.unsigned_abs().saturating_add(50) / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn row(is_wide: bool, words: [&str; 5], counts: [&str; 3], end: &str) -> String {
    let [meter, model, protocol, address, state] = words;
    let model = if is_wide {
        format!("{model:<13} ")
    } else {
        String::new()
    };
    let [stored, confirmed, clock] = counts;
    let line = format!(
        "{meter:<9} {model}{protocol:<6} {address:<7} {state:<8} {stored:>6} {confirmed:>5} {clock:>7}  {end}"
    );
    line.trim_end().to_owned()
}
