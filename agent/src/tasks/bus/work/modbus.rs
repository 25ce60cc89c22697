//! Work at a Modbus meter: reads that go through the planner like those of the schedule.

use super::super::book::{Book, value};
use super::super::requests::Waiting;
use super::{Bus, words};
use crate::hex::hex;
use crate::jobs::Ticket;
use desk::{
    BackupIdentity, BackupResult, Layer, MeterTrust, MeterValue, Outcome, Part, PingResult, Work,
};
use metering::{MeterId, Timestamp};
use meters::catalogue::{Certainty, Register, What};
use meters::planner::{Answered, CommandRequest, Why};
use meters::{Span, Table};
use sha2::{Digest, Sha256};

/// A read that goes on.
pub(in super::super) struct ModbusJob {
    ticket: Ticket,
    meter: MeterId,
    kind: Kind,
}

/// What its answers become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ping,
    Values,
    Identity,
    Backup,
}

impl Bus {
    pub(super) fn modbus_work(&mut self, ticket: Ticket, meter: &MeterId, what: &Work) {
        if let Some(trouble) = self.line_trouble() {
            return fail(ticket, what, trouble);
        }
        let Some(book) = self.books.iter().find(|book| book.id() == meter) else {
            return;
        };
        if let Work::Gather { wish, .. } = what {
            return self.gather_modbus(ticket, meter, *wish);
        }
        let identity = || book.plan.identify.iter().map(|item| item.span);
        let values = || book.registers().flat_map(Register::spans);
        let instants = || book.plan.instants.iter().flat_map(Register::spans);
        let probe = book.plan.planned.probe;
        let (kind, spans): (Kind, Vec<Span>) = match what {
            Work::Ping { .. } => (Kind::Ping, identity().chain([probe]).collect()),
            Work::Poll { .. }
            | Work::Read {
                part: Part::Registers,
                ..
            } => (Kind::Values, values().collect()),
            Work::Instant { .. } => (Kind::Values, instants().collect()),
            Work::Read {
                part: Part::Identity,
                ..
            } => (Kind::Identity, identity().collect()),
            Work::Backup { .. } => (Kind::Backup, identity().chain(values()).collect()),
            _ => return ticket.failed(words::not_here("a Modbus meter")),
        };
        self.modbus_read(ticket, meter, kind, spans);
    }

    fn modbus_read(&mut self, ticket: Ticket, meter: &MeterId, kind: Kind, mut spans: Vec<Span>) {
        spans.sort_unstable();
        spans.dedup();
        if spans.is_empty() {
            return ticket.failed(words::not_here("a meter whose model has no such value"));
        }
        match self.begin_read(meter, spans) {
            Ok(token) => {
                let job = ModbusJob {
                    ticket,
                    meter: meter.clone(),
                    kind,
                };
                self.waiting.insert(token, Waiting::Job(job));
            }
            Err(busy) => ticket.failed(words::busy(&busy)),
        }
    }

    /// Has registers read for somebody who waits under this token, or says why the line takes no more.
    pub(super) fn begin_read(&mut self, meter: &MeterId, spans: Vec<Span>) -> Result<u64, String> {
        self.token += 1;
        let request = CommandRequest {
            meter: meter.clone(),
            spans,
            token: self.token,
        };
        let begun = self.planner.command(request);
        begun.map_err(|error| error.to_string())?;
        Ok(self.token)
    }

    /// The read of a job has ended.
    pub(in super::super) fn modbus_done(
        &self,
        job: ModbusJob,
        answers: &[Answered],
        failed: &[(Span, Why)],
    ) {
        let Some(book) = self.books.iter().find(|book| *book.id() == job.meter) else {
            return;
        };
        let why = failed.first().map(|(_, why)| *why);
        let now = self.parts.clock.now().utc;
        match job.kind {
            Kind::Ping => job.ticket.done(Outcome::Ping(ping(book, answers, why))),
            _ if answers.is_empty() => {
                let diagnosis = words::no_value(job.meter.as_str(), why);
                job.ticket.failed(diagnosis);
            }
            Kind::Values => job.ticket.done(Outcome::Values(values(book, answers))),
            Kind::Identity => job.ticket.done(Outcome::Values(identity(book, answers))),
            Kind::Backup => {
                let result = backup(book, answers, failed, now);
                job.ticket.done(Outcome::Backup(result));
            }
        }
    }
}

/// A ping tells which layer fails; every other job just fails.
pub(super) fn fail(ticket: Ticket, what: &Work, trouble: desk::Diagnosis) {
    if matches!(what, Work::Ping { .. }) {
        let layers = vec![layer("port", false, &trouble.happened)];
        ticket.done(Outcome::Ping(PingResult {
            layers,
            diagnosis: Some(trouble),
        }));
    } else {
        ticket.failed(trouble);
    }
}

fn layer(name: &str, is_well: bool, words: &str) -> Layer {
    Layer {
        name: name.to_owned(),
        is_well,
        words: words.to_owned(),
    }
}

