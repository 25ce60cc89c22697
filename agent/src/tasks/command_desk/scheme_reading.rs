//! Meters read by a scheme: what its page `reads` asks for, and what they hold, where that differs, what
//! programming would write. Nothing is written.

use super::Dispatch;
use super::hands::Hands;
use super::outcome::{MeterEnd, Outcome};
use super::programming::code_of;
use super::scheme_gathering::Gathered;
use crate::tasks::bus::program::{Intent, LookAsk, ProgramAnswer, ProgramTrouble};
use authority::{CommandState, LibraryName};
use metering::MeterId;
use metering::scheme::{Reads, Scheme};
use meters::program::{ComparedItem, DryWrite, ProgramRecord};
use std::sync::Arc;

/// The last receipt names so many of a meter; those before it name all.
const NAMED_MAX: usize = 6;
/// And so much of a write.
const BRIEF_CHARS: usize = 120;
/// The text of a receipt is no longer.
const TEXT_BYTES: usize = authority::limits::RECEIPT_TEXT_BYTES_MAX;

impl Hands {
    /// Looks at all meters, also behind one that cannot be had. Nothing where the gateway stops.
    pub(super) async fn read_by(
        &self,
        dispatch: &Arc<Dispatch>,
        scheme: &LibraryName,
        meters: &[MeterId],
    ) -> Option<Outcome> {
        let intent = match self.intent(scheme, false).await {
            Ok(intent) => intent,
            Err(outcome) => return Some(outcome),
        };
        let steps = u32::try_from(meters.len()).unwrap_or(u32::MAX);
        let mut ends = Vec::new();
        for (meter, step) in meters.iter().zip(1..) {
            let note = format!("looking at {meter}");
            if !self.step(dispatch, (step, steps), &note, Vec::new()).await {
                return None;
            }
            ends.push(
                self.read_one(dispatch, &intent, meter, (step, steps))
                    .await?,
            );
        }
        let outcome = Outcome::of_meters(ends);
        // Nothing was written, so nothing goes on or back: what could not be read has failed.
        Some(match outcome.state {
            CommandState::Succeeded => outcome,
            _ => Outcome {
                state: CommandState::Failed,
                ..outcome
            },
        })
    }

    /// One meter: what the page asks for, then how it is set. Nothing where the gateway stops.
    async fn read_one(
        &self,
        dispatch: &Arc<Dispatch>,
        intent: &Intent,
        meter: &MeterId,
        step: (u32, u32),
    ) -> Option<MeterEnd> {
        let (page, is_compared) = wanted(intent);
        let mut gathered = Gathered::default();
        if let Some(page) = page {
            gathered = self.gather(dispatch, meter, &page).await?;
            let read: Vec<String> = gathered
                .lines
                .iter()
                .map(|line| format!("{meter} {line}"))
                .collect();
            if !self.tell(dispatch, step, &read).await {
                return None;
            }
        }
        let end = match gathered.trouble.take() {
            Some((code, words)) => {
                let words =
                    format!("{words}; what was read is kept; send the command again for the rest");
                MeterEnd::without_report(meter, CommandState::Failed, &code, words)
            }
            None if !is_compared => well(meter, String::new()),
            None if has_none(intent) => {
                well(meter, "the scheme names no settings to compare".to_owned())
            }
            None => self.compare_one(dispatch, intent, meter, step).await?,
        };
        Some(behind(gathered.lines, end))
    }

    /// How a meter is set, beside the scheme.
    async fn compare_one(
        &self,
        dispatch: &Arc<Dispatch>,
        intent: &Intent,
        meter: &MeterId,
        step: (u32, u32),
    ) -> Option<MeterEnd> {
        let looked = match self.bus_of(meter) {
            Some(bus) => bus.look(meter, LookAsk::Look(intent.clone())).await,
            None => Err(ProgramTrouble::NoMeter),
        };
        Some(match looked {
            Ok(ProgramAnswer::Looked(record)) => self.told(dispatch, meter, &record, step).await?,
            _ if self.shutdown.is_cancelled() => return None,
            Ok(_) => {
                let words = "the line answered something else";
                MeterEnd::without_report(meter, CommandState::Failed, "defect", words)
            }
            // Who only reads is told, and has the rest.
            Err(trouble @ ProgramTrouble::Misfits(_)) if !programs(intent) => {
                well(meter, format!("settings are not compared: {trouble}"))
            }
            Err(trouble) => {
                let (code, words) = (code_of(&trouble), trouble.to_string());
                MeterEnd::without_report(meter, CommandState::Failed, code, words)
            }
        })
    }

    /// Lines in as many receipts as they need; whether they could be kept.
    async fn tell(&self, dispatch: &Dispatch, step: (u32, u32), lines: &[String]) -> bool {
        for piece in pieces(lines) {
            if !self.step(dispatch, step, &piece, Vec::new()).await {
                return false;
            }
        }
        true
    }

