//! Orders on a line that has more to poll than time for it.

use super::commands::{NAME, Office, live_until_final, offer};
use super::world::{bench, import, key_octets, seat_secured};
use ::dlms::security::Suite;
use authority::{Action, CommandState};
use simulator::dlms::{ClockSet, DlmsScenario};
use simulator::trouble::Spread;
use std::time::Duration;

const POLLED: u8 = 3;
/// What the way from the desk to the line may take beside the exchange under way.
const WAY: Duration = Duration::from_millis(50);

fn scenario() -> DlmsScenario {
    let scenario = DlmsScenario {
        days: 2,
        ..DlmsScenario::new(9, "00012345")
    };
    let at = scenario.starts_at - 3600;
    DlmsScenario {
        clock_sets: vec![ClockSet { at, ahead: 20 }],
        ..scenario
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_goes_behind_the_exchange_under_way_however_much_is_polled() {
    let mut bench = bench();
    seat_secured(&mut bench, (NAME, 17), Suite::Zero, scenario());
    for unit in 1..=POLLED {
        let keys = "instant = { every-seconds = 1 }";
        bench.seat_modbus(&format!("modbus-{unit}"), "eastron-sdm120", unit, keys);
    }
    let mut office = Office::new();
    office.provision(&bench);
    bench.start();
    import(&bench, NAME, Suite::Zero, key_octets(Suite::Zero)).await;
    bench
        .live_until(2400, |meter| meter.clock_error_ms.is_some())
        .await;
    assert!(bench.desk().offer_key_set(office.key_set(&bench, 1)));
    // Slower than their model says: from now on there is always a poll that is due.
    for unit in 1..=POLLED {
        bench.wire.change_meter(unit, |troubles| {
            troubles.turnaround = Spread::fixed(Duration::from_millis(250));
        });
    }
    bench.live(120).await;
    for round in 0..10_u32 {
        bench.live_ms(u64::from(round) * 97).await;
        let action = Action::TimeAdjust {
            meter: NAME.parse().unwrap(),
            step_max_s: 30,
        };
        let command = office.command(&bench, action);
        let asked = bench.wire.now();
        offer(&bench, office.signed(&command));
        live_until_final(&bench, &command).await;
        let requests = bench.wire.requests();
        let begun = requests
            .iter()
            .position(|one| one.at > asked && one.asked.is_none());
        let begun = begun.expect("a frame that is no Modbus request");
        let polls = requests
            .windows(2)
            .filter(|pair| pair.iter().all(|one| one.asked.is_some()));
        let longest = polls
            .map(|pair| pair[1].at.saturating_sub(pair[0].at))
            .max();
        let longest = longest.expect("polls without a pause");
        assert!(
            longest < Duration::from_secs(1),
            "{longest:?}: the line rests"
        );
        let waited = requests[begun].at.saturating_sub(asked);
        assert!(
            waited <= longest + WAY,
            "{round}: {waited:?}, longest {longest:?}"
        );
        bench.live(40).await;
    }
    bench.stop().await;
    let done = bench.receipts();
    let done = done
        .iter()
        .filter(|one| one.state == CommandState::Succeeded);
    assert_eq!(done.count(), 10);
}
