//! The meter's clock against the gateway's: measured in each session, moved by commands only. Where the
//! configuration allows to adjust it, the session says so, and the command desk orders it.

mod commanded;

use super::round::{Sitting, StepEnd};
use super::task::Slice;
use crate::limits::CLOCK_ADJUST_EVERY;
use crate::tasks::bus::memory::Note;
use crate::tasks::heartbeat::quality_word;
use crate::tasks::storekeeper::Record;
use desk::{ClockResult, Outcome};
use line::Line;
use metering::{ClockQuality, EventCode, MeterTime, Timestamp};
use meters::catalogue::flag::{ClockModel, FlagLayout};
use meters::doctor::Finding;
use meters::elster::Content;
use meters::flag::VisitFault;
use meters::meter_clock::{
    ClockAction, ClockAdvice, ClockError, ClockGround, ClockSettings, adjust_request, advise,
};

/// What a look at a clock found.
#[derive(Debug, Clone)]
struct Looked {
    /// Nothing where it showed no time.
    shown: Option<MeterTime>,
    /// UTC at that moment, by the gateway.
    at: Timestamp,
    error: Option<ClockError>,
    gateway: ClockQuality,
    advice: ClockAdvice,
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Measures the clock, and does about it what the configuration allows.
    pub(super) async fn look_at_clock(&mut self) -> Result<StepEnd, VisitFault> {
        let Some(clock) = &self.visit.model().clock else {
            return Ok(StepEnd::Done);
        };
        if self.know_status(false).await? == StepEnd::Later {
            return Ok(StepEnd::Later);
        }
        let Some(looked) = self.measure(clock).await? else {
            return Ok(StepEnd::Later);
        };
        self.book.findings.clock = finding(&looked);
        if let Some(code) = looked.advice.event {
            self.tell_advice(code, &looked.advice);
        } else {
            self.book.memory.set_note(Note::Clock, &[]);
        }
        if looked.advice.action == ClockAction::Adjust {
            self.wish_adjustment();
        }
        Ok(StepEnd::Done)
    }

    /// The clock for a person who asked. Changes nothing.
    pub(super) async fn show_clock(&mut self) -> Result<Slice, VisitFault> {
        let unknown = VisitFault::Unknown("a clock");
        let clock = self.visit.model().clock.as_ref().ok_or(unknown)?;
        if self.know_status(true).await? == StepEnd::Later {
            return Ok(Slice::More);
        }
        let Some(looked) = self.measure(clock).await? else {
            return Ok(Slice::More);
        };
        self.book.findings.clock = finding(&looked);
        Ok(Slice::Done(Outcome::Clock(shown_clock(&looked))))
    }

    /// Nothing while there is no time for it.
    async fn measure(&mut self, clock: &ClockModel) -> Result<Option<Looked>, VisitFault> {
        let unknown = VisitFault::Unknown("where its clock stands");
        let row = self.visit.row(clock.identity).ok_or(unknown)?;
        let Some(raw) = self.read(row).await? else {
            return Ok(None);
        };
        self.has_seen_clock = true;
        let shown = match self.reader().read(row, &raw.octets) {
            Ok(Content::Clock(stamp)) => Some(stamp.time),
            _ => None,
        };
        let utc_at = |at| self.desk.clock.utc_at(self.desk.clock.moment(at));
        let (sent, received) = (utc_at(raw.left_at), utc_at(raw.arrived_at));
        let at = Timestamp::from_millis(sent.millis().midpoint(received.millis()));
        let basis = &self.book.flag.clock.basis;
        let error = shown.map(|shown| ClockError::measured(shown, basis, sent, received));
        self.book.clock_error_ms = error.map(|error| error.ahead_ms);
        let settings = ClockSettings {
            tolerance: self.book.flag.clock.tolerance,
            adjusts: self.book.flag.clock.adjusts,
            trusts_unproven: self.book.flag.clock.adjusts_unproven,
            ..ClockSettings::default()
        };
        let adjust = adjust_request(clock);
        let adjust = adjust.filter(|_| clock.adjust_level.is_some_and(|level| level <= self.level));
        let gateway = self.desk.clock.now().quality;
        let ground = ClockGround {
            settings: &settings,
            gateway,
            is_invalid: self.says(EventCode::MeterClockInvalid),
            is_battery_bad: self.says(EventCode::MeterBattery),
            adjust: adjust.as_ref(),
        };
        let advice = advise(error, &ground);
        Ok(Some(Looked {
            shown,
            at,
            error,
            gateway,
            advice,
        }))
    }

