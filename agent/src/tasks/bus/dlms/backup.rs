//! Every readable attribute of a meter, for a file.

use super::session::Sitting;
use crate::hex::hex;
use desk::{BackupIdentity, BackupProtocol, BackupResult, Outcome, Progress};
use dlms::codec::{Asked, Attribute};
use line::Line;
use metering::Obis;
use meters::catalogue::dlms::DlmsWhat;
use meters::cosem::{AttributePlan, BackupAttribute, attribute_words, backup_attributes};
use meters::dlms::DlmsFault;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Attributes that are asked for at once.
const AT_ONCE: usize = 8;
/// Sessions that may break at one attribute before it is passed over: another one may be well.
const BREAKS_MAX: u8 = 2;
/// Kept back of a session, to end it.
const GOODBYE: Duration = Duration::from_secs(1);

/// How far a backup is.
#[derive(Debug, Default)]
pub(super) struct BackupRun {
    /// What is read; known once the meter has shown its objects.
    plan: Option<Vec<BackupAttribute>>,
    next: usize,
    /// Up to here they are asked for one by one: asked for together they broke a session.
    alone_until: usize,
    /// Sessions that broke at the next one.
    breaks: u8,
    /// UTC when it was begun.
    taken: String,
    identification: String,
    identities: Vec<BackupIdentity>,
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Reads on; nothing while there is more to read.
    pub(super) async fn back_up(
        &mut self,
        run: &mut BackupRun,
        progress: &mut Progress,
    ) -> Result<Option<Outcome>, DlmsFault> {
        if run.plan.is_none() {
            run.taken = self.desk.clock.now().utc.to_string();
            "the list of its objects".clone_into(&mut progress.words);
            self.desk.report(progress);
            let objects = self.visit.objects().await?;
            run.plan = Some(objects.iter().flat_map(backup_attributes).collect());
        }
        let plan = run.plan.take().unwrap_or_default();
        let read = self.read_attributes(run, &plan, progress).await;
        let is_over = run.next >= plan.len();
        run.plan = Some(plan);
        read?;
        if !is_over {
            return Ok(None);
        }
        Ok(Some(Outcome::Backup(self.backup(run))))
    }

    async fn read_attributes(
        &mut self,
        run: &mut BackupRun,
        plan: &[BackupAttribute],
        progress: &mut Progress,
    ) -> Result<(), DlmsFault> {
        progress.total = u64::try_from(plan.len()).unwrap_or(0);
        while let Some(next) = plan.get(run.next) {
            if self.visit.left() < GOODBYE || self.desk.is_over() {
                break;
            }
            progress.done = u64::try_from(run.next).unwrap_or(0);
            progress.words = format!("{}, {}", place(next.attribute), next.name);
            self.desk.report(progress);
            self.desk.pulse.beat();
            if let Some(passed) = run.passed_over(next) {
                run.keep([passed]);
                continue;
            }
            let some = together(run, plan);
            self.ask(run, some).await?;
        }
        progress.done = u64::try_from(run.next).unwrap_or(0);
        Ok(())
    }

    async fn ask(
        &mut self,
        run: &mut BackupRun,
        some: &[BackupAttribute],
    ) -> Result<(), DlmsFault> {
        let list: Vec<Asked> = some.iter().map(|one| Asked::from(one.attribute)).collect();
        let answer = self.visit.session().get_list(&list).await;
        let fault = match answer {
            Ok(outcomes) => {
                let kept = some
                    .iter()
                    .zip(outcomes)
                    .map(|(one, outcome)| match outcome {
                        Ok(data) => {
                            if one.attribute == device_name(self.model) {
                                let said = meters::cosem::identity_text(&data);
                                run.identification = said.unwrap_or_default();
                            }
                            answered(one, &data)
                        }
                        Err(result) => refused(one, format!("the meter says: {result}")),
                    });
                let kept: Vec<BackupIdentity> = kept.collect();
                run.keep(kept);
                return Ok(());
            }
            Err(fault) => DlmsFault::from(fault),
        };
        if super::ends::is_time_up(&fault) {
            return Err(fault);
        }
        match some {
            // The association is as it was: only this one cannot be had.
            [one] if !fault.ends_session() => run.keep([refused(one, fault.to_string())]),
            [_] => run.breaks += 1,
            some => run.alone_until = run.next + some.len(),
        }
        if fault.ends_session() {
            return Err(fault);
        }
        Ok(())
    }

