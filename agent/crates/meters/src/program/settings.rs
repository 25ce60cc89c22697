//! From the settings of a Modbus model to a plan.

use super::fault::Misfit;
use super::place::Place;
use super::plan::{Announcement, Guard, PagePlan, PlanItem, ProgramPlan, Role, Subject};
use crate::catalogue::{Model, Poke, PokeValue, Setting, SettingPlace, SettingValue};

/// A setting and what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The setting's name in the model file.
    pub name: String,
    /// Its value.
    pub value: SettingValue,
}

/// What is written to a meter of this model, or all that does not fit. `must_hold` are settings that
/// the meter has to have already, as its ratios: otherwise nothing is written.
pub fn settings_plan(
    model: &Model,
    meter: &str,
    wanted: &[Wanted],
    must_hold: &[Wanted],
) -> Result<ProgramPlan, Vec<Misfit>> {
    let mut misfits = Vec::new();
    let mut pages = PagePlan {
        backup: model
            .settings
            .iter()
            .map(|setting| (setting.name.clone(), place(setting)))
            .collect(),
        ..PagePlan::default()
    };
    if wanted.is_empty() {
        misfits.push(Misfit::new(
            model.id.as_str(),
            "nothing is to be written",
            "name a setting",
        ));
    }
    for (place_in_list, one) in wanted.iter().enumerate() {
        let twice = wanted.iter().take(place_in_list);
        if twice.into_iter().any(|other| other.name == one.name) {
            let remedy = "give it one value";
            misfits.push(Misfit::new(one.name.as_str(), "it stands twice", remedy));
        }
        let Some((setting, octets)) = encoded(model, one, &mut misfits) else {
            continue;
        };
        for (pokes, list, words) in [
            (&setting.unlock, &mut pages.unlock, "opens"),
            (&setting.apply, &mut pages.apply, "puts in force"),
        ] {
            for poke in pokes {
                let word = announcement(poke, format!("what {words} {}", setting.name));
                let known =
                    |other: &Announcement| other.place == word.place && other.octets == word.octets;
                if !list.iter().any(known) {
                    list.push(word);
                }
            }
        }
        pages.items.push(PlanItem {
            name: setting.name.clone(),
            phase: setting.phase,
            place: place(setting),
            role: Role::Keep,
            wanted: octets,
            words: setting.words_of(&one.value),
            clears_profile: setting.clears_profile,
        });
    }
    for one in must_hold {
        if let Some((setting, octets)) = encoded(model, one, &mut misfits) {
            pages.guards.push(Guard {
                name: setting.name.clone(),
                place: place(setting),
                octets,
            });
        }
    }
    if !misfits.is_empty() {
        return Err(misfits);
    }
    let subject = Subject {
        model: model.id.clone(),
        meter: meter.to_owned(),
        firmware: None,
    };
    Ok(ProgramPlan::of_pages(subject, pages))
}

fn encoded<'m>(
    model: &'m Model,
    one: &Wanted,
    misfits: &mut Vec<Misfit>,
) -> Option<(&'m Setting, Vec<u8>)> {
    let Some(setting) = model.setting(&one.name) else {
        let names: Vec<&str> = model
            .settings
            .iter()
            .map(|setting| setting.name.as_str())
            .collect();
        let remedy = if names.is_empty() {
            "nothing of it can be written: leave it out".to_owned()
        } else {
            format!("use one of {}", names.join(", "))
        };
        let problem = format!("model {} has no such setting", model.id);
        misfits.push(Misfit::new(one.name.as_str(), problem, remedy));
        return None;
    };
    match setting.encode(&one.value) {
        Ok(words) => Some((setting, octets(setting.place, &words))),
        Err(fault) => {
            let remedy = format!("use {}", setting.takes());
            misfits.push(Misfit::new(one.name.as_str(), fault.to_string(), remedy));
            None
        }
    }
}

fn announcement(poke: &Poke, name: String) -> Announcement {
    let place = match poke.place {
        SettingPlace::Registers { address, count } => Place::Registers {
            address,
            count,
            function: poke.function,
        },
        SettingPlace::Coil { address } => Place::Coil { address },
    };
    Announcement {
        name,
        place,
        octets: match &poke.value {
            PokeValue::Words(words) => Some(octets(poke.place, words)),
            PokeValue::Password(_) => None,
        },
    }
}

fn place(setting: &Setting) -> Place {
    match setting.place {
        SettingPlace::Registers { address, count } => Place::Registers {
            address,
            count,
            function: setting.function,
        },
        SettingPlace::Coil { address } => Place::Coil { address },
    }
}

/// Words as octets, high first; a coil is one octet.
fn octets(place: SettingPlace, words: &[u16]) -> Vec<u8> {
    match place {
        SettingPlace::Registers { .. } => {
            words.iter().flat_map(|word| word.to_be_bytes()).collect()
        }
        SettingPlace::Coil { .. } => {
            let is_on = words.first().is_some_and(|word| *word != 0);
            vec![u8::from(is_on)]
        }
    }
}
