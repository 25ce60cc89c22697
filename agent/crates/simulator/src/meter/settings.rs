//! A meter whose settings can be written: what its model file says, and the ways in which meters fail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use meters::catalogue::{
    EncodeFault, Model, Poke, PokeValue, Setting, SettingForm, SettingPlace, SettingValue,
    password_words,
};
use meters::{Span, Table};

use super::{ModbusMeter, ModelMeter, Refusal, RegisterSource};

/// A meter that was opened with its password closes again behind this time.
const OPEN_FOR: Duration = Duration::from_mins(10);

/// How a meter fails at being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SettingTrouble {
    /// It does as it should.
    #[default]
    None,
    /// It says yes and keeps what it held.
    KeepsNothing,
    /// It keeps another value than it was given.
    Rounds,
    /// It refuses.
    Refuses(Refusal),
}

/// Where one word of a setting lies.
type Address = (bool, u16);

#[derive(Debug, Default)]
struct State {
    /// What is in force.
    held: BTreeMap<Address, u16>,
    /// What was written and waits for its word.
    staged: BTreeMap<Address, u16>,
    opened_at: Option<Duration>,
    trouble: SettingTrouble,
    /// Writes that changed something, by their first address.
    done: Vec<(u16, Vec<u16>)>,
    applied: usize,
    /// Whatever was written and taken, by its first address.
    taken: Vec<(u16, Vec<u16>)>,
}

/// A [`ModelMeter`] that can be programmed.
#[derive(Debug)]
pub struct SettingsMeter {
    meter: ModelMeter,
    settings: Vec<Setting>,
    password: u32,
    state: Mutex<State>,
}

impl SettingsMeter {
    /// A meter of this model; each setting holds the least that it may.
    pub fn new(model: &Model, unit: u8, seed: u64, password: u32) -> Result<Self, EncodeFault> {
        let mut state = State::default();
        for setting in &model.settings {
            let first = match (setting.form, setting.place) {
                (SettingForm::Switch, _) => SettingValue::Switch(false),
                (SettingForm::Words, SettingPlace::Registers { count, .. }) => {
                    SettingValue::Words(vec![0; usize::from(count)])
                }
                _ => {
                    let least = setting.range.map(|(least, _)| least);
                    let first = setting.allowed.first().copied().or(least);
                    SettingValue::Number(first.unwrap_or(0))
                }
            };
            let words = setting
                .encode(&first)
                .map_err(|_| EncodeFault::OutOfRange)?;
            state.held.extend(addresses(setting.place).zip(words));
        }
        Ok(Self {
            meter: ModelMeter::new(model, unit, seed)?,
            settings: model.settings.clone(),
            password,
            state: Mutex::new(state),
        })
    }

    /// The meter that measures.
    pub const fn meter(&self) -> &ModelMeter {
        &self.meter
    }

    /// The meter as it stands on a wire.
    pub fn on_wire(self: &Arc<Self>) -> ModbusMeter {
        let source: Arc<dyn RegisterSource> = Arc::<Self>::clone(self);
        self.meter.seated(source)
    }

    /// How it fails from now on.
    pub fn be(&self, trouble: SettingTrouble) {
        self.state().trouble = trouble;
    }

    /// The power is gone for a moment: what waits for its word is lost, and the meter is closed.
    pub fn lose_power(&self) {
        let mut state = self.state();
        state.staged.clear();
        state.opened_at = None;
    }

    /// What is in force of a setting.
    pub fn in_force(&self, name: &str) -> Option<SettingValue> {
        let setting = self.settings.iter().find(|setting| setting.name == name)?;
        let state = self.state();
        let words: Vec<u16> = addresses(setting.place)
            .map(|address| state.held.get(&address).copied().unwrap_or(0))
            .collect();
        setting.decode(&words)
    }

    /// Writes that changed something.
    pub fn done(&self) -> Vec<(u16, Vec<u16>)> {
        self.state().done.clone()
    }

    /// Whatever was written to it and taken, in order: also passwords and the words that put something
    /// in force.
    pub fn taken(&self) -> Vec<(u16, Vec<u16>)> {
        self.state().taken.clone()
    }

