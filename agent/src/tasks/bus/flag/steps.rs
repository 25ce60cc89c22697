//! Entering a session, and what is watched in each round: who the meter is, how it is set up, what
//! it counted.

use super::ends::end_of;
use super::round::{Round, Sitting, Step, StepEnd};
use super::{FlagBook, SessionSaid};
use crate::adapters::clock::Clock;
use crate::limits::{
    PASSWORD_DOUBTS_MAX, PASSWORD_RETRY_AFTER, PASSWORD_SILENCES_MAX, REMARKS_MAX,
};
use crate::tasks::bus::flag::round::Desk;
use crate::tasks::bus::known::Known;
use crate::tasks::bus::memory::Note;
use iec62056_21::conversation::{PasswordRefusal, SessionFault};
use line::Line;
use metering::{EventCode, Timestamp};
use meters::catalogue::flag::{FlagIdentity, FlagLayout, IdentityWhat};
use meters::doctor::Finding;
use meters::elster::{Content, ContentReader};
use meters::flag::{Credentials, VisitFault};
use meters::meter_log::MeterLog;
use meters::planner::SessionEnd;

/// Why only what is public is read.
const NOT_TRIED: &str = "its password was refused, and is not tried again for a day; correct the \
                         password file, or touch it when the meter was corrected, then `systemctl \
                         reload pmu-agent`";

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Proves the password, if that makes sense, and looks whether it is the right meter.
    pub(super) async fn enter(&mut self) -> Result<(), VisitFault> {
        let credentials = self.book.credentials();
        let now = self.desk.clock.now().utc;
        let credentials = if self.book.was_refused(Some(now)) {
            // It may have been before the gateway was started anew.
            self.book.remark(NOT_TRIED.to_owned());
            Credentials::None
        } else {
            credentials
        };
        self.book.is_proving = matches!(credentials, Credentials::Password(_));
        self.visit.log_on(&credentials).await?;
        if self.book.is_proving {
            self.level = self.book.flag.access.level;
            self.book.password_doubts = 0;
            self.book.remarks.retain(|known| known != NOT_TRIED);
            self.book.memory.set_note(Note::PasswordRefused, &[]);
            let mark = self.book.flag.access.mark();
            self.book.memory.set_note(Note::PasswordTaken, &mark);
        }
        self.look_who_it_is().await?;
        self.look_how_it_signs_on();
        Ok(())
    }

    /// Another identification is told when it was seen twice: nothing checks its octets, and one of
    /// them may have been damaged on the way.
    fn look_how_it_signs_on(&mut self) {
        let now = self.visit.identification();
        let memory = &mut self.book.memory;
        let before = memory
            .note(Note::Identification)
            .map(String::from_utf8_lossy);
        let before = before.map(std::borrow::Cow::into_owned);
        let other = memory.note(Note::OtherIdentification);
        let is_same = before.as_ref().is_none_or(|before| *before == now);
        if !is_same && other != Some(now.as_bytes()) {
            memory.set_note(Note::OtherIdentification, now.as_bytes());
            return;
        }
        memory.set_note(Note::Identification, now.as_bytes());
        memory.set_note(Note::OtherIdentification, &[]);
        let Some(before) = before.filter(|_| !is_same) else {
            return;
        };
        let finding = Finding::SetupChanged {
            what: format!("its identification (`{before}`, now `{now}`)"),
            who: None,
        };
        if let Some(line) = self.find(&finding) {
            let event = self
                .book
                .event(EventCode::MeterIdentityChanged, line, self.desk.clock);
            self.said.events.push(event);
        }
    }

    async fn look_who_it_is(&mut self) -> Result<(), VisitFault> {
        let Some(row) = self.serial_row() else {
            return Ok(());
        };
        let raw = self.visit.read(row, 0).await?;
        let Ok(Content::Text(serial)) = self.reader().read(row, &raw.octets) else {
            return Err(VisitFault::Unknown("a serial number of such octets"));
        };
        let expected = self.book.identity.expected();
        let complaint = expected
            .filter(|expected| !is_same(expected, &serial))
            .map(|expected| format!("has serial number {serial}, not {expected}"));
        let before = self.book.identity.trust();
        let meter = self.book.settings.id.clone();
        let judged = self
            .book
            .identity
            .judge(&meter, Some(serial.clone()), complaint);
        for (code, detail) in judged.events {
            // Once, also across restarts.
            if code == EventCode::WrongMeter && !self.is_new_note(Note::WrongSerial, &serial) {
                continue;
            }
            let event = self.book.event(code, detail, self.desk.clock);
            self.said.events.push(event);
        }
        if judged.accepted_serial.is_some() {
            self.said.accepted_serial = judged.accepted_serial;
        }
        let trust = self.book.identity.trust();
        if trust != before {
            let rows = self.book.sampled.hear_held(trust, self.desk.clock);
            self.said.take(rows);
        }
        if !self.book.identity.is_trusted() {
            return Err(VisitFault::WrongMeter);
        }
        self.book.memory.set_note(Note::WrongSerial, &[]);
        self.book.know_serial(&serial);
        Ok(())
    }

    pub(super) fn reader(&self) -> ContentReader<'_> {
        let reader = ContentReader::new(self.visit.model(), &self.visit.variant().id);
        match self.rate_sources() {
            Some(codes) => reader.with_rate_sources(codes),
            None => reader,
        }
    }

    /// What the rates measure, as the meter said it last.
    fn rate_sources(&self) -> Option<Vec<u8>> {
        let model = self.visit.model();
        let mut rows = model.identities_of(&self.visit.variant().id);
        let sources = rows.find_map(|row| match row.layout {
            FlagLayout::Rates { sources } => Some(sources),
            _ => None,
        })?;
        self.book.memory.identity(sources).map(<[u8]>::to_vec)
    }

    /// Everything that this meter lets us read, in an order that needs little at a time.
    pub(super) fn new_round(&mut self) -> Round {
        let model = self.visit.model();
        let rows = || {
            let rows = model.identities_of(&self.visit.variant().id);
            rows.filter(|row| row.read.is_some_and(|level| level <= self.level))
        };
        let mut round = Round::default();
        self.book.brought = desk::CollectResult::default();
        let clock = model.clock.as_ref();
        if clock.is_some_and(|clock| rows().any(|row| row.number == clock.identity)) {
            round.steps.push_back(Step::Clock);
        }
        // What values depend on goes before them, and what only tells of the past behind.
        let told = |row: &&FlagIdentity| is_watched(row) && is_history(row);
        let told = rows().filter(told);
        let watched = rows().filter(|row| is_watched(row) && !is_history(row));
        let registers = rows().filter(|row| is_register(row));
        let billing = rows().filter(|row| matches!(row.layout, FlagLayout::Set { .. }));
        round
            .steps
            .extend(watched.map(|row| Step::Watch(row.number)));
        round
            .steps
            .extend(registers.map(|row| Step::Register(row.number)));
        round.steps.extend(told.map(|row| Step::Watch(row.number)));
        round
            .steps
            .extend(billing.map(|row| Step::Billing(row.number)));
        if let Some(profile) = &model.profile
            && rows().any(|row| row.number == profile.identity)
        {
            round.steps.push_back(Step::Profile);
        }
        round
    }

    /// Reads an identity, and says what changed since the last time.
    pub(super) async fn watch(&mut self, identity: u16) -> Result<StepEnd, VisitFault> {
        let Some(row) = self.visit.row(identity) else {
            return Ok(StepEnd::Done);
        };
        let Some(raw) = self.read(row).await? else {
            return Ok(StepEnd::Later);
        };
        let before = self.book.memory.identity(identity).map(<[u8]>::to_vec);
        let before_is_other = before.as_ref() != Some(&raw.octets);
        if let Some(before) = before.filter(|before| *before != raw.octets) {
            let basis = &self.book.flag.clock.basis;
            let log = MeterLog::new(self.visit.model(), &self.visit.variant().id, basis);
            let found = log.changes(row, &before, &raw.octets);
            for found in found.iter().filter_map(|found| found.finding.as_ref()) {
                self.find(found);
            }
            self.said.events.extend(found.into_iter().map(|found| {
                let at = found
                    .shown
                    .map(|shown| format!(", at {shown} of its clock"));
                let detail = format!("{}{}", found.detail, at.unwrap_or_default());
                self.book.event(found.code, detail, self.desk.clock)
            }));
        }
        if before_is_other && let Ok(Content::Ratio(ratio)) = self.reader().read(row, &raw.octets) {
            let taken = self.desk.clock.moment(raw.taken_at());
            self.keep_ratio(&ratio, self.desk.clock.utc_at(taken));
        }
        self.book.memory.set_identity(identity, &raw.octets);
        Ok(StepEnd::Done)
    }

    /// Reads identities that other things depend on: anew, or those that were never read. One that
    /// cannot be read leaves a remark.
    pub(super) async fn know(
        &mut self,
        numbers: &[u16],
        anew: bool,
    ) -> Result<StepEnd, VisitFault> {
        for &number in numbers {
            if !anew && self.book.memory.identity(number).is_some() {
                continue;
            }
            match self.watch(number).await {
                Ok(StepEnd::Done) => {}
                Ok(StepEnd::Later) => return Ok(StepEnd::Later),
                Err(fault) if fault.ends_session() => return Err(fault),
                Err(fault) => self.book.remark(format!("identity {number}: {fault}")),
            }
        }
        Ok(StepEnd::Done)
    }

    /// What a collection has shown of the profile as a whole.
    pub(super) async fn sum_up(&mut self) {
        self.judge_advance();
        self.look_at_overwriting().await;
        self.bring_findings();
    }

    /// The round is over.
    pub(super) async fn collected(&mut self) {
        self.sum_up().await;
        if self.level < self.book.flag.access.level {
            // Without the password only what is public was read.
            return;
        }
        let now = self.desk.clock.now().utc;
        self.book.memory.set_number(Note::Collected, now.millis());
    }
}

