//! What the gateway will do: domain types, nothing "maybe set".

use super::commands::CommandSettings;
use super::complaint::{Complaint, Complaints, Notebook};
use super::file::{AgentFile, StoreFile, UplinkFile};
use super::link::LinkSettings;
use super::meter::MeterSettings;
use super::settings_bus::buses;
use super::settings_meter::{Reader, meters};
use super::update::UpdateSettings;
use authority::RoleRights;
use metering::{BusId, GatewayId};
use meters::catalogue::Catalogue;
use ota::BootReport;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;

/// Everything the daemon needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of this gateway.
    pub gateway: GatewayId,
    /// Where the store lives.
    pub data_folder: PathBuf,
    /// Where sockets and markers live; gone after a reboot.
    pub runtime_folder: PathBuf,
    /// The durable store.
    pub store: StoreSettings,
    /// The road to the head-end; without it the gateway only stores.
    pub uplink: Option<UplinkSettings>,
    /// Where the state of the clock is handed in.
    pub clock: ClockSettings,
    /// Updates of the whole system.
    pub update: UpdateSettings,
    /// Commands of the head-end; without it every one is refused.
    pub commands: Option<CommandSettings>,
    /// Which role has which rights.
    pub rights: RoleRights,
    /// The lines.
    pub buses: Vec<BusSettings>,
    /// The meters, in the order of the file.
    pub meters: Vec<MeterSettings>,
    /// The meter models.
    pub catalogue: Arc<Catalogue>,
    /// How this boot came about, if the recovery system runs.
    pub recovery: Option<BootReport>,
}

/// The durable store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// Longest time a reading waits in memory.
    pub commit_every: Duration,
    /// Page cache of both files together.
    pub cache_bytes: usize,
    /// How long load profiles stay.
    pub keep_profile: Duration,
    /// How long instantaneous values stay.
    pub keep_readings: Duration,
    /// How large the outbox may grow.
    pub outbox_bytes: u64,
}

/// The road to the head-end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UplinkSettings {
    /// Broker host name, as in its certificate.
    pub host: String,
    /// Broker port.
    pub port: u16,
    /// Certificates of the authority that signed the broker's.
    pub ca_file: PathBuf,
    /// This gateway's certificate.
    pub certificate_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
    /// Public keys that may sign watermarks.
    pub ingest_keys_file: PathBuf,
    /// MQTT keep-alive.
    pub keep_alive: Duration,
    /// Messages in flight.
    pub window: u16,
    /// Acknowledged by the broker but not by the head-end for this long: send again.
    pub resend_after: Duration,
    /// Longest pause between two attempts to connect.
    pub back_off_max: Duration,
}

/// Where the state of the clock is handed in from outside the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockSettings {
    /// File written by `pmu-clock-state.service`.
    pub state_file: PathBuf,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusSettings {
    /// Its name.
    pub id: BusId,
    /// What it is made of.
    pub link: LinkSettings,
    /// A sample later than this after its mark is flagged.
    pub late_after: Duration,
    /// The longest time that one session with a meter may hold the line.
    pub session_max: Duration,
    /// Meters with sessions are read only when somebody asks.
    pub on_demand: bool,
}

impl Settings {
    /// The same for a gateway that lives as long as one command takes: a collection by schedule
    /// would only be in its way.
    #[must_use]
    pub fn on_demand(mut self) -> Self {
        for bus in &mut self.buses {
            bus.on_demand = true;
        }
        self
    }

    /// Reads the configuration and every meter model it may name.
    pub fn load(path: &Path) -> Result<Self, Complaints> {
        let (name, text) = read(path)?;
        Self::parse(&name, &text)
    }

    /// Reads a configuration from text; `name` is what complaints call it.
    pub fn parse(name: &str, text: &str) -> Result<Self, Complaints> {
        let mut notes = Notebook::new(name, text);
        let file = match toml::from_str::<AgentFile>(text) {
            Ok(file) => file,
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                notes.note(
                    span,
                    "",
                    error.message().to_owned(),
                    "see config/agent.toml, where every key is explained",
                );
                return notes.finish(None);
            }
        };
        // A relative folder lies beside the configuration, wherever the command is typed.
        let beside = Path::new(name).parent().unwrap_or(Path::new(""));
        let folder = beside.join(file.gateway.model_folder.as_ref());
        let catalogue = match Catalogue::load(&folder) {
            Ok(catalogue) => catalogue,
            Err(complaints) => {
                for found in complaints {
                    notes.add(Complaint::from(found));
                }
                return notes.finish(None);
            }
        };
        let settings = Self::from_file(&file, &Arc::new(catalogue), beside, &mut notes);
        notes.finish(settings)
    }

    fn from_file(
        file: &AgentFile,
        catalogue: &Arc<Catalogue>,
        folder: &Path,
        notes: &mut Notebook,
    ) -> Option<Self> {
        let gateway = name(&file.gateway.id, "gateway.id", notes);
        let store = store(&file.store, notes);
        let uplink = file
            .uplink
            .as_ref()
            .map(|uplink| uplink_settings(uplink, notes));
        let update = file.update.settings(notes);
        let commands = file.commands.as_ref();
        let commands = commands.map(|commands| commands.settings(notes));
        let rights = file.people.rights(folder, notes);
        let buses = buses(&file.bus, notes);
        let reader = Reader {
            catalogue,
            buses: &buses,
            folder,
            demonstration: file.gateway.demonstration,
        };
        let meters = meters(file, &reader, notes);
        Some(Self {
            gateway: gateway?,
            data_folder: file.gateway.data_folder.clone(),
            runtime_folder: file.gateway.runtime_folder.clone(),
            store,
            uplink,
            clock: ClockSettings {
                state_file: file.clock.state_file.clone(),
            },
            update,
            commands,
            rights,
            buses,
            meters,
            catalogue: Arc::clone(catalogue),
            recovery: None,
        })
    }

    /// The meters of one line.
    pub fn meters_of<'a>(&'a self, bus: &'a BusId) -> impl Iterator<Item = &'a MeterSettings> {
        self.meters.iter().filter(move |meter| meter.bus == *bus)
    }
}

