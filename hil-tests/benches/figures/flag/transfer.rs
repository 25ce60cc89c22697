//! A load profile of 90 days and four channels, in packets and in a data stream, against what the
//! protocol needs on a line of 9600 baud. The clock is that of the wire: nothing here depends on
//! the machine.

use std::time::Duration;

use super::ground::{GAP, Stage, Took, four_channels};
use crate::table::{Limit, Row, Spread};
use crate::virtual_time::without_waiting;

const DAYS: u16 = 90;
/// From today on, with a day of overlap.
const DAILY: u16 = 3;

pub(super) fn rows() -> Vec<Row> {
    let packets = without_waiting(async {
        let mut stage = Stage::of_seven_bits(four_channels());
        stage.packets(DAYS).await
    });
    let (daily, whole) = without_waiting(async {
        let mut stage = Stage::of_seven_bits(four_channels());
        (stage.packets(DAILY).await, stage.packets(DAYS).await)
    });
    let (plain, stream) = without_waiting(async {
        let mut stage = Stage::of_eight_bits(four_channels());
        (stage.packets(DAYS).await, stage.stream(DAYS).await)
    });
    // Not `assert_eq!`, which would print both.
    assert!(
        plain.octets == stream.octets,
        "both bring the same profile: {} and {} octets",
        plain.octets.len(),
        stream.octets.len()
    );
    let used = share(needed(&packets), packets.lasted);
    vec![
        Row {
            figure: "line time used of what packets need, 90 days x 4 channels, 9600 7E1"
                .to_owned(),
            limit: Limit::AtLeast(95.0),
            measured: Spread::one(used * 100.0),
            unit: "%",
            peer: format!(
                "{} packets in {} s",
                packets.exchanges,
                seconds(packets.lasted)
            ),
        },
        Row {
            figure: "the same in a data stream, 8N1".to_owned(),
            limit: Limit::AtLeast(1.8),
            measured: Spread::one(share(plain.lasted, stream.lasted)),
            unit: "x",
            peer: format!(
                "{} s against {} s",
                seconds(stream.lasted),
                seconds(plain.lasted)
            ),
        },
        Row {
            figure: "octets of a daily collection, of those of 90 days".to_owned(),
            limit: Limit::AtMost(4.0),
            measured: Spread::one(daily.carried as f64 / whole.carried as f64 * 100.0),
            unit: "%",
            peer: format!("{} of {} octets", daily.carried, whole.carried),
        },
    ]
}

/// What the exchanges need: the rest before each, the request, the meter's reaction, the answer.
fn needed(took: &Took) -> Duration {
    let exchanges = u32::try_from(took.exchanges).unwrap();
    took.character * u32::try_from(took.carried).unwrap() + (GAP + took.reaction) * exchanges
}

fn share(part: Duration, whole: Duration) -> f64 {
    part.as_secs_f64() / whole.as_secs_f64()
}

fn seconds(time: Duration) -> String {
    format!("{:.0}", time.as_secs_f64())
}
