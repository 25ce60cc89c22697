//! From a meter's settings to the terms of a session with it.

use super::FlagBook;
use crate::config::{BusSettings, FlagParity};
use crate::limits::{OPENING_TWICE_FROM, SESSION_ATTEMPTS};
use iec62056_21::conversation::{ParityBy, Terms};
use line::Peer;
use meters::flag::{Credentials, LineUse, Wish, terms};
use meters::planner::SessionTurn;
use std::time::Duration;

impl FlagBook {
    /// The terms of one session.
    pub(in super::super) fn terms(&self, bus: &BusSettings, turn: &SessionTurn) -> Terms {
        let wish = Wish {
            peer: self.peer(),
            address: self.flag.address.clone(),
            line: self.line_use(bus),
            hold_max: turn.hold_max,
            attempts: SESSION_ATTEMPTS,
            opening_attempts: openings(turn),
            streams: self.has_streams(),
        };
        terms(&self.flag.model, &wish)
    }

    /// Whether data streams are worth a try.
    pub(super) fn has_streams(&self) -> bool {
        self.flag.carries_octets() && !self.has_no_streams
    }

    pub(in super::super) fn line_use(&self, bus: &BusSettings) -> LineUse {
        LineUse {
            usual: bus.link.line().copied().filter(|_| bus.link.can_be_set()),
            opening: self.flag.line.settings,
            changes_speed_to: self.flag.line.changes_speed_to,
            parity: match self.flag.line.parity {
                FlagParity::Line => ParityBy::Line,
                FlagParity::Software => ParityBy::Software,
                FlagParity::Ignored => ParityBy::Ignored,
            },
        }
    }

    pub(in super::super) fn credentials(&self) -> Credentials {
        match &self.flag.access.password {
            Some(password) => Credentials::Password(password.clone()),
            None => Credentials::None,
        }
    }

    /// Whose turnaround the guard learns: none of a Modbus unit.
    pub(in super::super) fn peer(&self) -> Peer {
        crate::tasks::bus::sessions::peer(0x1_0000, &self.flag.line_name())
    }
}

/// A meter that was silent before is tried once, and so is everybody where others wait.
fn openings(turn: &SessionTurn) -> u8 {
    let is_short = turn.hold_max < OPENING_TWICE_FROM;
    if turn.is_probe || is_short || turn.hold_max.is_zero() {
        1
    } else {
        2
    }
}

/// Long enough for whatever one turn may take, a call included.
pub(in super::super) fn signs_of_life(turn: &SessionTurn, bus: &BusSettings) -> Duration {
    let call = match &bus.link {
        crate::config::LinkSettings::Modem(modem) => Some(&modem.calls),
        crate::config::LinkSettings::Pad(pad) => Some(&pad.calls),
        _ => None,
    };
    let tries = |calls: &crate::config::CallSettings| {
        let once = calls.answer_within + calls.retry_after;
        once * (u32::from(calls.retries) + 1) + crate::limits::PROGRESS_WITHIN
    };
    turn.hold_max * 2 + call.map(tries).unwrap_or_default() + crate::limits::PROGRESS_WITHIN
}
