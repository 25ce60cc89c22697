//! Schemes of all shapes, for properties.

use metering::Obis;
use metering::scheme::{
    Billing, BillingDate, Calendar, CalendarClock, CivilDate, Communications, CustomerRegister,
    DayType, Deferred, Demand, DisplayItem, DisplayKind, DisplayList, DstEdge, DstRule, Exclusion,
    ExclusionDate, Indicators, Label, LockoutKind, MdRegister, MonthDay, NewPassword, PhaseMark,
    ProfilePlan, PulseInput, PulseOutput, Purpose, RateSet, Ratios, Reads, Scheme, SealedPassword,
    Season, SeasonStart, Sign, Source, Switch, Term, TimeOfDay, TimeOrder, TotalRegister,
    TouRegister, WeekMap, WeekOfMonth, Weekday, Window, Word,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

fn word<T: Word + std::fmt::Debug>() -> impl Strategy<Value = T> {
    select(T::ALL)
}

pub(super) fn label() -> impl Strategy<Value = Label> {
    "[a-zA-Z0-9é\"\\\\#=\\[]([a-z \"]{0,6}[a-z])?".prop_map(|text| text.parse().unwrap())
}

pub(super) fn date() -> impl Strategy<Value = CivilDate> {
    (16_000_u32..30_000).prop_map(|number| CivilDate::from_day_number(number).unwrap())
}

fn month_day() -> impl Strategy<Value = MonthDay> {
    (1_u8..=12, 1_u8..=28).prop_map(|(month, day)| MonthDay::new(month, day).unwrap())
}

fn time() -> impl Strategy<Value = TimeOfDay> {
    (0_u16..1440).prop_map(|minutes| TimeOfDay::from_minutes(minutes).unwrap())
}

fn obis() -> impl Strategy<Value = Obis> {
    any::<[u8; 6]>().prop_map(Obis::new)
}

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![
        obis().prop_map(Source::Measured),
        (1_u8..=32).prop_map(Source::Customer),
        (1_u8..=32).prop_map(Source::Input),
    ]
}

fn rates() -> impl Strategy<Value = RateSet> {
    any::<u32>().prop_map(RateSet::from_bits)
}

fn edge(month: std::ops::RangeInclusive<u8>) -> impl Strategy<Value = DstEdge> {
    (word::<WeekOfMonth>(), word::<Weekday>(), month, 0_u8..24).prop_map(
        |(week, weekday, month, hour)| DstEdge {
            week,
            weekday,
            month,
            hour,
        },
    )
}

fn dst() -> impl Strategy<Value = DstRule> {
    (select(vec![60_u16, 120]), edge(1..=6), edge(7..=12)).prop_map(
        |(shift_minutes, begins, ends)| DstRule {
            shift_minutes,
            begins,
            ends,
        },
    )
}

fn season() -> impl Strategy<Value = Season> {
    let start = prop_oneof![
        month_day().prop_map(SeasonStart::Yearly),
        date().prop_map(SeasonStart::Once),
        Just(SeasonStart::DstBegins),
        Just(SeasonStart::DstEnds),
    ];
    let week = proptest::array::uniform7(of(label())).prop_map(|days| WeekMap { days });
    (label(), start, week).prop_map(|(name, start, week)| Season { name, start, week })
}

fn day_type() -> impl Strategy<Value = DayType> {
    let switch =
        (time(), rates(), rates()).prop_map(|(at, energy, demand)| Switch { at, energy, demand });
    (label(), vec(switch, 0..4)).prop_map(|(name, switches)| DayType { name, switches })
}

fn exclusion() -> impl Strategy<Value = Exclusion> {
    let date = prop_oneof![
        month_day().prop_map(ExclusionDate::Yearly),
        date().prop_map(ExclusionDate::Once),
    ];
    (date, label()).prop_map(|(date, day_type)| Exclusion { date, day_type })
}

fn calendar() -> impl Strategy<Value = Calendar> {
    (
        label(),
        word::<CalendarClock>(),
        vec(season(), 0..3),
        vec(day_type(), 0..3),
        vec(exclusion(), 0..3),
        of(dst()),
    )
        .prop_map(
            |(name, clock, seasons, day_types, exclusions, dst)| Calendar {
                name,
                clock,
                seasons,
                day_types,
                exclusions,
                dst,
            },
        )
}

fn profile() -> impl Strategy<Value = ProfilePlan> {
    (1_u16..=1440, of(1_u16..=3660), vec(obis(), 0..4)).prop_map(
        |(period_minutes, days_wanted, channels)| ProfilePlan {
            period_minutes,
            days_wanted,
            channels,
        },
    )
}

fn demand() -> impl Strategy<Value = Demand> {
    let register = (1_u8..=32, source(), rates()).prop_map(|(number, source, rates)| MdRegister {
        number,
        source,
        rates,
    });
    (
        1_u16..=1440,
        word::<Window>(),
        of(1_u16..=60),
        of(any::<bool>()),
        of(any::<bool>()),
        vec(register, 0..3),
    )
        .prop_map(
            |(period_minutes, window, sub_periods, show_rising, cumulative, registers)| Demand {
                period_minutes,
                window,
                sub_periods,
                show_rising,
                cumulative,
                registers,
            },
        )
}

