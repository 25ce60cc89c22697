//! Every parser of foreign bytes, fed with damaged vectors: the same in every run, and long
//! enough to notice what breaks at once. `just fuzz TARGET` looks deeper.

#[expect(
    unreachable_pub,
    reason = "the fuzz targets use them from another crate"
)]
#[path = "../../fuzz/src/doors.rs"]
mod doors;

use doors::{DOORS, corpus};
use simulator::dice::Dice;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Rounds of each door.
const ROUNDS: u64 = 120_000;
/// Rounds of a door whose parser reads whole files.
const FILE_ROUNDS: u64 = 8_000;
/// Rounds of a door behind which a whole conversation or disk is simulated.
const LONG_ROUNDS: u64 = 40_000;
/// Longest input.
const BYTES_MAX: usize = 8_192;

/// One or more small damages.
fn damage(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    for _ in 0..=dice.index(4) {
        let at = dice.index(bytes.len());
        match dice.index(8) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(bytes.len()), dice.octet()),
            2 => {
                let end = (at + dice.index(16)).min(bytes.len());
                drop(bytes.drain(at..end));
            }
            3 => {
                let end = (at + dice.index(64)).min(bytes.len());
                bytes.extend_from_within(at..end);
            }
            4 => {
                bytes.truncate(at);
                bytes.extend(other.iter().skip(dice.index(other.len())));
            }
            kind => {
                let octet = dice.octet();
                let Some(place) = bytes.get_mut(at) else {
                    continue;
                };
                *place = match kind {
                    5 => *place ^ (1 << (octet % 8)),
                    6 => [0, 1, 0x7f, 0x80, 0xff, b'"', b'\n', 0x9f][usize::from(octet % 8)],
                    _ => octet,
                };
            }
        }
    }
    bytes.truncate(BYTES_MAX);
}

#[test]
fn no_damaged_vector_breaks_a_parser() {
    let corpus = corpus();
    for (name, door) in DOORS {
        let seeds: Vec<&Vec<u8>> = corpus
            .iter()
            .filter(|(of, _)| of == name)
            .map(|(_, bytes)| bytes)
            .collect();
        assert!(!seeds.is_empty(), "{name} is fed with nothing");
        let rounds = match *name {
            "configuration" | "model_file" | "scheme_file" | "site_csv" | "meter_list"
            | "legacy_file" | "roles_file" | "write_set" => FILE_ROUNDS,
            "flag_profile" | "flag_answer" | "boot_state" => LONG_ROUNDS,
            _ => ROUNDS,
        };
        let mut dice = Dice::new(u64::try_from(name.len() + seeds.len()).unwrap());
        let mut undamaged = seeds.iter();
        for _ in 0..rounds {
            let mut bytes = seeds[dice.index(seeds.len())].clone();
            if let Some(seed) = undamaged.next() {
                bytes.clone_from(seed);
            } else {
                damage(&mut bytes, seeds[dice.index(seeds.len())], &mut dice);
            }
            let done = catch_unwind(AssertUnwindSafe(|| door(&bytes)));
            assert!(
                done.is_ok(),
                "{name} breaks on {}",
                pmu_agent::hex::hex(&bytes)
            );
        }
    }
}

#[test]
fn a_parser_that_breaks_is_noticed() {
    let seeds = corpus();
    let mut dice = Dice::new(1);
    let breaks = |bytes: &[u8]| assert!(!bytes.len().is_multiple_of(7), "a defect");
    let found = (0..1000).any(|_| {
        let mut bytes = seeds[dice.index(seeds.len())].1.clone();
        damage(&mut bytes, &seeds[0].1, &mut dice);
        catch_unwind(|| breaks(&bytes)).is_err()
    });
    assert!(found);
}
