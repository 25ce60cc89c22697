//! How much of the line's time a conversation uses of what the protocol needs.

use std::ops::ControlFlow;
use std::time::Duration;

use line::{DataBits, LineSettings, Parity};
use tokio::time::Instant;

use super::super::{ParityBy, Terms};
use super::meter::Meter;
use super::wire::{MS, Manner, Wire, settings};
use super::{session, terms};
use crate::codec::Purpose;

/// 90 days of half hours: a marker of 8 octets a day, and a status octet and three for each of
/// four channels an interval.
const OCTETS: usize = 90 * (8 + 48 * (1 + 4 * 3));

const REACTIONS: [Duration; 3] = [
    Duration::from_millis(30),
    Duration::from_millis(220),
    Duration::from_millis(700),
];

fn patient() -> Terms {
    Terms {
        hold_max: Duration::from_hours(1),
        ..terms()
    }
}

/// Characters on the wire, and how often the meter thought and the gateway waited.
struct Needed {
    characters: usize,
    exchanges: usize,
}

impl Needed {
    fn time(&self, character: Duration, reaction: Duration, gap: Duration) -> Duration {
        let exchanges = u32::try_from(self.exchanges).unwrap();
        let characters = u32::try_from(self.characters).unwrap();
        character * characters + (reaction + gap) * exchanges
    }
}

async fn packets(reaction: Duration) -> (Duration, f64) {
    let meter = Meter {
        reaction,
        ..Meter::new()
    };
    let mut wire = Wire::new(meter, Manner::default());
    let character = settings(9600).character_time();
    let mut open = session(&mut wire.guard, patient()).await.unwrap();
    *wire.carried.lock().unwrap() = 0;
    let asked_before = wire.meter.lock().unwrap().log.len();
    let begun = Instant::now();
    open.read_identity(550, 1, OCTETS).await.unwrap();
    let took = begun.elapsed();
    open.close().await;
    let asked = wire.meter.lock().unwrap().log.len() - 1 - asked_before;
    let needed = Needed {
        characters: *wire.carried.lock().unwrap(),
        exchanges: OCTETS.div_ceil(64),
    };
    // Nothing is asked but the packets, and the password again before it lapses.
    let renewals = took.as_secs() / 270;
    assert_eq!(u64::try_from(asked - needed.exchanges).unwrap(), renewals);
    let share = needed.time(character, reaction, 200 * MS).as_secs_f64() / took.as_secs_f64();
    (took, share)
}

#[tokio::test(start_paused = true)]
async fn packets_use_the_time_of_the_line() {
    for reaction in REACTIONS {
        let (took, share) = packets(reaction).await;
        println!(
            "90 days of 4 channels in packets, meter thinks {reaction:?}: {took:.1?}, {:.1} % used",
            share * 100.0
        );
        assert!((0.95..=1.0).contains(&share), "{share}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_data_stream_is_faster_than_packets() {
    let reaction = 220 * MS;
    let (in_packets, _) = packets(reaction).await;
    let meter = Meter {
        reaction,
        ..Meter::new()
    };
    let manner = Manner {
        software_parity: true,
        ..Manner::default()
    };
    let mut wire = Wire::new(meter, manner);
    let eight = LineSettings {
        parity: Parity::None,
        data_bits: DataBits::Eight,
        ..settings(9600)
    };
    let terms = Terms {
        parity: ParityBy::Software,
        purpose: Purpose::Maker6,
        line: Some(eight),
        ..patient()
    };
    let mut open = session(&mut wire.guard, terms).await.unwrap();
    let begun = Instant::now();
    let blocks = u16::try_from(OCTETS.div_ceil(256)).unwrap();
    let mut octets = 0;
    let mut take = |_, data: &[u8]| {
        octets += data.len();
        ControlFlow::Continue(())
    };
    open.read_stream(550, 1, blocks, &mut take).await.unwrap();
    let took = begun.elapsed();
    open.close().await;
    assert!(octets >= OCTETS);
    let faster = in_packets.as_secs_f64() / took.as_secs_f64();
    println!("the same as a data stream: {took:.1?}, {faster:.1} times as fast");
    assert!(faster >= 1.8, "{faster}");
}