impl<'m, L: Line> Sitting<'_, '_, 'm, L> {
    /// Where the serial number stands.
    pub(super) fn serial_row(&self) -> Option<&'m FlagIdentity> {
        let model = self.visit.model();
        let mut rows = model.identities_of(&self.visit.variant().id);
        rows.find(|row| row.what == Some(IdentityWhat::Serial))
    }
}

impl FlagBook {
    /// The password that was refused is the one that is configured.
    pub(in super::super) fn is_refused_one(&self) -> bool {
        let refused = self.memory.note(Note::PasswordRefused);
        refused.is_some_and(|refused| refused.ends_with(&self.flag.access.mark()))
    }

    /// A refused password is not tried again for a day: too many wrong ones lock a meter. Neither
    /// a restart nor a reload is a reason to; another password is.
    pub(in super::super) fn was_refused(&self, now: Option<Timestamp>) -> bool {
        let refused = self.memory.number(Note::PasswordRefused);
        let refused = refused.filter(|_| self.is_refused_one());
        refused.zip(now).is_some_and(|(at, now)| {
            let at = Timestamp::from_millis(at);
            now < at.after(PASSWORD_RETRY_AFTER) && now.after(PASSWORD_RETRY_AFTER) > at
        })
    }

    /// What a failed session means for a person, and for the plan of the bus.
    pub(super) fn note_failure(
        &mut self,
        fault: &VisitFault,
        desk: &Desk<'_>,
        said: &mut SessionSaid,
    ) -> SessionEnd {
        self.remark(fault.to_string());
        match fault {
            VisitFault::Session(SessionFault::PasswordRefused { how }) if self.is_proving => {
                self.note_refused_password(how, desk.clock, said)
            }
            // Who asks for the public level only has no password that could be wrong.
            VisitFault::Session(SessionFault::PasswordRefused { .. }) => SessionEnd::Broken,
            _ => end_of(fault),
        }
    }

