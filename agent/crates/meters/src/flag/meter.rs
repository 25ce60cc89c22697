//! What the gateway knows of one FLAG meter, and how a conversation with it goes.

use super::setting::{Characters, LineReach, Setting};
use iec62056_21::conversation::{LogOn, Probe, Terms};
use super::limits::STREAM_BLOCK_CHARACTERS;
use crate::catalogue::flag::{FlagModel, LogOnStyle};
use crate::clock_basis::ClockBasis;
use iec62056_21::codec::{MeterAddress, Password, Purpose};
use line::Peer;
use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::Duration;

/// A password, and what it opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The access level, as configured: a meter does not tell it.
    pub level: u8,
    /// The password.
    pub password: Password,
}

/// What the gateway knows of one FLAG meter.
#[derive(Debug, Clone)]
pub struct FlagMeter {
    /// Everything known of meters of its kind.
    pub model: Arc<FlagModel>,
    /// Whose turnaround the line learns; one number a meter of the line.
    pub peer: Peer,
    /// Its address; none where it answers without one.
    pub address: Option<MeterAddress>,
    /// What its line can do.
    pub reach: LineReach,
    /// How the line is set while it is talked to.
    pub setting: Setting,
    /// Its password; without one it is read at the public level.
    pub credential: Option<Credential>,
    /// The serial number it must have; any if none.
    pub serial: Option<String>,
    /// The calendar of its clock.
    pub basis: ClockBasis,
}

impl FlagMeter {
    /// The access level that a session reaches.
    pub fn level(&self) -> u8 {
        match (&self.credential, self.model.session.log_on) {
            // Nothing is locked where nobody logs on.
            (_, LogOnStyle::None) => u8::MAX,
            (None, LogOnStyle::Plain) => self.model.session.read_level,
            (None, _) => 0,
            (Some(credential), _) => credential.level,
        }
    }

    /// Whether the data stream can be used: the meter offers it, and the line carries octets of
    /// eight bits.
    pub fn can_stream(&self) -> bool {
        let (line, _) = self.setting.carriage(&self.reach);
        let carries = Characters::of(&line.unwrap_or(self.reach.line));
        self.model.session.stream_option.is_some() && carries == Some(Characters::EightNone)
    }

    /// What a block of a data stream needs on the line.
    pub(crate) fn block_time(&self) -> Duration {
        self.setting.line.character_time() * STREAM_BLOCK_CHARACTERS
    }

    /// How a conversation goes that may hold the line for so long.
    pub(crate) fn terms(&self, hold_max: Duration, with_stream: bool) -> Terms {
        let session = &self.model.session;
        let (line, parity) = self.setting.carriage(&self.reach);
        let millis = |count: u16| Duration::from_millis(u64::from(count));
        let option = match session.stream_option {
            Some(option) if with_stream && self.can_stream() => option,
            _ => session.programming_option,
        };
        Terms {
            peer: self.peer,
            address: self.address.clone(),
            opening: self.setting.opening(),
            line,
            parity,
            purpose: purpose(option),
            gap: Some(millis(session.gap_ms)),
            reaction_max: millis(session.reaction_max_ms),
            character_gap_max: millis(session.character_gap_max_ms),
            attempts: NonZeroU8::new(session.attempts).unwrap_or(NonZeroU8::MIN),
            break_first: session.break_first,
            seed_delay: millis(session.operand_wait_ms),
            renew_after: Duration::from_secs(u64::from(session.renew_after_s)),
            hold_max,
            restore: line.map(|_| self.reach.line),
            probes: self.probes(),
            answers_name_address: true,
        }
    }

    /// What proves that both sides are in step again: short reads whose lengths no other read of
    /// such a meter has.
    fn probes(&self) -> Vec<Probe> {
        if self.model.vdew.is_some() {
            return Probe::vdew();
        }
        let known = self.model.session.probe.as_ref();
        let own = known.map(|probe| Probe::Packet {
            identity: probe.identity,
            octets: probe.octets,
        });
        let rows = &self.model.identities;
        let is_apart = |probe: &Probe| match probe {
            Probe::Packet { octets, .. } => {
                let octets = u16::from(*octets);
                rows.iter().all(|row| row.last_packet_octets() != octets)
            }
            Probe::Set { .. } => true,
        };
        let mut probes: Vec<Probe> = Vec::new();
        for probe in own.into_iter().chain(Probe::elster()) {
            if is_apart(&probe) && !probes.contains(&probe) {
                probes.push(probe);
            }
        }
        probes
    }

    /// How one logs on.
    pub(crate) fn log_on(&self) -> LogOn {
        let password = self.credential.as_ref().map(|known| known.password.clone());
        match (self.model.session.log_on, password) {
            (LogOnStyle::None, _) | (LogOnStyle::Plain, None) => LogOn::None,
            (LogOnStyle::Plain, Some(password)) => LogOn::Plain(password),
            (LogOnStyle::Elster | LogOnStyle::ElsterPublicFirst, None) => LogOn::Public,
            (LogOnStyle::Elster, Some(password)) => LogOn::Elster {
                password,
                public_first: false,
            },
            (LogOnStyle::ElsterPublicFirst, Some(password)) => LogOn::Elster {
                password,
                public_first: true,
            },
        }
    }
}

/// What an option select with this character asks for.
fn purpose(option: char) -> Purpose {
    match option {
        '0' => Purpose::Readout,
        '6' => Purpose::Maker6,
        '7' => Purpose::Maker7,
        '8' => Purpose::Maker8,
        '9' => Purpose::Maker9,
        _ => Purpose::Programming,
    }
}
