//! Values of attributes in plain words, for people who compare settings.

use super::tariff::{DayAction, DayDate, DayPlan, Season, SpecialDay, WeekPlan};
use super::text::data_text;
use crate::limits::COSEM_WORDS_MAX;
use dlms::codec::{Attribute, Data, DateTime};
use metering::{Obis, Unit};

/// What an attribute says. Where its form is another one than its class has, its parts are shown as
/// they are.
pub fn attribute_words(attribute: Attribute, data: &Data) -> String {
    let read = match (attribute.class, attribute.number) {
        (3 | 4, 3) | (5, 4) => scaler(data),
        (4, 5) | (5, 6 | 7) | (8, 2 | 5 | 6) | (20, 10) => time(data),
        (7, 3) => listed(data, column),
        (7, 6) => column(data),
        (11, 2) => listed(data, special_day),
        (20, 3 | 7) => listed(data, season),
        (20, 4 | 8) => listed(data, week),
        (20, 5 | 9) => listed(data, day),
        _ => None,
    };
    let text = read.unwrap_or_else(|| parts(data));
    if text.chars().count() <= COSEM_WORDS_MAX {
        return text;
    }
    let cut: String = text.chars().take(COSEM_WORDS_MAX).collect();
    format!("{cut} …")
}

/// Any value, with all that it is made of.
fn parts(data: &Data) -> String {
    let mut text = String::new();
    write_parts(data, &mut text);
    text
}

fn write_parts(data: &Data, text: &mut String) {
    let (open, close, items) = match data {
        Data::Array(items) => ('[', ']', items),
        Data::Structure(items) => ('{', '}', items),
        other => return text.push_str(&data_text(other)),
    };
    text.push(open);
    for (place, item) in items.iter().enumerate() {
        // What is not shown need not be made.
        if text.len() > 4 * COSEM_WORDS_MAX {
            break;
        }
        if place > 0 {
            text.push_str(", ");
        }
        write_parts(item, text);
    }
    text.push(close);
}

fn listed(data: &Data, one: fn(&Data) -> Option<String>) -> Option<String> {
    let Data::Array(items) = data else {
        return None;
    };
    if items.is_empty() {
        return Some("none".to_owned());
    }
    let words: Option<Vec<String>> = items.iter().map(one).collect();
    Some(words?.join("; "))
}

fn scaler(data: &Data) -> Option<String> {
    let [exponent, code] = data.items()? else {
        return None;
    };
    let (exponent, code) = (exponent.integer()?, u8::try_from(code.integer()?).ok()?);
    let unit = Unit::from_code(code).map(|unit| unit.symbol().to_owned());
    let unit = unit.unwrap_or_else(|| format!("unit {code}"));
    Some(match exponent {
        0 => format!("1 {unit}"),
        exponent => format!("10^{exponent} {unit}"),
    })
}

fn time(data: &Data) -> Option<String> {
    let read = data.date_time()?.ok()?;
    Some(date_and_time(&read))
}

/// `2026-04-01 00:00:00`; what is not given is a star.
fn date_and_time(read: &DateTime) -> String {
    let pair =
        |value: Option<u8>| value.map_or_else(|| "*".to_owned(), |value| format!("{value:02}"));
    format!(
        "{} {}:{}:{}",
        date(DayDate {
            year: read.year,
            month: read.month,
            day: read.day,
            weekday: read.weekday,
        }),
        pair(read.hour),
        pair(read.minute),
        pair(read.second)
    )
}

fn date(read: DayDate) -> String {
    let pair =
        |value: Option<u8>| value.map_or_else(|| "*".to_owned(), |value| format!("{value:02}"));
    let year = read
        .year
        .map_or_else(|| "*".to_owned(), |year| year.to_string());
    let month = match read.month {
        Some(0xfd) => "end of summer time".to_owned(),
        Some(0xfe) => "begin of summer time".to_owned(),
        month => pair(month),
    };
    let day = match read.day {
        Some(0xfd) => "last but one".to_owned(),
        Some(0xfe) => "last".to_owned(),
        day => pair(day),
    };
    let weekday = read
        .weekday
        .and_then(|day| WEEKDAYS.get(usize::from(day).checked_sub(1)?));
    let weekday = weekday.map_or_else(String::new, |name| format!(" {name}"));
    format!("{year}-{month}-{day}{weekday}")
}

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

fn obis(data: &Data) -> Option<String> {
    let groups: [u8; 6] = data.octets()?.try_into().ok()?;
    Some(Obis::new(groups).to_string())
}

/// A name: characters where it has some, else digits.
fn name(octets: Vec<u8>) -> String {
    data_text(&Data::OctetString(octets))
}

fn column(data: &Data) -> Option<String> {
    let [class, name, attribute, ..] = data.items()? else {
        return None;
    };
    Some(format!(
        "{} class {} attribute {}",
        obis(name)?,
        class.integer()?,
        attribute.integer()?
    ))
}

