//! Whole worlds from one number each: the real tasks of the daemon under paused time, with a
//! simulated disk, simulated meters, a simulated head-end, and everything going wrong.
//!
//! Checked at every step: nothing acknowledged is lost, no number has two contents, nothing is
//! freed without the head-end's word, every queue keeps its limit, every task makes progress. At
//! the end: the backlog drains, every value was on its meter at its instant, every missing value
//! says so, and the store holds what it sent.
//!
//! `just sim SEED` lives one world again and tells what happens in it.

mod agenda;
mod books;
mod clock;
mod disk;
mod gateway;
mod head_end;
mod judge;
mod life;
mod steps;
mod truth;
mod world;

use agenda::Happening;
use books::Sabotage;
use gateway::Gateway;
use life::{Figures, Life, Verdict};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use world::World;

/// Worlds of every run.
const SEEDS: u64 = 32;
/// Hours of troubles in each.
const HOURS: u64 = 2;
/// Worlds in which something was wrong once.
const REGRESSIONS: &str = include_str!("simulation/regressions.txt");

fn live(seed: u64, hours: u64, sabotage: Sabotage) -> Verdict {
    paused().block_on(Life::live(seed, hours, sabotage))
}

fn paused() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

fn wanted() -> Option<u64> {
    std::env::var("PMU_SIM_SEED").ok()?.parse().ok()
}

/// Whether somebody watches one world.
fn is_loud() -> bool {
    wanted().is_some()
}

fn seeds() -> Vec<u64> {
    if let Some(seed) = wanted() {
        return vec![seed];
    }
    let lines = REGRESSIONS
        .lines()
        .map(|line| line.split('#').next().unwrap_or("").trim());
    let failed = lines.filter(|line| !line.is_empty());
    let failed = failed.map(|line| line.parse().expect("a line of regressions.txt is a seed"));
    let more = std::env::var("PMU_SIM_SEEDS")
        .ok()
        .and_then(|count| count.parse().ok());
    let all: BTreeSet<u64> = failed.chain(1..=more.unwrap_or(SEEDS)).collect();
    all.into_iter().collect()
}

fn add(sum: &mut Figures, one: &Figures) {
    sum.simulated += one.simulated;
    sum.exchanges += one.exchanges;
    sum.kills += one.kills;
    sum.power_cuts += one.power_cuts;
    sum.starts += one.starts;
    sum.clock_steps += one.clock_steps;
    sum.reloads += one.reloads;
    sum.asked_by_time += one.asked_by_time;
    sum.told_by_time += one.told_by_time;
    sum.records += one.records;
    sum.intervals += one.intervals;
    sum.flagged += one.flagged;
    sum.values_checked += one.values_checked;
    sum.readings += one.readings;
    sum.connections += one.connections;
    sum.publishes += one.publishes;
    sum.duplicates += one.duplicates;
    sum.hostile += one.hostile;
    sum.set_aside += one.set_aside;
    sum.drained_after = sum.drained_after.max(one.drained_after);
    sum.furthest = sum.furthest.max(one.furthest);
    sum.reading_furthest = sum.reading_furthest.max(one.reading_furthest);
}

#[test]
fn every_world_keeps_the_promise() {
    let seeds = seeds();
    let next = AtomicU64::new(0);
    let (mut figures, mut failed) = (Figures::default(), Vec::new());
    let workers = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(seeds.len());
    let verdicts: Vec<(u64, Verdict)> = thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            loop {
                let index = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).expect("few");
                let Some(seed) = seeds.get(index) else {
                    return done;
                };
                done.push((*seed, live(*seed, HOURS, Sabotage::None)));
            }
        };
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("a world panicked"))
            .collect()
    });
    for (seed, verdict) in verdicts {
        add(&mut figures, &verdict.figures);
        if !verdict.complaints.is_empty() {
            failed.push(format!(
                "just sim {seed}\n  {}",
                verdict.complaints.join("\n  ")
            ));
        }
    }
    eprintln!("{} worlds: {figures:#?}", seeds.len());
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
    assert!(
        figures.intervals > 0
            && figures.values_checked > 0
            && figures.kills + figures.power_cuts > 0
            && figures.reloads > 0
            && figures.told_by_time > 0
            && figures.set_aside > 0
            || is_loud()
    );
}

#[test]
fn one_seed_makes_one_world() {
    let lives = [0, 0].map(|_| live(3, 1, Sabotage::None));
    assert_eq!(lives[0].figures, lives[1].figures);
    assert_eq!(lives[0].complaints, lives[1].complaints);
}

/// One world with these troubles only, each from a second to a second.
#[track_caller]
fn check_agenda(agenda: Vec<(u64, Happening)>) {
    let agenda = agenda
        .into_iter()
        .map(|(at, happening)| (Duration::from_secs(at), happening));
    let world_and_life = async {
        let world = World::new(5, Sabotage::None);
        Life::live_through(world, agenda.collect(), 1).await
    };
    let verdict = paused().block_on(world_and_life);
    assert_eq!(verdict.complaints, Vec::<String>::new());
}

#[test]
fn a_channel_list_that_the_broker_lost_comes_again() {
    check_agenda(vec![
        (0, Happening::BrokerLoses(1)),
        (900, Happening::BrokerLoses(0)),
    ]);
}

/// Who is not seen cannot be helped: not even with a new system.
#[test]
fn a_gateway_whose_disk_takes_nothing_is_seen_all_the_same() {
    paused().block_on(async {
        let world = World::new(5, Sabotage::None);
        let gateway = Gateway::start(&world).expect("a store");
        let is_seen = async |gateway: &Gateway| {
            for _ in 0..600 {
                if gateway.uplink.borrow().state == "connected" {
                    return true;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            false
        };
        assert!(is_seen(&gateway).await);
        world.disk.set_failing(true);
        for _ in 0..3 {
            let before = gateway.uplink.borrow().connections;
            world.head_end.cut(false);
            tokio::time::sleep(Duration::from_mins(2)).await;
            assert!(is_seen(&gateway).await, "{:?}", gateway.uplink.borrow());
            assert!(gateway.uplink.borrow().connections > before);
        }
        world.disk.set_failing(false);
        gateway.stop().await;
    });
}

#[track_caller]
fn check_noticed(sabotage: Sabotage, complaint: &str) {
    let found = (1..=3).map(|seed| live(seed, 1, sabotage)).find(|verdict| {
        verdict
            .complaints
            .iter()
            .any(|found| found.contains(complaint))
    });
    assert!(
        found.is_some(),
        "{sabotage:?} was not noticed in three worlds"
    );
}

#[test]
fn the_checkers_can_fail() {
    check_noticed(Sabotage::WrongDigit, "was not answered then");
    check_noticed(Sabotage::DroppedEntry, "lost: ");
    check_noticed(Sabotage::OtherContent, "twice with different content");
    check_noticed(Sabotage::LostFlag, "and no flag");
}
