//! Many sessions on bad lines: whatever goes wrong, no row is wrong, lost or doubled.

use crate::reader::{READER, SERIAL, SUITE_TWO, SUITE_ZERO};
use crate::world::{World, basis, model, seconds};
use ::dlms::hdlc::Parameters;
use metering::{Period, Timestamp};
use meters::catalogue::dlms::DlmsModel;
use meters::collection::{Marks, Wanted};
use meters::cosem::ProfileRead;
use meters::dlms::{CollectRun, DlmsFault, DlmsVisit, ExpectedMeter, RunEnd};
use simulator::dice::Dice;
use simulator::dlms::{DlmsScenario, Nulls, PUBLIC, Sorting};
use simulator::trouble::{Doubled, FlagTroubles, Late, OneIn, Spread, WhileThinking};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Sessions with troubles with each meter, at most; then its line is well again.
const TROUBLED: u32 = 12;

const SELECTIONS: [&str; 4] = ["[\"range\"]", "[\"entry\"]", "[\"range\", \"entry\"]", "[]"];

fn roll(dice: &mut Dice, sides: u64) -> u64 {
    dice.between(&(0..=sides - 1))
}

fn pick<T: Copy>(dice: &mut Dice, all: &[T]) -> T {
    all[dice.index(all.len())]
}

fn one_in(dice: &mut Dice, least: u64, most: u64) -> OneIn {
    OneIn::times(u32::try_from(dice.between(&(least..=most))).unwrap())
}

fn troubles(dice: &mut Dice) -> FlagTroubles {
    let ms = Duration::from_millis;
    let mut troubles = FlagTroubles::default();
    for _ in 0..=roll(dice, 3) {
        match roll(dice, 9) {
            0 => {
                troubles.late = Some(Late {
                    thinks: Spread::between(ms(500), ms(6000)),
                    happens: one_in(dice, 5, 30),
                });
            }
            1 => {
                troubles.doubled = Some(Doubled {
                    after: ms(roll(dice, 700)),
                    happens: one_in(dice, 2, 20),
                });
            }
            2 => troubles.truncated = one_in(dice, 5, 40),
            3 => troubles.flipped = one_in(dice, 3, 40),
            4 => troubles.signs_off = one_in(dice, 15, 60),
            5 => troubles.lost_answers = one_in(dice, 5, 40),
            6 => troubles.lost_octets = one_in(dice, 100, 2000),
            // Frames that come in pieces.
            7 => troubles.pause = ms(1 + roll(dice, 3)),
            _ => troubles.junk = Some(0..=u16::try_from(roll(dice, 6)).unwrap()),
        }
    }
    if roll(dice, 3) == 0 {
        troubles.while_thinking = WhileThinking::Deaf;
    }
    troubles
}

fn scenario(seed: u64, dice: &mut Dice) -> DlmsScenario {
    let usual = DlmsScenario::new(seed, SERIAL);
    let start = usual.starts_at;
    let cut = start - 3600 * i64::try_from(5 + roll(dice, 40)).unwrap();
    DlmsScenario {
        days: 4,
        load_mw: pick(dice, &[5000, 2_000_000]),
        capacity: pick(dice, &[200, 4000]),
        sorting: pick(dice, &[Sorting::OldestFirst, Sorting::NewestFirst]),
        nulls: pick(dice, &[Nulls::Never, Nulls::InAnswer, Nulls::InBuffer]),
        selects_range: roll(dice, 4) > 0,
        selects_entries: roll(dice, 4) > 0,
        outages: if roll(dice, 2) == 0 {
            vec![(cut, cut + 5000)]
        } else {
            Vec::new()
        },
        ..usual
    }
}

/// How many sessions there were, how many of them ended well, and how many rows came.
#[derive(Debug, Default)]
struct Sum {
    sessions: usize,
    whole: usize,
    rows: usize,
}

/// Goes on with a run in one session.
async fn session(
    world: &mut World,
    model: &DlmsModel,
    run: &mut CollectRun,
    (client, hold): (u16, Duration),
) -> Result<RunEnd, DlmsFault> {
    let terms = world.terms(model, client, hold);
    let expected = ExpectedMeter::This(SERIAL.to_owned());
    let profile = model.load_profile().unwrap();
    let now = world.now();
    let (guard, keeper) = (&mut world.guard, &mut world.keeper);
    let mut visit = DlmsVisit::begin(guard, keeper, model, &terms, &expected).await?;
    let setup = match visit.setup(profile).await {
        Ok(setup) => setup,
        Err(fault) => {
            visit.end().await;
            return Err(fault);
        }
    };
    let rows = &mut world.rows;
    let mut take = |read: ProfileRead| {
        for found in read.rows {
            let end = found.row.end;
            if let Some(known) = rows.insert(end, found.row.clone()) {
                assert_eq!(
                    known.values, found.row.values,
                    "{end} came with other values"
                );
            }
        }
        true
    };
    let basis = basis();
    let ended = visit
        .collect(
            run,
            (profile, &setup),
            &mut world.scalers,
            (&basis, now),
            &mut take,
        )
        .await;
    visit.end().await;
    ended
}

