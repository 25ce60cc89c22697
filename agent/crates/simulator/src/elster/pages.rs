//! What can be programmed in a simulated meter.
//!
//! Layouts of calendars and the like are published by nobody. The pages that stand for them here are of
//! this simulator's own; a real meter knows neither them nor the mark that stands beside them.

use std::collections::BTreeMap;
use std::time::Duration;

use iec62056_21::codec::Packet;
use iec62056_21::meter::{Level, Refused};

use super::contents::Contents;
use super::encode::of_bcd;
use super::identities::PACKET;
use super::incident::{Port, What};
use super::model::{Family, period_code};

/// Rows for a model file that describe the pages of the simulator's own.
pub const PROVISIONAL_ROWS: &str = r#"
[provisional]
identity = 990
text = "PMU SIMULATOR   "

[[identity]]
number = 990
octets = 16
layout = "text"
content = "the mark of a simulated meter"
read = 1
fact = "open: of the simulator alone"
[[identity]]
number = 610
octets = 200
layout = "raw"
content = "calendar of the simulator's own"
read = 1
fact = "open: of the simulator alone"
[[identity]]
number = 611
octets = 128
layout = "raw"
content = "exclusion dates of the simulator's own"
read = 1
fact = "open: of the simulator alone"

[[setting]]
name = "calendar"
what = "calendar"
identity = 610
phase = "tariff"
provisional = true
fact = "open: of the simulator alone"
[[setting]]
name = "exclusion-dates"
what = "exclusion-dates"
identity = 611
phase = "tariff"
provisional = true
fact = "open: of the simulator alone"
"#;

const MARK: &[u8; 16] = b"PMU SIMULATOR   ";

/// How a meter fails at being programmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PageTrouble {
    /// It does as it should.
    #[default]
    None,
    /// It says yes and keeps what it held.
    KeepsNothing,
    /// It refuses: the identity is locked.
    Refuses,
}

/// Pages that hold something else than they would by themselves.
#[derive(Debug, Clone, Default)]
pub(super) struct Pages {
    held: BTreeMap<u16, Vec<u8>>,
    is_open: bool,
    trouble: PageTrouble,
    done: Vec<(u16, u16, Vec<u8>)>,
    /// Whatever was written to the meter and taken, also what is no page.
    taken: Vec<(u16, u16, Vec<u8>)>,
}

impl Pages {
    pub(super) fn open(&mut self) {
        self.is_open = true;
        self.held.insert(990, MARK.to_vec());
        self.held.insert(610, vec![0; 200]);
        self.held.insert(611, vec![0; 128]);
    }

    pub(super) fn be(&mut self, trouble: PageTrouble) {
        self.trouble = trouble;
    }

    pub(super) fn held(&self, identity: u16) -> Option<&[u8]> {
        self.held.get(&identity).map(Vec::as_slice)
    }

    pub(super) fn done(&self) -> &[(u16, u16, Vec<u8>)] {
        &self.done
    }

    pub(super) fn note_taken(&mut self, packet: Packet, octets: &[u8]) {
        let taken = (packet.identity(), packet.number(), octets.to_vec());
        self.taken.push(taken);
    }

    pub(super) fn taken(&self) -> &[(u16, u16, Vec<u8>)] {
        &self.taken
    }
}

impl Contents {
    /// Whether an identity is one that is programmed.
    pub(super) fn is_programmed(&mut self, identity: u16, utc: i64, at: Duration) -> bool {
        let is_known = matches!(
            identity,
            600 | 601 | 610 | 611 | 614 | 616 | 667 | 668 | 777 | 795 | 878
        );
        self.pages.is_open && is_known && self.whole(identity, utc, at).is_some()
    }

    /// Takes octets of one packet.
    pub(super) fn program(
        &mut self,
        packet: Packet,
        octets: &[u8],
        level: Level,
        at: Duration,
    ) -> Result<(), Refused> {
        if level < Level::Three || self.pages.trouble == PageTrouble::Refuses {
            return Err(Refused::Locked);
        }
        let (identity, utc) = (packet.identity(), self.utc(at));
        let mut page = self.whole(identity, utc, at).ok_or(Refused::Identity)?;
        let first = usize::from(packet.number())
            .checked_sub(1)
            .ok_or(Refused::Packet)?;
        let offset = first * PACKET;
        let place = page
            .get_mut(offset..offset + octets.len())
            .ok_or(Refused::Packet)?;
        self.note_change(utc);
        if self.pages.trouble == PageTrouble::KeepsNothing {
            return Ok(());
        }
        place.copy_from_slice(octets);
        self.pages
            .done
            .push((identity, packet.number(), octets.to_vec()));
        self.pages.held.insert(identity, page);
        if matches!(identity, 777 | 878) {
            self.change_profile(utc, at);
        }
        Ok(())
    }

    /// Another program than the gateway writes the first octets of an identity, under its own name.
    pub(super) fn program_by_others(
        &mut self,
        identity: u16,
        octets: &[u8],
        name: &str,
        at: Duration,
    ) -> bool {
        let utc = self.utc(at);
        let Some(mut page) = self.whole(identity, utc, at) else {
            return false;
        };
        let Some(place) = page.get_mut(..octets.len()) else {
            return false;
        };
        place.copy_from_slice(octets);
        self.pages.held.insert(identity, page);
        self.happen(
            utc,
            What::Programming {
                port: Port::Optical,
                name: name.to_owned(),
            },
        )
    }

    /// Another mask or period: the profile begins anew.
    fn change_profile(&mut self, utc: i64, at: Duration) {
        let mask = self.whole(777, utc, at);
        let mask = mask.and_then(|mask| mask.first_chunk::<2>().copied());
        let code = self.whole(878, utc, at);
        let code = code.and_then(|code| code.first().copied()).unwrap_or(0);
        let minutes = match self.model.family() {
            Family::A1700 => of_bcd(code).and_then(|minutes| u8::try_from(minutes).ok()),
            Family::A1140 | Family::As230 => (1..=60).find(|minutes| period_code(*minutes) == code),
        };
        if let (Some(mask), Some(minutes @ 1..=60)) = (mask, minutes) {
            self.happen(utc, What::ProfileChange { mask, minutes });
        }
    }
}
