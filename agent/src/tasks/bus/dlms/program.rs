//! One session of programming a DLMS meter.

use super::session::Sitting;
use crate::tasks::bus::program::{
    Intent, ProgramAnswer, ProgramAsk, ProgramRun, ProgramTrouble, calendar_of,
};
use crate::tasks::keykeeper::MeterKeys;
use line::Line;
use meters::program::{Misfit, carry_out_dlms, look_dlms, plan_calendar_dlms, standing_dlms};

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Does the session's share; the answer waits in the run.
    pub(super) async fn program(&mut self, run: &mut ProgramRun, keys: &MeterKeys) {
        let answer = match &run.ask {
            ProgramAsk::Password(ask) => self.password_for_command(ask, keys).await,
            ask => self.programmed(ask).await,
        };
        run.answer(answer);
    }

    async fn programmed(&mut self, ask: &ProgramAsk) -> Result<ProgramAnswer, ProgramTrouble> {
        if let ProgramAsk::Clock(ask) = ask {
            return self.clock_for_command(ask).await;
        }
        let visit = &mut self.visit;
        Ok(match ask {
            ProgramAsk::Clock(_) | ProgramAsk::Password(_) => return Err(ProgramTrouble::Dropped),
            ProgramAsk::Look(intent) => {
                let plan = match intent {
                    Intent::Scheme(scheme) => plan_calendar_dlms(scheme, visit).await?,
                    Intent::Calendar(scheme) => {
                        plan_calendar_dlms(&calendar_of(scheme), visit).await?
                    }
                    Intent::Clone(_) | Intent::WriteSet(_) => {
                        return Err(intent.fits_no("a DLMS meter"));
                    }
                    Intent::BillingEnd => return Err(no_billing_end()),
                };
                ProgramAnswer::Looked(Box::new(look_dlms(&plan, visit).await?))
            }
            ProgramAsk::Stand(record) => {
                ProgramAnswer::Stands(Box::new(standing_dlms(record, visit).await?))
            }
            ProgramAsk::CarryOut(record, permission) => {
                let report = carry_out_dlms(record, visit, permission).await?;
                ProgramAnswer::Stands(Box::new(report))
            }
        })
    }
}

/// No model file of DLMS meters declares a script that ends a billing period, with a counter that
/// tells that it ran; one without the other is not executed blindly.
fn no_billing_end() -> ProgramTrouble {
    let problem = "its model declares no script that ends a billing period and no counter of ends";
    let remedy = "end it at the meter, or let its own billing dates end it";
    ProgramTrouble::Misfits(vec![Misfit::new("billing period", problem, remedy)])
}
