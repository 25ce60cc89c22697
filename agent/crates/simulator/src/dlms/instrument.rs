//! The device behind the protocol: contents that tests can reach, and who may read them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dlms::codec::{Attribute, Conformance, Data, Method};
use dlms::hdlc::{Address, Parameters};
use dlms::meter::{Client, Device, Level, LinkSettings, Settings as DeviceSettings, Station};
use dlms::security::{Key, Keys, Secret, SystemTitle};
use iec62056_21::meter::Settings;

use super::contents::DlmsContents;
use super::recorder::{Recorded, Recorder};
use super::scenario::{DlmsScenario, Energy};
use super::{DlmsMeter, Shared, objects};

/// The client that proves nothing.
pub const PUBLIC: u16 = 16;

/// Who may read the meter besides the public client; one level for each client.
#[derive(Debug, Clone, Default)]
pub struct DlmsAccess {
    /// Clients with a password.
    pub passwords: Vec<(u16, Secret)>,
    /// Clients with keys, whose conversations are ciphered.
    pub keys: Vec<(u16, Keys)>,
}

/// Where a meter is on an HDLC line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DlmsPlace {
    /// The lower address; the upper one is 1.
    pub lower: u16,
    /// Whether it also answers who names no lower address, as if there was no other meter.
    pub is_alone: bool,
    /// What it can take and send in one go.
    pub parameters: Parameters,
}

impl DlmsPlace {
    /// The only meter of its line, with the smallest frames.
    pub fn alone(lower: u16) -> Self {
        Self {
            lower,
            is_alone: true,
            parameters: Parameters::default(),
        }
    }
}

/// The device behind the protocol: contents, and who may read them.
#[derive(Debug, Clone)]
pub struct DlmsInstrument {
    contents: Arc<Mutex<DlmsContents>>,
    access: DlmsAccess,
    conformance: Conformance,
}

impl DlmsInstrument {
    /// A meter that is at work since the beginning of its scenario.
    pub fn new(scenario: DlmsScenario, access: DlmsAccess) -> Self {
        let mut contents = DlmsContents::new(scenario);
        let keys = access.keys.iter();
        contents.suites = keys
            .map(|(client, keys)| (*client, keys.suite().number()))
            .collect();
        contents.keys = access.keys.iter().cloned().collect();
        contents.passwords = access.passwords.iter().cloned().collect();
        Self {
            contents: Arc::new(Mutex::new(contents)),
            access,
            conformance: Conformance::ALL,
        }
    }

    /// Lets clients use no more than this.
    #[must_use]
    pub fn with_conformance(self, conformance: Conformance) -> Self {
        Self {
            conformance,
            ..self
        }
    }

    /// Lets a client with keys replace them: new ones come wrapped with this one.
    #[must_use]
    pub fn with_master(self, client: u16, master: Key) -> Self {
        self.contents().masters.insert(client, master);
        self
    }

    /// How often it has taken a new key.
    pub fn transfers(&self) -> u32 {
        self.contents().transfers
    }

    /// Whether a client's password is this one.
    pub fn has_password(&self, client: u16, password: &[u8]) -> bool {
        let contents = self.contents();
        let known = contents.passwords.get(&client);
        known.is_some_and(|known| known.is(password))
    }

    /// Somebody at its optical port gives a client another password.
    pub fn set_password(&self, client: u16, password: Secret) {
        self.contents().passwords.insert(client, password);
    }

    /// How often a wrong password was shown to it.
    pub fn wrong_passwords(&self) -> u32 {
        self.contents().wrong_passwords
    }

    /// Its protocol side on HDLC; none if there is no such address.
    pub fn on_hdlc(&self, place: DlmsPlace) -> Option<DlmsMeter> {
        self.station(place).map(DlmsMeter::on_hdlc)
    }

    /// The same for a meter that is signed on before, as by [`mode_e`](super::mode_e).
    pub fn on_mode_e(&self, place: DlmsPlace, sign_on: Settings) -> Option<DlmsMeter> {
        let station = self.station(place)?;
        Some(DlmsMeter::on_mode_e(sign_on, station))
    }

    fn station(&self, place: DlmsPlace) -> Option<Station<Shared>> {
        let mut addresses = vec![Address::four(1, place.lower)?];
        let small = u8::try_from(place.lower).ok();
        addresses.extend(small.and_then(|lower| Address::two(1, lower)));
        if place.is_alone {
            addresses.push(Address::one(1)?);
        }
        let settings = LinkSettings {
            parameters: place.parameters,
            ..LinkSettings::new(Address::four(1, place.lower)?)
        };
        let settings = LinkSettings {
            addresses,
            ..settings
        };
        Some(Station::new(settings, self.device()))
    }

    /// Its protocol side in the wrapper, on a wire that is a stream.
    pub fn on_wrapper(&self) -> DlmsMeter {
        DlmsMeter::on_wrapper(self.device())
    }

