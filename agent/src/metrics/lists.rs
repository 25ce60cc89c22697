//! What is counted of meter lists.

use super::{Page, Samples, Seen};
use crate::tasks::list_keeper::ListView;
use std::fmt;

impl Seen {
    pub(super) fn lists(&self, page: &mut Page<'_>) -> fmt::Result {
        let each = |value: &dyn Fn(&ListView) -> Option<u64>| -> Samples {
            let sample = |view: &ListView| Some((vec![("list", view.list.clone())], value(view)?));
            self.lists.iter().filter_map(sample).collect()
        };
        page.gauges(
            "pmu_list_running",
            "1 while a run of the list goes on",
            &each(&|view| Some(u64::from(view.is_running))),
        )?;
        let meters = self.lists.iter().flat_map(|view| {
            let counts = view.meters;
            let by_state = [
                ("open", counts.open),
                ("running", counts.running),
                ("waiting", counts.waiting),
                ("done", counts.done),
                ("failed", counts.given_up),
            ];
            by_state.map(|(state, count)| {
                let state = ("state", state.to_owned());
                let count = u64::try_from(count).unwrap_or(u64::MAX);
                (vec![("list", view.list.clone()), state], count)
            })
        });
        page.gauges(
            "pmu_list_meters",
            "Meters of the present or the last run, by how far they are",
            &meters.collect(),
        )?;
        page.gauges(
            "pmu_list_next_due_timestamp_seconds",
            "When the schedule of the list begins its next run",
            &each(&|view| view.next_due.map(|due| due.millis() / 1000)),
        )
    }
}
