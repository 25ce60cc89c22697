use super::*;
use crate::catalogue::dlms::WritingModel;
use dlms::codec::{Data, DateTime, LogicalName, decode_all};
use proptest::collection::vec;
use proptest::prelude::*;

const SCRIPTS: LogicalName = LogicalName([0, 0, 10, 0, 100, 255]);

/// 1 January of each year.
fn new_year() -> DateTime {
    DateTime {
        month: Some(1),
        day: Some(1),
        hour: Some(0),
        minute: Some(0),
        second: Some(0),
        hundredths: Some(0),
        ..NO_TIME
    }
}

fn at(hour: u8, selector: u16) -> DayAction {
    DayAction {
        start: [hour, 0, 0, 0],
        script: SCRIPTS,
        selector,
    }
}

fn calendar() -> CalendarPart {
    CalendarPart {
        name: b"T1".to_vec(),
        seasons: vec![Season {
            name: b"Y".to_vec(),
            start: new_year(),
            week: b"W".to_vec(),
        }],
        weeks: vec![WeekPlan {
            name: b"W".to_vec(),
            days: [1, 1, 1, 1, 1, 2, 2],
        }],
        days: vec![
            DayPlan {
                id: 1,
                actions: vec![at(0, 2), at(6, 1)],
            },
            DayPlan {
                id: 2,
                actions: vec![at(0, 2)],
            },
        ],
    }
}

fn scripts() -> Vec<Script> {
    let script = |id: u16, mask: &[u8]| Script {
        id,
        actions: vec![ScriptAction {
            service: ScriptService::Write,
            class: 6,
            name: LogicalName([0, 0, 14, 0, 0, 255]),
            index: 4,
            parameter: Data::OctetString(mask.to_vec()),
        }],
    };
    vec![script(1, b"hi"), script(2, b"lo")]
}

fn special_day() -> SpecialDay {
    SpecialDay {
        index: 7,
        date: DayDate {
            year: None,
            month: Some(12),
            day: Some(25),
            weekday: None,
        },
        day: 2,
    }
}

fn registers() -> RegisterActivation {
    let register = |rate| TariffRegister {
        class: 3,
        name: LogicalName([1, 0, 1, 8, rate, 255]),
    };
    let mask = |name: &[u8], place| Mask {
        name: name.to_vec(),
        registers: vec![place],
    };
    RegisterActivation {
        registers: vec![register(1), register(2)],
        masks: vec![mask(b"hi", 1), mask(b"lo", 2)],
        active: Some(b"lo".to_vec()),
    }
}

#[track_caller]
fn octets(data: &Data, hex: &str) {
    let found: Vec<String> = data
        .encode()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    assert_eq!(found.concat(), hex.replace(' ', ""));
}

/// Written down from the classes of the Blue Book, apart from the encoder.
#[test]
fn tables_have_the_octets_that_the_classes_say() {
    let calendar = calendar();
    octets(&calendar.field(CalendarField::Name), "0902 5431");
    octets(
        &calendar.field(CalendarField::Seasons),
        "0101 0203 0901 59 090c ffff0101ff00000000 8000ff 0901 57",
    );
    octets(
        &calendar.field(CalendarField::Weeks),
        "0101 0208 0901 57 1101 1101 1101 1101 1101 1102 1102",
    );
    octets(
        &calendar.field(CalendarField::Days),
        "0102 0202 1101 0102 0203 0904 00000000 0906 00000a0064ff 120002 \
         0203 0904 06000000 0906 00000a0064ff 120001 \
         0202 1102 0101 0203 0904 00000000 0906 00000a0064ff 120002",
    );
    octets(
        &SpecialDay::encode_all(&[special_day()]),
        "0101 0203 120007 0905 ffff0c19ff 1102",
    );
    octets(
        &Script::encode_all(&scripts()[..1]),
        "0101 0202 120001 0101 0205 1601 120006 0906 00000e0000ff 0f04 0902 6869",
    );
    let registers = registers();
    let field = |field| registers.field(field).unwrap();
    octets(
        &field(RegisterField::Registers),
        "0102 0202 120003 0906 0100010801ff 0202 120003 0906 0100010802ff",
    );
    octets(
        &field(RegisterField::Masks),
        "0102 0202 0902 6869 0101 1101 0202 0902 6c6f 0101 1102",
    );
    octets(&field(RegisterField::Active), "0902 6c6f");
    octets(
        &Data::OctetString(NO_TIME.encode().to_vec()),
        "090c ffffffffffffffffff8000ff",
    );
}

