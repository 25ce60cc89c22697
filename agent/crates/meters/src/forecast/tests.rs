use super::*;
use crate::planner::{Poll, PollId, SessionPoll};
use crate::{Span, Table};
use metering::Period;

const SERIAL: BusTiming = BusTiming {
    character: Duration::from_micros(1146),
    silence: Duration::from_micros(4010),
};

fn span(address: u16, count: u16) -> Span {
    Span {
        table: Table::Input,
        address,
        count,
    }
}

/// Blocks of 40 registers, which take 133 ms each at 9600 baud.
fn meters(count: u8, blocks: u16, kind: PollKind) -> Vec<PlannedMeter> {
    let poll = Poll {
        id: PollId(0),
        kind,
        wanted: (0..blocks).map(|block| span(block * 200, 40)).collect(),
    };
    let meter = |unit: u8| PlannedMeter {
        id: format!("feeder-{unit}").parse().unwrap(),
        unit,
        max_count: 125,
        min_gap: Duration::ZERO,
        turnaround: Duration::from_millis(20),
        holes: Vec::new(),
        probe: span(0, 1),
        polls: vec![poll.clone()],
    };
    (1..=count).map(meter).collect()
}

fn every(seconds: u64) -> PollKind {
    PollKind::Every(Duration::from_secs(seconds))
}

fn sample(seconds: u32) -> PollKind {
    let period = Period::from_seconds(seconds).unwrap();
    PollKind::Sample { period }
}

fn of(meters: &[PlannedMeter], timing: BusTiming) -> Forecast {
    let bus = "main".parse().unwrap();
    let load = Load {
        meters,
        sessions: &[],
    };
    forecast(&bus, load, timing, PlannerSettings::default())
}

#[track_caller]
fn check(meters: &[PlannedMeter], verdict: Verdict, words: &[&str]) {
    let forecast = of(meters, SERIAL);
    assert_eq!(
        (forecast.verdict, &forecast.words[..]),
        (verdict, &words.map_to_strings()[..])
    );
}

trait MapToStrings {
    fn map_to_strings(&self) -> Vec<String>;
}

impl MapToStrings for [&str] {
    fn map_to_strings(&self) -> Vec<String> {
        self.iter().map(|&word| word.to_owned()).collect()
    }
}

#[test]
fn a_bus_with_room_is_fine() {
    check(&meters(4, 4, every(5)), Verdict::Fine, &[]);
    check(&[], Verdict::Fine, &[]);
}

#[test]
fn a_full_bus_is_told_what_to_change() {
    check(
        &meters(4, 11, every(5)),
        Verdict::Refused,
        &[
            "bus main would be 117 % busy: poll feeder-1 to feeder-4 every 10 s instead of 5 s, \
           raise the line to 19200 baud, or move 2 meters to another bus",
        ],
    );
    check(
        &meters(4, 7, every(5)),
        Verdict::Warning,
        &[
            "bus main would be 75 % busy: poll feeder-1 to feeder-4 every 10 s instead of 5 s, \
           raise the line to 19200 baud, or move 1 meter to another bus",
        ],
    );
    check(
        &meters(1, 11, every(1)),
        Verdict::Refused,
        &[
            "bus main would be 147 % busy: poll feeder-1 every 5 s instead of 1 s, \
           or raise the line to 38400 baud",
        ],
    );
}

#[test]
fn a_stream_has_no_baud_to_raise() {
    let forecast = of(&meters(3, 20, every(1)), BusTiming::stream());
    let expected = "bus main would be 120 % busy: poll feeder-1 to feeder-3 every 2 s instead of \
                    1 s, or move 2 meters to another bus";
    assert_eq!(forecast.words, [expected]);
}

#[test]
fn only_so_many_meters_can_be_sampled_in_time() {
    check(&meters(28, 1, sample(900)), Verdict::Fine, &[]);
    check(
        &meters(40, 1, sample(900)),
        Verdict::Warning,
        &[
            "bus main samples 40 meters at one mark, which takes 5.31 s, and only 30 of them can be \
           within 2 s of it: move 10 of them to another bus, or allow 3 s",
        ],
    );
    assert_eq!(of(&meters(4, 1, every(5)), SERIAL).sample_capacity, None);
}

