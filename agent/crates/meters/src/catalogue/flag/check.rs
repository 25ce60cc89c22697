//! From a FLAG model file to a model that cannot be wrong in itself.

use super::super::complaint::Notebook;
use super::super::model::Certainty;
use super::check_rows::Rows;
use super::device::Variant;
use super::fact::SourcedFact;
use super::file::FlagFile;
use super::identity::Measured;
use super::limits::{LEVEL_MAX, ROWS_MAX, SCALE_MAX};
use super::model::FlagModel;
use super::profile::ProfileModel;
use super::setting::check_settings;
use std::collections::BTreeSet;
use toml::Spanned;

/// The variant of a model that has none.
const ONLY_VARIANT: &str = "standard";

/// The model in a file, or notes on all that is wrong with it.
pub(in super::super) fn model(id: &str, file: FlagFile, notes: &mut Notebook) -> FlagModel {
    if file.sources.as_ref().is_empty() {
        let remedy = "say where the facts come from: a key and its words each";
        notes.note(&file.sources.span(), "sources", "there are none", remedy);
    }
    for (key, count) in [
        ("measured", file.measured.len()),
        ("identity", file.identity.len()),
        ("variant", file.variant.len()),
        ("setting", file.setting.len()),
    ] {
        if count > ROWS_MAX {
            let problem = format!("more than {ROWS_MAX} entries of `{key}`");
            notes.note_file(problem, "remove what is not needed");
        }
    }
    numbers(&file, notes);
    measured(&file.measured, notes);
    let variants = variants(&file.variant, notes);
    let rows = Rows::new(&file, &variants);
    rows.check(notes);
    for profile in file.profile.iter().chain(&file.instrumentation) {
        check_profile(profile, &rows, notes);
    }
    check_settings(&file, notes);
    let model = FlagModel {
        id: id.to_owned(),
        maker: file.maker,
        model: file.model,
        sources: file.sources.into_inner(),
        notes: file.notes,
        disagreements: file.disagreements,
        line: file.line,
        session: file.session.into_inner(),
        identifications: file.identification,
        variants,
        measured: inner(file.measured),
        energy_exponent: file.energy_exponent,
        demand_exponent: file.demand_exponent,
        identities: inner(file.identity),
        status_tables: file.status_table,
        billing_triggers: file.billing_trigger,
        profile: file.profile.map(Spanned::into_inner),
        instrumentation: file.instrumentation.map(Spanned::into_inner),
        instant: file.instant.map(Spanned::into_inner),
        clock: file.clock,
        ratios: file.ratios,
        scaling: file.scaling,
        billing_reset: file.billing_reset,
        refusals: file.refusals,
        vdew: file.vdew,
        programming: file.programming,
        settings: inner(file.setting),
        provisional: file.provisional,
    };
    if model.identities.is_empty() && model.vdew.is_none() {
        let remedy = "add `identity` rows, or a `vdew` table";
        notes.note_file("the model has no value", remedy);
    }
    sourced(&model, notes);
    model
}

/// Every statement names sources that the file has.
fn sourced(model: &FlagModel, notes: &mut Notebook) {
    let settings = model.settings.iter();
    let settings = settings.map(|item| (format!("setting {}", item.name), &item.fact));
    let programming = model.programming.iter();
    let programming = programming.map(|item| ("programming".to_owned(), &item.fact));
    let statements = model
        .statements()
        .into_iter()
        .chain(settings)
        .chain(programming);
    for (about, fact) in statements {
        for key in fact
            .by
            .iter()
            .filter(|key| !model.sources.contains_key(*key))
        {
            let problem = format!("`{key}` is no key of `sources`");
            notes.note_word(key, about.as_str(), problem, "add it there, or correct it");
        }
    }
}

fn inner<T>(list: Vec<Spanned<T>>) -> Vec<T> {
    list.into_iter().map(Spanned::into_inner).collect()
}

