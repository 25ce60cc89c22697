//! The front desk: answers what people ask, from what the tasks show of themselves.

mod audit;
mod keys;
mod orders;
mod people;
mod permitted;
mod recovery;
mod set_aside;
mod work;

pub use people::PeopleRoom;
pub use permitted::{Asker, Permitted, needed};

use crate::adapters::clock::Clock;
use crate::adapters::disk;
use crate::alarms::Alarms;
use crate::hex::hex;
use crate::jobs::Jobs;
use crate::limits::TRACE_FILE_BYTES_MAX;
use crate::metrics;
use crate::tasks::bus::{BusHandle, BusRequest, MeterView};
use crate::tasks::command_desk::DeskHandle;
use crate::tasks::heartbeat::quality_word;
use crate::tasks::keykeeper::KeyHandle;
use crate::tasks::storekeeper::{Look, Record, StoreGone, StoreHandle};
use crate::tasks::updater::UpdaterHandle;
use crate::tasks::uplink::UplinkView;
use desk::{
    Answer, BusStatus, Caller, FileStats, GatewayDesk, MeterStatus, OutboxStatus, ProfileRow,
    Refusal, Request, Status, StoreStats, TraceSwitch, UplinkStatus, VerifyResult,
};
use metering::{ChannelKind, GatewayId, MeterId, Obis, Timestamp, decimal_text};
use std::path::PathBuf;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

/// Load profile 1: the one that the gateway makes, or that the meter keeps.
pub const GATEWAY_PROFILE: Obis = Obis::new([1, 0, 99, 1, 0, 255]);
/// Intervals of a meter's own load profile 1 that were read again and differ from what was stored.
pub const CONFLICT_PROFILE: Obis = Obis::new([1, 0, 99, 1, 0, 1]);

/// Everything a question may need.
pub struct Front {
    /// Name of this gateway.
    pub gateway: GatewayId,
    /// Both clocks.
    pub clock: Clock,
    /// When the daemon started.
    pub started: Instant,
    /// Where the store lies.
    pub data_folder: PathBuf,
    /// The store.
    pub store: StoreHandle,
    /// The keys of meters.
    pub keys: KeyHandle,
    /// The lines.
    pub buses: Vec<BusHandle>,
    /// The road to the head-end.
    pub uplink: Option<watch::Receiver<UplinkView>>,
    /// What a person should act on.
    pub alarms: Alarms,
    /// Work that people started.
    pub jobs: Jobs,
    /// Orders, and what the gateway signs; none in recovery.
    pub command_desk: Option<DeskHandle>,
    /// People with an account.
    pub people: PeopleRoom,
    /// Updates of the whole system.
    pub updater: UpdaterHandle,
    /// The file of the configuration.
    pub configuration: PathBuf,
    /// Whether the recovery system runs.
    pub is_recovery: bool,
}

