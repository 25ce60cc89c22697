//! What happens to a world, and when: made from its seed before it begins.

use simulator::dice::Dice;
use std::time::Duration;

/// Something that happens at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Happening {
    /// The daemon is killed and comes back after so many milliseconds.
    Kill(u64),
    /// The power goes, and comes back after so many milliseconds.
    PowerCut(u64),
    /// The power will go at the so many-th write or sync.
    PowerCutAfter(u64),
    /// The daemon is told to stop, and is started again.
    Restart,
    /// Somebody sets the wall clock.
    ClockStep(i64),
    ClockQuality(&'static str),
    Unplug(usize),
    Replug(usize),
    /// A meter gets this trouble.
    Meter(usize, MeterTrouble),
    /// And is well again.
    MeterWell(usize),
    /// It is switched off, to be exchanged.
    SwitchOff(usize),
    /// Another meter is put in its place.
    Swap(usize),
    /// One octet in so many is damaged; zero ends it.
    Noise(usize, u32),
    WayClosed,
    WaySilent,
    WayOpen,
    ConnectionCut,
    TakenOver,
    HeadEndAbsent(bool),
    BrokerLoses(u64),
    BrokerDoubles(u64),
    BrokerRefuses(u64),
    BrokerBreaks(u64),
    Hostile(u64),
    DiskFails(bool),
    /// Nothing on the disk can grow.
    DiskFull(bool),
    /// The line returns what is sent.
    Echo(usize, bool),
    /// The broker never takes a record whose number this divides; zero ends it.
    Poison(u64),
    /// The configuration is read again: one meter of this bus is polled at another pace.
    Reload(usize),
}

/// What can be wrong with one meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MeterTrouble {
    Dead,
    /// Answers this many milliseconds late, one time in so many.
    Late(u64, u32),
    Slow(u64),
    LosesAnswers(u32),
    Flips(u32),
    Doubles(u32),
    Truncates(u32),
    Junk,
    Foreign(u32),
}

/// One entry of the agenda.
pub(super) type Entry = (Duration, Happening);

/// The troubles of `hours` hours, in order of time. All are over at their end.
pub(super) fn agenda(dice: &mut Dice, buses: usize, meters: usize, hours: u64) -> Vec<Entry> {
    let end = hours * 3600;
    let count = dice.between(&(12 * hours..=30 * hours));
    let mut agenda = Vec::new();
    for _ in 0..count {
        let at = dice.between(&(60..=end - 60));
        let until = (at + dice.between(&(5..=900))).min(end);
        let (bus, meter) = (dice.index(buses), dice.index(meters));
        add(&mut agenda, dice, at, until, bus, meter);
    }
    // The very first messages are special: they explain the ones that follow.
    if dice.index(4) == 0 {
        agenda.push((Duration::ZERO, Happening::BrokerLoses(1)));
        agenda.push((
            seconds(dice.between(&(60..=1200))),
            Happening::BrokerLoses(0),
        ));
    }
    // A meter is exchanged as people do it: switched off first, for long enough to be noticed.
    if dice.index(4) == 0 && end > 5400 {
        let (meter, at) = (dice.index(meters), dice.between(&(600..=end - 3600)));
        agenda.push((seconds(at), Happening::SwitchOff(meter)));
        agenda.push((seconds(at + 1800), Happening::Swap(meter)));
    }
    // Dice of their own: what came later into the world does not shift what a seed was noted for.
    let mut dice = dice.fork(0xADD);
    for _ in 0..dice.between(&(hours..=4 * hours)) {
        let at = dice.between(&(60..=end - 60));
        let until = (at + dice.between(&(5..=1800))).min(end);
        add_more(&mut agenda, &mut dice, seconds(at), seconds(until), buses);
    }
    agenda.sort_by_key(|(at, _)| *at);
    agenda
}

