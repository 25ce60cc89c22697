//! Many sessions on bad lines: whatever goes wrong, no value is wrong.

use crate::world::{World, ZONE, catalogue, eight, model_of, password, seven};
use line::Line;
use metering::MeterTime;
use meters::catalogue::flag::FlagIdentity;
use meters::elster::ProfileWindow;
use meters::elster::profile::{ProfileDecoder, ProfileOptions, ProfileRow};
use meters::flag::{Raw, Visit, VisitFault, terms};
use simulator::elster::{ElsterModel, Scenario};
use simulator::trouble::{Doubled, FlagTroubles, Late, OneIn, Spread, WhileThinking};
use std::time::Duration;

/// Sessions with each meter.
const SESSIONS: u64 = 5;

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

/// One meter with its troubles; says how many sessions there were, and how many came to their end.
async fn run(seed: u64) -> (u64, u64) {
    let mut dice = Dice(seed);
    let model = MODELS[usize::try_from(dice.roll(4)).unwrap()];
    let line = if dice.roll(2) == 0 {
        seven(9600)
    } else {
        eight(9600)
    };
    let mut scenario = Scenario::new(seed, "00012345");
    scenario.days = 12;
    let mut world = World::on(model, scenario, troubles(&mut dice), line);
    let is_echoing = dice.roll(4) == 0;
    world.wire.change_wire(|wire| wire.echo = is_echoing);
    let hold = Duration::from_secs(8 + dice.roll(40));
    let mut whole = 0;
    for _ in 0..SESSIONS {
        let mut brought = Brought::default();
        let outcome = session(&mut world, hold, &mut dice, &mut brought).await;
        whole += u64::from(outcome.is_ok());
        let flag_model = catalogue().flag_model(model_of(model)).unwrap();
        for (variant, row, raw) in &brought.identities {
            world.check_raw(flag_model, variant, row, raw);
        }
        world.check_rows(&brought.rows);
    }
    (SESSIONS, whole)
}

/// What a session brought before it ended, well or not.
#[derive(Default)]
struct Brought {
    identities: Vec<(String, FlagIdentity, Raw)>,
    rows: Vec<ProfileRow>,
}

async fn session(
    world: &mut World,
    hold: Duration,
    dice: &mut Dice,
    brought: &mut Brought,
) -> Result<(), VisitFault> {
    let model = catalogue()
        .flag_model(model_of(world.meter.model()))
        .unwrap();
    let terms = terms(model, &world.wish(hold));
    let mut visit = Visit::begin(&mut world.line, model, &terms).await?;
    let outcome = read(&mut visit, dice, brought).await;
    visit.end().await;
    outcome
}

async fn read<L: Line>(
    visit: &mut Visit<'_, '_, L>,
    dice: &mut Dice,
    brought: &mut Brought,
) -> Result<(), VisitFault> {
    visit.log_on(&password()).await?;
    let model = visit.model();
    let variant = visit.variant().id.clone();
    let readable = |row: &&FlagIdentity| row.octets > 0 && row.sets == 1 && row.read.is_some();
    let rows: Vec<&FlagIdentity> = model.identities_of(&variant).filter(readable).collect();
    for _ in 0..dice.roll(8) {
        let row = rows[usize::try_from(dice.roll(rows.len().try_into().unwrap())).unwrap()];
        match visit.read(row, 0).await {
            Ok(raw) => brought.identities.push((variant.clone(), row.clone(), raw)),
            Err(fault) if fault.refusal().is_some() => {}
            Err(fault) => return Err(fault),
        }
    }
    let Some(profile) = &model.profile else {
        return Ok(());
    };
    let days = ProfileWindow::Days(u16::try_from(1 + dice.roll(3)).unwrap());
    let size = visit.open_window(profile, days).await?;
    let options = ProfileOptions {
        basis: ZONE.parse().unwrap(),
        read_at: MeterTime::from_seconds(0),
        columns: None,
    };
    let mut decoder = ProfileDecoder::new(model, profile, options);
    for packet in 1..=size.packets {
        let raw = visit.window_packet(profile, packet).await?;
        decoder.push(&raw.octets);
        let read = decoder.take();
        brought
            .rows
            .extend(read.pieces.into_iter().flat_map(|piece| piece.rows));
    }
    let read = decoder.finish();
    brought
        .rows
        .extend(read.pieces.into_iter().flat_map(|piece| piece.rows));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn no_value_is_wrong_whatever_befalls_the_line() {
    let is_soak = std::env::var("PMU_SOAK").is_ok_and(|word| word == "yes");
    let wanted = if is_soak { 20_000 } else { 1000 };
    let (mut sessions, mut whole) = (0, 0);
    for seed in 1.. {
        let (more, came_whole) = run(seed).await;
        sessions += more;
        whole += came_whole;
        if sessions >= wanted {
            break;
        }
    }
    println!("{sessions} sessions, {whole} of them to their end, no wrong value");
    assert!(whole * 4 > sessions, "{whole} of {sessions}");
}
