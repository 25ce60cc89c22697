//! Data sets by their addresses, whole and in partial blocks.

use line::Peer;

use super::super::{LogOn, Probe, Session, SessionFault, Terms};
use super::meter::{Meter, PASSWORD};
use super::wire::{MS, Manner, Trouble, Wire};
use crate::codec::{Form, Password};

const CLOCK: &str = "0.9.1(123000)";
const PROFILE: &str = "P.01(260503000000)(00)(1)\r\n(0001)\r\n(0002)\r\n(0003)";

fn meter() -> Meter {
    let mut meter = Meter {
        ident: b"/ABB5AS1440\r\n".to_vec(),
        ..Meter::new()
    };
    meter.sets.insert("0.9.1", vec![CLOCK]);
    meter.sets.insert("0.0.0", vec!["0.0.0(12345678)"]);
    meter.sets.insert("C.1.0", vec!["C.1.0(87654321)"]);
    meter.sets.insert("F.F", vec!["F.F(00)"]);
    let parts = vec![
        "P.01(260503000000)(00)(1)\r\n(00",
        "01)\r\n(0002)",
        "\r\n(0003)",
    ];
    meter.sets.insert("P.01", parts);
    meter
        .sets
        .insert("P.02", vec!["P.02()", "(7)", "(7)", "(7)", "(8)"]);
    meter
}

fn terms() -> Terms {
    Terms {
        probes: Probe::vdew(),
        ..Terms::new(Peer(1), None)
    }
}

fn troubled(
    trouble: impl FnMut(usize, &[u8], super::wire::Plays) -> super::wire::Plays + Send + 'static,
) -> Manner {
    let trouble: Trouble = Box::new(trouble);
    Manner {
        trouble,
        ..Manner::default()
    }
}

async fn open(wire: &mut Wire) -> Session<'_, super::wire::TestLine> {
    let mut session = Session::open(&mut wire.guard, &terms()).await.unwrap();
    let log_on = LogOn::Plain(Password::new(PASSWORD).unwrap());
    session.log_on(&log_on).await.unwrap();
    session
}

#[tokio::test(start_paused = true)]
async fn data_sets_are_read_written_and_executed() {
    for echo in [false, true] {
        let manner = Manner {
            echo,
            ..Manner::default()
        };
        let mut wire = Wire::new(meter(), manner);
        let mut session = open(&mut wire).await;
        assert_eq!(
            session.read_set(Form::National, "0.9.1", "").await.unwrap(),
            CLOCK
        );
        session
            .write_set(Form::National, "0.9.1", "123100")
            .await
            .unwrap();
        session.execute("S01", "").await.unwrap();
        let profile = session.read_set(Form::NationalPartial, "P.01", ";").await;
        assert_eq!(profile.unwrap(), PROFILE);
        let fault = session
            .read_set(Form::National, "9.9.9", "")
            .await
            .unwrap_err();
        assert!(matches!(fault, SessionFault::Refused { .. }), "{fault:?}");
        session.close().await;
        assert_eq!(wire.meter.lock().unwrap().writes.len(), 2);
        let expected = [
            "password (hidden)",
            "read 0.9.1, national form",
            "write 0.9.1, national form",
            "read 0.0.0, national form",
            "execute S01",
            "read P.01, national form, in partial blocks",
            "acknowledged",
            "acknowledged",
            "read 9.9.9, national form",
            "sign-off",
        ];
        assert_eq!(wire.log()[2..], expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_behind_a_probe_with_another_address() {
    let manner = troubled(|number, _, plays| match number {
        4 => vec![],
        _ => plays,
    });
    let mut wire = Wire::new(meter(), manner);
    let mut session = open(&mut wire).await;
    assert_eq!(
        session.read_set(Form::National, "0.9.1", "").await.unwrap(),
        CLOCK
    );
    session.close().await;
    assert_eq!(wire.log()[4], "read 0.0.0, national form");
    assert_eq!(wire.log()[5], "read 0.9.1, national form");
}

#[tokio::test(start_paused = true)]
async fn a_damaged_block_comes_again_and_a_lost_one_begins_the_read_anew() {
    for damaged in [true, false] {
        let manner = troubled(move |number, _, mut plays| match number {
            5 if damaged => {
                plays[0].1[3] ^= 1;
                plays
            }
            5 => vec![],
            // The scripted meter repeats nothing of its own.
            6 if damaged => vec![(
                220 * MS,
                super::meter::block("01)\r\n(0002)", crate::codec::BlockEnd::More),
            )],
            _ => plays,
        });
        let mut wire = Wire::new(meter(), manner);
        let mut session = open(&mut wire).await;
        let profile = session.read_set(Form::NationalPartial, "P.01", "").await;
        assert_eq!(profile.unwrap(), PROFILE);
        session.close().await;
        let reads = wire
            .log()
            .iter()
            .filter(|words| words.contains("P.01"))
            .count();
        assert_eq!(reads, if damaged { 1 } else { 2 });
    }
}

#[tokio::test(start_paused = true)]
async fn blocks_that_are_the_same_are_believed_when_they_come_so_twice() {
    let mut wire = Wire::new(meter(), Manner::default());
    let mut session = open(&mut wire).await;
    let text = session.read_set(Form::NationalPartial, "P.02", "").await;
    assert_eq!(text.unwrap(), "P.02()(7)(7)(7)(8)");
    session.close().await;
    let reads = wire
        .log()
        .iter()
        .filter(|words| words.contains("P.02"))
        .count();
    assert_eq!(reads, 2);
}

#[tokio::test(start_paused = true)]
async fn a_doubled_block_is_not_joined_twice() {
    // A copy of each block comes while the next one is waited for.
    let mut doubled = 0;
    let manner = troubled(move |_, _, mut plays| {
        let is_partial = plays.first().is_some_and(|(_, octets)| octets.contains(&4));
        if is_partial && doubled < 2 {
            doubled += 1;
            let copy = plays[0].1.clone();
            plays.push((600 * MS, copy));
        }
        plays
    });
    let mut wire = Wire::new(meter(), manner);
    let mut session = open(&mut wire).await;
    let profile = session.read_set(Form::NationalPartial, "P.01", "").await;
    assert_eq!(profile.unwrap(), PROFILE);
}

#[tokio::test(start_paused = true)]
async fn an_answer_with_another_address_is_not_believed() {
    let manner = troubled(|number, _, plays| match number {
        4..=9 => vec![(
            220 * MS,
            super::meter::block("0.9.2(260503)", crate::codec::BlockEnd::Last),
        )],
        _ => plays,
    });
    let mut wire = Wire::new(meter(), manner);
    let mut session = open(&mut wire).await;
    let fault = session.read_set(Form::National, "0.9.1", "").await;
    assert!(fault.is_err(), "{fault:?}");
}
