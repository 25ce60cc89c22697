//! Orders before they are sent: signed, shown, approved.

use super::authority::root_keys;
use super::{dispatch, ledger_receipts, print, runtime};
use crate::adapters::clock::utc;
use crate::adapters::files::{read_bytes, read_text, write_new};
use crate::adapters::key_file::operator_key;
use crate::adapters::terminal;
use crate::arguments::{
    Order, OrderCommand, RotatedKeyName, SchemeAndMeters, SignArguments, Terms,
};
use crate::limits::{DOCUMENT_BYTES_MAX, INLINE_BYTES_MAX, SIGNED_FILE_BYTES_MAX};
use crate::orders::{claimed_text, order_lines};
use crate::words::hex;
use anyhow::{Context, Result, bail};
use authority::{
    Action, AuthenticCommand, Blob, Bounds, Command, CommandId, Document, KeySet, Now, ObjectState,
    OperatorKey, RotatedKey, SignedCommand, approve_command, sign_command, sign_shared_command,
};
use metering::{ClockQuality, GatewayId, Timestamp};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

pub(super) fn run(command: &OrderCommand, json: bool) -> Result<bool> {
    match command {
        OrderCommand::Sign(arguments) => sign(arguments, json),
        OrderCommand::Approve {
            file,
            key,
            out,
            yes,
        } => approve(file, key, out, *yes, json),
        OrderCommand::Show {
            file,
            key_set,
            root,
        } => show(file, key_set.as_deref().zip(root.as_deref()), json),
        OrderCommand::Status {
            id,
            ledger: Some(ledger),
            ..
        } => ledger_receipts::status(*id, ledger, json),
        _ => dispatch::run(command, json),
    }
}

fn sign(arguments: &SignArguments, json: bool) -> Result<bool> {
    let key = operator_key(&arguments.terms.key)?;
    let action = action(&arguments.order)?;
    let gateway = &arguments.gateway;
    let (epoch, number) = place(arguments, &key)?;
    let command = ordered(&arguments.terms, gateway, epoch, number, action)?;
    let bytes = signed(&command, &key, arguments.terms.shared)?;
    let out = arguments.out.clone().unwrap_or_else(|| {
        let operation = command.action.operation();
        PathBuf::from(format!("{gateway}-{number}-{operation}.cbor"))
    });
    write_new(&out, &bytes, 0o644)?;
    if json {
        let value = json!({
            "file": out.display().to_string(),
            "id": command.id.to_string(),
            "gateway": gateway.to_string(),
            "number": number,
            "key": key.public().id().to_string(),
            "bytes": bytes.len(),
        });
        print(&format!("{value}\n"))?;
        return Ok(true);
    }
    let next = if arguments.terms.shared {
        "a second person approves it with `pmuctl command approve`"
    } else {
        "send it with `pmuctl command send`"
    };
    print(&format!(
        "{}\nsigned by  key {}\nin {}; {next}\n",
        order_lines(&command).join("\n"),
        key.public().id(),
        out.display()
    ))?;
    Ok(true)
}

/// For which store, and which number. A birth is of the last connection: what was signed since then
/// is known to its files alone.
fn place(arguments: &SignArguments, key: &OperatorKey) -> Result<([u8; 8], u64)> {
    let gateway = &arguments.gateway;
    if let (Some(epoch), Some(number)) = (arguments.epoch, arguments.number) {
        return Ok((epoch, number));
    }
    if let Some(file) = &arguments.after {
        let (_, signed, last) = claimed(file)?;
        let is_own = signed.claimed_signers().first() == Some(&key.public().id());
        if !is_own || last.gateway != *gateway {
            bail!(
                "{}: this is no command whose numbers count for this key and {gateway}; name one that \
                 this key signed first",
                file.display()
            );
        }
        return Ok((last.epoch, last.number.saturating_add(1)));
    }
    let birth = runtime()?.block_on(dispatch::birth(&arguments.broker, gateway))?;
    let last = birth.accepted.get(&key.public().id()).copied();
    Ok((birth.epoch, last.unwrap_or(0).saturating_add(1)))
}

