//! The gate that a new system has to pass before it is kept. Pure.

use crate::config::UpdateSettings;
use ota::Running;
use std::time::Duration;

/// How the gateway is at one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Vitals {
    /// At least one line is open, or none is configured.
    pub(crate) has_line: bool,
    /// The store takes what it is given.
    pub(crate) can_store: bool,
    /// A session with the broker stands; none: no uplink is configured.
    pub(crate) is_online: Option<bool>,
    /// The clock is not older than the system itself.
    pub(crate) has_time: bool,
}

/// What follows from a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Well for long enough.
    Passed,
    /// Not yet; what it waits for.
    Waits(Vec<String>),
    /// Not well in time; what was missing.
    Failed(Vec<String>),
}

/// Watches from the start of the program on.
#[derive(Debug)]
pub(crate) struct Gate {
    healthy_for: Duration,
    offline_grace: Option<Duration>,
    trial_max: Duration,
    well_since: Option<Duration>,
}

impl Gate {
    /// Whether this system has to pass at all. Recovery is neither kept nor left.
    pub(crate) fn is_for(running: Running) -> bool {
        matches!(running, Running::Slot(_))
    }

    pub(crate) fn new(settings: &UpdateSettings) -> Self {
        Self {
            healthy_for: settings.healthy_for,
            offline_grace: settings.offline_grace,
            trial_max: settings.trial_max,
            well_since: None,
        }
    }

    /// One look, `up` after the start.
    pub(crate) fn look(&mut self, vitals: Vitals, up: Duration) -> Verdict {
        let missing = self.missing(vitals, up);
        if !missing.is_empty() {
            self.well_since = None;
            return if up >= self.trial_max {
                Verdict::Failed(missing)
            } else {
                Verdict::Waits(missing)
            };
        }
        let since = *self.well_since.get_or_insert(up);
        let well = up.saturating_sub(since);
        if well >= self.healthy_for {
            Verdict::Passed
        } else {
            let left = self.healthy_for.saturating_sub(well).as_secs();
            Verdict::Waits(vec![format!("all is well; {left} s more of it")])
        }
    }

    fn missing(&self, vitals: Vitals, up: Duration) -> Vec<String> {
        let is_excused = self.offline_grace.is_some_and(|grace| up >= grace);
        let is_online = vitals.is_online.unwrap_or(true) || is_excused;
        let all = [
            (vitals.has_line, "no line is open"),
            (vitals.can_store, "nothing can be stored"),
            (is_online, "there is no session with the broker"),
            (vitals.has_time, "the clock is older than the system"),
        ];
        let missing = all.into_iter().filter(|(holds, _)| !holds);
        missing.map(|(_, words)| words.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bootloader_verify::Slot;
    use std::path::PathBuf;

    const WELL: Vitals = Vitals {
        has_line: true,
        can_store: true,
        is_online: Some(true),
        has_time: true,
    };

    fn gate(grace: Option<u64>) -> Gate {
        Gate::new(&UpdateSettings {
            slots_folder: PathBuf::new(),
            boot_report: PathBuf::new(),
            trust_folder: PathBuf::new(),
            bytes_per_second: 1,
            healthy_for: Duration::from_mins(1),
            offline_grace: grace.map(Duration::from_secs),
            trial_max: Duration::from_mins(10),
        })
    }

    fn word(verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Passed => "passed",
            Verdict::Waits(_) => "waits",
            Verdict::Failed(_) => "failed",
        }
    }

    #[track_caller]
    fn check(gate: &mut Gate, vitals: Vitals, at: u64, expected: &str) {
        let verdict = gate.look(vitals, Duration::from_secs(at));
        assert_eq!(word(&verdict), expected, "{verdict:?}");
    }

    #[test]
    fn slots_have_to_pass_and_recovery_has_not() {
        assert!(Gate::is_for(Running::Slot(Slot::A)));
        assert!(Gate::is_for(Running::Slot(Slot::B)));
        assert!(!Gate::is_for(Running::Recovery));
    }

    #[test]
    fn a_system_that_is_well_for_long_enough_passes() {
        let mut gate = gate(None);
        check(&mut gate, WELL, 5, "waits");
        check(&mut gate, WELL, 64, "waits");
        check(&mut gate, WELL, 65, "passed");
    }

    #[test]
    fn each_fault_begins_the_wait_anew_and_ends_it_in_time() {
        let faults = [
            Vitals {
                has_line: false,
                ..WELL
            },
            Vitals {
                can_store: false,
                ..WELL
            },
            Vitals {
                is_online: Some(false),
                ..WELL
            },
            Vitals {
                has_time: false,
                ..WELL
            },
        ];
        for fault in faults {
            let mut gate = gate(None);
            check(&mut gate, WELL, 5, "waits");
            check(&mut gate, fault, 64, "waits");
            check(&mut gate, WELL, 65, "waits");
            check(&mut gate, WELL, 125, "passed");
            check(&mut gate, fault, 599, "waits");
            check(&mut gate, fault, 600, "failed");
        }
    }

    #[test]
    fn without_a_road_it_passes_only_where_that_is_configured() {
        let offline = Vitals {
            is_online: Some(false),
            ..WELL
        };
        let mut patient = gate(Some(100));
        check(&mut patient, offline, 99, "waits");
        check(&mut patient, offline, 100, "waits");
        check(&mut patient, offline, 160, "passed");
        let mut local = gate(None);
        let none = Vitals {
            is_online: None,
            ..WELL
        };
        check(&mut local, none, 1, "waits");
        check(&mut local, none, 61, "passed");
    }
}
