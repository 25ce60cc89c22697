//! From a DLMS model file to a model that cannot be wrong in itself.

use super::super::complaint::Notebook;
use super::check_rows;
use super::file::DlmsFile;
use super::limits::{
    FOURTEEN_BITS_MAX, INFORMATION_OCTETS, NAME_OCTETS_MAX, ROWS_MAX, SEVEN_BITS_MAX, TABLE_MAX,
    WINDOW,
};
use super::model::{DlmsLine, DlmsModel, HdlcModel, WritingModel};
use std::ops::Range;
use toml::Spanned;

/// The model in a file, or notes on all that is wrong with it.
pub(in super::super) fn model(id: &str, file: DlmsFile, notes: &mut Notebook) -> DlmsModel {
    if file.sources.as_ref().is_empty() {
        let remedy = "say where the facts come from: a key and its words each";
        notes.note(&file.sources.span(), "sources", "there are none", remedy);
    }
    for (key, count) in [
        ("association", file.association.len()),
        ("object", file.object.len()),
        ("register", file.register.len()),
        ("profile", file.profile.len()),
        ("codes", file.codes.len()),
    ] {
        if count > ROWS_MAX {
            let problem = format!("more than {ROWS_MAX} entries of `{key}`");
            notes.note_file(problem, "remove what is not needed");
        }
    }
    line(&file.line, notes);
    if let Some(place) = &file.hdlc {
        hdlc(place, notes);
    }
    if file.hdlc.is_none() && file.wrapper.is_none() {
        let remedy = "add a table `hdlc`, or `wrapper`, or both";
        notes.note_file("nothing says where such a meter is found", remedy);
    }
    if let Some(table) = &file.writing {
        writing(table, notes);
    }
    check_rows::check(&file, notes);
    let model = DlmsModel {
        id: id.to_owned(),
        maker: file.maker,
        model: file.model,
        sources: file.sources.into_inner(),
        notes: file.notes,
        disagreements: file.disagreements,
        line: file.line.into_inner(),
        hdlc: file.hdlc.map(Spanned::into_inner),
        wrapper: file.wrapper,
        associations: inner(file.association),
        objects: inner(file.object),
        clock: file.clock,
        writing: file.writing.map(Spanned::into_inner),
        registers: inner(file.register),
        profiles: inner(file.profile),
        codes: file
            .codes
            .into_iter()
            .map(|(name, table)| (name, table.into_inner()))
            .collect(),
    };
    for (about, fact) in model.statements() {
        let unknown = fact
            .by
            .iter()
            .filter(|key| !model.sources.contains_key(*key));
        for key in unknown {
            let problem = format!("`{key}` is no key of `sources`");
            notes.note_word(key, about.as_str(), problem, "add it there, or correct it");
        }
    }
    model
}

fn inner<T>(list: Vec<Spanned<T>>) -> Vec<T> {
    list.into_iter().map(Spanned::into_inner).collect()
}

fn line(line: &Spanned<DlmsLine>, notes: &mut Notebook) {
    let (at, line) = (line.span(), line.as_ref());
    let fits = (300..=921_600).contains(&line.baud)
        && (7..=8).contains(&line.data_bits)
        && (1..=2).contains(&line.stop_bits);
    if !fits {
        let remedy = "use 300 to 921600 baud, 7 or 8 data bits, 1 or 2 stop bits";
        notes.note(&at, "line", "no setting of a line", remedy);
    }
}

fn hdlc(place: &Spanned<HdlcModel>, notes: &mut Notebook) {
    let (at, place) = (place.span(), place.as_ref());
    let most = match place.address_octets {
        1 | 2 => SEVEN_BITS_MAX,
        4 => FOURTEEN_BITS_MAX,
        octets => {
            let problem = format!("an address of {octets} octets does not exist");
            notes.note(&at, "hdlc.address-octets", problem, "use 1, 2 or 4");
            return;
        }
    };
    let mut within = |key: &str, number: u16| too_large(&at, key, number, most, notes);
    within("hdlc.upper", place.upper);
    within("hdlc.lower", place.lower.unwrap_or(0));
    // The last two digits are added to it.
    let base = place.lower_from_serial.unwrap_or(0);
    within("hdlc.lower-from-serial", base.saturating_add(99).max(99));
    if place.address_octets == 1 && place.lower.or(place.lower_from_serial).is_some() {
        let problem = "an address of one octet has no lower part";
        notes.note(
            &at,
            "hdlc.lower",
            problem,
            "remove it, or use 2 or 4 octets",
        );
    }
    if !INFORMATION_OCTETS.contains(&place.information_octets) {
        let problem = format!(
            "an information field of {} octets",
            place.information_octets
        );
        let remedy = "use 16 to 2030; 128 is the standard's default";
        notes.note(&at, "hdlc.information-octets", problem, remedy);
    }
    if !WINDOW.contains(&place.window) {
        let problem = format!("a window of {} frames", place.window);
        notes.note(&at, "hdlc.window", problem, "use 1 to 7");
    }
}

fn too_large(at: &Range<usize>, key: &str, number: u16, most: u16, notes: &mut Notebook) {
    if number > most {
        let problem = format!("{number} does not fit into the address");
        notes.note(
            at,
            key,
            problem,
            format!("use at most {most}, or more octets"),
        );
    }
}

/// A limit of nothing would be a meter that takes nothing, and one beyond what a table can hold says
/// nothing.
fn writing(table: &Spanned<WritingModel>, notes: &mut Notebook) {
    let (at, table) = (table.span(), table.as_ref());
    for (key, limit, most) in [
        ("seasons", table.seasons, TABLE_MAX),
        ("weeks", table.weeks, TABLE_MAX),
        ("days", table.days, TABLE_MAX),
        ("switches", table.switches, TABLE_MAX),
        ("special-days", table.special_days, u16::MAX),
        ("name-octets", table.name_octets, NAME_OCTETS_MAX),
    ] {
        if let Some(limit) = limit.filter(|limit| *limit == 0 || *limit > most) {
            let problem = format!("{limit} is out of range");
            let remedy = format!("use 1 to {most}, or leave it out where it is not known");
            notes.note(&at, format!("writing.{key}"), problem, remedy);
        }
    }
}
