use super::*;
use crate::catalogue::Catalogue;
use metering::{ClockQuality, Period};
use proptest::prelude::*;

const NOON_MS: u64 = 1_777_809_600_000;

fn shown(ahead_s: i64) -> MeterTime {
    MeterTime::from_seconds((NOON_MS / 1000).saturating_add_signed(ahead_s))
}

fn error(ahead_s: i64, round_trip_ms: u64) -> ClockError {
    let sent = Timestamp::from_millis(NOON_MS - round_trip_ms / 2);
    let received = sent.after(Duration::from_millis(round_trip_ms));
    ClockError::measured(shown(ahead_s), &ClockBasis::utc(), sent, received)
}

#[test]
fn the_middle_of_the_round_trip_counts() {
    assert_eq!(
        error(-30, 4000),
        ClockError {
            ahead_ms: -30_000,
            uncertainty_ms: 2000
        }
    );
    assert_eq!(error(7, 1).uncertainty_ms, 1);
}

#[test]
fn of_an_hour_that_comes_twice_the_nearer_one_is_meant() {
    let basis: ClockBasis = "posix:CET-1CEST,M3.5.0,M10.5.0/3".parse().unwrap();
    let shown = MeterTime::from_civil([2026, 10, 25], [2, 30, 10]).unwrap();
    for at in [1_792_888_200_u64, 1_792_891_800] {
        let at = Timestamp::from_seconds(at);
        assert_eq!(ClockError::measured(shown, &basis, at, at).ahead_ms, 10_000);
    }
}

/// A clock so far off, with a good or a bad battery: whether it cannot be believed.
#[track_caller]
fn check_lost(ahead_s: i64, is_battery_bad: bool, expected: bool) {
    let settings = settings();
    let ground = ClockGround {
        settings: &settings,
        gateway: ClockQuality::Synchronised,
        is_invalid: false,
        is_battery_bad,
        adjust: None,
    };
    let advice = advise(Some(error(ahead_s, 100)), &ground);
    let is_lost = advice.event == Some(metering::EventCode::MeterClockInvalid);
    assert_eq!(is_lost, expected, "{}", advice.reason);
}

#[test]
fn a_clock_that_has_lost_its_time_is_invalid_and_not_off() {
    check_lost(-26 * 365 * 86_400, false, true);
    check_lost(86_400, false, true);
    check_lost(13 * 3600, false, false);
    check_lost(1200, true, true);
    check_lost(1200, false, false);
    check_lost(30, true, false);
    check_lost(0, true, false);
}

fn settings() -> ClockSettings {
    ClockSettings {
        adjusts: true,
        trusts_unproven: true,
        ..ClockSettings::default()
    }
}

#[track_caller]
fn check(
    ahead_s: i64,
    round_trip_ms: u64,
    settings: &ClockSettings,
    expected: ClockAction,
) -> ClockAdvice {
    let adjust = AdjustRequest {
        identity: 862,
        argument: "0000".into(),
        is_proven: false,
    };
    let ground = ClockGround {
        settings,
        gateway: ClockQuality::Synchronised,
        is_invalid: false,
        is_battery_bad: false,
        adjust: Some(&adjust),
    };
    let advice = advise(Some(error(ahead_s, round_trip_ms)), &ground);
    assert_eq!(advice.action, expected, "{}", advice.reason);
    advice
}

#[test]
fn the_policy_follows_how_far_it_is_off() {
    let all = settings();
    check(0, 100, &all, ClockAction::None);
    check(20, 0, &all, ClockAction::None);
    check(-21, 0, &all, ClockAction::Adjust);
    // Half of the round trip might be the error.
    check(24, 10_000, &all, ClockAction::None);
    check(26, 10_000, &all, ClockAction::Adjust);
    check(450, 0, &all, ClockAction::Adjust);
    check(451, 0, &all, ClockAction::ApproveSet);
    check(-899, 0, &all, ClockAction::ApproveSet);
    let advice = check(900, 0, &all, ClockAction::Alarm);
    assert_eq!(advice.event, Some(metering::EventCode::MeterClockOff));
}