#[test]
fn what_is_no_table_is_refused() {
    let wrong = Data::Structure(vec![Data::LongUnsigned(1)]);
    let told = SpecialDay::decode_all(&Data::Array(vec![wrong.clone()])).unwrap_err();
    assert!(
        told.to_string()
            .starts_with("a special day is `structure of 1`")
    );
    assert!(Script::decode_all(&wrong).is_err());
    assert!(CalendarPart::decode(|_| &wrong).is_err());
    assert!(RegisterActivation::decode(|_| &wrong).is_err());
    let service = Data::Array(vec![Data::Structure(vec![
        Data::LongUnsigned(1),
        Data::Array(vec![Data::Structure(vec![
            Data::Enum(3),
            Data::LongUnsigned(6),
            Data::OctetString(vec![0; 6]),
            Data::Integer(4),
            Data::Null,
        ])]),
    ])]);
    assert!(Script::decode_all(&service).is_err());
}

/// Turns one thing in a whole tariff and expects these complaints.
#[track_caller]
fn check_tariff(
    turn: impl FnOnce(
        &mut CalendarPart,
        &mut Vec<SpecialDay>,
        &mut RegisterActivation,
        &mut WritingModel,
    ),
    expected: &[&str],
) {
    let (mut calendar, mut days) = (calendar(), vec![special_day()]);
    let (mut registers, mut model) = (registers(), WritingModel::unknown());
    turn(&mut calendar, &mut days, &mut registers, &mut model);
    let scripts = scripts();
    let set = TariffSet {
        calendar: Some(&calendar),
        special_days: Some(&days),
        scripts: Some((SCRIPTS, &scripts)),
        registers: Some(&registers),
    };
    let told: Vec<String> = check(&set, &model)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn a_sound_tariff_has_no_complaints() {
    check_tariff(|_, _, _, _| {}, &[]);
}

#[test]
fn what_does_not_fit_together_is_told_before_anything_is_sent() {
    check_tariff(
        |calendar, _, _, _| calendar.seasons[0].week = b"V".to_vec(),
        &["season Y: there is no week V; add it, or correct the season"],
    );
    check_tariff(
        |calendar, _, _, _| calendar.weeks[0].days[6] = 9,
        &["week W: there is no day 9; add it, or correct the week"],
    );
    check_tariff(
        |calendar, _, _, _| calendar.days.push(calendar.days[0].clone()),
        &["day 1: it stands there twice; remove one, or rename it"],
    );
    check_tariff(
        |calendar, _, _, _| calendar.days[0].actions.reverse(),
        &["day 1: its switching times do not follow each other; put them in order, each once"],
    );
    check_tariff(
        |calendar, _, _, _| calendar.days[0].actions[1].start = [24, 0, 0, 0],
        &["day 1: 24:00:00 is no time of a day; use 00:00:00 to 23:59:59"],
    );
    check_tariff(
        |calendar, _, _, _| calendar.days[1].actions[0].selector = 5,
        &["day 2: there is no script 5; add it, or correct the day"],
    );
    check_tariff(
        |calendar, _, _, _| calendar.seasons.clear(),
        &["the calendar: it has no season; add one that begins on 1 January"],
    );
    check_tariff(
        |calendar, _, _, _| calendar.seasons[0].start.month = None,
        &["season Y: nobody knows when it begins; give at least month and day"],
    );
    check_tariff(
        |_, days, _, _| days[0].day = 3,
        &["special day 7: there is no day 3; add it to the calendar, or correct the special day"],
    );
    check_tariff(
        |_, days, _, _| days.push(special_day()),
        &[
            "special day 7: it stands there twice; remove one, or rename it",
            "the date of special day 7: it stands there twice; remove one, or rename it",
        ],
    );
    check_tariff(
        |_, _, registers, _| registers.masks[0].registers = vec![3],
        &["choice hi: there is no register 3; add it, or correct the choice"],
    );
    check_tariff(
        |_, _, registers, _| registers.active = Some(b"x".to_vec()),
        &["the choice in force: there is no choice x; name one of the choices"],
    );
}

#[test]
fn what_a_model_says_of_its_meters_counts_and_what_it_does_not_say_does_not() {
    check_tariff(
        |calendar, _, _, model| {
            model.switches = Some(1);
            model.name_octets = Some(2);
            calendar.name = b"long".to_vec();
        },
        &[
            "the calendar: a name of 4 octets, and at most 2 fit; use a shorter one \
             (`writing.name-octets`)",
            "day 1: 2 entries, and such a meter takes 1; use fewer (`writing.switches`)",
        ],
    );
    check_tariff(
        |calendar, _, _, model| {
            model.starts_at_midnight = Some(true);
            calendar.days[1].actions[0].start = [0, 15, 0, 0];
        },
        &[
            "day 2: it does not begin at 00:00; add a switching time at 00:00 \
           (`writing.starts-at-midnight`)",
        ],
    );
    check_tariff(
        |_, days, _, model| {
            model.special_days = Some(1);
            let mut other = special_day();
            (other.index, other.date.day) = (8, Some(26));
            days.push(other);
        },
        &[
            "the special days: 2 entries, and such a meter takes 1; use fewer \
           (`writing.special-days`)",
        ],
    );
}

fn any_name() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..9)
}

