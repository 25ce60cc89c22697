//! A meter that hears octets and speaks by itself: FLAG or DLMS.

use std::time::Duration;

use iec62056_21::meter::Settings;
use line::LineSettings;

use crate::dlms::DlmsMeter;
use crate::flag::FlagMeter;

/// What a meter sends.
pub(super) struct Said {
    /// From the last octet of the request to the first of the answer.
    pub(super) after: Duration,
    /// At which speed.
    pub(super) baud: u32,
    pub(super) octets: Vec<u8>,
}

/// The protocol side of a meter.
#[derive(Debug)]
pub(super) enum Speaker {
    Flag(FlagMeter),
    Dlms(DlmsMeter),
}

impl From<iec62056_21::meter::Said> for Said {
    fn from(said: iec62056_21::meter::Said) -> Self {
        Self {
            after: said.after,
            baud: said.baud,
            octets: said.octets,
        }
    }
}

impl Speaker {
    /// How its port is set now; `wire` is how ports on its wire are commonly set.
    pub(super) fn port(&self, wire: LineSettings) -> LineSettings {
        match self {
            Self::Flag(meter) => meter.port(),
            Self::Dlms(meter) => meter.port(wire),
        }
    }

    pub(super) fn hear(&mut self, octet: u8, at: Duration, wire: LineSettings) -> Option<Said> {
        match self {
            Self::Flag(meter) => meter.machine().hear(octet, at).map(Said::from),
            Self::Dlms(meter) => {
                // An answer goes out at the speed at which it was asked for.
                let baud = meter.port(wire).baud;
                let said = meter.hear(octet, at);
                said.map(|(after, octets)| Said {
                    after,
                    baud,
                    octets,
                })
            }
        }
    }

    pub(super) fn wake(&mut self, at: Duration) -> Option<Said> {
        match self {
            Self::Flag(meter) => meter.machine().wake(at).map(Said::from),
            Self::Dlms(meter) => {
                meter.wake(at);
                None
            }
        }
    }

    pub(super) fn due(&mut self) -> Option<Duration> {
        match self {
            Self::Flag(meter) => meter.machine().due(),
            Self::Dlms(meter) => meter.due(),
        }
    }

    /// The power came back.
    pub(super) fn restart(&mut self) {
        match self {
            Self::Flag(meter) => meter.machine().restart(),
            Self::Dlms(meter) => meter.restart(),
        }
    }

    pub(super) fn is_in_session(&mut self) -> bool {
        match self {
            Self::Flag(meter) => meter.machine().is_in_session(),
            Self::Dlms(meter) => meter.is_linked(),
        }
    }

    /// Ends its session, unasked. A DLMS meter has no word for that: it forgets its link.
    pub(super) fn sign_off(&mut self, at: Duration) -> Option<Said> {
        match self {
            Self::Flag(meter) => meter.machine().sign_off(at).map(Said::from),
            Self::Dlms(meter) => {
                meter.restart();
                None
            }
        }
    }

    pub(super) fn flag_settings(&mut self) -> Option<&mut Settings> {
        match self {
            Self::Flag(meter) => Some(meter.machine().settings_mut()),
            Self::Dlms(meter) => meter.sign_on_settings(),
        }
    }
}
