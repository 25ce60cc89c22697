//! Answers as text for people.

mod meters;
mod status;
mod store;

use crate::table::{Side, Table};
use desk::{Answer, TraceLine};

/// An answer in words and tables.
pub fn answer_text(answer: &Answer) -> String {
    match answer {
        Answer::Status(status) => status::text(status),
        Answer::Meters(meters) => meters::text(meters),
        Answer::Values(values) => {
            let mut table = Table::new(&[
                ("OBIS", Side::Left),
                ("WHAT", Side::Left),
                ("VALUE", Side::Right),
            ]);
            for value in values {
                table.row(&[value.obis.clone(), value.name.clone(), value.value.clone()]);
            }
            table.to_string()
        }
        Answer::Done(words) => format!("{}\n", crate::plain(words, 1000)),
        Answer::Profile { channels, rows } => meters::profile(channels, rows),
        Answer::Store(stats) => store::stats(stats),
        Answer::Verified(result) => store::verified(result),
        Answer::SetAside(entries) => store::set_aside(entries),
        Answer::Trace(lines) => trace(lines),
        Answer::Configuration(path) => format!("{path}\n"),
        Answer::Job(job) => format!("job {}: {}\n", job.number, crate::plain(&job.words, 200)),
        Answer::Jobs(jobs) => jobs
            .iter()
            .map(|job| format!("job {}: {}\n", job.number, crate::plain(&job.words, 200)))
            .collect(),
    }
}

/// Intervals as CSV: one line an interval, one column a channel.
pub(crate) fn profile_csv(channels: &[String], rows: &[desk::ProfileRow]) -> String {
    let mut lines = vec![format!("end_utc,{},flags\n", channels.join(","))];
    for row in rows {
        let values = row.values.join(",");
        lines.push(format!("{},{values},{}\n", row.end, row.flags));
    }
    lines.concat()
}

/// In the form of the conversation vectors: a comment with the time and what became of the
/// bytes, then the bytes.
fn trace(lines: &[TraceLine]) -> String {
    if lines.is_empty() {
        return "# nothing was recorded; switch the trace on first\n".to_owned();
    }
    let lines = lines.iter().map(|line| {
        let (seconds, micros) = (line.at_us / 1_000_000, line.at_us % 1_000_000);
        let direction = if line.direction == '>' { '>' } else { '<' };
        let digits = line.bytes.chars().filter(char::is_ascii_hexdigit);
        let digits: Vec<char> = digits.collect();
        let octets = digits
            .chunks(2)
            .map(|pair| [" ".to_owned(), pair.iter().collect()].concat());
        let octets: Vec<String> = octets.collect();
        let fate = crate::plain(&line.fate, 40);
        format!(
            "# {seconds}.{micros:06} {fate}\n{direction}{}\n",
            octets.concat()
        )
    });
    lines.collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests;
