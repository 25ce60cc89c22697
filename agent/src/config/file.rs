//! The file as a person writes it. Unknown keys are refused; every value remembers its line.

use super::commands::CommandsFile;
use super::people::PeopleFile;
use super::update::UpdateFile;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::path::PathBuf;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AgentFile {
    pub(crate) gateway: GatewayFile,
    #[serde(default)]
    pub(crate) store: StoreFile,
    pub(crate) uplink: Option<UplinkFile>,
    #[serde(default)]
    pub(crate) clock: ClockFile,
    #[serde(default)]
    pub(crate) update: UpdateFile,
    pub(crate) commands: Option<CommandsFile>,
    #[serde(default)]
    pub(crate) people: PeopleFile,
    #[serde(default)]
    pub(crate) bus: Vec<BusFile>,
    #[serde(default)]
    pub(crate) meter: Vec<MeterFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct GatewayFile {
    pub(crate) id: Spanned<String>,
    #[serde(default = "data_folder")]
    pub(crate) data_folder: PathBuf,
    #[serde(default = "runtime_folder")]
    pub(crate) runtime_folder: PathBuf,
    #[serde(default = "model_folder")]
    pub(crate) model_folder: Spanned<PathBuf>,
    /// Allows load-profile periods below a minute, for demonstrations and tests.
    #[serde(default)]
    pub(crate) demonstration: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct StoreFile {
    pub(crate) commit_every_seconds: Spanned<u32>,
    pub(crate) cache_mebibytes: Spanned<u32>,
    pub(crate) keep_profile_days: Spanned<u32>,
    pub(crate) keep_readings_days: Spanned<u32>,
    pub(crate) outbox_mebibytes: Spanned<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct UplinkFile {
    pub(crate) host: Spanned<String>,
    #[serde(default = "mqtt_port")]
    pub(crate) port: Spanned<u16>,
    pub(crate) ca_file: PathBuf,
    pub(crate) certificate_file: PathBuf,
    pub(crate) key_file: PathBuf,
    pub(crate) ingest_keys_file: PathBuf,
    #[serde(default = "keep_alive")]
    pub(crate) keep_alive_seconds: Spanned<u16>,
    #[serde(default = "window")]
    pub(crate) window: Spanned<u16>,
    #[serde(default = "retry_after")]
    pub(crate) resend_after_seconds: Spanned<u32>,
    #[serde(default = "back_off_max")]
    pub(crate) back_off_max_seconds: Spanned<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct ClockFile {
    pub(crate) state_file: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct BusFile {
    pub(crate) id: Spanned<String>,
    pub(crate) link: Spanned<String>,
    pub(crate) device: Option<Spanned<PathBuf>>,
    pub(crate) address: Option<Spanned<String>>,
    pub(crate) baud: Option<Spanned<u32>>,
    pub(crate) parity: Option<Spanned<String>>,
    pub(crate) stop_bits: Option<Spanned<u8>>,
    pub(crate) data_bits: Option<Spanned<u8>>,
    pub(crate) framing: Option<Spanned<String>>,
    pub(crate) rs485: Option<Spanned<String>>,
    pub(crate) dtr: Option<Spanned<String>>,
    pub(crate) rts: Option<Spanned<String>>,
    pub(crate) init: Option<Spanned<Lines>>,
    pub(crate) dialling: Option<Spanned<String>>,
    pub(crate) hang_up: Option<Spanned<String>>,
    pub(crate) retries: Option<Spanned<u8>>,
    pub(crate) retry_after_seconds: Option<Spanned<u32>>,
    pub(crate) answer_within_seconds: Option<Spanned<u32>>,
    pub(crate) call_minutes_max: Option<Spanned<u32>>,
    pub(crate) pad: Option<Spanned<PadFile>>,
    pub(crate) session_seconds_max: Option<Spanned<u32>>,
    #[serde(default = "late_after")]
    pub(crate) late_after_seconds: Spanned<u32>,
}

/// One line, or a list of lines. A message about a list that is none would show what stands there,
/// and that may be the PIN of a SIM card.
#[derive(Debug)]
pub(crate) struct Lines(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for Lines {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Lines;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a line, or a list of lines")
            }

            fn visit_str<E>(self, line: &str) -> Result<Lines, E> {
                Ok(Lines(vec![line.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut lines: A) -> Result<Lines, A::Error> {
                let mut found = Vec::new();
                while let Some(line) = lines.next_element()? {
                    found.push(line);
                }
                Ok(Lines(found))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// How a PAD is spoken to. What is not written is as ITU-T X.28 has it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PadFile {
    pub(crate) prompt: Option<Spanned<String>>,
    pub(crate) setup: Option<Spanned<Lines>>,
    pub(crate) call: Option<Spanned<String>>,
    pub(crate) connected: Option<Spanned<String>>,
    pub(crate) recall: Option<Spanned<String>>,
    pub(crate) clear: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MeterFile {
    pub(crate) id: Spanned<String>,
    pub(crate) bus: Spanned<String>,
    pub(crate) model: Spanned<String>,
    pub(crate) unit: Option<Spanned<u8>>,
    pub(crate) address: Option<Spanned<String>>,
    pub(crate) number: Option<Spanned<String>>,
    pub(crate) serial: Option<String>,
    pub(crate) max_power_kw: Option<Spanned<u32>>,
    pub(crate) profile: Option<Spanned<ProfileFile>>,
    pub(crate) instant: Option<InstantFile>,
    pub(crate) access: Option<Spanned<AccessFile>>,
    pub(crate) clock: Option<Spanned<MeterClockFile>>,
    pub(crate) collect: Option<Spanned<CollectFile>>,
    pub(crate) line: Option<Spanned<FlagLineFile>>,
    pub(crate) dlms: Option<Spanned<DlmsFile>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct DlmsFile {
    pub(crate) association: Option<Spanned<String>>,
    pub(crate) client: Option<Spanned<u16>>,
    pub(crate) lower_address: Option<Spanned<u16>>,
    pub(crate) sign_on: Option<Spanned<String>>,
    pub(crate) sign_on_address: Option<Spanned<String>>,
    pub(crate) suite: Option<Spanned<u8>>,
    pub(crate) password_file: Option<Spanned<PathBuf>>,
    #[serde(default)]
    pub(crate) wrapper: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AccessFile {
    pub(crate) level: Option<Spanned<u8>>,
    pub(crate) password_file: Option<Spanned<PathBuf>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MeterClockFile {
    pub(crate) basis: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) adjust: bool,
    #[serde(default)]
    pub(crate) adjust_unproven: bool,
    pub(crate) tolerance_seconds: Option<Spanned<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CollectFile {
    pub(crate) every_seconds: Option<Spanned<u32>>,
    pub(crate) days_max: Option<Spanned<u16>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FlagLineFile {
    pub(crate) baud: Option<Spanned<u32>>,
    pub(crate) data_bits: Option<Spanned<u8>>,
    pub(crate) parity: Option<Spanned<String>>,
    pub(crate) stop_bits: Option<Spanned<u8>>,
    pub(crate) changes_speed: Option<Spanned<bool>>,
    pub(crate) parity_by: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ProfileFile {
    pub(crate) period_seconds: Spanned<u32>,
    pub(crate) totals: Option<Vec<Spanned<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct InstantFile {
    pub(crate) every_seconds: Spanned<u32>,
    pub(crate) values: Option<Vec<Spanned<String>>>,
}

impl Default for StoreFile {
    fn default() -> Self {
        Self {
            commit_every_seconds: shipped(10),
            cache_mebibytes: shipped(4),
            keep_profile_days: shipped(900),
            keep_readings_days: shipped(30),
            outbox_mebibytes: shipped(256),
        }
    }
}

impl Default for ClockFile {
    fn default() -> Self {
        Self {
            state_file: "/run/pmu-clock/state".into(),
        }
    }
}

/// A value that stands in no file.
fn shipped<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}

fn data_folder() -> PathBuf {
    "/var/lib/pmu".into()
}

pub(super) fn runtime_folder() -> PathBuf {
    "/run/pmu".into()
}

fn model_folder() -> Spanned<PathBuf> {
    shipped("meter-models".into())
}

pub(super) fn mqtt_port() -> Spanned<u16> {
    shipped(8883)
}

pub(super) fn keep_alive() -> Spanned<u16> {
    shipped(30)
}

fn window() -> Spanned<u16> {
    shipped(100)
}

fn retry_after() -> Spanned<u32> {
    shipped(900)
}

pub(super) fn back_off_max() -> Spanned<u32> {
    shipped(300)
}

fn late_after() -> Spanned<u32> {
    shipped(2)
}
