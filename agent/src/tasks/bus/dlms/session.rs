//! One session: opened, used for what is due, released.

use super::DlmsBook;
use super::access::{Admission, Attempted, Keeper};
use super::ends::{SessionTrouble, is_time_up};
use crate::config::DlmsProof;
use crate::plan::{COLLECT, INSTANT};
use crate::tasks::bus::flag::{Desk, Held, SessionSaid};
use crate::tasks::bus::memory::Note;
use crate::tasks::keykeeper::{MeterKeys, verdict};
use dlms::codec::acse::Diagnostic;
use dlms::conversation::{Remedy, SessionFault};
use line::{GuardedLine, Line};
use metering::EventCode;
use meters::catalogue::dlms::DlmsModel;
use meters::dlms::{DlmsFault, DlmsVisit, ExpectedMeter};
use meters::planner::{PollId, SessionEnd, SessionTurn};
use std::sync::Arc;
use storage::keys::Verdict;

/// A session that goes on.
pub(super) struct Sitting<'a, 'l, 'm, L> {
    pub(super) book: &'a mut DlmsBook,
    pub(super) visit: DlmsVisit<'l, 'm, L, Keeper>,
    pub(super) model: &'m DlmsModel,
    pub(super) desk: &'a Desk<'a>,
    pub(super) said: SessionSaid,
}

/// How a part of a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartEnd {
    Done,
    /// The session's time is up before it.
    Later,
}

impl DlmsBook {
    /// Holds a session for what is due.
    pub(in super::super) async fn hold<L: Line>(
        &mut self,
        line: &mut GuardedLine<L>,
        turn: &SessionTurn,
        desk: &Desk<'_>,
        keys: &MeterKeys,
    ) -> Held {
        let mut said = SessionSaid::default();
        let ended = self
            .sit(line, turn, (desk, keys), &mut said, async |sitting| {
                sitting.work(turn).await
            })
            .await;
        let (end, gone) = match ended {
            Ok(unfinished) => {
                let more = !unfinished.is_empty();
                (SessionEnd::Worked { unfinished, more }, None)
            }
            Err(trouble) => {
                let end = self.note_failure(&trouble, desk, &mut said);
                if end == SessionEnd::Refused && turn.due.contains(&COLLECT) {
                    self.run = None;
                }
                (end, trouble.gone())
            }
        };
        self.remember(&mut said);
        Held { end, said, gone }
    }