    /// A password that was refused is not tried again for a while. One that this meter has taken
    /// before is not wrong all at once, and a lost answer may be the line's doing: both are tried a
    /// few times more.
    pub(in super::super) fn note_refused_password(
        &mut self,
        how: &PasswordRefusal,
        clock: &Clock,
        said: &mut SessionSaid,
    ) -> SessionEnd {
        let is_lost = matches!(how, PasswordRefusal::Silent | PasswordRefusal::Garbled);
        let mark = self.flag.access.mark();
        let was_taken = self.memory.note(Note::PasswordTaken) == Some(&mark);
        let most = match (was_taken, is_lost) {
            (true, _) => PASSWORD_DOUBTS_MAX,
            (false, true) => PASSWORD_SILENCES_MAX,
            (false, false) => 1,
        };
        self.password_doubts += 1;
        if self.password_doubts < most {
            return SessionEnd::Broken;
        }
        self.password_doubts = 0;
        let now = clock.now().utc;
        let refused = [now.millis().to_be_bytes().as_slice(), &mark].concat();
        self.memory.set_note(Note::PasswordRefused, &refused);
        let level = self.flag.access.level;
        let detail = format!(
            "refuses the password of level {level}: {how}; it is not tried again for a day, because \
             too many wrong ones may lock the meter. Correct the password file, or touch it when \
             the meter was corrected, then `systemctl reload pmu-agent`"
        );
        let event = self.event(EventCode::MeterPasswordRefused, detail, clock);
        said.events.push(event);
        SessionEnd::Refused
    }

