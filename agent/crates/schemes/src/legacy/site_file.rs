//! A neutral site file: meters, registers and calendars in one TOML file. Each of its tables becomes
//! a row of the neutral tables, so that both forms are looked at by the same eyes.

use super::calendar::{NeutralCalendar, WEEKDAYS, calendars};
use super::keys::{
    CALENDAR, DAY_TYPE, EXCLUSION, Key, Kind, MARK, METER, REGISTER, SEASON, SWITCH,
};
use super::register::{NeutralRegister, registers};
use crate::complaint::{Notebook, shown};
use crate::scheme::kind;
use crate::sheet::{Cell, Lines, ROWS_MAX, Row, fit, text_of};
use crate::site::{Complaints, ImportPlan, SiteMap};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What a neutral site file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeutralSite {
    /// Its meters, compared with the map there is.
    pub meters: ImportPlan,
    /// Registers of schemes.
    pub registers: Vec<NeutralRegister>,
    /// Calendars of schemes, by name.
    pub calendars: Vec<NeutralCalendar>,
}

/// Reads a neutral site file: all mistakes at once, by line and key.
pub fn read_site(file: &str, bytes: &[u8], map: &SiteMap) -> Result<NeutralSite, Complaints> {
    let mut notes = Notebook::new(file);
    let site = text_of(bytes, "save the file as UTF-8", &mut notes)
        .and_then(|text| rows_of(text, &mut notes))
        .map(|rows| NeutralSite {
            meters: ImportPlan::of_rows(&rows.meters, map, &mut notes),
            registers: registers(&rows.registers, &mut notes),
            calendars: calendars(&rows.parts, &mut notes),
        });
    notes.finish(site)
}

type Table<'t> = DeTable<'t>;
type Value<'t> = Spanned<DeValue<'t>>;
type Cells = BTreeMap<&'static str, Cell>;

#[derive(Default)]
struct Rows {
    meters: Vec<Row>,
    registers: Vec<Row>,
    /// Parts of calendars.
    parts: Vec<Row>,
}

fn rows_of(text: &str, notes: &mut Notebook<'_>) -> Option<Rows> {
    let lines = Lines::of(text);
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let line = lines.of_octet(error.span().unwrap_or_default().start);
            let problem = error.message().trim().replace('\n', ", ");
            notes.note(line, "", problem, "see docs/standards/legacy-files.md");
            return None;
        }
    };
    let mut reader = Reader {
        lines,
        notes,
        count: 0,
        rows: Rows::default(),
    };
    reader.site(table.get_ref());
    Some(reader.rows)
}

struct Reader<'a, 'n, 'f> {
    lines: Lines<'a>,
    notes: &'n mut Notebook<'f>,
    /// Rows of all kinds.
    count: usize,
    rows: Rows,
}

