//! The drift watch: once a night each meter is compared with what it was last programmed with. What
//! somebody else has changed is told once, until it changes again or is put right.
//!
//! It only looks: there is no way from here to a write. One meter at a time, between polls.

use crate::adapters::clock::Clock;
use crate::health::Pulse;
use crate::jobs::Jobs;
use crate::limits::{DRIFT_JITTER_S, DRIFT_LOOK_WITHIN};
use crate::tasks::bus::program::{LookAsk, ProgramAnswer, ProgramTrouble};
use crate::tasks::bus::{BusHandle, BusRequest};
use crate::tasks::command_desk::{STANDINGS, Standing};
use crate::tasks::storekeeper::{Beside, StoreGone, StoreHandle};
use desk::{EventCounter, JobState, Outcome, Part, Work};
use jiff::tz::TimeZone;
use metering::scheme::TimeOfDay;
use metering::{Event, EventCode, GatewayId, MeterId, Timestamp};
use meters::program::{ProgramReport, StepState};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use storage::Remembered;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

/// How often it looks whether it is time, and shows signs of life.
const TICK: Duration = Duration::from_secs(10);
/// Right after a start meters have more important things to say.
const QUIET: Duration = Duration::from_mins(15);
/// When the last round was due that came to its end.
const LAST: &str = "drift-watch";
/// Names of changed fields in one event, and entries of the meter's own log.
const NAMED_MAX: usize = 8;
const LOGGED_MAX: usize = 3;

/// What the task is made of.
pub struct DriftWatch {
    /// Name of this gateway; each begins at another minute.
    pub gateway: GatewayId,
    /// Local time of the round.
    pub at: TimeOfDay,
    /// The gateway's zone.
    pub zone: TimeZone,
    /// The store.
    pub store: StoreHandle,
    /// The lines.
    pub buses: Vec<BusHandle>,
    /// Work at meters.
    pub jobs: Jobs,
    /// Both clocks.
    pub clock: Clock,
    /// When to stop.
    pub shutdown: CancellationToken,
    /// Signs of life.
    pub pulse: Pulse,
}

enum Wake {
    Shutdown,
    Tick,
}

impl DriftWatch {
    /// Watches until shutdown.
    pub async fn run(self) {
        let began = Instant::now();
        let mut due = self.first_due().await;
        loop {
            match self.wait().await {
                Wake::Shutdown => return,
                Wake::Tick => self.pulse.beat(),
            }
            let now = self.clock.now().utc;
            if now < due || began.elapsed() < QUIET {
                continue;
            }
            if !self.round().await {
                return;
            }
            self.note_round(due).await;
            due = self.next_due(now.max(due));
        }
    }

