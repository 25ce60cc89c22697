//! Counters of meters that are read in sessions.

use super::{Page, Samples, Seen};
use crate::tasks::bus::{MeterView, SessionTotals};
use std::fmt;

impl Seen {
    fn by_session_meter(
        &self,
        value: impl Fn(&SessionTotals, &MeterView) -> Option<u64>,
    ) -> Samples {
        let meters = self.each_meter().filter_map(|(labels, meter)| {
            let totals = meter.sessions.as_ref()?;
            Some((labels, value(totals, meter)?))
        });
        meters.collect()
    }

    pub(super) fn sessions(&self, page: &mut Page<'_>) -> fmt::Result {
        let of = |value: fn(&SessionTotals) -> u64| {
            self.by_session_meter(|totals, _| Some(value(totals)))
        };
        let begun = of(|totals| totals.sessions);
        page.counters("pmu_meter_sessions", "Sessions begun", &begun)?;
        let ended = [
            (
                "pmu_meter_sessions_silent",
                "Without an answer to the sign-on",
                of(|totals| totals.silent),
            ),
            (
                "pmu_meter_sessions_broken",
                "Broken off",
                of(|totals| totals.broken),
            ),
            (
                "pmu_meter_sessions_refused",
                "Ended by the meter or its identity",
                of(|totals| totals.refused),
            ),
            (
                "pmu_meter_session_octets",
                "Octets of sessions, both ways",
                of(|totals| totals.octets),
            ),
            (
                "pmu_meter_session_ms",
                "Milliseconds of line time for sessions",
                of(|totals| totals.held_ms),
            ),
            (
                "pmu_meter_late_answers_of_sessions",
                "Late answers, none used",
                of(|totals| totals.late),
            ),
            (
                "pmu_meter_interval_conflicts",
                "Intervals that came again with other values",
                of(|totals| totals.conflicts),
            ),
        ];
        for (name, help, samples) in &ended {
            page.counters(name, help, samples)?;
        }
        let collected = self.by_session_meter(|_, meter| {
            let age = self.now.utc.millis_since(meter.last_collected?) / 1000;
            Some(u64::try_from(age).unwrap_or(0))
        });
        let help = "Since everything that was due had been read";
        page.gauges("pmu_meter_collected_seconds", help, &collected)?;
        let left = self.by_session_meter(|_, meter| meter.overwrite_in_days.map(u64::from));
        let help = "Days until the meter overwrites what was not read";
        page.gauges("pmu_meter_overwrite_days", help, &left)?;
        let error = self.by_session_meter(|_, meter| meter.clock_error_ms.map(i64::unsigned_abs));
        let help = "How far its clock was off at the last look";
        page.gauges("pmu_meter_clock_error_ms", help, &error)
    }
}
