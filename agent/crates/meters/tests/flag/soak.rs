//! Many sessions on bad lines: whatever goes wrong, no value is wrong.

use crate::visits::{check_rows, rows};
use crate::world::{World, eight, seven};
use meters::flag::{
    DayRange, ProfileWish, Visit, VisitEnd, VisitFault, VisitReport, Wishes,
};
use simulator::elster::{ElsterModel, Scenario};
use simulator::trouble::{Doubled, FlagTroubles, Late, OneIn, Spread, WhileThinking};
use std::time::Duration;

const MODELS: [ElsterModel; 4] = [
    ElsterModel::A1700,
    ElsterModel::A1140,
    ElsterModel::As230,
    ElsterModel::A1700Extended,
];

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        // The constants of Knuth's MMIX.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn one_in(&mut self, least: u64, most: u64) -> OneIn {
        OneIn::times(u32::try_from(least + self.roll(most - least)).unwrap())
    }
}

fn troubles(dice: &mut Dice) -> FlagTroubles {
    let ms = Duration::from_millis;
    let mut troubles = FlagTroubles::default();
    for _ in 0..=dice.roll(3) {
        match dice.roll(9) {
            0 => {
                troubles.late = Some(Late {
                    thinks: Spread::between(ms(500), ms(6000)),
                    happens: dice.one_in(5, 30),
                });
            }
            1 => {
                troubles.doubled = Some(Doubled {
                    after: ms(dice.roll(700)),
                    happens: dice.one_in(2, 20),
                });
            }
            2 => troubles.truncated = dice.one_in(5, 40),
            3 => troubles.flipped = dice.one_in(3, 40),
            4 => troubles.signs_off = dice.one_in(15, 60),
            5 => troubles.lost_answers = dice.one_in(5, 40),
            6 => troubles.lost_octets = dice.one_in(100, 2000),
            7 => troubles.wrong_check = dice.one_in(5, 40),
            _ => troubles.junk = Some(0..=u16::try_from(dice.roll(6)).unwrap()),
        }
    }
    if dice.roll(3) == 0 {
        troubles.while_thinking = WhileThinking::Deaf;
    }
    troubles
}

/// One meter with its troubles; says how many sessions there were, and whether all was read.
async fn run(seed: u64) -> (u64, bool) {
    let mut dice = Dice(seed);
    let model = MODELS[usize::try_from(dice.roll(4)).unwrap()];
    let line = if dice.roll(2) == 0 { seven(9600) } else { eight(9600) };
    let mut scenario = Scenario::new(seed, "00012345");
    scenario.days = 12;
    let mut world = World::on(model, scenario, troubles(&mut dice), line);
    let is_echoing = dice.roll(4) == 0;
    world.wire.change_wire(|wire| wire.echo = is_echoing);
    let today = u64::try_from(world.meter.local(world.utc())).unwrap() / 86_400;
    let wishes = Wishes {
        registers: true,
        events: dice.roll(3) == 0,
        profile: Some(ProfileWish::Days(vec![DayRange {
            first: today - dice.roll(4),
            last: today,
        }])),
        ..Wishes::default()
    };
    let mut visit = Visit::new(wishes);
    let hold = Duration::from_secs(8 + dice.roll(30));
    let (mut sessions, mut done) = (0, false);
    for _ in 0..12 {
        let report = world.slice(&mut visit, hold).await;
        sessions += u64::from(report.sessions.max(1));
        if let VisitReport { end: VisitEnd::Done, .. } = report {
            done = true;
            break;
        }
        if let VisitEnd::Failed(fault @ (VisitFault::OtherMeter { .. } | VisitFault::OtherModel { .. })) =
            report.end
        {
            panic!("seed {seed}: {fault}");
        }
    }
    world.check_values();
    let truth = world.meter.intervals(world.meter.begun(), world.utc());
    check_rows(&rows(&world.found), &truth);
    (sessions, done)
}

#[tokio::test(start_paused = true)]
async fn no_value_is_wrong_whatever_befalls_the_line() {
    let wanted = match std::env::var("PMU_SOAK") {
        Ok(_) => 20_000,
        Err(_) => 1000,
    };
    let (mut sessions, mut meters, mut whole) = (0, 0, 0);
    for seed in 1.. {
        let (more, done) = run(seed).await;
        sessions += more;
        meters += 1;
        whole += u64::from(done);
        if sessions >= wanted {
            break;
        }
    }
    println!("{sessions} sessions with {meters} meters, {whole} of them read whole, no wrong value");
    assert!(whole * 2 > meters, "{whole} of {meters}");
}
