//! The tariff that is written: two seasons, three kinds of days, two registers.

use dlms::codec::{Data, DateTime, LogicalName};
use meters::cosem::{
    CalendarPart, DayAction, DayDate, DayPlan, Mask, NO_TIME, RegisterActivation, Script,
    ScriptAction, ScriptService, Season, SpecialDay, TariffRegister, WeekPlan,
};

pub(crate) const CALENDAR: LogicalName = LogicalName([0, 0, 13, 0, 0, 255]);
pub(crate) const SPECIAL_DAYS: LogicalName = LogicalName([0, 0, 11, 0, 0, 255]);
pub(crate) const SCRIPTS: LogicalName = LogicalName([0, 0, 10, 0, 100, 255]);
pub(crate) const REGISTERS: LogicalName = LogicalName([0, 0, 14, 0, 0, 255]);

/// Midnight of a day of each year, or of one.
pub(crate) fn midnight(year: Option<u16>, month: u8, day: u8) -> DateTime {
    DateTime {
        year,
        month: Some(month),
        day: Some(day),
        hour: Some(0),
        minute: Some(0),
        second: Some(0),
        hundredths: Some(0),
        ..NO_TIME
    }
}

pub(crate) fn calendar() -> CalendarPart {
    let season = |name: &[u8], month, day| Season {
        name: name.to_vec(),
        start: midnight(None, month, day),
        week: name.to_vec(),
    };
    let week = |name: &[u8], workday| WeekPlan {
        name: name.to_vec(),
        days: [workday, workday, workday, workday, workday, 3, 3],
    };
    let day = |id, high: &[u8]| {
        let switch = |hour: &u8| DayAction {
            start: [*hour, 30 * (*hour % 2), 0, 0],
            script: SCRIPTS,
            selector: if hour.is_multiple_of(2) { 2 } else { 1 },
        };
        let actions = [0].iter().chain(high).map(switch).collect();
        DayPlan { id, actions }
    };
    CalendarPart {
        name: b"TOU-2027".to_vec(),
        seasons: vec![season(b"WINTER", 10, 1), season(b"SUMMER", 4, 1)],
        weeks: vec![week(b"WINTER", 1), week(b"SUMMER", 2)],
        days: vec![day(1, &[7, 20]), day(2, &[9, 18]), day(3, &[])],
    }
}

/// Christmas, New Year and a holiday of one year.
pub(crate) fn special_days() -> Vec<SpecialDay> {
    let special = |(index, (year, month, day)): (u16, (Option<u16>, u8, u8))| SpecialDay {
        index,
        date: DayDate {
            year,
            month: Some(month),
            day: Some(day),
            weekday: None,
        },
        day: 3,
    };
    let dates = [(None, 1, 1), (None, 12, 25), (Some(2027), 5, 6)];
    (1..).zip(dates).map(special).collect()
}

/// What a mask is called for each rate.
pub(crate) fn scripts() -> Vec<Script> {
    let script = |(id, mask): (u16, &[u8; 2])| Script {
        id,
        actions: vec![ScriptAction {
            service: ScriptService::Write,
            class: 6,
            name: REGISTERS,
            index: 4,
            parameter: Data::OctetString(mask.to_vec()),
        }],
    };
    (1..).zip([b"T1", b"T2"]).map(script).collect()
}

pub(crate) fn registers() -> RegisterActivation {
    let rates = [(1, 1), (1, 2), (2, 1), (2, 2)];
    let register = |(quantity, rate)| TariffRegister {
        class: 3,
        name: LogicalName([1, 0, quantity, 8, rate, 255]),
    };
    let mask = |name: &[u8], places: [u8; 2]| Mask {
        name: name.to_vec(),
        registers: places.to_vec(),
    };
    RegisterActivation {
        registers: rates.map(register).to_vec(),
        masks: vec![mask(b"T1", [1, 3]), mask(b"T2", [2, 4])],
        active: Some(b"T2".to_vec()),
    }
}