/// An order with its terms, made now.
pub(super) fn ordered(
    terms: &Terms,
    gateway: &GatewayId,
    epoch: [u8; 8],
    number: u64,
    action: Action,
) -> Result<Command> {
    let mut random = [0_u8; 10];
    getrandom::fill(&mut random).context("the kernel gives no random bytes")?;
    let now = utc();
    let issued = Timestamp::from_seconds(now.seconds());
    let not_before = terms.not_before.unwrap_or(issued);
    let expects = terms.expect_version.is_some() || terms.expect_sha256.is_some();
    Ok(Command {
        id: CommandId::of_time(now, random),
        gateway: gateway.clone(),
        epoch,
        number,
        issued,
        not_before,
        expires: not_before.max(issued).after(terms.expires_in),
        action,
        precondition: expects.then_some(ObjectState {
            version: terms.expect_version,
            sha256: terms.expect_sha256,
        }),
        bounds: Bounds {
            window: None,
            attempts: terms.attempts,
            done_by: terms.done_by,
        },
    })
}

pub(super) fn signed(command: &Command, key: &OperatorKey, is_shared: bool) -> Result<Vec<u8>> {
    let sign = if is_shared {
        sign_shared_command
    } else {
        sign_command
    };
    let what = || format!("{} for {}", command.action.operation(), command.gateway);
    sign(command, key).with_context(what)
}

pub(super) fn action(order: &Order) -> Result<Action> {
    let one = |meter: &metering::MeterId| meter.clone();
    Ok(match order {
        Order::Nop => Action::Nop,
        Order::AgentRestart => Action::AgentRestart,
        Order::SchemePut { file } => Action::SchemePut {
            document: document(file)?,
        },
        Order::ListPut { file } => Action::ListPut {
            document: document(file)?,
        },
        Order::MeterPut { file } => Action::MeterPut {
            document: document(file)?,
        },
        Order::CfgSet { file } => Action::CfgSet {
            document: document(file)?,
        },
        Order::SchemeRemove { scheme } => Action::SchemeRemove {
            scheme: scheme.clone(),
        },
        Order::SchemeRead(SchemeAndMeters { scheme, meters }) => Action::SchemeRead {
            scheme: scheme.clone(),
            meters: meters.clone(),
        },
        Order::SchemeProgram(SchemeAndMeters { scheme, meters }) => Action::SchemeProgram {
            scheme: scheme.clone(),
            meters: meters.clone(),
        },
        Order::TariffSet(SchemeAndMeters { scheme, meters }) => Action::TariffSet {
            scheme: scheme.clone(),
            meters: meters.clone(),
        },
        Order::SchemeResume { of } => Action::SchemeResume { of: *of },
        Order::SchemeRestore { of } => Action::SchemeRestore { of: *of },
        Order::ListRemove { list } => Action::ListRemove { list: list.clone() },
        Order::ListRun { list } => Action::ListRun { list: list.clone() },
        Order::ListStop { list } => Action::ListStop { list: list.clone() },
        Order::MeterRemove { meter } => Action::MeterRemove { meter: one(meter) },
        Order::BillingReset { meter } => Action::BillingReset { meter: one(meter) },
        Order::MeterRead { meter } => Action::MeterRead { meter: one(meter) },
        Order::MeterInstant { meter } => Action::MeterInstant { meter: one(meter) },
        Order::MeterPing { meter } => Action::MeterPing { meter: one(meter) },
        _ => return longer_action(order),
    })
}

