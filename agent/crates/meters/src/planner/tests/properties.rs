//! What holds whatever the meters do.

use super::bus::{Bus, Nature, every, meter, sample, session_meter, span};
use super::*;
use crate::Span;
use metering::Period;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Values that do not overlap, with gaps between.
fn values() -> impl Strategy<Value = Vec<(u16, u16)>> {
    let value = (0_u16..6, prop::sample::select(vec![1_u16, 2, 2, 2, 4]));
    prop::collection::vec(value, 1..20).prop_map(|steps| {
        let mut at = 10;
        let mut values = Vec::new();
        for (gap, count) in steps {
            at += gap;
            values.push((at, count));
            at += count;
        }
        values
    })
}

fn refused(bus: &Bus) -> BTreeSet<Span> {
    bus.happened
        .iter()
        .filter_map(|(_, h)| match h {
            Happening::AddressRefused { span, .. } => Some(*span),
            _ => None,
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Whatever registers a meter refuses, in values, gaps or padding: exactly the values that
    /// touch one are reported and left out, and every other value comes in every later cycle.
    #[test]
    fn splitting_finds_exactly_the_refused_values(
        values in values(),
        bad in prop::collection::btree_set(9_u16..80, 0..12),
        max_count in prop::sample::select(vec![4_u16, 8, 30, 125]),
    ) {
        let mut planned = meter(1, &[every(1, &values)]);
        planned.max_count = max_count;
        let nature = Nature { bad: bad.clone(), ..Nature::default() };
        let mut bus = Bus::new(vec![planned]).with(1, nature);
        bus.run_until(160);
        let expected: BTreeSet<Span> = values
            .iter()
            .filter(|(at, count)| (*at..at + count).any(|register| bad.contains(&register)))
            .map(|&(at, count)| span(at, count))
            .collect();
        prop_assert_eq!(refused(&bus), expected.clone());
        let reports = bus.happened.iter().filter(|(_, h)| matches!(h, Happening::AddressRefused { .. }));
        prop_assert_eq!(reports.count(), expected.len(), "each is reported once");
        let good = values.len() - expected.len();
        for (at, happening) in &bus.happened {
            if let Happening::PollDone { words, failed, .. } = happening {
                prop_assert_eq!(words.len(), good, "{:?}: {:?}", at, failed);
                for answered in words {
                    let registers = u32::from(answered.span.address)..answered.span.end();
                    prop_assert!(answered.words.iter().copied().map(u32::from).eq(registers));
                }
            }
        }
        bus.check_lengths();
        let later = bus.sent.iter().filter(|sent| sent.at.as_secs() > 120);
        let touches_bad = later.filter(|sent| {
            let span = sent.exchange.span;
            (u32::from(span.address)..span.end()).any(|at| bad.contains(&u16::try_from(at).unwrap()))
        });
        prop_assert_eq!(touches_bad.count(), 0, "what is known is not asked again");
    }

    #[test]
    fn nothing_goes_wrong_whatever_comes_back(
        layouts in prop::collection::vec(values(), 1..6),
        fates in prop::collection::vec(0_u8..12, 1..600),
        steps in prop::collection::vec((0_u64..400, -900_i64..900), 0..4),
        sessions in 0_u8..4,
    ) {
        let meters: Vec<PlannedMeter> = (1..)
            .zip(&layouts)
            .map(|(unit, values)| meter(unit, &[every(3, values), sample(60, values)]))
            .collect();
        let mut ids: Vec<MeterId> = meters.iter().map(|meter| meter.id.clone()).collect();
        let period = Period::from_seconds(60).unwrap();
        let kinds = [PollKind::Every(Duration::from_secs(30)), PollKind::Sample { period }];
        let sessions: Vec<SessionMeter> =
            (0..sessions).map(|number| session_meter(number, &kinds)).collect();
        ids.extend(sessions.iter().map(|meter| meter.id.clone()));
        let mut bus = Bus::new(meters).with_sessions(sessions.clone());
        let mut steps = steps;
        steps.sort_unstable();
        let mut steps = steps.into_iter().peekable();
        let mut happened_in_a_row = 0;
        for fate in fates {
            if let Some((_, by)) = steps.next_if(|(at, _)| bus.now.as_secs() >= *at) {
                bus.utc_origin = bus.utc_origin.saturating_add_signed(by * 1000);
                let now = bus.now();
                bus.planner.clock_stepped(now);
                happened_in_a_row = 0;
            }
            match bus.planner.next(bus.now()) {
                Next::Exchange(exchange) => {
                    happened_in_a_row = 0;
                    let (took, outcome) = fate_of(&bus, &exchange, fate);
                    bus.run_exchange(&exchange, took, &outcome);
                }
                Next::Session(turn) => {
                    happened_in_a_row = 0;
                    let (took, end) = session_fate(&turn, fate);
                    bus.run_session(&turn, took, &end);
                }
                Next::WaitUntil(until) => {
                    happened_in_a_row = 0;
                    prop_assert!(until > Moment::new(bus.now));
                    bus.now = until.since_origin();
                    if fate == 0 && bus.planner.status().commands < 8 {
                        bus.command(1, 1);
                    }
                }
                Next::Happened(happenings) => {
                    happened_in_a_row += 1;
                    prop_assert!(happened_in_a_row < 3, "nothing but news");
                    let at = bus.now;
                    bus.happened.extend(happenings.into_iter().map(|h| (at, h)));
                }
            }
        }
        bus.check_lengths();
        bus.check_only_probes_after_silence();
        check_marks(&bus, &ids)?;
        // Peace: everybody is back, and is read.
        let end = bus.now.as_secs() + 700;
        bus.run_until(end);
        for status in bus.planner.status().meters {
            prop_assert_eq!(status.state, MeterState::Healthy);
        }
        prop_assert_eq!(bus.planner.status().commands, 0);
        check_marks(&bus, &ids)?;
        let recent = bus.happened.iter().filter(|(at, h)| {
            at.as_secs() + 60 >= end && matches!(h, Happening::PollDone { .. })
        });
        let least = if sessions.is_empty() { 15 } else { 8 };
        prop_assert!(recent.count() >= layouts.len() * least);
        // On a full bus the turns of three meters come round once a minute. Samples do not count: a clock
        // that went back may just now pass intervals that were made before.
        for meter in sessions {
            let held = bus.held.iter().filter(|held| {
                held.turn.meter.as_ref() == Some(&meter.id)
                    && held.at.as_secs() + 180 >= end
                    && matches!(held.end, SessionEnd::Worked { .. })
            });
            prop_assert!(held.count() >= 2, "{} starves", meter.id);
        }
    }
}

fn fate_of(bus: &Bus, exchange: &Exchange, fate: u8) -> (Duration, Outcome) {
    let ms = Duration::from_millis;
    match fate {
        0 => (ms(400), Outcome::Silent),
        1 => (ms(60), Outcome::Damaged),
        2 => (ms(30), Outcome::Exception(2)),
        3 => (ms(30), Outcome::Exception(6)),
        4 => (ms(30), Outcome::Exception(4)),
        5 => (ms(900), Outcome::Exception(11)),
        6 => (ms(0), Outcome::LineGone),
        _ => (ms(70), words(bus, exchange)),
    }
}

fn session_fate(turn: &SessionTurn, fate: u8) -> (Duration, SessionEnd) {
    let unfinished = turn.due.clone();
    match fate {
        0 | 1 => (Duration::from_secs(3), SessionEnd::Silent),
        2 => (turn.hold_max, SessionEnd::Broken),
        3 => (Duration::from_secs(2), SessionEnd::Refused),
        4 => (Duration::ZERO, SessionEnd::LineGone),
        5 | 6 => (
            turn.hold_max,
            SessionEnd::Worked {
                unfinished,
                more: true,
            },
        ),
        _ => {
            let unfinished = Vec::new();
            (
                Duration::from_secs(3),
                SessionEnd::Worked {
                    unfinished,
                    more: false,
                },
            )
        }
    }
}

/// No mark of a meter is settled twice.
fn check_marks(bus: &Bus, ids: &[MeterId]) -> Result<(), TestCaseError> {
    for id in ids {
        let mut seen: Vec<(Timestamp, Timestamp)> = Vec::new();
        for (_, happening) in &bus.happened {
            let (first, last) = match happening {
                Happening::PollDone {
                    meter,
                    mark: Some(mark),
                    ..
                } if meter == id => (*mark, *mark),
                Happening::MarkMissed {
                    meter, first, mark, ..
                } if meter == id => (*first, *mark),
                _ => continue,
            };
            let is_new = seen.iter().all(|&(from, to)| last < from || to < first);
            prop_assert!(is_new, "{first} to {last} again");
            seen.push((first, last));
        }
    }
    Ok(())
}
