//! Updates: where the slots are, how fast an image may come, when a new system is kept.

use super::complaint::Notebook;
use super::settings::within;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct UpdateFile {
    pub(super) slots_folder: PathBuf,
    pub(super) boot_report: PathBuf,
    pub(super) trust_folder: PathBuf,
    pub(super) kibibytes_per_second: Spanned<u32>,
    healthy_for_seconds: Spanned<u32>,
    offline_grace_seconds: Spanned<u32>,
    trial_seconds_max: Spanned<u32>,
}

/// Updates of the whole system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateSettings {
    /// Where the partitions are found by their labels.
    pub slots_folder: PathBuf,
    /// What the boot program left.
    pub boot_report: PathBuf,
    /// Folder of `trust.keys` and `target`, on the read-only system.
    pub trust_folder: PathBuf,
    /// Bytes of an image that are taken in a second; the line to the head-end has other uses.
    pub bytes_per_second: u64,
    /// A new system is kept when it has been well for so long.
    pub healthy_for: Duration,
    /// A new system is kept without a session at the broker after so long; none: never.
    pub offline_grace: Option<Duration>,
    /// A new system that was not well for so long is left.
    pub trial_max: Duration,
}

impl Default for UpdateFile {
    fn default() -> Self {
        let number = |value| Spanned::new(0..0, value);
        Self {
            slots_folder: PathBuf::from("/dev/disk/by-partlabel"),
            boot_report: PathBuf::from("/run/pmu-boot/report"),
            trust_folder: PathBuf::from("/usr/share/pmu"),
            kibibytes_per_second: number(1024),
            healthy_for_seconds: number(300),
            offline_grace_seconds: number(0),
            trial_seconds_max: number(3600),
        }
    }
}

impl UpdateFile {
    pub(crate) fn settings(&self, notes: &mut Notebook) -> UpdateSettings {
        let rate = within(
            &self.kibibytes_per_second,
            16..=1_048_576,
            "update.kibibytes-per-second",
            notes,
        );
        let mut seconds = |value, allowed, key| {
            Duration::from_secs(u64::from(within(value, allowed, key, notes)))
        };
        let healthy = seconds(
            &self.healthy_for_seconds,
            1..=86_400,
            "update.healthy-for-seconds",
        );
        let grace = seconds(
            &self.offline_grace_seconds,
            0..=86_400,
            "update.offline-grace-seconds",
        );
        let trial = seconds(
            &self.trial_seconds_max,
            1..=172_800,
            "update.trial-seconds-max",
        );
        // A trial that ends before it can be passed would send every update back.
        let shortest = healthy + grace;
        if trial <= shortest {
            let problem = format!(
                "{} is not more than healthy-for-seconds and offline-grace-seconds together",
                trial.as_secs()
            );
            let remedy = format!("use more than {}", shortest.as_secs());
            let span = self.trial_seconds_max.span();
            notes.note(span, "update.trial-seconds-max", problem, remedy);
        }
        UpdateSettings {
            slots_folder: self.slots_folder.clone(),
            boot_report: self.boot_report.clone(),
            trust_folder: self.trust_folder.clone(),
            bytes_per_second: u64::from(rate) * 1024,
            healthy_for: healthy,
            offline_grace: (!grace.is_zero()).then_some(grace),
            trial_max: trial,
        }
    }
}
