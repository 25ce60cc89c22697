//! What an association may do with an object, in words.

use crate::limits::{COSEM_ACCESS_TEXT_MAX, COSEM_RIGHTS_MAX};
use dlms::codec::Data;

/// From this version of the association class on, rights are bits instead of a choice of a list.
const BITS_FROM: u8 = 3;

/// `1 2 read; 3 read, write; methods 1`; empty where the meter tells no rights. Rights that make
/// no sense are told as such: the object itself is there all the same.
pub(super) fn text(rights: &Data, version: Option<u8>) -> String {
    if *rights == Data::Null {
        return String::new();
    }
    let read = || {
        let [attributes, methods] = rights.items()? else {
            return None;
        };
        let mut groups: Vec<(String, Vec<i8>)> = Vec::new();
        for (number, mode) in modes(attributes)? {
            place(&mut groups, attribute_words(mode, version), number);
        }
        let mut parts: Vec<String> = groups.iter().map(group_text).collect();
        let mut groups = Vec::new();
        for (number, mode) in modes(methods)? {
            place(&mut groups, method_words(mode, version), number);
        }
        let methods = groups
            .iter()
            .map(|group| format!("methods {}", group_text(group)));
        parts.extend(methods);
        Some(parts.join("; "))
    };
    let text = read().unwrap_or_else(|| "rights not understood".to_owned());
    text.chars().take(COSEM_ACCESS_TEXT_MAX).collect()
}

/// The attributes, and whether they may be read; none where the meter does not say.
pub(super) fn attributes(rights: &Data, version: Option<u8>) -> Vec<(i8, bool)> {
    let Some([attributes, _]) = rights.items() else {
        return Vec::new();
    };
    let told = modes(attributes).unwrap_or_default().into_iter();
    told.map(|(number, mode)| (number, may_read(mode, version)))
        .collect()
}

fn may_read(mode: u8, version: Option<u8>) -> bool {
    match (mode, version) {
        (0 | 2, _) => false,
        (1 | 3, _) => true,
        (mode, Some(BITS_FROM..)) => mode & 1 != 0,
        // Whoever has proven himself is meant; the meter says so if that is not enough.
        (mode, _) => mode != 5,
    }
}

/// Numbers of attributes or methods with their modes.
fn modes(list: &Data) -> Option<Vec<(i8, u8)>> {
    let items = match list {
        Data::Null => &[],
        other => other.items()?,
    };
    if items.len() > COSEM_RIGHTS_MAX {
        return None;
    }
    let mode = |item: &Data| {
        // An attribute has its ways of selection behind the mode.
        let [number, mode, ..] = item.items()? else {
            return None;
        };
        let number = i8::try_from(number.integer()?).ok()?;
        let mode = match mode {
            Data::Boolean(may) => u8::from(*may),
            other => u8::try_from(other.integer()?).ok()?,
        };
        Some((number, mode))
    };
    items.iter().map(mode).collect()
}

/// What may be done in the same way stands together.
fn place(groups: &mut Vec<(String, Vec<i8>)>, words: String, number: i8) {
    match groups.iter_mut().find(|(known, _)| *known == words) {
        Some((_, numbers)) => numbers.push(number),
        None => groups.push((words, vec![number])),
    }
}

fn group_text((words, numbers): &(String, Vec<i8>)) -> String {
    let numbers: Vec<String> = numbers.iter().map(i8::to_string).collect();
    format!("{} {words}", numbers.join(" "))
}

fn attribute_words(mode: u8, version: Option<u8>) -> String {
    let words = match (mode, version) {
        // The same in both ways of writing.
        (0, _) => "nothing",
        (1, _) => "read",
        (2, _) => "write",
        (3, _) => "read, write",
        (_, Some(BITS_FROM..)) => return bits(mode),
        (4, Some(_)) => "read if authenticated",
        (5, Some(_)) => "write if authenticated",
        (6, Some(_)) => "read, write if authenticated",
        (mode, _) => return format!("mode {mode}"),
    };
    words.to_owned()
}

fn method_words(mode: u8, version: Option<u8>) -> String {
    let words = match (mode, version) {
        (0, _) => "nothing",
        (1, _) => "run",
        (_, Some(BITS_FROM..)) => return method_bits(mode),
        (2, Some(_)) => "run if authenticated",
        (mode, _) => return format!("mode {mode}"),
    };
    words.to_owned()
}

fn bits(mode: u8) -> String {
    let may = match mode & 3 {
        0 => "nothing",
        1 => "read",
        2 => "write",
        _ => "read, write",
    };
    protected(may, mode)
}

fn method_bits(mode: u8) -> String {
    let may = if mode & 1 == 0 { "nothing" } else { "run" };
    protected(may, mode)
}

/// How requests and answers have to be protected.
fn protected(may: &str, mode: u8) -> String {
    let names = [
        (2, "authenticated request"),
        (3, "encrypted request"),
        (4, "signed request"),
        (5, "authenticated answer"),
        (6, "encrypted answer"),
        (7, "signed answer"),
    ];
    let set = names.iter().filter(|(bit, _)| mode & (1 << bit) != 0);
    let set: Vec<&str> = set.map(|(_, name)| *name).collect();
    if set.is_empty() {
        may.to_owned()
    } else {
        format!("{may} ({})", set.join(", "))
    }
}
