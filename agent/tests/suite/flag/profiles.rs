//! Load profiles that meters keep themselves: every interval exactly once.

use crate::bench::{Bench, Seat};
use desk::{JobState, Outcome, Work};
use metering::{ChannelKind, EventCode, Flag, Flags, MeterTime, ProfileId, Row, Timestamp};
use simulator::elster::{ElsterModel, Incident, Scenario, TrueInterval, What};
use std::collections::BTreeMap;

/// The profile that a meter keeps itself.
const OWN: ProfileId = ProfileId::new([1, 0, 99, 1, 0, 255]);

/// A meter with little to tell.
fn short(seed: u64, serial: &str) -> Scenario {
    Scenario {
        days: 3,
        ..Scenario::new(seed, serial)
    }
}

/// One stored interval.
#[derive(Debug)]
struct Stored {
    row: Row,
    /// Average demands, microwatts.
    demands: Vec<Option<i128>>,
    /// Energies, 10^-9 Wh.
    energies: Vec<Option<i128>>,
}

/// What is stored of a profile; a mark that is stored twice is a failure.
#[track_caller]
fn stored(bench: &Bench, name: &str, profile: ProfileId) -> BTreeMap<i64, Stored> {
    let mut found = BTreeMap::new();
    for block in bench.rows() {
        if block.profile != profile || block.meter.as_str() != name {
            continue;
        }
        for row in &block.rows {
            let values = || row.values.iter().zip(block.shape.channels.iter());
            let of = |kind, places: i8| {
                let values = values().filter(|(_, channel)| channel.kind == kind);
                let scaled = values.map(|(value, channel)| {
                    let places = u32::try_from(channel.exponent + places).unwrap();
                    Some(i128::from((*value)?) * 10_i128.pow(places))
                });
                scaled.collect()
            };
            let end = i64::try_from(row.end.seconds()).unwrap();
            let entry = Stored {
                row: row.clone(),
                demands: of(ChannelKind::Average, 6),
                energies: of(ChannelKind::Increment, 9),
            };
            let before = found.insert(end, entry);
            assert!(
                before.is_none(),
                "the interval until {} came twice",
                row.end
            );
        }
    }
    found
}

/// Whether there is no more to say than what season it is.
fn is_plain(flags: Flags) -> bool {
    let season = Flags::NONE.with(Flag::DstActive).with(Flag::DstChange);
    flags.bits() & !season.bits() == 0
}

/// The end of an interval by the meter's clock, in UTC.
fn shown_end(seat: &Seat, interval: &TrueInterval) -> i64 {
    interval.end + seat.meter.clock_error(interval.end)
}

