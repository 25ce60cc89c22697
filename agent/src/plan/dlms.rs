//! What a DLMS meter costs its line.

use super::{COLLECT, INSTANT};
use crate::config::{BusSettings, DlmsMeter, MeterSettings};
use meters::dlms::{DlmsPlace, ModeE};
use meters::planner::{PollKind, SessionMeter, SessionPoll};
use std::time::Duration;

/// How long such meters commonly think before an answer.
const REACTION: Duration = Duration::from_millis(100);
/// Exchanges of a session's beginning and end: link, association, proof, identity, release.
const OPENING_EXCHANGES: u32 = 8;
/// Octets of them, both ways.
const OPENING_OCTETS: u32 = 700;
/// Octets of a request, of the frames around both, and of what ciphering adds.
const AROUND_OCTETS: u32 = 90;
/// Octets of the answer to one register, scaler and unit included.
const REGISTER_OCTETS: u32 = 30;
/// Octets of a row of a profile.
const ROW_OCTETS: u32 = 60;
/// Rows of an ordinary look at the profile: an hour or two of quarters of an hour.
const PROFILE_ROWS: u32 = 8;

/// A meter as the planner sees it.
pub(super) fn session_meter(
    meter: &MeterSettings,
    dlms: &DlmsMeter,
    bus: &BusSettings,
) -> SessionMeter {
    let cost = Cost::new(dlms, bus);
    let hold_max = bus.session_max;
    let hold_min = (cost.opening + cost.answer(256) * 2).min(hold_max);
    let registers = u32::try_from(dlms.model.default_registers().count()).unwrap_or(u32::MAX);
    let work = cost.answer(registers.saturating_mul(REGISTER_OCTETS))
        + cost.answer(PROFILE_ROWS * ROW_OCTETS)
        + cost.answer(256) * 4;
    let mut polls = vec![SessionPoll {
        id: COLLECT,
        kind: PollKind::Every(dlms.collect.every),
        cost: cost.opening + work,
    }];
    if let Some(instant) = &meter.instant {
        let values = u32::try_from(instant.values.len()).unwrap_or(u32::MAX);
        polls.push(SessionPoll {
            id: INSTANT,
            kind: PollKind::Every(instant.every),
            cost: cost.opening + cost.answer(values.saturating_mul(REGISTER_OCTETS)),
        });
    }
    SessionMeter {
        id: meter.id.clone(),
        address: dlms.line_name(),
        hold_min,
        hold_max,
        polls,
    }
}

/// Line time of the parts of a session.
#[derive(Debug, Clone, Copy)]
struct Cost {
    character: Duration,
    /// Octets that one frame carries.
    frame_octets: u32,
    opening: Duration,
}

impl Cost {
    fn new(dlms: &DlmsMeter, bus: &BusSettings) -> Self {
        let line = bus.link.line();
        let character = line.map_or(Duration::ZERO, line::LineSettings::character_time);
        let sign_on = dlms.sign_on.as_ref();
        let sign_on = sign_on.map_or(Duration::ZERO, |_| ModeE::LINE_TIME);
        let hdlc = dlms.model.hdlc.as_ref();
        let hdlc = hdlc.filter(|_| dlms.place != DlmsPlace::Wrapper);
        Self {
            character,
            frame_octets: hdlc.map_or(u32::MAX, |hdlc| u32::from(hdlc.information_octets.max(1))),
            opening: REACTION * OPENING_EXCHANGES + character * OPENING_OCTETS + sign_on,
        }
    }

    /// A request whose answer has so many octets, frame by frame.
    fn answer(&self, octets: u32) -> Duration {
        let frames = octets.div_ceil(self.frame_octets).max(1);
        (REACTION + self.character * AROUND_OCTETS) * frames + self.character * octets
    }
}
