//! What a person sees while the demonstration runs. Pure.

mod own_line;

use std::fmt::Write;
use std::time::Duration;

use metering::{Quantity, decimal_text};

use super::report::Booked;
pub(crate) use own_line::OwnLine;

/// From this width on, models have a column.
const WIDE_COLUMNS: usize = 100;

/// A meter, as gateway and head-end see it.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Its name.
    pub(crate) meter: &'static str,
    /// Its model.
    pub(crate) model: &'static str,
    /// How the gateway finds it.
    pub(crate) state: String,
    /// Intervals stored.
    pub(crate) stored: u64,
    /// Late answers, none of them used.
    pub(crate) late: u64,
    /// What the head-end booked.
    pub(crate) booked: Booked,
}

/// All of it at one instant.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    /// Since the gateway started.
    pub(crate) elapsed: Duration,
    /// When it ends by itself.
    pub(crate) stop_after: Option<Duration>,
    /// The meters.
    pub(crate) lines: Vec<Line>,
    /// The meters that keep their load profiles themselves.
    pub(crate) own_lines: Vec<OwnLine>,
    /// Registers of those compared with what the meters held.
    pub(crate) registers: u64,
    /// Share of the time that the line was in use, in thousandths.
    pub(crate) busy_per_mille: u32,
    /// Requests on the line.
    pub(crate) requests: u64,
    /// Damaged answers.
    pub(crate) damaged: u64,
    /// Late answers, none of them used.
    pub(crate) late: u64,
    /// Interval records that the head-end has not committed.
    pub(crate) waiting: u64,
    /// Watermarks taken by the gateway.
    pub(crate) watermarks: u64,
    /// Who is connected to the broker.
    pub(crate) clients: Vec<String>,
    /// The gateway's word about its road to the head-end.
    pub(crate) uplink: String,
}

impl Scene {
    /// The table for a terminal of so many columns.
    pub(crate) fn table(&self, columns: usize) -> String {
        let until = self.stop_after.map_or_else(
            || "until Ctrl-C".to_owned(),
            |end| format!("of {} s", end.as_secs()),
        );
        let is_wide = columns >= WIDE_COLUMNS;
        let mut lines = vec![
            format!("PMU demonstration, {} s {until}", self.elapsed.as_secs()),
            String::new(),
            row(
                is_wide,
                ["METER", "MODEL", "STATE", "CONFIRMED", "TOTAL kWh", "+ kWh"],
                ["STORED", "CONF.", "LATE"],
                "FLAGS",
            ),
        ];
        lines.extend(self.lines.iter().map(|line| line.text(is_wide)));
        lines.push(String::new());
        lines.push(own_line::head(is_wide));
        lines.extend(self.own_lines.iter().map(|line| line.text(is_wide)));
        let clients = if self.clients.is_empty() {
            "nobody".to_owned()
        } else {
            self.clients.join(", ")
        };
        lines.extend([
            String::new(),
            format!(
                "line      9600 baud, in use {} of the time; {} requests, {} damaged and {} late answers",
                percent(self.busy_per_mille),
                self.requests,
                self.damaged,
                self.late
            ),
            format!(
                "gateway   {}; {} interval records wait in its outbox",
                self.uplink, self.waiting
            ),
            format!("broker    mutual TLS 1.3; connected: {clients}"),
            format!(
                "head-end  {} intervals committed; {} signed watermarks sent back",
                self.confirmed(),
                self.watermarks
            ),
        ]);
        let mut text = String::new();
        for line in lines {
            text.extend(line.chars().take(columns));
            text.push('\n');
        }
        text
    }

    /// The same as one line, for what is no terminal.
    pub(crate) fn line(&self) -> String {
        let mut states = String::new();
        for state in ["healthy", "slow", "doubtful", "silent"] {
            let count = self
                .lines
                .iter()
                .map(Line::state_word)
                .chain(self.own_lines.iter().map(OwnLine::state_word))
                .filter(|word| *word == state)
                .count();
            if count > 0 && write!(states, ", {count} {state}").is_err() {
                log::debug!("a string cannot be written to");
            }
        }
        format!(
            "{:>4} s: {} intervals stored, {} confirmed ({} of meters' own profiles, {} registers), {} \
             records wait{states}; line in use {}, {} late answers discarded",
            self.elapsed.as_secs(),
            self.stored(),
            self.confirmed(),
            self.own_lines.iter().map(OwnLine::confirmed).sum::<u64>(),
            self.registers,
            self.waiting,
            percent(self.busy_per_mille),
            self.late,
        )
    }

    fn confirmed(&self) -> u64 {
        let sampled = self.lines.iter().map(|line| line.booked.intervals);
        sampled
            .chain(self.own_lines.iter().map(OwnLine::confirmed))
            .sum()
    }

    fn stored(&self) -> u64 {
        let own = self.own_lines.iter().map(OwnLine::stored);
        self.lines.iter().map(Line::stored).chain(own).sum()
    }
}

impl Line {
    /// The gateway counts an interval a moment after its store has it, and by then it may be
    /// confirmed: what is confirmed is stored.
    fn stored(&self) -> u64 {
        self.stored.max(self.booked.intervals)
    }