fn ping(book: &Book, answers: &[Answered], why: Option<Why>) -> PingResult {
    let mut layers = vec![layer("port", true, "open")];
    let answered = !answers.is_empty()
        || matches!(
            why,
            Some(Why::Refused(_) | Why::Exception(_) | Why::NotReadable)
        );
    if !answered {
        let diagnosis = words::no_value(book.id().as_str(), why);
        layers.push(layer("line", false, &diagnosis.happened));
        return PingResult {
            layers,
            diagnosis: Some(diagnosis),
        };
    }
    layers.push(layer("line", true, "the meter answers"));
    let serial = identity(book, answers);
    let told = serial.iter().map(|item| item.value.as_str());
    let told = told.collect::<Vec<_>>().join(", ");
    let (is_well, words) = match book.trust() {
        MeterTrust::Right => (true, format!("it is the right one: {told}")),
        MeterTrust::Untold => (
            true,
            "its model has nothing that tells one from another".into(),
        ),
        MeterTrust::Unknown => (true, format!("not compared yet: {told}")),
        MeterTrust::Wrong => (false, format!("it is another one: {told}")),
    };
    layers.push(layer("identity", is_well, &words));
    let diagnosis = (!is_well).then(|| {
        super::diagnosis(
            "C05",
            words,
            "its data is refused, so that no other meter's energy is booked",
            &[
                "correct model or serial number in the configuration",
                "or take it as it is: `pmuctl meter accept`",
            ],
        )
    });
    PingResult { layers, diagnosis }
}

fn place(span: Span) -> String {
    let table = match span.table {
        Table::Holding => "holding",
        Table::Input => "input",
    };
    format!("{table} 0x{:04X}", span.address)
}

fn octets(answered: &Answered) -> Vec<u8> {
    let words = answered.words.iter();
    words.flat_map(|word| word.to_be_bytes()).collect()
}

fn values(book: &Book, answers: &[Answered]) -> Vec<MeterValue> {
    let shown = |register: &Register| {
        let reading = value(register, answers)?;
        let own = answers.iter().find(|item| item.span == register.span())?;
        let unsure = register.certainty() == Certainty::Unverified;
        let remark = register.fact.remark.clone().unwrap_or_default();
        Some(MeterValue {
            group: if register.obis.is_total() {
                "totals".to_owned()
            } else {
                "instantaneous values".to_owned()
            },
            obis: register.obis.to_string(),
            name: register.obis.words().unwrap_or_default(),
            value: reading.quantity.map_or_else(
                || "not available".to_owned(),
                |quantity| quantity.to_string(),
            ),
            raw: hex(&octets(own)),
            place: place(own.span),
            remark: if unsure && remark.is_empty() {
                "not verified at a meter".to_owned()
            } else {
                remark
            },
        })
    };
    book.registers().filter_map(shown).collect()
}

fn identity(book: &Book, answers: &[Answered]) -> Vec<MeterValue> {
    let shown = |item: &meters::catalogue::Identify| {
        let own = answers.iter().find(|answered| answered.span == item.span)?;
        let told = item.identity(&own.words).ok()?;
        Some(MeterValue {
            group: "identity".to_owned(),
            obis: String::new(),
            name: what(item.what).to_owned(),
            value: told.to_string(),
            raw: hex(&octets(own)),
            place: place(own.span),
            remark: item.fact.remark.clone().unwrap_or_default(),
        })
    };
    book.plan.identify.iter().filter_map(shown).collect()
}

fn what(what: What) -> &'static str {
    match what {
        What::Serial => "serial number",
        _ => "model",
    }
}

fn backup(
    book: &Book,
    answers: &[Answered],
    failed: &[(Span, Why)],
    now: Timestamp,
) -> BackupResult {
    let identify = &book.plan.identify;
    let is_setting = |span: Span| identify.iter().any(|item| item.span == span);
    let name = |span: Span| {
        let register = book.registers().find(|register| register.span() == span);
        let words = register.map(|found| {
            let words = found.obis.words();
            words.unwrap_or_else(|| found.obis.to_string())
        });
        let item = identify.iter().find(|item| item.span == span);
        words.or_else(|| item.map(|item| what(item.what).to_owned()))
    };
    let read = answers.iter().map(|answered| {
        let octets = octets(answered);
        BackupIdentity {
            place: place(answered.span),
            name: name(answered.span).unwrap_or_else(|| "scale".to_owned()),
            is_running: !is_setting(answered.span),
            hex: hex(&octets),
            sha256: hex(&Sha256::digest(&octets)),
            ..BackupIdentity::default()
        }
    });
    let refused = failed.iter().map(|(span, why)| BackupIdentity {
        place: place(*span),
        name: name(*span).unwrap_or_else(|| "scale".to_owned()),
        is_running: !is_setting(*span),
        refused: super::super::requests::why_words(*why).to_owned(),
        ..BackupIdentity::default()
    });
    let mut identities: Vec<BackupIdentity> = read.chain(refused).collect();
    identities.sort_by(|one, other| one.place.cmp(&other.place));
    BackupResult {
        meter: book.id().to_string(),
        model: book.settings.model_id().to_owned(),
        identification: String::new(),
        serial: book.serial().unwrap_or_default().to_owned(),
        taken: now.to_string(),
        level: None,
        identities,
        protocol: None,
    }
}
