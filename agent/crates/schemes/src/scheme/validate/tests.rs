use super::super::{parse_scheme, tests::shipped};
use super::*;
use metering::scheme::{
    BillingDate, Communications, Deferred, Label, ProfileCapacity, ProfilePlan, RateSet, Season,
    SeasonStart, Window,
};

fn seasonal() -> Scheme {
    let text = include_str!("../../../../../../config/schemes/seasonal-three-rate.toml");
    parse_scheme("x", text).unwrap()
}

fn today() -> CivilDate {
    "2026-11-29".parse().unwrap()
}

fn model() -> Capability {
    Capability {
        model: "elster-a1700".to_owned(),
        sources: Some(vec![
            "1-0:1.8.0".parse().unwrap(),
            "1-0:3.8.0".parse().unwrap(),
        ]),
        tou_registers: Some(32),
        md_registers: Some(8),
        profile_capacity: Some(ProfileCapacity {
            days: 450,
            channels: 1,
            period_minutes: 30,
        }),
        season_on_first_january: Some(true),
        ..Capability::default()
    }
}

/// What is found after a change, beside what the shipped scheme is told anyway.
#[track_caller]
fn check(change: impl FnOnce(&mut Scheme, &mut Capability), expected: &[&str]) {
    let (mut scheme, mut model) = (seasonal(), model());
    let before = validate(&scheme, &model, today());
    change(&mut scheme, &mut model);
    let found = validate(&scheme, &model, today());
    let new = found.iter().filter(|finding| !before.contains(finding));
    let told: Vec<String> = new
        .map(|finding| format!("{:?} {finding}", finding.severity))
        .collect();
    assert_eq!(told, expected);
}

fn calendar(scheme: &mut Scheme) -> &mut metering::scheme::Calendar {
    scheme.calendar.as_mut().unwrap()
}

#[test]
fn shipped_schemes_may_be_transferred() {
    for (name, text) in shipped() {
        let scheme = parse_scheme(&name, &text).unwrap();
        let findings = validate(&scheme, &Capability::default(), today());
        assert!(may_be_transferred(&findings), "{name}: {findings:?}");
        let bad = |one: &&Finding| one.severity > FindingSeverity::Note;
        assert_eq!(findings.iter().find(bad), None, "{name}");
    }
    let findings = validate(&seasonal(), &model(), today());
    let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
    let days = "load-profile: you get 225 days; let the gateway read more often than that";
    assert_eq!(told, [days]);
}

#[test]
fn gaps_and_overlaps_of_the_year_are_found() {
    check(
        |scheme, model| {
            model.season_on_first_january = None;
            let seasons = &mut calendar(scheme).seasons;
            seasons.truncate(1);
            seasons[0].start = SeasonStart::Once("2027-02-01".parse().unwrap());
        },
        &[
            "Note calendar.season: no season begins on 1 January, so the last one goes on until another begins; add one that begins on 01-01, if the meter wants one",
            "Error calendar.season: from 2026-11-29 to 2027-01-31 there is no season; add one that begins on 01-01, or earlier",
            "Warning calendar.day-type[warm]: nothing uses it; name it in a week or at an exclusion date, or remove it",
        ],
    );
    check(
        |scheme, _| {
            let mut spring = calendar(scheme).seasons[0].clone();
            spring.name = "spring".parse().unwrap();
            spring.start = SeasonStart::Yearly("03-28".parse().unwrap());
            calendar(scheme).seasons.push(spring);
        },
        &[
            "Error calendar.season[spring].start: it and summer both begin on 2027-03-28; let one begin on another day",
        ],
    );
    check(
        |scheme, _| {
            let old = Season {
                name: "old".parse().unwrap(),
                start: SeasonStart::Once("2020-05-01".parse().unwrap()),
                week: calendar(scheme).seasons[0].week.clone(),
            };
            calendar(scheme).seasons.push(old);
        },
        &[
            "Warning calendar.season[old].start: it is not in force on any day of the next 10 years; correct its date, or remove it",
        ],
    );
}

