//! The decoder of load profiles against the line that brings them: octets a second of CPU, by the
//! octets a second of 9600 baud.

use metering::MeterTime;
use meters::ClockBasis;
use meters::catalogue::Catalogue;
use meters::elster::profile::{ProfileDecoder, ProfileOptions};

use crate::Ground;
use crate::cpu::thread_cpu;
use crate::table::{Limit, Row, Spread};

/// Octets a second that a line of 9600 baud, ten bits a character, carries of a profile: two
/// characters an octet, and nothing else.
const LINE: f64 = 480.0;
/// 2025-01-01.
const BEGIN: u32 = 1_735_689_600;

pub(crate) fn rows(ground: &Ground) -> Vec<Row> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/meter-models");
    let catalogue = Catalogue::load(std::path::Path::new(folder)).unwrap();
    let model = catalogue.flag_model("elster-a1700").unwrap();
    let profile = profile(90);
    let times = ground.by_pace(5, 50);
    let rates: Vec<f64> = (0..times)
        .map(|_| {
            let options = ProfileOptions {
                basis: ClockBasis::utc(),
                read_at: MeterTime::default(),
                columns: None,
            };
            let mut decoder = ProfileDecoder::new(model, model.profile.as_ref().unwrap(), options);
            let before = thread_cpu();
            let mut rows = 0;
            for packet in profile.chunks(64) {
                decoder.push(packet);
                rows += decoder.take().rows();
            }
            rows += decoder.finish().rows();
            assert_eq!(rows, 90 * 48);
            profile.len() as f64 / thread_cpu().saturating_sub(before).as_secs_f64() / LINE
        })
        .collect();
    vec![Row {
        figure: "load-profile decoder by the 9600-baud line, 90 days x 4 channels".to_owned(),
        limit: Limit::AtLeast(10_000.0),
        measured: Spread::of(rates),
        unit: "x",
        peer: "-".to_owned(),
    }]
}

/// Half hours of four channels, as an A1700 has them.
fn profile(days: u32) -> Vec<u8> {
    let mut octets = Vec::new();
    for day in 0..days {
        octets.push(0xE4);
        octets.extend((BEGIN + day * 86_400).to_le_bytes());
        octets.extend([0x00, 0x0F, 0x09]);
        for half_hour in 0..48_u8 {
            let digits = ((half_hour / 10) << 4) | (half_hour % 10);
            octets.push(0);
            octets.extend([0x01, digits, 0x43].repeat(4));
        }
    }
    octets
}
