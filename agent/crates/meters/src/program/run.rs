//! The run: look, write, read back.

use super::fault::{PageFault, ProgramFault};
use super::fingerprint::hex;
use super::pages::{Confirmation, MeterIdentity, Pages};
use super::place::Place;
use super::plan::{Announcement, Guard, PlanItem, PlanWork, ProgramPlan, Role, Subject};
use super::record::{BackupPage, PageRecord, ProgramRecord, RecordWork};
use super::report::{InForce, ProgramReport};
use super::standing::{Image, Standing, counter_of, witnessed};
use crate::dlms::Doubtful;

/// What a person, or a command that was proven to come from one, agrees to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    doubtful: Doubtful,
    profile_read_of: Option<String>,
}

impl Permission {
    /// To write, and to lose nothing.
    pub fn to_write() -> Self {
        Self {
            doubtful: Doubtful::Leave,
            profile_read_of: None,
        }
    }

    /// Also where load profiles of this meter are lost: they were read and are kept.
    #[must_use]
    pub fn with_profile_read_of(mut self, meter: &str) -> Self {
        self.profile_read_of = Some(meter.to_owned());
        self
    }

    /// Also over what nobody expects, because a person has looked.
    #[must_use]
    pub fn over_what_is_foreign(mut self) -> Self {
        self.doubtful = Doubtful::Overwrite;
        self
    }

    pub(super) fn doubtful(&self) -> Doubtful {
        self.doubtful
    }

    pub(super) fn covers_profile_of(&self, meter: &str) -> bool {
        self.profile_read_of.as_deref() == Some(meter)
    }
}

/// Reads who the meter is, what must be so, the backup, and all that the plan touches. Writes nothing.
pub async fn look<P: Pages>(
    plan: &ProgramPlan,
    pages: &mut P,
) -> Result<ProgramRecord, ProgramFault> {
    let PlanWork::Pages(work) = &plan.work else {
        return Err(ProgramFault::OtherProtocol);
    };
    let unread = |what: &str, fault| ProgramFault::NoBackup {
        what: what.to_owned(),
        fault,
    };
    let identity = pages.identity().await;
    must_be(
        &plan.subject,
        &identity.map_err(|fault| unread("who the meter is", fault))?,
    )?;
    guarded(&work.guards, work.provisional.as_ref(), pages).await?;
    let mut before = Vec::new();
    for item in &work.items {
        let held = pages.read(&watched(item)).await;
        before.push(held.map_err(|fault| unread(&item.name, fault))?);
    }
    let mut backup: Vec<BackupPage> = Vec::new();
    for (name, place) in &work.backup {
        let held = match pages.read(place).await {
            Ok(octets) => Ok(octets),
            Err(PageFault::Refused(words)) => Err(words),
            Err(fault) => return Err(unread(name, fault)),
        };
        backup.push(BackupPage {
            name: name.clone(),
            place: *place,
            held,
        });
    }
    let counter_before = counter(work.counter, pages).await;
    let counter_before =
        counter_before.map_err(|fault| unread("the programming counter", fault))?;
    Ok(ProgramRecord {
        subject: plan.subject.clone(),
        work: RecordWork::Pages(Box::new(PageRecord {
            plan: work.clone(),
            before,
            backup,
            counter_before,
            is_restoring: false,
        })),
    })
}

/// Reads what the meter holds of a record, and writes nothing.
pub async fn standing<P: Pages>(
    record: &ProgramRecord,
    pages: &mut P,
) -> Result<ProgramReport, ProgramFault> {
    let work = work_of(record)?;
    let identity = pages
        .identity()
        .await
        .map_err(|fault| cut("who the meter is", fault))?;
    must_be(&record.subject, &identity)?;
    let image = image(work, pages).await?;
    let standing = Standing {
        subject: &record.subject,
        record: work,
        image: &image,
    };
    let in_force = if work.plan.apply.is_empty() {
        InForce::AtOnce
    } else {
        InForce::Unknown
    };
    Ok(standing.report(in_force, None))
}

