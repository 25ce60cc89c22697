//! What the recovery system takes from the configuration: name, road to the head-end, updates.
//!
//! Recovery may be older than the system that wrote the file, and a meter of it may be what is
//! wrong. So everything else is passed over, known or not.

use super::complaint::{Complaints, Notebook};
use super::file::{ClockFile, UplinkFile, back_off_max, keep_alive, mqtt_port, runtime_folder};
use super::settings::{ClockSettings, Settings, StoreSettings, name, read, uplink_settings};
use super::update::UpdateFile;
use authority::RoleRights;
use meters::catalogue::Catalogue;
use ota::BootReport;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;

/// Where recovery keeps what it must write, below the runtime folder: in memory.
const FOLDER: &str = "recovery";
/// Events of a day or two; nobody confirms them.
const OUTBOX_BYTES: u64 = 8 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RecoveryFile {
    gateway: GatewayPart,
    uplink: Option<UplinkPart>,
    #[serde(default)]
    clock: ClockPart,
    #[serde(default)]
    update: UpdatePart,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct GatewayPart {
    id: Spanned<String>,
    #[serde(default = "runtime_folder")]
    runtime_folder: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct UplinkPart {
    host: Spanned<String>,
    #[serde(default = "mqtt_port")]
    port: Spanned<u16>,
    ca_file: PathBuf,
    certificate_file: PathBuf,
    key_file: PathBuf,
    #[serde(default = "keep_alive")]
    keep_alive_seconds: Spanned<u16>,
    #[serde(default = "back_off_max")]
    back_off_max_seconds: Spanned<u32>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ClockPart {
    state_file: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct UpdatePart {
    slots_folder: Option<PathBuf>,
    boot_report: Option<PathBuf>,
    trust_folder: Option<PathBuf>,
    kibibytes_per_second: Option<Spanned<u32>>,
}

#[derive(Deserialize)]
struct OnlyUpdate {
    #[serde(default)]
    update: UpdatePart,
}

/// Where the boot program leaves its report, as far as the configuration can say.
pub fn boot_report_file(config: &Path) -> PathBuf {
    let text = std::fs::read_to_string(config).unwrap_or_default();
    let found: Option<OnlyUpdate> = toml::from_str(&text).ok();
    let named = found.and_then(|file| file.update.boot_report);
    named.unwrap_or_else(|| UpdateFile::default().boot_report)
}

impl Settings {
    /// What the recovery system does by this configuration: no lines, no meters, and nothing is
    /// written outside the runtime folder.
    pub fn load_for_recovery(config: &Path, report: BootReport) -> Result<Self, Complaints> {
        let (name, text) = read(config)?;
        Self::parse_for_recovery(&name, &text, report)
    }

    /// The same from text; `file` is what complaints call it.
    pub fn parse_for_recovery(
        file: &str,
        text: &str,
        report: BootReport,
    ) -> Result<Self, Complaints> {
        let mut notes = Notebook::new(file, text);
        let settings = parsed::<RecoveryFile>(text, &mut notes)
            .and_then(|file| file.settings(report, &mut notes));
        notes.finish(settings)
    }
}

fn parsed<T: DeserializeOwned>(text: &str, notes: &mut Notebook) -> Option<T> {
    toml::from_str(text)
        .map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            let remedy = "provision the gateway anew with `pmuctl provision`";
            notes.note(span, "", error.message().to_owned(), remedy);
        })
        .ok()
}

impl RecoveryFile {
    fn settings(self, report: BootReport, notes: &mut Notebook) -> Option<Settings> {
        let gateway = name(&self.gateway.id, "gateway.id", notes);
        let uplink = self.uplink.map(UplinkPart::whole);
        let uplink = uplink.map(|file| uplink_settings(&file, notes));
        let update = self.update.whole().settings(notes);
        let clock = ClockFile::default();
        Some(Settings {
            gateway: gateway?,
            data_folder: self.gateway.runtime_folder.join(FOLDER),
            runtime_folder: self.gateway.runtime_folder,
            store: StoreSettings {
                commit_every: Duration::from_secs(1),
                cache_bytes: 2 << 20,
                keep_profile: Duration::from_hours(24),
                keep_readings: Duration::from_hours(24),
                outbox_bytes: OUTBOX_BYTES,
            },
            uplink,
            clock: ClockSettings {
                state_file: self.clock.state_file.unwrap_or(clock.state_file),
            },
            update,
            commands: None,
            rights: RoleRights::shipped(),
            buses: Vec::new(),
            meters: Vec::new(),
            catalogue: Arc::new(Catalogue::default()),
            recovery: Some(report),
        })
    }
}

impl UplinkPart {
    /// Records are what the other keys are about, and recovery has none.
    fn whole(self) -> UplinkFile {
        UplinkFile {
            host: self.host,
            port: self.port,
            ca_file: self.ca_file,
            certificate_file: self.certificate_file,
            key_file: self.key_file,
            ingest_keys_file: PathBuf::new(),
            keep_alive_seconds: self.keep_alive_seconds,
            window: Spanned::new(0..0, 10),
            resend_after_seconds: Spanned::new(0..0, 1),
            back_off_max_seconds: self.back_off_max_seconds,
        }
    }
}

impl UpdatePart {
    /// No system proves itself here, so nobody needs the keys of the gate.
    fn whole(self) -> UpdateFile {
        let mut file = UpdateFile::default();
        let rate = self.kibibytes_per_second;
        file.slots_folder = self.slots_folder.unwrap_or(file.slots_folder);
        file.boot_report = self.boot_report.unwrap_or(file.boot_report);
        file.trust_folder = self.trust_folder.unwrap_or(file.trust_folder);
        file.kibibytes_per_second = rate.unwrap_or(file.kibibytes_per_second);
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn report() -> BootReport {
        BootReport::parse("slot recovery\nattempt A verity\n").unwrap()
    }

    fn parse(text: &str) -> Result<Settings, Complaints> {
        Settings::parse_for_recovery("agent.toml", text, report())
    }

    const WHOLE: &str = "[gateway]\nid = \"pmu-001\"\ndata-folder = \"/var/lib/pmu\"\n\
        model-folder = \"/nowhere\"\nlater-key = 1\n\
        [store]\ncache-mebibytes = -7\n\
        [uplink]\nhost = \"broker\"\nca-file = \"/a\"\ncertificate-file = \"/b\"\nkey-file = \"/c\"\n\
        ingest-keys-file = 7\nlater-key = 1\n\
        [update]\nkibibytes-per-second = 99\ntrial-seconds-max = 0\n\
        [[bus]]\nid = \"main\"\nlink = \"by pigeon\"\n\
        [[meter]]\nid = 1\n[later-section]\nkey = 1\n";

    #[test]
    fn what_is_about_meters_or_unknown_is_passed_over() {
        let settings = parse(WHOLE).unwrap();
        assert_eq!(settings.gateway.as_str(), "pmu-001");
        assert!(settings.buses.is_empty() && settings.meters.is_empty());
        assert_eq!(settings.uplink.unwrap().host, "broker");
        assert_eq!(settings.update.bytes_per_second, 99 * 1024);
        assert_eq!(settings.recovery, Some(report()));
    }

    #[test]
    fn nothing_is_written_outside_the_runtime_folder() {
        let settings = parse(WHOLE).unwrap();
        assert_eq!(settings.data_folder, Path::new("/run/pmu/recovery"));
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let words = parse(text).unwrap_err().to_string();
        assert!(words.contains(expected), "{expected}: {words}");
    }

    #[test]
    fn what_recovery_needs_is_asked_for_with_its_line() {
        check("", "gateway");
        check("[gateway\n", "agent.toml:1");
        check("[gateway]\nid = \"A B\"\n", "gateway.id");
        let uplink = "[gateway]\nid = \"pmu-001\"\n[uplink]\nhost = \"b\"\n";
        check(uplink, "ca-file");
        let update = "[gateway]\nid = \"pmu-001\"\n[update]\nkibibytes-per-second = 1\n";
        check(update, "update.kibibytes-per-second");
    }

    #[test]
    fn the_boot_report_is_found_though_the_rest_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("agent.toml");
        let shipped = Path::new("/run/pmu-boot/report");
        assert_eq!(boot_report_file(&file), shipped);
        std::fs::write(&file, "[gateway\n").unwrap();
        assert_eq!(boot_report_file(&file), shipped);
        std::fs::write(
            &file,
            "gateway = 7\n[update]\nboot-report = \"/x/report\"\n",
        )
        .unwrap();
        assert_eq!(boot_report_file(&file), Path::new("/x/report"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(\\[(gateway|uplink|update)\\]\n|[a-z-]+ = .{0,9}\n|\\PC){0,20}") {
            drop(parse(&text));
        }
    }
}