    /// How often what was written was put in force.
    pub fn applied(&self) -> usize {
        self.state().applied
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes words to coils or registers.
    fn take(&self, place: SettingPlace, words: &[u16], at: Duration) -> Result<(), Refusal> {
        let mut state = self.state();
        if let SettingTrouble::Refuses(refusal) = state.trouble {
            return Err(refusal);
        }
        if self.take_word(place, words, at, &mut state)? {
            return Ok(());
        }
        let touched: BTreeSet<Address> = addresses(place).collect();
        let mut settings = self.settings.iter();
        let setting = settings
            .find(|setting| {
                let own: BTreeSet<Address> = addresses(setting.place).collect();
                touched.is_subset(&own)
            })
            .ok_or(Refusal::IllegalAddress)?;
        let is_open = state.opened_at.is_some_and(|opened| at < opened + OPEN_FOR);
        if !setting.unlock.is_empty() && !is_open {
            return Err(Refusal::IllegalValue);
        }
        let is_whole = touched.len() == addresses(setting.place).count();
        let value = setting.decode(words);
        if is_whole && value.is_none_or(|value| setting.must_take(&value).is_err()) {
            return Err(Refusal::IllegalValue);
        }
        let words: Vec<u16> = match state.trouble {
            SettingTrouble::KeepsNothing => return Ok(()),
            SettingTrouble::Rounds => words.iter().map(|word| word & 0xfff0).collect(),
            _ => words.to_vec(),
        };
        let (SettingPlace::Registers { address, .. } | SettingPlace::Coil { address }) = place;
        state.done.push((address, words.clone()));
        let kept = addresses(place).zip(words);
        if setting.apply.is_empty() {
            state.held.extend(kept);
        } else {
            state.staged.extend(kept);
        }
        Ok(())
    }

    /// A password, or a word that puts something in force.
    fn take_word(
        &self,
        place: SettingPlace,
        words: &[u16],
        at: Duration,
        state: &mut State,
    ) -> Result<bool, Refusal> {
        let is_this = |poke: &&Poke| addresses(poke.place).eq(addresses(place));
        let mut unlocks = self.settings.iter().flat_map(|setting| &setting.unlock);
        if let Some(poke) = unlocks.find(is_this) {
            let expected = match &poke.value {
                PokeValue::Words(words) => Some(words.clone()),
                PokeValue::Password(layout) => password_words(self.password, *layout),
            };
            if expected.as_deref() != Some(words) {
                return Err(Refusal::IllegalValue);
            }
            state.opened_at = Some(at);
            return Ok(true);
        }
        let mut applies = self.settings.iter().flat_map(|setting| &setting.apply);
        if let Some(poke) = applies.find(is_this) {
            if poke.value == PokeValue::Words(words.to_vec()) {
                let staged = std::mem::take(&mut state.staged);
                state.held.extend(staged);
                state.applied += 1;
            }
            return Ok(true);
        }
        Ok(false)
    }

    fn shown(state: &State, address: Address) -> Option<u16> {
        let staged = state.staged.get(&address);
        staged.or_else(|| state.held.get(&address)).copied()
    }
}

/// All words of a place.
fn addresses(place: SettingPlace) -> impl Iterator<Item = Address> {
    let (is_coil, first, count) = match place {
        SettingPlace::Registers { address, count } => (false, address, count),
        SettingPlace::Coil { address } => (true, address, 1),
    };
    (first..=u16::MAX)
        .take(usize::from(count))
        .map(move |address| (is_coil, address))
}

impl RegisterSource for SettingsMeter {
    fn words(&self, span: Span, at: Duration) -> Result<Vec<u16>, Refusal> {
        let state = self.state();
        if span.table == Table::Holding {
            let all = (span.address..=u16::MAX).take(usize::from(span.count));
            let found: Option<Vec<u16>> = all
                .map(|address| Self::shown(&state, (false, address)))
                .collect();
            if let Some(found) = found.filter(|found| found.len() == usize::from(span.count)) {
                return Ok(found);
            }
        }
        drop(state);
        self.meter.words(span, at)
    }

    fn write(&self, address: u16, words: &[u16], at: Duration) -> Result<(), Refusal> {
        let count = u16::try_from(words.len()).map_err(|_| Refusal::IllegalValue)?;
        self.take(SettingPlace::Registers { address, count }, words, at)?;
        self.state().taken.push((address, words.to_vec()));
        Ok(())
    }

    fn coil(&self, address: u16, _: Duration) -> Result<bool, Refusal> {
        let state = self.state();
        let word = Self::shown(&state, (true, address)).ok_or(Refusal::IllegalAddress)?;
        Ok(word != 0)
    }

    fn write_coil(&self, address: u16, on: bool, at: Duration) -> Result<(), Refusal> {
        self.take(SettingPlace::Coil { address }, &[u16::from(on)], at)
    }
}
