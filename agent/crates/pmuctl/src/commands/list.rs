//! Meter lists, offline.

use super::{print, say};
use crate::adapters::clock::utc;
use crate::adapters::files::{read_text, write_new};
use crate::arguments::ListCommand;
use crate::limits::DOCUMENT_BYTES_MAX;
use crate::words::hex;
use anyhow::{Context, Result, bail};
use jiff::tz::TimeZone;
use metering::Timestamp;
use metering::scheme::CivilDate;
use schemes::list::{Begin, Due, Hours, MeterList, Recurrence, WindowChoice, due};
use schemes::scheme::zone_named;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// A list to begin with; a test holds it against the reader.
const BEGINNING: &str = r#"version = 1
name = "my-list"
note = "What the next person should know."
action = "tariff"            # read, program, or tariff: the calendar alone

[[pair]]
scheme = "two-rate-all-year"
meters = ["feeder-1", "feeder-2"]

[schedule]                   # without it the list runs when it is told to
zone = "Europe/London"
window = "out-of-hours"
times = ["19:30"]
"#;

pub(super) fn run(command: &ListCommand, json: bool) -> Result<bool> {
    match command {
        ListCommand::New { file } => {
            write_new(file, BEGINNING.as_bytes(), 0o644)?;
            let name = file.display();
            say(
                json,
                &json!({"file": name.to_string()}),
                &format!("{name}: change it, then look at it with `pmuctl list validate`\n"),
            )?;
        }
        ListCommand::Validate { file } => {
            let list = list(file)?;
            let print = hex(&list.fingerprint());
            let value = json!({"name": list.name.to_string(), "action": list.action.word(),
                "pairs": list.pairs.len(), "fingerprint": print});
            let text = format!(
                "{}: list {} is well formed; whether a gateway has its schemes and meters is said there\n",
                file.display(),
                list.name
            );
            say(json, &value, &text)?;
        }
        ListCommand::Show { file } => {
            let list = list(file)?;
            let (text, print) = (list.canonical_text(), hex(&list.fingerprint()));
            let value = json!({"fingerprint": print, "text": text});
            say(json, &value, &format!("{text}\n# fingerprint {print}\n"))?;
        }
        ListCommand::Run { .. } => bail!("a list is run at a gateway, and none is asked here"),
        ListCommand::Schedule {
            file,
            from,
            days,
            zone,
        } => schedule(&list(file)?, *from, *days, zone.as_deref(), json)?,
    }
    Ok(true)
}

pub(super) fn list(path: &Path) -> Result<MeterList> {
    let text = read_text(path, DOCUMENT_BYTES_MAX)?;
    Ok(MeterList::parse(&path.display().to_string(), &text)?)
}

fn schedule(
    list: &MeterList,
    from: Option<CivilDate>,
    days: u16,
    shown_in: Option<&str>,
    json: bool,
) -> Result<()> {
    let Some(schedule) = &list.schedule else {
        let text = "the list has no schedule: it runs when it is told to\n";
        return say(json, &json!([]), text);
    };
    let zone = zone_named(&schedule.zone)?;
    let shown = match shown_in {
        Some(name) => zone_named(name)?,
        None => zone.clone(),
    };
    let today = u32::try_from(utc().day()).ok();
    let first = from
        .or_else(|| today.and_then(CivilDate::from_day_number))
        .context("this machine's clock is not set; name the first day with --from")?;
    let midnight = jiff::civil::Date::new(
        i16::try_from(first.year())?,
        i8::try_from(first.month_day().month())?,
        i8::try_from(first.month_day().day())?,
    )?;
    let midnight = midnight.to_zoned(zone.clone())?;
    // A day of a clock change has other than 24 hours.
    let end = midnight.checked_add(jiff::Span::new().try_days(days)?)?;
    // A run at midnight itself is one of that day.
    let eve = |at: &jiff::Zoned| {
        let at = Timestamp::from_seconds(u64::try_from(at.timestamp().as_second())?);
        Ok::<_, anyhow::Error>(at.before(Duration::from_millis(1)))
    };
    let (after, until) = (eve(&midnight)?, eve(&end)?);
    let lines = lines(list, &zone, (after, until));
    if json {
        let values = lines.iter().map(|line| line.value(&shown));
        return print(&format!("{}\n", json!(values.collect::<Vec<_>>())));
    }
    let mut text = String::new();
    for line in &lines {
        let word = if line.runs { "runs" } else { "skipped" };
        text.extend([format!(
            "{}  {word:<7}  {}\n",
            clock(line.at, &shown),
            line.why
        )]);
    }
    if lines.is_empty() {
        text.push_str("nothing falls due in these days\n");
    }
    print(&text)
}

/// A time of the rule: whether a run begins there, and why.
struct Line {
    at: Timestamp,
    runs: bool,
    why: &'static str,
}

impl Line {
    fn value(&self, zone: &TimeZone) -> Value {
        json!({"at": clock(self.at, zone), "utc": self.at.to_string(), "runs": self.runs,
               "why": self.why})
    }
}

fn lines(list: &MeterList, zone: &TimeZone, (after, until): (Timestamp, Timestamp)) -> Vec<Line> {
    let runs = due(list, zone, after, until);
    let hours = Hours::new(list, zone);
    let mut lines: Vec<Line> = runs.iter().map(|run| line(hours, list, run)).collect();
    // The same rule without a window tells which times the window has moved.
    let mut open = list.clone();
    if let Some(schedule) = &mut open.schedule
        && !matches!(schedule.recurrence, Recurrence::EachWindow)
    {
        schedule.window = WindowChoice::Always;
        let wanted = due(&open, zone, after, until);
        let moved = wanted
            .iter()
            .filter(|wanted| !runs.iter().any(|run| run.starts == wanted.starts));
        lines.extend(moved.map(|wanted| Line {
            at: wanted.starts,
            runs: false,
            why: "its window is closed; it waits for the next opening",
        }));
    }
    lines.sort_by_key(|line| line.at);
    lines
}

fn line(hours: Hours<'_>, list: &MeterList, run: &Due) -> Line {
    let why = if hours.begin(run.starts) != Begin::Now {
        "no write begins in the last part of a window; its meters wait for the next one"
    } else if run.occurrences > 1 {
        "its window opens; several times of the rule are one run"
    } else if list
        .schedule
        .as_ref()
        .is_some_and(|schedule| run.starts > run.occurrence.after(schedule.offset))
    {
        "its window opens; its time was before that"
    } else {
        "its time has come"
    };
    Line {
        at: run.starts,
        runs: true,
        why,
    }
}

fn clock(at: Timestamp, zone: &TimeZone) -> String {
    let second = i64::try_from(at.seconds()).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_second(second).unwrap_or(jiff::Timestamp::MAX);
    let local = at.to_zoned(zone.clone());
    local.strftime("%a %Y-%m-%d %H:%M:%S %Z").to_string()
}

#[cfg(test)]
mod tests {
    use super::{BEGINNING, lines};
    use metering::Timestamp;
    use schemes::list::MeterList;
    use schemes::scheme::zone_named;
    use std::time::Duration;

    #[test]
    fn the_list_to_begin_with_is_one_and_says_when_it_runs() {
        let list = MeterList::parse("beginning.toml", BEGINNING).unwrap();
        let zone = zone_named("Europe/London").unwrap();
        let from = Timestamp::from_seconds(1_800_000_000);
        let found = lines(&list, &zone, (from, from.after(Duration::from_hours(240))));
        assert_eq!(found.iter().filter(|line| line.runs).count(), 10);
    }
}