#[test]
fn nothing_is_adjusted_unless_it_was_allowed() {
    let off = ClockSettings::default();
    let advice = check(60, 400, &off, ClockAction::None);
    assert_eq!(
        advice.reason,
        "the meter's clock is 60 s ahead, give or take 0.2 s: adjusting is switched off for it"
    );
    let careful = ClockSettings {
        trusts_unproven: false,
        ..settings()
    };
    let advice = check(-60, 0, &careful, ClockAction::None);
    assert!(
        advice
            .reason
            .ends_with("60 s behind, give or take 0 s: what its adjustment does is not proven")
    );
}

#[test]
fn a_gateway_that_does_not_know_the_time_writes_none() {
    let settings = settings();
    for gateway in [ClockQuality::Unsynchronised, ClockQuality::Holdover] {
        let ground = ClockGround {
            settings: &settings,
            gateway,
            is_invalid: false,
            is_battery_bad: false,
            adjust: None,
        };
        for ahead in [0, 60, 600, 6000] {
            assert_eq!(
                advise(Some(error(ahead, 0)), &ground).action,
                ClockAction::Blocked
            );
        }
    }
}

#[test]
fn a_clock_that_is_not_good_is_an_alarm_whatever_it_shows() {
    let settings = settings();
    let mut ground = ClockGround {
        settings: &settings,
        gateway: ClockQuality::Traceable,
        is_invalid: true,
        is_battery_bad: false,
        adjust: None,
    };
    assert_eq!(
        advise(Some(error(0, 0)), &ground).action,
        ClockAction::Alarm
    );
    ground.is_invalid = false;
    assert_eq!(advise(None, &ground).action, ClockAction::Alarm);
}

#[test]
fn a_clock_is_not_set_near_an_intervals_end() {
    let period = Period::from_seconds(1800).unwrap();
    let guard = Duration::from_mins(2);
    let may = |seconds: u64| {
        let at = Timestamp::from_seconds(NOON_MS / 1000 + seconds);
        may_set_at(at, &ClockBasis::utc(), period, guard)
    };
    assert_eq!(
        [may(0), may(119), may(120), may(1680), may(1681)],
        [false, false, true, true, false]
    );
}

#[test]
fn requests_come_from_the_model() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../config/meter-models");
    let catalogue = Catalogue::load(std::path::Path::new(folder)).unwrap();
    let model = catalogue.flag_model("elster-a1140").unwrap();
    let clock = model.clock.as_ref().unwrap();
    let basis: ClockBasis = "+02:00".parse().unwrap();
    let at = Timestamp::from_millis(NOON_MS + 700);
    let (identity, octets) = set_request(clock, &basis, at).unwrap();
    assert_eq!(identity, 861);
    assert_eq!(octets, [0x01, 0x00, 0x14, 0x03, 0x05, 0x00, 0x26]);
    let adjust = adjust_request(clock).unwrap();
    assert_eq!((adjust.identity, adjust.argument.as_str()), (862, "0000"));
    assert!(!adjust.is_proven, "nobody knows what it does");
    let ppm = catalogue.flag_model("elster-ppm").unwrap();
    assert_eq!(adjust_request(ppm.clock.as_ref().unwrap()), None);
}

proptest! {
    #[test]
    fn what_is_within_the_uncertainty_is_never_acted_on(ahead in -2000_i64..2000, round_trip in 0_u64..60_000) {
        let settings = settings();
        let ground = ClockGround {
            settings: &settings,
            gateway: ClockQuality::Synchronised,
            is_invalid: false,
            is_battery_bad: false,
            adjust: None,
        };
        let error = error(ahead, round_trip);
        if error.off_ms() <= error.uncertainty_ms {
            let advice = advise(Some(error), &ground);
            prop_assert_eq!(advice.action, ClockAction::None);
            prop_assert_eq!(advice.event, None);
        }
    }
}
