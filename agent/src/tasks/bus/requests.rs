//! What people ask of a bus: a read now, the acceptance of a meter, other meters. And the walk
//! along a SunSpec chain, which uses the same door.

use super::book::{Book, value};
use super::sampled::Begin;
use super::work::{ModbusGathering, ModbusJob};
use super::{Bus, BusRequest};
use crate::front::refusal;
use crate::plan::COLLECT;
use crate::tasks::storekeeper::{Record, Urgency};
use desk::{MeterTrust, ReadValue, Refusal};
use metering::{EventCode, MeterId};
use meters::Span;
use meters::catalogue::{Register, Step};
use meters::planner::{Answered, CommandRequest, MeterState, PlannerStatus, Why};
use tokio::sync::oneshot;

/// Who waits for a read.
pub(super) enum Waiting {
    /// A person.
    Person {
        meter: MeterId,
        reply: oneshot::Sender<Result<Vec<ReadValue>, Refusal>>,
    },
    /// The walk along a meter's SunSpec chain.
    Walk { meter: MeterId },
    /// A piece of work.
    Job(ModbusJob),
    /// What a scheme wants read.
    Gathering(ModbusGathering),
}

impl Bus {
    pub(super) async fn request(&mut self, request: BusRequest) {
        if !matches!(request, BusRequest::Accept { .. } | BusRequest::Replace(_)) {
            let change = self.link.open_now().await;
            self.say(change).await;
        }
        match request {
            BusRequest::Read { meter, reply } => self.read_for_person(meter, reply),
            BusRequest::Accept { meter, who, reply } => {
                let answer = self.accept(&meter, &who).await;
                if reply.send(answer).is_err() {
                    log::debug!("nobody waits for this answer any more");
                }
            }
            BusRequest::Work { ticket, what } => self.work(ticket, &what),
            BusRequest::Program(order) => self.program(*order),
            BusRequest::Look(order) => self.look_at(*order),
            BusRequest::Replace(meters) => {
                self.take_meters(meters, Begin::Change).await;
            }
        }
        self.due = tokio::time::Instant::now();
    }

    fn read_for_person(
        &mut self,
        meter: MeterId,
        reply: oneshot::Sender<Result<Vec<ReadValue>, Refusal>>,
    ) {
        if !self.link.is_open() {
            let words = format!("the line of {meter} is not open");
            self.refuse(reply, refusal(words, "`pmuctl status` says why"));
            return;
        }
        if self.flags.iter().any(|book| *book.id() == meter) {
            self.read_flag(&meter, reply);
            return;
        }
        if self.dlms.iter().any(|book| *book.id() == meter) {
            self.read_dlms(&meter, reply);
            return;
        }
        let Some(book) = self.books.iter().find(|book| *book.id() == meter) else {
            self.refuse(
                reply,
                refusal(format!("{meter} is left alone"), "look at the alarms"),
            );
            return;
        };
        let mut spans: Vec<Span> = book.registers().flat_map(Register::spans).collect();
        spans.sort_unstable();
        spans.dedup();
        self.token += 1;
        let request = CommandRequest {
            meter: meter.clone(),
            spans,
            token: self.token,
        };
        match self.planner.command(request) {
            Ok(()) => {
                self.waiting
                    .insert(self.token, Waiting::Person { meter, reply });
            }
            Err(error) => self.refuse(reply, refusal(error.to_string(), "ask again in a minute")),
        }
    }

    #[expect(clippy::unused_self, reason = "reads like its siblings")]
    fn refuse(&self, reply: oneshot::Sender<Result<Vec<ReadValue>, Refusal>>, refusal: Refusal) {
        if reply.send(Err(refusal)).is_err() {
            log::debug!("nobody waits for this answer any more");
        }
    }

    /// A read that somebody waits for has ended.
    pub(super) async fn read_done(
        &mut self,
        token: u64,
        words: &[Answered],
        failed: &[(Span, Why)],
    ) {
        match self.waiting.remove(&token) {
            Some(Waiting::Person { meter, reply }) => {
                let Some(book) = self.books.iter().find(|book| *book.id() == meter) else {
                    return;
                };
                let answer = if words.is_empty() {
                    let why = failed
                        .first()
                        .map_or("nothing came", |(_, why)| why_words(*why));
                    Err(refusal(
                        format!("{meter} brought no value: {why}"),
                        "check the meter's supply, the two wires and its address",
                    ))
                } else {
                    Ok(shown(book, words))
                };
                if reply.send(answer).is_err() {
                    log::debug!("nobody waits for this answer any more");
                }
            }
            Some(Waiting::Walk { meter }) => self.walk_on(&meter, words, failed).await,
            Some(Waiting::Job(job)) => self.modbus_done(job, words, failed),
            Some(Waiting::Gathering(job)) => self.gathered_modbus(job, words, failed).await,
            None => {}
        }
    }

