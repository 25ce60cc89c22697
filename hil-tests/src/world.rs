//! Broker, head-end, keys and one folder for all of it.

use std::path::Path;
use std::time::Duration;

use metering::Timestamp;
use serde_json::Value;
use storage::ledger::BookedRow;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::agent::Agent;
use crate::agent_file::{AgentFile, UplinkLines};
use crate::bench::Bench;
use crate::broker::{self, Broker, BrokerSettings};
use crate::bus::Bus;
use crate::clock::{pause, utc, wait_until};
use crate::head_end::HeadEnd;
use crate::judge::{Verdict, judge, judge_unseen};
use crate::openssl::{Authority, Identity, IngestKey, ingest_key};
use crate::skip::skipped;

/// Name of the gateway that reads a bench.
const BENCH_GATEWAY: &str = "pmu-bench";

/// Everything beside the gateways.
#[derive(Debug)]
pub struct World {
    /// The head-end.
    pub head_end: HeadEnd,
    /// The broker.
    pub broker: Broker,
    /// Who signed every certificate.
    pub authority: Authority,
    /// The key that gateways trust.
    pub key: IngestKey,
    /// May read and write every topic: whoever owns the broker.
    pub intruder: Identity,
    /// May read every topic of the gateways.
    pub listener: Identity,
    folder: TempDir,
}

impl World {
    /// A world with a broker; the head-end is not started yet. Says why if there can be none.
    pub fn new(promise: &str) -> Option<Self> {
        Self::with(promise, BrokerSettings::default())
    }

    /// The same with another broker.
    pub fn with(promise: &str, settings: BrokerSettings) -> Option<Self> {
        if !broker::is_installed() {
            let why = "mosquitto, its clients or openssl are not installed (hil-tests/setup.sh installs them as root)";
            skipped(promise, why);
            return None;
        }
        let folder = tempfile::Builder::new()
            .prefix("pmu-")
            .tempdir()
            .expect("a folder");
        let authority = Authority::new(folder.path(), "ca");
        let broker = Broker::start(folder.path(), &authority, settings);
        let key = ingest_key(folder.path(), "ingest");
        let consumer = authority.client("headend");
        let head_end = HeadEnd::new(
            folder.path(),
            broker.port(),
            &authority,
            consumer,
            key.clone(),
        );
        Some(Self {
            head_end,
            broker,
            key,
            intruder: authority.client("intruder"),
            listener: authority.client("listener"),
            authority,
            folder,
        })
    }

    /// Where everything lies.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The road of a gateway to the head-end, with a certificate of its own.
    pub fn uplink(&self, gateway: &str) -> UplinkLines {
        UplinkLines {
            port: self.broker.port(),
            authority: self.authority.certificate(),
            identity: self.authority.client(gateway),
            ingest_keys: self.key.public.clone(),
            keep_alive: 5,
            window: 100,
            resend_after: 5,
            back_off_max: 1,
        }
    }

    /// A gateway for the meters of these lines, with intervals of this length; not started yet.
    pub fn gateway(&self, id: &str, buses: &[&Bus], period_s: u32) -> Agent {
        let mut file = AgentFile::new(id);
        file.uplink = Some(self.uplink(id));
        for bus in buses {
            file.serial(&bus.id, &bus.device(), bus.baud());
            file.meters.extend(bus.lines(period_s));
        }
        Agent::install(file, self.folder())
    }

    /// Stops gateway and head-end and judges all that was booked: nothing wrong, nothing lost up
    /// to `upto`, nothing twice.
    #[track_caller]
    pub fn judge(&mut self, agent: &mut Agent, buses: &[&Bus], upto: Timestamp) -> Verdict {
        if agent.is_running() {
            agent.stop();
        }
        let summary = self.head_end.stop();
        self.must_agree(&summary);
        let rows = self.head_end.rows(&agent.file.gateway);
        must_reach(&rows, buses, upto);
        let verdict = judge(&rows, buses);
        if !verdict.is_clean() {
            println!("the head-end says {summary}");
            for row in &rows {
                println!("booked: {} {} {}", row.meter, row.end, row.flags);
            }
        }
        verdict
    }

    /// A gateway for the meters of a bench.
    pub fn bench_gateway(&self, bench: &Bench, period_s: u32) -> Agent {
        let mut agent = self.gateway(BENCH_GATEWAY, &[], period_s);
        bench.join(&mut agent.file, period_s);
        agent
    }

    /// Judges what that gateway delivered, once it is stopped: it must be clean, of every meter.
    #[track_caller]
    pub fn judge_bench(&mut self, bench: &Bench) -> Verdict {
        let summary = self.head_end.stop();
        self.must_agree(&summary);
        let verdict = judge_unseen(&self.head_end.rows(BENCH_GATEWAY));
        println!("{verdict}");
        verdict.must_be_clean();
        assert_eq!(verdict.meters, bench.meters(), "every meter of the bench");
        verdict
    }

    /// Waits until all is delivered, ends both, and wants a clean verdict.
    #[track_caller]
    pub fn must_end_clean(&mut self, agent: &mut Agent, buses: &[&Bus]) {
        const WITHIN: Duration = Duration::from_secs(40);
        pause(Duration::from_secs(2));
        wait_for_delivery(agent, WITHIN);
        let upto = utc().before(Duration::from_secs(3));
        wait_for_delivery(agent, WITHIN);
        let verdict = self.judge(agent, buses, upto);
        println!("{verdict}");
        verdict.must_be_clean();
    }

    /// Nothing came with two contents.
    #[track_caller]
    pub fn must_agree(&self, summary: &Value) {
        for figure in ["conflicts", "differing", "refused"] {
            assert_eq!(self.head_end.sum(figure), 0, "{figure}: {summary}");
        }
    }
}

/// Every meter has an interval that ends at `upto` or later.
#[track_caller]
pub fn must_reach(rows: &[BookedRow], buses: &[&Bus], upto: Timestamp) {
    for meter in buses.iter().flat_map(|bus| &bus.meters) {
        let last = rows
            .iter()
            .filter(|row| row.meter.as_str() == meter.id)
            .map(|row| row.end)
            .max();
        let last = last.unwrap_or_else(|| panic!("nothing was booked of {}", meter.id));
        let period = rows.first().map_or(0, |row| row.period_seconds);
        let next = last.after(Duration::from_secs(u64::from(period)));
        assert!(next > upto, "{} ends at {last}, but it is {upto}", meter.id);
    }
}

/// Waits until everything that the gateway has stored up to now is committed at the head-end: until
/// nothing waits, or nothing that is older than this call.
#[track_caller]
pub fn wait_for_delivery(agent: &Agent, within: Duration) {
    let asked = Instant::now();
    let committed = || {
        let age = asked.elapsed().as_secs();
        let streams = agent.status().outbox;
        streams
            .iter()
            .all(|stream| stream.waiting == 0 || stream.oldest_s + 1 < age)
    };
    wait_until(
        "everything stored so far is at the head-end",
        within,
        committed,
    );
}