impl GatewayDesk for Front {
    async fn ask(&self, caller: Caller, request: Request) -> Result<Answer, Refusal> {
        if self.is_recovery
            && let Some(refused) = recovery::refused(&request)
        {
            return Err(refused);
        }
        let (signed, request) = match request {
            Request::As(asked) => {
                let second = asked.second.as_ref();
                let signed = self.people.recognise(&asked.session, second).await?;
                (Some(signed), *asked.request)
            }
            other => (None, other),
        };
        let asker = Asker {
            caller,
            own_uid: rustix::process::geteuid().as_raw(),
            person: signed.as_ref().map(|signed| &signed.first),
        };
        let permitted = match Permitted::check(asker, self.people.rights(), &request) {
            Ok(permitted) => permitted,
            Err(refused) => {
                self.people.note_refused(&asker.name(), &refused).await;
                return Err(refused);
            }
        };
        if request != Request::Status {
            // Right after the start a bus would be asked for meters that it does not know yet.
            for bus in &self.buses {
                bus.begun().await;
            }
        }
        match request {
            Request::Status => Ok(Answer::Status(Box::new(self.status()))),
            Request::Meters => Ok(Answer::Meters(self.meters())),
            Request::ReadMeter { meter } => self.read(&meter).await,
            Request::AcceptMeter { meter } => self.accept(&permitted, &meter).await,
            Request::Profile {
                meter,
                from,
                to,
                profile,
            } => self.profile(&meter, (from, to), profile.as_deref()).await,
            Request::StoreStats => self.store_stats().await,
            Request::StoreVerify => self.verify().await,
            Request::Audit { from, count } => self.audit_piece(from, count).await,
            Request::SetAside => self.set_aside().await,
            Request::Release { stream, number } => self.release(&permitted, &stream, number).await,
            Request::Trace { bus, switch } => self.trace(&permitted, &bus, switch).await,
            Request::Start { what } => self.start(&permitted, what).await,
            Request::Job { number } => Ok(Answer::Job(Box::new(self.jobs.job(number)?))),
            Request::Jobs => Ok(Answer::Jobs(self.jobs.all())),
            Request::Cancel { number } => self.cancel(&permitted, number).await,
            Request::Keys { wish } => self.ask_keys(&permitted, wish).await,
            Request::Update { wish } => self.updater.ask(&permitted, wish).await,
            Request::People { wish } => self.ask_people(&permitted, signed.as_ref(), wish).await,
            Request::Order { command } => self.take_order(signed.as_ref(), &command).await,
            Request::Command { id } => self.order_standing(&id).await,
            Request::Commands => self.newest_orders().await,
            Request::As(_) => Err(people::sign_in_first()),
            Request::Configuration => {
                let file = self.configuration.display().to_string();
                Ok(Answer::Configuration(file))
            }
        }
    }
}

impl Front {
    /// OpenMetrics text.
    pub async fn metrics(&self) -> String {
        let stats = self.store.ask(Look::Stats).await.ok();
        let seen = metrics::Seen {
            up_s: self.started.elapsed().as_secs(),
            rss_bytes: rss_bytes(),
            now: self.clock.now(),
            buses: self
                .buses
                .iter()
                .map(|bus| bus.view.borrow().clone())
                .collect(),
            uplink: self.uplink.as_ref().map(|view| view.borrow().clone()),
            commands: self.command_desk.as_ref().map(DeskHandle::counts),
            lists: self
                .command_desk
                .as_ref()
                .map(DeskHandle::lists)
                .unwrap_or_default(),
            outbox: self.store.announced().outbox,
            store: stats,
        };
        metrics::text(seen)
    }

    fn status(&self) -> Status {
        let now = self.clock.now();
        Status {
            gateway: self.gateway.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            up_s: self.started.elapsed().as_secs(),
            utc: now.utc.to_string(),
            clock: quality_word(now.quality).to_owned(),
            rss_bytes: rss_bytes(),
            buses: self.buses.iter().map(bus_status).collect(),
            uplink: self
                .uplink
                .as_ref()
                .map(|view| uplink_status(&view.borrow(), now.utc)),
            outbox: self.outbox(now.utc),
            alarms: self.alarms.newest(),
        }
    }

    fn outbox(&self, now: Timestamp) -> Vec<OutboxStatus> {
        let announced = self.store.announced().outbox;
        let shown = announced.into_iter().map(|state| OutboxStatus {
            stream: state.stream.to_string(),
            next: state.next,
            waiting: state.entries,
            bytes: state.bytes,
            oldest_s: state.oldest_at.map_or(0, |at| {
                u64::try_from(now.millis_since(at) / 1000).unwrap_or(0)
            }),
            set_aside: state.set_aside,
        });
        shown.collect()
    }

    fn meters(&self) -> Vec<MeterStatus> {
        let mut all = Vec::new();
        for bus in &self.buses {
            let view = bus.view.borrow();
            all.extend(
                view.meters
                    .iter()
                    .map(|meter| meter_status(&view.bus, meter)),
            );
        }
        all
    }

