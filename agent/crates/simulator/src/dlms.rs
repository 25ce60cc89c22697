//! A simulated DLMS meter: the protocol side of the crate `dlms` over contents that tests can reach.

mod clock;
mod contents;
mod instrument;
mod mode_e;
mod objects;
mod programmed;
mod recorder;
mod scenario;
mod shapes;
mod table;
mod writes;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dlms::codec::{AccessResult, ActionResult, Asked, Data, Method, Outcome};
use dlms::limits::INACTIVITY;
use dlms::meter::{Device, Station, Store, WrapperServer};
use dlms::security::{Keys, Secret};
use iec62056_21::meter::Settings;
use line::LineSettings;

pub use contents::DlmsContents;
pub use instrument::{DlmsAccess, DlmsInstrument, DlmsPlace, PUBLIC};
use mode_e::ModeE;
pub use mode_e::mode_e;
pub use recorder::Recorded;
pub use scenario::{Activates, ClockSet, DlmsScenario, Energy, Nulls, Sorting};

/// How it is reached.
enum Road {
    Hdlc(Station<Shared>),
    /// Over HDLC, behind a sign-on.
    ModeE(Box<ModeE<Shared>>),
    Wrapper {
        server: WrapperServer,
        device: Device<Shared>,
        heard_at: Duration,
    },
}

/// One DLMS meter, ready for a wire.
pub struct DlmsMeter {
    road: Road,
}

impl fmt::Debug for DlmsMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.road {
            Road::Hdlc(station) => station.fmt(f),
            Road::ModeE(meter) => meter.station.fmt(f),
            Road::Wrapper { server, .. } => server.fmt(f),
        }
    }
}

/// What it sends: after which time, and which octets.
pub(crate) type SaidOctets = (Duration, Vec<u8>);

/// From the last octet of a request in the wrapper to the first of its answer.
const WRAPPER_REACTION: Duration = Duration::from_millis(20);

impl DlmsMeter {
    fn on_hdlc(station: Station<Shared>) -> Self {
        Self {
            road: Road::Hdlc(station),
        }
    }

    fn on_mode_e(settings: Settings, station: Station<Shared>) -> Self {
        Self {
            road: Road::ModeE(Box::new(ModeE::new(settings, station))),
        }
    }

    fn on_wrapper(device: Device<Shared>) -> Self {
        Self {
            road: Road::Wrapper {
                server: WrapperServer::new(1),
                device,
                heard_at: Duration::ZERO,
            },
        }
    }

    /// How its port is set now; `wire` is how ports on its wire are commonly set.
    pub(crate) fn port(&self, wire: LineSettings) -> LineSettings {
        match &self.road {
            Road::ModeE(meter) => meter.port(),
            Road::Hdlc(_) | Road::Wrapper { .. } => wire,
        }
    }

    /// How it is signed on, if it is.
    pub(crate) fn sign_on_settings(&mut self) -> Option<&mut Settings> {
        match &mut self.road {
            Road::ModeE(meter) => Some(meter.settings()),
            Road::Hdlc(_) | Road::Wrapper { .. } => None,
        }
    }

    pub(crate) fn hear(&mut self, octet: u8, at: Duration) -> Option<SaidOctets> {
        match &mut self.road {
            Road::ModeE(meter) => meter.hear(octet, at),
            Road::Hdlc(station) => {
                let said = station.hear(octet, at)?;
                Some((said.after, said.octets))
            }
            Road::Wrapper {
                server,
                device,
                heard_at,
            } => {
                // A wire does not tell when a connection ends; a long silence does.
                if at.saturating_sub(*heard_at) > INACTIVITY {
                    server.close(device);
                }
                *heard_at = at;
                let said = server.hear(device, &[octet], at);
                let Some(octets) = said else {
                    server.close(device);
                    return None;
                };
                (!octets.is_empty()).then_some((WRAPPER_REACTION, octets))
            }
        }
    }

    pub(crate) fn wake(&mut self, at: Duration) {
        match &mut self.road {
            Road::Hdlc(station) => station.wake(at),
            Road::ModeE(meter) => meter.wake(at),
            Road::Wrapper { .. } => {}
        }
    }

    pub(crate) fn due(&self) -> Option<Duration> {
        match &self.road {
            Road::Hdlc(station) => station.due(),
            Road::ModeE(meter) => meter.due(),
            Road::Wrapper { .. } => None,
        }
    }

    /// It has forgotten its links and associations.
    pub(crate) fn restart(&mut self) {
        match &mut self.road {
            Road::Hdlc(station) => station.restart(),
            Road::ModeE(meter) => meter.rest(),
            Road::Wrapper { server, device, .. } => server.close(device),
        }
    }

    pub(crate) fn is_linked(&self) -> bool {
        match &self.road {
            Road::Hdlc(station) => station.is_linked(),
            Road::ModeE(meter) => meter.station.is_linked(),
            Road::Wrapper { .. } => true,
        }
    }
}

/// The shared contents, as the device sees them.
struct Shared(Arc<Mutex<DlmsContents>>);

impl Shared {
    fn store(&self) -> MutexGuard<'_, DlmsContents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Shared {
    fn get(&mut self, client: u16, asked: &Asked, at: Duration) -> Outcome {
        self.store().get(client, asked, at)
    }

    fn set(&mut self, client: u16, asked: &Asked, value: &Data, at: Duration) -> AccessResult {
        self.store().set(client, asked, value, at)
    }

    fn act(
        &mut self,
        client: u16,
        method: Method,
        parameter: Option<&Data>,
        at: Duration,
    ) -> (ActionResult, Option<Outcome>) {
        self.store().act(client, method, parameter, at)
    }

    fn keys(&self, client: u16) -> Option<Keys> {
        self.store().keys(client)
    }

    fn password(&self, client: u16) -> Option<Secret> {
        self.store().password(client)
    }

    fn note_wrong_password(&mut self, client: u16) {
        self.store().note_wrong_password(client);
    }

    fn challenge(&mut self, at: Duration) -> [u8; 16] {
        self.store().challenge(at)
    }
}
