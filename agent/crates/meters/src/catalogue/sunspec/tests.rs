use super::*;
use crate::catalogue::{Catalogue, Model};
use proptest::prelude::*;
use std::collections::BTreeMap;

const FILE: &str = r#"
maker = "SunSpec"
model = "test"
protocols = ["modbus-tcp"]
certainty = "documented"
sources = ["test"]
table = "holding"
not-available = { unsigned = ["all-ones"], signed = ["lowest"] }
line = { baud = 9600, parity = "none", stop-bits = 1 }
limits = { max-count = 110, min-gap-ms = 0, turnaround-ms = 50, timeout-ms = 500 }
probe = { address = 40000 }
[sunspec]
bases = [40000, 50000, 0]
[[sunspec.block]]
models = [201, 203]
length = 20
point = [
    { obis = "1-0:31.7.0", address = 3, encoding = "i16", unit = "A", digits = 2, scale-register = { address = 6, kind = "sunssf" } },
    { obis = "1-0:1.8.0", address = 8, encoding = "acc32", unit = "Wh", digits = 0, scale-register = { address = 10, kind = "sunssf" } },
]
[[sunspec.block]]
models = [213]
length = 4
point = [{ obis = "1-0:31.7.0", address = 4, encoding = "f32", unit = "A", digits = 2 }]
"#;

fn model() -> Model {
    let catalogue = Catalogue::parse(&[("test.toml", FILE)]).unwrap();
    catalogue.model("test").unwrap().clone()
}

/// Walks over a meter that has these words from these addresses, and shows how it ended.
fn walk(meter: &[(u16, &[u16])]) -> (Step, Vec<u16>) {
    let mut words = BTreeMap::new();
    for (start, part) in meter {
        words.extend((*start..).zip(part.iter().copied()));
    }
    let mut walk = SunSpecWalk::new(model().sunspec.unwrap());
    let (mut answer, mut asked) = (None, Vec::new());
    for _ in 0..200 {
        match walk.next(answer.as_deref()) {
            Step::Read(span) => {
                asked.push(span.address);
                let addresses = span.address..span.address + span.count;
                answer = addresses
                    .map(|a| words.get(&a).copied())
                    .collect::<Option<Vec<u16>>>();
            }
            end => return (end, asked),
        }
    }
    panic!("the walk does not end");
}

fn block(model: u16, length: u16, words: &[u16]) -> Vec<u16> {
    let mut block = vec![model, length];
    block.extend(words);
    block.resize(usize::from(length) + 2, 0);
    block
}

fn chain(blocks: &[Vec<u16>]) -> Vec<u16> {
    let mut chain = MARK.to_vec();
    chain.extend(blocks.iter().flatten());
    chain.extend([END_OF_CHAIN, 0]);
    chain
}

#[test]
fn values_are_found_behind_other_blocks_at_the_second_base() {
    // Offsets from the block's number: 6 and 10 are the scale registers, -2 and 1.
    let words = [0, 1234, 0, 0, 0xFFFE, 0, 0, 500, 1];
    let meter = chain(&[block(1, 66, &[]), block(203, 20, &words)]);
    let (end, asked) = walk(&[(50_000, &meter)]);
    let Step::Found(registers) = end else {
        panic!("{end:?}")
    };
    assert_eq!(asked, [40_000, 50_000, 50_002, 50_070, 50_076]);
    let [current, energy] = registers.as_slice() else {
        panic!("{registers:?}")
    };
    assert_eq!((current.address, current.exponent), (50_073, -2));
    assert_eq!((energy.address, energy.exponent), (50_078, 1));
    assert_eq!(energy.rollover, Some(1 << 32));
    assert_eq!(energy.scale_register.unwrap().span.address, 50_080);
    let decoded = energy.decode(&[0, 500], Some(&[1])).unwrap().unwrap();
    assert_eq!(
        (decoded.quantity.to_string().as_str(), decoded.coarse),
        ("5.00 kWh", false)
    );
    assert_eq!(energy.decode(&[0, 0], Some(&[1])), Ok(None));
    assert_eq!(current.decode(&[0x8000], Some(&[0xFFFE])), Ok(None));
}

#[test]
fn a_scale_that_does_not_exist_leaves_the_files_own() {
    let words = [0, 0, 0, 0, 0x8000, 0, 0, 0, 77];
    let (end, _) = walk(&[(40_000, &chain(&[block(201, 20, &words)]))]);
    let Step::Found(registers) = end else {
        panic!("{end:?}")
    };
    let exponents: Vec<i8> = registers.iter().map(|register| register.exponent).collect();
    assert_eq!(exponents, [-2, 0]);
}

#[test]
fn floats_need_no_scale_registers() {
    let (end, asked) = walk(&[(0, &chain(&[block(213, 4, &[])]))]);
    assert!(matches!(end, Step::Found(registers) if registers[0].address == 6));
    assert_eq!(asked, [40_000, 50_000, 0, 2]);
}

#[test]
fn a_walk_without_a_meter_says_why() {
    let check = |meter: &[(u16, &[u16])], why: NotFound| {
        assert_eq!(walk(meter).0, Step::NotFound(why));
    };
    check(&[], NotFound::NoMark);
    check(&[(40_000, &chain(&[block(1, 66, &[])]))], NotFound::NoMeter);
    check(&[(40_000, &MARK)], NotFound::Broken { at: 40_002 });
    let short = chain(&[block(203, 8, &[])]);
    check(
        &[(40_000, &short)],
        NotFound::Short {
            model: 203,
            length: 8,
        },
    );
    let beyond = [0x5375, 0x6E53, 1, 65_000];
    check(&[(40_000, &beyond)], NotFound::Broken { at: u16::MAX });
    let endless = chain(&vec![block(1, 0, &[]); 100]);
    check(&[(40_000, &endless)], NotFound::Endless);
}

#[test]
fn a_walk_that_ended_stays_ended() {
    let mut walk = SunSpecWalk::new(SunSpec {
        table: Table::Holding,
        bases: Vec::new(),
        blocks: Vec::new(),
    });
    assert_eq!(walk.next(None), Step::NotFound(NotFound::NoMark));
    assert_eq!(walk.next(Some(&MARK)), Step::NotFound(NotFound::Ended));
}

proptest! {
    #[test]
    fn any_answers_end_the_walk(answers in prop::collection::vec(prop::option::of(prop::collection::vec(prop_oneof![Just(201_u16), Just(0x5375), Just(0x6E53), any::<u16>()], 0..30)), 0..80)) {
        let mut walk = SunSpecWalk::new(model().sunspec.unwrap());
        let mut asked = 0;
        for answer in answers.iter().map(Option::as_deref).chain(std::iter::repeat(None)) {
            match walk.next(answer) {
                Step::Read(span) => prop_assert!(span.count > 0 && span.end() <= 1 << 16),
                Step::Found(_) | Step::NotFound(_) => break,
            }
            asked += 1;
            prop_assert!(asked <= 100);
        }
    }
}
