//! Work that people started, on this line: taken up, carried on between polls, ended.

mod configured;
mod diagnoses;
mod dlms;
mod dlms_words;
mod dry_run;
mod flag;
mod found;
mod gather;
mod line;
mod listen;
mod modbus;
mod program;
mod words;

use super::Bus;
use crate::jobs::Ticket;
use desk::{Diagnosis, Work};
use metering::MeterId;

pub(super) use diagnoses::said;
pub(super) use dlms::DlmsJob;
pub(super) use flag::FlagJob;
pub(super) use gather::ModbusGathering;
pub(super) use line::LineJob;
pub(super) use modbus::ModbusJob;
pub(super) use program::ModbusProgram;
pub(super) use words::diagnosis;

impl Bus {
    /// Takes up a piece of work.
    pub(super) fn work(&mut self, ticket: Ticket, what: &Work) {
        match what {
            Work::Scan { wish, .. } => self.scan_work(ticket, wish),
            Work::Listen { seconds, .. } => self.listen_work(ticket, *seconds),
            Work::Ping { meter }
            | Work::Poll { meter }
            | Work::Read { meter, .. }
            | Work::Instant { meter }
            | Work::Collect { meter, .. }
            | Work::Gather { meter, .. }
            | Work::Clock { meter }
            | Work::Objects { meter }
            | Work::ChangeKeys { meter, .. }
            | Work::GoldenPages { meter, .. }
            | Work::DryRun { meter, .. }
            | Work::Backup { meter } => self.work_at(ticket, meter, what),
        }
    }

    fn work_at(&mut self, ticket: Ticket, meter: &str, what: &Work) {
        let Ok(id) = meter.parse::<MeterId>() else {
            return ticket.failed(words::left_alone(meter));
        };
        if let Work::DryRun { scheme, .. } = what {
            return self.dry_run(ticket, id, scheme);
        }
        if self.books.iter().any(|book| *book.id() == id) {
            self.modbus_work(ticket, &id, what);
        } else if self.flags.iter().any(|book| *book.id() == id) {
            self.flag_work(ticket, &id, what);
        } else if self.dlms.iter().any(|book| *book.id() == id) {
            self.dlms_work(ticket, &id, what);
        } else {
            ticket.failed(words::left_alone(meter));
        }
    }

    /// Why the line cannot be used, if it cannot.
    pub(super) fn line_trouble(&self) -> Option<Diagnosis> {
        match self.link.state() {
            desk::LinkState::Open => None,
            desk::LinkState::Gone(why) => Some(words::line_gone(why)),
        }
    }
}
