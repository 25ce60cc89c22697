//! From the pages of a scheme to settings of Modbus and FLAG meters: what has a place there.

use super::fault::Misfit;
use super::flag_plan::{FlagValue, FlagWanted};
use super::settings::Wanted;
use crate::catalogue::flag::FlagModel;
use crate::catalogue::{Model, Setting, SettingValue, SettingWhat};
use metering::Obis;
use metering::scheme::{Scheme, Sign, Source, Window};

/// What a scheme wants of a Modbus meter; pages without a place in the model are told, and nothing is
/// written that its file does not declare.
pub fn scheme_settings(model: &Model, scheme: &Scheme) -> Result<Vec<Wanted>, Vec<Misfit>> {
    let mut found = Found {
        model,
        wanted: Vec::new(),
        misfits: Vec::new(),
    };
    if let Some(demand) = &scheme.demand {
        let minutes = u32::from(demand.period_minutes);
        found.number(SettingWhat::DemandPeriod, "demand period", minutes);
        let parts = u32::from(demand.sub_periods.unwrap_or(1).max(1));
        if demand.window == Window::Sliding && parts > 1 {
            found.number(
                SettingWhat::DemandStep,
                "demand sub-period",
                minutes / parts,
            );
        }
    }
    if let Some(ratios) = &scheme.ratios {
        use SettingWhat::{
            CurrentPrimary, CurrentRatio, CurrentSecondary, VoltagePrimary, VoltageRatio,
            VoltageSecondary,
        };
        found.ratio(
            "current ratio",
            [ratios.ct_primary, ratios.ct_secondary],
            [CurrentPrimary, CurrentSecondary, CurrentRatio],
        );
        found.ratio(
            "voltage ratio",
            [ratios.vt_primary, ratios.vt_secondary],
            [VoltagePrimary, VoltageSecondary, VoltageRatio],
        );
    }
    found.misfits.extend(without_place(scheme, &model.id));
    if found.misfits.is_empty() {
        Ok(found.wanted)
    } else {
        Err(found.misfits)
    }
}

struct Found<'m> {
    model: &'m Model,
    wanted: Vec<Wanted>,
    misfits: Vec<Misfit>,
}

impl<'m> Found<'m> {
    fn setting(&self, what: SettingWhat) -> Option<&'m Setting> {
        self.model
            .settings
            .iter()
            .find(|setting| setting.what == what)
    }

    /// A number in the setting's unit; minutes where it counts seconds.
    fn number(&mut self, what: SettingWhat, page: &str, number: u32) {
        let Some(setting) = self.setting(what) else {
            self.misfits.push(no_place(page, &self.model.id));
            return;
        };
        let factor = if setting.unit == "s" { 60 } else { 1 };
        let steps = i64::from(number) * factor * 10_i64.pow(u32::from(setting.digits.min(9)));
        self.take(setting, page, steps);
    }

    fn take(&mut self, setting: &Setting, page: &str, steps: i64) {
        let value = SettingValue::Number(steps);
        match setting.must_take(&value) {
            Ok(()) => self.wanted.push(Wanted {
                name: setting.name.clone(),
                value,
            }),
            Err(fault) => {
                let remedy = format!("use {}", setting.takes());
                self.misfits
                    .push(Misfit::new(page, fault.to_string(), remedy));
            }
        }
    }

    fn ratio(&mut self, page: &str, sides: [Option<u32>; 2], whats: [SettingWhat; 3]) {
        let ([primary, secondary], [first, second, both]) = (sides, whats);
        if let (Some(over), Some(under), Some(setting)) = (primary, secondary, self.setting(both)) {
            let tens = 10_u64.pow(u32::from(setting.digits.min(9)));
            let steps = u64::from(over) * tens;
            let is_whole = under > 0 && steps.is_multiple_of(u64::from(under));
            match i64::try_from(steps / u64::from(under.max(1))) {
                Ok(steps) if is_whole => self.take(setting, page, steps),
                _ => {
                    let problem =
                        format!("{over}/{under} is no number of {} decimals", setting.digits);
                    self.misfits
                        .push(Misfit::new(page, problem, "set it at the meter"));
                }
            }
            return;
        }
        for (what, side) in [(first, primary), (second, secondary)] {
            if let Some(number) = side {
                self.number(what, page, number);
            }
        }
    }
}