    /// One meter: the digest for the proof, a few words for the last receipt, all of it in those before.
    /// Nothing where they cannot be kept.
    async fn told(
        &self,
        dispatch: &Arc<Dispatch>,
        meter: &MeterId,
        record: &ProgramRecord,
        step: (u32, u32),
    ) -> Option<MeterEnd> {
        let standing = self.standing(meter).await;
        let compared = record.compared(standing.as_ref().map(|standing| &standing.record));
        let writes = record.dry_run();
        let lines = all_lines(meter, record, (&compared, &writes));
        if !self.tell(dispatch, step, &lines).await {
            return None;
        }
        let mut end = well(meter, short_words(record, &compared, &writes));
        let held = Some(record.held().0);
        (end.proof.before, end.proof.after) = (held, held);
        let counter = record.programmings().map(u64::from);
        end.proof.programmed = counter.map(|counter| (counter, counter));
        Some(end)
    }
}

/// Whether a scheme has no page of how a meter should be set.
fn has_none(intent: &Intent) -> bool {
    let Intent::Scheme(scheme) = intent else {
        return false;
    };
    let bare = Scheme {
        name: scheme.name.clone(),
        purpose: scheme.purpose,
        meter_type: scheme.meter_type.clone(),
        model_codes: scheme.model_codes.clone(),
        author: scheme.author.clone(),
        version: scheme.version,
        notes: scheme.notes.clone(),
        reads: scheme.reads,
        ..Scheme::default()
    };
    scheme.reads() && bare == **scheme
}

/// The page of what is read, and whether the settings are compared: always where there is no such page,
/// and where the scheme also says how they should be.
fn wanted(intent: &Intent) -> (Option<Reads>, bool) {
    match intent {
        Intent::Scheme(scheme) if scheme.reads() => {
            let page = scheme.reads;
            let is_compared = page.is_none_or(|page| page.settings) || scheme.programs();
            (page, is_compared)
        }
        _ => (None, true),
    }
}

fn programs(intent: &Intent) -> bool {
    match intent {
        Intent::Scheme(scheme) => scheme.programs(),
        _ => true,
    }
}

fn well(meter: &MeterId, words: String) -> MeterEnd {
    let mut end = MeterEnd::without_report(meter, CommandState::Succeeded, "", words);
    end.code = None;
    end
}

/// The end of a meter, with what was read before it.
fn behind(mut lines: Vec<String>, end: MeterEnd) -> MeterEnd {
    if !end.text.is_empty() {
        lines.push(end.text);
    }
    MeterEnd {
        text: lines.join("; "),
        ..end
    }
}

/// All that is said of a meter.
fn all_lines(
    meter: &MeterId,
    record: &ProgramRecord,
    (compared, writes): (&[ComparedItem], &[DryWrite]),
) -> Vec<String> {
    let mut lines = vec![format!(
        "{meter} holds {}: {}",
        record.held(),
        verdict(record, writes)
    )];
    lines.extend(compared.iter().map(|one| format!("compared: {one}")));
    lines.extend(writes.iter().map(|one| format!("would write: {one}")));
    lines
}

fn verdict(record: &ProgramRecord, writes: &[DryWrite]) -> String {
    if writes.is_empty() {
        return "equals the scheme".to_owned();
    }
    let mut words = format!(
        "differs from the scheme; programming would make {} writes",
        writes.len()
    );
    if record.is_provisional() {
        words.push_str(", by a layout that simulated meters alone have");
    }
    words
}

fn short_words(record: &ProgramRecord, compared: &[ComparedItem], writes: &[DryWrite]) -> String {
    let mut words = vec![verdict(record, writes)];
    let different = compared
        .iter()
        .filter(|one| one.is_to_change || one.is_foreign_change);
    let all = different.clone().count();
    words.extend(different.take(NAMED_MAX).map(ToString::to_string));
    if all > NAMED_MAX {
        words.push(format!("{} more differences", all - NAMED_MAX));
    }
    let named = writes.iter().take(NAMED_MAX);
    words.extend(named.map(|one| brief(&format!("would write {one}"))));
    if all > NAMED_MAX || writes.len() > NAMED_MAX {
        words.push("the receipts before this one say all of it".to_owned());
    }
    words.join("; ")
}

/// As much of a line as the last receipt has room for beside others.
fn brief(line: &str) -> String {
    if line.chars().count() <= BRIEF_CHARS {
        return line.to_owned();
    }
    let first: String = line.chars().take(BRIEF_CHARS).collect();
    format!("{first}…")
}

/// Lines joined to pieces that a receipt can hold.
fn pieces(lines: &[String]) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for line in lines {
        let mut line = line.as_str();
        if line.len() > TEXT_BYTES {
            let mut end = TEXT_BYTES;
            while !line.is_char_boundary(end) {
                end -= 1;
            }
            line = line.get(..end).unwrap_or_default();
        }
        match pieces.last_mut() {
            Some(last) if last.len() + line.len() < TEXT_BYTES => {
                last.push('\n');
                last.push_str(line);
            }
            _ => pieces.push(line.to_owned()),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_lost_and_no_piece_too_long() {
        let lines: Vec<String> = (0..100)
            .map(|n| format!("{n}: {}", "ä".repeat(40)))
            .collect();
        let found = pieces(&lines);
        assert!(found.iter().all(|piece| piece.len() <= TEXT_BYTES));
        let again: Vec<&str> = found.iter().flat_map(|piece| piece.split('\n')).collect();
        assert_eq!(again, lines);
        assert!(pieces(&["ä".repeat(1000)])[0].len() <= TEXT_BYTES);
    }
}
