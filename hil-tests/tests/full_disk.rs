//! The disk is full: the daemon lives, says so, and goes on when there is room again; nothing is
//! wrong, nothing is lost without a word.
#![cfg(test)]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hil_tests::agent::Agent;
use hil_tests::bus::Bus;
use hil_tests::clock::{becomes, pause, utc, wait_until};
use hil_tests::skip::{by_tier, skipped};
use hil_tests::world::{World, wait_for_delivery};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use storage::limits::RESERVE_BYTES;

/// A small disk in memory; it is taken away with its guard.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn new(place: &Path, mebibytes: u32) -> Result<Self, rustix::io::Errno> {
        let options =
            std::ffi::CString::new(format!("size={mebibytes}m")).expect("no nought in it");
        mount(
            "tmpfs",
            place,
            "tmpfs",
            MountFlags::empty(),
            Some(options.as_c_str()),
        )?;
        Ok(Self(place.to_path_buf()))
    }

    /// Fills it to the last page, as somebody else's log does; what is there already grows.
    fn fill(&self) -> PathBuf {
        let ballast = self.0.join("ballast");
        let mut file = File::options();
        let mut file = file.create(true).append(true).open(&ballast).unwrap();
        while file.write_all(&[0x5A; 4096]).is_ok() {}
        ballast
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Err(fault) = unmount(&self.0, UnmountFlags::DETACH) {
            println!(
                "the small disk stays mounted at {}: {fault}",
                self.0.display()
            );
        }
    }
}

/// A gateway whose store lies on a small disk.
fn gateway_on_small_disk(
    promise: &str,
    world: &World,
    bus: &mut Bus,
    id: &str,
) -> Option<(Agent, SmallDisk)> {
    bus.seat("abb-b23", 1);
    bus.seat("eastron-sdm630", 2);
    let mut agent = world.gateway(id, &[bus], 2);
    for meter in &mut agent.file.meters {
        meter.instant_s = Some(1);
    }
    let data = agent.folder().join("data");
    std::fs::create_dir_all(&data).unwrap();
    match SmallDisk::new(&data, 24) {
        Ok(disk) => Some((agent, disk)),
        Err(fault) => {
            let why = format!("a small disk cannot be mounted here: {fault}");
            skipped(promise, &why);
            None
        }
    }
}

fn tells_of_the_disk(agent: &Agent) -> bool {
    let alarms = agent.status().alarms;
    alarms.iter().any(|alarm| alarm.contains("disk"))
}

#[track_caller]
fn must_tell_of_the_disk(agent: &Agent) {
    let told = becomes(Duration::from_secs(45), || tells_of_the_disk(agent));
    let alarms = agent.status().alarms;
    assert!(told, "nobody was told: {alarms:?}\n{}", agent.said());
}

/// Bytes that the gateway keeps back for a full disk.
fn reserve(agent: &Agent) -> u64 {
    let file = agent.folder().join("data/reserve");
    file.metadata().map_or(0, |found| found.len())
}

/// There is room again: all that was kept comes to the head-end.
fn must_recover(world: &mut World, agent: &mut Agent, bus: &Bus) {
    world.head_end.start();
    pause(Duration::from_secs(12));
    wait_for_delivery(agent, Duration::from_mins(1));
    let upto = utc().before(Duration::from_secs(5));
    wait_for_delivery(agent, Duration::from_secs(30));
    let verdict = world.judge(agent, &[bus], upto);
    println!("{verdict}");
    verdict.must_be_clean();
}

#[test]
fn a_full_disk_is_survived_and_told() {
    let promise = "full disk";
    let Some(mut world) = World::new(promise) else {
        return;
    };
    let mut bus = Bus::serial("main", world.folder(), 19_200, 1);
    let Some((mut agent, disk)) = gateway_on_small_disk(promise, &world, &mut bus, "pmu-full")
    else {
        return;
    };
    agent.start();
    wait_until("the reserve is made", Duration::from_secs(10), || {
        reserve(&agent) == RESERVE_BYTES
    });
    let ballast = disk.fill();
    pause(Duration::from_secs(20));
    assert!(
        agent.is_running(),
        "a full disk ended the daemon\n{}",
        agent.said()
    );
    must_tell_of_the_disk(&agent);
    assert!(reserve(&agent) < RESERVE_BYTES, "{}", agent.said());
    std::fs::remove_file(ballast).unwrap();
    wait_until(
        "the reserve is whole again",
        Duration::from_secs(75),
        || reserve(&agent) == RESERVE_BYTES,
    );
    must_recover(&mut world, &mut agent, &bus);
}

/// The card is full and the power fails, more than once; whoever filled it takes every page that
/// comes free.
fn cut_power_while_full(promise: &str, id: &str, filled_after: Duration) {
    let Some(mut world) = World::new(promise) else {
        return;
    };
    let mut bus = Bus::serial("main", world.folder(), 19_200, 2);
    let Some((mut agent, disk)) = gateway_on_small_disk(promise, &world, &mut bus, id) else {
        return;
    };
    agent.start();
    pause(filled_after);
    let ballast = disk.fill();
    must_tell_of_the_disk(&agent);
    for cut in 1..=by_tier(4, 40) {
        agent.cut_power();
        disk.fill();
        agent.start();
        must_tell_of_the_disk(&agent);
        // Its counters begin at nought with each start.
        let reads_on = becomes(Duration::from_secs(20), || {
            let meters = agent.meters();
            meters.len() == 2 && meters.iter().all(|meter| meter.answers > 5)
        });
        assert!(reads_on, "reading stopped\n{}", agent.said());
        // The head-end can only help a gateway that it sees.
        let connected = becomes(Duration::from_secs(30), || agent.is_connected());
        assert!(connected, "no session with the broker\n{}", agent.said());
        let left = reserve(&agent);
        println!("power cut {cut}: {left} bytes of the reserve are left");
        disk.fill();
    }
    std::fs::remove_file(ballast).unwrap();
    must_recover(&mut world, &mut agent, &bus);
}

#[test]
fn a_gateway_killed_while_its_disk_is_full_comes_up_again() {
    let promise = "killed while the disk is full";
    cut_power_while_full(promise, "pmu-full-cut", Duration::from_secs(8));
}

#[test]
fn even_without_a_reserve_it_comes_up_and_reads() {
    let promise = "killed while the disk is full, without a reserve";
    cut_power_while_full(promise, "pmu-full-bare", Duration::from_secs(2));
}
