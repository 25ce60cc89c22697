//! From a model file to a model that cannot be wrong in itself.

use super::check_register::Registers;
use super::complaint::Notebook;
use super::encoding::{Encoding, Order};
use super::file::{
    HoleFile, IdentifyFile, IdentityWord, LimitsFile, LineFile, ModelFile, PlaceFile, SunSpecFile,
    TableWord, ValueFile,
};
use super::identity::{Identify, IdentityForm, IdentityValue};
use super::limits::{PARTS_MAX, TEXT_REGISTERS_MAX};
use super::model::{Certainty, Fact, Limits, LineDefaults, Model};
use super::register::Register;
use super::setting_file::settings;
use super::sunspec::{SunSpec, SunSpecBlock};
use crate::limits::READ_REGISTERS_MAX;
use crate::span::{Span, Table};
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;

/// The model in a file, or notes on all that is wrong with it.
pub(super) fn model(id: &str, file: ModelFile, notes: &mut Notebook) -> Model {
    few(&file.hole, "hole", notes);
    few(&file.identify, "identify", notes);
    filled(
        &file.protocols,
        "protocols",
        "name modbus-rtu, modbus-tcp or both",
        notes,
    );
    filled(
        &file.sources,
        "sources",
        "say where the facts come from",
        notes,
    );
    let holes: Vec<Span> = file
        .hole
        .iter()
        .filter_map(|item| hole(item, file.table, notes))
        .collect();
    let limits = limits(&file.limits, file.certainty, notes);
    let reader = Registers::new(&file, &holes, limits.max_count);
    let registers = reader.read(&file.register, file.certainty, notes);
    let sunspec = file
        .sunspec
        .as_ref()
        .map(|part| sunspec(part, &file, &reader, notes));
    if registers.is_empty() && sunspec.is_none() {
        notes.note_file(
            "the model has no value",
            "add a `register` or a `sunspec` block",
        );
    }
    let settings = settings(&file, &holes, notes);
    let identify = file
        .identify
        .iter()
        .filter_map(|item| identify(item, &file, notes))
        .collect();
    Model {
        id: id.to_owned(),
        line: line(file.line, file.certainty, notes),
        limits,
        probe: probe(&file.probe, file.table),
        holes,
        identify,
        registers,
        sunspec,
        settings,
        maker: file.maker,
        model: file.model,
        protocols: file.protocols.into_inner(),
        certainty: file.certainty,
        sources: file.sources.into_inner(),
        notes: file.notes,
        disagreements: file.disagreements,
    }
}

fn few<T>(list: &[Spanned<T>], key: &str, notes: &mut Notebook) {
    if let Some(first) = list.get(PARTS_MAX) {
        let problem = format!("more than {PARTS_MAX} entries");
        notes.note(&first.span(), key, problem, "remove what is not needed");
    }
}

fn filled<T>(list: &Spanned<Vec<T>>, key: &str, remedy: &str, notes: &mut Notebook) {
    if list.as_ref().is_empty() {
        notes.note(&list.span(), key, "the list is empty", remedy);
    }
}

pub(super) fn table(own: Option<TableWord>, default: TableWord) -> Table {
    Table::from(own.unwrap_or(default))
}

/// The span, unless it runs past register 65535.
pub(super) fn fitting(
    span: Span,
    at: &Range<usize>,
    key: &str,
    notes: &mut Notebook,
) -> Option<Span> {
    if span.end() <= 1 << 16 {
        return Some(span);
    }
    let problem = format!("{span} runs past register 65535");
    notes.note(at, key, problem, "correct address and encoding");
    None
}

fn hole(item: &Spanned<HoleFile>, default: TableWord, notes: &mut Notebook) -> Option<Span> {
    let hole = item.as_ref();
    let count = hole
        .to
        .checked_sub(hole.from)
        .and_then(|rest| rest.checked_add(1));
    let Some(count) = count else {
        let problem = format!("{} to {} is no range", hole.from, hole.to);
        notes.note(
            &item.span(),
            "hole",
            problem,
            "give the first and the last bad register",
        );
        return None;
    };
    Some(Span {
        table: table(hole.table, default),
        address: hole.from,
        count,
    })
}

fn limits(item: &Spanned<LimitsFile>, default: Certainty, notes: &mut Notebook) -> Limits {
    let file = item.as_ref();
    let max_count = *file.max_count.as_ref();
    if !(4..=READ_REGISTERS_MAX).contains(&max_count) {
        let problem = format!("{max_count} registers is out of range");
        let remedy = format!("use 4 (one 64-bit value) to {READ_REGISTERS_MAX}");
        notes.note(&file.max_count.span(), "limits.max-count", problem, remedy);
    }
    if file.timeout_ms < file.turnaround_ms {
        let problem = "timeout-ms is shorter than turnaround-ms";
        notes.note(
            &item.span(),
            "limits",
            problem,
            "make it at least twice as long",
        );
    }
    let ms = |ms: u16| Duration::from_millis(u64::from(ms));
    Limits {
        max_count,
        min_gap: ms(file.min_gap_ms),
        turnaround: ms(file.turnaround_ms),
        timeout: ms(file.timeout_ms),
        fact: fact(file.certainty, default, file.remark.as_ref()),
    }
}