#[test]
fn seasons_that_a_meter_cannot_begin_are_found() {
    check(
        |scheme, _| calendar(scheme).dst = None,
        &[
            "Error calendar.season[summer].start: there is no rule to follow; add the table dst, or give a date",
            "Error calendar.season[autumn].start: there is no rule to follow; add the table dst, or give a date",
            "Warning calendar.season[summer].start: it is not in force on any day of the next 10 years; correct its date, or remove it",
            "Warning calendar.season[autumn].start: it is not in force on any day of the next 10 years; correct its date, or remove it",
        ],
    );
    check(
        |scheme, model| {
            model.seasons_follow_dst = Some(false);
            calendar(scheme).seasons.remove(2);
        },
        &[
            "Error calendar.season[summer].start: seasons of such a meter do not follow daylight saving time; give a date",
        ],
    );
    check(
        |scheme, _| {
            calendar(scheme).seasons[0].start = SeasonStart::Yearly("02-29".parse().unwrap());
        },
        &[
            "Error calendar.season[winter].start: that day comes in leap years only; choose 02-28 or 03-01",
            "Error calendar.season: no season begins on 1 January, so the last one goes on until another begins; add one that begins on 01-01, if the meter wants one",
        ],
    );
}

#[test]
fn missing_days_and_unknown_day_types_are_found() {
    check(
        |scheme, _| {
            let week = &mut calendar(scheme).seasons[1].week;
            week.days[2] = None;
            week.days[6] = Some("festive".parse().unwrap());
        },
        &[
            "Error calendar.season[summer].week.wednesday: the day is missing; name a day type",
            "Error calendar.season[summer].week.sunday: there is no day type festive; add it, or correct the name",
        ],
    );
}

#[test]
fn switching_times_rise_from_midnight_and_keep_their_distance() {
    let at = |index: usize, time: &'static str| {
        move |scheme: &mut Scheme, _: &mut Capability| {
            calendar(scheme).day_types[0].switches[index].at = time.parse().unwrap();
        }
    };
    check(
        at(0, "00:30"),
        &[
            "Error calendar.day-type[cold]: nothing is said of 00:00 to 00:30; let the first switching time be 00:00",
        ],
    );
    check(
        at(3, "16:00"),
        &[
            "Error calendar.day-type[cold].switch[16:00]: it stands behind 16:00; let switching times rise, each once",
        ],
    );
    check(
        at(3, "08:00"),
        &[
            "Error calendar.day-type[cold].switch[08:00]: it stands behind 16:00; let switching times rise, each once",
        ],
    );
    check(
        |scheme, model| {
            model.switch_spacing_minutes = Some(30);
            model.switch_step_minutes = Some(15);
            at(3, "16:10")(scheme, model);
        },
        &[
            "Error calendar.day-type[cold].switch[16:10]: it follows 16:00 by less than 30 minutes; keep that much between them",
            "Error calendar.day-type[cold].switch[16:10]: such a meter switches at multiples of 15 minutes; choose one of these times",
        ],
    );
    check(
        |scheme, _| calendar(scheme).day_types[2].switches[0].energy = RateSet::NONE,
        &[
            "Warning calendar.day-type[rest].switch[00:00]: no rate of energy is active; add one, unless nothing is to be counted",
        ],
    );
    check(
        |scheme, _| calendar(scheme).day_types[2].switches.clear(),
        &["Error calendar.day-type[rest]: it has no switching time; add one at 00:00"],
    );
}

#[test]
fn exclusion_dates_that_passed_or_stand_there_twice_are_found() {
    check(
        |scheme, _| {
            let dates = &mut calendar(scheme).exclusions;
            dates[3].date = dates[4].date;
            dates[5].date = metering::scheme::ExclusionDate::Once("2026-11-28".parse().unwrap());
            dates[6].day_type = "none".parse().unwrap();
        },
        &[
            "Error calendar.exclusion[2027-03-29]: it stands there twice; remove one of them, or change it",
            "Warning calendar.exclusion[2026-11-28]: the date has passed; remove it; it takes the place of one that is still to come",
            "Error calendar.exclusion[2027-05-31].day-type: there is no day type none; add it, or correct the name",
        ],
    );
}

