//! Orders of the command desk: sessions with meters of all protocols.

use super::dry_run::ProgramReply;
use super::flag::{OVER, Whose};
use super::{Bus, words};
use crate::config::LinkSettings;
use crate::limits::LINE_WORK_HOLD_MIN;
use crate::tasks::bus::flag::signs_of_life;
use crate::tasks::bus::program::{
    Intent, LookOrder, ProgramAnswer, ProgramAsk, ProgramOrder, ProgramTrouble,
};
use crate::tasks::bus::sessions::alive;
use line::Line;
use metering::MeterId;
use meters::catalogue::Model;
use meters::modbus::Framing;
use meters::planner::{Respect, SessionEnd, SessionRequest, SessionTurn};
use meters::program::{
    Misfit, ModbusPages, Pages, ProgramFault, carry_out, look, scheme_settings, settings_plan,
    standing,
};

/// An order at a Modbus meter, for which the line is kept free.
pub(in super::super) struct ModbusProgram {
    meter: MeterId,
    ask: ProgramAsk,
    reply: ProgramReply,
}

impl Bus {
    /// Takes up an order. Its dispatch has done its work by being there.
    pub(in super::super) fn program(&mut self, order: ProgramOrder) {
        let ProgramOrder {
            dispatch,
            meter,
            ask,
            reply,
        } = order;
        log::info!(command:% = dispatch.command().id, meter:%; "a command wants the line");
        // Whoever may order does not wait for polls.
        let respect = Respect::SamplesAtOnce;
        self.ask_program(meter, ask, ProgramReply::Asker(reply), respect);
    }

    /// Takes up a look, which needs no dispatch as it can write nothing.
    pub(in super::super) fn look_at(&mut self, order: LookOrder) {
        let LookOrder { meter, ask, reply } = order;
        let reply = ProgramReply::Asker(reply);
        self.ask_program(meter, ask.into(), reply, Respect::Polls);
    }

    pub(super) fn ask_program(
        &mut self,
        meter: MeterId,
        ask: ProgramAsk,
        reply: ProgramReply,
        respect: Respect,
    ) {
        if let Some(trouble) = self.line_trouble() {
            return reply.answer(Err(trouble.into()));
        }
        if self.books.iter().any(|book| *book.id() == meter) {
            self.program_modbus(meter, ask, reply, respect);
        } else if self.flags.iter().any(|book| *book.id() == meter) {
            self.program_flag(meter, ask, Whose::Command(reply), respect);
        } else if self.dlms.iter().any(|book| *book.id() == meter) {
            self.program_dlms(meter, ask, Whose::Command(reply), respect);
        } else {
            reply.answer(Err(words::left_alone(meter.as_str()).into()));
        }
    }

    fn program_modbus(
        &mut self,
        meter: MeterId,
        ask: ProgramAsk,
        reply: ProgramReply,
        respect: Respect,
    ) {
        self.token += 1;
        let hold_max = self.parts.settings.session_max;
        let request = SessionRequest {
            meter: None,
            token: self.token,
            hold_min: LINE_WORK_HOLD_MIN.min(hold_max),
            hold_max,
            respect,
        };
        match self.planner.ask_session(request) {
            Ok(()) => {
                let job = ModbusProgram { meter, ask, reply };
                self.program_jobs.insert(self.token, job);
            }
            Err(error) => reply.answer(Err(words::busy(&error.to_string()).into())),
        }
    }

    /// The session of an order at a Modbus meter.
    pub(super) async fn slice_for_program(
        &mut self,
        job: ModbusProgram,
        turn: &SessionTurn,
    ) -> SessionEnd {
        let ModbusProgram { meter, ask, reply } = job;
        let mut books = self.books.iter();
        let book = books.find(|book| *book.id() == meter);
        let modbus = book.and_then(|book| book.settings.modbus().cloned());
        let Some(modbus) = modbus.filter(|_| !reply.is_closed()) else {
            reply.answer(Err(ProgramTrouble::Dropped));
            return OVER;
        };
        let is_tcp = matches!(self.parts.settings.link, LinkSettings::ModbusTcp { .. });
        let pulse = self.parts.pulse.clone();
        let at_most = signs_of_life(turn, &self.parts.settings);
        let shutdown = self.parts.shutdown.clone();
        let programming = async {
            let (guard, ids) = self.link.line_and_ids()?;
            let framing = if is_tcp {
                Framing::Tcp(ids)
            } else {
                Framing::Rtu
            };
            let name = meter.as_str();
            let mut pages = ModbusPages::new(guard, framing, modbus.unit, &modbus.model, name);
            Some(programmed(&ask, &modbus.model, &mut pages).await)
        };
        let done = alive(programming, &pulse, at_most, &shutdown).await;
        reply.answer(done.flatten().unwrap_or(Err(ProgramTrouble::Dropped)));
        OVER
    }
}

async fn programmed<L: Line>(
    ask: &ProgramAsk,
    model: &Model,
    pages: &mut ModbusPages<'_, '_, '_, L>,
) -> Result<ProgramAnswer, ProgramTrouble> {
    Ok(match ask {
        ProgramAsk::Look(intent @ (Intent::Clone(_) | Intent::WriteSet(_))) => {
            return Err(intent.fits_no("a Modbus meter"));
        }
        ProgramAsk::Clock(_) => return Err(has_no(model, "clock that can be set")),
        ProgramAsk::Password(_) => return Err(has_no(model, "password")),
        ProgramAsk::Look(Intent::BillingEnd) => return Err(has_no(model, "billing period")),
        ProgramAsk::Look(Intent::Calendar(scheme)) => {
            let place = format!("scheme {}", scheme.name);
            let problem = format!("meters of model {} have no calendar", model.id);
            let remedy = "leave this meter out, or program a scheme for its model";
            return Err(ProgramTrouble::Misfits(vec![Misfit::new(
                place, problem, remedy,
            )]));
        }
        ProgramAsk::Look(Intent::Scheme(scheme)) => {
            let wanted = scheme_settings(model, scheme).map_err(ProgramTrouble::Misfits)?;
            let told = pages
                .identity()
                .await
                .map_err(|fault| ProgramFault::NoBackup {
                    what: "who the meter is".to_owned(),
                    fault,
                })?;
            let plan = settings_plan(model, &told.meter, &wanted, &[]);
            let plan = plan.map_err(ProgramTrouble::Misfits)?;
            ProgramAnswer::Looked(Box::new(look(&plan, pages).await?))
        }
        ProgramAsk::Stand(record) => {
            ProgramAnswer::Stands(Box::new(standing(record, pages).await?))
        }
        ProgramAsk::CarryOut(record, permission) => {
            ProgramAnswer::Stands(Box::new(carry_out(record, pages, permission).await?))
        }
    })
}

fn has_no(model: &Model, what: &str) -> ProgramTrouble {
    let problem = format!("meters of model {} have no {what}", model.id);
    let remedy = "leave this meter out; what its model file declares can be programmed by a scheme";
    ProgramTrouble::Misfits(vec![Misfit::new(what, problem, remedy)])
}