    fn bus_of(&self, meter: &str) -> Result<(&BusHandle, MeterId), Refusal> {
        let hosts = |bus: &&BusHandle| {
            bus.view
                .borrow()
                .meters
                .iter()
                .any(|view| view.meter.as_str() == meter)
        };
        let found = self.buses.iter().find(hosts);
        match (found, meter.parse()) {
            (Some(bus), Ok(id)) => Ok((bus, id)),
            _ => Err(refusal(
                format!("there is no meter `{meter}`"),
                "`pmuctl meter list` shows the names",
            )),
        }
    }

    async fn read(&self, meter: &str) -> Result<Answer, Refusal> {
        let (bus, meter) = self.bus_of(meter)?;
        let (reply, answer) = oneshot::channel();
        bus.request(BusRequest::Read { meter, reply })?;
        let values = answer.await.map_err(|_| going_down())??;
        Ok(Answer::Values(values))
    }

    async fn accept(&self, permitted: &Permitted, meter: &str) -> Result<Answer, Refusal> {
        let (bus, meter) = self.bus_of(meter)?;
        let (reply, answer) = oneshot::channel();
        let who = permitted.who().to_owned();
        bus.request(BusRequest::Accept { meter, who, reply })?;
        let done = answer.await.map_err(|_| going_down())??;
        Ok(Answer::Done(done))
    }

    async fn trace(
        &self,
        permitted: &Permitted,
        bus: &str,
        switch: TraceSwitch,
    ) -> Result<Answer, Refusal> {
        let found = self.bus(bus)?;
        if switch == TraceSwitch::Show {
            return Ok(Answer::Trace(found.recorded()));
        }
        let on = switch == TraceSwitch::On;
        found.record(on);
        let word = if on { "on" } else { "off" };
        let record = Record::Audit {
            who: permitted.who().to_owned(),
            what: format!("trace {word}"),
            detail: format!("bus {bus}"),
        };
        self.store
            .keep(vec![record], crate::tasks::storekeeper::Urgency::Soon)
            .await;
        let place = if on {
            format!(
                "; `pmuctl bus trace {bus} show` prints it, and {} in the runtime folder keeps up \
                 to {} MiB",
                found.trace_file(),
                TRACE_FILE_BYTES_MAX / (1024 * 1024)
            )
        } else {
            String::new()
        };
        Ok(Answer::Done(format!("trace of bus {bus} is {word}{place}")))
    }

    async fn profile(
        &self,
        meter: &str,
        (from, to): (u64, u64),
        profile: Option<&str>,
    ) -> Result<Answer, Refusal> {
        let (_, meter) = self.bus_of(meter)?;
        let (from, to) = (Timestamp::from_seconds(from), Timestamp::from_seconds(to));
        let profile = match profile {
            None => GATEWAY_PROFILE,
            Some(text) => text
                .parse::<Obis>()
                .map_err(|error| refusal(error.to_string(), "1-0:99.1.0 is the load profile"))?,
        };
        let stored = self
            .store
            .ask(|reply| Look::Profile {
                meter,
                profile,
                from,
                to,
                reply,
            })
            .await
            .map_err(|error| store_refusal(&error))?;
        let mut channels = Vec::new();
        let mut rows = Vec::new();
        for block in stored.blocks {
            let (shape, found) = (block.shape, block.rows);
            channels = shape
                .channels
                .iter()
                .map(|channel| {
                    let kind = match channel.kind {
                        ChannelKind::Register => "total",
                        ChannelKind::Average => "average",
                        ChannelKind::Increment => "increment",
                    };
                    format!("{} {kind} {}", channel.obis, channel.unit)
                })
                .collect();
            rows.extend(found.iter().map(|row| {
                ProfileRow {
                    end: row.end.to_string(),
                    values: row
                        .values
                        .iter()
                        .zip(shape.channels.iter())
                        .map(|(value, channel)| {
                            value.map_or_else(String::new, |value| {
                                decimal_text(value, channel.exponent)
                            })
                        })
                        .collect(),
                    flags: row.flags.to_string(),
                }
            }));
        }
        Ok(Answer::Profile { channels, rows })
    }

