//! Sign-ons with one setting of the line after the other, to find out with which a meter answers.

use crate::adapters::port::Port;
use crate::config::{BusSettings, Dtr as WantedDtr, LinkSettings};
use iec62056_21::codec::MeterAddress;
use iec62056_21::conversation::{ParityBy, SessionFault, Terms, identify};
use line::{DataBits, GuardedLine, LineSettings, Parity, Peer, StopBits};
use meters::doctor::{Dtr, Framing, Saw, TrialSettings};
use std::num::NonZeroU8;
use std::time::Duration;

/// Whose turnaround such sign-ons are; no meter has it.
const TRIAL_PEER: Peer = Peer(0x2_0000);

/// A bus on which sign-ons are tried.
pub(super) struct Trier<'a> {
    pub(super) line: &'a mut GuardedLine<Port>,
    pub(super) bus: &'a BusSettings,
    /// A meter begins to answer within this time.
    pub(super) reaction_max: Duration,
}

impl Trier<'_> {
    /// One sign-on, and what was heard. Nothing if these settings cannot be had on this line.
    pub(super) async fn sign_on(&mut self, with: &TrialSettings) -> Option<Saw> {
        if let Some(dtr) = with.dtr
            && self.line.line_mut().set_dtr(dtr == Dtr::On).is_err()
        {
            return None;
        }
        let address = match with.address.as_str() {
            "" => None,
            address => Some(MeterAddress::new(address).ok()?),
        };
        let mut terms = Terms::new(TRIAL_PEER, address);
        terms.parity = parity_of(with.framing);
        terms.attempts = NonZeroU8::MIN;
        terms.reaction_max = self.reaction_max;
        if self.bus.link.can_be_set() {
            terms.line = Some(line_of(with));
            terms.restore = self.bus.link.line().copied();
        }
        let found = identify(self.line, &terms).await;
        Some(match found {
            Ok(identification) => {
                let octets = identification.encode();
                let text: String = octets.octets().iter().copied().map(char::from).collect();
                Saw::Identification(text.trim_end().to_owned())
            }
            Err(fault) => saw(&fault)?,
        })
    }

    /// Sets DTR as the configuration has it.
    pub(super) fn restore(&mut self) {
        if let LinkSettings::Optical(optical) = &self.bus.link
            && let Err(error) = self.line.line_mut().set_dtr(optical.dtr.at_first())
        {
            log::debug!(error:%; "DTR cannot be set");
        }
    }
}

/// How the line is set for a meter at this address.
pub(super) fn configured(
    bus: &BusSettings,
    line: Option<LineSettings>,
    parity: ParityBy,
    address: &str,
) -> TrialSettings {
    let line = line.or(bus.link.line().copied());
    let is_seven = line.is_some_and(|line| line.data_bits == DataBits::Seven);
    let is_even = line.is_some_and(|line| line.parity == Parity::Even);
    let framing = match parity {
        ParityBy::Software => Framing::SoftwareParity,
        _ if is_seven => Framing::SevenEven,
        _ if is_even => Framing::EightEven,
        _ => Framing::EightNone,
    };
    TrialSettings {
        baud: line.map_or(0, |line| line.baud),
        framing,
        dtr: dtr_of(&bus.link),
        cancels_echo: true,
        address: address.to_owned(),
    }
}

fn dtr_of(link: &LinkSettings) -> Option<Dtr> {
    match link {
        LinkSettings::Optical(optical) if optical.dtr == WantedDtr::Off => Some(Dtr::Off),
        LinkSettings::Optical(_) => Some(Dtr::On),
        _ => None,
    }
}

/// Who makes the parity with a framing.
pub(super) fn parity_of(framing: Framing) -> ParityBy {
    match framing {
        Framing::SoftwareParity => ParityBy::Software,
        Framing::SevenEven | Framing::EightNone | Framing::EightEven => ParityBy::Line,
    }
}

/// How the line is set for a trial.
pub(super) fn line_of(with: &TrialSettings) -> LineSettings {
    let (data_bits, parity) = match with.framing {
        Framing::SevenEven => (DataBits::Seven, Parity::Even),
        Framing::EightNone | Framing::SoftwareParity => (DataBits::Eight, Parity::None),
        Framing::EightEven => (DataBits::Eight, Parity::Even),
    };
    LineSettings {
        baud: with.baud,
        parity,
        data_bits,
        stop_bits: StopBits::One,
    }
}

/// What a failed sign-on has seen; nothing if the line itself failed.
pub(super) fn saw(fault: &SessionFault) -> Option<Saw> {
    let count = |octets: usize| u32::try_from(octets).unwrap_or(u32::MAX);
    Some(match fault {
        SessionFault::Nothing { .. } => Saw::Nothing,
        SessionFault::Garbled { garble, .. } => Saw::Garbage {
            octets: count(garble.octets),
            wrong_parity: count(garble.wrong_parity),
        },
        SessionFault::EchoOnly { .. } => Saw::Echo {
            octets: SIGN_ON_OCTETS,
        },
        SessionFault::TwoMeters => Saw::TwoIdentifications(Vec::new()),
        SessionFault::NoIdentification { octets } => Saw::Garbage {
            octets: count(*octets),
            wrong_parity: 0,
        },
        SessionFault::NotAcknowledged { .. } | SessionFault::Refused { .. } => Saw::Nak,
        _ => return None,
    })
}

/// Octets of a sign-on to an address of three digits.
const SIGN_ON_OCTETS: u32 = 8;
