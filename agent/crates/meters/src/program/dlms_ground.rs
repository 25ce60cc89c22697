//! What a meter of DLMS has for a calendar, read from it.

use super::fault::{Misfit, ProgramFault};
use super::plan::{ProgramPlan, Subject};
use super::scheme_dlms::{DlmsTariffGround, scheme_program};
use crate::cosem::{RegisterActivation, RegisterField, Script};
use crate::dlms::{DlmsFault, DlmsVisit, WriteFault};
use ::dlms::codec::{Attribute, Data, LogicalName};
use ::dlms::security::CounterKeeper;
use line::Line;
use metering::scheme::Scheme;

// Blue Book, 7.3: the names of what there is one of.
const CALENDAR: LogicalName = LogicalName([0, 0, 13, 0, 0, 255]);
const SPECIAL_DAYS: LogicalName = LogicalName([0, 0, 11, 0, 0, 255]);
const SCRIPTS: LogicalName = LogicalName([0, 0, 10, 0, 100, 255]);
const REGISTERS: LogicalName = LogicalName([0, 0, 14, 0, 0, 255]);

/// Why there is no plan for a meter.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NoPlan {
    /// What is wanted does not fit the meter. Nothing was sent but reads.
    #[error("{}", join(.0))]
    Misfits(Vec<Misfit>),
    /// It could not be asked.
    #[error(transparent)]
    Fault(#[from] ProgramFault),
}

/// A plan that writes the calendar of a scheme to the meter of this visit. Which script lets which rates
/// count is the meter's own, so it is asked first.
pub async fn plan_calendar_dlms<L: Line, K: CounterKeeper>(
    scheme: &Scheme,
    visit: &mut DlmsVisit<'_, '_, L, K>,
) -> Result<ProgramPlan, NoPlan> {
    let unread = |fault: DlmsFault| NoPlan::Fault(WriteFault::Unread { fault }.into());
    let scripts = got(visit, Script::table(SCRIPTS)).await.map_err(unread)?;
    let malformed = |fault| unread(DlmsFault::from(fault));
    let scripts = Script::decode_all(&scripts).map_err(malformed)?;
    let mut fields = Vec::new();
    for field in RegisterField::ALL {
        let value = got(visit, field.attribute(REGISTERS)).await;
        fields.push(value.map_err(unread)?);
    }
    let [registers, masks, active] = fields.as_slice() else {
        return Err(NoPlan::Misfits(Vec::new()));
    };
    let registers = RegisterActivation::decode(|field| match field {
        RegisterField::Registers => registers,
        RegisterField::Masks => masks,
        RegisterField::Active => active,
    });
    let registers = registers.map_err(malformed)?;
    let meter = visit.identity().to_owned();
    let ground = DlmsTariffGround {
        meter: &meter,
        calendar: CALENDAR,
        special_days: SPECIAL_DAYS,
        clock: None,
        scripts: (SCRIPTS, &scripts),
        registers: &registers,
    };
    let program = scheme_program(scheme, ground).map_err(NoPlan::Misfits)?;
    let model = visit.model();
    let known = Some((SCRIPTS, scripts.as_slice()));
    let plan = program.plan(&model.takes(), known).map_err(|complaints| {
        let misfits = complaints.into_iter();
        let misfits = misfits.map(|one| Misfit::new(one.place, one.problem, one.remedy));
        NoPlan::Misfits(misfits.collect())
    })?;
    let subject = Subject {
        model: model.id.clone(),
        meter,
        firmware: None,
    };
    Ok(ProgramPlan::of_dlms(subject, plan))
}

async fn got<L: Line, K: CounterKeeper>(
    visit: &mut DlmsVisit<'_, '_, L, K>,
    attribute: Attribute,
) -> Result<Data, DlmsFault> {
    let outcome = visit.get(attribute).await?;
    outcome.map_err(|result| DlmsFault::Refused {
        what: attribute.to_string(),
        result,
    })
}

fn join(misfits: &[Misfit]) -> String {
    let misfits: Vec<String> = misfits.iter().map(ToString::to_string).collect();
    misfits.join("; ")
}
