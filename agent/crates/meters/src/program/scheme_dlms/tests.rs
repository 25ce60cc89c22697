use super::*;
use crate::catalogue::dlms::WritingModel;
use crate::cosem::{Mask, ScriptAction, TariffRegister};
use metering::scheme::{DayType, Deferred, Exclusion, Label, MonthDay};

const ACTIVATION: LogicalName = LogicalName([0, 0, 14, 0, 0, 255]);

fn label(text: &str) -> Label {
    text.parse().unwrap()
}

fn rates(list: &[u8]) -> RateSet {
    list.iter()
        .fold(RateSet::NONE, |set, rate| set.with(*rate).unwrap())
}

fn calendar() -> Calendar {
    let switch = |hour, rate: u8| Switch {
        at: TimeOfDay::new(hour, 0).unwrap(),
        energy: rates(&[rate]),
        demand: RateSet::NONE,
    };
    let day = |name, switches: &[(u8, u8)]| DayType {
        name: label(name),
        switches: switches
            .iter()
            .map(|(hour, rate)| switch(*hour, *rate))
            .collect(),
    };
    let week = |name: &str| WeekMap {
        days: [name, name, name, name, name, "weekend", "weekend"].map(|day| Some(label(day))),
    };
    let season = |name, month, day| metering::scheme::Season {
        name: label(name),
        start: SeasonStart::Yearly(MonthDay::new(month, 1).unwrap()),
        week: week(day),
    };
    Calendar {
        name: label("TOU-2027"),
        seasons: vec![season("summer", 4, "work"), season("winter", 10, "work")],
        day_types: vec![
            day("work", &[(0, 2), (7, 1), (20, 2)]),
            day("weekend", &[(0, 2)]),
        ],
        exclusions: vec![Exclusion {
            date: ExclusionDate::Yearly(MonthDay::new(12, 25).unwrap()),
            day_type: label("weekend"),
        }],
        ..Calendar::default()
    }
}

/// A script lets one rate of two energies count; both numbers are turned, so that neither is the other.
fn scripts() -> (Vec<Script>, RegisterActivation) {
    let script = |(id, mask): (u16, &[u8; 2])| Script {
        id,
        actions: vec![ScriptAction {
            service: ScriptService::Write,
            class: 6,
            name: ACTIVATION,
            index: 4,
            parameter: Data::OctetString(mask.to_vec()),
        }],
    };
    let register = |(quantity, rate)| TariffRegister {
        class: 3,
        name: LogicalName([1, 0, quantity, 8, rate, 255]),
    };
    let mask = |name: &[u8; 2], places: [u8; 2]| Mask {
        name: name.to_vec(),
        registers: places.to_vec(),
    };
    let activation = RegisterActivation {
        registers: [(1, 1), (1, 2), (2, 1), (2, 2)].map(register).to_vec(),
        masks: vec![mask(b"HI", [1, 3]), mask(b"LO", [2, 4])],
        active: None,
    };
    ((11..).zip([b"LO", b"HI"]).map(script).collect(), activation)
}

fn compiled(scheme: &Scheme) -> Result<Program, Vec<Misfit>> {
    let (scripts, activation) = scripts();
    let ground = DlmsTariffGround {
        meter: "1",
        calendar: LogicalName([0, 0, 13, 0, 0, 255]),
        special_days: LogicalName([0, 0, 11, 0, 0, 255]),
        clock: None,
        scripts: (LogicalName([0, 0, 10, 0, 100, 255]), &scripts),
        registers: &activation,
    };
    scheme_program(scheme, ground)
}

#[test]
fn a_calendar_becomes_seasons_weeks_days_and_the_scripts_of_its_rates() {
    let (scripts, activation) = scripts();
    let ground = DlmsTariffGround {
        meter: "1",
        calendar: LogicalName([0, 0, 13, 0, 0, 255]),
        special_days: LogicalName([0, 0, 11, 0, 0, 255]),
        clock: None,
        scripts: (LogicalName([0, 0, 10, 0, 100, 255]), &scripts),
        registers: &activation,
    };
    let mut misfits = Vec::new();
    let part = calendar_part(&calendar(), ground, &mut misfits);
    assert_eq!(misfits, []);
    assert_eq!(part.name, b"TOU-2027");
    assert_eq!(part.seasons.len(), 2);
    assert_eq!(part.seasons[0].start.month, Some(4));
    assert_eq!(part.seasons[0].start.year, None);
    // Both seasons have the same week, which is written once.
    assert_eq!(part.weeks.len(), 1);
    assert_eq!(part.weeks[0].days, [1, 1, 1, 1, 1, 2, 2]);
    let switches: Vec<([u8; 4], u16)> = part.days[0]
        .actions
        .iter()
        .map(|action| (action.start, action.selector))
        .collect();
    // Rate 1 is the script with the number 12 here.
    assert_eq!(
        switches,
        [([0; 4], 11), ([7, 0, 0, 0], 12), ([20, 0, 0, 0], 11)]
    );
    let scheme = Scheme {
        calendar: Some(calendar()),
        ..Scheme::default()
    };
    let plan = compiled(&scheme)
        .unwrap()
        .plan(&WritingModel::unknown(), None);
    assert!(plan.is_ok(), "{plan:?}");
}

#[test]
fn what_a_meter_cannot_hold_is_told_with_its_place() {
    #[track_caller]
    fn check(change: impl FnOnce(&mut Calendar), words: &str) {
        let mut calendar = calendar();
        change(&mut calendar);
        let scheme = Scheme {
            calendar: Some(calendar),
            ..Scheme::default()
        };
        let told = compiled(&scheme).unwrap_err();
        assert!(told[0].to_string().contains(words), "{told:?}");
    }
    check(
        |all| all.day_types[0].switches[1].energy = rates(&[3]),
        "day work at 07:00: no script",
    );
    check(
        |all| all.day_types[0].switches[1].energy = rates(&[1, 2]),
        "energy 1+2",
    );
    check(
        |all| all.day_types[0].switches[1].demand = rates(&[1]),
        "demand 1",
    );
    check(
        |all| all.seasons[0].start = SeasonStart::DstBegins,
        "season summer: not every meter",
    );
    check(
        |all| all.seasons[0].week.days[6] = None,
        "sunday: a season does not say",
    );
    check(
        |all| all.exclusions[0].day_type = label("other"),
        "exclusion 12-25: there is no kind",
    );
    let both = Scheme {
        calendar: Some(calendar()),
        deferred: Some(Deferred {
            calendar: calendar(),
            ..Deferred::default()
        }),
        ..Scheme::default()
    };
    assert!(compiled(&both).is_err());
    assert!(compiled(&Scheme::default()).is_err());
}

#[test]
fn summer_time_is_written_as_the_standard_has_it() {
    let edge_of = |week, month| DstEdge {
        week,
        weekday: Weekday::Sunday,
        month,
        hour: 2,
    };
    let last = edge(edge_of(WeekOfMonth::Last, 3)).unwrap();
    assert_eq!(
        (last.month, last.day, last.weekday, last.hour),
        (Some(3), Some(0xfe), Some(7), Some(2))
    );
    let second = edge(edge_of(WeekOfMonth::Second, 11)).unwrap();
    assert_eq!((second.day, second.year), (Some(8), None));
    assert!(edge(edge_of(WeekOfMonth::First, 13)).is_none());
}