fn season(data: &Data) -> Option<String> {
    let season = Season::decode(data).ok()?;
    Some(format!(
        "{} from {} week {}",
        name(season.name),
        date_and_time(&season.start),
        name(season.week)
    ))
}

fn week(data: &Data) -> Option<String> {
    let week = WeekPlan::decode(data).ok()?;
    let days = WEEKDAYS.iter().zip(week.days);
    let days: Vec<String> = days
        .map(|(weekday, day)| format!("{weekday} day {day}"))
        .collect();
    Some(format!("{}: {}", name(week.name), days.join(", ")))
}

fn day(data: &Data) -> Option<String> {
    let day = DayPlan::decode(data).ok()?;
    let actions: Vec<String> = day.actions.iter().map(action).collect();
    Some(format!("day {}: {}", day.id, actions.join(", ")))
}

/// `06:00 script 1 of 0-0:10.0.100`.
fn action(action: &DayAction) -> String {
    let [hour, minute, ..] = action.start;
    let (script, table) = (action.selector, Obis::new(action.script.0));
    format!("{hour:02}:{minute:02} script {script} of {table}")
}

fn special_day(data: &Data) -> Option<String> {
    let special = SpecialDay::decode(data).ok()?;
    let (when, day) = (date(special.date), special.day);
    Some(format!("{}: {when} day {day}", special.index))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlms::codec::LogicalName;
    use proptest::prelude::*;

    fn at(class: u16, number: i8) -> Attribute {
        Attribute {
            class,
            name: LogicalName::CLOCK,
            number,
        }
    }

    fn octets(octets: &[u8]) -> Data {
        Data::OctetString(octets.to_vec())
    }

    #[track_caller]
    fn check(class: u16, number: i8, data: Data, expected: &str) {
        assert_eq!(attribute_words(at(class, number), &data), expected);
        // Another form is shown as it is, and none is left out.
        let strange = Data::Array(vec![data, Data::Unsigned(7)]);
        assert!(attribute_words(at(class, number), &strange).ends_with(", 7]"));
    }

    #[test]
    fn a_calendar_is_told_in_words() {
        let start = [0xff, 0xff, 4, 1, 0xff, 0, 0, 0, 0, 0x80, 0, 0xff];
        let one = Data::Structure(vec![octets(b"summer"), octets(&start), octets(b"w1")]);
        let words = "summer from *-04-01 00:00:00 week w1";
        check(20, 7, Data::Array(vec![one]), words);
        let mut days = vec![octets(&[1])];
        days.extend((1..=7).map(|day| Data::Unsigned(if day < 6 { 1 } else { 2 })));
        let words =
            "01: Mon day 1, Tue day 1, Wed day 1, Thu day 1, Fri day 1, Sat day 2, Sun day 2";
        check(20, 4, Data::Array(vec![Data::Structure(days)]), words);
        let table = octets(&[0, 0, 10, 0, 100, 255]);
        let action = |hour, script| {
            let start = octets(&[hour, 0, 0, 0]);
            Data::Structure(vec![start, table.clone(), Data::LongUnsigned(script)])
        };
        let actions = Data::Array(vec![action(6, 1), action(22, 2)]);
        let day = Data::Structure(vec![Data::Unsigned(1), actions]);
        let words = "day 1: 06:00 script 1 of 0-0:10.0.100, 22:00 script 2 of 0-0:10.0.100";
        check(20, 5, Data::Array(vec![day]), words);
        let when = octets(&[0xff, 0xff, 12, 25, 0xff]);
        let special = Data::Structure(vec![Data::LongUnsigned(3), when, Data::Unsigned(2)]);
        check(11, 2, Data::Array(vec![special]), "3: *-12-25 day 2");
        check(11, 2, Data::Array(Vec::new()), "none");
    }

    #[test]
    fn a_profile_and_its_units_are_told_in_words() {
        let column = Data::Structure(vec![
            Data::LongUnsigned(3),
            octets(&[1, 0, 1, 8, 0, 255]),
            Data::Integer(2),
            Data::LongUnsigned(0),
        ]);
        check(
            7,
            3,
            Data::Array(vec![column]),
            "1-0:1.8.0 class 3 attribute 2",
        );
        let scaler = Data::Structure(vec![Data::Integer(-1), Data::Enum(35)]);
        check(3, 3, scaler, "10^-1 V");
        let nested = Data::Structure(vec![Data::Unsigned(1), Data::Array(vec![Data::Null])]);
        check(9, 2, nested, "{1, [nothing]}");
    }

    #[test]
    fn a_long_value_is_cut() {
        let long = Data::Array(vec![Data::Unsigned(200); 5000]);
        let text = attribute_words(at(1, 2), &long);
        assert!(text.ends_with('…') && text.chars().count() <= COSEM_WORDS_MAX + 2);
    }

    proptest! {
        #[test]
        fn no_value_makes_it_panic(octets: Vec<u8>, class in 0_u16..25, number in 0_i8..12) {
            if let Ok(data) = dlms::codec::decode_all(&octets) {
                attribute_words(at(class, number), &data);
            }
        }
    }
}
