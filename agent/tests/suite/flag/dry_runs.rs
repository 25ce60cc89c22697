//! What a dry run says would be written to an Elster meter is what the meter then sees, one by one.

use super::road_commands::{self, OTHER, World};
use super::world::{NAME, PROGRAMS, Programmed};
use crate::bench::Seat;
use crate::site::{Site, program, read};
use authority::Command;

/// Identities that are written to choose what is read: a window of the load profile, values of now.
const CHOOSES: [u16; 3] = [551, 554, 605];

/// The writes that a meter took, as a dry run names them: where, how much, what.
fn seen(seat: &Seat) -> Vec<String> {
    let taken = seat.meter.taken().into_iter();
    let taken = taken.filter(|(identity, ..)| !CHOOSES.contains(identity));
    let named = taken.map(|(identity, packet, octets)| {
        let hex: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        format!(
            "{identity}{packet:03} ({} octets): {}",
            octets.len(),
            hex.concat()
        )
    });
    named.collect()
}

/// The same of a dry run: of `tariff: name at 667001 (8 octets): before -> after` all behind the name but
/// what was there before.
#[track_caller]
fn said(site: &Site, dry: &Command) -> Vec<String> {
    let lines = site.would_write(dry).into_iter();
    let lines = lines.map(|line| {
        let (_, behind) = line.split_once(" at ").expect("a place");
        let (place, octets) = behind.split_once("): ").expect("octets");
        let after = octets.split_once(" -> ").map_or(octets, |(_, after)| after);
        format!(
            "{place}): {}",
            after.trim_end_matches(" (the load profile is lost)")
        )
    });
    lines.collect()
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_of_a_scheme_equals_the_writes_of_the_real_run() {
    let Programmed { mut site, seat } = Programmed::with(PROGRAMS).await;
    let dry = site.order(read("two-rate-registers", &[NAME])).await;
    assert_eq!(seen(&seat), Vec::<String>::new(), "a dry run sends none");
    let real = site.order(program("two-rate-registers", &[NAME])).await;
    let written = seen(&seat);
    let again = site.order(read("two-rate-registers", &[NAME])).await;
    site.bench.stop().await;
    site.well(&real);
    assert!(written.len() >= 2, "{written:#?}");
    assert_eq!(said(&site, &dry), written);
    assert_eq!(said(&site, &again), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_of_a_clone_equals_the_writes_of_the_real_run() {
    let mut world = World::new().await;
    world.with_image().await;
    let dry = world.order(read("north/golden", &[OTHER])).await;
    assert_eq!(
        seen(&world.other),
        Vec::<String>::new(),
        "a dry run sends none"
    );
    let real = world
        .order(road_commands::program("north/golden", OTHER))
        .await;
    let written = seen(&world.other);
    let World {
        bench,
        other,
        office,
        ..
    } = world;
    let mut site = Site { bench, office };
    let again = site.order(read("north/golden", &[OTHER])).await;
    // Recorded writes are replayed page by page as well.
    let replayed = site.order(read("holidays", &[OTHER])).await;
    assert_eq!(seen(&other), written, "a dry run sends none");
    site.bench.stop().await;
    site.well(&real);
    assert!(written.len() > 6, "{written:#?}");
    assert_eq!(said(&site, &dry), written);
    assert_eq!(said(&site, &again), Vec::<String>::new());
    site.well(&replayed);
}