    /// Reads the status that says whether clock and battery are good: anew, or where it was never
    /// read. Who may not read it judges without.
    async fn know_status(&mut self, anew: bool) -> Result<StepEnd, VisitFault> {
        let model = self.visit.model();
        let rows = model.identities_of(&self.visit.variant().id);
        let of_status = rows.filter(|row| {
            let is_allowed = row.read.is_some_and(|level| level <= self.level);
            is_allowed && matches!(row.layout, FlagLayout::Status { .. })
        });
        let numbers: Vec<u16> = of_status.map(|row| row.number).collect();
        self.know(&numbers, anew).await
    }

    /// Whether the meter's status said something at the last look.
    fn says(&self, code: EventCode) -> bool {
        let model = self.visit.model();
        let rows = model.identities_of(&self.visit.variant().id);
        let mut words = rows.filter_map(|row| {
            let is_status = matches!(row.layout, FlagLayout::Status { .. });
            let octets = self
                .book
                .memory
                .identity(row.number)
                .filter(|_| is_status)?;
            match self.reader().read(row, octets) {
                Ok(Content::Status(words)) => Some(words),
                _ => None,
            }
        });
        words.any(|words| {
            let mut bits = words.iter().flat_map(|word| &word.set);
            bits.any(|bit| bit.event == Some(code))
        })
    }

    /// Says what should be done, but not every time that it is found.
    fn tell_advice(&mut self, code: EventCode, advice: &ClockAdvice) {
        let concerns_writing = code == EventCode::ClockWritesBlocked;
        if concerns_writing && !self.book.flag.clock.adjusts {
            return;
        }
        let words = format!("{code:?} {:?}", advice.action);
        if !self.is_new_note(Note::Clock, &words) {
            return;
        }
        let event = self
            .book
            .event(code, advice.reason.clone(), self.desk.clock);
        self.said.events.push(event);
    }

    /// Says that the clock is to be adjusted, at most once a day: the command desk orders it.
    fn wish_adjustment(&mut self) {
        if self.is_due(Note::Adjusted, CLOCK_ADJUST_EVERY) {
            self.book.clock_wish = Some(self.desk.clock.now().utc);
        }
    }

    async fn audit(&mut self, what: &str, detail: String) {
        self.said.records.push(Record::Audit {
            who: "gateway".to_owned(),
            what: what.to_owned(),
            detail,
        });
        let mut said = std::mem::take(&mut self.said);
        self.book.remember(&mut said);
        self.said.accepted_serial = said.accepted_serial;
        let store = self.desk.store;
        store.keep_together(said.events, said.records).await;
    }
}

fn shown_clock(looked: &Looked) -> ClockResult {
    let error = looked.error;
    let utc = |error: ClockError| {
        let millis = looked.at.millis().saturating_add_signed(error.ahead_ms);
        Timestamp::from_millis(millis).to_string()
    };
    let action = match looked.advice.action {
        ClockAction::None => "none",
        ClockAction::Adjust => "adjust",
        ClockAction::ApproveSet => "approve-set",
        ClockAction::Alarm => "alarm",
        ClockAction::Blocked => "blocked",
    };
    let shown = looked.shown.map(|shown| shown.to_string());
    ClockResult {
        meter: shown.unwrap_or_else(|| "no time".to_owned()),
        meter_utc: error.map(utc).unwrap_or_default(),
        gateway_utc: looked.at.to_string(),
        error_ms: error.map_or(0, |error| error.ahead_ms),
        uncertainty_ms: error.map_or(0, |error| error.uncertainty_ms),
        gateway_clock: quality_word(looked.gateway).to_owned(),
        action: action.to_owned(),
        why: finding(looked)
            .and_then(|finding| finding.message())
            .map_or_else(
                || looked.advice.reason.clone(),
                |message| format!("{}: {}", message.code, looked.advice.reason),
            ),
    }
}

/// What the doctor says of a clock; nothing where nothing is wrong.
fn finding(looked: &Looked) -> Option<Finding> {
    Some(match looked.advice.event? {
        EventCode::MeterClockInvalid => Finding::ClockInvalid,
        EventCode::ClockWritesBlocked => Finding::OwnClock,
        _ => Finding::ClockOff {
            ahead_s: looked.error?.ahead_ms / 1000,
            advice: looked.advice.reason.clone(),
        },
    })
}

/// An argument of a model's file as octets; its digits were proven when it was loaded.
fn octets_of(argument: &str) -> Vec<u8> {
    let digits: Vec<u32> = argument
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .collect();
    let (pairs, _) = digits.as_chunks::<2>();
    let octets = pairs
        .iter()
        .map(|[high, low]| u8::try_from(high << 4 | low));
    octets.map(Result::unwrap_or_default).collect()
}