#[test]
fn more_than_the_model_holds_is_found() {
    check(
        |_, model| {
            model.seasons = Some(2);
            model.day_types = Some(2);
            model.switches_per_day = Some(4);
            model.switches = Some(8);
            model.exclusion_dates = Some(9);
            model.rates = Some(2);
            model.tou_registers = Some(2);
            model.profile_channels = Some(1);
            model.md_registers = Some(1);
        },
        &[
            "Error tou-register: 3 registers by rate, and such a meter holds 2; use fewer, or another model",
            "Error demand: 2 registers for maxima, and such a meter holds 1; use fewer, or another model",
            "Error load-profile: 2 channels, and such a meter holds 1; use fewer, or another model",
            "Error calendar: 3 seasons, and such a meter holds 2; use fewer, or another model",
            "Error calendar: 3 day types, and such a meter holds 2; use fewer, or another model",
            "Error calendar: 5 switches of a day type, and such a meter holds 4; use fewer, or another model",
            "Error calendar: 9 switches of all day types, and such a meter holds 8; use fewer, or another model",
            "Error calendar: 10 exclusion dates, and such a meter holds 9; use fewer, or another model",
            "Error calendar: 3 rates, and such a meter holds 2; use fewer, or another model",
            "Error tou-register.[3]: such a meter has numbers 1 to 2; choose one of these",
            "Error demand.[2]: such a meter has numbers 1 to 1; choose one of these",
        ],
    );
}

#[test]
fn a_demand_period_divides_an_hour_and_is_divided_by_its_sub_periods() {
    let demand = |scheme: &mut Scheme, period, window, sub_periods| {
        let page = scheme.demand.as_mut().unwrap();
        page.period_minutes = period;
        page.window = window;
        page.sub_periods = sub_periods;
    };
    check(
        |scheme, _| demand(scheme, 45, Window::Fixed, None),
        &[
            "Error demand.period-minutes: 45 minutes do not divide an hour; use 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30 or 60",
        ],
    );
    check(
        |scheme, _| demand(scheme, 30, Window::Sliding, Some(4)),
        &[
            "Error demand.sub-periods: 4 sub-periods do not divide 30 minutes into whole ones; use a number from 2 on that divides the period",
        ],
    );
    check(
        |scheme, _| demand(scheme, 30, Window::Sliding, Some(6)),
        &[],
    );
    check(
        |scheme, _| demand(scheme, 30, Window::Sliding, None),
        &[
            "Error demand.sub-periods: a sliding period has sub-periods; say into how many sub-periods it is divided",
        ],
    );
    check(
        |scheme, model| {
            demand(scheme, 20, Window::Fixed, Some(2));
            model.demand_periods_minutes = Some(vec![15, 30]);
        },
        &[
            "Error demand.period-minutes: such a meter has no demand period of 20 minutes; choose one of [15, 30]",
            "Error demand.sub-periods: a fixed period has none; remove the key, or let the window slide",
        ],
    );
}

#[test]
fn a_profile_tells_how_many_days_it_holds() {
    check(
        |scheme, _| scheme.profile.as_mut().unwrap().period_minutes = 15,
        &["Note load-profile: you get 112 days; let the gateway read more often than that"],
    );
    check(
        |scheme, _| scheme.profile.as_mut().unwrap().period_minutes = 10,
        &[
            "Error load-profile.days-wanted: you get 75 days, and 100 are wanted; use fewer channels, longer intervals, or fewer days",
        ],
    );
    check(
        |scheme, _| scheme.profile.as_mut().unwrap().channels.clear(),
        &[
            "Error load-profile.channels: there is none; name at least one OBIS code",
            "Note load-profile: nobody knows how many days such a meter keeps; look at the meter, and write it into its model file",
        ],
    );
}

#[test]
fn sources_that_are_not_there_and_loops_are_found() {
    use metering::scheme::{CustomerRegister, Term};
    let sum = |number: u8, sources: &[&str]| CustomerRegister {
        number,
        terms: sources
            .iter()
            .map(|source| Term {
                source: source.parse().unwrap(),
                ..Term::default()
            })
            .collect(),
    };
    check(
        |scheme, _| {
            scheme.tou[0].source = "1-0:2.8.0".parse().unwrap();
            scheme.customer = vec![
                sum(1, &["customer-2"]),
                sum(2, &["customer-3", "customer-1"]),
                sum(4, &["1-0:1.8.0", "1-0:3.8.0"]),
            ];
        },
        &[
            "Error customer-register.[1]: it is a part of itself; let it add up measured quantities",
            "Error customer-register.[2].term[customer-3]: there is no customer-3 in such a meter; define that register, or choose another source",
            "Error customer-register.[2]: it is a part of itself; let it add up measured quantities",
            "Error customer-register.[4]: it adds up Wh and varh; use quantities of one unit",
            "Error tou-register.[1].source: there is no 1-0:2.8.0 in such a meter; choose another source, or another model",
        ],
    );
}

