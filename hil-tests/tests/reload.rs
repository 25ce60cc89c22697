//! SIGHUP applies one meter's change without disturbing the others; a faulty file changes nothing.
#![cfg(test)]

use std::time::Duration;

use hil_tests::bus::Bus;
use hil_tests::clock::{pause, utc, wait_until};
use hil_tests::world::{World, wait_for_delivery};
use rustix::process::Signal;

const GATEWAY: &str = "pmu-reload";

#[test]
fn a_changed_meter_disturbs_no_other() {
    let Some(mut world) = World::new("reload") else {
        return;
    };
    let mut bus = Bus::serial("main", world.folder(), 19_200, 1);
    for unit in 1..=4 {
        bus.seat("abb-b23", unit);
    }
    let mut agent = world.gateway(GATEWAY, &[&bus], 2);
    // The fourth meter is installed later.
    let fourth = agent.file.meters.pop().expect("four meters");
    world.head_end.start();
    agent.start();
    pause(Duration::from_secs(7));

    agent.file.meters.push(fourth);
    agent.reload();
    wait_until("the new meter is read", Duration::from_secs(10), || {
        agent
            .meters()
            .iter()
            .any(|meter| meter.meter == "main-4" && meter.answers > 0)
    });
    pause(Duration::from_secs(4));
    // The third one is asked for instantaneous values too.
    agent.file.meters[2].instant_s = Some(1);
    agent.reload();
    pause(Duration::from_secs(5));

    // A mistake: everything goes on as it was.
    std::fs::write(
        agent.config(),
        "[gateway]\nid = \"pmu-reload\"\nnonsense = 1\n",
    )
    .unwrap();
    agent.process().signal(Signal::HUP);
    wait_until("the mistake is named", Duration::from_secs(5), || {
        agent.said().contains("was not applied") && agent.said().contains("nonsense")
    });
    pause(Duration::from_secs(5));
    assert_eq!(agent.meters().len(), 4, "the old configuration goes on");
    // The first one is taken down.
    agent.file.meters.remove(0);
    agent.reload();
    wait_until("the removed meter is gone", Duration::from_secs(5), || {
        agent.meters().len() == 3
    });
    pause(Duration::from_secs(5));

    wait_for_delivery(&agent, Duration::from_secs(30));
    let upto = utc().before(Duration::from_secs(4));
    wait_for_delivery(&agent, Duration::from_secs(30));
    agent.stop();
    let summary = world.head_end.stop();
    world.must_agree(&summary);
    let rows = world.head_end.rows(GATEWAY);
    let verdict = hil_tests::judge::judge(&rows, &[&bus]);
    println!("{verdict}");
    verdict.must_be_clean();
    // The second meter was never touched: all its rows are whole, but for those around the start: a
    // first sample that came late for its mark has no increment, nor has the row behind it.
    let second: Vec<_> = rows
        .iter()
        .filter(|row| row.meter.as_str() == "main-2")
        .collect();
    let last = second.last().expect("rows").end;
    assert!(last >= upto, "it was read to the end");
    let disturbed: Vec<_> = second
        .iter()
        .skip(2)
        .filter(|row| row.values.iter().any(|v| v.value.is_none()))
        .collect();
    assert!(disturbed.is_empty(), "{disturbed:?}");
}