    /// A meter that answers, but answered after it had been given up, is slow.
    fn state_word(&self) -> &str {
        match self.state.as_str() {
            "healthy" if self.late > 0 => "slow",
            "not asked yet" => "-",
            state => state,
        }
    }

    fn text(&self, is_wide: bool) -> String {
        let Booked {
            end,
            total,
            growth,
            flags,
            intervals,
        } = &self.booked;
        let clock = end.map_or_else(
            || "-".to_owned(),
            |end| end.to_string().chars().skip(11).take(8).collect(),
        );
        row(
            is_wide,
            [
                self.meter,
                self.model,
                self.state_word(),
                &clock,
                &kilowatt_hours(*total),
                &kilowatt_hours(*growth),
            ],
            [
                &self.stored().to_string(),
                &intervals.to_string(),
                &self.late.to_string(),
            ],
            flags,
        )
    }
}

fn row(is_wide: bool, words: [&str; 6], counts: [&str; 3], flags: &str) -> String {
    let [meter, model, state, end, total, growth] = words;
    let model = if is_wide {
        format!("{model:<20} ")
    } else {
        String::new()
    };
    let [stored, confirmed, late] = counts;
    let line = format!(
        "{meter:<9} {model}{state:<8} {end:<9} {total:>10} {growth:>6} {stored:>6} \
         {confirmed:>5} {late:>4}  {flags}"
    );
    line.trim_end().to_owned()
}

fn kilowatt_hours(energy: Option<Quantity>) -> String {
    energy.map_or_else(
        || "-".to_owned(),
        |energy| decimal_text(energy.digits, energy.exponent.saturating_sub(3)),
    )
}

/// Thousandths as `43 %`.
pub(crate) fn percent(per_mille: u32) -> String {
    format!("{} %", per_mille.saturating_add(5) / 10)
}

#[cfg(test)]
mod tests {
    use metering::{Timestamp, Unit};

    use super::super::keeper::Protocol;
    use super::*;

    fn scene() -> Scene {
        let total = Quantity {
            digits: 1_234_567,
            exponent: 1,
            unit: Unit::WattHour,
        };
        let line = |meter, state: &str, booked| Line {
            meter,
            model: "carlo-gavazzi-em340",
            state: state.to_owned(),
            stored: 12,
            late: 3,
            booked,
        };
        let booked = Booked {
            end: Some(Timestamp::from_seconds(1_795_393_800)),
            total: Some(total),
            growth: Some(Quantity { digits: 7, ..total }),
            flags: "late-sample".to_owned(),
            intervals: 11,
        };
        Scene {
            elapsed: Duration::from_secs(42),
            stop_after: Some(Duration::from_mins(1)),
            lines: vec![
                line("feeder-1", "healthy", booked),
                line("dead", "silent", Booked::default()),
            ],
            own_lines: vec![OwnLine {
                meter: "elster-1",
                model: "elster-a1140",
                protocol: Protocol::Flag,
                address: "117".to_owned(),
                state: "healthy".to_owned(),
                stored: 140,
                clock_error_ms: Some(-3_960),
                booked: Booked {
                    end: Some(Timestamp::from_seconds(1_795_393_800)),
                    intervals: 128,
                    ..Booked::default()
                },
                is_whole: true,
            }],
            registers: 30,
            busy_per_mille: 438,
            requests: 400,
            damaged: 2,
            late: 6,
            waiting: 1,
            watermarks: 9,
            clients: vec!["headend".to_owned(), "pmu-demo".to_owned()],
            uplink: "connected".to_owned(),
        }
    }

    #[test]
    fn each_meter_has_its_line() {
        let table = scene().table(200);
        let expected = "feeder-1  carlo-gavazzi-em340  slow     00:30:00    12345.67   0.07     12    11    3  late-sample";
        assert!(table.lines().any(|line| line == expected), "{table}");
        let dead =
            "dead      carlo-gavazzi-em340  silent   -                  -      -     12     0    3";
        assert!(table.lines().any(|line| line == dead), "{table}");
        assert!(table.contains("in use 44 % of the time"), "{table}");
        assert!(table.contains("connected: headend, pmu-demo"), "{table}");
        let own = "elster-1  elster-a1140  FLAG   117     healthy     140   128  -4.0 s  2026-11-23T00:30, whole";
        assert!(table.lines().any(|line| line == own), "{table}");
        assert!(table.contains("139 intervals committed"), "{table}");
    }

    #[test]
    fn a_table_keeps_to_its_terminal() {
        let table = scene().table(60);
        assert!(
            table.lines().all(|line| line.chars().count() <= 60),
            "{table}"
        );
        assert!(table.lines().count() < 24);
    }

    #[test]
    fn elsewhere_a_line_says_it_all() {
        let expected = "  42 s: 164 intervals stored, 139 confirmed (128 of meters' own profiles, 30 registers), 1 \
                        records wait, 1 healthy, 1 slow, 1 silent; line in use 44 %, 6 late answers discarded";
        assert_eq!(scene().line(), expected);
    }
}
