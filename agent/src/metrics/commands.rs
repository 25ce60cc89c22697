//! What is counted of commands.

use super::{Labels, Page, Samples, Seen};
use std::fmt;

impl Seen {
    pub(super) fn commands(&self, page: &mut Page<'_>) -> fmt::Result {
        let Some(counts) = &self.commands else {
            return Ok(());
        };
        let plain = |value| vec![(Labels::new(), value)];
        page.counters(
            "pmu_commands_accepted",
            "Commands that were proven, allowed and journalled",
            &plain(counts.all_accepted()),
        )?;
        page.counters(
            "pmu_commands_refused",
            "Messages that were no command which could be taken",
            &plain(counts.all_refused()),
        )?;
        let ended: Samples = counts
            .all_ended()
            .map(|(state, count)| (vec![("state", state.word().to_owned())], count))
            .collect();
        page.counters("pmu_commands_ended", "Commands by their end", &ended)?;
        page.gauges(
            "pmu_commands_open",
            "Commands that wait or are carried out",
            &plain(counts.all_open()),
        )
    }
}