#[test]
fn a_wait_longer_than_the_free_time_is_said() {
    let forecast = of(&meters(2, 1, every(1)), SERIAL);
    assert_eq!(forecast.verdict, Verdict::Fine);
    let mut tight = meters(4, 1, every(1));
    for meter in &mut tight {
        meter.turnaround = Duration::from_millis(40);
        meter.min_gap = Duration::from_millis(20);
    }
    let forecast = of(&tight, SERIAL);
    assert_eq!(forecast.verdict, Verdict::Warning, "{forecast:?}");
    assert!(
        forecast.words[0].contains("lengthen that period"),
        "{:?}",
        forecast.words
    );
}

#[test]
fn the_dead_give_back_their_share_and_cost_at_most_a_twentieth() {
    let forecast = of(&meters(4, 4, every(5)), SERIAL);
    let one = forecast.healthy / 4;
    assert_eq!(forecast.with_dead.len(), 4);
    for (dead, share) in (1_u32..).zip(&forecast.with_dead) {
        let alive = (4 - dead) * one;
        assert!((alive..=alive + 52).contains(share), "{dead} dead: {share}");
    }
    assert!(forecast.with_dead[3] > 0);
}

#[test]
fn the_forecast_agrees_with_the_planner() {
    use crate::planner::{Next, Now, Outcome, Planner};
    use metering::{Moment, Timestamp};

    let meters = meters(6, 5, every(10));
    let forecast = of(&meters, SERIAL);
    let now = |at: Duration| Now {
        moment: Moment::new(at),
        utc: Timestamp::from_seconds(1_800_000_000).after(at),
    };
    let settings = PlannerSettings::default();
    let mut planner = Planner::new(meters, SERIAL, settings, now(Duration::ZERO));
    let mut at = Duration::ZERO;
    while at < Duration::from_mins(10) {
        match planner.next(now(at)) {
            Next::Exchange(exchange) => {
                let left_at = Moment::new(at);
                let turnaround = Duration::from_millis(20);
                at += SERIAL.exchange(exchange.min_gap, turnaround, exchange.span.count);
                let outcome = Outcome::Words {
                    words: vec![0; usize::from(exchange.span.count)],
                    left_at,
                    arrived_at: Moment::new(at),
                };
                planner.done(&exchange, &outcome, now(at));
            }
            Next::WaitUntil(until) => at = until.since_origin(),
            Next::Happened(_) | Next::Session(_) => {}
        }
    }
    let measured = u32::from(planner.status().busy_per_mille);
    assert!(
        measured.abs_diff(forecast.healthy) <= 25,
        "{measured} and {}",
        forecast.healthy
    );
}

fn session_meters(count: u8, seconds: u64, cost: Duration) -> Vec<SessionMeter> {
    let meter = |number: u8| SessionMeter {
        id: format!("elster-{number}").parse().unwrap(),
        address: format!("{number:03}"),
        hold_min: Duration::from_secs(3),
        hold_max: Duration::from_secs(8),
        polls: vec![SessionPoll {
            id: PollId(0),
            kind: every(seconds),
            cost,
        }],
    };
    (1..=count).map(meter).collect()
}

#[track_caller]
fn check_mixed(
    meters: &[PlannedMeter],
    sessions: &[SessionMeter],
    verdict: Verdict,
    words: &[&str],
) {
    let load = Load { meters, sessions };
    let bus = "main".parse().unwrap();
    let forecast = forecast(&bus, load, SERIAL, PlannerSettings::default());
    assert_eq!(
        (forecast.verdict, &forecast.words[..]),
        (verdict, &words.map_to_strings()[..])
    );
    assert_eq!(forecast.meters.len(), meters.len() + sessions.len());
}

#[test]
fn sessions_count_too() {
    let minute = Duration::from_mins(1);
    check_mixed(
        &meters(2, 1, every(10)),
        &session_meters(4, 3600, minute),
        Verdict::Fine,
        &[],
    );
    check_mixed(
        &[],
        &session_meters(4, 300, minute),
        Verdict::Warning,
        &[
            "bus main would be 80 % busy: read elster-1 to elster-4 every 10 min instead of 5 min, \
           or move 1 meter to another bus",
        ],
    );
    check_mixed(
        &meters(2, 1, every(2)),
        &session_meters(1, 3600, minute),
        Verdict::Warning,
        &[
            "bus main polls every 2 s, and a session with a meter takes 3 s at least: polls miss \
           cycles meanwhile; poll every 5 s or move those meters to another bus",
        ],
    );
}