/// Writes what is not there yet, in order, and reads back each write; what the meter refuses ends it.
/// The report is what the meter holds then, all of it read again.
///
/// The same for the first time, to go on behind a cut, and with a record that is turned back.
pub async fn carry_out<P: Pages>(
    record: &ProgramRecord,
    pages: &mut P,
    permission: &Permission,
) -> Result<ProgramReport, ProgramFault> {
    let work = work_of(record)?;
    let identity = pages
        .identity()
        .await
        .map_err(|fault| cut("who the meter is", fault))?;
    must_be(&record.subject, &identity)?;
    let changed: Vec<Place> = work.plan.items.iter().map(|item| item.place).collect();
    let guards = work.plan.guards.iter();
    let guards: Vec<Guard> = guards
        .filter(|guard| !changed.contains(&guard.place))
        .cloned()
        .collect();
    guarded(&guards, work.plan.provisional.as_ref(), pages).await?;
    let held = image(work, pages).await?;
    let standing = Standing {
        subject: &record.subject,
        record: work,
        image: &held,
    };
    let is_staged = !work.plan.apply.is_empty();
    let in_force = if is_staged {
        InForce::Unknown
    } else {
        InForce::AtOnce
    };
    if standing.has_foreign() && permission.doubtful() == Doubtful::Leave {
        let words = "nothing was written, as places hold what nobody expects";
        return Ok(standing.report(in_force, Some(words.to_owned())));
    }
    let todo = standing.todo();
    let is_applied = is_staged && standing.has_work();
    if todo.is_empty() && !is_applied {
        return Ok(standing.report(in_force, None));
    }
    let meter = &record.subject.meter;
    if todo.iter().any(|(item, _)| item.clears_profile) && !permission.covers_profile_of(meter) {
        return Err(ProgramFault::ProfileNotRead {
            meter: meter.clone(),
        });
    }
    let (stopped, in_force) = written(work, &todo, is_applied, pages).await?;
    let held = image(work, pages).await?;
    let standing = Standing {
        subject: &record.subject,
        record: work,
        image: &held,
    };
    Ok(standing.report(in_force, stopped))
}

/// Opens, writes, and puts in force. Why it ended before its end, in the meter's words.
async fn written<P: Pages>(
    work: &PageRecord,
    todo: &[(&PlanItem, &[u8])],
    is_applied: bool,
    pages: &mut P,
) -> Result<(Option<String>, InForce), ProgramFault> {
    let in_force = if work.plan.apply.is_empty() {
        InForce::AtOnce
    } else {
        InForce::Unknown
    };
    for word in &work.plan.unlock {
        if let Confirmation::Refused(words) = said(word, pages).await? {
            return Ok((Some(words), in_force));
        }
    }
    for (item, octets) in todo {
        let stopped = match item.role {
            Role::Keep => keep(item, octets, pages).await?,
            Role::Act { witness, at } => act(item, witness, at, pages).await?,
        };
        if stopped.is_some() {
            return Ok((stopped, in_force));
        }
    }
    if !is_applied {
        return Ok((None, in_force));
    }
    for word in &work.plan.apply {
        match said(word, pages).await? {
            Confirmation::Confirmed => {}
            Confirmation::Refused(words) | Confirmation::Missing(words) => {
                return Ok((Some(words), InForce::Unknown));
            }
        }
    }
    Ok((None, InForce::Confirmed))
}

/// Writes what is kept, and reads it back.
async fn keep<P: Pages>(
    item: &PlanItem,
    octets: &[u8],
    pages: &mut P,
) -> Result<Option<String>, ProgramFault> {
    let failed = |fault| cut(&item.name, fault);
    let mut doubt = None;
    for (piece, range) in item.place.pieces() {
        let part = octets.get(range).unwrap_or_default();
        match pages.write(&piece, part).await.map_err(failed)? {
            Confirmation::Confirmed => {}
            Confirmation::Missing(words) => doubt = Some(words),
            Confirmation::Refused(words) => {
                return Ok(Some(format!("{}: {words}", item.name)));
            }
        }
    }
    let mut found = pages.read(&item.place).await;
    if !matches!(&found, Ok(found) if found == octets) {
        // What was asked before may be answered now: it is looked at once more behind a probe.
        pages.settle().await.map_err(failed)?;
        found = pages.read(&item.place).await;
    }
    Ok(match found {
        Ok(found) if found == octets => None,
        Ok(found) => {
            let doubt = doubt.map_or_else(String::new, |words| format!(" ({words})"));
            Some(format!(
                "{} holds {} where {} was written{doubt}",
                item.name,
                hex(&found),
                hex(octets)
            ))
        }
        Err(PageFault::Refused(words)) => Some(format!("{}: {words}", item.name)),
        Err(fault) => return Err(failed(fault)),
    })
}

