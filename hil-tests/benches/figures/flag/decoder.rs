//! The decoder of load profiles, against the line that its octets come over.

use std::time::Duration;

use hil_tests::bus::catalogue;
use metering::MeterTime;
use meters::ClockBasis;
use meters::elster::profile::{ProfileDecoder, ProfileOptions};

use super::ground::{Stage, four_channels, without_waiting};
use crate::Ground;
use crate::guard_cpu::thread_cpu;
use crate::table::{Limit, Row, Spread};

/// At 9600 bit/s and ten bits a character, two characters an octet, nothing between answers.
const LINE_OCTETS_A_SECOND: f64 = 480.0;
/// A packet of the load profile.
const PACKET: usize = 64;

pub(super) fn row(ground: &Ground) -> Row {
    let octets = without_waiting(async {
        let mut stage = Stage::of_seven_bits(four_channels());
        stage.profile(90).await
    });
    let (runs, times) = (ground.by_pace(5, 25), ground.by_pace(10, 40));
    let rates: Vec<f64> = (0..runs).map(|_| rate(&octets, times)).collect();
    let rates = Spread::of(rates);
    let ratios = |rate: f64| rate / LINE_OCTETS_A_SECOND;
    Row {
        figure: "decoder of profiles, octets a second of CPU, in those of a 9600-baud line"
            .to_owned(),
        limit: Limit::AtLeast(10_000.0),
        measured: Spread {
            least: ratios(rates.least),
            median: ratios(rates.median),
            most: ratios(rates.most),
            count: rates.count,
        },
        unit: "times",
        peer: format!("{:.1} MB/s of CPU", rates.median / 1e6),
    }
}

/// Octets a second of this thread's CPU.
fn rate(octets: &[u8], times: u32) -> f64 {
    let model = catalogue().flag_model("elster-a1700").unwrap();
    let profile = model.profile.as_ref().unwrap();
    let mut rows = 0;
    let before = thread_cpu();
    for _ in 0..times {
        let options = ProfileOptions {
            basis: ClockBasis::utc(),
            read_at: MeterTime::default(),
            columns: None,
        };
        let mut decoder = ProfileDecoder::new(model, profile, options);
        for packet in octets.chunks(PACKET) {
            decoder.push(packet);
            rows += decoder.take().rows();
        }
        rows += decoder.finish().rows();
    }
    let took: Duration = thread_cpu().saturating_sub(before);
    assert!(rows >= 89 * 48, "{rows}");
    octets.len() as f64 * f64::from(times) / took.as_secs_f64()
}
