//! The FLAG and DLMS meters on a wire.

use std::time::Duration;

use iec62056_21::meter::Settings;
use line::{DataBits, LineSettings};

use super::{Engine, Happening};
use crate::limits::OCTETS_UNDER_WAY_MAX;
use crate::trouble::{FlagTroubles, WhileThinking};
use crate::wire::characters::{Received, Travelling, send};
use crate::wire::flag_seat::{FlagSeat, Transmission};
use crate::wire::speaker::{Said, Speaker};

/// Keeps the dice of FLAG meters apart from those of Modbus meters.
const FLAG_DICE: u64 = 0x1000;

impl Engine {
    pub(in crate::wire) fn seat_flag(
        &mut self,
        meter: Speaker,
        troubles: FlagTroubles,
        now: Duration,
    ) -> usize {
        let number = self.flag_seats_made;
        self.flag_seats_made += 1;
        let part = FLAG_DICE + u64::try_from(number).unwrap_or(0);
        let seat = FlagSeat {
            meter,
            troubles,
            dice: self.dice.fork(part),
            wake_at: None,
            busy_until: now,
            sending_until: now,
        };
        self.flag_seats.insert(number, seat);
        self.plan_wake(number);
        number
    }

    pub(in crate::wire) fn has_flag_seats(&self) -> bool {
        !self.flag_seats.is_empty()
    }

    pub(in crate::wire) fn unseat_flag(&mut self, number: usize) {
        self.flag_seats.remove(&number);
    }

    pub(in crate::wire) fn change_flag(
        &mut self,
        number: usize,
        change: impl FnOnce(&mut FlagTroubles),
    ) -> bool {
        let Some(seat) = self.flag_seats.get_mut(&number) else {
            return false;
        };
        let was_dead = seat.troubles.dead;
        change(&mut seat.troubles);
        if was_dead && !seat.troubles.dead {
            seat.meter.restart();
        }
        true
    }

    pub(in crate::wire) fn change_flag_settings(
        &mut self,
        number: usize,
        change: impl FnOnce(&mut Settings),
    ) -> bool {
        let seat = self.flag_seats.get_mut(&number);
        seat.and_then(|seat| seat.meter.flag_settings())
            .map(change)
            .is_some()
    }

    pub(in crate::wire) fn flag_signs_off(&mut self, number: usize, now: Duration) -> bool {
        let Some(seat) = self.flag_seats.get_mut(&number) else {
            return false;
        };
        let said = seat.meter.sign_off(now);
        let has = said.is_some();
        self.flag_says(number, said, now);
        has
    }

    /// What was planned is gone with what was under way.
    pub(super) fn forget_flag_plans(&mut self) {
        self.transmissions.clear();
        for seat in self.flag_seats.values_mut() {
            seat.wake_at = None;
        }
        self.plan_wakes();
    }

    fn plan_wakes(&mut self) {
        let numbers: Vec<usize> = self.flag_seats.keys().copied().collect();
        for number in numbers {
            self.plan_wake(number);
        }
    }

    /// An octet of the gateway has arrived.
    pub(super) fn flag_hears(&mut self, travelling: Travelling, from: LineSettings, at: Duration) {
        let wire = self.settings.line();
        let numbers: Vec<usize> = self.flag_seats.keys().copied().collect();
        for number in numbers {
            let Some(seat) = self.flag_seats.get_mut(&number) else {
                continue;
            };
            let troubles = &seat.troubles;
            let is_deaf = troubles.while_thinking == WhileThinking::Deaf && at < seat.busy_until;
            if troubles.dead || is_deaf || troubles.lost_octets.happens(&mut seat.dice) {
                continue;
            }
            let to = seat.meter.port(wire);
            let octet = match (self.arrive(travelling, from, to), to.data_bits) {
                // A port of seven bits marks what is damaged.
                (Received::Damaged(octet), DataBits::Seven) => octet | 0x80,
                (Received::Whole(octet), _) | (Received::Damaged(octet), DataBits::Eight) => octet,
            };
            let seat = self.flag_seats.get_mut(&number);
            let said = seat.and_then(|seat| seat.meter.hear(octet, at, wire));
            self.flag_says(number, said, at);
        }
    }

    pub(super) fn flag_wakes(&mut self, number: usize, at: Duration) {
        let Some(seat) = self.flag_seats.get_mut(&number) else {
            return;
        };
        if seat.wake_at != Some(at) {
            return;
        }
        seat.wake_at = None;
        let said = seat.meter.wake(at);
        self.flag_says(number, said, at);
    }

