//! Keys of people, and what root keys and gateways signed.

use super::{print, runtime};
use crate::adapters::clock::utc;
use crate::adapters::files::{read_bytes, read_text, write_new};
use crate::adapters::key_file::operator_key;
use crate::adapters::post::Post;
use crate::arguments::{AuditCommand, KeyCommand, ReceiptCommand, SetCommand};
use crate::limits::{
    AUDIT_FILE_BYTES_MAX, KEY_FILE_BYTES_MAX, POST_WITHIN, RECEIPT_FILE_BYTES_MAX,
    SIGNED_FILE_BYTES_MAX,
};
use crate::orders::{
    key_set_content, key_set_lines, policy_content, policy_lines, receipt_line, receipt_value,
};
use crate::words::hex;
use anyhow::{Context, Result, bail};
use authority::{
    Algorithm, AuditSeal, AuthenticReceipt, KeySet, OperatorKey, Policy, PublicKey, ReceiptKeys,
    Role, RootKeys,
};
use head_end::{Body, FleetSubject, Message};
use metering::GatewayId;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use storage::{AuditHead, AuditSegment, verify_segment};

pub(super) fn key(command: &KeyCommand, json: bool) -> Result<bool> {
    let (key, who, made) = match command {
        KeyCommand::New { out, who, role } => {
            let key = new_key(out)?;
            (key, who.as_deref().map(|who| (who, *role)), Some(out))
        }
        KeyCommand::Show { file } => (operator_key(file)?, None, None),
        KeyCommand::Rotate {
            file,
            from,
            out,
            overlap_days,
        } => return super::key_rotate::rotate((file, from, out), *overlap_days, json),
        KeyCommand::Seal {
            gateway,
            meter,
            access_level,
            key,
            from,
            out,
        } => return super::seal::seal((gateway, meter, *access_level), (key, from, out), json),
    };
    let public = key.public();
    if json {
        let value = json!({
            "id": public.id().to_string(),
            "algorithm": algorithm(&public),
            "public": hex(&public.bytes()),
            "who": who.map(|(who, _)| who),
            "file": made.map(|path| path.display().to_string()),
        });
        print(&format!("{value}\n"))?;
        return Ok(true);
    }
    let mut text = format!(
        "id        {}\nalgorithm {}\npublic    {}\n",
        public.id(),
        algorithm(&public),
        hex(&public.bytes())
    );
    if let Some(pem) = public.to_pem() {
        text.push_str(&pem);
    }
    if let Some(path) = made {
        text.extend([format!(
            "the private half is in {}, for its owner only; it is never sent to anybody\n",
            path.display()
        )]);
    }
    if let Some((who, role)) = who {
        text.push_str(&entry_text(who, &[role], &public, utc()));
    }
    print(&text)?;
    Ok(true)
}

/// A new private key in a file for its owner alone.
pub(super) fn new_key(out: &Path) -> Result<OperatorKey> {
    let mut seed = zeroize::Zeroizing::new([0_u8; 32]);
    getrandom::fill(seed.as_mut()).context("the kernel gives no random bytes")?;
    let key = OperatorKey::ed25519(&seed);
    let text = zeroize::Zeroizing::new(key.to_pem()?);
    write_new(out, text.as_bytes(), 0o600)?;
    Ok(key)
}

const fn algorithm(key: &PublicKey) -> &'static str {
    match key.algorithm() {
        Algorithm::Ed25519 => "Ed25519",
        Algorithm::Es256 => "ES256",
    }
}

/// What goes into the file of `keyset sign`; a year is a proposal.
pub(super) fn entry_text(
    who: &str,
    roles: &[Role],
    public: &PublicKey,
    now: metering::Timestamp,
) -> String {
    let words: Vec<String> = roles.iter().map(|role| format!("\"{role}\"")).collect();
    let year = std::time::Duration::from_hours(24 * 365);
    format!(
        "\nfor the file of `keyset sign`:\n\n[[key]]\nwho = {}\nroles = [{}]\n\
         from = \"{now}\"\nuntil = \"{}\"\npublic = \"{}\"\n",
        toml::Value::String(who.to_owned()),
        words.join(", "),
        now.after(year),
        hex(&public.bytes())
    )
}

/// Which of the two things that root keys sign.
#[derive(Debug, Clone, Copy)]
pub(super) enum SetKind {
    Keys,
    Policy,
}

