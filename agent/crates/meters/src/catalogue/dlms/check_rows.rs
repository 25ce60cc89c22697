//! What associations, objects, registers, profiles and tables must keep.

use super::super::complaint::Notebook;
use super::file::DlmsFile;
use super::limits::{CLIENT_MAX, CODES_MAX, STATUS_BIT_MAX};
use super::model::{AssociationModel, DlmsObject, DlmsWhat, LevelModel};
use super::profile::CodeTable;
use std::collections::BTreeSet;
use std::ops::Range;
use toml::Spanned;

pub(super) fn check(file: &DlmsFile, notes: &mut Notebook) {
    associations(&file.association, notes);
    objects(file, notes);
    let mut names = BTreeSet::new();
    for item in &file.register {
        let (at, item) = (item.span(), item.as_ref());
        if !names.insert(item.name) {
            twice(&at, format!("register {}", item.name), notes);
        }
    }
    let mut names = BTreeSet::new();
    for item in &file.profile {
        let (at, item) = (item.span(), item.as_ref());
        let key = format!("profile {}", item.name);
        if !names.insert(item.name) {
            twice(&at, key.clone(), notes);
        }
        if let Some(table) = item
            .codes
            .as_ref()
            .filter(|name| !file.codes.contains_key(*name))
        {
            let problem = format!("there is no table `codes.{table}`");
            notes.note(&at, key, problem, "add the table, or correct the name");
        }
    }
    if file.register.is_empty() && file.profile.is_empty() {
        let remedy = "add `register` or `profile` rows";
        notes.note_file("the model has no value", remedy);
    }
    for (name, table) in &file.codes {
        codes(name, table, notes);
    }
}

fn twice(at: &Range<usize>, key: String, notes: &mut Notebook) {
    notes.note(at, key, "there are two of this name", "remove one");
}

fn associations(list: &[Spanned<AssociationModel>], notes: &mut Notebook) {
    if list.is_empty() {
        let remedy = "add an `association`; the public one has client 16 and level none";
        notes.note_file("nobody may talk to such a meter", remedy);
    }
    let mut names = BTreeSet::new();
    for item in list {
        let (at, item) = (item.span(), item.as_ref());
        let key = format!("association {}", item.name);
        if !names.insert(&item.name) {
            twice(&at, key.clone(), notes);
        }
        if !(1..=CLIENT_MAX).contains(&item.client) {
            let problem = format!("{} is no address of a client", item.client);
            notes.note(&at, key.clone(), problem, "use 1 to 127");
        }
        if item.suites.iter().any(|suite| *suite > 2) {
            let problem = "there are suites 0, 1 and 2";
            notes.note(&at, key.clone(), problem, "correct `suites`");
        }
        if item.level == LevelModel::Gmac && item.suites.is_empty() {
            let problem = "a proof by GMAC needs keys of a suite";
            notes.note(&at, key.clone(), problem, "give `suites`, for example [0]");
        }
        alternative(list, item, &at, key, notes);
    }
}

/// In one meter a client has one level: who names it twice says which meters have which.
fn alternative(
    list: &[Spanned<AssociationModel>],
    item: &AssociationModel,
    at: &Range<usize>,
    key: String,
    notes: &mut Notebook,
) {
    let others = list.iter().map(Spanned::as_ref);
    let mut others = others.filter(|other| other.name != item.name);
    if let Some(name) = &item.instead_of {
        let other = others.find(|other| other.name == *name);
        if other.is_none_or(|other| other.client != item.client) {
            let problem = format!("client {} has no association `{name}`", item.client);
            notes.note(at, key, problem, "correct or remove `instead-of`");
        }
        return;
    }
    let same = others.find(|other| other.client == item.client && other.instead_of.is_none());
    if let Some(other) = same {
        let problem = format!("client {} is that of `{}` too", item.client, other.name);
        let remedy = format!("correct it, or write instead-of = \"{}\"", other.name);
        notes.note(at, key, problem, remedy);
    }
}

fn objects(file: &DlmsFile, notes: &mut Notebook) {
    let mut once = BTreeSet::new();
    for item in &file.object {
        let (at, item) = (item.span(), item.as_ref());
        let key = format!("object {}", item.name);
        let is_single = matches!(item.what, DlmsWhat::Serial | DlmsWhat::DeviceName);
        if is_single && !once.insert(item.what) {
            let problem = "two objects tell the same";
            notes.note(&at, key.clone(), problem, "make one of them `other`");
        }
        if item.attribute < 1 {
            let problem = format!("attribute {} cannot be read", item.attribute);
            notes.note(&at, key.clone(), problem, "attributes count from 1");
        }
        counter(file, item, &at, key, notes);
    }
    if once.is_empty() {
        let problem = "nothing tells which meter it is";
        let remedy = "add an `object` with what = \"serial\" or \"device-name\"";
        notes.note_file(problem, remedy);
    }
}

/// A counter is that of an association.
fn counter(
    file: &DlmsFile,
    item: &DlmsObject,
    at: &Range<usize>,
    key: String,
    notes: &mut Notebook,
) {
    let is_known = |name: &String| {
        let mut all = file.association.iter();
        all.any(|known| known.as_ref().name == *name)
    };
    match (&item.association, item.what) {
        (Some(name), DlmsWhat::Counter) if is_known(name) => {}
        (Some(name), DlmsWhat::Counter) => {
            let problem = format!("there is no association `{name}`");
            notes.note(at, key, problem, "add it, or correct the name");
        }
        (None, DlmsWhat::Counter) => {
            let problem = "whose counter it is does not stand there";
            notes.note(at, key, problem, "give `association`");
        }
        (Some(_), _) => {
            let problem = "only a counter belongs to an association";
            notes.note(at, key, problem, "remove `association`");
        }
        (None, _) => {}
    }
}

fn codes(name: &str, table: &Spanned<CodeTable>, notes: &mut Notebook) {
    let (at, table) = (table.span(), table.as_ref());
    let key = format!("codes.{name}");
    let mut bits = BTreeSet::new();
    let fits = |bit: u8| bit <= STATUS_BIT_MAX;
    let named = table.bits.iter().map(|bit| bit.bit);
    let mut named = named.chain(table.unremarkable.iter().copied());
    if !named.all(|bit| fits(bit) && bits.insert(bit)) {
        let remedy = format!("use 0 to {STATUS_BIT_MAX}, each once");
        notes.note(&at, key.clone(), "a bit is twice there, or is none", remedy);
    }
    let mut codes = BTreeSet::new();
    if !table.codes.iter().all(|code| codes.insert(code.code)) {
        notes.note(&at, key.clone(), "a code is twice there", "remove one");
    }
    if table.bits.len() + table.codes.len() > CODES_MAX {
        let problem = format!("more than {CODES_MAX} bits and codes");
        notes.note(&at, key, problem, "remove what is not needed");
    }
}
