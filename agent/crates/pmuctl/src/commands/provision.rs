//! One flashed file becomes a gateway.

use super::{print, runtime};
use crate::adapters::agent_program::{self, Judgement, judge};
use crate::adapters::clock::utc;
use crate::adapters::provision_disk::{After, Changed, Disk, Step};
use crate::adapters::provision_stick::{brought, hand_out};
use crate::arguments::ProvisionArguments;
use crate::provision::{
    Complaint, Complaints, Kept, Key, Plan, Status, Text, Texts, is_ours, places, plan,
};
use anyhow::{Result, bail};
use metering::GatewayId;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

pub(super) fn run(arguments: &ProvisionArguments, json: bool) -> Result<bool> {
    let disk = Disk::new(&arguments.root);
    let mut after = |_: Step| -> io::Result<()> { Ok(()) };
    let mut said = Vec::new();
    if arguments.finish {
        let _lock = disk.lock()?;
        if disk.finish(&mut after)? {
            said.push("finished what had been interrupted".to_owned());
        }
    }
    if let Some(folder) = &arguments.folder {
        let mut judged = |text: &Text, head: &str, passwords: &Passwords| {
            judge_meters(&disk, text, head, passwords)
        };
        take(&disk, folder, now(), &mut judged, &mut after, &mut said)?;
    }
    let status = status(&arguments.root);
    if json {
        print(&format!("{}\n", serde_json::to_string(&status)?))?;
    } else {
        said.push(status.to_string());
        print(&said.join("\n"))?;
    }
    // Nothing to finish is no fault.
    Ok(status.is_complete || arguments.finish)
}

/// How far the gateway below a root is. For the status page too.
pub(super) fn status(root: &Path) -> Status {
    let disk = Disk::new(root);
    let kept = match disk.kept() {
        Ok(kept) => kept,
        Err(error) => return Status::damaged(&format!("{error:#}")),
    };
    if let Some(agent) = kept.agent.as_ref().filter(|agent| !is_ours(&agent.text)) {
        return Status::by_hand(&agent.file);
    }
    match plan(&Texts::default(), &kept, now()) {
        Ok(plan) => Status::of(&plan, kept.agent.is_some(), disk.is_interrupted()),
        Err(refusal) => Status::damaged(&refusal.complaints.to_string()),
    }
}

fn now() -> u64 {
    utc().millis() / 1000
}

/// What is said of buses and meters that were brought.
type Judged<'a> = &'a mut dyn FnMut(&Text, &str, &Passwords) -> Result<Judgement>;

type Passwords = BTreeMap<String, String>;

/// Takes what lies in a folder, all of it or nothing.
fn take(
    disk: &Disk,
    folder: &Path,
    now: u64,
    judged: Judged<'_>,
    after: After<'_>,
    said: &mut Vec<String>,
) -> Result<()> {
    if !folder.is_dir() {
        bail!("{}: there is no such folder; name one", folder.display());
    }
    let _lock = disk.lock()?;
    disk.finish(after)?;
    let mut complaints = Vec::new();
    let texts = brought(folder, &mut complaints);
    let mut kept = disk.kept()?;
    let planned = plan(&texts, &kept, now);
    let planned = match planned {
        Err(mut refusal) => {
            complaints.append(&mut refusal.complaints.0);
            let id = refusal.request_for.filter(|_| complaints.len() == 1);
            return refused(disk, folder, id, complaints, after);
        }
        Ok(_) if !complaints.is_empty() => return refused(disk, folder, None, complaints, after),
        Ok(planned) => planned,
    };
    meters_are_good(&planned, &texts.passwords, judged, said)?;
    let planned = with_key(disk, &texts, &mut kept, planned, now, after)?;
    let changed = disk.change(&planned.files, &planned.removed, after)?;
    say_changes(&changed, said);
    said.extend(planned.remarks.iter().map(|words| format!("note: {words}")));
    if !disk.has_group() {
        said.push(
            "note: there is no group pmu; systemd-sysusers makes it, and systemd-tmpfiles \
                   gives it the files"
                .to_owned(),
        );
    }
    if let (Some(id), Some(key)) = (&planned.id, &kept.key) {
        said.push(request(folder, id, key)?);
    }
    Ok(())
}

