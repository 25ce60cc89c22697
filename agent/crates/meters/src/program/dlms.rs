//! The same for meters of DLMS, whose conversations write attributes.

use super::fault::ProgramFault;
use super::fingerprint::Digest;
use super::plan::{PlanWork, ProgramPlan, Subject};
use super::record::{ProgramRecord, RecordWork};
use super::report::{InForce, ProgramReport, Proof, StepReport, StepState, Verdict};
use super::run::Permission;
use crate::catalogue::Phase;
use crate::dlms::{DlmsVisit, ItemReport, ItemState, WriteRecord, WriteReport, Written};
use ::dlms::codec::{Attribute, Data};
use ::dlms::security::CounterKeeper;
use line::Line;

/// [`look`](super::look) at a meter of DLMS.
pub async fn look_dlms<L: Line, K: CounterKeeper>(
    plan: &ProgramPlan,
    visit: &mut DlmsVisit<'_, '_, L, K>,
) -> Result<ProgramRecord, ProgramFault> {
    let PlanWork::Dlms(work) = &plan.work else {
        return Err(ProgramFault::OtherProtocol);
    };
    must_be(&plan.subject, visit)?;
    let record = visit.look(work, None).await?;
    Ok(ProgramRecord {
        subject: plan.subject.clone(),
        work: RecordWork::Dlms(Box::new(record)),
    })
}

/// [`standing`](super::standing) of a meter of DLMS.
pub async fn standing_dlms<L: Line, K: CounterKeeper>(
    record: &ProgramRecord,
    visit: &mut DlmsVisit<'_, '_, L, K>,
) -> Result<ProgramReport, ProgramFault> {
    let work = work_of(record)?;
    must_be(&record.subject, visit)?;
    let report = visit.standing(work).await?;
    Ok(translated(&record.subject, report))
}

/// [`carry_out`](super::carry_out) at a meter of DLMS.
pub async fn carry_out_dlms<L: Line, K: CounterKeeper>(
    record: &ProgramRecord,
    visit: &mut DlmsVisit<'_, '_, L, K>,
    permission: &Permission,
) -> Result<ProgramReport, ProgramFault> {
    let work = work_of(record)?;
    must_be(&record.subject, visit)?;
    let meter = &record.subject.meter;
    if work.loses_rows() && !work.is_restoring() && !permission.covers_profile_of(meter) {
        return Err(ProgramFault::ProfileNotRead {
            meter: meter.clone(),
        });
    }
    let report = visit.carry_out(work, permission.doubtful()).await?;
    Ok(translated(&record.subject, report))
}

fn work_of(record: &ProgramRecord) -> Result<&WriteRecord, ProgramFault> {
    match &record.work {
        RecordWork::Dlms(record) => Ok(record),
        RecordWork::Pages(_) => Err(ProgramFault::OtherProtocol),
    }
}

fn must_be<L: Line, K: CounterKeeper>(
    subject: &Subject,
    visit: &DlmsVisit<'_, '_, L, K>,
) -> Result<(), ProgramFault> {
    let found = &visit.model().id;
    if *found == subject.model {
        return Ok(());
    }
    Err(ProgramFault::OtherMeter {
        what: "model".to_owned(),
        found: found.clone(),
        expected: subject.model.clone(),
    })
}

fn translated(subject: &Subject, report: WriteReport) -> ProgramReport {
    let steps = report.items.iter().map(|item| StepReport {
        name: item.attribute.to_string(),
        phase: phase_of(item),
        state: match item.state {
            ItemState::Same => StepState::Same,
            ItemState::Old => StepState::Old,
            ItemState::New => StepState::New,
            ItemState::Between => StepState::Between,
            ItemState::Foreign => StepState::Foreign,
        },
    });
    let digest = |value: fn(&ItemReport) -> &Data| {
        digest_of(
            report
                .items
                .iter()
                .map(|item| (item.attribute, value(item))),
        )
    };
    let mut remarks: Vec<String> = report.remarks.iter().map(ToString::to_string).collect();
    remarks.extend(
        report
            .differences
            .iter()
            .map(|one| format!("{} holds it in a form of the meter's own", one.attribute)),
    );
    ProgramReport {
        verdict: match report.verdict {
            Written::Unchanged => Verdict::Unchanged,
            Written::Old => Verdict::Old,
            Written::New => Verdict::New,
            Written::Partial => Verdict::Partial,
        },
        steps: steps.collect(),
        in_force: InForce::AtOnce,
        proof: Proof {
            subject: subject.clone(),
            plan: digest(|item| &item.wanted),
            before: digest(|item| &item.before),
            after: digest(|item| &item.found),
            counter_before: None,
            counter_after: None,
        },
        stopped: report.stopped,
        remarks,
    }
}

/// Stands for what attributes hold.
pub(super) fn digest_of<'d>(values: impl Iterator<Item = (Attribute, &'d Data)>) -> Digest {
    let parts: Vec<Vec<u8>> = values
        .flat_map(|(attribute, value)| [attribute.to_string().into_bytes(), value.encode()])
        .collect();
    Digest::of(parts.iter().map(Vec::as_slice))
}

/// Tariffs are classes of their own; a profile's period and its rows are lost together.
fn phase_of(item: &ItemReport) -> Phase {
    match item.attribute.class {
        6 | 9 | 11 | 20 => Phase::Tariff,
        7 => Phase::Destructive,
        _ => Phase::Setting,
    }
}
