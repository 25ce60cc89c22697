//! How the stations on a wire are set, and what each hears of the others.

use std::time::Duration;

use line::{LineSettings, Parity};

use super::Engine;
use crate::wire::characters::{Received, Travelling, receive};

impl Engine {
    /// How the Modbus meters are set. Where only the number of bits matters, it is as the
    /// gateway's port is, if that has as many.
    pub(super) fn modbus_line(&self) -> LineSettings {
        let line = self.settings.line();
        let is_alike = self.gateway.bits_per_character() == line.bits_per_character();
        if self.settings.format.is_none() && is_alike {
            LineSettings {
                baud: line.baud,
                ..self.gateway
            }
        } else {
            line
        }
    }

    /// The time of one character of a port that is set like this.
    pub(super) fn character_of(&self, line: LineSettings) -> Duration {
        let own = self.settings.line();
        let is_own = line.baud == own.baud && line.bits_per_character() == own.bits_per_character();
        if is_own || self.settings.baud == 0 {
            self.character
        } else {
            line.character_time()
        }
    }

    /// An octet of the gateway at the Modbus meters.
    pub(super) fn reach_modbus(
        &mut self,
        travelling: Travelling,
        from: LineSettings,
        end: Duration,
    ) {
        let to = self.modbus_line();
        // Who is set otherwise does not mean the Modbus meters where there are others.
        let is_for_others = self.seats.is_empty() || from != to;
        if is_for_others && !self.flag_seats.is_empty() {
            return;
        }
        let octet = match self.arrive(travelling, from, to) {
            Received::Whole(octet) => octet,
            Received::Damaged(_) => self.dice.octet(),
        };
        self.hearing.push(octet);
        self.understand(end);
    }

    /// An octet at the gateway's port, as its kernel hands it on: one with a wrong parity bit reads
    /// as zero, one without a stop bit is dropped where no parity is looked at.
    pub(super) fn reach_gateway(
        &mut self,
        travelling: Travelling,
        from: LineSettings,
    ) -> Option<u8> {
        let travelling = self.noisy(travelling);
        let to = self.gateway;
        match self.arrive(travelling, from, to) {
            Received::Whole(octet) => Some(octet),
            Received::Damaged(_) => (to.parity != Parity::None).then_some(0),
        }
    }

    /// At another speed everything is garbage.
    pub(super) fn arrive(
        &mut self,
        travelling: Travelling,
        from: LineSettings,
        to: LineSettings,
    ) -> Received {
        if self.settings.baud != 0 && from.baud != to.baud {
            return receive(self.dice.octet(), to, to);
        }
        receive(travelling, from, to)
    }

    pub(super) fn noisy(&mut self, travelling: Travelling) -> Travelling {
        if self.troubles.noise.happens(&mut self.dice) {
            self.records.counters.flipped += 1;
            return travelling ^ (1 << (self.dice.octet() % 8));
        }
        travelling
    }
}
