//! Meters that are signed on at 300 baud before they speak HDLC, beside others on one line.

use super::world::{Meter, bench, check_rows, import, key_octets, seat_mode_e};
use crate::bench::Bench;
use ::dlms::security::Suite;
use authority::SecretOctets;
use desk::{JobState, Outcome, PingResult, Work};
use iec62056_21::codec::{Identification, Manufacturer};
use iec62056_21::meter::HdlcSelect;
use metering::{EventCode, MeterId, Timestamp};
use pmu_agent::tasks::keykeeper::KeySet;
use simulator::dlms::DlmsScenario;
use simulator::elster::{ElsterModel, Scenario};
use simulator::trouble::{FlagTroubles, Late, OneIn, Spread};
use std::time::Duration;
use storage::keys::{KeyKind, OldKey, Standing};

const NAME: &str = "dlms-1";
const SUITE: Suite = Suite::Zero;

fn scenario() -> DlmsScenario {
    DlmsScenario {
        days: 2,
        ..DlmsScenario::new(11, "00012345")
    }
}

/// A meter with keys whose first round is over.
async fn with_keys() -> (Bench, Meter) {
    let mut bench = bench();
    let meter = seat_mode_e(&mut bench, NAME, Some(SUITE), scenario());
    bench.start();
    import(&bench, NAME, SUITE, key_octets(SUITE)).await;
    bench
        .live_until(3000, |meter| meter.last_collected.is_some())
        .await;
    (bench, meter)
}

