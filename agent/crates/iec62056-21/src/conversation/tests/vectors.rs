//! The frames of our sources, as a whole session: what the gateway sends is theirs to the octet,
//! and their answers are understood wherever they are cut.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use line::{GuardSettings, GuardedLine, LineTiming};

use super::super::{Session, SessionFault};
use super::wire::{MS, TestLine, settings};
use super::{elster, terms};
use crate::codec::{BlockEnd, Packet, PacketRead, octets_of};

const OPENING: &str = "
> 2f 3f 30 30 31 21 0d 0a
< 2f 47 45 43 35 30 39 30 31 30 30 31 30 30 34 30 30 40 30 30 30 0d 0a
> 06 30 35 31 0d 0a
< 01 50 30 02 28 30 31 32 33 34 35 36 37 38 39 41 42 43 44 45 46 29 03 66
";
const SESSION: &str = include_str!("../../../tests/vectors/elster_session.txt");

/// Requests and their answers; of two answers to one request the first.
fn exchanges() -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut exchanges = BTreeMap::new();
    let mut request = None;
    for line in OPENING.lines().chain(SESSION.lines()) {
        let octets = || octets_of(&line[2..].replace(' ', "")).unwrap();
        if line.starts_with("> ") {
            request = Some(octets());
        } else if line.starts_with("< ")
            && let Some(request) = request.take()
        {
            exchanges.entry(request).or_insert_with(octets);
        }
    }
    // A probe stands between two confirmations.
    let probe = PacketRead::new(Packet::new(798, 1).unwrap(), 11).unwrap();
    let answer = super::meter::block("(3030303030303030313233)", BlockEnd::Last);
    exchanges.insert(probe.encode().unwrap().into_octets(), answer);
    exchanges
}

/// A meter that knows these requests only, and pauses within each answer.
fn line(cut: usize, tasks: &mut JoinSet<()>) -> GuardedLine<TestLine> {
    let (near, mut far) = tokio::io::duplex(4096);
    let exchanges = exchanges();
    tasks.spawn(async move {
        let mut heard = Vec::new();
        let mut chunk = [0; 256];
        while let Ok(count @ 1..) = far.read(&mut chunk).await {
            heard.extend_from_slice(&chunk[..count]);
            let Some(answer) = exchanges.get(&heard) else {
                continue;
            };
            heard.clear();
            tokio::time::sleep(220 * MS).await;
            let (one, other) = answer.split_at(cut.min(answer.len()));
            far.write_all(one).await.unwrap();
            // Longer than the silence that proves a whole readout.
            tokio::time::sleep(130 * MS).await;
            far.write_all(other).await.unwrap();
        }
    });
    let timing = LineTiming::serial(&settings(9600), Duration::ZERO);
    GuardedLine::new(TestLine::new(near), timing, GuardSettings::default())
}

async fn converse(cut: usize) {
    let mut tasks = JoinSet::new();
    let mut guard = line(cut, &mut tasks);
    let mut session = Session::open(&mut guard, &terms()).await.unwrap();
    session.log_on(&elster("FEDC0003")).await.unwrap();
    let serial = session.read_packet(798, 1, 16).await.unwrap();
    assert_eq!(serial.data, b"0000000012345678", "{cut}");
    let scheme = session.read_packet(795, 1, 8).await.unwrap();
    assert_eq!(scheme.data, b"SCHM0001");
    let clock = session.read_packet(861, 1, 7).await.unwrap();
    assert_eq!(clock.data, [0x00, 0x30, 0x12, 0x03, 0x05, 0x00, 0x26]);
    let totals = session.read_identity(507, 1, 80).await.unwrap();
    let import = [0x23, 0x01, 0x89, 0x67, 0x45, 0x23, 0x01, 0x00];
    assert_eq!((totals.data.len(), &totals.data[..8]), (80, &import[..]));
    session.write_packet(551, 1, &[2, 0]).await.unwrap();
    let size = session.read_packet(551, 1, 4).await.unwrap();
    assert_eq!(size.data, [0, 0x27, 0, 9]);
    let profile = session.read_packet(550, 1, 64).await.unwrap();
    assert!(profile.data.starts_with(&[0xe4, 0x80, 0x85]));
    let padding = session.read_packet(550, 10, 64).await.unwrap();
    assert_eq!(padding.data, [0xff; 64]);
    session
        .write_packet(605, 1, &[0x1a, 0x2a, 0x4a, 0])
        .await
        .unwrap();
    let ready = session.read_packet(605, 1, 4).await.unwrap();
    assert_eq!(ready.data, [0x9a, 0xaa, 0xca, 0x80]);
    let values = session.read_packet(606, 1, 28).await.unwrap();
    assert_eq!(&values.data[..7], [0, 0, 0, 0x02, 0x30, 0x50, 0]);
    session.write_packet(861, 1, &clock.data).await.unwrap();
    let refused = session.write_packet(655, 1, &[1]).await;
    assert!(
        matches!(refused, Err(SessionFault::Refused { .. })),
        "{refused:?}"
    );
    session.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_session_of_our_sources_is_spoken_to_the_octet_and_understood_in_pieces() {
    for cut in 0..=133 {
        converse(cut).await;
    }
}
