//! What commands came to, by the receipts that the reference head-end has booked.

use super::{following, print};
use crate::StillOpen;
use crate::adapters::files::{open_existing_ledger, read_text};
use crate::arguments::LedgerReceiptsArguments;
use crate::consumer::ReceiptKeyRing;
use crate::limits::{GATEWAYS_MAX, KEY_FILE_BYTES_MAX};
use crate::orders::{receipt_line, receipt_value};
use anyhow::{Context, Result, bail, ensure};
use authority::{CommandId, ReceiptKeys, SignedReceipt};
use metering::GatewayId;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use storage::CommandState;
use storage::ledger::{BookedReceipt, Ledger};

/// The keys of a folder: one file for each gateway, named like it.
pub(super) fn keys(folder: &Path) -> Result<ReceiptKeyRing> {
    let shown = folder.display();
    let mut ring = ReceiptKeyRing::default();
    let entries = fs::read_dir(folder)
        .with_context(|| format!("{shown}: cannot be read; name a folder of public keys"))?;
    let mut count = 0;
    for entry in entries {
        let path = entry.with_context(|| shown.to_string())?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let Some(stem) = name.strip_suffix(".pem") else {
            continue;
        };
        let stem = stem.strip_suffix(".pub").unwrap_or(stem);
        let gateway: GatewayId = stem.parse().with_context(|| {
            format!(
                "{}: name the file like its gateway, pmu-001.pem",
                path.display()
            )
        })?;
        count += 1;
        ensure!(
            count <= GATEWAYS_MAX,
            "{shown}: has more than {GATEWAYS_MAX} keys"
        );
        let text = read_text(&path, KEY_FILE_BYTES_MAX)?;
        let keys =
            ReceiptKeys::parse(gateway, &text).with_context(|| path.display().to_string())?;
        ring.add(keys);
    }
    ensure!(
        count > 0,
        "{shown}: holds no key; copy the receipt-key.pub.pem of each gateway there, named like it"
    );
    Ok(ring)
}

/// `head-end receipts`. `false`: a receipt was set aside, somebody must look.
pub(super) fn show(arguments: &LedgerReceiptsArguments, json: bool) -> Result<bool> {
    let ledger = open_existing_ledger(&arguments.ledger)?;
    let shown = Shown::of(&ledger, arguments);
    ledger.close()?;
    let shown = shown?;
    if json {
        let value = json!({"commands": shown.values, "set-aside": shown.aside});
        print(&format!("{value}\n"))?;
    } else {
        print(&shown.text)?;
    }
    Ok(shown.aside == 0)
}

#[derive(Default)]
struct Shown {
    values: Vec<Value>,
    text: String,
    aside: usize,
}

impl Shown {
    fn of(ledger: &Ledger, arguments: &LedgerReceiptsArguments) -> Result<Self> {
        let mut shown = Self::default();
        let mut gateways = ledger.gateways()?;
        gateways.retain(|gateway| {
            arguments
                .gateway
                .as_ref()
                .is_none_or(|only| only == gateway)
        });
        for gateway in &gateways {
            let mut after = None;
            loop {
                let page = match arguments.command {
                    Some(id) => ledger.receipt(gateway, id.bytes())?.into_iter().collect(),
                    None => ledger.receipts(gateway, after)?,
                };
                for booked in &page {
                    shown.add(ledger, gateway, booked, arguments.out.as_deref())?;
                }
                after = page.last().map(|booked| booked.said.id);
                if after.is_none() || arguments.command.is_some() {
                    break;
                }
            }
            let aside = ledger.receipts_aside(gateway)?.len();
            if aside > 0 {
                shown.aside += aside;
                shown.text.extend([format!(
                    "ALARM {gateway}: {aside} receipts were set aside: no key of the gateway proves them\n"
                )]);
            }
        }
        if shown.values.is_empty() {
            shown.text.insert_str(0, "no receipt is booked here\n");
        }
        Ok(shown)
    }

    fn add(
        &mut self,
        ledger: &Ledger,
        gateway: &GatewayId,
        booked: &BookedReceipt,
        out: Option<&Path>,
    ) -> Result<()> {
        let id = CommandId::new(booked.said.id);
        let kept = ledger.receipts_of(gateway, booked.said.id)?;
        let mut receipts = Vec::new();
        for one in &kept {
            let signed = SignedReceipt::parse(&one.signed)
                .with_context(|| format!("a booked receipt of {id} cannot be read"))?;
            if let Some(folder) = out {
                following::keep(folder, gateway, signed.bytes(), signed.claimed())?;
            }
            receipts.push((signed.claimed().clone(), one.is_proven));
        }
        receipts.sort_by_key(|(receipt, _)| (receipt.at, receipt.state.is_final(), receipt.step));
        let (state, at) = (booked.said.state, booked.said.at);
        let proof = if booked.is_proven {
            "proven"
        } else {
            "NOT PROVEN"
        };
        self.text
            .extend([format!("{gateway}  {id}  {state}  since {at}  {proof}\n")]);
        for (receipt, _) in &receipts {
            self.text
                .extend([format!("    {}\n", receipt_line(receipt))]);
        }
        let receipts = receipts.iter().map(|(receipt, is_proven)| {
            let mut value = receipt_value(receipt);
            if let Value::Object(map) = &mut value {
                map.insert("proven".to_owned(), json!(is_proven));
            }
            value
        });
        self.values.push(
            json!({"gateway": gateway.to_string(), "command": id.to_string(),
            "state": state.to_string(), "final": state.is_final(), "since": at.to_string(),
            "proven": booked.is_proven, "receipts": receipts.collect::<Vec<_>>()}),
        );
        Ok(())
    }
}

/// `command status --ledger`: as the same without a ledger, without waiting.
pub(super) fn status(id: CommandId, ledger: &Path, json: bool) -> Result<bool> {
    let arguments = LedgerReceiptsArguments {
        ledger: ledger.to_path_buf(),
        gateway: None,
        command: Some(id),
        out: None,
    };
    let ledger = open_existing_ledger(ledger)?;
    let found = Shown::of(&ledger, &arguments).and_then(|shown| Ok((shown, states(&ledger, id)?)));
    ledger.close()?;
    let (shown, states) = found?;
    if json {
        print(&format!("{}\n", json!(shown.values)))?;
    } else if !states.is_empty() {
        print(&shown.text)?;
    }
    let open = states.iter().find(|state| !state.is_final());
    match (states.is_empty(), open) {
        (true, _) => bail!(StillOpen(
            "this ledger has no receipt of the command; is `head-end receive` running?".to_owned()
        )),
        (false, Some(state)) => bail!(StillOpen(format!(
            "the command is {state}; look again later"
        ))),
        (false, None) => Ok(states.iter().all(|state| *state == CommandState::Succeeded)),
    }
}

fn states(ledger: &Ledger, id: CommandId) -> Result<Vec<CommandState>> {
    let mut states = Vec::new();
    for gateway in ledger.gateways()? {
        let booked = ledger.receipt(&gateway, id.bytes())?;
        states.extend(booked.map(|booked| booked.said.state));
    }
    Ok(states)
}