fn numbers(file: &FlagFile, notes: &mut Notebook) {
    for (key, exponent) in [
        ("energy-exponent", file.energy_exponent),
        ("demand-exponent", file.demand_exponent),
    ] {
        if exponent.unsigned_abs() > SCALE_MAX.unsigned_abs() {
            let problem = format!("{key} {exponent} is beyond any meter");
            notes.note_file(problem, "use -9 to 9; -3 is a thousandth of a watt hour");
        }
    }
    let session = file.session.as_ref();
    let at = file.session.span();
    if session.read_level > LEVEL_MAX {
        notes.note(
            &at,
            "session.read-level",
            "there are levels 0 to 3",
            "use one of them",
        );
    }
    if !(1..=10).contains(&session.attempts) {
        let problem = format!("{} attempts", session.attempts);
        notes.note(&at, "session.attempts", problem, "use 1 to 10");
    }
    if session.lapse_s > 0 && session.renew_after_s >= session.lapse_s {
        let problem = "the password lapses before it is renewed";
        let remedy = "make renew-after-s smaller than lapse-s";
        notes.note(&at, "session.renew-after-s", problem, remedy);
    }
    let line = &file.line;
    let fits = (300..=921_600).contains(&line.baud)
        && (7..=8).contains(&line.data_bits)
        && (1..=2).contains(&line.stop_bits);
    if !fits {
        let remedy = "use 300 to 921600 baud, 7 or 8 data bits, 1 or 2 stop bits";
        notes.note_file("`line` is no setting of a line", remedy);
    }
}

fn measured(list: &[Spanned<Measured>], notes: &mut Notebook) {
    let (mut words, mut codes, mut bits) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for item in list {
        let (at, item) = (item.span(), item.as_ref());
        let key = format!("measured {}", item.word);
        let is_new = words.insert(&item.word)
            && item.code.is_none_or(|code| codes.insert(code))
            && item.mask_bit.is_none_or(|bit| bits.insert(bit));
        if !is_new || item.word == "-" {
            let problem = "word, code and mask-bit must be its own";
            notes.note(&at, &key, problem, "correct or remove the second one");
        }
        if item.mask_bit.is_some_and(|bit| bit > 15) {
            let remedy = "use 0 to 15; the first octet on the wire has 8 to 15";
            notes.note(&at, &key, "a mask has sixteen bits", remedy);
        }
    }
}

fn variants(list: &[Spanned<Variant>], notes: &mut Notebook) -> Vec<Variant> {
    let mut ids = BTreeSet::new();
    for item in list {
        let (at, item) = (item.span(), item.as_ref());
        if !ids.insert(&item.id) {
            let problem = "there are two of this name";
            notes.note(&at, format!("variant {}", item.id), problem, "rename one");
        }
    }
    match list.last() {
        None => vec![Variant {
            id: ONLY_VARIANT.to_owned(),
            words: "no variants are known".to_owned(),
            devices: Vec::new(),
            fact: SourcedFact {
                certainty: Certainty::Confirmed,
                by: Vec::new(),
                remark: None,
            },
        }],
        Some(last) => {
            if !last.as_ref().devices.is_empty() {
                let problem = "the last variant is for all devices that no other names";
                let key = format!("variant {}", last.as_ref().id);
                notes.note(
                    &last.span(),
                    key,
                    problem,
                    "add one without `devices` at the end",
                );
            }
            list.iter().map(|item| item.as_ref().clone()).collect()
        }
    }
}

fn check_profile(profile: &Spanned<ProfileModel>, rows: &Rows, notes: &mut Notebook) {
    let (at, profile) = (profile.span(), profile.as_ref());
    let used = [
        Some(profile.identity),
        Some(profile.window),
        profile.dates,
        profile.mask,
        profile.period,
    ];
    for number in used.into_iter().flatten() {
        if !rows.has(number) {
            let problem = format!("identity {number} has no row");
            notes.note(
                &at,
                "profile",
                problem,
                "add its row, or correct the number",
            );
        }
    }
    let mut octets = BTreeSet::new();
    for marker in &profile.markers {
        if !octets.insert(marker.octet) || marker.octet < 0xE0 {
            let problem = format!("{:02X} is twice there, or no marker", marker.octet);
            notes.note(
                &at,
                "profile.markers",
                problem,
                "markers are 0xE0 to 0xFF, each once",
            );
        }
    }
    let divides = |minutes: &u8| *minutes > 0 && 60 % *minutes == 0;
    if !profile.period_codes.iter().all(divides) {
        let problem = "a period does not divide an hour";
        notes.note(&at, "profile.period-codes", problem, "correct the minutes");
    }
    let is_used = |capacity: &super::profile::Capacity| {
        capacity.channels > 0 && capacity.period_minutes > 0 && capacity.days > 0
    };
    if !profile.capacity.iter().all(is_used) {
        let problem = "a capacity of nothing";
        notes.note(
            &at,
            "profile.capacity",
            problem,
            "give days, channels and period above 0",
        );
    }
}
