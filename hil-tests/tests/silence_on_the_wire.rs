//! At least 3.5 characters of silence precede every request, as the wire sees it, and the bus is
//! used nearly as much as that allows.
#![cfg(test)]

use std::time::Duration;

use hil_tests::polling::{Case, Guest, run};
use hil_tests::skip::by_tier;
use simulator::trouble::{MeterTroubles, OneIn};

fn case(name: &str, baud: u32, blocks: &[(u16, u16)], troubles: &MeterTroubles) -> Case {
    let lasts = Duration::from_secs(by_tier(8, 300));
    let guest = |unit| Guest {
        unit,
        troubles: troubles.clone(),
    };
    Case {
        baud,
        guests: vec![guest(7), guest(8)],
        blocks: blocks.to_vec(),
        ..Case::new(name, troubles.clone(), lasts)
    }
}

#[test]
fn every_request_follows_its_silence() {
    let healthy = MeterTroubles {
        needs_silence: true,
        ..MeterTroubles::healthy(Duration::from_millis(5))
    };
    let troubled = MeterTroubles {
        flipped: OneIn::times(5),
        foreign: OneIn::times(3),
        lost_answers: OneIn::times(40),
        junk: Some(0..=10),
        ..healthy.clone()
    };
    let short = [(0, 10), (100, 10)];
    let cases = [
        case("9600 baud", 9600, &short, &healthy),
        case("19200 baud", 19_200, &short, &healthy),
        case("38400 baud", 38_400, &short, &healthy),
        case("9600 baud, a bad line", 9600, &short, &troubled),
        case("19200 baud, a bad line", 19_200, &short, &troubled),
    ];
    let folder = tempfile::tempdir().unwrap();
    for report in run(&cases, folder.path()) {
        let shortest = report.shortest_silence();
        println!(
            "{:<26} {} requests, shortest silence {}.{:02} characters",
            report.name,
            report.silences.count,
            shortest / 100,
            shortest % 100
        );
        assert!(
            report.silences.count > 50,
            "{}: too few requests",
            report.name
        );
        // Above 19 200 baud the standard fixes 1.75 ms.
        let least = if report.name.starts_with("38400") {
            672
        } else {
            350
        };
        assert!(
            shortest >= least,
            "{}: {shortest} hundredths of a character",
            report.name
        );
        assert_eq!(report.all().wrong, Vec::<String>::new(), "{}", report.name);
    }
}
