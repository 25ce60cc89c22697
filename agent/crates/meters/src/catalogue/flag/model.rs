//! A FLAG meter model: everything the gateway knows of meters of one kind.

use super::device::{DeviceText, FlagIdentification, Variant};
use super::identity::{FlagIdentity, IdentityWhat, Measured, RefusalTable, StatusTable};
use super::profile::ProfileModel;
use super::session::{
    BillingReset, ClockModel, FlagLine, InstantModel, RatioModel, ScalingModel, SessionModel,
};
use super::setting::{FlagSetting, ProgrammingModel, ProvisionalMark};
use super::vdew::VdewModel;
use iec62056_21::codec::Identification;
use metering::Obis;
use std::collections::BTreeMap;

/// Everything the gateway knows of FLAG meters of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagModel {
    /// Name in the configuration: the file's name without `.toml`.
    pub id: String,
    /// Who makes it.
    pub maker: String,
    /// What the maker calls it.
    pub model: String,
    /// Keys of sources and what they are.
    pub sources: BTreeMap<String, String>,
    /// What an installer should know.
    pub notes: Vec<String>,
    /// Where sources contradict each other.
    pub disagreements: Vec<String>,
    /// How its line is commonly set.
    pub line: FlagLine,
    /// How a conversation with it goes.
    pub session: SessionModel,
    /// How it is told from others.
    pub identifications: Vec<FlagIdentification>,
    /// Its variants, the last one for all that no other one names. At least one.
    pub variants: Vec<Variant>,
    /// What it measures.
    pub measured: Vec<Measured>,
    /// Power of ten of its energies, in Wh and the like.
    pub energy_exponent: i8,
    /// Power of ten of its demands, in W and the like.
    pub demand_exponent: i8,
    /// Its identities; empty for the VDEW style.
    pub identities: Vec<FlagIdentity>,
    /// What the bits of its status words mean, by the name of the table.
    pub status_tables: BTreeMap<String, StatusTable>,
    /// What the bits of a billing trigger mean.
    pub billing_triggers: Option<StatusTable>,
    /// Its load profile, if it keeps one.
    pub profile: Option<ProfileModel>,
    /// Its instrumentation profile, if it keeps one.
    pub instrumentation: Option<ProfileModel>,
    /// Its values of the moment, if it has any.
    pub instant: Option<InstantModel>,
    /// Its clock.
    pub clock: Option<ClockModel>,
    /// Its transformer ratios.
    pub ratios: Option<RatioModel>,
    /// In which power of ten its registers count, where it says so itself.
    pub scaling: Option<ScalingModel>,
    /// How a billing period is ended in it.
    pub billing_reset: Option<BillingReset>,
    /// Its refusals in words.
    pub refusals: Option<RefusalTable>,
    /// What it has instead of identities, if it is of the VDEW style.
    pub vdew: Option<VdewModel>,
    /// What goes along with all programming.
    pub programming: Option<ProgrammingModel>,
    /// What can be written to it.
    pub settings: Vec<FlagSetting>,
    /// What tells a simulated meter, where a layout is the simulator's own.
    pub provisional: Option<ProvisionalMark>,
}

impl FlagModel {
    /// Whether an identification may come from such a meter.
    pub fn fits(&self, identification: &Identification) -> bool {
        let mut known = self.identifications.iter();
        known.any(|pattern| pattern.fits(identification))
    }

    /// How much of an identification such meters are told by.
    pub fn weight(&self, identification: &Identification) -> usize {
        let patterns = self.identifications.iter();
        let fitting = patterns.filter(|pattern| pattern.fits(identification));
        fitting.map(FlagIdentification::weight).max().unwrap_or(0)
    }

    /// The variant that an identification names; the last one where it names none.
    pub fn variant_of(&self, identification: &Identification) -> Option<&Variant> {
        self.variant_for(DeviceText::parse(identification.text()).as_ref())
    }

    /// The variant of a device; the last one where no other names it.
    pub fn variant_for(&self, device: Option<&DeviceText>) -> Option<&Variant> {
        let mut variants = self.variants.iter();
        let named = variants.find(|variant| device.is_some_and(|device| variant.names(device)));
        named.or(self.variants.last())
    }

    /// A variant by its name.
    pub fn variant(&self, id: &str) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.id == id)
    }

    /// The identities of a variant, in the order of the file.
    pub fn identities_of<'a>(&'a self, variant: &'a str) -> impl Iterator<Item = &'a FlagIdentity> {
        self.identities.iter().filter(move |row| row.is_of(variant))
    }

    /// An identity of a variant by its number.
    pub fn identity(&self, variant: &str, number: u16) -> Option<&FlagIdentity> {
        let mut rows = self.identities.iter().filter(|row| row.number == number);
        rows.find(|row| row.is_of(variant))
    }

    /// A setting by its name.
    pub fn setting(&self, name: &str) -> Option<&FlagSetting> {
        self.settings.iter().find(|setting| setting.name == name)
    }

    /// The identity that tells something of the meter itself.
    pub fn identity_that_tells(&self, variant: &str, what: IdentityWhat) -> Option<&FlagIdentity> {
        let mut rows = self.identities.iter().filter(|row| row.what == Some(what));
        rows.find(|row| row.is_of(variant))
    }

    /// What a word of the file measures.
    pub fn measured_by_word(&self, word: &str) -> Option<&Measured> {
        self.measured.iter().find(|item| item.word == word)
    }

    /// What a code of the meter measures.
    pub fn measured_by_code(&self, code: u8) -> Option<&Measured> {
        self.measured.iter().find(|item| item.code == Some(code))
    }

    /// What the meter's totals are, in the order of the file.
    pub fn totals(&self) -> impl Iterator<Item = Obis> {
        self.measured.iter().map(|item| item.obis)
    }

    /// What a refusal of such a meter means.
    pub fn refusal_words(&self, text: &str) -> Option<&str> {
        let table = self.refusals.as_ref()?;
        table.words.get(text).map(String::as_str)
    }
}