pub(super) fn set(command: &SetCommand, kind: SetKind, json: bool) -> Result<bool> {
    match command {
        SetCommand::Sign { root, from, out } => {
            let name = from.display().to_string();
            let text = read_text(from, u64::try_from(SIGNED_FILE_BYTES_MAX)?)?;
            let key = operator_key(root)?;
            let (bytes, lines) = match kind {
                SetKind::Keys => {
                    let content = key_set_content(&name, &text, utc())?;
                    (content.sign(&key)?, key_set_lines(&content))
                }
                SetKind::Policy => {
                    let content = policy_content(&name, &text, utc())?;
                    (content.sign(&key)?, policy_lines(&content))
                }
            };
            write_new(out, &bytes, 0o644)?;
            let file = out.display();
            show(&lines, json)?;
            if !json {
                print(&format!("signed by {}, in {file}\n", key.public().id()))?;
            }
        }
        SetCommand::Show { file, root } => {
            let bytes = read_bytes(file, u64::try_from(SIGNED_FILE_BYTES_MAX)?)?;
            show(&proven_lines(file, &bytes, root, kind)?, json)?;
        }
        SetCommand::Publish { file, root, broker } => {
            let bytes = read_bytes(file, u64::try_from(SIGNED_FILE_BYTES_MAX)?)?;
            let lines = proven_lines(file, &bytes, root, kind)?;
            let topic = match kind {
                SetKind::Keys => FleetSubject::KeySet.topic(),
                SetKind::Policy => FleetSubject::Policy.topic(),
            };
            let address = broker.address()?;
            runtime()?.block_on(async {
                let mut post = Post::open(address, Vec::new(), POST_WITHIN).await?;
                post.keep(topic, bytes, POST_WITHIN).await?;
                post.close().await
            })?;
            show(&lines, json)?;
            if !json {
                print(&format!(
                    "published on {topic}, kept for gateways that come later\n"
                ))?;
            }
        }
    }
    Ok(true)
}

fn proven_lines(file: &Path, bytes: &[u8], root: &Path, kind: SetKind) -> Result<Vec<String>> {
    let roots = root_keys(root)?;
    let name = file.display().to_string();
    Ok(match kind {
        SetKind::Keys => key_set_lines(KeySet::recall(&roots, bytes).context(name)?.content()),
        SetKind::Policy => policy_lines(Policy::recall(&roots, bytes).context(name)?.content()),
    })
}

fn show(lines: &[String], json: bool) -> Result<()> {
    if json {
        return print(&format!("{}\n", json!({ "lines": lines })));
    }
    print(&(lines.join("\n") + "\n"))
}

/// The public halves of root keys in a file.
pub(super) fn root_keys(path: &Path) -> Result<RootKeys> {
    let text = read_text(path, KEY_FILE_BYTES_MAX)?;
    RootKeys::parse(&text).with_context(|| path.display().to_string())
}

pub(super) fn receipt(command: &ReceiptCommand, json: bool) -> Result<bool> {
    let ReceiptCommand::Verify {
        gateway,
        key,
        files,
    } = command;
    let text = read_text(key, KEY_FILE_BYTES_MAX)?;
    let mut keys =
        ReceiptKeys::parse(gateway.clone(), &text).with_context(|| key.display().to_string())?;
    follow_all(&mut keys, files);
    let mut are_proven = true;
    let mut values = Vec::new();
    for file in files {
        let name = file.display();
        match proven_receipt(&keys, file) {
            Ok(receipt) if json => {
                let mut value = receipt_value(receipt.receipt());
                if let Value::Object(map) = &mut value {
                    map.insert("file".to_owned(), json!(name.to_string()));
                    map.insert("proven".to_owned(), json!(true));
                    map.insert("key".to_owned(), json!(receipt.signer().to_string()));
                }
                values.push(value);
            }
            Ok(receipt) => print(&format!(
                "{name}: signed by {gateway} with key {}\n{}",
                receipt.signer(),
                receipt_text(&receipt)
            ))?,
            Err(error) => {
                are_proven = false;
                if json {
                    let error = format!("{error:#}");
                    values.push(json!({"file": name.to_string(), "proven": false, "error": error}));
                } else {
                    print(&format!("{name}: NOT PROVEN: {error:#}\n"))?;
                }
            }
        }
    }
    if json {
        print(&format!("{}\n", Value::Array(values)))?;
    }
    Ok(are_proven)
}

/// Believes the keys that these receipts announce, in whatever order they are named.
fn follow_all(keys: &mut ReceiptKeys, files: &[PathBuf]) {
    // Each round but the last brings a key, and there is room for few.
    let bring = |keys: &mut ReceiptKeys| {
        let mut found = false;
        for file in files {
            let proven = proven_receipt(keys, file);
            found |= proven.is_ok_and(|receipt| keys.follow(&receipt));
        }
        found
    };
    while bring(keys) {}
}

