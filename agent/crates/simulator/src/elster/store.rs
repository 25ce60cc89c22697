//! The contents as the protocol side reads and writes them.

use std::time::Duration;

use iec62056_21::codec::{Packet, PacketRead, Seed};
use iec62056_21::meter::{Level, Refused, Store};

use super::civil::DAY;
use super::contents::Contents;
use super::encode::clock_says;
use super::identities::{PACKET, writing_level};
use super::incident::What;

/// Octets of one packet of a data stream.
const BLOCK: usize = 256;
/// The farthest that a clock is adjusted, and by how much in each period.
const ADJUSTS_MAX: i64 = 450;
const ADJUSTS_BY: i64 = 5;

/// Identities that a data stream can carry.
const STREAMED: [u16; 5] = [543, 544, 545, 550, 555];

impl Store for Contents {
    fn is_powered(&mut self, at: Duration) -> bool {
        !self.history.is_cut(self.utc(at))
    }

    fn operand(&mut self, _: Duration) -> Seed {
        self.is_noted = false;
        self.operator.clear();
        Seed::new(self.dice.roll().to_be_bytes())
    }

    fn read(&mut self, asked: PacketRead, level: Level, at: Duration) -> Result<Vec<u8>, Refused> {
        let (identity, number) = (asked.packet().identity(), asked.packet().number());
        let count = usize::from(asked.octets());
        let packet = usize::from(number).checked_sub(1).ok_or(Refused::Packet);
        let utc = self.utc(at);
        // Whether it is known comes before whether it is locked.
        let whole = if self.is_made_of_parts(identity) {
            Vec::new()
        } else {
            self.whole(identity, utc, at).ok_or(Refused::Identity)?
        };
        if level < self.reading_level(identity) {
            return Err(Refused::Locked);
        }
        let packet = packet?;
        if let Some(sets) = self.sets(identity) {
            let packets = sets.octets.div_ceil(PACKET);
            if packet >= packets * sets.count {
                return Err(Refused::Packet);
            }
            let mut set = self.set(identity, packet / packets, utc);
            set.resize(packets * PACKET, 0);
            return part(&set, packet % packets * PACKET, count);
        }
        match identity {
            550 => {
                // One source reads a packet more than was announced.
                let packets = self.window.octets.div_ceil(PACKET) + 1;
                let fits = packet < packets && self.window.octets > 0;
                let octets = || self.recorder().read(&self.window, packet * PACKET, count);
                fits.then(octets).ok_or(Refused::Packet)
            }
            555 => {
                let packets = self.instrument_octets(utc).div_ceil(PACKET) + 1;
                let fits = packet < packets && self.instrument_days > 0;
                let octets = || self.instrument_part(packet * PACKET, count, utc);
                fits.then(octets).ok_or(Refused::Packet)
            }
            556 => {
                let packets = self.instrument_octets(utc).div_ceil(PACKET);
                let packets = u16::try_from(packets).unwrap_or(u16::MAX);
                part(&packets.to_be_bytes(), packet * PACKET, count)
            }
            _ => part(&whole, packet * PACKET, count),
        }
    }

    fn write(
        &mut self,
        packet: Packet,
        octets: &[u8],
        level: Level,
        at: Duration,
    ) -> Result<(), Refused> {
        let done = self.take(packet, octets, level, at);
        if done.is_ok() {
            self.pages.note_taken(packet, octets);
        }
        done
    }

    fn stream(
        &mut self,
        from: Packet,
        index: u32,
        level: Level,
        at: Duration,
    ) -> Result<Option<Vec<u8>>, Refused> {
        let identity = from.identity();
        let utc = self.utc(at);
        if !self.has(identity, utc, at) {
            return Err(Refused::Identity);
        }
        if level < self.reading_level(identity) {
            return Err(Refused::Locked);
        }
        let before = usize::from(from.number()).saturating_sub(1) * PACKET;
        let index = usize::try_from(index).unwrap_or(usize::MAX / BLOCK);
        let offset = before + index * BLOCK;
        let length = self.streamed_octets(identity, utc, at)?;
        let count = length.saturating_sub(offset).min(BLOCK);
        if count == 0 {
            return Ok(None);
        }
        Ok(Some(match identity {
            550 => self.recorder().read(&self.window, offset, count),
            555 => self.instrument_part(offset, count, utc),
            _ => {
                let sets = self.sets(identity).ok_or(Refused::Command)?;
                let padded = sets.octets.div_ceil(PACKET) * PACKET;
                let mut octets = Vec::new();
                for set in offset / padded..=(offset + count - 1) / padded {
                    let mut set = self.set(identity, set, utc);
                    set.resize(padded, 0);
                    octets.extend(set);
                }
                part(&octets, offset % padded, count)?
            }
        }))
    }
}

impl Contents {
    /// Whether the meter knows this identity.
    fn has(&mut self, identity: u16, utc: i64, at: Duration) -> bool {
        self.is_made_of_parts(identity)
            || writing_level(self.model, identity).is_some()
            || self.whole(identity, utc, at).is_some()
    }

    /// Whether an identity is never in one piece.
    fn is_made_of_parts(&self, identity: u16) -> bool {
        match identity {
            550 => self.model.has_profile(),
            555 | 556 => self.model.has_instrumentation(),
            _ => self.sets(identity).is_some(),
        }
    }

