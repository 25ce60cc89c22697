//! A meter of mode E: it is signed on as by IEC 62056-21, and speaks HDLC behind it.

use std::time::Duration;

use dlms::meter::{Station, Store as DlmsStore};
use iec62056_21::codec::{
    Baud, Identification, InvalidField, Manufacturer, MeterAddress, Packet, PacketRead, Seed,
};
use iec62056_21::meter::{Level, Machine, Opening, Refused, Security, Settings, Store};
use line::{DataBits, LineSettings, Parity, StopBits};

use super::SaidOctets;

/// From the end of its link to where it waits for a sign-on again: its last answer leaves before.
const REST_AFTER: Duration = Duration::from_millis(20);

/// What it is called in its identification.
const NAME: &str = "SIM";

/// How a meter of mode E is signed on: it opens at 300 baud and offers HDLC at this speed.
pub fn mode_e(address: Option<&str>, offered: Baud) -> Result<Settings, InvalidField> {
    let maker = Manufacturer::new(*b"PMU")?;
    let identification = Identification::new(maker, offered.digit(), b"2", NAME)?;
    let address = address.map(MeterAddress::new).transpose()?;
    Ok(Settings {
        answers_empty: address.is_none(),
        address,
        opening: Opening::Negotiated(Baud::B300),
        ..Settings::new(identification, Security::vdew(Vec::new()))
    })
}

/// The meter: what it is signed on with, and what speaks HDLC behind it.
pub(super) struct ModeE<S> {
    front: Machine<NoValues>,
    pub(super) station: Station<S>,
    /// It had a link, and the link is over.
    rests_at: Option<Duration>,
    was_linked: bool,
}

impl<S: DlmsStore> ModeE<S> {
    pub(super) fn new(settings: Settings, station: Station<S>) -> Self {
        Self {
            front: Machine::new(settings, NoValues),
            station,
            rests_at: None,
            was_linked: false,
        }
    }

    pub(super) fn settings(&mut self) -> &mut Settings {
        self.front.settings_mut()
    }

    /// How its port is set now.
    pub(super) fn port(&self) -> LineSettings {
        let (data_bits, parity) = if self.front.is_away() {
            (DataBits::Eight, Parity::None)
        } else {
            (DataBits::Seven, Parity::Even)
        };
        LineSettings {
            baud: self.front.baud(),
            parity,
            data_bits,
            stop_bits: StopBits::One,
        }
    }

    pub(super) fn hear(&mut self, octet: u8, at: Duration) -> Option<SaidOctets> {
        if !self.front.is_away() {
            let said = self.front.hear(octet, at)?;
            return Some((said.after, said.octets));
        }
        let said = self.station.hear(octet, at);
        self.look(at);
        said.map(|said| (said.after, said.octets))
    }

    /// Whether its link has ended since the last look.
    fn look(&mut self, at: Duration) {
        let is_linked = self.station.is_linked();
        if self.was_linked && !is_linked {
            self.rests_at = Some(at + REST_AFTER);
        } else if is_linked {
            self.rests_at = None;
        }
        self.was_linked = is_linked;
    }

    pub(super) fn wake(&mut self, at: Duration) {
        if self.station.is_linked() {
            self.station.wake(at);
            self.look(at);
        } else if self.rests_at.is_some_and(|due| due <= at) {
            self.rest();
        } else {
            // It has nothing to say of its own accord: it reads nothing out.
            self.front.wake(at);
        }
    }

    pub(super) fn due(&self) -> Option<Duration> {
        if self.station.is_linked() {
            return self.station.due();
        }
        self.rests_at.or_else(|| self.front.due())
    }

    /// It has forgotten its conversation, and waits for a sign-on.
    pub(super) fn rest(&mut self) {
        self.station.restart();
        self.front.restart();
        (self.rests_at, self.was_linked) = (None, false);
    }
}

/// The protocol of the sign-on gives no value of such a meter.
pub(super) struct NoValues;

impl Store for NoValues {
    fn operand(&mut self, _: Duration) -> Seed {
        Seed::new([b'0'; 8])
    }

    fn read(&mut self, _: PacketRead, _: Level, _: Duration) -> Result<Vec<u8>, Refused> {
        Err(Refused::Command)
    }

    fn write(&mut self, _: Packet, _: &[u8], _: Level, _: Duration) -> Result<(), Refused> {
        Err(Refused::Command)
    }
}