fn line(file: LineFile, default: Certainty, notes: &mut Notebook) -> LineDefaults {
    let (baud, stop_bits) = (*file.baud.as_ref(), *file.stop_bits.as_ref());
    if !(300..=921_600).contains(&baud) {
        let problem = format!("{baud} is no line speed");
        notes.note(&file.baud.span(), "line.baud", problem, "use 300 to 921600");
    }
    if !(1..=2).contains(&stop_bits) {
        let problem = format!("{stop_bits} stop bits do not exist");
        notes.note(
            &file.stop_bits.span(),
            "line.stop-bits",
            problem,
            "use 1 or 2",
        );
    }
    if let Some(unit) = &file.unit
        && !(1..=247).contains(unit.as_ref())
    {
        let problem = format!("{} is no unit address", unit.as_ref());
        notes.note(&unit.span(), "line.unit", problem, "use 1 to 247");
    }
    LineDefaults {
        baud,
        parity: file.parity,
        stop_bits,
        unit: file.unit.map(Spanned::into_inner),
        fact: fact(file.certainty, default, file.remark.as_ref()),
    }
}

pub(super) fn fact(own: Option<Certainty>, default: Certainty, remark: Option<&String>) -> Fact {
    Fact {
        certainty: own.unwrap_or(default),
        remark: remark.cloned(),
    }
}

fn probe(place: &PlaceFile, default: TableWord) -> Span {
    Span {
        table: table(place.table, default),
        address: place.address,
        count: 1,
    }
}

fn identify(
    item: &Spanned<IdentifyFile>,
    model: &ModelFile,
    notes: &mut Notebook,
) -> Option<Identify> {
    let (file, at) = (item.as_ref(), item.span());
    let key = format!("identify {}", file.what);
    let (form, count) = match (file.encoding, file.count) {
        (IdentityWord::U16, None) => (IdentityForm::Number(Encoding::U16), 1),
        (IdentityWord::U32, None) => (IdentityForm::Number(Encoding::U32), 2),
        (IdentityWord::U64, None) => (IdentityForm::Number(Encoding::U64), 4),
        (IdentityWord::Text, Some(count)) if (1..=TEXT_REGISTERS_MAX).contains(&count) => {
            (IdentityForm::Text, count)
        }
        (IdentityWord::Text, _) => {
            let remedy = format!("give `count`, 1 to {TEXT_REGISTERS_MAX} registers");
            notes.note(&at, key, "the length of the text is not known", remedy);
            return None;
        }
        (_, Some(_)) => {
            notes.note(&at, key, "a number has its own length", "remove `count`");
            return None;
        }
    };
    let address = file.address;
    let span = Span {
        table: table(file.table, model.table),
        address,
        count,
    };
    let span = fitting(span, &at, &key, notes)?;
    let mut equals = Vec::new();
    if let Some(value) = &file.equals
        && !expected(value, form, &mut equals)
    {
        let problem = "`equals` is not what such a register can say";
        notes.note(
            &at,
            key,
            problem,
            "give numbers for u16 to u64 and texts for text",
        );
    }
    // Meters that send numbers with the low register first still write texts from left to right.
    let (words, bytes) = match form {
        IdentityForm::Text => (Order::HighFirst, Order::HighFirst),
        IdentityForm::Number(_) => (model.word_order, model.byte_order),
    };
    Some(Identify {
        what: file.what,
        span,
        form,
        words: file.word_order.unwrap_or(words),
        bytes: file.byte_order.unwrap_or(bytes),
        equals,
        fact: fact(file.certainty, model.certainty, file.remark.as_ref()),
    })
}

/// Collects the expected values; false if one does not suit the register.
fn expected(value: &ValueFile, form: IdentityForm, found: &mut Vec<IdentityValue>) -> bool {
    match (value, form) {
        (ValueFile::Several(list), _) => list.iter().all(|one| match one {
            ValueFile::Several(_) => false,
            single => expected(single, form, found),
        }),
        (ValueFile::Number(number), IdentityForm::Number(encoding)) => {
            let number = u64::try_from(*number).ok();
            let number = number.filter(|number| *number < u64::MAX >> (64 - encoding.width()));
            found.extend(number.map(IdentityValue::Number));
            number.is_some()
        }
        (ValueFile::Text(text), IdentityForm::Text) if !text.trim().is_empty() => {
            found.push(IdentityValue::Text(text.trim().to_owned()));
            true
        }
        _ => false,
    }
}

fn sunspec(
    part: &SunSpecFile,
    model: &ModelFile,
    reader: &Registers,
    notes: &mut Notebook,
) -> SunSpec {
    filled(
        &part.bases,
        "sunspec.bases",
        "give 40000, 50000 and 0",
        notes,
    );
    filled(
        &part.block,
        "sunspec.block",
        "describe at least one block",
        notes,
    );
    let mut blocks = Vec::new();
    for file in part.block.as_ref() {
        filled(
            &file.models,
            "sunspec.block.models",
            "give the block's numbers",
            notes,
        );
        let certainty = file.certainty.unwrap_or(model.certainty);
        let points = reader.read(&file.point, certainty, notes);
        let end = points.iter().flat_map(Register::spans).map(Span::end).max();
        if end.unwrap_or(0) > u32::from(file.length) + 2 {
            let problem = format!("a point lies behind the block's {} registers", file.length);
            let at = file.models.span();
            notes.note(
                &at,
                "sunspec.block.length",
                problem,
                "correct the length or the point",
            );
        }
        blocks.push(SunSpecBlock {
            models: file.models.as_ref().clone(),
            length: file.length,
            points,
        });
    }
    SunSpec {
        table: Table::from(model.table),
        bases: part.bases.as_ref().clone(),
        blocks,
    }
}