    /// A meter's message, as its troubles let it leave.
    fn flag_says(&mut self, number: usize, said: Option<Said>, at: Duration) {
        if let Some(said) = said {
            self.plan_message(number, said, at);
        }
        self.plan_wake(number);
    }

    fn plan_message(&mut self, number: usize, said: Said, at: Duration) {
        let (wire_has_baud, wire) = (self.settings.baud != 0, self.settings.line());
        let Some(seat) = self.flag_seats.get_mut(&number) else {
            return;
        };
        let mut said = said;
        let in_session = seat.meter.is_in_session();
        if in_session
            && seat.troubles.signs_off.happens(&mut seat.dice)
            && let Some(other) = seat.meter.sign_off(at)
        {
            said = Said {
                after: said.after,
                ..other
            };
        }
        // What the meter says of its own accord is not late.
        let thinks = if said.after.is_zero() {
            Duration::ZERO
        } else {
            seat.think(said.after)
        };
        // What came while it worked on something else waits its turn: answers keep their order.
        let due = at.max(seat.busy_until).saturating_add(thinks);
        let from = LineSettings {
            baud: said.baud,
            ..seat.meter.port(wire)
        };
        let character = if wire_has_baud {
            from.character_time() + seat.troubles.pause
        } else {
            Duration::ZERO
        };
        let time = character.saturating_mul(u32::try_from(said.octets.len()).unwrap_or(0));
        seat.busy_until = seat.busy_until.max(due).saturating_add(time);
        if seat.troubles.dead || seat.troubles.lost_answers.happens(&mut seat.dice) {
            return;
        }
        let octets = seat.spoil(said.octets);
        let dice = &mut seat.dice;
        let doubled = seat.troubles.doubled;
        let copy_after = doubled.and_then(|doubled| {
            let happens = doubled.happens.happens(dice);
            happens.then_some(doubled.after)
        });
        self.records.counters.flag_messages += 1;
        self.records.counters.busy += thinks + time;
        let send = Happening::FlagSend {
            number,
            octets,
            from,
            copy_after,
        };
        self.put(due, send);
    }

    pub(super) fn flag_sends(
        &mut self,
        number: usize,
        octets: &[u8],
        from: LineSettings,
        copy_after: Option<Duration>,
        at: Duration,
    ) {
        let wire_has_baud = self.settings.baud != 0;
        let Some(seat) = self.flag_seats.get_mut(&number) else {
            return;
        };
        if self.octets_under_way.saturating_add(octets.len()) > OCTETS_UNDER_WAY_MAX {
            self.lose(octets.len());
            return;
        }
        let (character, pause) = if wire_has_baud {
            (from.character_time(), seat.troubles.pause)
        } else {
            (Duration::ZERO, Duration::ZERO)
        };
        let begin = seat.sending_until.max(at);
        let mut end = begin;
        let mut sent = Vec::with_capacity(octets.len());
        for &octet in octets {
            end = end.saturating_add(character);
            sent.push((end, send(octet, from)));
            end = end.saturating_add(pause);
        }
        seat.sending_until = end;
        for (at, travelling) in sent {
            let octet = Happening::Octet {
                travelling,
                from,
                sender: Some(number),
            };
            self.put(at, octet);
            self.octets_under_way += 1;
        }
        self.transmissions.push(Transmission { number, begin, end });
        self.taken_until = self.taken_until.max(end);
        if let Some(after) = copy_after {
            let copy = Happening::FlagSend {
                number,
                octets: octets.to_vec(),
                from,
                copy_after: None,
            };
            self.put(end.saturating_add(after), copy);
        }
    }

    /// Two FLAG meters that send at once garble each other.
    pub(super) fn collide(
        &mut self,
        travelling: Travelling,
        from: LineSettings,
        sender: Option<usize>,
        at: Duration,
    ) -> Travelling {
        let Some(number) = sender else {
            return travelling;
        };
        let begin = at.saturating_sub(self.character_of(from));
        let meets =
            |other: &Transmission| other.number != number && other.begin < at && other.end > begin;
        if self.transmissions.iter().any(meets) {
            self.records.counters.collided += 1;
            return self.dice.octet();
        }
        self.transmissions.retain(|other| other.end >= begin);
        travelling
    }

    fn plan_wake(&mut self, number: usize) {
        let Some(seat) = self.flag_seats.get_mut(&number) else {
            return;
        };
        let Some(due) = seat.meter.due() else {
            return;
        };
        if seat.wake_at.is_none_or(|planned| due < planned) {
            seat.wake_at = Some(due);
            self.put(due, Happening::FlagWake { number });
        }
    }
}
