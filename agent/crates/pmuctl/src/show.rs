//! Answers as text for people.

mod diagnosis;
mod dry_run;
pub(crate) mod job;
mod keys;
mod meters;
mod objects;
pub(crate) mod orders;
pub(crate) mod outcome;
pub(crate) mod pages;
mod people;
pub(crate) mod scan;
mod status;
mod store;
pub(crate) mod trace;
pub(crate) mod update;
mod values;

use crate::table::{Side, Table};
use crate::words::plain_lines;
use desk::Answer;

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
        Answer::Audit(piece) => crate::words::plain_lines(&piece.lines),
        Answer::SetAside(entries) => store::set_aside(entries),
        Answer::Trace(lines) => trace::text(lines),
        Answer::Configuration(path) => format!("{}\n", crate::plain(path, 1000)),
        Answer::Keys(status) => keys::text(status),
        Answer::Update(status) => update::text(status),
        Answer::Job(found) => job::text(found),
        Answer::Jobs(jobs) => job::list(jobs),
        Answer::People(all) => people::table(all),
        Answer::ClaimCode(code) => people::code(code),
        Answer::Session(opened) => format!("signed in as {}\n", crate::plain(&opened.name, 100)),
        Answer::Ordered(id) => format!("{}\n", crate::plain(id, 100)),
        Answer::Command(found) => orders::one(found),
        Answer::Commands(all) => orders::table(all),
    }
}

/// A message of the doctor.
pub(crate) fn diagnosis_text(found: &desk::Diagnosis) -> String {
    diagnosis::text(found)
}

/// Intervals as CSV: one line an interval, one column a channel.
pub(crate) fn profile_csv(channels: &[String], rows: &[desk::ProfileRow]) -> String {
    let mut lines = vec![format!("end_utc,{},flags\n", channels.join(","))];
    for row in rows {
        let values = row.values.join(",");
        lines.push(format!("{},{values},{}\n", row.end, row.flags));
    }
    // Whoever looks at it on a terminal is as safe as with a table.
    plain_lines(&lines.concat())
}

#[cfg(test)]
mod tests;
