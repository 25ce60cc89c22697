//! Programming meters: looked at and kept, written, read back, meter by meter.
//!
//! What a meter held before is in the store before the first octet is written to it, and stays there
//! until the command has ended: resume and restore go on from it.

use super::Dispatch;
use super::hands::{Hands, in_time};
use super::outcome::{MeterEnd, Outcome};
use super::standings::{origin, written_by};
use crate::tasks::bus::BusRequest;
use crate::tasks::bus::program::{Intent, ProgramAnswer, ProgramAsk, ProgramOrder, ProgramTrouble};
use authority::{Action, CommandId, CommandState, Now};
use metering::MeterId;
use meters::program::{Permission, ProgramFault, ProgramRecord, ProgramReport, Verdict};
use std::sync::Arc;
use std::time::Duration;
use storage::Remembered;
use tokio::sync::oneshot;

/// Sessions that may be cut before a command is left as it stands.
pub(super) const ATTEMPTS: u8 = 3;
/// A meter that cannot be asked how it stands is asked again after this.
pub(super) const STAND_AGAIN: Duration = Duration::from_secs(20);
/// And so often before the command is left in doubt; later starts and commands go on with it.
pub(super) const STANDS_MAX: u8 = 15;

/// Where the records of a command's meters are kept.
pub(super) fn records_of(id: CommandId) -> String {
    format!("program/{id}/")
}

/// Where that of one meter is.
pub(super) fn record_name(id: CommandId, meter: &MeterId) -> String {
    format!("{}{meter}", records_of(id))
}

impl Hands {
    /// Carries out whatever programs meters. Nothing where the gateway stops in between: the journal
    /// knows where.
    pub(super) async fn program(&self, dispatch: &Arc<Dispatch>) -> Option<Outcome> {
        let command = dispatch.command();
        let (scheme, meters) = match &command.action {
            Action::SchemeProgram { scheme, meters } | Action::TariffSet { scheme, meters } => {
                (Some(scheme), meters.as_slice())
            }
            Action::BillingReset { meter } => (None, std::slice::from_ref(meter)),
            Action::SchemeResume { of } => return self.again(dispatch, *of, false).await,
            Action::SchemeRestore { of } => return self.again(dispatch, *of, true).await,
            _ => return None,
        };
        let steps = u32::try_from(meters.len()).unwrap_or(u32::MAX);
        if !self
            .step(dispatch, (0, steps), "looking at the meters", Vec::new())
            .await
        {
            return None;
        }
        let is_calendar = matches!(command.action, Action::TariffSet { .. });
        let intent = match scheme {
            None => Intent::BillingEnd,
            Some(scheme) => match self.intent(scheme, is_calendar).await {
                Ok(intent) => intent,
                Err(outcome) => return Some(outcome),
            },
        };
        let mut ends = Vec::new();
        for (meter, step) in meters.iter().zip(1..) {
            if self.shutdown.is_cancelled() {
                return None;
            }
            let end = self
                .program_one(dispatch, meter, &intent, (step, steps))
                .await?;
            let stops = end.proof.state != CommandState::Succeeded;
            ends.push(end);
            if stops {
                break;
            }
        }
        let untouched = meters.iter().skip(ends.len());
        let untouched: Vec<MeterEnd> = untouched
            .map(|meter| {
                let words = "not begun, as a meter before it did not end well";
                MeterEnd::without_report(meter, CommandState::Failed, "not-begun", words)
            })
            .collect();
        ends.extend(untouched);
        Some(Outcome::of_meters(ends))
    }

    async fn program_one(
        &self,
        dispatch: &Arc<Dispatch>,
        meter: &MeterId,
        intent: &Intent,
        step: (u32, u32),
    ) -> Option<MeterEnd> {
        let failed = |code: &str, words: String| {
            MeterEnd::without_report(meter, CommandState::Failed, code, words)
        };
        let looked = self
            .ask(dispatch, meter, ProgramAsk::Look(intent.clone()))
            .await;
        let record = match looked {
            Ok(ProgramAnswer::Looked(record)) => record,
            Ok(_) => return Some(failed("defect", "no record".to_owned())),
            Err(ProgramTrouble::Dropped) if self.shutdown.is_cancelled() => return None,
            Err(trouble) => return Some(failed(code_of(&trouble), trouble.to_string())),
        };
        let record = Arc::new(*record);
        let over = (step.0.saturating_sub(1), step.1);
        let permission = match self.without_loss(dispatch, (meter, &record), over).await? {
            Ok(permission) => permission,
            Err(end) => return Some(end),
        };
        // Time has passed, and the meter was read: both are looked at again before the first effect.
        if let Err((code, words)) = self.may_still(dispatch, meter, &record).await {
            return Some(failed(code, words));
        }
        let kept = Remembered {
            version: 1,
            bytes: record.encode(),
        };
        let id = dispatch.command().id;
        let values = vec![
            (record_name(id, meter), Some(kept)),
            (written_by(id), origin(intent)),
        ];
        let note = format!("writing to {meter}");
        // No backup on the disk, no write.
        if !self.step(dispatch, step, &note, values).await {
            return None;
        }
        if let Err((code, words)) = self.late(dispatch) {
            return Some(failed(code, words));
        }
        self.write(dispatch, meter, record, &permission).await
    }