/// Those with more to say.
fn longer_action(order: &Order) -> Result<Action> {
    Ok(match order {
        Order::TimeSet {
            meter,
            to,
            step_max,
        } => match (meter, to) {
            (Some(meter), None) => Action::MeterTimeSet {
                meter: meter.clone(),
                step_max_s: *step_max,
            },
            (None, Some(to)) => Action::GatewayTimeSet {
                to: *to,
                step_max_s: *step_max,
            },
            _ => bail!("name a meter, or --to for the gateway's own clock"),
        },
        Order::TimeAdjust { meter, step_max } => Action::TimeAdjust {
            meter: meter.clone(),
            step_max_s: *step_max,
        },
        Order::ProfileBackfill {
            meter,
            profile,
            from,
            to,
        } => Action::ProfileBackfill {
            meter: meter.clone(),
            profile: *profile,
            from: *from,
            to: *to,
        },
        Order::PasswordChange {
            meter,
            access_level,
            sealed,
        } => Action::PasswordChange {
            meter: meter.clone(),
            level: *access_level,
            sealed: read_bytes(sealed, u64::try_from(authority::limits::SEALED_BYTES_MAX)?)?,
        },
        Order::KeyRotate {
            which,
            meter,
            session,
        } => Action::KeyRotate {
            key: rotated_key(*which, meter.clone())?,
            session: *session,
        },
        Order::OtaInstall { image } => Action::OtaInstall {
            image: blob_of(image)?,
        },
        _ => bail!("this order has no action; it is a fault of this program, tell its makers"),
    })
}

fn rotated_key(which: RotatedKeyName, meter: Option<metering::MeterId>) -> Result<RotatedKey> {
    Ok(match (which, meter) {
        (RotatedKeyName::Receipt, None) => RotatedKey::Receipt,
        (RotatedKeyName::Encryption, Some(meter)) => RotatedKey::Encryption(meter),
        (RotatedKeyName::Authentication, Some(meter)) => RotatedKey::Authentication(meter),
        (RotatedKeyName::Master, Some(meter)) => RotatedKey::Master(meter),
        (RotatedKeyName::Receipt, Some(_)) => {
            bail!("the gateway's own key belongs to no meter; leave the meter away")
        }
        (_, None) => bail!("this key is a meter's; name the meter"),
    })
}

/// A file inside the command, or what names it where it is too long for that.
fn document(path: &Path) -> Result<Document> {
    let text = read_text(path, DOCUMENT_BYTES_MAX)?;
    if text.len() <= INLINE_BYTES_MAX {
        return Ok(Document::Inline(text));
    }
    Ok(Document::Blob(Blob {
        sha256: Sha256::digest(&text).into(),
        size: u64::try_from(text.len())?,
    }))
}

fn blob_of(path: &Path) -> Result<Blob> {
    let cannot = || format!("{}: cannot be read; name the image's file", path.display());
    let mut file = File::open(path).with_context(cannot)?;
    let (mut hash, mut size) = (Sha256::new(), 0_u64);
    let mut part = vec![0_u8; 64 * 1024];
    loop {
        let length = file.read(&mut part).with_context(cannot)?;
        let Some(read) = part.get(..length).filter(|read| !read.is_empty()) else {
            break;
        };
        hash.update(read);
        size = size.saturating_add(u64::try_from(length)?);
    }
    Ok(Blob {
        sha256: hash.finalize().into(),
        size,
    })
}

/// A signed command's file, and what it says unproven.
pub(super) fn claimed(path: &Path) -> Result<(Vec<u8>, SignedCommand, Command)> {
    let bytes = read_bytes(path, u64::try_from(SIGNED_FILE_BYTES_MAX)?)?;
    let name = || format!("{}: this is no command", path.display());
    let signed = SignedCommand::parse(&bytes, false).with_context(name)?;
    let command = signed.claimed().with_context(name)?;
    Ok((bytes, signed, command))
}

