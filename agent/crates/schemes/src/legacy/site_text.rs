//! Neutral data as texts: the tables, and the site file. What is written reads back as the same.

use super::calendar::{self, NeutralCalendar, NeutralDate, NeutralSwitch, WEEKDAYS};
use super::keys::{Key, Kind, MARK, METER, REGISTER};
use super::register::{self, NeutralRegister, RegisterKind};
use crate::scheme::quoted;
use crate::sheet;
use crate::site::{CSV_COLUMNS, Label, SiteMap, meter_cells};
use std::borrow::Cow;
use std::fmt;

/// A site as a neutral TOML file.
pub fn site_toml(
    map: &SiteMap,
    registers: &[NeutralRegister],
    calendars: &[NeutralCalendar],
) -> String {
    let mut text = format!("{MARK} = 1\n");
    for meter in map.by_place() {
        let cells = CSV_COLUMNS.iter().copied().zip(meter_cells(meter));
        text.push_str("\n[[meter]]\n");
        keys(&mut text, METER, &cells.collect::<Vec<_>>());
    }
    for register in registers {
        let cells = register::COLUMNS
            .known
            .iter()
            .copied()
            .zip(register_cells(register));
        text.push_str("\n[[register]]\n");
        keys(&mut text, REGISTER, &cells.collect::<Vec<_>>());
    }
    for calendar in calendars {
        calendar_tables(&mut text, calendar);
    }
    text
}

/// Registers as a neutral table.
pub fn registers_csv(registers: &[NeutralRegister]) -> String {
    sheet::write(
        register::COLUMNS.known,
        registers.iter().map(register_cells),
    )
}

/// Calendars as a neutral table.
pub fn calendars_csv(calendars: &[NeutralCalendar]) -> String {
    sheet::write(
        calendar::COLUMNS.known,
        calendars.iter().flat_map(calendar_rows),
    )
}

/// Values that are not empty, below the header of their table.
fn keys(text: &mut String, keys: &[Key], cells: &[(&str, Cow<'_, str>)]) {
    for key in keys {
        let cell = cells.iter().find(|(column, _)| *column == key.column);
        let Some((_, cell)) = cell.filter(|(_, cell)| !cell.is_empty()) else {
            continue;
        };
        let value = match key.kind {
            Kind::Whole(..) | Kind::Figure => cell.to_string(),
            _ => quoted(cell),
        };
        line(text, key.name, &value);
    }
}

fn line(text: &mut String, key: &str, value: &str) {
    text.extend([key, " = ", value, "\n"]);
}

fn register_cells(register: &NeutralRegister) -> Vec<Cow<'_, str>> {
    let kind = match register.kind {
        RegisterKind::Total => "total",
        RegisterKind::Tou => "tou",
        RegisterKind::Demand => "demand",
    };
    vec![
        register.scheme.as_str().into(),
        kind.into(),
        register.number.to_string().into(),
        register.quantity.to_string().into(),
        register
            .rate
            .map(|rate| rate.to_string())
            .unwrap_or_default()
            .into(),
        register.name.as_str().into(),
    ]
}

fn calendar_tables(text: &mut String, calendar: &NeutralCalendar) {
    text.push_str("\n[[calendar]]\n");
    line(text, "scheme", &quoted(calendar.scheme.as_str()));
    for season in &calendar.seasons {
        text.push_str("\n[[calendar.season]]\n");
        line(text, "name", &quoted(season.name.as_str()));
        line(text, "date", &quoted(&season.starts.to_string()));
        let days = WEEKDAYS.into_iter().zip(&season.week);
        let written = days.filter_map(|(day, name)| {
            let name = name.as_ref()?;
            Some(format!("{day} = {}", quoted(name.as_str())))
        });
        let written: Vec<String> = written.collect();
        if !written.is_empty() {
            line(text, "week", &format!("{{ {} }}", written.join(", ")));
        }
    }
    for day_type in &calendar.day_types {
        text.push_str("\n[[calendar.day-type]]\n");
        line(text, "name", &quoted(day_type.name.as_str()));
        text.push_str("switch = [\n");
        for switch in &day_type.switches {
            text.extend(["    { time = ", &quoted(&time(switch))]);
            for (key, rates) in [
                ("energy-rates", &switch.energy_rates),
                ("demand-rates", &switch.demand_rates),
            ] {
                if !rates.is_empty() {
                    text.extend([", ", key, " = [", &numbers(rates, ", "), "]"]);
                }
            }
            text.push_str(" },\n");
        }
        text.push_str("]\n");
    }
    for exclusion in &calendar.exclusions {
        text.push_str("\n[[calendar.exclusion]]\n");
        line(text, "date", &quoted(&exclusion.date.to_string()));
        line(text, "day-type", &quoted(exclusion.day_type.as_str()));
    }
}

/// Scheme, what, season, day type, weekday, date, time, energy rates, demand rates.
fn calendar_rows(calendar: &NeutralCalendar) -> Vec<Vec<Cow<'_, str>>> {
    let row = |what: &'static str, cells: [Cow<'static, str>; 7]| {
        let scheme = Cow::from(calendar.scheme.as_str());
        [scheme, what.into()]
            .into_iter()
            .chain(cells)
            .collect::<Vec<_>>()
    };
    let empty = || Cow::from("");
    let label = |label: &Label| Cow::from(label.to_string());
    let mut rows = Vec::new();
    for season in &calendar.seasons {
        let (name, starts) = (label(&season.name), season.starts.to_string().into());
        rows.push(row(
            "season",
            [
                name.clone(),
                empty(),
                empty(),
                starts,
                empty(),
                empty(),
                empty(),
            ],
        ));
        for (day, kind) in WEEKDAYS.into_iter().zip(&season.week) {
            if let Some(kind) = kind {
                let cells = [
                    name.clone(),
                    label(kind),
                    day.into(),
                    empty(),
                    empty(),
                    empty(),
                    empty(),
                ];
                rows.push(row("week", cells));
            }
        }
    }
    for day_type in &calendar.day_types {
        for switch in &day_type.switches {
            let rates = [&switch.energy_rates, &switch.demand_rates];
            let [energy, demand] = rates.map(|rates| Cow::from(numbers(rates, " ")));
            let (name, time) = (label(&day_type.name), time(switch).into());
            rows.push(row(
                "switch",
                [empty(), name, empty(), empty(), time, energy, demand],
            ));
        }
    }
    for exclusion in &calendar.exclusions {
        let (name, date) = (
            label(&exclusion.day_type),
            exclusion.date.to_string().into(),
        );
        rows.push(row(
            "exclusion",
            [empty(), name, empty(), date, empty(), empty(), empty()],
        ));
    }
    rows
}

fn numbers(rates: &[u8], between: &str) -> String {
    let words: Vec<String> = rates.iter().map(u8::to_string).collect();
    words.join(between)
}

fn time(switch: &NeutralSwitch) -> String {
    format!("{:02}:{:02}", switch.minute / 60, switch.minute % 60)
}

/// As it is written in files: `12-25`, `2026-12-25`.
impl fmt::Display for NeutralDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(year) = self.year {
            write!(f, "{year:04}-")?;
        }
        write!(f, "{:02}-{:02}", self.month, self.day)
    }
}
