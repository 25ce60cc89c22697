//! What is heard of commands: proven or not, shown, kept.

use crate::adapters::files::write_new;
use crate::adapters::terminal;
use crate::adapters::witness_files::{all_witnesses, witness, witnesses_of};
use crate::arguments::WitnessArguments;
use crate::console::Console;
use crate::orders::{AwaitedCommands, receipt_line, receipt_value};
use crate::witnesses::Witnesses;
use anyhow::{Context, Result, bail};
use authority::{CommandId, Receipt, SignedReceipt};
use head_end::{Body, Message, Presence, Stream, Subject, Topic};
use metering::GatewayId;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What to pass where nothing was proven.
pub(super) const REMEDY: &str = "give the gateway's public key: --key FILE, or --keys FOLDER with a \
                                 file GATEWAY.pub for each";

const PROVEN: &str = "proven";

/// How receipts are judged, shown and kept.
pub(super) struct Following {
    console: Console,
    is_json: bool,
    receipts: Option<PathBuf>,
    witnesses: Option<Witnesses>,
    /// Commands of which something unproven was shown.
    doubted: BTreeSet<CommandId>,
}

impl Following {
    pub(super) fn new(
        is_json: bool,
        receipts: Option<PathBuf>,
        witnesses: Option<Witnesses>,
    ) -> Self {
        let console = terminal::console();
        Self {
            console: if is_json { console.quiet() } else { console },
            is_json,
            receipts,
            witnesses,
            doubted: BTreeSet::new(),
        }
    }

    /// Whether only what is proven counts.
    pub(super) const fn proves(&self) -> bool {
        self.witnesses.is_some()
    }

    /// What a receipt says, and whether the gateway is proven to have said it.
    fn judged(&mut self, gateway: &GatewayId, signed: &SignedReceipt) -> (Receipt, bool) {
        let proven = self.witnesses.as_mut();
        let proven = proven.and_then(|known| known.prove(gateway, signed.bytes()));
        match proven {
            Some(proven) => (proven.receipt().clone(), true),
            None => (signed.claimed().clone(), false),
        }
    }

    /// The receipt if it counts. What should be proven and is not is shown once for each command, and
    /// passed over.
    pub(super) fn counted(
        &mut self,
        gateway: &GatewayId,
        signed: &SignedReceipt,
    ) -> Result<Option<Receipt>> {
        let (receipt, is_proven) = self.judged(gateway, signed);
        if is_proven || !self.proves() {
            return Ok(Some(receipt));
        }
        if self.doubted.insert(receipt.id) {
            self.show(gateway, &receipt, "NOT PROVEN, passed over")?;
        }
        Ok(None)
    }

    /// Shows a receipt that came, keeps it if it counts, and says whether it does.
    pub(super) fn take(&mut self, gateway: &GatewayId, signed: &SignedReceipt) -> Result<bool> {
        let (receipt, is_proven) = self.judged(gateway, signed);
        let counts = is_proven || !self.proves();
        if counts && let Some(folder) = &self.receipts {
            keep(folder, gateway, signed.bytes(), &receipt)?;
        }
        let words = match (is_proven, counts) {
            (true, _) => PROVEN,
            (false, true) => "not proven",
            (false, false) => "NOT PROVEN",
        };
        self.show(gateway, &receipt, words)?;
        Ok(counts)
    }

    fn show(&mut self, gateway: &GatewayId, receipt: &Receipt, words: &str) -> Result<()> {
        let text = if self.is_json {
            let mut value = receipt_value(receipt);
            if let Value::Object(map) = &mut value {
                map.insert("gateway".to_owned(), json!(gateway.to_string()));
                map.insert("proven".to_owned(), json!(words == PROVEN));
            }
            format!("{value}\n")
        } else {
            format!("{gateway}  {}  ({words})\n", receipt_line(receipt))
        };
        Ok(self.console.say(&text)?)
    }

    /// Says something to a person.
    pub(super) fn say(&mut self, text: &str) -> Result<()> {
        if self.is_json {
            return Ok(());
        }
        Ok(self.console.say(text)?)
    }

    /// Says what nothing of all this is: a proof.
    pub(super) fn remark_unproven(&mut self) -> Result<()> {
        if self.is_json || self.proves() {
            return Ok(());
        }
        let text = format!("what is shown is not proven; {REMEDY}\n");
        Ok(self.console.remark(&text)?)
    }

    /// Draws how far all of them are.
    pub(super) fn draw(&mut self, awaited: &AwaitedCommands) -> Result<()> {
        let (part, whole) = awaited.how_far();
        let words = awaited.words();
        Ok(self.console.bar(part, whole, &words)?)
    }

    /// Takes the drawing away.
    pub(super) fn end(&mut self) -> Result<()> {
        Ok(self.console.end_progress()?)
    }
}

/// The keys that a person named, for these gateways; for any where none is named.
pub(super) fn named_witnesses(
    arguments: &WitnessArguments,
    gateways: &BTreeSet<GatewayId>,
) -> Result<Option<Witnesses>> {
    let mut names = gateways.iter();
    Ok(match (&arguments.key, &arguments.keys) {
        (Some(file), _) => match (names.next(), names.next()) {
            (Some(gateway), None) => Some(witness(file, gateway)?),
            (None, _) => bail!("whose key is this? name its gateway with --gateway"),
            _ => bail!("--key is the key of one gateway; for several give --keys FOLDER"),
        },
        (None, Some(folder)) if gateways.is_empty() => Some(all_witnesses(folder)?),
        (None, Some(folder)) => Some(witnesses_of(folder, gateways)?),
        (None, None) => None,
    })
}

/// The same receipt again is the same file.
pub(super) fn keep(
    folder: &Path,
    gateway: &GatewayId,
    bytes: &[u8],
    receipt: &Receipt,
) -> Result<()> {
    fs::create_dir_all(folder)
        .with_context(|| format!("{}: this folder cannot be made", folder.display()))?;
    let at = receipt.at.millis();
    let name = format!("{gateway}-{}-{at}-{}.receipt", receipt.id, receipt.state);
    let path = folder.join(name);
    match fs::read(&path) {
        Ok(known) if known == bytes => Ok(()),
        Ok(_) => bail!(
            "{}: there is another receipt of this name and time; move it away and find out who \
             wrote it",
            path.display()
        ),
        Err(_) => write_new(&path, bytes, 0o644),
    }
}

/// A receipt in a message; nothing for anything else. What is damaged is no receipt.
pub(super) fn receipt_in(topic: &[u8], payload: &[u8]) -> Option<(GatewayId, SignedReceipt)> {
    let topic: Topic = std::str::from_utf8(topic).ok()?.parse().ok()?;
    if topic.subject != Subject::Records(Stream::Receipt) {
        return None;
    }
    let Ok(Body::Receipt(bytes)) = Message::decode(payload).ok()?.open() else {
        return None;
    };
    let receipt = SignedReceipt::parse(&bytes).ok()?;
    Some((topic.gateway, receipt))
}

/// Which gateway is born in a message: it has connected anew, and hears again what is sent to it.
pub(super) fn birth_in(topic: &[u8], payload: &[u8]) -> Option<GatewayId> {
    let topic: Topic = std::str::from_utf8(topic).ok()?.parse().ok()?;
    if topic.subject != Subject::Presence {
        return None;
    }
    match Presence::decode(payload) {
        Ok(Presence::Birth(_)) => Some(topic.gateway),
        _ => None,
    }
}