    fn backup(&self, run: &mut BackupRun) -> BackupResult {
        let dlms = &self.book.dlms;
        BackupResult {
            meter: self.book.id().to_string(),
            model: self.model.id.clone(),
            identification: std::mem::take(&mut run.identification),
            serial: self.visit.identity().to_owned(),
            taken: std::mem::take(&mut run.taken),
            level: None,
            identities: std::mem::take(&mut run.identities),
            protocol: Some(BackupProtocol {
                name: "dlms".to_owned(),
                association: dlms.association.name.clone(),
                client: dlms.client.unwrap_or(dlms.association.client),
                place: dlms.line_name(),
            }),
        }
    }
}

impl BackupRun {
    fn keep(&mut self, kept: impl IntoIterator<Item = BackupIdentity>) {
        let before = self.identities.len();
        self.identities.extend(kept);
        self.next += self.identities.len() - before;
        self.breaks = 0;
    }

    /// What is said of an attribute that is not asked for.
    fn passed_over(&self, next: &BackupAttribute) -> Option<BackupIdentity> {
        let bare = bare(next);
        match next.plan {
            AttributePlan::LeftOut(why) => Some(BackupIdentity {
                left_out: why.to_owned(),
                ..bare
            }),
            AttributePlan::NoRight => {
                let why = "its object list says that this association may not read it";
                Some(refused(next, why.to_owned()))
            }
            AttributePlan::Read if self.breaks >= BREAKS_MAX => {
                let why = format!("the session broke off {} times at it", self.breaks);
                Some(refused(next, why))
            }
            AttributePlan::Read => None,
        }
    }
}

/// The next ones that are asked for in one go.
fn together<'p>(run: &BackupRun, plan: &'p [BackupAttribute]) -> &'p [BackupAttribute] {
    let rest = plan.get(run.next..).unwrap_or_default();
    let most = if run.next < run.alone_until || run.breaks > 0 {
        1
    } else {
        AT_ONCE
    };
    let asked = rest.iter().take(most);
    let count = asked
        .take_while(|one| one.plan == AttributePlan::Read)
        .count();
    rest.get(..count.max(1)).unwrap_or(rest)
}

/// The object that tells the logical device name, as the model has it.
fn device_name(model: &meters::catalogue::dlms::DlmsModel) -> Attribute {
    let told = model.object(DlmsWhat::DeviceName);
    told.map_or(
        Attribute {
            class: 1,
            name: dlms::codec::LogicalName::DEVICE_NAME,
            number: 2,
        },
        meters::catalogue::dlms::DlmsObject::asked,
    )
}

fn place(attribute: Attribute) -> String {
    let name = Obis::new(attribute.name.0);
    format!(
        "{name} class {} attribute {}",
        attribute.class, attribute.number
    )
}

fn bare(one: &BackupAttribute) -> BackupIdentity {
    BackupIdentity {
        place: place(one.attribute),
        name: one.name.clone(),
        is_running: one.runs,
        ..BackupIdentity::default()
    }
}

fn refused(one: &BackupAttribute, why: String) -> BackupIdentity {
    BackupIdentity {
        refused: why,
        ..bare(one)
    }
}

fn answered(one: &BackupAttribute, data: &dlms::codec::Data) -> BackupIdentity {
    let octets = data.encode();
    BackupIdentity {
        hex: hex(&octets),
        sha256: hex(&Sha256::digest(&octets)),
        words: attribute_words(one.attribute, data),
        ..bare(one)
    }
}
