//! What a meter holds, as its protocol side sees it.

use std::time::Duration;

use crate::codec::{DataSet, Form, Packet, PacketRead, Refusal, Seed};

use super::settings::Dialect;

/// What a password opens. A higher level includes the lower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// 0: who the meter is.
    Public,
    /// 1: reads, and small corrections of the clock.
    One,
    /// 2: what the meter's scheme allows beyond.
    Two,
    /// 3: everything that has a password.
    Three,
}

/// Why a meter will not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The type of the command is not valid (1).
    Command,
    /// There is no such identity (2).
    Identity,
    /// There is no such packet, or not so many octets in it (3).
    Packet,
    /// What no source explains (4).
    Unexplained,
    /// Locked at this level, or the password has lapsed (5).
    Locked,
    /// The meter cannot now (6).
    Failure,
    /// In the meter's own words, as `ERROR08`.
    Words(&'static str),
}

impl Refused {
    /// As it is sent. `None` only for words that are no refusal.
    pub fn refusal(self, dialect: Dialect) -> Option<Refusal> {
        let text = match (self, dialect) {
            (Self::Words(words), _) => words,
            (Self::Command, Dialect::Elster) => "ERR1",
            (Self::Identity, Dialect::Elster) => "ERR2",
            (Self::Packet, Dialect::Elster) => "ERR3",
            (Self::Unexplained, Dialect::Elster) => "ERR4",
            (Self::Locked, Dialect::Elster) => "ERR5",
            (Self::Failure, Dialect::Elster) => "ERR6",
            (Self::Command, Dialect::Vdew) => "ERROR07",
            (Self::Identity, Dialect::Vdew) => "ERROR01",
            (Self::Packet, Dialect::Vdew) => "ERROR06",
            (Self::Unexplained | Self::Failure, Dialect::Vdew) => "ERROR00",
            (Self::Locked, Dialect::Vdew) => "ERROR14",
        };
        Refusal::new(text).ok()
    }
}

/// The contents of a meter. Time is that of the [`Machine`](super::Machine).
///
/// The level is what the session has proven so far; what each identity needs, the store knows.
pub trait Store {
    /// Whether the meter has power now. One without neither hears nor speaks, and has forgotten its
    /// conversation when the power comes back.
    fn is_powered(&mut self, _at: Duration) -> bool {
        true
    }

    /// The operand of a session that begins now.
    fn operand(&mut self, at: Duration) -> Seed;

    /// R1 of an identity: so many octets from the beginning of a packet.
    fn read(&mut self, asked: PacketRead, level: Level, at: Duration) -> Result<Vec<u8>, Refused>;

    /// W1 of an identity.
    fn write(
        &mut self,
        packet: Packet,
        octets: &[u8],
        level: Level,
        at: Duration,
    ) -> Result<(), Refused>;

    /// RD: up to 256 octets, `index` times 256 behind the beginning of the packet that was asked
    /// for; nothing behind the end. A store without streams refuses.
    fn stream(
        &mut self,
        _from: Packet,
        _index: u32,
        _level: Level,
        _at: Duration,
    ) -> Result<Option<Vec<u8>>, Refused> {
        Err(Refused::Command)
    }

    /// A read of something that is no packet of an identity: the text of the answer.
    fn read_set(
        &mut self,
        _form: Form,
        _asked: DataSet<'_>,
        _level: Level,
        _at: Duration,
    ) -> Result<String, Refused> {
        Err(Refused::Identity)
    }

    /// A write of something that is no packet of an identity.
    fn write_set(
        &mut self,
        _form: Form,
        _set: DataSet<'_>,
        _level: Level,
        _at: Duration,
    ) -> Result<(), Refused> {
        Err(Refused::Identity)
    }

    /// E2.
    fn execute(&mut self, _set: DataSet<'_>, _level: Level, _at: Duration) -> Result<(), Refused> {
        Err(Refused::Command)
    }

    /// The data lines of a readout, each with its line end; none if the meter has no readout.
    fn readout(&mut self, _at: Duration) -> Option<String> {
        None
    }
}
