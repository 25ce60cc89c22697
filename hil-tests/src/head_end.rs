//! The reference consumer as a child process, and what it booked.

use std::path::{Path, PathBuf};

use metering::{GatewayId, Timestamp};
use rustix::process::Signal;
use serde_json::Value;
use storage::ledger::{BookedRow, Ledger};

use crate::binaries;
use crate::clock::wait_until;
use crate::limits::{PAGES_MAX, START_WITHIN, STOP_WITHIN};
use crate::openssl::{Authority, Identity, IngestKey};
use crate::process::{Process, command};

/// `pmuctl head-end receive`.
#[derive(Debug)]
pub struct HeadEnd {
    folder: PathBuf,
    port: u16,
    authority: PathBuf,
    identity: Identity,
    key: IngestKey,
    process: Option<Process>,
    /// What each run that ended by itself said.
    summaries: Vec<Value>,
}

impl HeadEnd {
    /// A head-end that was not started yet, for the broker at this port.
    pub fn new(
        folder: &Path,
        port: u16,
        authority: &Authority,
        identity: Identity,
        key: IngestKey,
    ) -> Self {
        let folder = folder.join("head-end");
        std::fs::create_dir_all(&folder).expect("a folder");
        Self {
            folder,
            port,
            authority: authority.certificate(),
            identity,
            key,
            process: None,
            summaries: Vec::new(),
        }
    }

    /// Starts it; returns when it is connected.
    pub fn start(&mut self) {
        self.start_with(&[]);
    }

    /// Starts it with more arguments.
    pub fn start_with(&mut self, more: &[&str]) {
        let mut receive = command(binaries::pmuctl());
        receive.args(["head-end", "receive", "--json", "--host", "localhost"]);
        receive.args(["--port", &self.port.to_string(), "--ack-every", "300ms"]);
        receive.args(["--gap-after", "5s"]);
        receive.arg("--ca").arg(&self.authority);
        receive.arg("--certificate").arg(&self.identity.certificate);
        receive.arg("--key").arg(&self.identity.key);
        receive.arg("--signing-key").arg(&self.key.private);
        receive.arg("--ledger").arg(self.folder.join("ledger"));
        receive.args(more);
        drop(self.process.take());
        self.process = Some(Process::start("head-end", &mut receive, &self.folder));
        wait_until("the head-end has a ledger", START_WITHIN, || {
            self.folder.join("ledger/ledger.redb").exists()
        });
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(process) = &mut self.process {
            process.kill();
        }
    }

    /// Ends it in order; its figures.
    #[track_caller]
    pub fn stop(&mut self) -> Value {
        let mut process = self.process.take().expect("it was started");
        process.signal(Signal::INT);
        let status = process.wait(STOP_WITHIN);
        assert!(
            status.success(),
            "the head-end ended with {status}\n{}",
            process.tail()
        );
        let said = process.said();
        let last = said
            .lines()
            .rev()
            .find_map(|line| serde_json::from_str::<Value>(line).ok());
        let summary = last.unwrap_or_else(|| panic!("no summary\n{}", process.tail()));
        self.summaries.push(summary.clone());
        summary
    }

    /// A figure of all runs that ended in order, added up.
    #[track_caller]
    pub fn sum(&self, figure: &str) -> u64 {
        let of = |summary: &Value| summary.get(figure).and_then(Value::as_u64);
        let all = self.summaries.iter().map(|summary| {
            of(summary).unwrap_or_else(|| panic!("no figure {figure} in {summary}"))
        });
        all.sum()
    }

    /// What it booked of a gateway; it must be stopped.
    #[track_caller]
    pub fn rows(&self, gateway: &str) -> Vec<BookedRow> {
        let ledger = self.ledger();
        let gateway: GatewayId = gateway.parse().expect("a name");
        let (after, upto) = (Timestamp::default(), Timestamp::from_millis(u64::MAX));
        let (mut rows, mut next) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let page = ledger
                .intervals(&gateway, None, after, upto, next)
                .expect("rows");
            rows.extend(page.rows);
            next = page.next;
            if next.is_none() {
                return rows;
            }
        }
        panic!("more rows than a test can judge");
    }

    /// Its ledger; it must be stopped.
    #[track_caller]
    pub fn ledger(&self) -> Ledger {
        assert!(self.process.is_none(), "the head-end still has its ledger");
        Ledger::open(&self.folder.join("ledger")).expect("the ledger")
    }

    /// What it said.
    pub fn said(&self) -> String {
        self.process.as_ref().map(Process::said).unwrap_or_default()
    }
}
