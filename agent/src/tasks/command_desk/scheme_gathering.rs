//! What the page `reads` of a scheme asks of a meter: read by the line as the schedule does it, so that
//! each row, set and event reaches the store and the head-end once, whoever asked for it.

use super::Dispatch;
use super::hands::Hands;
use desk::{CollectResult, Diagnosis, GatherResult, GatherWish, JobState, Outcome, Work};
use metering::MeterId;
use metering::scheme::Reads;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
/// What is said of a meter's profile, beside its counts.
const REMARKS_MAX: usize = 4;

/// What was read of one meter.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// A line for each thing that was asked for.
    pub(super) lines: Vec<String>,
    /// The code and the words of what broke it off.
    pub(super) trouble: Option<(String, String)>,
}

impl Gathered {
    fn broken_off(mut self, (code, words): (String, String)) -> Self {
        self.trouble = Some((code, words));
        self
    }
}

impl Hands {
    /// Reads what a page asks for. What the meter's model cannot give is told, and the rest is read all
    /// the same; what a broken session brought is kept. Nothing where the gateway stops.
    pub(super) async fn gather(
        &self,
        dispatch: &Dispatch,
        meter: &MeterId,
        page: &Reads,
    ) -> Option<Gathered> {
        let mut gathered = Gathered::default();
        let wish = GatherWish {
            registers: page.registers,
            billing_sets: page.billing_sets.filter(|sets| *sets > 0),
            events: page.events,
            profile: page.profile_days.is_some(),
            instruments: page.instrument_days.is_some(),
        };
        if wish == GatherWish::default() {
            return Some(gathered);
        }
        let name = meter.to_string();
        let what = Work::Gather {
            meter: name.clone(),
            wish,
        };
        let has_profile = match self.job_done(dispatch, meter, what).await? {
            Ok(Outcome::Gathered(result)) => {
                gathered.lines.extend(lines_of(&result));
                result.has_profile
            }
            Ok(_) => return Some(gathered.broken_off(something_else())),
            Err(trouble) => return Some(gathered.broken_off(trouble)),
        };
        let Some(days) = page.profile_days.filter(|_| has_profile) else {
            return Some(gathered);
        };
        let from = self.clock.now().utc.before(DAY * u32::from(days));
        let what = Work::Collect {
            meter: name,
            from: Some(from.seconds()),
            to: None,
            again: true,
        };
        match self.job_done(dispatch, meter, what).await? {
            Ok(Outcome::Collected(brought)) => {
                gathered.lines.extend(profile_lines(days, &brought));
                Some(gathered)
            }
            Ok(_) => Some(gathered.broken_off(something_else())),
            Err(trouble) => Some(gathered.broken_off(trouble)),
        }
    }

    /// What a job brought, or the code and the words of why it did not. Nothing where the gateway stops.
    async fn job_done(
        &self,
        dispatch: &Dispatch,
        meter: &MeterId,
        what: Work,
    ) -> Option<Result<Outcome, (String, String)>> {
        let ended = match self.job_at(dispatch, meter, what).await {
            Ok(ended) => ended,
            Err(outcome) => {
                let code = outcome.code.unwrap_or_default();
                return Some(Err((code, outcome.text)));
            }
        };
        match ended {
            Some(JobState::Done(outcome)) => Some(Ok(*outcome)),
            Some(JobState::Failed(found)) if !self.shutdown.is_cancelled() => {
                Some(Err(words_of(found)))
            }
            Some(JobState::Cancelled(_)) if !self.shutdown.is_cancelled() => {
                let words = "somebody cancelled it at the gateway".to_owned();
                Some(Err(("cancelled".to_owned(), words)))
            }
            _ => None,
        }
    }
}

fn words_of(found: Diagnosis) -> (String, String) {
    let next = found.next.first();
    let next = next.map_or_else(String::new, |next| format!("; {next}"));
    (found.code, format!("{}{next}", found.happened))
}

fn something_else() -> (String, String) {
    let words = "the line answered something else".to_owned();
    ("defect".to_owned(), words)
}

fn lines_of(result: &GatherResult) -> Vec<String> {
    let values = result.values;
    let values = values.map(|values| format!("registers: {}", counted(values, "value")));
    let sets = result.billing_sets;
    let sets = sets.map(|sets| format!("billing sets: {sets} new"));
    let events = result.events.map(|events| format!("events: {events} new"));
    let cannot = result.cannot.iter().map(|what| format!("not read: {what}"));
    let remarks = result.remarks.iter().cloned();
    let counts = [values, sets, events].into_iter().flatten();
    counts.chain(cannot).chain(remarks).collect()
}

fn profile_lines(days: u16, brought: &CollectResult) -> Vec<String> {
    let mut words = format!(
        "load profile of {}: {}, {} new",
        counted(u64::from(days), "day"),
        counted(brought.intervals, "interval"),
        brought.new
    );
    if brought.conflicts > 0 {
        let more = format!(", {} differ from what is stored", brought.conflicts);
        words.push_str(&more);
    }
    let found = brought.found.iter();
    let found = found.map(|found| format!("{}: {}", found.code, found.happened));
    let gaps = brought.gaps.iter().cloned();
    let remarks = gaps.chain(found).take(REMARKS_MAX);
    std::iter::once(words).chain(remarks).collect()
}

fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_says_what_came_and_what_cannot_come() {
        let result = GatherResult {
            values: Some(1),
            billing_sets: None,
            events: Some(0),
            has_profile: true,
            cannot: vec!["model x has no billing sets".to_owned()],
            remarks: vec!["identity 7: refused".to_owned()],
        };
        let expected = [
            "registers: 1 value",
            "events: 0 new",
            "not read: model x has no billing sets",
            "identity 7: refused",
        ];
        assert_eq!(lines_of(&result), expected);
        let brought = CollectResult {
            intervals: 48,
            new: 3,
            conflicts: 2,
            gaps: vec!["4 intervals are missing".to_owned()],
            ..CollectResult::default()
        };
        let expected = [
            "load profile of 2 days: 48 intervals, 3 new, 2 differ from what is stored",
            "4 intervals are missing",
        ];
        assert_eq!(profile_lines(2, &brought), expected);
    }
}
