//! What a person sees while messages come: a table that is drawn anew on a terminal, one line a
//! change elsewhere.

use super::booking::Change;
use super::tally::Tally;
use crate::limits::{COLUMNS, DRAW_EVERY, METERS_SHOWN_MAX, REMARKS_SHOWN};
use crate::table::{Side, Table};
use crate::words::{plain, wrapped};
use metering::{GatewayId, MeterId, Moment, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};

/// Where it is shown, and how.
pub struct View {
    out: Box<dyn Write + Send>,
    /// Lines of the terminal; `None`: not a terminal.
    lines: Option<usize>,
    meters: BTreeMap<(GatewayId, MeterId), Shown>,
    remarks: VecDeque<String>,
    state: String,
    is_stale: bool,
    drawn_at: Option<Moment>,
}

#[derive(Debug, Default)]
struct Shown {
    end: Timestamp,
    value: String,
    flags: String,
    intervals: u64,
}

/// Home, and clear what is below.
const HOME: &str = "\x1b[H\x1b[J";

impl View {
    /// A table on a terminal of so many lines.
    pub fn screen(out: Box<dyn Write + Send>, lines: usize) -> Self {
        Self {
            lines: Some(lines),
            ..Self::lines(out)
        }
    }

    /// One line a change.
    pub fn lines(out: Box<dyn Write + Send>) -> Self {
        Self {
            out,
            lines: None,
            meters: BTreeMap::new(),
            remarks: VecDeque::new(),
            state: String::new(),
            is_stale: true,
            drawn_at: None,
        }
    }

    /// The connection, in words.
    pub(super) fn state(&mut self, words: &str) -> io::Result<()> {
        self.state = plain(words, 500);
        self.is_stale = true;
        if self.lines.is_some() {
            Ok(())
        } else {
            self.line(&format!("# {}", self.state))
        }
    }

    /// Something that a person should read; it has been made plain.
    pub(super) fn say(&mut self, remark: &str) -> io::Result<()> {
        self.is_stale = true;
        if self.lines.is_none() {
            return self.line(&format!("# {remark}"));
        }
        if self.remarks.len() >= REMARKS_SHOWN {
            self.remarks.pop_front();
        }
        self.remarks.push_back(remark.to_owned());
        Ok(())
    }

    /// A block was booked.
    pub(super) fn change(&mut self, change: &Change) -> io::Result<()> {
        self.is_stale = true;
        let key = (change.gateway.clone(), change.meter.clone());
        if self.meters.len() >= METERS_SHOWN_MAX && !self.meters.contains_key(&key) {
            return Ok(());
        }
        let shown = self.meters.entry(key).or_default();
        shown.intervals += change.intervals;
        // History comes after newer intervals: the table shows the newest.
        if change.end >= shown.end {
            shown.end = change.end;
            shown.value.clone_from(&change.value);
            shown.flags.clone_from(&change.flags);
        }
        if self.lines.is_some() {
            return Ok(());
        }
        let flags = if change.flags.is_empty() {
            "good"
        } else {
            &change.flags
        };
        let text = format!(
            "{} {} {} {} {flags} +{}",
            change.gateway, change.meter, change.end, change.value, change.intervals
        );
        self.line(&text)
    }

    /// Draws the table if it is due.
    pub(super) fn draw(&mut self, now: Moment, tally: &Tally) -> io::Result<()> {
        let Some(lines) = self.lines else {
            return Ok(());
        };
        let is_due = self.drawn_at.is_none_or(|at| now.since(at) >= DRAW_EVERY);
        if !self.is_stale || !is_due {
            return Ok(());
        }
        self.is_stale = false;
        self.drawn_at = Some(now);
        let page = self.page(lines, tally);
        self.out.write_all(HOME.as_bytes())?;
        self.out.write_all(page.as_bytes())?;
        self.out.flush()
    }

    fn line(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    fn page(&self, lines: usize, tally: &Tally) -> String {
        let head = format!(
            "{}\nintervals {}  duplicates {}  conflicts {}  refused {}  watermarks {}\n\n",
            plain(&self.state, COLUMNS),
            tally.intervals,
            tally.duplicates,
            tally.conflicts + tally.differing,
            tally.refused,
            tally.watermarks
        );
        let mut foot = String::new();
        for remark in &self.remarks {
            foot.push_str(&wrapped(remark, "  ", COLUMNS));
        }
        // Three lines above, the headings, one line where the cursor stays, and perhaps "more".
        let room = lines.saturating_sub(foot.lines().count() + 6).max(1);
        let mut table = Table::new(&[
            ("GATEWAY", Side::Left),
            ("METER", Side::Left),
            ("INTERVAL END", Side::Right),
            ("VALUE", Side::Right),
            ("FLAGS", Side::Left),
            ("COUNT", Side::Right),
        ]);
        for ((gateway, meter), shown) in self.meters.iter().take(room) {
            table.row(&[
                gateway.to_string(),
                meter.to_string(),
                shown.end.to_string(),
                shown.value.clone(),
                shown.flags.clone(),
                shown.intervals.to_string(),
            ]);
        }
        let hidden = self.meters.len().saturating_sub(room);
        let more = if hidden > 0 {
            format!("and {hidden} more\n")
        } else {
            String::new()
        };
        format!("{head}{table}{more}{foot}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Paper {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn change(meter: &str, seconds: u64, value: &str) -> Change {
        Change {
            gateway: "pmu-001".parse().unwrap(),
            meter: meter.parse().unwrap(),
            end: Timestamp::from_seconds(seconds),
            value: value.to_owned(),
            flags: String::new(),
            intervals: 2,
        }
    }

    #[test]
    fn elsewhere_a_change_is_a_line() {
        let paper = Paper::default();
        let mut view = View::lines(Box::new(paper.clone()));
        view.change(&change("feeder-1", 1_795_393_800, "1.5 kWh"))
            .unwrap();
        view.say("pmu-001: connected").unwrap();
        let expected =
            "pmu-001 feeder-1 2026-11-23T00:30:00Z 1.5 kWh good +2\n# pmu-001: connected\n";
        assert_eq!(paper.text(), expected);
    }

    #[test]
    fn a_terminal_shows_the_newest_interval_and_no_more_than_fits() {
        let paper = Paper::default();
        let mut view = View::screen(Box::new(paper.clone()), 12);
        for number in 0..30 {
            view.change(&change(&format!("feeder-{number:02}"), 1800, "9.9 kWh"))
                .unwrap();
            view.change(&change(&format!("feeder-{number:02}"), 900, "0.1 kWh"))
                .unwrap();
        }
        view.say("a remark").unwrap();
        let at = |seconds| Moment::new(Duration::from_secs(seconds));
        view.draw(at(1), &Tally::default()).unwrap();
        view.draw(at(2), &Tally::default()).unwrap();
        let text = paper.text();
        assert_eq!(
            text.matches(HOME).count(),
            1,
            "nothing changed, and it was drawn again"
        );
        assert!(text.lines().count() <= 12, "{text}");
        assert!(
            text.contains("9.9 kWh") && !text.contains("0.1 kWh"),
            "{text}"
        );
        assert!(
            text.contains("more\n") && text.contains("a remark"),
            "{text}"
        );
    }
}
