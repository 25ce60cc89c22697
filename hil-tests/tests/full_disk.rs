//! The disk is full: the daemon lives, says so, and goes on when there is room again; nothing is
//! wrong, nothing is lost without a word.
#![cfg(test)]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hil_tests::bus::Bus;
use hil_tests::clock::{becomes, pause, utc};
use hil_tests::skip::skipped;
use hil_tests::world::{World, wait_for_delivery};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

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

    /// Fills all but so much.
    fn fill(&self, but: u64) -> PathBuf {
        let state = rustix::fs::statvfs(&self.0).unwrap();
        let free = state.f_bavail * state.f_frsize;
        let ballast = self.0.join("ballast");
        let mut file = File::create(&ballast).unwrap();
        let chunk = vec![0x5A; 4096];
        for _ in 0..free.saturating_sub(but) / 4096 {
            if file.write_all(&chunk).is_err() {
                break;
            }
        }
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

#[test]
fn a_full_disk_is_survived_and_told() {
    let promise = "full disk";
    let Some(mut world) = World::new(promise) else {
        return;
    };
    let mut bus = Bus::serial("main", world.folder(), 19_200, 1);
    bus.seat("abb-b23", 1);
    bus.seat("eastron-sdm630", 2);
    let mut agent = world.gateway("pmu-full", &[&bus], 2);
    for meter in &mut agent.file.meters {
        meter.instant_s = Some(1);
    }
    let data = agent.folder().join("data");
    std::fs::create_dir_all(&data).unwrap();
    let disk = match SmallDisk::new(&data, 24) {
        Ok(disk) => disk,
        Err(fault) => {
            return skipped(
                promise,
                &format!("a small disk cannot be mounted here: {fault}"),
            );
        }
    };
    agent.start();
    pause(Duration::from_secs(6));
    let ballast = disk.fill(0);
    pause(Duration::from_secs(20));
    assert!(
        agent.is_running(),
        "a full disk ended the daemon\n{}",
        agent.said()
    );
    let told = becomes(Duration::from_secs(45), || {
        agent
            .status()
            .alarms
            .iter()
            .any(|alarm| alarm.contains("disk"))
    });
    assert!(
        told,
        "nobody was told: {:?}\n{}",
        agent.status().alarms,
        agent.said()
    );
    std::fs::remove_file(ballast).unwrap();
    world.head_end.start();
    pause(Duration::from_secs(12));
    wait_for_delivery(&agent, Duration::from_mins(1));
    let upto = utc().before(Duration::from_secs(5));
    wait_for_delivery(&agent, Duration::from_secs(30));
    let verdict = world.judge(&mut agent, &[&bus], upto);
    println!("{verdict}");
    verdict.must_be_clean();
}