    async fn wait(&self) -> Wake {
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => Wake::Shutdown,
            () = sleep(TICK) => Wake::Tick,
        }
    }

    /// A night that was missed is made up for.
    async fn first_due(&self) -> Timestamp {
        let now = self.clock.now().utc;
        let last = match self.store.recall(LAST).await {
            Ok(last) => last.map(|last| Timestamp::from_millis(last.version)),
            Err(error) => {
                log::warn!(error:%; "when meters were last compared is not known");
                None
            }
        };
        if let Some(last) = last.filter(|last| *last <= now) {
            return self.next_due(last);
        }
        self.note_round(now).await;
        self.next_due(now)
    }

    fn next_due(&self, after: Timestamp) -> Timestamp {
        let jitter = jitter(&self.gateway);
        next_due(after, self.at, &self.zone, jitter)
            .unwrap_or(after.after(Duration::from_hours(24)))
    }

    async fn note_round(&self, due: Timestamp) {
        let last = Remembered {
            version: due.millis(),
            bytes: Vec::new(),
        };
        let values = vec![(LAST.to_owned(), Some(last))];
        let beside = Beside {
            records: Vec::new(),
            values,
        };
        if let Err(error) = self.store.remember(beside).await {
            log::error!(error:%; "when meters were last compared cannot be kept");
        }
    }

    /// All meters, one after the other; `false` where the gateway stops.
    async fn round(&self) -> bool {
        let names = match self.store.remembered_names(STANDINGS).await {
            Ok(names) => names,
            Err(error) => {
                log::error!(error:%; "what meters were programmed with cannot be read");
                return !self.shutdown.is_cancelled();
            }
        };
        for (name, _) in names {
            self.pulse.beat();
            let meter = name.strip_prefix(STANDINGS).map(str::parse::<MeterId>);
            let Some(Ok(meter)) = meter else { continue };
            if let Err(error) = self.compare(&meter).await {
                log::error!(error:%, meter:%; "how it stands to its scheme cannot be kept");
            }
            if self.shutdown.is_cancelled() {
                return false;
            }
        }
        true
    }

    /// A meter that cannot be had is left for the next night.
    async fn compare(&self, meter: &MeterId) -> Result<(), StoreGone> {
        let Some(bus) = self.bus_of(meter) else {
            return Ok(());
        };
        if self.is_being_programmed(meter).await? {
            return Ok(());
        }
        let Some(kept) = self.store.recall(&Standing::name(meter)).await? else {
            return Ok(());
        };
        let Some(mut standing) = Standing::decode(&kept) else {
            log::warn!(meter:%; "it was programmed by another version; program it again to watch it");
            return Ok(());
        };
        let report = match self.look(bus, meter, &standing).await {
            Ok(report) => report,
            Err(trouble) => {
                log::info!(meter:%; "not compared with its scheme tonight: {trouble}");
                return Ok(());
            }
        };
        let before = standing.clone();
        let changed = changed(&report);
        let event = if changed.is_empty() {
            standing.programmings = report.proof.counter_after.or(standing.programmings);
            standing.told.take().map(|_| self.ended(meter, &standing))
        } else {
            let found = report.proof.after.to_string();
            let is_news = standing.told.as_ref() != Some(&found);
            standing.told = Some(found);
            if is_news {
                Some(self.drifted(bus, meter, &standing, &report).await)
            } else {
                None
            }
        };
        if standing == before {
            return Ok(());
        }
        // A command may have programmed it meanwhile: then it is not ours to say how it stands.
        if self.store.recall(&Standing::name(meter)).await? != Some(kept) {
            return Ok(());
        }
        let values = vec![(Standing::name(meter), Some(standing.encode()))];
        if let Some(event) = event {
            return self.store.event_beside(event, values).await;
        }
        let records = Vec::new();
        self.store.remember(Beside { records, values }).await
    }

    /// While a command is not whole, the meter holds what nobody wants to keep.
    async fn is_being_programmed(&self, meter: &MeterId) -> Result<bool, StoreGone> {
        let names = self.store.remembered_names("program/").await?;
        let end = format!("/{meter}");
        Ok(names.iter().any(|(name, _)| name.ends_with(&end)))
    }

    async fn look(
        &self,
        bus: &BusHandle,
        meter: &MeterId,
        standing: &Standing,
    ) -> Result<ProgramReport, ProgramTrouble> {
        let ask = LookAsk::Stand(Arc::new(standing.record.clone()));
        match self.patiently(bus.look(meter, ask)).await {
            Some(Ok(ProgramAnswer::Stands(report))) => Ok(*report),
            Some(Err(trouble)) => Err(trouble),
            Some(Ok(_)) | None => Err(ProgramTrouble::Dropped),
        }
    }

    /// Waits for a line that has other things to do; nothing if that takes too long.
    async fn patiently<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        let mut answer = std::pin::pin!(answer);
        let until = Instant::now() + DRIFT_LOOK_WITHIN;
        while Instant::now() < until && !self.shutdown.is_cancelled() {
            if let Ok(answer) = timeout_at(Instant::now() + TICK, answer.as_mut()).await {
                return Some(answer);
            }
            self.pulse.beat();
        }
        None
    }

    async fn drifted(
        &self,
        bus: &BusHandle,
        meter: &MeterId,
        standing: &Standing,
        report: &ProgramReport,
    ) -> Event {
        let mut words = format!(
            "differs from {}; changed: {}",
            programmed(standing),
            named(&changed(report))
        );
        if let Some(now) = report.proof.counter_after {
            let before = standing.programmings;
            let before = before.map_or_else(String::new, |before| format!("{before}, now "));
            words.push_str("; its counter of programmings: ");
            words.push_str(&before);
            words.push_str(&now.to_string());
        }
        for line in self.own_log(bus, meter).await {
            words.push_str("; ");
            words.push_str(&line);
        }
        words.push_str("; read it with scheme.read, put it right with scheme.program");
        self.event(meter, EventCode::MeterDrifted, words)
    }

    fn ended(&self, meter: &MeterId, standing: &Standing) -> Event {
        let words = format!("holds {} again", programmed(standing));
        self.event(meter, EventCode::MeterDriftEnded, words)
    }

    fn event(&self, meter: &MeterId, code: EventCode, detail: String) -> Event {
        Event {
            at: self.clock.now().utc,
            code,
            meter: Some(meter.clone()),
            detail,
        }
    }

    /// Who did it, as far as the meter tells. Meters of DLMS tell it in their logs, which are read with
    /// their load profiles: that is brought forward.
    async fn own_log(&self, bus: &BusHandle, meter: &MeterId) -> Vec<String> {
        let view = {
            let view = bus.view.borrow();
            let mut meters = view.meters.iter();
            meters.find(|view| view.meter == *meter).cloned()
        };
        let Some(view) = view.filter(|view| view.sessions.is_some()) else {
            return Vec::new();
        };
        let name = meter.to_string();
        let what = if view.address.is_some() {
            Work::Read {
                meter: name,
                part: Part::Events,
            }
        } else {
            Work::Poll { meter: name }
        };
        let Ok(ticket) = self.jobs.open(format!("log of {meter}, which has drifted")) else {
            return Vec::new();
        };
        let number = ticket.number();
        if bus.request(BusRequest::Work { ticket, what }).is_err() {
            return Vec::new();
        }
        let Some(Ok(job)) = self.patiently(self.jobs.end_of(number)).await else {
            return Vec::new();
        };
        match job.state {
            JobState::Done(outcome) => match *outcome {
                Outcome::Events(found) => logged(&found.counters),
                _ => vec!["its log is among the events of today".to_owned()],
            },
            _ => vec!["its log could not be read".to_owned()],
        }
    }

    fn bus_of(&self, meter: &MeterId) -> Option<&BusHandle> {
        self.buses.iter().find(|bus| {
            let view = bus.view.borrow();
            view.meters.iter().any(|view| view.meter == *meter)
        })
    }
}