    fn streamed_octets(&self, identity: u16, utc: i64, _: Duration) -> Result<usize, Refused> {
        if !STREAMED.contains(&identity) {
            return Err(Refused::Command);
        }
        let padded = |octets: usize| octets.div_ceil(PACKET) * PACKET;
        Ok(match identity {
            550 => padded(self.window.octets),
            555 => padded(self.instrument_octets(utc)),
            _ => {
                let sets = self.sets(identity).ok_or(Refused::Command)?;
                padded(sets.octets) * sets.count
            }
        })
    }

    fn change(
        &mut self,
        identity: u16,
        octets: &[u8],
        utc: i64,
        at: Duration,
    ) -> Result<(), Refused> {
        match (identity, octets) {
            (551, [low, high, ..]) => {
                let days = u16::from_le_bytes([*low, *high]);
                let today = self.history.date(utc);
                let kept = self.scenario.profile_days;
                let days = if days == u16::MAX {
                    kept
                } else {
                    i64::from(days).min(kept)
                };
                self.open_window(today - days + 1, today, utc);
            }
            (554, times) if times.len() == 8 => {
                let (times, _) = times.as_chunks::<4>();
                let mut times = times
                    .iter()
                    .map(|time| i64::from(u32::from_le_bytes(*time)));
                let from = times.next().ok_or(Refused::Failure)?;
                let to = times.next().ok_or(Refused::Failure)?;
                let oldest = self.history.date(utc) - self.scenario.profile_days + 1;
                let from = from.div_euclid(DAY).max(oldest);
                self.open_window(from, to.div_euclid(DAY), utc);
            }
            (556, [low, high, ..]) => {
                let days = i64::from(u16::from_le_bytes([*low, *high]));
                self.instrument_days = days.min(self.scenario.days);
            }
            (576, name) if name.len() <= 12 => {
                let name = String::from_utf8_lossy(name).trim_end().to_owned();
                self.operator = name;
            }
            (605, selectors) if self.request_instants(selectors, at) => {}
            (655, [] | [_]) => self.reset_billing(utc)?,
            (861, octets) => {
                let local = clock_says(octets).ok_or(Refused::Failure)?;
                self.note_change(utc);
                self.set_clock(utc, local);
            }
            (862, &[low, high]) => self.adjust(i64::from(i16::from_le_bytes([low, high])), utc),
            (862, &[seconds]) => self.adjust(i64::from(i8::from_le_bytes([seconds])), utc),
            (411, [state]) => self.contactor = if *state == 1 { 1 } else { 3 },
            (412, [_]) => self.contactor = 0,
            _ => return Err(Refused::Failure),
        }
        Ok(())
    }

    /// Sets the clock to a local time.
    pub(super) fn set_clock(&mut self, utc: i64, local: i64) {
        let seconds = local - self.history.clock.local(utc);
        self.happen(utc, What::ClockSet { seconds });
        self.history.clock.set(utc, local);
        self.plan_billing(utc);
    }

    fn open_window(&mut self, from: i64, to: i64, utc: i64) {
        let lost = self.scenario.has_lost_profile;
        self.window = if lost || from > to {
            super::profile::Window::empty()
        } else {
            self.recorder().window(from, to, utc)
        };
    }

    /// What a non-zero argument of 862 means is not known; here it is signed seconds.
    fn adjust(&mut self, seconds: i64, utc: i64) {
        let seconds = seconds.clamp(-ADJUSTS_MAX, ADJUSTS_MAX);
        let period = i64::from(self.scenario.minutes.max(1)) * 60;
        self.history.clock.adjust(utc, seconds, ADJUSTS_BY, period);
        self.plan_billing(utc);
    }

    /// Takes octets of a packet, as a program or as something that the meter does.
    fn take(
        &mut self,
        packet: Packet,
        octets: &[u8],
        level: Level,
        at: Duration,
    ) -> Result<(), Refused> {
        let identity = packet.identity();
        let utc = self.utc(at);
        if self.is_programmed(identity, utc, at) {
            return self.program(packet, octets, level, at);
        }
        let Some(needed) = writing_level(self.model, identity) else {
            let known = self.has(identity, utc, at);
            return Err(if known {
                Refused::Locked
            } else {
                Refused::Identity
            });
        };
        if level < needed {
            return Err(Refused::Locked);
        }
        if packet.number() != 1 {
            return Err(Refused::Packet);
        }
        self.change(identity, octets, utc, at)
    }

    fn reset_billing(&mut self, utc: i64) -> Result<(), Refused> {
        let date = self.history.date(utc);
        let last = self.history.resets(utc).next_back();
        let is_today = last.is_some_and(|(last, _)| self.history.date(last) == date);
        if self.scenario.locks_billing && is_today {
            return Err(Refused::Locked);
        }
        self.note_change(utc);
        let trigger = match self.scenario.port {
            super::incident::Port::Remote => 0x08,
            super::incident::Port::Optical => 0x10,
        };
        self.happen(utc, What::BillingReset { trigger });
        Ok(())
    }

    /// A session that changes the meter is noted once, under its operator's name.
    pub(super) fn note_change(&mut self, utc: i64) {
        if !std::mem::replace(&mut self.is_noted, true) {
            let what = What::Programming {
                port: self.scenario.port,
                name: self.operator.clone(),
            };
            self.happen(utc, what);
        }
    }
}

/// So many octets from an offset on; all of them must be there.
fn part(octets: &[u8], offset: usize, count: usize) -> Result<Vec<u8>, Refused> {
    let end = offset.checked_add(count).ok_or(Refused::Packet)?;
    let part = octets.get(offset..end).ok_or(Refused::Packet)?;
    Ok(part.to_vec())
}
