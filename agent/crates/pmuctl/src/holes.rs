//! What is missing in the ledger, and what is lost for good.

use crate::table::{Side, Table};
use crate::words::hex;
use serde::Serialize;
use storage::StoreError;
use storage::ledger::{Hole, Ledger};

/// Runs of numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holes {
    /// That never came.
    pub missing: Vec<Run>,
    /// That gateways declared lost.
    pub lost: Vec<Run>,
}

/// One run of numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Whose.
    pub gateway: String,
    /// Which life of its store.
    pub epoch: String,
    /// Which stream.
    pub stream: &'static str,
    /// First number.
    pub from: u64,
    /// Last number.
    pub to: u64,
}

/// Looks for them.
pub fn holes(ledger: &Ledger) -> Result<Holes, StoreError> {
    let mut holes = Holes {
        missing: Vec::new(),
        lost: Vec::new(),
    };
    for gateway in ledger.gateways()? {
        let run = |hole: Hole| Run {
            gateway: gateway.to_string(),
            epoch: hex(&hole.epoch),
            stream: hole.stream.word(),
            from: hole.from,
            to: hole.to,
        };
        holes
            .missing
            .extend(ledger.holes(&gateway)?.into_iter().map(run));
        holes
            .lost
            .extend(ledger.lost(&gateway)?.into_iter().map(run));
    }
    Ok(holes)
}

impl Holes {
    /// For people.
    pub fn text(&self) -> String {
        let mut table = Table::new(&[
            ("GATEWAY", Side::Left),
            ("EPOCH", Side::Left),
            ("STREAM", Side::Left),
            ("FROM", Side::Right),
            ("TO", Side::Right),
            ("FATE", Side::Left),
        ]);
        let missing = self.missing.iter().map(|run| (run, "missing"));
        for (run, fate) in missing.chain(self.lost.iter().map(|run| (run, "lost for good"))) {
            table.row(&[
                run.gateway.clone(),
                run.epoch.clone(),
                run.stream.to_owned(),
                run.from.to_string(),
                run.to.to_string(),
                fate.to_owned(),
            ]);
        }
        if table.is_empty() {
            return "nothing is missing\n".to_owned();
        }
        table.to_string()
    }
}