fn programmed(standing: &Standing) -> String {
    format!(
        "scheme {} version {}, which command {} wrote",
        standing.scheme, standing.version, standing.command
    )
}

fn changed(report: &ProgramReport) -> Vec<&str> {
    report.named(&[StepState::Old, StepState::Between, StepState::Foreign])
}

fn named(names: &[&str]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMED_MAX).copied().collect();
    let mut words = shown.join(", ");
    if names.len() > NAMED_MAX {
        words.push_str(" and ");
        words.push_str(&(names.len() - NAMED_MAX).to_string());
        words.push_str(" more");
    }
    words
}

/// What a meter says of its programmings.
fn logged(counters: &[EventCounter]) -> Vec<String> {
    let programmings = counters
        .iter()
        .filter(|one| one.name.to_lowercase().contains("programming"));
    let lines = programmings.map(|one| {
        let newest: Vec<&str> = one
            .newest
            .iter()
            .take(LOGGED_MAX)
            .map(String::as_str)
            .collect();
        format!(
            "its log: {}, {} times: {}",
            one.name,
            one.count,
            newest.join(", ")
        )
    });
    lines.collect()
}

/// Whole seconds by which a gateway begins later than its setting says.
fn jitter(gateway: &GatewayId) -> Duration {
    let sum = Sha256::digest(gateway.as_str().as_bytes());
    let first = sum.first_chunk::<4>().copied().unwrap_or_default();
    Duration::from_secs(u64::from(u32::from_be_bytes(first) % DRIFT_JITTER_S))
}

/// The next such time of a zone's clock behind a time, so much later.
fn next_due(
    after: Timestamp,
    at: TimeOfDay,
    zone: &TimeZone,
    later: Duration,
) -> Option<Timestamp> {
    let millis = i64::try_from(after.millis()).ok()?;
    let day = jiff::Timestamp::from_millisecond(millis).ok()?;
    let mut date = day.to_zoned(zone.clone()).date().yesterday().ok()?;
    let (hour, minute) = (at.minutes() / 60, at.minutes() % 60);
    for _ in 0..4 {
        let time = date.at(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0);
        let found = zone.to_ambiguous_zoned(time).compatible().ok()?;
        let found = u64::try_from(found.timestamp().as_millisecond()).ok()?;
        let found = Timestamp::from_millis(found).after(later);
        if found > after {
            return Some(found);
        }
        date = date.tomorrow().ok()?;
    }
    None
}

#[cfg(test)]
mod tests;