async fn ping(bench: &Bench) -> PingResult {
    let meter = NAME.to_owned();
    match bench.work(Work::Ping { meter }).await.state {
        JobState::Done(outcome) => match *outcome {
            Outcome::Ping(ping) => ping,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// Names of the layers, with those that are not well in brackets, and the code of the diagnosis.
fn shown(ping: &PingResult) -> String {
    let layers = ping.layers.iter().map(|layer| {
        if layer.is_well {
            layer.name.clone()
        } else {
            format!("[{}]", layer.name)
        }
    });
    let code = ping.diagnosis.iter().map(|found| found.code.clone());
    layers.chain(code).collect::<Vec<_>>().join(" ")
}

/// The line is at 9600 baud for everybody else, before and behind each session.
#[tokio::test(start_paused = true)]
async fn a_meter_of_mode_e_is_read_between_others() {
    let mut bench = bench();
    let starts_at = bench.utc();
    bench.seat_modbus(
        "feeder-1",
        "eastron-sdm630",
        1,
        "profile = { period-seconds = 900 }",
    );
    let flag = Scenario {
        starts_at,
        days: 2,
        ..Scenario::new(5, "00054321")
    };
    bench.seat("elster-1", ElsterModel::A1700, flag, "");
    let meter = seat_mode_e(&mut bench, NAME, None, scenario());
    bench.start();
    bench.live(7200).await;
    let upto = bench.utc() - 1200;
    let meters = bench.meters().await;
    let states: Vec<_> = meters.iter().map(|meter| meter.state.as_str()).collect();
    assert_eq!(states, ["healthy"; 3], "{meters:#?}");
    assert!(meters.iter().all(|meter| meter.last_answer.is_some()));
    let modbus = meters.iter().find(|meter| meter.unit == 1).unwrap();
    assert_eq!(modbus.damaged, 0, "{modbus:#?}");
    let said = shown(&ping(&bench).await);
    assert_eq!(said, "sign-on link association identity");
    bench.stop().await;
    check_rows(&bench, NAME, &meter, upto);
}

/// The counter of a key is read by the public client, which is signed on as well.
#[tokio::test(start_paused = true)]
async fn a_meter_of_mode_e_has_keys() {
    let (mut bench, meter) = with_keys().await;
    let upto = bench.utc() - 900;
    bench.stop().await;
    check_rows(&bench, NAME, &meter, upto);
}

/// A meter that does not take the sign-on has been shown no key.
#[tokio::test(start_paused = true)]
async fn no_key_is_judged_by_a_sign_on() {
    let (mut bench, meter) = with_keys().await;
    bench
        .wire
        .change_flag(meter.place, |troubles| troubles.dead = true);
    let meter: MeterId = NAME.parse().unwrap();
    let now = Timestamp::from_seconds(u64::try_from(bench.utc()).unwrap());
    let other = SecretOctets::new(&[0x77; 16]).unwrap();
    let set = KeySet {
        meter: meter.clone(),
        suite: SUITE,
        keys: vec![(KeyKind::Encryption, other)],
        old: OldKey::StaysUntilProven,
    };
    let taken = bench.keys().ask(move |room| room.take_in(&set, now)).await;
    taken.unwrap();
    bench.live(4000).await;
    let infos = bench.keys().ask(move |room| room.infos(Some(&meter), now));
    let infos = infos.await.unwrap();
    let standings: Vec<_> = infos.iter().map(|info| info.standing).collect();
    assert!(standings.contains(&Standing::DoubtfulNew), "{infos:#?}");
    assert!(standings.contains(&Standing::DoubtfulOld), "{infos:#?}");
    bench.stop().await;
}

/// What goes wrong on the way to HDLC costs time, and no row.
#[tokio::test(start_paused = true)]
async fn a_sign_on_that_goes_wrong_is_done_again() {
    let every = |times| OneIn::times(times);
    let healthy = FlagTroubles::default;
    let late = Late {
        happens: every(3),
        thinks: Spread {
            least: Duration::from_millis(1600),
            most: Duration::from_millis(3900),
        },
    };
    let troubles = [
        FlagTroubles {
            lost_octets: every(60),
            ..healthy()
        },
        FlagTroubles {
            flipped: every(4),
            ..healthy()
        },
        FlagTroubles {
            truncated: every(4),
            ..healthy()
        },
        FlagTroubles {
            lost_answers: every(4),
            ..healthy()
        },
        FlagTroubles {
            late: Some(late),
            ..healthy()
        },
    ];
    for trouble in troubles {
        let mut bench = bench();
        let meter = seat_mode_e(&mut bench, NAME, None, scenario());
        bench.seat_modbus(
            "feeder-1",
            "eastron-sdm630",
            1,
            "profile = { period-seconds = 900 }",
        );
        bench
            .wire
            .change_flag(meter.place, |now| *now = trouble.clone());
        bench.start();
        bench.live(9000).await;
        bench.wire.change_flag(meter.place, |now| *now = healthy());
        bench.live(9000).await;
        let upto = bench.utc() - 1200;
        let meters = bench.meters().await;
        let modbus = meters.iter().find(|meter| meter.unit == 1).unwrap();
        assert_eq!(modbus.silent, 0, "{trouble:?}: {modbus:#?}");
        bench.stop().await;
        check_rows(&bench, NAME, &meter, upto);
        let is_wrong = |code| {
            matches!(
                code,
                EventCode::WrongMeter | EventCode::MeterProfileConflict
            )
        };
        assert!(!bench.events().iter().any(|event| is_wrong(event.code)));
    }
}

fn healthy_meter(bench: &mut Bench) -> Meter {
    seat_mode_e(bench, NAME, None, scenario())
}

#[tokio::test(start_paused = true)]
async fn each_way_in_which_a_sign_on_fails_has_its_own_words() {
    let mut bench = bench();
    let meter = healthy_meter(&mut bench);
    bench.start();
    bench.live(60).await;
    let place = meter.place;
    for select in [HdlcSelect::Refused, HdlcSelect::TakenSlowly] {
        bench
            .wire
            .change_flag_settings(place, |settings| settings.hdlc = select);
        let said = shown(&ping(&bench).await);
        assert_eq!(said, "sign-on [link] D13", "{select:?}");
        // A meter that waits for HDLC at another speed goes back by itself.
        bench.live(200).await;
    }
    bench.wire.change_flag_settings(place, |settings| {
        let maker = Manufacturer::new(*b"PMU").unwrap();
        settings.identification = Identification::new(maker, b'5', b"", "SIM").unwrap();
    });
    let found = ping(&bench).await;
    assert_eq!(shown(&found), "[sign-on] D12", "{found:#?}");
    bench
        .wire
        .change_flag(place, |troubles| troubles.dead = true);
    let found = ping(&bench).await;
    assert_eq!(shown(&found), "[sign-on] D11", "{found:#?}");
    let next = found.diagnosis.unwrap().next.join("; ");
    assert!(next.contains("dlms.sign-on-address"), "{next}");
    bench.stop().await;
}