fn no_place(page: &str, model: &str) -> Misfit {
    let problem = format!("model {model} declares no place for it");
    Misfit::new(page, problem, "leave the page out, or set it at the meter")
}

/// Pages of a scheme that no register of such a meter is known for.
fn without_place(scheme: &Scheme, model: &str) -> Vec<Misfit> {
    let pages = [
        ("calendar", scheme.calendar.is_some()),
        ("deferred calendar", scheme.deferred.is_some()),
        ("registers by rate", !scheme.tou.is_empty()),
        ("customer registers", !scheme.customer.is_empty()),
        (
            "demand registers",
            scheme
                .demand
                .as_ref()
                .is_some_and(|demand| !demand.registers.is_empty()),
        ),
        ("load profile", scheme.profile.is_some()),
        ("billing", scheme.billing.is_some()),
        ("displays", !scheme.displays.is_empty()),
        ("indicators", scheme.indicators.is_some()),
        ("pulse outputs", !scheme.outputs.is_empty()),
        ("pulse inputs", !scheme.inputs.is_empty()),
    ];
    let pages = pages.into_iter().filter(|(_, is_there)| *is_there);
    pages.map(|(page, _)| no_place(page, model)).collect()
}

/// What a scheme wants of a FLAG meter, in typed settings. Pages whose layout nobody has published are
/// told: they are cloned, or written by a write set.
pub fn scheme_flag(model: &FlagModel, scheme: &Scheme) -> Result<Vec<FlagWanted>, Vec<Misfit>> {
    let mut found = FlagFound {
        model,
        wanted: Vec::new(),
        misfits: Vec::new(),
    };
    let rated = scheme.tou.iter().map(|one| (one.number, one.source));
    found.sources(
        SettingWhat::RateSources,
        "registers by rate",
        rated.collect(),
    );
    if let Some(demand) = &scheme.demand {
        let kept = demand.registers.iter().map(|one| (one.number, one.source));
        found.sources(
            SettingWhat::DemandSources,
            "demand registers",
            kept.collect(),
        );
    }
    found.customer(scheme);
    found.profile(scheme);
    if let Some(ratios) = &scheme.ratios {
        let sides = [ratios.ct_primary, ratios.ct_secondary];
        found.ratio(SettingWhat::CurrentRatio, "current ratio", sides);
        let sides = [ratios.vt_primary, ratios.vt_secondary];
        found.ratio(SettingWhat::VoltageRatio, "voltage ratio", sides);
    }
    let unpublished = [
        ("calendar", scheme.calendar.is_some()),
        ("deferred calendar", scheme.deferred.is_some()),
        ("billing", scheme.billing.is_some()),
        ("displays", !scheme.displays.is_empty()),
        ("indicators", scheme.indicators.is_some()),
        ("pulse outputs", !scheme.outputs.is_empty()),
        ("pulse inputs", !scheme.inputs.is_empty()),
    ];
    for (page, _) in unpublished.into_iter().filter(|(_, is_there)| *is_there) {
        let problem = "nobody has published its layout";
        let remedy = "clone it from a golden meter, or record a write set";
        found.misfits.push(Misfit::new(page, problem, remedy));
    }
    if found.misfits.is_empty() {
        Ok(found.wanted)
    } else {
        Err(found.misfits)
    }
}

struct FlagFound<'m> {
    model: &'m FlagModel,
    wanted: Vec<FlagWanted>,
    misfits: Vec<Misfit>,
}