/// Compares what is stored with what the meter measured from `from` on, until its last whole
/// interval before `until`.
#[track_caller]
pub(super) fn check(bench: &Bench, name: &str, seat: &Seat, from: i64, until: i64) -> usize {
    let found = stored(bench, name, OWN);
    let truth = seat.meter.intervals(from, until);
    let within = |end: i64| end > from && end <= until;
    let truth: Vec<&TrueInterval> = truth
        .iter()
        .filter(|interval| within(shown_end(seat, interval)))
        .collect();
    // Of an interval in which the columns changed there are two parts; the second one is stored.
    let truth: BTreeMap<i64, &TrueInterval> = truth
        .into_iter()
        .map(|interval| (shown_end(seat, interval), interval))
        .collect();
    for (end, interval) in &truth {
        let at = Timestamp::from_seconds(u64::try_from(*end).unwrap());
        let Some(stored) = found.get(end) else {
            panic!("the interval until {at} is missing");
        };
        let shown = |factor: i128| -> Vec<Option<i128>> {
            let channels = interval.channels.iter();
            let milliwatts = channels.map(|channel| i128::try_from(channel.shown).unwrap());
            milliwatts
                .map(|milliwatts| Some(milliwatts * factor))
                .collect()
        };
        assert_eq!(stored.demands, shown(1000), "until {at}: {stored:?}");
        let hours = i128::from(interval.period) * 1_000_000 / 3600 * seat.ratio;

        assert_eq!(stored.energies, shown(hours), "until {at}: {stored:?}");
        let is_whole = interval.seconds == interval.period;
        let flags = stored.row.flags;
        assert_eq!(
            is_whole && !flags.has(Flag::ConfigChanged),
            is_plain(flags),
            "until {at}: {stored:?}, {interval:?}"
        );
    }
    let more: Vec<&i64> = found
        .keys()
        .filter(|end| within(**end))
        .filter(|end| !truth.contains_key(end))
        .collect();
    assert_eq!(more, Vec::<&i64>::new(), "the meter has no such intervals");
    truth.len()
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_is_what_the_meter_measured() {
    let scenario = short(1, "90123456");
    let mut bench = Bench::new(&scenario);
    let seat = bench.seat("elster-1", ElsterModel::A1140, scenario, "");
    bench.start();
    bench
        .live_until(600, |meter| meter.last_collected.is_some())
        .await;
    let until = bench.utc();
    bench.stop().await;
    let found = check(&bench, "elster-1", &seat, seat.meter.begun(), until - 60);
    assert!(found > 3 * 48, "{found} intervals");
}

#[tokio::test(start_paused = true)]
async fn a_collection_before_the_first_round_knows_the_ratios() {
    let scenario = short(2, "90123456");
    let mut bench = Bench::new(&scenario);
    let keys = "collect = { every-seconds = 86400, days-max = 1 }";
    let seat = bench.seat("elster-1", ElsterModel::A1700, scenario, keys);
    bench.start();
    let collect = Work::Collect {
        meter: "elster-1".to_owned(),
        from: Some(u64::try_from(seat.meter.begun()).unwrap()),
        to: None,
        again: false,
    };
    // The meter has a name by then, and nothing was read of it.
    bench.live_ms(100).await;
    let job = bench.work(collect).await;
    let until = bench.utc();
    bench.stop().await;
    assert!(matches!(job.state, JobState::Done(_)), "{job:?}");
    assert_eq!(seat.ratio, 4000);
    let found = check(&bench, "elster-1", &seat, seat.meter.begun(), until - 1800);
    assert!(found > 2 * 48, "{found} intervals");
}

/// Collects a profile once.
async fn collect(model: ElsterModel, scenario: Scenario) -> (Bench, Seat) {
    let mut bench = Bench::new(&scenario);
    let seat = bench.seat("elster-1", model, scenario, "");
    bench.start();
    bench
        .live_until(1200, |meter| meter.last_collected.is_some())
        .await;
    bench.stop().await;
    (bench, seat)
}

fn at([year, month, day]: [u16; 3], [hour, minute]: [u8; 2]) -> i64 {
    let shown = MeterTime::from_civil([year, month, day], [hour, minute, 0]).unwrap();
    i64::try_from(shown.seconds()).unwrap()
}

/// A meter to which this happened, three days old.
fn befallen(starts_at: i64, incidents: &[(i64, What)]) -> Scenario {
    let incidents = incidents.iter().map(|(at, what)| Incident {
        at: *at,
        what: what.clone(),
    });
    Scenario {
        starts_at,
        incidents: incidents.collect(),
        ..short(7, "90123456")
    }
}

/// What people were told of a profile.
fn told(bench: &Bench) -> Vec<String> {
    let events = bench.events().into_iter();
    let events = events.filter(|event| {
        !matches!(
            event.code,
            EventCode::LineBack | EventCode::MeterAccepted | EventCode::UncleanStop
        )
    });
    events.map(|event| event.detail).collect()
}

/// Collects a profile in which something happened on 2 May 2026 at 4:10 UTC, compares it, and
/// compares what people were told.
async fn check_told(what: What, expected: &[&str]) {
    let now = at([2026, 5, 3], [10, 0]);
    let scenario = befallen(now, &[(at([2026, 5, 2], [4, 10]), what)]);
    let (bench, seat) = collect(ElsterModel::A1140, scenario).await;
    let found = check(&bench, "elster-1", &seat, seat.meter.begun(), now - 60);
    assert!(found > 2 * 48, "{found} intervals");
    assert_eq!(told(&bench), expected);
}

#[tokio::test(start_paused = true)]
async fn an_hour_that_comes_twice_is_stored_twice_and_one_that_never_is_is_not_missing() {
    for now in [at([2026, 10, 26], [10, 0]), at([2026, 3, 30], [10, 0])] {
        for model in [ElsterModel::A1140, ElsterModel::A1700] {
            let (bench, seat) = collect(model, befallen(now, &[])).await;
            let found = check(&bench, "elster-1", &seat, seat.meter.begun(), now - 60);
            assert!(found > 3 * 48, "{found} intervals");
            assert_eq!(told(&bench), Vec::<String>::new(), "{model:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_power_cut_is_no_gap_that_somebody_has_to_look_at() {
    check_told(What::PowerCut { seconds: 7200 }, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_changed_set_up_changes_the_columns() {
    let change = What::ProfileChange {
        mask: [0x00, 0x0f],
        minutes: 15,
    };
    let expected = [
        "its load profile says at 2026-05-02 06:10:00 of its clock: channels or period changed",
        "its load profile says at 2026-05-02 06:30:00 of its clock: a part of an interval before the \
         change of channels: [Some(39543000), Some(1966900)]",
    ];
    check_told(change, &expected).await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_is_told() {
    let expected = [
        "the meter's clock is 99.3 s ahead, give or take 0.1 s: adjusting is switched off for it",
        "its load profile says at 2026-05-02 06:11:40 of its clock: the clock was changed; the \
         interval before ended 2026-05-02T04:30:00Z",
    ];
    check_told(What::ClockSet { seconds: 100 }, &expected).await;
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_was_cleared_begins_again() {
    let expected = "its load profile says at 2026-05-02 06:10:00 of its clock: it was cleared";
    let now = at([2026, 5, 5], [10, 0]);
    let cleared = at([2026, 5, 2], [4, 10]);
    let scenario = befallen(now, &[(cleared, What::ProfileCleared)]);
    let (bench, seat) = collect(ElsterModel::A1140, scenario).await;
    let found = check(&bench, "elster-1", &seat, cleared, now - 60);
    assert!(found > 3 * 48, "{found} intervals");
    assert_eq!(told(&bench), [expected]);
}

#[tokio::test(start_paused = true)]
async fn octets_that_nobody_knows_are_told_and_what_follows_them_is_not_guessed() {
    let octets = vec![0xf1, 1, 2, 3, 4];
    let now = at([2026, 5, 3], [10, 0]);
    let unknown = at([2026, 5, 2], [4, 10]);
    let scenario = befallen(now, &[(unknown, What::UnknownMark { octets })]);
    let (bench, seat) = collect(ElsterModel::A1140, scenario).await;
    check(&bench, "elster-1", &seat, seat.meter.begun(), unknown - 600);
    check(
        &bench,
        "elster-1",
        &seat,
        at([2026, 5, 2], [22, 0]),
        now - 60,
    );
    let told = told(&bench);
    assert_eq!(told.len(), 2, "{told:#?}");
    let begin = "its load profile says: 257 octets at place 757 are not understood (marker F1 is \
                 not known): f101020304";
    assert!(told[0].starts_with(begin), "{}", told[0]);
    assert_eq!(
        told[1],
        "L01: 36 intervals are missing from 2026-05-02T04:30:00Z to 2026-05-02T22:00:00Z: something \
         in the profile was not understood; read the gap again; if it stays, mark it as an outage"
    );
}

#[tokio::test(start_paused = true)]
async fn whenever_the_daemon_dies_nothing_is_lost_and_nothing_comes_twice() {
    let scenario = short(3, "90123456");
    let mut bench = Bench::new(&scenario);
    let seat = bench.seat("elster-1", ElsterModel::A1140, scenario, "");
    for number in 0..40 {
        bench.start();
        bench.live_ms(1700 + 977 * number).await;
        bench.kill().await;
    }
    bench.start();
    bench
        .live_until(7200, |meter| meter.last_collected.is_some())
        .await;
    let until = bench.utc();
    bench.stop().await;
    let found = check(&bench, "elster-1", &seat, seat.meter.begun(), until - 60);
    assert!(found > 3 * 48, "{found} intervals");
}

#[tokio::test(start_paused = true)]
async fn what_a_meter_measured_while_it_was_out_of_reach_is_read_later() {
    let scenario = short(4, "90123456");
    let mut bench = Bench::new(&scenario);
    let seat = bench.seat("elster-1", ElsterModel::A1140, scenario, "");
    bench.start();
    bench
        .live_until(1200, |meter| meter.last_collected.is_some())
        .await;
    bench
        .wire
        .change_flag(seat.place, |trouble| trouble.dead = true);
    bench.live(2 * 86_400).await;
    bench
        .wire
        .change_flag(seat.place, |trouble| trouble.dead = false);
    bench.live(3 * 3600).await;
    let until = bench.utc();
    bench.stop().await;
    let found = check(&bench, "elster-1", &seat, seat.meter.begun(), until - 7200);
    assert!(found > 5 * 48, "{found} intervals");
}

#[tokio::test(start_paused = true)]
async fn a_meter_with_eight_data_bits_sends_its_profile_as_a_stream() {
    let scenario = Scenario::new(5, "90123456");
    let mut bench = Bench::new(&scenario);
    let seat = bench.seat("elster-1", ElsterModel::A1140, scenario, "");
    bench.wire.change_flag_settings(seat.place, |settings| {
        settings.parity = iec62056_21::meter::ParityBy::Software;
    });
    bench.start();
    bench
        .live_until(1200, |meter| meter.last_collected.is_some())
        .await;
    let until = bench.utc();
    bench.stop().await;
    let found = check(&bench, "elster-1", &seat, seat.meter.begun(), until - 60);
    assert!(found > 40 * 48, "{found} intervals");
    // Packets would take 230 requests for this profile alone.
    let requests = bench.wire.counters().requests;
    assert!(requests < 150, "{requests}");
}

#[tokio::test(start_paused = true)]
async fn readings_that_contradict_each_other_are_both_kept_and_told_once() {
    let scenario = short(6, "90123456");
    let mut bench = Bench::new(&scenario);
    let seat = bench.seat("elster-1", ElsterModel::A1140, scenario.clone(), "");
    bench.start();
    bench
        .live_until(1200, |meter| meter.last_collected.is_some())
        .await;
    let until = bench.utc();
    bench.stop().await;
    let before = stored(&bench, "elster-1", OWN).len();
    check(&bench, "elster-1", &seat, seat.meter.begun(), until - 60);
    // As if somebody had put another meter's board into it.
    let other = Scenario {
        seed: 66,
        ..scenario
    };
    bench.exchange(&seat, ElsterModel::A1140, other);
    bench.start();
    bench.live(5).await;
    for _ in 0..2 {
        let work = Work::Collect {
            meter: "elster-1".to_owned(),
            from: None,
            to: None,
            again: true,
        };
        let outcome = bench.outcome(work).await;
        let Outcome::Collected(result) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(result.intervals >= 3 * 48, "{result:?}");
    }
    bench.stop().await;
    assert!(stored(&bench, "elster-1", OWN).len() >= before);
    let conflicts = stored(&bench, "elster-1", ProfileId::new([1, 0, 99, 1, 0, 1]));
    assert!(conflicts.len() >= 3 * 48 - 2, "{}", conflicts.len());
    let told = told(&bench);
    assert!(
        told.iter()
            .any(|words| words.contains("differ from what was read before")),
        "{told:#?}"
    );
}
