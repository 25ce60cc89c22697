//! A gateway with an Elster meter that takes programs.

use crate::bench::{Bench, Seat};
use crate::site::Site;
use simulator::elster::{ElsterModel, Scenario};

pub(super) const NAME: &str = "elster-1";
/// The password of the level that programs.
pub(super) const PROGRAMS: &str = "FEDC0003\n";
/// What the registers by rate measure.
pub(super) const RATE_SOURCES: u16 = 667;

pub(super) struct Programmed {
    pub(super) site: Site,
    pub(super) seat: Seat,
}

impl Programmed {
    /// With a password; its scheme is in the library.
    pub(super) async fn with(password: &str) -> Self {
        let (mut bench, seat) = bench(password);
        bench.reword("every-seconds = 1200", "every-seconds = 21600");
        seat.meter.take_programs();
        let mut site = Site::open(bench, true).await;
        let scheme = include_str!("../../../../config/schemes/two-rate-registers.toml");
        site.put(&scheme.replace("elster-a1700", "elster-a1140"))
            .await;
        Self { site, seat }
    }
}

/// A line with such a meter; the gateway is not started yet.
pub(super) fn bench(password: &str) -> (Bench, Seat) {
    let scenario = Scenario {
        days: 2,
        ..Scenario::new(41, "90123456")
    };
    let mut bench = Bench::new(&scenario);
    let keys = "collect = { every-seconds = 1200, days-max = 2 }";
    let seat = bench.seat(NAME, ElsterModel::A1140, scenario, keys);
    // A backup of all settings is one session.
    bench.reword("baud = 9600\n", "baud = 9600\nsession-seconds-max = 60\n");
    if password == PROGRAMS {
        bench.reword("access = {", "access = { level = 3,");
    }
    bench.password(password);
    (bench, seat)
}

/// Its plug is in, or not.
pub(super) fn plug(bench: &Bench, seat: &Seat, is_in: bool) {
    bench
        .wire
        .change_flag(seat.place, |troubles| troubles.dead = !is_in);
}
