//! Lists as the store keeps them.

use super::record::{RunRecord, list_name, row_name, run_name};
use crate::tasks::storekeeper::StoreHandle;
use jiff::tz::TimeZone;
use metering::Timestamp;
use schemes::list::{EndCause, Hours, MeterList, Run, Task, TaskState};

/// One list, who put it, and how far its run is.
pub(super) struct Kept {
    pub(super) list: MeterList,
    pub(super) zone: TimeZone,
    /// The row of the command that put it.
    pub(super) row: Vec<u8>,
    pub(super) record: RunRecord,
    /// The end of its run was told.
    pub(super) is_told: bool,
}

impl Kept {
    pub(super) fn is_running(&self) -> bool {
        self.record.run.as_ref().is_some_and(|run| !run.is_over())
    }

    /// Meters that are being spoken to.
    pub(super) fn running(&self) -> impl Iterator<Item = (usize, &Task)> {
        let tasks = self.record.run.iter().flat_map(Run::tasks);
        let is_running = |task: &Task| matches!(task.state, TaskState::Running { .. });
        tasks.enumerate().filter(move |(_, task)| is_running(task))
    }

    /// Ends the run before its next meter.
    pub(super) fn end(&mut self, cause: EndCause, now: Timestamp) {
        if let Some(run) = &mut self.record.run {
            run.end(cause, now);
        }
    }

    /// Does something with the run and the hours that hold for it.
    pub(super) fn with_run<T>(&mut self, act: impl FnOnce(&mut Run, Hours<'_>) -> T) -> Option<T> {
        let hours = Hours::new(&self.list, &self.zone);
        let run = self.record.run.as_mut()?;
        Some(act(run, hours))
    }
}

/// All lists; what does not read is said and left alone.
pub(super) async fn load(store: &StoreHandle) -> Vec<Kept> {
    let names = match store.remembered_names(&list_name("")).await {
        Ok(names) => names,
        Err(error) => {
            log::error!(error:%; "the meter lists cannot be read; none of them runs");
            return Vec::new();
        }
    };
    let mut lists = Vec::new();
    for (name, _) in names {
        let name = name.trim_start_matches(&list_name("")).to_owned();
        lists.extend(one(store, &name).await);
    }
    lists
}

/// One list, if it is there.
pub(super) async fn one(store: &StoreHandle, name: &str) -> Option<Kept> {
    let bytes = async |name: String| match store.recall(&name).await {
        Ok(kept) => kept.map(|kept| kept.bytes),
        Err(error) => {
            log::error!(error:%; "{name} cannot be read");
            None
        }
    };
    let text = bytes(list_name(name)).await?;
    let row = bytes(row_name(name)).await?;
    let record = bytes(run_name(name)).await;
    let list = match MeterList::parse(name, &String::from_utf8_lossy(&text)) {
        Ok(list) => list,
        Err(complaints) => {
            log::error!("list {name} does not read any more and does not run: {complaints}");
            return None;
        }
    };
    let zone = list.schedule.as_ref().map(|schedule| &schedule.zone);
    let zone = match zone.map_or(Ok(TimeZone::UTC), |zone| TimeZone::get(zone)) {
        Ok(zone) => zone,
        Err(error) => {
            log::error!(error:%; "the zone of list {name} is not known here; the list does not run");
            return None;
        }
    };
    let record = record.and_then(|bytes| RunRecord::decode(&bytes));
    let mut record = record.unwrap_or(RunRecord::new());
    let fingerprint = list.fingerprint();
    // A run does not go on with another list of the same name.
    record.run = record.run.filter(|run| *run.fingerprint() == fingerprint);
    let is_told = record.run.as_ref().is_none_or(Run::is_over);
    Some(Kept {
        list,
        zone,
        row,
        record,
        is_told,
    })
}