    async fn accept(&mut self, meter: &MeterId, who: &str) -> Result<String, Refusal> {
        let book = self.books.iter_mut().find(|book| book.id() == meter);
        let flag = self.flags.iter_mut().find(|book| book.id() == meter);
        let dlms = self.dlms.iter_mut().find(|book| book.id() == meter);
        let accepted = match (book, flag, dlms) {
            (Some(book), _, _) if book.trust() == MeterTrust::Wrong => book.accept(),
            (_, Some(flag), _) if flag.trust() == MeterTrust::Wrong => flag.accept(),
            (_, _, Some(dlms)) if dlms.trust() == MeterTrust::Wrong => dlms.accept(),
            (None, None, None) => {
                return Err(refusal(
                    format!("{meter} is left alone"),
                    "look at the alarms",
                ));
            }
            _ => {
                let words = format!("{meter} is not refused");
                return Err(refusal(words, "`pmuctl meter list` shows which meters are"));
            }
        };
        let serial = accepted.unwrap_or_default();
        self.planner.forget_refusals(meter);
        self.ask_identity(meter);
        let now = self.now();
        if !self.planner.session_due(meter, COLLECT, now) {
            log::debug!(meter:%; "it is read at its next turn");
        }
        let record = Record::Audit {
            who: who.to_owned(),
            what: "meter accepted".to_owned(),
            detail: format!("{meter}, serial number {serial}"),
        };
        self.parts.store.keep(vec![record], Urgency::Soon).await;
        Ok(format!(
            "{meter} is asked once more, and taken as it is (serial number {serial})"
        ))
    }

    /// Begins the walk of every SunSpec meter that answers and whose registers are not known yet.
    pub(super) fn start_walks(&mut self, status: &PlannerStatus) {
        let meters: Vec<MeterId> = self
            .books
            .iter()
            .filter(|book| book.walk.is_some() && answers(book.id(), status))
            .map(|book| book.id().clone())
            .collect();
        for meter in meters {
            let is_under_way = |waiting: &Waiting| match waiting {
                Waiting::Walk { meter: other } => *other == meter,
                Waiting::Person { .. } | Waiting::Job(_) | Waiting::Gathering(_) => false,
            };
            if !self.waiting.values().any(is_under_way) {
                self.walk_step(&meter, None);
            }
        }
    }

    async fn walk_on(&mut self, meter: &MeterId, words: &[Answered], failed: &[(Span, Why)]) {
        let refused =
            |why: &Why| matches!(why, Why::Refused(_) | Why::Exception(_) | Why::NotReadable);
        let answer = words.first().map(|answered| answered.words.clone());
        if answer.is_none() && !failed.iter().any(|(_, why)| refused(why)) {
            // Silence is no refusal: begin again when the meter is back.
            self.restart_walk(meter);
            return;
        }
        match self.walk_step(meter, answer.as_deref()) {
            None => {}
            Some(Ok(registers)) => self.walk_found(meter, &registers).await,
            Some(Err(why)) => {
                let detail = format!("{why}; check that it speaks SunSpec");
                self.event(EventCode::RegisterRefused, Some(meter.clone()), detail)
                    .await;
            }
        }
    }

    fn restart_walk(&mut self, meter: &MeterId) {
        if let Some(book) = self.books.iter_mut().find(|book| book.id() == meter) {
            book.restart_walk();
        }
    }

    /// One step: asks for the next span, or says how the walk ended. No answer begins it,
    /// or says that the meter refused.
    fn walk_step(
        &mut self,
        meter: &MeterId,
        answer: Option<&[u16]>,
    ) -> Option<Result<Vec<Register>, String>> {
        let book = self.books.iter_mut().find(|book| book.id() == meter)?;
        let walk = book.walk.as_mut()?;
        match walk.next(answer) {
            Step::Read(span) => {
                self.token += 1;
                let spans = vec![span];
                let request = CommandRequest {
                    meter: meter.clone(),
                    spans,
                    token: self.token,
                };
                if self.planner.command(request).is_ok() {
                    self.waiting.insert(
                        self.token,
                        Waiting::Walk {
                            meter: meter.clone(),
                        },
                    );
                } else {
                    book.restart_walk();
                }
                None
            }
            Step::Found(registers) => {
                book.walk = None;
                Some(Ok(registers))
            }
            Step::NotFound(why) => {
                book.walk = None;
                Some(Err(why.to_string()))
            }
        }
    }

    async fn walk_found(&mut self, meter: &MeterId, registers: &[Register]) {
        let Some(place) = self.books.iter().position(|book| book.id() == meter) else {
            return;
        };
        let mut book = self.books.swap_remove(place);
        book.found(registers);
        self.begin_profile(&mut book.sampled, Begin::Start).await;
        self.books.push(book);
        self.replan();
        self.ask_identity(meter);
    }
}

fn answers(meter: &MeterId, status: &PlannerStatus) -> bool {
    let found = status.meters.iter().find(|found| found.id == *meter);
    found.is_some_and(|found| found.state == MeterState::Healthy)
}

fn shown(book: &Book, words: &[Answered]) -> Vec<ReadValue> {
    book.registers()
        .filter_map(|register| {
            let reading = value(register, words)?;
            Some(ReadValue {
                obis: register.obis.to_string(),
                name: register.obis.words().unwrap_or_default(),
                value: reading.quantity.map_or_else(
                    || "not available".to_owned(),
                    |quantity| quantity.to_string(),
                ),
            })
        })
        .collect()
}

pub(super) fn why_words(why: Why) -> &'static str {
    match why {
        Why::Silent => "it does not answer",
        Why::Damaged => "its answers are damaged on the line",
        Why::Refused(_) | Why::Exception(_) => "it refuses these registers",
        Why::Late => "the line had no time",
        Why::Clock => "the clock was set",
        Why::LineGone => "the line is gone",
        Why::NotReadable => "its model forbids these registers",
        Why::Replaced => "its settings changed meanwhile",
    }
}