fn proven_receipt(keys: &ReceiptKeys, file: &Path) -> Result<AuthenticReceipt> {
    let bytes = read_bytes(file, RECEIPT_FILE_BYTES_MAX)?;
    // A whole message as a ledger or a subscriber keeps it, or the signed bytes alone.
    let signed = match Message::decode(&bytes).and_then(|message| message.open()) {
        Ok(Body::Receipt(signed)) => signed,
        Ok(_) => bail!("this message is no receipt; name one of up/rs"),
        Err(_) => bytes,
    };
    Ok(keys.open(&signed)?)
}

fn receipt_text(receipt: &AuthenticReceipt) -> String {
    let receipt = receipt.receipt();
    let mut text = format!("  {}\n", receipt_line(receipt));
    if let Some(next) = &receipt.next_key {
        text.extend([format!(
            "  announces the next key {}: {}\n",
            next.id(),
            hex(&next.bytes())
        )]);
    }
    if let Some(proof) = &receipt.proof {
        text.extend([format!(
            "  ordered by {} over {}, {} to {}\n",
            proof.who.join(" and "),
            proof.door.word(),
            proof.begun,
            proof.ended
        )]);
        for meter in &proof.meters {
            let hash = |hash: Option<[u8; 32]>| hash.map_or("-".to_owned(), |hash| hex(&hash));
            text.extend([format!("  {}: {}\n", meter.meter, meter.state)]);
            text.extend([format!("    before {}\n", hash(meter.before))]);
            text.extend([format!("    after  {}\n", hash(meter.after))]);
            if let Some((before, after)) = meter.programmed {
                text.extend([format!(
                    "    programmed {before} times before, {after} after\n"
                )]);
            }
        }
    }
    text
}

fn proven_seal(seal: &Path, gateway: &GatewayId, key: &Path) -> Result<AuditSeal> {
    let text = read_text(key, KEY_FILE_BYTES_MAX)?;
    let keys =
        ReceiptKeys::parse(gateway.clone(), &text).with_context(|| key.display().to_string())?;
    let bytes = read_bytes(seal, u64::try_from(SIGNED_FILE_BYTES_MAX)?)?;
    let opened = keys.open_audit_seal(&bytes);
    opened.with_context(|| seal.display().to_string())
}

pub(super) fn audit(command: &AuditCommand, json: bool) -> Result<bool> {
    let AuditCommand::Verify {
        file,
        seal,
        gateway,
        key,
    } = command
    else {
        bail!("a gateway is asked for this");
    };
    let name = file.display().to_string();
    let bytes = read_bytes(file, AUDIT_FILE_BYTES_MAX)?;
    let seal = match (seal, gateway, key) {
        (Some(seal), Some(gateway), Some(key)) => Some(proven_seal(seal, gateway, key)?),
        _ => None,
    };
    let expected = seal.map(|seal| AuditHead {
        number: seal.last,
        hash: seal.head,
    });
    let found = AuditSegment::from_lines(&bytes).and_then(|segment| {
        verify_segment(&segment, expected).map(|head| (segment.before.number, segment, head))
    });
    let (before, segment, head) = match found {
        Ok(found) => found,
        Err(fault) => {
            if json {
                let value = json!({"file": name, "whole": false, "error": fault.to_string()});
                print(&format!("{value}\n"))?;
            } else {
                print(&format!("{name}: NOT AS IT WAS WRITTEN: {fault}\n"))?;
            }
            return Ok(false);
        }
    };
    if let Some(seal) = &seal
        && (seal.before != segment.before.hash || seal.first != before.saturating_add(1))
    {
        bail!(
            "{name}: the seal is over records {} to {}, and this piece begins at {}; export the \
             piece that the seal is for",
            seal.first,
            seal.last,
            before.saturating_add(1)
        );
    }
    let count = segment.links.len();
    let is_sealed = seal.is_some();
    if json {
        let value = json!({"file": name, "whole": true, "sealed": is_sealed, "records": count,
                           "last": head.number, "hash": hex(&head.hash)});
        print(&format!("{value}\n"))?;
    } else {
        let end = if is_sealed {
            "up to the end that the gateway signed"
        } else {
            "but without --seal nobody can say whether its end was cut off"
        };
        print(&format!(
            "{name}: {count} records up to {} follow each other, {end}\n  hash {}\n",
            head.number,
            hex(&head.hash)
        ))?;
    }
    Ok(true)
}