#[test]
fn rates_without_register_and_registers_without_rate_are_found() {
    check(
        |scheme, _| {
            scheme.tou[1].rate = 7;
            scheme.tou[2].rate = 1;
        },
        &[
            "Warning tou-register: two registers count 1-0:1.8.0 in rate 1; leave one of them unused",
            "Warning tou-register.[2].rate: no switching time makes rate 7 active; correct the rate, or the calendar",
            "Warning tou-register: no register counts rate 2; add one, or correct the calendar",
            "Warning tou-register: no register counts rate 3; add one, or correct the calendar",
        ],
    );
}

#[test]
fn a_deferred_calendar_waits_for_a_day_after_the_transfer() {
    let defer = |scheme: &mut Scheme, date: &str| {
        scheme.deferred = Some(Deferred {
            date: date.parse().unwrap(),
            calendar: calendar(scheme).clone(),
            ..Deferred::default()
        });
    };
    check(|scheme, _| defer(scheme, "2026-11-30"), &[]);
    check(
        |scheme, model| {
            defer(scheme, "2026-11-29");
            model.deferred = Some(false);
        },
        &[
            "Error deferred: such a meter holds no calendar that waits; remove the page, and program the calendar on its day",
            "Error deferred.date: 2026-11-29 has come by 2026-11-29, the day of the transfer; choose a later date, or make it the page calendar",
        ],
    );
}

#[test]
fn the_other_pages_are_checked() {
    check(
        |scheme, model| {
            let billing = scheme.billing.as_mut().unwrap();
            billing.dates = vec![BillingDate::Once("2020-01-01".parse().unwrap())];
            billing.lockout_minutes = Some(5);
            model.baud_max = Some(9600);
            scheme.communications = Some(Communications {
                baud: Some(19_200),
                ..Communications::default()
            });
            scheme.indicators = Some(metering::scheme::Indicators {
                error_message: Some(false),
                error_icon: Some(false),
                ..Default::default()
            });
            scheme.displays = vec![metering::scheme::DisplayList::default(); 2];
            scheme.ratios = Some(metering::scheme::Ratios {
                ct_primary: Some(100),
                ..Default::default()
            });
            scheme.inputs = vec![metering::scheme::PulseInput {
                number: 1,
                pulse_value: Some("1,5".to_owned()),
                ..Default::default()
            }];
        },
        &[
            "Error ratios.ct-primary: one side of the transformer is missing; give both sides",
            "Warning ratios: other ratios change what readings of the past mean; read everything first, and tell whoever bills",
            "Warning billing.dates[2020-01-01]: the date has passed; remove it",
            "Error billing.lockout-minutes: it does not fit the lockout; give lockout-minutes with the lockout minutes, and with no other",
            "Error display.[default]: it stands there twice; remove one of them, or change it",
            "Error display.[default]: nothing is shown; add an item, or remove the list",
            "Error display.[default]: nothing is shown; add an item, or remove the list",
            "Warning indicators.error-icon: nobody at the meter sees its errors; show the message or the sign",
            "Error pulse-input.[1].pulse-value: `1,5` is no decimal number; write it as 0.1",
            "Error communications.baud: 19200 baud, and such a meter goes up to 9600; choose less",
            "Warning communications: a meter whose port was changed may not answer any more; it is written last; keep the way to the optical port in mind",
        ],
    );
}

