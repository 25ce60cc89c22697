//! The meter's clock against the gateway's: measured in each round, moved by commands only.

mod commanded;

use super::session::Sitting;
use crate::tasks::bus::memory::Note;
use crate::tasks::heartbeat::quality_word;
use desk::ClockResult;
use line::Line;
use metering::{ClockQuality, Timestamp};
use meters::cosem::CosemTime;
use meters::dlms::DlmsFault;
use meters::meter_clock::{
    ClockAction, ClockAdvice, ClockError, ClockGround, ClockSettings, advise,
};

/// What a look at a clock found.
pub(super) struct Looked {
    shown: CosemTime,
    /// UTC at that moment, by the gateway.
    at: Timestamp,
    error: ClockError,
    gateway: ClockQuality,
    advice: ClockAdvice,
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Measures the clock, and tells what should be done about it, once.
    pub(super) async fn look_at_clock(&mut self) -> Result<Looked, DlmsFault> {
        let read = self.visit.clock().await?;
        let utc_at = |at| self.desk.clock.utc_at(self.desk.clock.moment(at));
        let (sent, received) = (utc_at(read.left_at), utc_at(read.arrived_at));
        let basis = &self.book.dlms.clock.basis;
        let look = read
            .value
            .look(basis, self.model.clock.deviation, sent, received);
        self.book.clock_error_ms = Some(look.error.ahead_ms);
        let settings = ClockSettings {
            tolerance: self.book.dlms.clock.tolerance,
            ..ClockSettings::default()
        };
        let gateway = self.desk.clock.now().quality;
        let ground = ClockGround {
            settings: &settings,
            gateway,
            is_invalid: read.value.is_doubtful(),
            is_battery_bad: false,
            adjust: None,
        };
        let looked = Looked {
            shown: read.value,
            at: Timestamp::from_millis(sent.millis().midpoint(received.millis())),
            error: look.error,
            gateway,
            advice: advise(Some(look.error), &ground),
        };
        self.tell(&looked);
        Ok(looked)
    }

    fn tell(&mut self, looked: &Looked) {
        let Some(code) = looked.advice.event else {
            self.book.memory.set_note(Note::Clock, &[]);
            return;
        };
        let words = format!("{code:?} {:?}", looked.advice.action);
        if looked.gateway >= ClockQuality::Synchronised
            && self.book.memory.is_news(Note::Clock, &words)
        {
            let reason = looked.advice.reason.clone();
            let event = self.book.event(code, reason, self.desk.clock);
            self.said.events.push(event);
        }
    }
}

/// As a person sees it.
pub(super) fn shown_clock(looked: &Looked) -> ClockResult {
    let utc = looked
        .at
        .millis()
        .saturating_add_signed(looked.error.ahead_ms);
    let action = match looked.advice.action {
        ClockAction::None => "none",
        ClockAction::Adjust => "adjust",
        ClockAction::ApproveSet => "approve-set",
        ClockAction::Alarm => "alarm",
        ClockAction::Blocked => "blocked",
    };
    ClockResult {
        meter: looked.shown.shown.to_string(),
        meter_utc: Timestamp::from_millis(utc).to_string(),
        gateway_utc: looked.at.to_string(),
        error_ms: looked.error.ahead_ms,
        uncertainty_ms: looked.error.uncertainty_ms,
        gateway_clock: quality_word(looked.gateway).to_owned(),
        action: action.to_owned(),
        why: looked.advice.reason.clone(),
    }
}