    async fn store_stats(&self) -> Result<Answer, Refusal> {
        let stats = self
            .store
            .ask(Look::Stats)
            .await
            .map_err(|error| store_refusal(&error))?;
        let space = disk::space(&self.data_folder).ok();
        let files = [("hot", stats.hot), ("archive", stats.archive)]
            .map(|(file, traffic)| FileStats {
                file: file.to_owned(),
                bytes: traffic.length,
                written_bytes: traffic.written_bytes,
                syncs: traffic.syncs,
            })
            .to_vec();
        let epoch = self.store.announced().epoch;
        Ok(Answer::Store(Box::new(StoreStats {
            epoch: hex(&epoch),
            files,
            disk_free_bytes: space.map_or(0, |space| space.free),
            disk_total_bytes: space.map_or(0, |space| space.total),
            audit_records: stats.audit_records,
        })))
    }

    async fn verify(&self) -> Result<Answer, Refusal> {
        let report = self
            .store
            .ask(Look::Verify)
            .await
            .map_err(|error| store_refusal(&error))?;
        Ok(Answer::Verified(VerifyResult {
            checked: report.checked,
            faults: report.faults,
        }))
    }
}

fn bus_status(bus: &BusHandle) -> BusStatus {
    let view = bus.view.borrow().clone();
    BusStatus {
        bus: view.bus,
        state: view.state,
        remarks: view.remarks,
        busy_per_mille: view.busy_per_mille,
        requests: view.line.requests,
        silent: view.line.silent,
        damaged: view.line.damaged,
        late: view.line.late,
        stale_bytes: view.line.stale_bytes,
    }
}

fn meter_status(bus: &str, view: &MeterView) -> MeterStatus {
    MeterStatus {
        address: view.address.clone(),
        last_collected: view.last_collected.map(|at| at.to_string()),
        overwrite_in_days: view.overwrite_in_days,
        clock_error_ms: view.clock_error_ms,
        found: view.found.clone(),
        meter: view.meter.to_string(),
        bus: bus.to_owned(),
        unit: view.unit,
        model: view.model.clone(),
        state: view.state.to_owned(),
        trust: view.trust,
        serial: view.serial.clone(),
        last_answer: view.last_answer.map(|at| at.to_string()),
        last_interval: view.last_interval.map(|at| at.to_string()),
        intervals: view.intervals,
        flagged: view.flagged,
        answers: view.totals.answers,
        silent: view.totals.silent,
        damaged: view.totals.damaged,
        late: view.totals.late,
        exceptions: view.totals.exceptions.values().sum(),
        remarks: view.remarks.clone(),
    }
}

fn uplink_status(view: &UplinkView, now: Timestamp) -> UplinkStatus {
    let now_s = i64::try_from(now.seconds()).unwrap_or(i64::MAX);
    UplinkStatus {
        state: view.state.clone(),
        since: view.since.to_string(),
        connections: view.connections,
        sent: view.sent,
        watermarks: view.watermarks,
        watermarks_refused: view.watermarks_refused,
        certificate_days: view
            .certificate_expires
            .map(|at| (at - now_s).div_euclid(86_400)),
    }
}

/// A refusal in words.
pub fn refusal(problem: String, remedy: &str) -> Refusal {
    Refusal {
        problem,
        remedy: remedy.to_owned(),
    }
}

/// The daemon stops while somebody waits.
pub fn going_down() -> Refusal {
    refusal(
        "the gateway is going down".to_owned(),
        "ask again when it is back",
    )
}

fn store_refusal(error: &StoreGone) -> Refusal {
    refusal(error.to_string(), "look at the log, and at the disk")
}

/// Resident memory of this process.
fn rss_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = text
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    pages * u64::try_from(rustix::param::page_size()).unwrap_or(4096)
}
