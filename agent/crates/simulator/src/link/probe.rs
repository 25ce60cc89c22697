//! An optical probe: a head with one light each way, fed from the circuits of its port.

use tokio::time::Instant;

use super::{Circuit, Peer};

/// An optical probe before a meter.
///
/// A port begins with DTR and RTS on, as the kernel opens it. On a pty, where nobody can turn
/// them, a probe that wants DTR on works and one that wants it off stays dark.
#[derive(Debug)]
pub struct Probe {
    meter: Box<dyn Peer>,
    wants_dtr: Option<bool>,
    wants_rts: Option<bool>,
    echoes: bool,
    dtr: bool,
    rts: bool,
    echo: Vec<u8>,
}

impl Probe {
    /// A probe that needs no circuit and returns nothing of what is sent.
    pub fn new(meter: impl Peer + 'static) -> Self {
        Self {
            meter: Box::new(meter),
            wants_dtr: None,
            wants_rts: None,
            echoes: false,
            dtr: true,
            rts: true,
            echo: Vec::new(),
        }
    }

    /// It is dark unless DTR is like this.
    pub const fn wants_dtr(mut self, on: bool) -> Self {
        self.wants_dtr = Some(on);
        self
    }

    /// It is dark unless RTS is like this.
    pub const fn wants_rts(mut self, on: bool) -> Self {
        self.wants_rts = Some(on);
        self
    }

    /// Its receiver sees its own light: what is sent comes back.
    pub const fn echoes(mut self) -> Self {
        self.echoes = true;
        self
    }

    fn is_dark(&self) -> bool {
        let differs = |wanted: Option<bool>, is: bool| wanted.is_some_and(|wanted| wanted != is);
        differs(self.wants_dtr, self.dtr) || differs(self.wants_rts, self.rts)
    }
}

impl Peer for Probe {
    fn hear(&mut self, now: Instant, octets: &[u8]) {
        if self.is_dark() {
            return;
        }
        if self.echoes {
            self.echo.extend(octets);
        }
        self.meter.hear(now, octets);
    }

    fn say(&mut self, now: Instant, said: &mut Vec<u8>) {
        let begin = said.len();
        said.append(&mut self.echo);
        self.meter.say(now, said);
        if self.is_dark() {
            said.truncate(begin);
        }
    }

    fn due(&self) -> Option<Instant> {
        self.meter.due()
    }

    fn turn(&mut self, _now: Instant, circuit: Circuit) {
        match circuit {
            Circuit::Dtr(on) => self.dtr = on,
            Circuit::Rts(on) => self.rts = on,
            Circuit::Break(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::link::Answering;

    fn probe() -> Probe {
        Probe::new(Answering::new(Duration::ZERO, <[u8]>::to_ascii_uppercase))
    }

    #[track_caller]
    fn check(mut probe: Probe, circuits: &[Circuit], expected: &[u8]) {
        let now = Instant::now();
        for circuit in circuits {
            probe.turn(now, *circuit);
        }
        probe.hear(now, b"abc");
        let mut said = Vec::new();
        probe.say(now, &mut said);
        assert_eq!(said, expected);
    }

    #[test]
    fn a_probe_is_dark_without_its_circuit() {
        check(probe(), &[], b"ABC");
        check(probe().wants_dtr(true), &[], b"ABC");
        check(probe().wants_dtr(true), &[Circuit::Dtr(false)], b"");
        check(probe().wants_dtr(false), &[], b"");
        check(probe().wants_dtr(false), &[Circuit::Dtr(false)], b"ABC");
        check(probe().wants_rts(false), &[Circuit::Rts(false)], b"ABC");
    }

    #[test]
    fn a_probe_that_sees_its_own_light_returns_what_is_sent() {
        check(probe().echoes(), &[], b"abcABC");
        check(probe().echoes().wants_dtr(false), &[], b"");
    }
}