    async fn may_still(
        &self,
        dispatch: &Arc<Dispatch>,
        meter: &MeterId,
        record: &Arc<ProgramRecord>,
    ) -> Result<(), (&'static str, String)> {
        let command = dispatch.command();
        let now = self.clock.now();
        let now = Now {
            at: now.utc,
            quality: now.quality,
            trusted: now.utc,
        };
        in_time(dispatch.authentic(), &now, 0)
            .map_err(|rejection| (rejection.code().unwrap_or("expired"), rejection.to_string()))?;
        let Some(wanted) = command.precondition.and_then(|state| state.sha256) else {
            return Ok(());
        };
        let words = "the meter does not hold what the command expects; nothing was written";
        match self.stand(dispatch, meter, record).await {
            Some(report) if report.proof.before.0 == wanted => Ok(()),
            _ => Err(("precondition", words.to_owned())),
        }
    }

    /// Writes until the meter holds it, says no, or was cut off too often.
    pub(super) async fn write(
        &self,
        dispatch: &Arc<Dispatch>,
        meter: &MeterId,
        record: Arc<ProgramRecord>,
        permission: &Permission,
    ) -> Option<MeterEnd> {
        let attempts = dispatch
            .command()
            .bounds
            .attempts
            .unwrap_or(ATTEMPTS)
            .max(1);
        let wants_before = record.is_restoring();
        let mut last = None;
        for _ in 0..attempts {
            let ask = ProgramAsk::CarryOut(Arc::clone(&record), permission.clone());
            let report = match self.ask(dispatch, meter, ask).await {
                Ok(ProgramAnswer::Stands(report)) => *report,
                Ok(_) => return None,
                Err(trouble) if is_unwritten(&trouble) => {
                    let code = code_of(&trouble);
                    let state = CommandState::Failed;
                    return Some(MeterEnd::without_report(
                        meter,
                        state,
                        code,
                        trouble.to_string(),
                    ));
                }
                // Whatever was on its way may have been done: only the meter knows.
                Err(trouble) => match self.stand(dispatch, meter, &record).await {
                    Some(report) => report,
                    None if self.shutdown.is_cancelled() => return None,
                    None => {
                        let words = format!("{trouble}; how the meter stands could not be read");
                        let state = CommandState::Unknown;
                        return Some(MeterEnd::without_report(meter, state, "unknown", words));
                    }
                },
            };
            let is_over = report.stopped.is_some() || is_whole(&report, wants_before);
            last = Some(MeterEnd::of_report(meter, &report, wants_before));
            if is_over {
                break;
            }
        }
        last
    }

    /// How a meter stands to a record; nothing if it cannot be had for long.
    pub(super) async fn stand(
        &self,
        dispatch: &Arc<Dispatch>,
        meter: &MeterId,
        record: &Arc<ProgramRecord>,
    ) -> Option<ProgramReport> {
        for _ in 0..STANDS_MAX {
            let ask = ProgramAsk::Stand(Arc::clone(record));
            match self.ask(dispatch, meter, ask).await {
                Ok(ProgramAnswer::Stands(report)) => return Some(*report),
                Ok(_) => return None,
                Err(trouble) => log::warn!(meter:%; "how it stands is not known: {trouble}"),
            }
            if self.pause(STAND_AGAIN).await {
                return None;
            }
        }
        None
    }

    pub(super) async fn ask(
        &self,
        dispatch: &Arc<Dispatch>,
        meter: &MeterId,
        ask: ProgramAsk,
    ) -> Result<ProgramAnswer, ProgramTrouble> {
        let bus = self.bus_of(meter).ok_or(ProgramTrouble::NoMeter)?;
        let (reply, answer) = oneshot::channel();
        let order = ProgramOrder {
            dispatch: Arc::clone(dispatch),
            meter: meter.clone(),
            ask,
            reply,
        };
        let handed = bus.request(BusRequest::Program(Box::new(order)));
        handed.map_err(|refusal| ProgramTrouble::Busy(refusal.problem))?;
        answer.await.unwrap_or(Err(ProgramTrouble::Dropped))
    }
}

fn is_whole(report: &ProgramReport, wants_before: bool) -> bool {
    match report.verdict {
        Verdict::Unchanged => true,
        Verdict::New => !wants_before,
        Verdict::Old => wants_before,
        Verdict::Partial => false,
    }
}

/// Whether nothing can have been written.
pub(super) fn is_unwritten(trouble: &ProgramTrouble) -> bool {
    match trouble {
        ProgramTrouble::Misfits(_) | ProgramTrouble::NoMeter => true,
        ProgramTrouble::Fault(fault) => !matches!(
            fault,
            ProgramFault::Cut { .. } | ProgramFault::Dlms(meters::dlms::WriteFault::Cut { .. })
        ),
        ProgramTrouble::Unreached(_) | ProgramTrouble::Busy(_) | ProgramTrouble::Dropped => false,
    }
}

pub(super) fn code_of(trouble: &ProgramTrouble) -> &str {
    match trouble {
        ProgramTrouble::Misfits(_) => "does-not-fit",
        ProgramTrouble::NoMeter => "no-such-meter",
        ProgramTrouble::Fault(ProgramFault::OtherMeter { .. }) => "other-meter",
        ProgramTrouble::Fault(ProgramFault::NoBackup { .. }) => "no-backup",
        ProgramTrouble::Fault(_) => "meter",
        ProgramTrouble::Unreached(found) => &found.code,
        ProgramTrouble::Busy(_) => "busy",
        ProgramTrouble::Dropped => "interrupted",
    }
}