impl From<meters::catalogue::Complaint> for Complaint {
    fn from(found: meters::catalogue::Complaint) -> Self {
        Self {
            file: found.file,
            line: found.line,
            key: found.key,
            problem: found.problem,
            remedy: found.remedy,
        }
    }
}

/// A name, or a complaint.
pub(super) fn name<T>(text: &Spanned<String>, key: &str, notes: &mut Notebook) -> Option<T>
where
    T: std::str::FromStr<Err = metering::InvalidName>,
{
    text.as_ref()
        .parse()
        .map_err(|error: metering::InvalidName| {
            notes.note(text.span(), key, error.to_string(), "give it such a name");
        })
        .ok()
}

/// What complaints call the file, and its text.
pub(super) fn read(path: &Path) -> Result<(String, String), Complaints> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((name, text)),
        Err(error) => Err(Complaints(vec![Complaint {
            file: name,
            line: 0,
            key: String::new(),
            problem: format!("cannot be read: {error}"),
            remedy: unread(&error).to_owned(),
        }])),
    }
}

/// What to do about a configuration that cannot be read.
fn unread(error: &std::io::Error) -> &'static str {
    if error.kind() == std::io::ErrorKind::NotFound {
        "`pmuctl provision --status` says what a new box still needs; or name the configuration \
         with --config"
    } else {
        "name the configuration with --config"
    }
}

/// A number within its limits; out of them a complaint, and the nearest limit to go on with.
pub(super) fn within<T>(
    value: &Spanned<T>,
    allowed: RangeInclusive<T>,
    key: &str,
    notes: &mut Notebook,
) -> T
where
    T: PartialOrd + Copy + std::fmt::Display,
{
    let found = *value.as_ref();
    if allowed.contains(&found) {
        return found;
    }
    let (low, high) = (*allowed.start(), *allowed.end());
    notes.note(
        value.span(),
        key,
        format!("{found} is out of range"),
        format!("use {low} to {high}"),
    );
    if found < low { low } else { high }
}

fn store(file: &StoreFile, notes: &mut Notebook) -> StoreSettings {
    const DAY: Duration = Duration::from_hours(24);
    let commit = within(
        &file.commit_every_seconds,
        1..=60,
        "store.commit-every-seconds",
        notes,
    );
    let cache = within(
        &file.cache_mebibytes,
        2..=1024,
        "store.cache-mebibytes",
        notes,
    );
    let profile = within(
        &file.keep_profile_days,
        1..=4000,
        "store.keep-profile-days",
        notes,
    );
    let readings = within(
        &file.keep_readings_days,
        0..=4000,
        "store.keep-readings-days",
        notes,
    );
    let outbox = within(
        &file.outbox_mebibytes,
        8..=16_384,
        "store.outbox-mebibytes",
        notes,
    );
    StoreSettings {
        commit_every: Duration::from_secs(u64::from(commit)),
        cache_bytes: usize::try_from(cache).unwrap_or(4) << 20,
        keep_profile: DAY * profile,
        keep_readings: DAY * readings,
        outbox_bytes: u64::from(outbox) << 20,
    }
}

pub(super) fn uplink_settings(file: &UplinkFile, notes: &mut Notebook) -> UplinkSettings {
    if file.host.as_ref().is_empty() {
        let remedy = "write the broker's host name as it stands in its certificate";
        notes.note(file.host.span(), "uplink.host", "is empty", remedy);
    }
    let port = within(&file.port, 1..=u16::MAX, "uplink.port", notes);
    // Below 5 s the MQTT client refuses.
    let keep = within(
        &file.keep_alive_seconds,
        5..=600,
        "uplink.keep-alive-seconds",
        notes,
    );
    let window = within(&file.window, 1..=1000, "uplink.window", notes);
    let resend = within(
        &file.resend_after_seconds,
        1..=86_400,
        "uplink.resend-after-seconds",
        notes,
    );
    let back_off = within(
        &file.back_off_max_seconds,
        1..=3600,
        "uplink.back-off-max-seconds",
        notes,
    );
    UplinkSettings {
        host: file.host.as_ref().clone(),
        port,
        ca_file: file.ca_file.clone(),
        certificate_file: file.certificate_file.clone(),
        key_file: file.key_file.clone(),
        ingest_keys_file: file.ingest_keys_file.clone(),
        keep_alive: Duration::from_secs(u64::from(keep)),
        window,
        resend_after: Duration::from_secs(u64::from(resend)),
        back_off_max: Duration::from_secs(u64::from(back_off)),
    }
}
