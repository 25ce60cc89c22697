//! What a scheme wants read of a Modbus meter, which has registers and keeps nothing else: they are
//! read at once and kept.

use super::super::book::value;
use super::super::requests::Waiting;
use super::{Bus, words};
use crate::jobs::Ticket;
use crate::tasks::storekeeper::Record;
use desk::{GatherResult, GatherWish, Outcome};
use metering::{MeterId, MeterReadings};
use meters::Span;
use meters::catalogue::Register;
use meters::planner::{Answered, Why};

/// Value group D of a value of the moment.
const OF_THE_MOMENT: u8 = 7;

/// A reading that goes on.
pub(in super::super) struct ModbusGathering {
    ticket: Ticket,
    meter: MeterId,
    result: GatherResult,
}

impl Bus {
    pub(super) fn gather_modbus(&mut self, ticket: Ticket, meter: &MeterId, wish: GatherWish) {
        let Some(book) = self.books.iter().find(|book| book.id() == meter) else {
            return ticket.failed(words::left_alone(meter.as_str()));
        };
        let mut spans: Vec<Span> = Vec::new();
        if wish.registers {
            spans.extend(counted(book.registers()).flat_map(Register::spans));
        }
        spans.sort_unstable();
        spans.dedup();
        let mut result = GatherResult {
            cannot: lacking(book.settings.model_id(), wish, spans.is_empty()),
            ..GatherResult::default()
        };
        if spans.is_empty() {
            return ticket.done(Outcome::Gathered(result));
        }
        result.values = Some(0);
        match self.begin_read(meter, spans) {
            Ok(token) => {
                let job = ModbusGathering {
                    ticket,
                    meter: meter.clone(),
                    result,
                };
                self.waiting.insert(token, Waiting::Gathering(job));
            }
            Err(busy) => ticket.failed(words::busy(&busy)),
        }
    }

    /// What came is kept, also where some of it did not.
    pub(in super::super) async fn gathered_modbus(
        &mut self,
        job: ModbusGathering,
        answers: &[Answered],
        failed: &[(Span, Why)],
    ) {
        let ModbusGathering {
            ticket,
            meter,
            mut result,
        } = job;
        let Some(book) = self.books.iter().find(|book| *book.id() == meter) else {
            return ticket.failed(words::left_alone(meter.as_str()));
        };
        if !book.is_trusted() {
            let why = "it has not said yet who it is, or is another one than configured";
            return ticket.failed(words::not_trusted(meter.as_str(), why));
        }
        let values: Vec<_> = counted(book.registers())
            .filter_map(|register| value(register, answers))
            .collect();
        let taken = answers.iter().map(|answered| answered.taken).max();
        let count = u64::try_from(values.len()).unwrap_or(u64::MAX);
        if let Some(taken) = taken.filter(|_| !values.is_empty()) {
            let readings = MeterReadings {
                meter: meter.clone(),
                taken_at: self.parts.clock.utc_at(taken),
                clock: self.parts.clock.now().quality,
                values,
            };
            let records = vec![Record::Readings(readings)];
            self.parts.store.keep_together(Vec::new(), records).await;
        }
        let mut missing = failed.iter().map(|(_, why)| *why);
        let is_refused =
            |why: &Why| matches!(why, Why::Refused(_) | Why::Exception(_) | Why::NotReadable);
        if let Some(why) = missing.clone().find(|why| !is_refused(why)) {
            let mut found = words::no_value(meter.as_str(), Some(why));
            if count > 0 {
                let kept = format!("; {count} values came before and are kept");
                found.happened.push_str(&kept);
            }
            return ticket.failed(found);
        }
        if let Some(why) = missing.next() {
            let words = super::super::requests::why_words(why);
            let remark = format!("{} registers did not come: {words}", failed.len());
            result.remarks.push(remark);
        }
        result.values = Some(count);
        ticket.done(Outcome::Gathered(result));
    }
}

/// Registers that count or keep something: what is of the moment is no business of a scheme.
fn counted<'r>(all: impl Iterator<Item = &'r Register>) -> impl Iterator<Item = &'r Register> {
    all.filter(|register| {
        let [_, _, _, kind, ..] = register.obis.groups();
        kind != OF_THE_MOMENT
    })
}

/// What a Modbus meter cannot give.
fn lacking(model: &str, wish: GatherWish, is_bare: bool) -> Vec<String> {
    let mut cannot = Vec::new();
    if wish.registers && is_bare {
        cannot.push(format!("model {model} has no registers that count"));
    }
    for (is_wanted, what) in [
        (wish.billing_sets.is_some(), "billing sets"),
        (wish.events, "event counters or logs"),
        (wish.instruments, "instrumentation profile"),
    ] {
        if is_wanted {
            cannot.push(format!("model {model} has no {what}"));
        }
    }
    if wish.profile {
        cannot.push(format!(
            "model {model} keeps no load profile; the gateway makes one of what it reads"
        ));
    }
    cannot
}