/// What was changed, and what has to be told of it; the agent sees new keys by itself.
fn say_changes(changed: &Changed, said: &mut Vec<String>) {
    for (word, places) in [("written", &changed.written), ("removed", &changed.removed)] {
        if !places.is_empty() {
            said.push(format!("{word}: {}", places.join(", ")));
        }
    }
    let all = || changed.written.iter().chain(&changed.removed);
    let mut units = Vec::new();
    if all().any(|place| place.starts_with(places::NETWORK)) {
        units.push("systemd-networkd");
    }
    if all().any(|place| place == places::TIME) {
        units.push("systemd-timesyncd");
    }
    if all().any(|place| place == places::AGENT) {
        units.push("pmu-agent");
    }
    if !units.is_empty() {
        let units = units.join(" ");
        said.push(format!(
            "if you typed this yourself: systemctl restart {units}"
        ));
    }
}

/// The key is made as soon as the gateway has a name: its request is what takes longest.
fn with_key(
    disk: &Disk,
    texts: &Texts,
    kept: &mut Kept,
    planned: Plan,
    now: u64,
    after: After<'_>,
) -> Result<Plan> {
    if planned.id.is_none() || !disk.make_key(after)? {
        return Ok(planned);
    }
    *kept = disk.kept()?;
    Ok(plan(texts, kept, now).map_err(|refusal| refusal.complaints)?)
}

fn refused(
    disk: &Disk,
    folder: &Path,
    id: Option<GatewayId>,
    complaints: Vec<Complaint>,
    after: After<'_>,
) -> Result<()> {
    let words = Complaints(complaints);
    let Some(id) = id else {
        bail!("nothing was taken, because of\n{words}");
    };
    // Only the certificate is wrong, and the request for another one is how it is mended.
    disk.make_key(after)?;
    let key = disk.kept()?.key;
    let handed = key.map(|key| request(folder, &id, &key)).transpose()?;
    bail!(
        "nothing was taken, because of\n{words}\n{}",
        handed.unwrap_or_default()
    );
}

fn request(folder: &Path, id: &GatewayId, key: &Key) -> Result<String> {
    let (path, text, is_written) = hand_out(folder, id, key)?;
    Ok(if is_written {
        format!("request for a certificate: {}", path.display())
    } else {
        format!("the folder takes no file; request for a certificate:\n{text}")
    })
}

fn meters_are_good(
    planned: &Plan,
    passwords: &Passwords,
    judged: Judged<'_>,
    said: &mut Vec<String>,
) -> Result<()> {
    let Some((text, head)) = &planned.unchecked else {
        return Ok(());
    };
    match judged(text, head, passwords)? {
        Judgement::Good => {}
        Judgement::Bad(words) => bail!("nothing was taken, because of\n{words}"),
        Judgement::None(why) => said.push(format!("note: nobody has checked the meters: {why}")),
    }
    Ok(())
}

/// Has the agent look at buses and meters. They come before the head, so that its lines are those
/// of the file that was brought.
fn judge_meters(disk: &Disk, text: &Text, head: &str, passwords: &Passwords) -> Result<Judgement> {
    let root = disk.path("/");
    let root = root.to_string_lossy();
    let models = format!("model-folder = \"{}", root.trim_end_matches('/'));
    let head = head.replace("model-folder = \"", &models);
    let draft = disk.write_draft(&format!("{}\n{head}", text.text), passwords)?;
    let program = agent_program::find();
    let judged = runtime()?.block_on(judge(program.as_deref(), &draft, Path::new(&text.file)));
    disk.drop_draft()?;
    let beside = draft.with_file_name("");
    Ok(match judged {
        Judgement::Bad(words) => Judgement::Bad(words.replace(&*beside.to_string_lossy(), "")),
        judged => judged,
    })
}

#[cfg(test)]
mod tests;