fn add_more(agenda: &mut Vec<Entry>, dice: &mut Dice, at: Duration, until: Duration, buses: usize) {
    let bus = dice.index(buses);
    let pair = match dice.index(4) {
        0 => [Happening::DiskFull(true), Happening::DiskFull(false)],
        1 => [Happening::Echo(bus, true), Happening::Echo(bus, false)],
        2 => {
            let every = dice.between(&(7..=40));
            [Happening::Poison(every), Happening::Poison(0)]
        }
        _ => [Happening::Reload(bus), Happening::Reload(bus)],
    };
    let [begin, end] = pair;
    agenda.extend([(at, begin), (until, end)]);
}

fn seconds(whole: u64) -> Duration {
    Duration::from_secs(whole)
}

fn add(agenda: &mut Vec<Entry>, dice: &mut Dice, at: u64, until: u64, bus: usize, meter: usize) {
    let begin = Duration::from_millis(at * 1000 + dice.between(&(0..=999)));
    let mut put = |happening| agenda.push((begin, happening));
    let end = match dice.index(24) {
        0 | 1 => return put(Happening::Kill(dice.between(&(200..=90_000)))),
        2 => return put(Happening::PowerCut(dice.between(&(1000..=600_000)))),
        3 | 4 => return put(Happening::PowerCutAfter(dice.between(&(1..=60)))),
        5 => return put(Happening::Restart),
        6 => return put(Happening::ClockStep(step(dice))),
        7 => {
            put(Happening::ClockQuality("NTPSynchronized=no"));
            Happening::ClockQuality("synchronised")
        }
        8 => {
            put(Happening::Unplug(bus));
            Happening::Replug(bus)
        }
        9..=13 => {
            put(Happening::Meter(meter, trouble(dice)));
            Happening::MeterWell(meter)
        }
        14 => {
            put(Happening::Noise(bus, [150, 400, 2000][dice.index(3)]));
            Happening::Noise(bus, 0)
        }
        15 => {
            put(Happening::WayClosed);
            Happening::WayOpen
        }
        16 => {
            put(Happening::WaySilent);
            Happening::WayOpen
        }
        17 => return put(Happening::ConnectionCut),
        18 => {
            put(Happening::HeadEndAbsent(true));
            Happening::HeadEndAbsent(false)
        }
        19 => {
            put(Happening::BrokerLoses(dice.between(&(2..=6))));
            Happening::BrokerLoses(0)
        }
        20 => {
            put(Happening::BrokerDoubles(dice.between(&(2..=6))));
            Happening::BrokerDoubles(0)
        }
        21 => {
            put(Happening::Hostile(dice.between(&(1..=4))));
            Happening::Hostile(0)
        }
        22 => {
            put(Happening::DiskFails(true));
            Happening::DiskFails(false)
        }
        _ => match dice.index(3) {
            0 => {
                put(Happening::BrokerRefuses(dice.between(&(3..=10))));
                Happening::BrokerRefuses(0)
            }
            1 => {
                put(Happening::BrokerBreaks(dice.between(&(10..=40))));
                Happening::BrokerBreaks(0)
            }
            _ => return put(Happening::TakenOver),
        },
    };
    agenda.push((seconds(until), end));
}

fn step(dice: &mut Dice) -> i64 {
    let sizes: [u64; 5] = [700, 5_000, 70_000, 1_000_000, 7_500_000];
    let size = dice.between(&(600..=sizes[dice.clone().index(sizes.len())]));
    let size = i64::try_from(size).unwrap_or(0);
    if dice.index(2) == 0 { size } else { -size }
}

fn trouble(dice: &mut Dice) -> MeterTrouble {
    let often = u32::try_from(dice.between(&(1..=6))).unwrap_or(1);
    match dice.index(10) {
        0 | 1 => MeterTrouble::Dead,
        2 => MeterTrouble::Late(dice.between(&(100..=9000)), often),
        3 => MeterTrouble::Slow(dice.between(&(100..=3000))),
        4 => MeterTrouble::LosesAnswers(often),
        5 => MeterTrouble::Flips(often),
        6 => MeterTrouble::Doubles(often),
        7 => MeterTrouble::Truncates(often),
        8 => MeterTrouble::Junk,
        _ => MeterTrouble::Foreign(often),
    }
}
