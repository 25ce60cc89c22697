//! One session of programming a FLAG meter.

use super::round::Sitting;
use crate::tasks::bus::program::{
    Intent, ProgramAnswer, ProgramAsk, ProgramRun, ProgramTrouble, calendar_of, no_password,
};
use line::Line;
use metering::scheme::Scheme;
use meters::program::{
    FlagGround, FlagPages, Misfit, Pages, ProgramFault, ProgramPlan, carry_out, flag_plan, look,
    scheme_flag, standing,
};

/// Which identity takes a new password, and in what form, is in no public source.
const FLAG_PASSWORD: &str = "how meters of mode C take a new one is not public";

/// What the meter's own log says of us.
const OPERATOR: &str = "PMU";

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Does the session's share; the answer waits in the run.
    pub(super) async fn program(&mut self, run: &mut ProgramRun) {
        let answer = self.programmed(&run.ask).await;
        run.answer(answer);
    }

    async fn programmed(&mut self, ask: &ProgramAsk) -> Result<ProgramAnswer, ProgramTrouble> {
        Ok(match ask {
            ProgramAsk::Clock(ask) => return self.clock_for_command(ask).await,
            ProgramAsk::Password(_) => return Err(no_password(FLAG_PASSWORD)),
            ProgramAsk::Look(intent) => {
                let plan = match intent {
                    Intent::Scheme(scheme) => self.plan(Some(scheme)).await?,
                    Intent::Calendar(scheme) => self.plan(Some(&calendar_of(scheme))).await?,
                    Intent::BillingEnd => self.plan(None).await?,
                    Intent::Clone(image) => self.pages_plan(|ground| image.plan(ground)).await?,
                    Intent::WriteSet(set) => self.pages_plan(|ground| set.plan(ground)).await?,
                };
                let mut pages = FlagPages::new(&mut self.visit);
                ProgramAnswer::Looked(Box::new(look(&plan, &mut pages).await?))
            }
            ProgramAsk::Stand(record) => {
                let mut pages = FlagPages::new(&mut self.visit);
                ProgramAnswer::Stands(Box::new(standing(record, &mut pages).await?))
            }
            ProgramAsk::CarryOut(record, permission) => {
                let mut pages = FlagPages::new(&mut self.visit);
                let report = carry_out(record, &mut pages, permission).await?;
                ProgramAnswer::Stands(Box::new(report))
            }
        })
    }

    /// The plan of a scheme, or of the end of a billing period.
    async fn plan(&mut self, scheme: Option<&Scheme>) -> Result<ProgramPlan, ProgramTrouble> {
        let wanted = match scheme {
            Some(scheme) => {
                scheme_flag(self.visit.model(), scheme).map_err(ProgramTrouble::Misfits)?
            }
            None => Vec::new(),
        };
        self.pages_plan(|ground| flag_plan(ground, &wanted, &[], scheme.is_none()))
            .await
    }

    /// A plan for the meter that answers now, and for no other one.
    async fn pages_plan(
        &mut self,
        plan: impl FnOnce(FlagGround<'_>) -> Result<ProgramPlan, Vec<Misfit>>,
    ) -> Result<ProgramPlan, ProgramTrouble> {
        let (model, variant) = (self.visit.model(), self.visit.variant());
        let told = FlagPages::new(&mut self.visit).identity().await;
        let told = told.map_err(|fault| ProgramFault::NoBackup {
            what: "who the meter is".to_owned(),
            fault,
        })?;
        let ground = FlagGround {
            model,
            variant: &variant.id,
            meter: &told.meter,
            firmware: Some(&told.firmware),
            operator: Some(OPERATOR),
        };
        plan(ground).map_err(ProgramTrouble::Misfits)
    }
}