impl Reader<'_, '_, '_> {
    fn note(&mut self, at: usize, place: &str, problem: impl Into<String>, remedy: &str) {
        let line = self.lines.of_octet(at);
        self.notes.note(line, place, problem, remedy);
    }

    fn site(&mut self, table: &Table<'_>) {
        self.check_keys(table, "", &[], &[MARK, "meter", "register", "calendar"]);
        match find(table, MARK) {
            Some(value) if whole(value).as_deref() == Some("1") => {}
            Some(value) => {
                let remedy = "write neutral-site = 1, or update the program";
                self.note(value.span().start, MARK, "is not known", remedy);
            }
            None => self
                .notes
                .note(1, MARK, "is missing", "write neutral-site = 1 above all"),
        }
        for (path, line, table) in self.tables(table, "", "meter") {
            let cells = self.cells(METER, table, &path, &[]);
            self.rows.meters.push(Row::of_toml(line, path, cells));
        }
        for (path, line, table) in self.tables(table, "", "register") {
            let cells = self.cells(REGISTER, table, &path, &[]);
            self.rows.registers.push(Row::of_toml(line, path, cells));
        }
        for (path, line, table) in self.tables(table, "", "calendar") {
            self.calendar(&path, line, table);
        }
        if self.count == 0 {
            let problem = "there is no meter, register or calendar in it";
            self.notes.note(
                0,
                "",
                problem,
                "write a [[meter]], [[register]] or [[calendar]]",
            );
        }
    }

    fn calendar(&mut self, path: &str, line: usize, table: &Table<'_>) {
        let own = self.cells(CALENDAR, table, path, &["season", "day-type", "exclusion"]);
        let scheme = own.get("scheme").cloned();
        let scheme =
            scheme.unwrap_or_else(|| Cell::new(format!("{path}.scheme"), line, String::new()));
        let before = self.count;
        for (path, line, table) in self.tables(table, path, "season") {
            let cells = self.cells(SEASON, table, &path, &["week"]);
            let season = name_of(&cells, "season", &path, line);
            self.week(&path, table, &scheme, &season);
            self.part(
                "season",
                &scheme,
                path,
                line,
                cells,
                Some(("season", season)),
            );
        }
        for (path, line, table) in self.tables(table, path, "day-type") {
            let cells = self.cells(DAY_TYPE, table, &path, &["switch"]);
            let name = name_of(&cells, "day-type", &path, line);
            let switches = self.tables(table, &path, "switch");
            if switches.is_empty() {
                let place = format!("{path}.switch");
                self.notes
                    .note(line, place, "is empty", "write its switching times");
            }
            for (path, line, table) in switches {
                let cells = self.cells(SWITCH, table, &path, &[]);
                let name = ("day-type", name.clone());
                self.part("switch", &scheme, path, line, cells, Some(name));
            }
        }
        for (path, line, table) in self.tables(table, path, "exclusion") {
            let cells = self.cells(EXCLUSION, table, &path, &[]);
            self.part("exclusion", &scheme, path, line, cells, None);
        }
        if self.count == before {
            let problem = "holds no season, day type or exclusion";
            self.notes
                .note(line, path, problem, "write them, or take it out");
        }
    }

    /// One row for each weekday that is written.
    fn week(&mut self, path: &str, table: &Table<'_>, scheme: &Cell, season: &Cell) {
        let Some(value) = find(table, "week") else {
            return;
        };
        let path = format!("{path}.week");
        let DeValue::Table(week) = value.get_ref() else {
            let problem = format!("is no table but {}", kind(value.get_ref()));
            let remedy = "write { mon = \"plain\" } and so on";
            self.note(value.span().start, &path, problem, remedy);
            return;
        };
        self.check_keys(week, &path, &[], &WEEKDAYS);
        for day in WEEKDAYS {
            let Some(value) = find(week, day) else {
                continue;
            };
            let place = format!("{path}.{day}");
            let line = self.lines.of_octet(value.span().start);
            let Some(text) = self.text(Kind::Text, value, &place) else {
                continue;
            };
            let weekday = Cell::new(place.as_str(), line, day.to_owned());
            let name = Cell::new(place.as_str(), line, text);
            let cells = BTreeMap::from([("weekday", weekday), ("day-type", name)]);
            self.count += 1;
            self.part(
                "week",
                scheme,
                place,
                line,
                cells,
                Some(("season", season.clone().told())),
            );
        }
    }

    fn part(
        &mut self,
        what: &str,
        scheme: &Cell,
        path: String,
        line: usize,
        mut cells: Cells,
        of: Option<(&'static str, Cell)>,
    ) {
        cells.insert("what", Cell::new(path.as_str(), line, what.to_owned()));
        cells.insert("scheme", scheme.clone());
        cells.extend(of);
        self.rows.parts.push(Row::of_toml(line, path, cells));
    }

    /// The tables of a list, with their paths and lines.
    fn tables<'t>(
        &mut self,
        table: &'t Table<'t>,
        path: &str,
        name: &str,
    ) -> Vec<(String, usize, &'t Table<'t>)> {
        let Some(value) = find(table, name) else {
            return Vec::new();
        };
        let place = if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        };
        let DeValue::Array(items) = value.get_ref() else {
            let problem = format!("is no list but {}", kind(value.get_ref()));
            self.note(
                value.span().start,
                &place,
                problem,
                "write a list of tables",
            );
            return Vec::new();
        };
        let mut found = Vec::new();
        for (number, item) in (1..).zip(items.iter()) {
            let (path, at) = (format!("{place}[{number}]"), item.span().start);
            if self.count >= ROWS_MAX {
                let problem = format!("there are more than {ROWS_MAX} entries");
                self.note(at, &path, problem, "split the file");
                break;
            }
            self.count += 1;
            if let DeValue::Table(table) = item.get_ref() {
                found.push((path, self.lines.of_octet(at), table));
            } else {
                let problem = format!("is no table but {}", kind(item.get_ref()));
                self.note(at, &path, problem, "write a list of tables");
            }
        }
        found
    }

    fn cells(&mut self, keys: &[Key], table: &Table<'_>, path: &str, also: &[&str]) -> Cells {
        self.check_keys(table, path, keys, also);
        let mut cells = BTreeMap::new();
        for key in keys {
            let Some(value) = find(table, key.name) else {
                continue;
            };
            let place = format!("{path}.{}", key.name);
            let line = self.lines.of_octet(value.span().start);
            let cell = match self.text(key.kind, value, &place) {
                Some(text) => Cell::new(place, line, text),
                None => Cell::new(place, line, String::new()).told(),
            };
            cells.insert(key.column, cell);
        }
        cells
    }

    fn check_keys(&mut self, table: &Table<'_>, path: &str, keys: &[Key], also: &[&str]) {
        let known: Vec<&str> = keys
            .iter()
            .map(|key| key.name)
            .chain(also.iter().copied())
            .collect();
        for (key, _) in table {
            let name = key.get_ref();
            if !known.iter().any(|known| known == name) {
                let dot = if path.is_empty() { "" } else { "." };
                let place = format!("{path}{dot}{}", shown(name));
                let remedy = format!("use {}, or take it out", known.join(", "));
                self.note(key.span().start, &place, "is not known", &remedy);
            }
        }
    }

    /// A value as the cell of a table has it; what it cannot be is noted.
    fn text(&mut self, wanted: Kind, value: &Value<'_>, place: &str) -> Option<String> {
        let at = value.span().start;
        let Some(text) = written(wanted, value) else {
            let problem = format!("is {}", kind(value.get_ref()));
            self.note(at, place, problem, form_of(wanted));
            return None;
        };
        match fit(text.trim()) {
            Ok(text) => Some(text.to_owned()),
            Err((problem, remedy)) => {
                self.note(at, place, problem, remedy);
                None
            }
        }
    }
}