fn any_calendar() -> impl Strategy<Value = CalendarPart> {
    let action = (any::<[u8; 4]>(), any::<[u8; 6]>(), any::<u16>());
    let action = action.prop_map(|(start, script, selector)| DayAction {
        start,
        script: LogicalName(script),
        selector,
    });
    let day = (any::<u8>(), vec(action, 0..5)).prop_map(|(id, actions)| DayPlan { id, actions });
    let week = (any_name(), any::<[u8; 7]>()).prop_map(|(name, days)| WeekPlan { name, days });
    let season = (any_name(), 1..=12_u8, 1..=28_u8, any_name());
    let season = season.prop_map(|(name, month, day, week)| Season {
        name,
        start: DateTime {
            month: Some(month),
            day: Some(day),
            ..NO_TIME
        },
        week,
    });
    let parts = (
        any_name(),
        vec(season, 0..4),
        vec(week, 0..4),
        vec(day, 0..4),
    );
    parts.prop_map(|(name, seasons, weeks, days)| CalendarPart {
        name,
        seasons,
        weeks,
        days,
    })
}

/// Through octets, as it goes to a meter and comes back.
fn sent(data: &Data) -> Data {
    decode_all(&data.encode()).unwrap()
}

proptest! {
    #[test]
    fn a_calendar_comes_back_as_it_was_written(calendar in any_calendar()) {
        let fields = CalendarField::ALL.map(|field| (field, sent(&calendar.field(field))));
        let of = |field| &fields.iter().find(|one| one.0 == field).unwrap().1;
        prop_assert_eq!(CalendarPart::decode(of), Ok(calendar));
    }

    #[test]
    fn tables_come_back_as_they_were_written(
        days in vec((any::<u16>(), 1..=12_u8, 1..=31_u8, any::<u8>()), 0..6),
        ids in vec(any::<u16>(), 0..5),
        masks in vec((any_name(), vec(any::<u8>(), 0..5)), 0..5),
    ) {
        let special = |(index, month, day, plan): (u16, u8, u8, u8)| SpecialDay {
            index,
            date: DayDate { year: Some(2027), month: Some(month), day: Some(day), weekday: None },
            day: plan,
        };
        let days: Vec<SpecialDay> = days.into_iter().map(special).collect();
        prop_assert_eq!(SpecialDay::decode_all(&sent(&SpecialDay::encode_all(&days))), Ok(days));
        let actions = scripts()[0].actions.clone();
        let many: Vec<Script> = ids.into_iter()
            .map(|id| Script { id, actions: actions.clone() })
            .collect();
        prop_assert_eq!(Script::decode_all(&sent(&Script::encode_all(&many))), Ok(many));
        let masks = masks.into_iter().map(|(name, registers)| Mask { name, registers });
        let activation = RegisterActivation { masks: masks.collect(), ..registers() };
        let fields = RegisterField::ALL
            .map(|field| (field, sent(&activation.field(field).unwrap())));
        let of = |field| &fields.iter().find(|one| one.0 == field).unwrap().1;
        prop_assert_eq!(RegisterActivation::decode(of), Ok(activation));
    }
}