    fn device(&self) -> Device<Shared> {
        let access = &self.access;
        let low = access.passwords.iter().map(|(client, secret)| Client {
            level: Level::Low(secret.clone()),
            ..Client::public(*client)
        });
        let gmac = access.keys.iter().map(|(client, keys)| Client {
            level: Level::Gmac,
            keys: Some(keys.clone()),
            is_ciphered: true,
            ..Client::public(*client)
        });
        let clients = low.chain(gmac).chain([Client::public(PUBLIC)]);
        let clients = clients.map(|client| Client {
            conformance: self.conformance,
            ..client
        });
        let title = SystemTitle(self.contents().title());
        let settings = DeviceSettings::new(title, clients.collect());
        Device::new(settings, Shared(Arc::clone(&self.contents)))
    }

    /// Its logical device name.
    pub fn device_name(&self) -> String {
        self.contents().device_name()
    }

    /// True time, in seconds since 1970-01-01 UTC, at an instant of its wire.
    pub fn utc(&self, at: Duration) -> i64 {
        self.contents().utc(at)
    }

    /// What its clock takes for UTC at a true time.
    pub fn shown(&self, utc: i64) -> i64 {
        self.contents().recorder.shown(utc)
    }

    /// A total at a true time, in watt-hours or var-hours.
    pub fn total(&self, energy: Energy, utc: i64) -> u32 {
        self.contents().recorder.total(energy, utc)
    }

    /// What was counted of it in a rate, 1 or 2.
    pub fn rate(&self, energy: Energy, rate: u8, utc: i64) -> u32 {
        objects::rate_share(self.total(energy, utc), rate)
    }

    /// The row that the meter wrote for a mark of its clock up to this true time, overwritten or
    /// not. Where its clock came to the mark twice it is the first one.
    pub fn recorded(&self, end: i64, utc: i64) -> Option<Recorded> {
        let contents = self.contents();
        let recorder = &contents.recorder;
        let marks = recorder.marks(utc);
        let mark = marks.into_iter().find(|mark| mark.end == end)?;
        Some(recorder.recorded(mark, recorder.columns(mark.at)))
    }

    /// The rows that its load profile holds at a true time, oldest first.
    pub fn rows(&self, utc: i64) -> Vec<Recorded> {
        let contents = self.contents();
        let recorder = &contents.recorder;
        let columns = recorder.columns(utc);
        let marks = recorder.held(utc).into_iter();
        marks.map(|mark| recorder.recorded(mark, columns)).collect()
    }

    /// Its events up to a true time: when, and the code of its log (1 power lost, 2 power back,
    /// 3 clock set).
    pub fn events(&self, utc: i64) -> Vec<(i64, u8)> {
        self.contents().recorder.events(utc)
    }

    /// Its billing sets up to a true time, those that it still holds: the end, the totals of import
    /// and export, the highest average of import and the mark of it.
    pub fn billed(&self, utc: i64) -> Vec<(i64, [u32; 3], i64)> {
        let contents = self.contents();
        let recorder = &contents.recorder;
        let sets = recorder.billed(utc).into_iter();
        let told = sets.map(|set| {
            let total = |energy| recorder.total(energy, set.at);
            let (highest, at) = recorder.highest(Energy::Import, set);
            let values = [total(Energy::Import), total(Energy::Export), highest];
            (set.end, values, at)
        });
        told.collect()
    }

    /// What it holds where clients can write: tables of its tariff. None where they cannot.
    pub fn programmed(&self, attribute: Attribute) -> Option<Data> {
        self.contents().programmed(attribute)
    }

    /// Somebody else programs it, at its optical port.
    pub fn program_by_others(&self, attribute: Attribute, value: Data) {
        self.contents().programmed.put(attribute, value);
    }

    /// Seconds of a period of its load profile.
    pub fn period_s(&self) -> u32 {
        self.contents().recorder.scenario.period_s
    }

    /// How often it has executed a method.
    pub fn executed(&self, method: Method) -> u32 {
        let contents = self.contents();
        contents
            .programmed
            .executed
            .get(&method)
            .copied()
            .unwrap_or(0)
    }

    /// How often an attribute was written.
    pub fn written(&self, attribute: Attribute) -> u32 {
        let contents = self.contents();
        contents
            .programmed
            .written
            .get(&attribute)
            .copied()
            .unwrap_or(0)
    }

    /// Changes its scenario, of the past as well.
    pub fn change(&self, change: impl FnOnce(&mut DlmsScenario)) {
        let mut contents = self.contents();
        let mut scenario = contents.recorder.scenario.clone();
        change(&mut scenario);
        contents.recorder = Recorder::new(scenario);
    }

    fn contents(&self) -> MutexGuard<'_, DlmsContents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