/// Does what leaves no trace but a counter, and looks at the counter.
async fn act<P: Pages>(
    item: &PlanItem,
    witness: Place,
    at: u16,
    pages: &mut P,
) -> Result<Option<String>, ProgramFault> {
    let failed = |fault| cut(&item.name, fault);
    let before = pages.read(&witness).await.map_err(failed)?;
    match pages
        .write(&item.place, &item.wanted)
        .await
        .map_err(failed)?
    {
        Confirmation::Refused(words) => return Ok(Some(format!("{}: {words}", item.name))),
        Confirmation::Confirmed | Confirmation::Missing(_) => {}
    }
    pages.settle().await.map_err(failed)?;
    let found = pages.read(&witness).await.map_err(failed)?;
    let is_done = witnessed(&before, at) != witnessed(&found, at);
    Ok((!is_done).then(|| format!("{} did not move the meter's counter", item.name)))
}

/// Writes a word along the way.
async fn said<P: Pages>(word: &Announcement, pages: &mut P) -> Result<Confirmation, ProgramFault> {
    let octets = match &word.octets {
        Some(octets) => octets.clone(),
        None => pages
            .password(&word.place)
            .ok_or_else(|| ProgramFault::NoPassword {
                what: word.name.clone(),
            })?,
    };
    let said = pages.write(&word.place, &octets).await;
    let said = said.map_err(|fault| cut(&word.name, fault))?;
    Ok(match said {
        Confirmation::Confirmed => Confirmation::Confirmed,
        Confirmation::Missing(words) => Confirmation::Missing(format!("{}: {words}", word.name)),
        Confirmation::Refused(words) => Confirmation::Refused(format!("{}: {words}", word.name)),
    })
}

fn work_of(record: &ProgramRecord) -> Result<&PageRecord, ProgramFault> {
    match &record.work {
        RecordWork::Pages(pages) => Ok(pages),
        RecordWork::Dlms(_) => Err(ProgramFault::OtherProtocol),
    }
}

fn cut(at: &str, fault: PageFault) -> ProgramFault {
    ProgramFault::Cut {
        at: at.to_owned(),
        fault,
    }
}

/// What is read to know how an item stands.
fn watched(item: &PlanItem) -> Place {
    match item.role {
        Role::Keep => item.place,
        Role::Act { witness, .. } => witness,
    }
}

fn must_be(subject: &Subject, found: &MeterIdentity) -> Result<(), ProgramFault> {
    let firmware = subject.firmware.as_ref().unwrap_or(&found.firmware);
    let pairs = [
        ("model", &found.model, &subject.model),
        ("name", &found.meter, &subject.meter),
        ("firmware", &found.firmware, firmware),
    ];
    for (what, found, expected) in pairs {
        if found != expected {
            return Err(ProgramFault::OtherMeter {
                what: what.to_owned(),
                found: found.clone(),
                expected: expected.clone(),
            });
        }
    }
    Ok(())
}

async fn guarded<P: Pages>(
    guards: &[Guard],
    provisional: Option<&Guard>,
    pages: &mut P,
) -> Result<(), ProgramFault> {
    if let Some(mark) = provisional {
        match pages.read(&mark.place).await {
            Ok(found) if found == mark.octets => {}
            Ok(_) | Err(PageFault::Refused(_)) => return Err(ProgramFault::ProvisionalOnHardware),
            Err(fault) => {
                return Err(ProgramFault::NoBackup {
                    what: mark.name.clone(),
                    fault,
                });
            }
        }
    }
    for guard in guards {
        let found = pages.read(&guard.place).await;
        let found = found.map_err(|fault| ProgramFault::NoBackup {
            what: guard.name.clone(),
            fault,
        })?;
        if found != guard.octets {
            return Err(ProgramFault::OtherMeter {
                what: guard.name.clone(),
                found: hex(&found),
                expected: hex(&guard.octets),
            });
        }
    }
    Ok(())
}

async fn counter<P: Pages>(place: Option<Place>, pages: &mut P) -> Result<Option<u32>, PageFault> {
    let Some(place) = place else {
        return Ok(None);
    };
    match pages.read(&place).await {
        Ok(octets) => Ok(counter_of(&octets)),
        Err(PageFault::Refused(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// All that a record touches, as the meter holds it now.
async fn image<P: Pages>(work: &PageRecord, pages: &mut P) -> Result<Image, ProgramFault> {
    let mut image = Image::default();
    for item in &work.plan.items {
        let held = pages.read(&watched(item)).await;
        image
            .held
            .push(held.map_err(|fault| cut(&item.name, fault))?);
    }
    let counter = counter(work.plan.counter, pages).await;
    image.counter = counter.map_err(|fault| cut("the programming counter", fault))?;
    Ok(image)
}
