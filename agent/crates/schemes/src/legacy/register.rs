//! Registers of a scheme as a neutral table.

use crate::complaint::{Notebook, shown};
use crate::sheet::{self, Columns, Row};
use crate::site::{Complaints, SchemeName};
use metering::Obis;
use std::collections::HashMap;

pub(super) const COLUMNS: Columns = Columns {
    known: &["scheme", "kind", "register", "quantity", "rate", "name"],
    needed: &["scheme", "kind", "register", "quantity"],
};

/// Most registers of one kind: an A1700 has 32.
pub(super) const REGISTERS_MAX: u8 = 64;
const NAME_CHARS_MAX: usize = 60;

/// One register of a scheme, free of any model's way to hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeutralRegister {
    /// The scheme it belongs to.
    pub scheme: SchemeName,
    /// What kind of register it is.
    pub kind: RegisterKind,
    /// Its place among those of its kind, from 1.
    pub number: u8,
    /// What it counts, as an OBIS code without a rate.
    pub quantity: Obis,
    /// The rate that gates it, from 1; nothing if it always counts.
    pub rate: Option<u8>,
    /// What people call it.
    pub name: String,
}

/// Kinds of registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RegisterKind {
    /// A total that always counts.
    Total,
    /// A total that counts while its rate is active.
    Tou,
    /// A maximum demand.
    Demand,
}

/// Reads a table of registers: all mistakes at once, by line and column.
pub fn read_registers(file: &str, bytes: &[u8]) -> Result<Vec<NeutralRegister>, Complaints> {
    let mut notes = Notebook::new(file);
    let rows = sheet::read(bytes, &COLUMNS, &mut notes);
    let registers = rows.map(|rows| registers(&rows, &mut notes));
    notes.finish(registers)
}

/// The registers of rows, whatever form their file has.
pub(super) fn registers(rows: &[Row], notes: &mut Notebook<'_>) -> Vec<NeutralRegister> {
    let mut first_rows = HashMap::new();
    let mut found = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let Some(register) = register(row, notes) else {
            continue;
        };
        let place = (register.scheme.clone(), register.kind, register.number);
        let (first, line) = *first_rows.entry(place).or_insert((number, row.line));
        if first == number {
            found.push(register);
        } else {
            let problem = format!("line {line} has the same scheme, kind and register");
            let remedy = "give each register a number of its own";
            row.note(notes, "register", problem, remedy);
        }
    }
    found
}

fn register(row: &Row, notes: &mut Notebook<'_>) -> Option<NeutralRegister> {
    let scheme = scheme(row, "scheme", notes);
    let kind = match row.cell("kind") {
        "total" => Some(RegisterKind::Total),
        "tou" => Some(RegisterKind::Tou),
        "demand" => Some(RegisterKind::Demand),
        other => {
            let problem = format!("`{}` is not a kind of register", shown(other));
            row.note(notes, "kind", problem, "use total, tou or demand");
            None
        }
    };
    let number = small(row, "register", REGISTERS_MAX, notes);
    let quantity = row.cell("quantity").parse::<Obis>().ok();
    if quantity.is_none() {
        let problem = format!("`{}` is not an OBIS code", shown(row.cell("quantity")));
        row.note(notes, "quantity", problem, "write A-B:C.D.E, as 1-0:1.8.0");
    }
    let empty = row.cell("rate").is_empty();
    let rate = if empty {
        None
    } else {
        Some(small(row, "rate", REGISTERS_MAX, notes)?)
    };
    match (kind, rate) {
        (Some(RegisterKind::Tou), None) => {
            row.note(
                notes,
                "rate",
                "is empty, and the register counts by a rate",
                "write its rate, from 1",
            );
        }
        (Some(RegisterKind::Total), Some(_)) => {
            row.note(
                notes,
                "rate",
                "is filled, and a total always counts",
                format!("{}, or use kind tou", row.how_to_empty()),
            );
        }
        _ => {}
    }
    let name = row.cell("name");
    if name.chars().count() > NAME_CHARS_MAX {
        let remedy = format!("use up to {NAME_CHARS_MAX} characters");
        row.note(notes, "name", "is too long", remedy);
    }
    Some(NeutralRegister {
        scheme: scheme?,
        kind: kind?,
        number: number?,
        quantity: quantity?,
        rate,
        name: name.to_owned(),
    })
}

/// The name of a scheme in a cell.
pub(super) fn scheme(row: &Row, column: &str, notes: &mut Notebook<'_>) -> Option<SchemeName> {
    let parsed = row.cell(column).parse::<SchemeName>();
    parsed
        .map_err(|unfit| row.note(notes, column, unfit.problem, unfit.remedy))
        .ok()
}

/// A number from 1 in a cell.
pub(super) fn small(row: &Row, column: &str, max: u8, notes: &mut Notebook<'_>) -> Option<u8> {
    let found = row
        .cell(column)
        .parse()
        .ok()
        .filter(|number| (1..=max).contains(number));
    if found.is_none() {
        let problem = format!(
            "`{}` is not a number from 1 to {max}",
            shown(row.cell(column))
        );
        row.note(notes, column, problem, format!("use 1 to {max}"));
    }
    found
}
