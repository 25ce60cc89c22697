//! A simulated FLAG meter: the protocol side of `iec62056-21` over contents that tests can reach.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use iec62056_21::codec::{DataSet, Form, Packet, PacketRead, Seed};
use iec62056_21::meter::{Level, Machine, ParityBy, Refused, Settings, Store};
use line::{DataBits, LineSettings, Parity, StopBits};

/// Contents of a meter that its protocol side and a test share.
type Contents = Arc<Mutex<dyn Store + Send>>;

/// One FLAG meter, ready for a wire.
pub struct FlagMeter {
    machine: Machine<Shared>,
}

impl fmt::Debug for FlagMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.machine.fmt(f)
    }
}

impl FlagMeter {
    /// A meter with this behaviour and these contents; whoever keeps a clone of them sees what the
    /// gateway changes.
    pub fn new<S: Store + Send + 'static>(settings: Settings, contents: &Arc<Mutex<S>>) -> Self {
        let contents: Contents = Arc::<Mutex<S>>::clone(contents);
        Self {
            machine: Machine::new(settings, Shared(contents)),
        }
    }

    /// Takes no password until this time of its wire, as after too many wrong ones.
    pub fn lock_out(&mut self, until: Duration) {
        self.machine.lock_out(until);
    }

    /// Its protocol side.
    pub(crate) fn machine(&mut self) -> &mut Machine<Shared> {
        &mut self.machine
    }

    /// How its port is set now.
    pub(crate) fn port(&self) -> LineSettings {
        let (data_bits, parity) = match self.machine.settings().parity {
            ParityBy::Port => (DataBits::Seven, Parity::Even),
            ParityBy::Software | ParityBy::SoftwareUnchecked | ParityBy::Nobody => {
                (DataBits::Eight, Parity::None)
            }
        };
        LineSettings {
            baud: self.machine.baud(),
            parity,
            data_bits,
            stop_bits: StopBits::One,
        }
    }
}

/// The shared contents, as the machine sees them.
pub(crate) struct Shared(Contents);

impl Shared {
    fn store(&self) -> MutexGuard<'_, dyn Store + Send + 'static> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Shared {
    fn is_powered(&mut self, at: Duration) -> bool {
        self.store().is_powered(at)
    }

    fn operand(&mut self, at: Duration) -> Seed {
        self.store().operand(at)
    }

    fn read(&mut self, asked: PacketRead, level: Level, at: Duration) -> Result<Vec<u8>, Refused> {
        self.store().read(asked, level, at)
    }

    fn write(
        &mut self,
        packet: Packet,
        octets: &[u8],
        level: Level,
        at: Duration,
    ) -> Result<(), Refused> {
        self.store().write(packet, octets, level, at)
    }

    fn stream(
        &mut self,
        from: Packet,
        index: u32,
        level: Level,
        at: Duration,
    ) -> Result<Option<Vec<u8>>, Refused> {
        self.store().stream(from, index, level, at)
    }

    fn read_set(
        &mut self,
        form: Form,
        asked: DataSet<'_>,
        level: Level,
        at: Duration,
    ) -> Result<String, Refused> {
        self.store().read_set(form, asked, level, at)
    }

    fn write_set(
        &mut self,
        form: Form,
        set: DataSet<'_>,
        level: Level,
        at: Duration,
    ) -> Result<(), Refused> {
        self.store().write_set(form, set, level, at)
    }

    fn execute(&mut self, set: DataSet<'_>, level: Level, at: Duration) -> Result<(), Refused> {
        self.store().execute(set, level, at)
    }

    fn readout(&mut self, at: Duration) -> Option<String> {
        self.store().readout(at)
    }
}