fn approve(file: &Path, key: &Path, out: &Path, yes: bool, json: bool) -> Result<bool> {
    let (bytes, signed, command) = claimed(file)?;
    let key = operator_key(key)?;
    if signed.claimed_signers().contains(&key.public().id()) {
        bail!(
            "{}: this key has signed already; approving takes another person",
            file.display()
        );
    }
    if !json {
        print(&claimed_text(&command, &signed.claimed_signers()))?;
    }
    if !yes && !asked("Sign exactly this?")? {
        bail!("not signed; nothing was written");
    }
    let approved = approve_command(&bytes, &key)
        .with_context(|| format!("{}: sign it with --shared", file.display()))?;
    write_new(out, &approved, 0o644)?;
    let id = key.public().id();
    if json {
        let value = json!({"file": out.display().to_string(), "id": command.id.to_string(),
                           "key": id.to_string(), "order": order_lines(&command)});
        print(&format!("{value}\n"))?;
    } else {
        print(&format!("also signed by key {id}, in {}\n", out.display()))?;
    }
    Ok(true)
}

/// A yes that a person typed. Where there is nobody to ask, `--yes` says it.
pub(super) fn asked(question: &str) -> Result<bool> {
    if !terminal::has_person() {
        bail!("nobody can be asked; add --yes where the order was read elsewhere");
    }
    print(&format!("{question} [y/N] "))?;
    Ok(runtime()?.block_on(terminal::is_yes())?)
}

fn show(file: &Path, proof: Option<(&Path, &Path)>, json: bool) -> Result<bool> {
    let (bytes, signed, command) = claimed(file)?;
    let proven = match proof {
        Some((key_set, root)) => Some(proven(&bytes, &command, key_set, root)?),
        None => None,
    };
    if json {
        let signers: Vec<String> = signed
            .claimed_signers()
            .iter()
            .map(ToString::to_string)
            .collect();
        let people = match &proven {
            Some(Ok(authentic)) => people(authentic),
            _ => Vec::new(),
        };
        let fault = match &proven {
            Some(Err(fault)) => Some(fault.clone()),
            _ => None,
        };
        let value = json!({"id": command.id.to_string(), "gateway": command.gateway.to_string(),
            "operation": command.action.operation().word(), "number": command.number,
            "epoch": hex(&command.epoch), "order": order_lines(&command), "keys": signers,
            "proven": matches!(proven, Some(Ok(_))), "people": people, "error": fault});
        print(&format!("{value}\n"))?;
        return Ok(!matches!(proven, Some(Err(_))));
    }
    match &proven {
        None => print(&claimed_text(&command, &signed.claimed_signers()))?,
        Some(Ok(authentic)) => print(&format!(
            "{}\nsigned by  {} (proven by the key set)\n",
            order_lines(&command).join("\n"),
            people(authentic).join(" and ")
        ))?,
        Some(Err(fault)) => print(&format!(
            "{}NOT PROVEN: {fault}\n",
            claimed_text(&command, &signed.claimed_signers())
        ))?,
    }
    Ok(!matches!(proven, Some(Err(_))))
}

fn proven(
    bytes: &[u8],
    command: &Command,
    key_set: &Path,
    root: &Path,
) -> Result<Result<AuthenticCommand, String>> {
    let set = read_bytes(key_set, u64::try_from(SIGNED_FILE_BYTES_MAX)?)?;
    let set =
        KeySet::recall(&root_keys(root)?, &set).with_context(|| key_set.display().to_string())?;
    let now = Now {
        at: utc(),
        quality: ClockQuality::Synchronised,
        trusted: Timestamp::default(),
    };
    let opened = set.open_command(&command.gateway, bytes, false, &now);
    Ok(opened.map_err(|rejected| rejected.reason.to_string()))
}

fn people(authentic: &AuthenticCommand) -> Vec<String> {
    let author = |author: &authority::Author| {
        let roles: Vec<&str> = author.roles().iter().map(|role| role.word()).collect();
        format!("{} ({})", author.who(), roles.join(", "))
    };
    authentic.authors().iter().map(author).collect()
}