fn find<'t>(table: &'t Table<'t>, name: &str) -> Option<&'t Value<'t>> {
    let mut entries = table.iter();
    entries
        .find(|(key, _)| key.get_ref() == name)
        .map(|(_, value)| value)
}

/// The name of a season or day type, for the rows below it.
fn name_of(cells: &Cells, column: &str, path: &str, line: usize) -> Cell {
    let named = cells.get(column).cloned();
    named.unwrap_or_else(|| Cell::new(format!("{path}.name"), line, String::new()))
}

fn whole(value: &Value<'_>) -> Option<String> {
    let DeValue::Integer(number) = value.get_ref() else {
        return None;
    };
    (number.radix() == 10).then(|| number.as_str().to_owned())
}

fn written(wanted: Kind, value: &Value<'_>) -> Option<String> {
    match (wanted, value.get_ref()) {
        (
            Kind::Text | Kind::Digits | Kind::Figure | Kind::Date | Kind::Time,
            DeValue::String(text),
        ) => Some(text.clone().into_owned()),
        (Kind::Whole(..) | Kind::Digits | Kind::Figure, DeValue::Integer(_)) => whole(value),
        (Kind::Figure, DeValue::Float(number)) => Some(number.as_str().to_owned()),
        (Kind::Date, DeValue::Datetime(moment)) if moment.time.is_none() => {
            Some(moment.to_string())
        }
        (Kind::Time, DeValue::Datetime(moment)) if moment.date.is_none() => {
            let text = moment.to_string();
            let short = text.strip_suffix(":00").filter(|short| short.len() == 5);
            Some(short.map_or(text.clone(), str::to_owned))
        }
        (Kind::Rates, DeValue::Array(items)) => {
            let numbers: Option<Vec<String>> = items.iter().map(whole).collect();
            numbers.map(|numbers| numbers.join(" "))
        }
        _ => None,
    }
}

const fn form_of(wanted: Kind) -> &'static str {
    match wanted {
        Kind::Text => "write a text in double quotes",
        Kind::Whole(..) => "write a whole number without quotes",
        Kind::Digits => "write a number, or a text in double quotes",
        Kind::Figure => "write a number, as 200 or 63.5",
        Kind::Date => "write \"12-25\" for every year, or \"2026-12-25\"",
        Kind::Time => "write \"00:00\" to \"23:59\"",
        Kind::Rates => "write a list of whole numbers, as [1, 3]",
    }
}

#[cfg(test)]
mod tests;
