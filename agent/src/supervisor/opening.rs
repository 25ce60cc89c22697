//! Opening the store: a file that broke the daemon twice is set aside, and said so.

use crate::adapters::clock::Clock;
use crate::adapters::marker::{Marker, Suspect};
use crate::adapters::service;
use crate::config::Settings;
use crate::state::StateKey;
use crate::tasks::storekeeper::Shelf;
use anyhow::Context;
use metering::{Event, EventCode};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use storage::{FileState, Store, StoreFile, StoreOptions};

/// Crashes in a row while a file was being opened, before it is set aside.
const CRASHES_MAX: u32 = 2;
/// A repair reports at least this often, or the service manager may give it up.
const REPAIR_STEP_WITHIN: Duration = Duration::from_mins(5);

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
    let (mut store, report) = marker
        .sync_scope(|| Store::open(folder, &options))
        .with_context(|| format!("{}: the store cannot be opened", folder.display()))?;
    marker.clear();
    for (file, state) in [
        (StoreFile::Hot, &report.hot),
        (StoreFile::Archive, &report.archive),
    ] {
        if let FileState::SetAside { .. } = state {
            say(
                EventCode::StoreFileSetAside,
                format!("{file} was broken and set aside ({state:?}); a new one was begun"),
            );
        }
    }
    let (kind, id) = StateKey::Boot.key();
    let boot = StateKey::number(store.state(kind, id)?.as_deref()) + 1;
    if report.unclean_stop && boot > 1 {
        say(
            EventCode::UncleanStop,
            "the last run did not stop properly; stored data is being checked".to_owned(),
        );
    }
    say(
        EventCode::GatewayStarted,
        format!("start {boot}, version {}", env!("CARGO_PKG_VERSION")),
    );
    if let Err(error) = store.set_state(kind, id, &boot.to_be_bytes()) {
        // A full disk: read what can be read, and store again as soon as there is room.
        log::error!(error:%; "the store cannot be written; check the disk");
    }
    let shelf = Shelf::new(store, folder.clone(), options);
    Ok(Opened {
        shelf,
        unclean: report.unclean_stop,
        boot,
        events,
    })
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
