//! What the fuzz target of the meter's side calls: octets as anybody may put them on the line.

use std::time::Duration;

use super::settings::{
    Dialect, OtherAddress, ParityBy, Push, Security, Settings, SignOnInSession, WrongPassword,
};
use super::{Level, Machine, Opening, Refused, Said, Store};
use crate::codec::{
    Answer, Baud, DataSet, Form, Identification, Manufacturer, Packet, PacketRead, Password,
    Readout, Seed, StreamPacket, parity,
};

/// A store that takes everything and holds what its addresses say.
#[derive(Debug)]
struct Anything;

impl Store for Anything {
    fn operand(&mut self, at: Duration) -> Seed {
        let nanos = u64::try_from(at.as_nanos()).unwrap_or_default();
        Seed::new(nanos.to_be_bytes())
    }

    fn read(&mut self, asked: PacketRead, level: Level, _: Duration) -> Result<Vec<u8>, Refused> {
        match asked.packet().identity() {
            0..=499 => Err(Refused::Identity),
            500..=599 if level < Level::One => Err(Refused::Locked),
            _ => Ok(vec![0xa5; asked.octets().into()]),
        }
    }

    fn write(
        &mut self,
        packet: Packet,
        octets: &[u8],
        level: Level,
        _: Duration,
    ) -> Result<(), Refused> {
        match (packet.identity(), octets) {
            (_, []) => Err(Refused::Unexplained),
            (0..=499, _) if level < Level::Three => Err(Refused::Locked),
            _ => Ok(()),
        }
    }

    fn stream(
        &mut self,
        _: Packet,
        index: u32,
        _: Level,
        _: Duration,
    ) -> Result<Option<Vec<u8>>, Refused> {
        Ok((index < 3).then(|| vec![0x02; 200]))
    }

    fn read_set(
        &mut self,
        form: Form,
        asked: DataSet<'_>,
        _: Level,
        _: Duration,
    ) -> Result<String, Refused> {
        let set = DataSet::new(asked.address(), "12.5", Some("kWh"));
        let set = set.map_err(|_| Refused::Failure)?.to_string();
        Ok(set.repeat(if form.is_partial() { 50 } else { 1 }))
    }

    fn write_set(
        &mut self,
        _: Form,
        set: DataSet<'_>,
        _: Level,
        _: Duration,
    ) -> Result<(), Refused> {
        match set.value() {
            "" => Err(Refused::Words("ERROR06")),
            _ => Ok(()),
        }
    }

    fn readout(&mut self, _: Duration) -> Option<String> {
        Some("0.0.0(1)\r\n1.8.0(12.5*kWh)\r\n".to_owned())
    }
}

/// What a meter hears and says: the first octet chooses what kind of meter it is, the rest is
/// heard octet by octet, and `ff` is a pause of a second.
///
/// # Panics
///
/// When the meter says something that is no message, or says it too early.
pub fn fuzz_meter(data: &[u8]) {
    let Some((&kind, heard)) = data.split_first() else {
        return;
    };
    let Some(settings) = settings(kind) else {
        return;
    };
    let mut machine = Machine::new(settings, Anything);
    let mut at = Duration::ZERO;
    for &octet in heard {
        if octet == 0xff {
            at += Duration::from_secs(1);
        } else {
            at += Duration::from_millis(1);
            let said = machine.hear(octet, at);
            check(&machine, said.as_ref());
            assert!(
                said.is_none_or(|said| said.after >= machine.settings().reaction),
                "no answer comes before the reaction time"
            );
        }
        while machine.due().is_some_and(|due| due <= at) {
            let before = machine.due();
            let said = machine.wake(at);
            check(&machine, said.as_ref());
            assert_ne!(machine.due(), before, "what is due gets done");
        }
    }
}

fn settings(kind: u8) -> Option<Settings> {
    let maker = Manufacturer::new(*b"GEC").ok()?;
    let baud = match kind & 0x03 {
        0 => b'A',
        1 => b'Z',
        _ => b'5',
    };
    let capabilities: &[u8] = if kind & 0x03 == 2 { b"2" } else { b"" };
    let identification = Identification::new(maker, baud, capabilities, "X").ok()?;
    let password = Password::new("0001ABCD").ok()?;
    let mut security = Security::elster(vec![(Level::One, password)]);
    security.takes_plain = kind & 0x04 != 0;
    security.unasked = (kind & 0x08 != 0).then_some(Level::Two);
    security.wrong = match kind & 0x30 {
        0x00 => WrongPassword::Nak,
        0x10 => WrongPassword::SignOff,
        0x20 => WrongPassword::Refusal,
        _ => WrongPassword::Silence,
    };
    let mut settings = Settings::new(identification, security);
    settings.dialect = if kind & 0x04 == 0 {
        Dialect::Elster
    } else {
        Dialect::Vdew
    };
    settings.parity = if kind & 0x40 == 0 {
        ParityBy::Nobody
    } else {
        ParityBy::SoftwareUnchecked
    };
    settings.is_strict = kind & 0x80 != 0;
    if kind & 0x80 != 0 {
        settings.opening = Opening::Negotiated(Baud::B300);
        settings.reads_out_unasked = true;
        settings.other_address = OtherAddress::Nak;
        settings.sign_on_in_session = SignOnInSession::Restart;
        settings.push = Some(Push {
            every: Duration::from_secs(20),
            baud: Baud::PUSHED,
        });
    }
    Some(settings)
}

/// A message is one of those that a meter may send.
fn check(machine: &Machine<Anything>, said: Option<&Said>) {
    let Some(said) = said else { return };
    if StreamPacket::decode(&said.octets).is_ok() {
        return;
    }
    let octets = match machine.settings().parity {
        ParityBy::SoftwareUnchecked => parity::receive(&said.octets),
        _ => said.octets.clone(),
    };
    let line_end = octets.iter().position(|octet| *octet == b'\n');
    let (line, behind) = octets.split_at(line_end.map_or(0, |end| end + 1));
    let pushed = Identification::decode(line).is_ok() && Readout::decode(behind).is_ok();
    assert!(
        pushed || Answer::decode(&octets).is_ok() || Identification::decode(&octets).is_ok(),
        "a meter says messages only"
    );
}