/// One meter, read in as many sessions as that takes.
async fn one_meter(seed: u64, sum: &mut Sum) {
    let mut dice = Dice::new(seed).fork(0x50AC);
    let scenario = scenario(seed, &mut dice);
    let (start, begun) = (scenario.starts_at, scenario.begun());
    let octets = pick(&mut dice, &[128, 128, 512, 1024]);
    let parameters = Parameters {
        transmit_octets: octets,
        receive_octets: octets,
        transmit_window: pick(&mut dice, &[1, 3]),
        receive_window: 1,
    };
    let mut world = World::on_hdlc(scenario, parameters, troubles(&mut dice));
    let noise = one_in(&mut dice, 500, 5000);
    let (has_noise, has_echo) = (roll(&mut dice, 4) == 0, roll(&mut dice, 6) == 0);
    world.wire.change_wire(|wire| {
        wire.echo = has_echo;
        wire.noise = if has_noise { noise } else { OneIn::NEVER };
    });
    let model = model(pick(&mut dice, &SELECTIONS));
    let profile = model.load_profile().unwrap();
    let now = seconds(start);
    let wanted = Wanted::Only(vec![Marks {
        first: seconds(begun),
        last: now,
    }]);
    let period = Period::from_seconds(900).unwrap();
    let mut run = CollectRun::new(&wanted, profile, period, now);
    let held = world.meter.rows(start);
    let clients = [PUBLIC, READER, SUITE_ZERO, SUITE_TWO];
    for number in 0.. {
        assert!(number < TROUBLED + 20, "seed {seed} does not end");
        if number == TROUBLED {
            heal(&world);
        }
        sum.sessions += 1;
        let is_troubled = number < TROUBLED;
        let hold = Duration::from_secs(4 + roll(&mut dice, 40));
        let hold = if is_troubled { hold } else { hold * 20 };
        let client = pick(&mut dice, &clients);
        let ended = if is_troubled && roll(&mut dice, 4) == 0 {
            cut(&mut world, &model, &mut run, (client, hold), &mut dice).await
        } else {
            Some(session(&mut world, &model, &mut run, (client, hold)).await)
        };
        // After a restart there is only what is still wanted.
        if roll(&mut dice, 5) == 0 {
            let wanted = Wanted::Only(run.remaining());
            run = CollectRun::new(&wanted, profile, period, world.now());
        }
        sum.whole += usize::from(matches!(ended, Some(Ok(_))));
        sum.rows += world.check_rows();
        if run.remaining().is_empty() {
            break;
        }
        sleep(Duration::from_secs(roll(&mut dice, 100))).await;
    }
    check_nothing_lost(seed, &world, &held);
}

/// A session that ends somewhere: the gateway falls, or the plug is pulled.
async fn cut(
    world: &mut World,
    model: &DlmsModel,
    run: &mut CollectRun,
    terms: (u16, Duration),
    dice: &mut Dice,
) -> Option<Result<RunEnd, DlmsFault>> {
    let after = dice.duration(Duration::from_millis(20), Duration::from_secs(8));
    if roll(dice, 2) == 0 {
        let session = session(world, model, run, terms);
        return timeout(after, session).await.ok();
    }
    let wire = world.wire.clone();
    let pulled = async {
        sleep(after).await;
        wire.unplug();
        wire.replug();
    };
    let (ended, ()) = tokio::join!(session(world, model, run, terms), pulled);
    Some(ended)
}

fn heal(world: &World) {
    world.wire.change_wire(|wire| wire.noise = OneIn::NEVER);
    let healed = world
        .wire
        .change_flag(world.place, |troubles| *troubles = FlagTroubles::default());
    assert!(healed);
}

/// Rows that the meter held at the beginning and still holds must have come.
#[track_caller]
fn check_nothing_lost(seed: u64, world: &World, held: &[simulator::dlms::Recorded]) {
    let still: BTreeSet<i64> = world
        .meter
        .rows(world.utc())
        .iter()
        .map(|row| row.end)
        .collect();
    let lost: Vec<Timestamp> = held
        .iter()
        .filter(|row| still.contains(&row.end))
        .map(|row| seconds(row.end))
        .filter(|end| !world.rows.contains_key(end))
        .collect();
    assert_eq!(lost, [], "seed {seed}");
}

#[tokio::test(start_paused = true)]
async fn no_row_is_wrong_lost_or_doubled_whatever_befalls_the_line() {
    let is_soak = std::env::var("PMU_SOAK").is_ok_and(|word| word == "yes");
    let wanted = if is_soak { 20_000 } else { 600 };
    let mut sum = Sum::default();
    for seed in 1.. {
        one_meter(seed, &mut sum).await;
        if sum.sessions >= wanted {
            break;
        }
    }
    println!("{sum:?}");
    assert!(sum.whole * 8 > sum.sessions, "{sum:?}");
}
