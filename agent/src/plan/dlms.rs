//! What a DLMS meter costs its line.

use super::{COLLECT, INSTANT};
use crate::config::{BusSettings, DlmsMeter, MeterSettings};
use meters::dlms::{DlmsPlace, ModeE};
use meters::planner::{PollKind, SessionMeter, SessionPoll};
use std::time::Duration;

/// How long such meters commonly think before an answer.
const REACTION: Duration = Duration::from_millis(100);
/// Exchanges of a session's beginning and end: link, association, proof, identity, clock, release.
const OPENING_EXCHANGES: u32 = 7;
/// Octets of them, both ways.
const OPENING_OCTETS: u32 = 700;
/// Octets of a request, and of what ciphering adds to both.
const AROUND_OCTETS: u32 = 60;
/// Octets of a frame around what it carries, and of the request for it.
const FRAME_OCTETS: u32 = 26;
/// Octets of one register: its name in the request, its value in the answer. Scalers are asked once.
const REGISTER_OCTETS: u32 = 20;
/// Octets of what a profile says of its columns.
const SETUP_OCTETS: u32 = 250;
/// Octets of a look whether there are new rows in a log or a history of billing.
const HISTORY_OCTETS: u32 = 120;
/// Octets of a row of a profile.
const ROW_OCTETS: u32 = 60;
/// Seconds of the usual period of a profile.
const PERIOD_S: u64 = 900;

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
    let rows = u32::try_from(dlms.collect.every.as_secs() / PERIOD_S).unwrap_or(u32::MAX);
    let histories = u32::try_from(dlms.model.profiles.len()).unwrap_or(u32::MAX);
    let histories = histories.saturating_sub(1);
    let work = cost.answer(registers.saturating_mul(REGISTER_OCTETS))
        + cost.answer(rows.saturating_add(1).saturating_mul(ROW_OCTETS))
        + cost.answer(SETUP_OCTETS)
        + cost.answer(HISTORY_OCTETS) * histories;
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
        let around = self.character * AROUND_OCTETS;
        (REACTION + self.character * FRAME_OCTETS) * frames + around + self.character * octets
    }
}