    /// What is remembered of another meter that was here before is of no use.
    fn know_serial(&mut self, serial: &str) {
        let before = self.memory.note(Note::Serial);
        if before.is_some_and(|before| before != serial.as_bytes()) {
            self.memory.forget();
            self.known = Known::default();
            self.advance.restart();
            self.known.is_changed = true;
            self.round = None;
            self.sets.clear();
        }
        self.memory.set_note(Note::Serial, serial.as_bytes());
    }

    /// Something that a person should know, newest last.
    pub(super) fn remark(&mut self, words: String) {
        self.remarks.retain(|known| *known != words);
        if self.remarks.len() >= REMARKS_MAX {
            self.remarks.remove(0);
        }
        self.remarks.push(words);
    }
}

/// Identities that say how the meter is set up, or what it counted.
fn is_watched(row: &FlagIdentity) -> bool {
    let is_of_kind = matches!(
        row.layout,
        FlagLayout::Text
            | FlagLayout::Ratio { .. }
            | FlagLayout::SourceCodes
            | FlagLayout::SourceGroups { .. }
            | FlagLayout::ProfileMask
            | FlagLayout::ProfilePeriods
            | FlagLayout::Status { .. }
            | FlagLayout::Log(_)
    );
    let is_serial = row.what == Some(IdentityWhat::Serial);
    is_of_kind && row.sets == 1 && row.octets > 0 && !is_serial
}

/// It says how the meter is or what befell it, and no value depends on it.
pub(super) fn is_history(row: &FlagIdentity) -> bool {
    matches!(row.layout, FlagLayout::Status { .. } | FlagLayout::Log(_))
}

pub(super) fn is_register(row: &FlagIdentity) -> bool {
    let is_of_kind = matches!(
        row.layout,
        FlagLayout::Energies { .. }
            | FlagLayout::ShortEnergies { .. }
            | FlagLayout::Rates { .. }
            | FlagLayout::CumulativeDemands
            | FlagLayout::MaximumDemands { .. }
    );
    is_of_kind && row.sets == 1
}

/// People write serial numbers with and without spaces and leading zeros.
fn is_same(one: &str, other: &str) -> bool {
    let bare = |text: &str| {
        let kept: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
        let kept = kept.to_ascii_uppercase();
        kept.trim_start_matches('0').to_owned()
    };
    bare(one) == bare(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: &str, other: &str, expected: bool) {
        assert_eq!(is_same(one, other), expected, "{one} and {other}");
    }

    #[test]
    fn serial_numbers_are_compared_as_people_write_them() {
        check("00123456", "123456", true);
        check("A 12-34", "a1234", true);
        check("123456", "1234560", false);
        check("123456", "", false);
    }
}