#[test]
fn a_scheme_says_what_it_is_for() {
    use metering::scheme::Purpose;
    check(
        |scheme, model| {
            model.model = "elster-a1140".to_owned();
            scheme.purpose = Purpose::Both;
            scheme.time = TimeOrder::Set;
        },
        &[
            "Error general.meter-type: the scheme is for elster-a1700, and the meter is a elster-a1140; choose meters of that type, or copy the scheme and change the copy",
            "Error general.purpose: there is nothing to read; add the page reads, or set the purpose to program",
            "Warning general.time: a clock that is set makes a short or a long interval; prefer adjust; set is for clocks that are far off, and the profile is read first",
        ],
    );
    let findings = validate(
        &Scheme {
            purpose: Purpose::Program,
            ..Scheme::default()
        },
        &Capability::default(),
        today(),
    );
    assert_eq!(
        findings[0].to_string(),
        "general.purpose: there is nothing to program; add a page, or set the purpose to read"
    );
}

#[test]
fn a_change_that_clears_a_profile_is_told() {
    let scheme = seasonal();
    let mut meter = seasonal();
    assert_eq!(cleared_profiles(&scheme, &meter), []);
    meter.profile = Some(ProfilePlan {
        period_minutes: 15,
        days_wanted: None,
        channels: vec!["1-0:1.8.0".parse().unwrap()],
    });
    let told: Vec<String> = cleared_profiles(&scheme, &meter)
        .iter()
        .map(ToString::to_string)
        .collect();
    let remedy = "read the whole profile first; programming does that, and stops if it cannot";
    assert_eq!(
        told,
        [
            format!(
                "load-profile.period-minutes: 30 instead of 15 minutes clear the profile in the meter; {remedy}"
            ),
            format!(
                "load-profile.channels: other channels clear the profile in the meter; {remedy}"
            ),
        ]
    );
    meter.profile = None;
    assert!(!may_be_transferred(&cleared_profiles(&scheme, &meter)));
    assert_eq!(cleared_profiles(&Scheme::default(), &meter), []);
}

#[test]
fn a_clock_that_parts_from_its_zone_is_told_by_year() {
    let london = super::super::zone_named("Europe/London").unwrap();
    let mut scheme = seasonal();
    assert_eq!(clock_findings(&scheme, &london, today()), []);
    calendar(&mut scheme).dst.as_mut().unwrap().begins.hour = 2;
    let found = clock_findings(&scheme, &london, today());
    assert_eq!(found.len(), 10);
    assert_eq!(
        found[1].to_string(),
        "calendar.dst: in 2027 the meter moves its clock 2027-03-28T02:00:00Z +60 min and 2027-10-31T01:00:00Z -60 min, the zone 2027-03-28T01:00:00Z +60 min and 2027-10-31T01:00:00Z -60 min; correct the rule, or choose the zone of the place"
    );
    calendar(&mut scheme).dst = None;
    assert_eq!(clock_findings(&scheme, &london, today()).len(), 10);
    calendar(&mut scheme).clock = metering::scheme::CalendarClock::Utc;
    assert_eq!(clock_findings(&scheme, &london, today()), []);
}

#[test]
fn the_meters_beside_the_pages_and_the_next_billing_dates() {
    let scheme = seasonal();
    let told: Vec<String> = usage(&scheme, &model())
        .iter()
        .filter_map(|one| Some(format!("{} {}/{}", one.what, one.used, one.limit?)))
        .collect();
    assert_eq!(told, ["registers by rate 3/32", "registers for maxima 2/8"]);
    let dates = next_billing_dates(&scheme.billing.unwrap(), today(), 5);
    let told: Vec<String> = dates.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "2026-12-01",
            "2027-01-01",
            "2027-02-01",
            "2027-03-01",
            "2027-04-01"
        ]
    );
}

#[test]
fn names_that_stand_there_twice_or_are_too_long_are_found() {
    let label = |text: &str| text.parse::<Label>().unwrap();
    check(
        |scheme, model| {
            model.name_octets = Some(8);
            let calendar = calendar(scheme);
            calendar.name = label("a long name");
            let twin = calendar.day_types[2].clone();
            calendar.day_types.push(twin);
            let rule = calendar.dst.as_mut().unwrap();
            rule.shift_minutes = 30;
        },
        &[
            "Error calendar.day-type[rest]: it stands there twice; remove one of them, or change it",
            "Error calendar.name: the name has 11 octets, and such a meter takes 8; use a shorter one",
            "Error calendar.dst.shift-minutes: 30 minutes; meters move their clocks by 60 or 120",
        ],
    );
}