fn registers()
-> impl Strategy<Value = (Vec<TotalRegister>, Vec<CustomerRegister>, Vec<TouRegister>)> {
    let total =
        (source(), of(0_u8..=6)).prop_map(|(source, decimals)| TotalRegister { source, decimals });
    let term = (word::<Sign>(), source()).prop_map(|(sign, source)| Term { sign, source });
    let customer =
        (1_u8..=32, vec(term, 0..3)).prop_map(|(number, terms)| CustomerRegister { number, terms });
    let tou =
        (1_u8..=32, source(), 1_u8..=32, of(label())).prop_map(|(number, source, rate, name)| {
            TouRegister {
                number,
                source,
                rate,
                name,
            }
        });
    (vec(total, 0..2), vec(customer, 0..2), vec(tou, 0..4))
}

fn billing() -> impl Strategy<Value = Billing> {
    let date = prop_oneof![
        (1_u8..=28).prop_map(BillingDate::Monthly),
        month_day().prop_map(BillingDate::Yearly),
        date().prop_map(BillingDate::Once),
    ];
    (
        vec(date, 0..3),
        of(time()),
        word::<LockoutKind>(),
        of(1_u16..=44_640),
        of(any::<bool>()),
        of(any::<bool>()),
    )
        .prop_map(
            |(dates, time, lockout, lockout_minutes, button, input)| Billing {
                dates,
                time,
                lockout,
                lockout_minutes,
                button,
                input,
                command: input,
            },
        )
}

fn face() -> impl Strategy<Value = (Vec<DisplayList>, Option<Indicators>)> {
    let item = (source(), of(label()), of(1_u16..=3600), of(1_u8..=12)).prop_map(
        |(source, label, dwell_seconds, digits)| DisplayItem {
            source,
            label,
            dwell_seconds,
            digits,
            decimals: digits.map(|digits| digits % 7),
        },
    );
    let list = (word::<DisplayKind>(), of(any::<bool>()), vec(item, 0..3)).prop_map(
        |(kind, leading_zeros, items)| DisplayList {
            kind,
            leading_zeros,
            items,
        },
    );
    let signs = (of(word::<PhaseMark>()), of(any::<bool>()), of(0_u16..=1000)).prop_map(
        |(phases, flag, phase_fail_volts)| Indicators {
            phases,
            error_icon: flag,
            reverse_run: flag,
            phase_fail_volts,
            ..Indicators::default()
        },
    );
    (vec(list, 0..=3), of(signs))
}

type Ports = (
    Vec<PulseOutput>,
    Vec<PulseInput>,
    Vec<NewPassword>,
    Option<Communications>,
);

fn ports() -> impl Strategy<Value = Ports> {
    let output = (1_u8..=32, source(), 1_u32..=1000, of(1_u16..=1000)).prop_map(
        |(number, source, units_per_pulse, width_ms)| PulseOutput {
            number,
            source,
            units_per_pulse,
            width_ms,
        },
    );
    let input = (1_u8..=32, word(), of("[0-9.]{1,4}"), of(label())).prop_map(
        |(number, kind, pulse_value, unit)| PulseInput {
            number,
            kind,
            pulse_value,
            unit,
        },
    );
    let password = (1_u8..=3, vec(any::<u8>(), 1..20)).prop_map(|(level, sealed)| NewPassword {
        level,
        password: SealedPassword::new(sealed),
    });
    let port =
        (of(300_u32..=115_200), of(any::<bool>())).prop_map(|(baud, data_stream)| Communications {
            baud,
            data_stream,
            inactivity_seconds: None,
            modem_power: data_stream,
        });
    (
        vec(output, 0..2),
        vec(input, 0..2),
        vec(password, 0..2),
        of(port),
    )
}

fn general() -> impl Strategy<Value = Scheme> {
    let reads = (
        any::<bool>(),
        of(1_u16..=400),
        of(1_u16..=3660),
        any::<bool>(),
    )
        .prop_map(|(registers, billing_sets, profile_days, settings)| Reads {
            registers,
            billing_sets,
            profile_days,
            instrument_days: billing_sets,
            events: settings,
            settings,
        });
    let ratios =
        (of(1_u32..=1000), of(any::<bool>())).prop_map(|(ct_primary, show_primary)| Ratios {
            ct_primary,
            show_primary,
            ..Ratios::default()
        });
    (
        (label(), word::<Purpose>(), label(), vec(label(), 0..3)),
        (
            of(label()),
            1_u32..=1_000_000,
            of("[a-z\n\t\"\\\\é]{0,20}"),
            word::<TimeOrder>(),
        ),
        (of(reads), of(ratios)),
    )
        .prop_map(
            |(
                (name, purpose, meter_type, model_codes),
                (author, version, notes, time),
                (reads, ratios),
            )| {
                Scheme {
                    name,
                    purpose,
                    meter_type,
                    model_codes,
                    author,
                    version,
                    notes,
                    time,
                    reads,
                    ratios,
                    ..Scheme::default()
                }
            },
        )
}

/// Any scheme that a file can say, sensible or not.
pub(super) fn any_scheme() -> impl Strategy<Value = Scheme> {
    let deferred = (date(), time(), calendar()).prop_map(|(date, time, calendar)| Deferred {
        date,
        time,
        calendar,
    });
    (
        general(),
        registers(),
        (of(demand()), of(profile()), of(profile())),
        (of(calendar()), of(deferred), of(billing())),
        face(),
        ports(),
    )
        .prop_map(|(general, registers, pages, tariff, face, ports)| {
            let ((totals, customer, tou), (demand, profile, instruments)) = (registers, pages);
            let ((calendar, deferred, billing), (displays, indicators)) = (tariff, face);
            let (outputs, inputs, passwords, communications) = ports;
            Scheme {
                totals,
                customer,
                tou,
                demand,
                profile,
                instruments,
                calendar,
                deferred,
                billing,
                displays,
                indicators,
                outputs,
                inputs,
                passwords,
                communications,
                ..general
            }
        })
}
