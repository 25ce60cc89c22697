//! Opening the store: a file that broke the daemon twice is set aside, and said so.

use crate::adapters::clock::Clock;
use crate::adapters::marker::{Marker, Suspect};
use crate::adapters::service;
use crate::config::Settings;
use crate::state::StateKey;
use crate::tasks::storekeeper::{Shelf, broken_words, gives};
use anyhow::Context;
use metering::{Event, EventCode};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use storage::{Need, OpenReport, Reserve, Store, StoreError, StoreFile, StoreOptions};

/// Crashes in a row while a file was being opened, before it is set aside.
const CRASHES_MAX: u32 = 2;
/// A repair reports at least this often, or the service manager may give it up.
const REPAIR_STEP_WITHIN: Duration = Duration::from_mins(5);

const RESERVE_SPENT: &str =
    "the disk was full at the start: the store was opened with room that was kept back; make room";
const NOTHING_LEFT: &str =
    "the disk is full: meters are read, but nothing can be stored; make room";

/// An open store, and what must be said about it.
pub(super) struct Opened {
    pub(super) shelf: Shelf,
    pub(super) unclean: bool,
    pub(super) boot: u64,
    pub(super) events: Vec<Event>,
}

pub(super) fn open(settings: &Settings, clock: &Clock) -> anyhow::Result<Opened> {
    let folder = &settings.data_folder;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: the data folder cannot be made", folder.display()))?;
    let (marker, suspect) = Marker::open(&settings.runtime_folder, "store").with_context(|| {
        format!(
            "{}: the runtime folder cannot be used",
            settings.runtime_folder.display()
        )
    })?;
    let mut events = Vec::new();
    let at = clock.now().utc;
    let mut say = |code, detail: String| {
        events.push(Event {
            at,
            code,
            meter: None,
            detail,
        });
    };

    if let Some(suspect) = suspect.filter(|found| found.times >= CRASHES_MAX)
        && let Some(detail) = set_aside(folder, &suspect)?
    {
        say(EventCode::StoreFileSetAside, detail);
    }
    marker.set("opening");
    let options = options(settings)?;
    let reserve = Reserve::new(folder);
    let found = marker
        .sync_scope(|| open_numbered(folder, &options, &reserve))
        .with_context(|| format!("{}: the store cannot be opened", folder.display()))?;
    marker.clear();
    for words in broken_words(&found.report) {
        say(EventCode::StoreFileSetAside, words);
    }
    if let Some(words) = found.full {
        say(EventCode::DiskNearlyFull, words.to_owned());
    }
    let (unclean, boot) = (found.report.unclean_stop, found.boot);
    if unclean && boot > 1 {
        say(
            EventCode::UncleanStop,
            "the last run did not stop properly; stored data is being checked".to_owned(),
        );
    }
    say(
        EventCode::GatewayStarted,
        format!("start {boot}, version {}", env!("CARGO_PKG_VERSION")),
    );
    let shelf = Shelf::new(found.store, folder.clone(), options, reserve);
    Ok(Opened {
        shelf,
        unclean,
        boot,
        events,
    })
}

/// A store that was opened, and numbered this start if it could.
struct Found {
    store: Store,
    report: OpenReport,
    boot: u64,
    /// What is to be said of a full disk.
    full: Option<&'static str>,
}

/// Opens the store and counts this start. On a full disk the reserve is spent for that; without
/// one the store is opened all the same, so that what is stored can be read and sent.
fn open_numbered(
    folder: &Path,
    options: &StoreOptions,
    reserve: &Reserve,
) -> Result<Found, StoreError> {
    let (kind, id) = StateKey::Boot.key();
    let spends = |error: &StoreError| error.is_disk_full() && gives(Some(reserve), Need::Start);
    let (mut first, mut full, mut counts) = (None, None, true);
    loop {
        let (mut store, report) = match Store::open(folder, options) {
            Ok(opened) => opened,
            Err(error) if spends(&error) => {
                full = Some(RESERVE_SPENT);
                continue;
            }
            Err(error) => return Err(error),
        };
        // Only the first opening finds what the last run left.
        let report = first.get_or_insert(report).clone();
        let boot = StateKey::number(store.state(kind, id)?.as_deref()) + 1;
        let counted = if counts {
            store.set_state(kind, id, &boot.to_be_bytes())
        } else {
            Ok(())
        };
        match counted {
            Ok(()) => {
                return Ok(Found {
                    store,
                    report,
                    boot,
                    full,
                });
            }
            Err(error) if spends(&error) => full = Some(RESERVE_SPENT),
            Err(error) => {
                // Opened once more, because a failed write ends it.
                log::error!(error:%; "the store cannot be written; check the disk");
                full = error.is_disk_full().then_some(NOTHING_LEFT).or(full);
                counts = false;
            }
        }
    }
}

/// Puts a file out of the way that brought the daemon down. The archive goes first: it can be
/// read again from the meters. The hot file goes only when that did not help.
fn set_aside(folder: &Path, suspect: &Suspect) -> anyhow::Result<Option<String>> {
    let times = suspect.times;
    let file = if times == CRASHES_MAX {
        StoreFile::Archive
    } else {
        StoreFile::Hot
    };
    let name = storage::set_aside(folder, file)
        .with_context(|| format!("{file} is broken and cannot be set aside"))?;
    Ok(name.map(|name| {
        format!(
            "the daemon crashed {times} times while opening the store; {file} was set aside as \
             {name} and a new one begun"
        )
    }))
}

fn options(settings: &Settings) -> anyhow::Result<StoreOptions> {
    let mut epoch = [0_u8; 8];
    getrandom::fill(&mut epoch).context("the kernel gives no random bytes")?;
    let mut options = StoreOptions::new(epoch);
    options.hot_cache_bytes = settings.store.cache_bytes * 2 / 5;
    options.archive_cache_bytes = settings.store.cache_bytes * 3 / 5;
    options.on_repair = Some(Arc::new(|file, percent| {
        log::warn!(percent; "repairing {file} after an unclean stop: {percent} %");
        service::need_time(REPAIR_STEP_WITHIN);
    }));
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One start and one end of the gateway `pmu-014` with this data folder.
    fn epoch(folder: &Path) -> [u8; 8] {
        let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/meter-models");
        let text = format!("[gateway]\nid = \"pmu-014\"\nmodel-folder = \"{models}\"\n");
        let settings = Settings::parse("agent.toml", &text).unwrap();
        let options = options(&settings).unwrap();
        let found = open_numbered(folder, &options, &Reserve::new(folder)).unwrap();
        let epoch = found.store.epoch();
        found.store.close().unwrap();
        epoch
    }

    #[test]
    fn a_replacement_box_of_the_same_name_is_a_new_epoch_and_a_restart_is_not() {
        let [old, new] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let first = epoch(old.path());
        assert_eq!(epoch(old.path()), first);
        assert_ne!(epoch(new.path()), first);
    }
}