    /// Opens a session, looks who is there, does something, and releases it.
    pub(super) async fn sit<L: Line, T>(
        &mut self,
        line: &mut GuardedLine<L>,
        turn: &SessionTurn,
        (desk, keys): (&Desk<'_>, &MeterKeys),
        said: &mut SessionSaid,
        work: impl AsyncFnOnce(&mut Sitting<'_, '_, '_, L>) -> Result<T, DlmsFault>,
    ) -> Result<T, SessionTrouble> {
        self.totals.sessions += 1;
        let (begun, before) = (tokio::time::Instant::now(), carried(line));
        let done = self.sit_down(line, turn, (desk, keys), said, work).await;
        let held_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.totals.held_ms += held_ms;
        self.totals.octets += carried(line).saturating_sub(before);
        done
    }

    async fn sit_down<L: Line, T>(
        &mut self,
        line: &mut GuardedLine<L>,
        turn: &SessionTurn,
        (desk, keys): (&Desk<'_>, &MeterKeys),
        said: &mut SessionSaid,
        work: impl AsyncFnOnce(&mut Sitting<'_, '_, '_, L>) -> Result<T, DlmsFault>,
    ) -> Result<T, SessionTrouble> {
        let model = Arc::clone(&self.dlms.model);
        let now = desk.clock.now().utc;
        let Admission {
            mut terms,
            mut keeper,
            attempt,
        } = self.admission(line, turn, keys, now).await?;
        let expected = match self.identity.expected() {
            Some(expected) if !self.identity.accepts_next() => {
                ExpectedMeter::This(expected.to_owned())
            }
            _ => ExpectedMeter::Any,
        };
        let signed_on = self.sign_on(line, &mut terms).await;
        let opened = match signed_on {
            Ok(()) => DlmsVisit::begin(line, &mut keeper, &model, &terms, &expected)
                .await
                .map_err(|fault| self.explained(fault)),
            Err(fault) => Err(fault),
        };
        if let Some(attempt) = attempt {
            let judged = match &opened {
                Err(DlmsFault::Session(fault)) => verdict(fault),
                // No key has been shown to anybody yet.
                Err(DlmsFault::SignOn(_) | DlmsFault::SilentBehindSignOn) => Verdict::Silent,
                Ok(_) | Err(_) => Verdict::Proven,
            };
            match attempt {
                Attempted::Keys(attempt) => {
                    if judged == Verdict::Refused {
                        self.tell_refused_keys(desk, said);
                    }
                    keys.judge(*attempt, judged, now).await?;
                }
                Attempted::Password(attempt) => {
                    keys.judge_password(*attempt, judged, now).await?;
                }
            }
        }
        let opened = opened.inspect_err(|fault| self.look_at_fault(fault, desk, said));
        let visit = opened?;
        self.last_answer = Some(now);
        self.memory.set_note(Note::PasswordRefused, &[]);
        let identity = visit.identity().to_owned();
        self.know_who(&identity, None, desk, said);
        let mut sitting = Sitting {
            book: self,
            visit,
            model: &model,
            desk,
            said: std::mem::take(said),
        };
        let done = work(&mut sitting).await;
        let Sitting {
            visit, said: told, ..
        } = sitting;
        *said = told;
        visit.end().await;
        Ok(done?)
    }

    /// Another meter than expected, or none that says who it is.
    fn look_at_fault(&mut self, fault: &DlmsFault, desk: &Desk<'_>, said: &mut SessionSaid) {
        if let DlmsFault::WrongMeter { found, expected } = fault {
            let complaint = format!("has serial number {found}, not {expected}");
            self.know_who(found, Some(complaint), desk, said);
        }
    }

    fn know_who(
        &mut self,
        serial: &str,
        complaint: Option<String>,
        desk: &Desk<'_>,
        said: &mut SessionSaid,
    ) {
        let meter = self.settings.id.clone();
        let judged = self
            .identity
            .judge(&meter, Some(serial.to_owned()), complaint);
        for (code, detail) in judged.events {
            // Once, also across restarts.
            if code == EventCode::WrongMeter && !self.memory.is_news(Note::WrongSerial, serial) {
                continue;
            }
            said.events.push(self.event(code, detail, desk.clock));
        }
        if judged.accepted_serial.is_some() {
            said.accepted_serial = judged.accepted_serial;
        }
        if self.identity.is_trusted() {
            self.memory.set_note(Note::WrongSerial, &[]);
            self.know_serial(serial);
        }
    }

    /// What a failed session means for a person, and for the plan of the bus.
    pub(super) fn note_failure(
        &mut self,
        trouble: &SessionTrouble,
        desk: &Desk<'_>,
        said: &mut SessionSaid,
    ) -> SessionEnd {
        log::debug!(meter:% = self.id(), trouble:%; "a session failed");
        self.remark(trouble.to_string());
        let fault = trouble.session();
        if fault.is_some_and(|fault| fault.remedy() == Remedy::ReadCounter) {
            self.is_counter_behind = true;
        }
        if fault.is_some_and(is_password_refusal)
            && matches!(self.dlms.proof, DlmsProof::Password(_))
            && !self.has_doubtful_password
        {
            self.note_refused_password(desk, said);
        }
        let end = trouble.end();
        match end {
            SessionEnd::Silent => self.totals.silent += 1,
            SessionEnd::Broken => self.totals.broken += 1,
            SessionEnd::Refused => self.totals.refused += 1,
            SessionEnd::Worked { .. } | SessionEnd::LineGone => {}
        }
        end
    }

    /// A refused password is not tried again for a day: too many wrong ones may lock a meter.
    fn note_refused_password(&mut self, desk: &Desk<'_>, said: &mut SessionSaid) {
        let now = desk.clock.now().utc.millis().to_be_bytes();
        let refused = [now.as_slice(), &self.password_mark()].concat();
        self.memory.set_note(Note::PasswordRefused, &refused);
        let detail = "refuses its password; it is not tried again for a day, because too many wrong \
                      ones may lock the meter. Correct the password file, or touch it when the \
                      meter was corrected, then `systemctl reload pmu-agent`";
        let code = EventCode::MeterPasswordRefused;
        said.events
            .push(self.event(code, detail.to_owned(), desk.clock));
    }

    fn tell_refused_keys(&mut self, desk: &Desk<'_>, said: &mut SessionSaid) {
        let detail = format!(
            "refuses its keys; they are tried again after a pause. `pmuctl meter keys status {0}` \
             shows how old they are, `pmuctl meter keys import {0}` takes in others",
            self.id()
        );
        let code = EventCode::MeterKeyRefused;
        said.events.push(self.event(code, detail, desk.clock));
    }
}

/// Only what speaks of the password: a wrong level or client is no reason to leave the password alone
/// for a day.
fn is_password_refusal(fault: &SessionFault) -> bool {
    matches!(
        fault,
        SessionFault::Refused {
            diagnostic: Diagnostic::Authentication | Diagnostic::NoReason
        }
    )
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Everything that is due, as far as time allows; the polls that are not finished.
    async fn work(&mut self, turn: &SessionTurn) -> Result<Vec<PollId>, DlmsFault> {
        let mut unfinished = Vec::new();
        for poll in &turn.due {
            let ended = match *poll {
                INSTANT => self.instants().await,
                COLLECT => self.collect().await,
                _ => Ok(PartEnd::Done),
            };
            match ended {
                Ok(PartEnd::Done) => {}
                Ok(PartEnd::Later) => unfinished.push(*poll),
                Err(fault) if is_time_up(&fault) => unfinished.push(*poll),
                Err(fault) => return Err(fault),
            }
        }
        Ok(unfinished)
    }

    /// One look at everything: clock, registers, profile, logs and billing sets. What the meter does not give leaves a
    /// remark, and the rest is read all the same.
    pub(super) async fn collect(&mut self) -> Result<PartEnd, DlmsFault> {
        if !self.book.histories.are_next {
            if self.collect_values().await? == PartEnd::Later {
                return Ok(PartEnd::Later);
            }
            self.book.histories.are_next = true;
        }
        let end = self.histories().await?;
        if end == PartEnd::Done {
            let now = self.desk.clock.now().utc;
            self.book.memory.set_number(Note::Collected, now.millis());
        }
        Ok(end)
    }

    /// Clock, registers and load profile.
    async fn collect_values(&mut self) -> Result<PartEnd, DlmsFault> {
        if self.book.run.is_none() {
            self.book.brought = desk::CollectResult::default();
            let looked = self.look_at_clock().await;
            self.go_on_behind("clock", looked.map(|_| ()))?;
            let read = self.keep_registers().await;
            self.go_on_behind("registers", read)?;
        }
        match self.profile().await {
            Err(fault) if !fault.ends_session() => {
                self.book.remark(format!("load profile: {fault}"));
                self.book.run = None;
                Ok(PartEnd::Done)
            }
            end => end,
        }
    }

    fn go_on_behind(&mut self, what: &str, done: Result<(), DlmsFault>) -> Result<(), DlmsFault> {
        match done {
            Err(fault) if !fault.ends_session() => {
                self.book.remark(format!("{what}: {fault}"));
                Ok(())
            }
            done => done,
        }
    }
}

/// Octets that the line has carried so far, both ways.
fn carried<L: Line>(line: &GuardedLine<L>) -> u64 {
    let counters = line.counters();
    counters.sent_octets + counters.heard_octets
}