impl FlagFound<'_> {
    fn take(&mut self, what: SettingWhat, page: &str, value: FlagValue) {
        let mut settings = self.model.settings.iter();
        match settings.find(|setting| setting.what == what && !setting.provisional) {
            Some(setting) => self.wanted.push(FlagWanted {
                name: setting.name.clone(),
                value,
            }),
            None => self.misfits.push(no_place(page, &self.model.id)),
        }
    }

    /// The model's word of a source.
    fn word(&mut self, page: &str, source: Source) -> Option<String> {
        let word = match source {
            Source::Measured(code) => self.measured(code),
            Source::Customer(number) => Some(format!("customer-{number}")),
            Source::Input(number) => Some(format!("external-{number}")),
        };
        let word = word.filter(|word| self.model.measured_by_word(word).is_some());
        if word.is_none() {
            let problem = format!("the meter has no {source}");
            self.misfits.push(Misfit::new(
                page,
                problem,
                "use what its model file measures",
            ));
        }
        word
    }

    fn measured(&self, code: Obis) -> Option<String> {
        let mut measured = self.model.measured.iter();
        measured
            .find(|item| item.obis == code)
            .map(|item| item.word.clone())
    }

    fn sources(&mut self, what: SettingWhat, page: &str, list: Vec<(u8, Source)>) {
        if list.is_empty() {
            return;
        }
        let length = list
            .iter()
            .map(|(number, _)| usize::from(*number))
            .max()
            .unwrap_or(0);
        let mut words = vec![None; length];
        for (number, source) in list {
            let word = self.word(page, source);
            let place = usize::from(number).checked_sub(1);
            if let Some(slot) = place.and_then(|place| words.get_mut(place)) {
                *slot = word;
            }
        }
        self.take(what, page, FlagValue::Sources(words));
    }

    fn customer(&mut self, scheme: &Scheme) {
        if scheme.customer.is_empty() {
            return;
        }
        let page = "customer registers";
        let mut list = scheme.customer.clone();
        list.sort_by_key(|register| register.number);
        let mut groups = Vec::new();
        for (register, number) in list.iter().zip(1_u8..) {
            let is_plain = register.terms.iter().all(|term| term.sign == Sign::Plus);
            if register.number != number || !is_plain {
                let problem = "only sums are known, in registers numbered without a gap";
                self.misfits.push(Misfit::new(
                    page,
                    problem,
                    "clone it, or record a write set",
                ));
            }
            let words = register
                .terms
                .iter()
                .filter_map(|term| self.word(page, term.source));
            groups.push(words.collect());
        }
        self.take(
            SettingWhat::CustomerRegisters,
            page,
            FlagValue::Groups(groups),
        );
    }

    /// The profile's channels; its period stands with that of the demand, so both are named.
    fn profile(&mut self, scheme: &Scheme) {
        if let Some(profile) = &scheme.profile {
            let page = "load profile";
            let sources = profile.channels.iter().map(|code| Source::Measured(*code));
            let words = sources
                .filter_map(|source| self.word(page, source))
                .collect();
            self.take(
                SettingWhat::ProfileChannels,
                page,
                FlagValue::Channels(words),
            );
        }
        let (profile, demand) = match (&scheme.profile, &scheme.demand) {
            (None, None) => return,
            (Some(profile), Some(demand)) => (profile, demand),
            _ => {
                let problem = "the periods of load profile and demand stand in one place";
                let remedy = "give the scheme both pages";
                self.misfits.push(Misfit::new("periods", problem, remedy));
                return;
            }
        };
        let parts = demand.sub_periods.unwrap_or(1).max(1);
        let small = |minutes: u16| u8::try_from(minutes).unwrap_or(0);
        let value = FlagValue::Periods {
            profile: small(profile.period_minutes),
            part: small(demand.period_minutes / parts),
            parts: small(parts),
        };
        self.take(SettingWhat::Periods, "periods", value);
    }

    fn ratio(&mut self, what: SettingWhat, page: &str, sides: [Option<u32>; 2]) {
        match sides {
            [None, None] => {}
            [Some(primary), Some(secondary)] => {
                let value = FlagValue::Ratio {
                    primary: u64::from(primary) * 100,
                    secondary: u64::from(secondary) * 100,
                };
                self.take(what, page, value);
            }
            _ => {
                let problem = "one side of it is missing";
                self.misfits
                    .push(Misfit::new(page, problem, "give primary and secondary"));
            }
        }
    }
}

#[cfg(test)]
mod tests;
