//! Simulated DLMS meters on a line, and what the head-end booked of them.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use simulator::dlms::{DlmsInstrument, DlmsScenario};
use simulator::elster::Zone;

use crate::bus::Bus;
use crate::clock::utc;
use crate::world::World;

/// A file that only its owner may read.
pub fn private(file: &Path, text: &[u8]) {
    std::fs::write(file, text).expect("a file");
    std::fs::set_permissions(file, PermissionsExt::from_mode(0o600)).expect("a mode");
}

/// A meter that has been at work for a day, as of this machine's time of day.
pub fn dlms_scenario(bus: &Bus, seed: u64, serial: &str) -> DlmsScenario {
    let since = bus.wire.now().as_secs();
    let starts_at = utc().before(Duration::from_secs(since)).seconds();
    DlmsScenario {
        starts_at: i64::try_from(starts_at).expect("a time of this century"),
        days: 1,
        zone: Zone::UTC,
        ..DlmsScenario::new(seed, serial)
    }
}

/// Compares what the head-end booked with what a meter wrote up to now; how many intervals it were.
#[track_caller]
pub fn judge_dlms(
    world: &World,
    gateway: &str,
    name: &str,
    (meter, bus): (&DlmsInstrument, &Bus),
) -> usize {
    let rows = world.head_end.rows(gateway);
    let own = rows.iter().filter(|row| row.meter.as_str() == name);
    let mut booked = BTreeMap::new();
    for row in own {
        let end = i64::try_from(row.end.seconds()).expect("a time of this century");
        let values: Vec<i64> = row.values.iter().filter_map(|value| value.value).collect();
        assert_eq!(
            booked.insert(end, values),
            None,
            "{name}: {} twice",
            row.end
        );
    }
    // What the meter wrote within the last minute may still be on its way.
    let upto = meter.utc(bus.wire.now()) - 60;
    let mut wrong = Vec::new();
    for truth in meter.rows(upto) {
        let values: Vec<i64> = truth.values.iter().map(|value| i64::from(*value)).collect();
        if booked.get(&truth.end) != Some(&values) {
            wrong.push(format!(
                "{}: {:?} is {values:?}",
                truth.end,
                booked.get(&truth.end)
            ));
        }
    }
    println!(
        "{name}: {} intervals booked, {} wrong or lost",
        booked.len(),
        wrong.len()
    );
    assert_eq!(wrong, Vec::<String>::new(), "{name}");
    booked.len()
}
