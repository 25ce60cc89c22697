//! What must hold of every shipped model file, and of the meters simulated from it.

#![expect(
    clippy::unwrap_used,
    reason = "a test binary: the exemption for tests does not reach its helper functions"
)]

use metering::Quantity;
use meters::Span;
use meters::catalogue::{
    Catalogue, Certainty, Decoded, EncodeFault, Encoding, IdentityCheck, IdentityForm,
    IdentityValue, Image, Kind, Model, Register, Step, SunSpecWalk, What, image,
};
use proptest::prelude::*;
use std::path::Path;
use std::sync::LazyLock;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../config/meter-models");
    Catalogue::load(&folder).unwrap()
});

/// Every register of every model, resolved where a chain must be walked.
static REGISTERS: LazyLock<Vec<(String, Register)>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for model in CATALOGUE.models() {
        let blocks = model.sunspec.iter().flat_map(|sunspec| &sunspec.blocks);
        let points = blocks.flat_map(|block| &block.points);
        let registers = model.registers.iter().chain(points);
        all.extend(registers.map(|register| (model.id.clone(), register.clone())));
    }
    all
});

/// Digits that the register's format holds exactly.
fn fitting_digits(register: &Register) -> std::ops::RangeInclusive<i64> {
    let multiplier = i64::from(register.multiplier);
    assert_eq!(
        multiplier, 1,
        "extend this function with the first such model"
    );
    match register.layout.encoding {
        Encoding::U16 => 0..=0xFFFF,
        Encoding::I16 => -0x8000..=0x7FFF,
        Encoding::U32 | Encoding::Acc32 => 0..=0xFFFF_FFFF,
        Encoding::I32 => -0x8000_0000..=0x7FFF_FFFF,
        Encoding::U64 => 0..=i64::MAX,
        Encoding::I64 => i64::MIN..=i64::MAX,
        // A float of 24 bits is never coarse below a million in units of its last digit.
        Encoding::F32 => -999_999..=999_999,
        Encoding::F64 => -999_999_999_999_999..=999_999_999_999_999,
        Encoding::T5 => 0..=0xFF_FFFF,
        Encoding::T6 => -0x80_0000 + 1..=0x7F_FFFF,
    }
}

fn decode(register: &Register, words: &[u16]) -> Option<Decoded> {
    let scale = register.encode_scale().map(|word| [word]);
    let scale = scale.as_ref().map(<[u16; 1]>::as_slice);
    register.decode(words, scale).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_a_simulated_meter_says_is_what_is_read(share in 0_u64..=u64::MAX) {
        for (model, register) in REGISTERS.iter() {
            let range = fitting_digits(register);
            let width = range.end().abs_diff(*range.start());
            let step = (u128::from(share) * (u128::from(width) + 1)) >> 64;
            let digits = range.start().checked_add_unsigned(u64::try_from(step).unwrap()).unwrap();
            let quantity = Quantity { digits, exponent: register.exponent, unit: register.unit };
            match register.encode(Some(quantity)) {
                Ok(words) => {
                    let expected = Decoded { quantity, coarse: false };
                    prop_assert_eq!(decode(register, &words), Some(expected), "{} {}", model, register.obis);
                }
                Err(EncodeFault::Reserved) => prop_assert!(!register.absent.is_empty()),
                Err(fault) => prop_assert!(false, "{model} {} {digits}: {fault}", register.obis),
            }
        }
    }

    #[test]
    fn any_answer_is_a_value_no_value_or_a_fault(words: [u16; 4], scale: u16) {
        for (model, register) in REGISTERS.iter() {
            let own: Vec<u16> = words.iter().copied().take(usize::from(register.span().count)).collect();
            let Ok(Some(decoded)) = register.decode(&own, Some(&[scale])) else { continue };
            prop_assert_eq!(decoded.quantity.exponent, register.exponent, "{}", model);
            prop_assert_eq!(decoded.quantity.unit, register.unit, "{}", model);
        }
    }
}

#[test]
fn no_value_stays_no_value() {
    for (model, register) in REGISTERS.iter() {
        match register.encode(None) {
            Ok(words) => assert_eq!(decode(register, &words), None, "{model} {}", register.obis),
            Err(fault) => assert_eq!(fault, EncodeFault::NoPattern),
        }
    }
}

#[test]
fn every_model_offers_something_and_tells_its_doubts() {
    for model in CATALOGUE.models() {
        let id = &model.id;
        assert!(model.totals().next().is_some(), "{id} has no total");
        assert!(
            model.instants().next().is_some(),
            "{id} has no value of the moment"
        );
        assert!(
            model
                .totals()
                .all(|register| register.kind() == Kind::Total)
        );
        assert!(
            model.totals().all(|register| register.unit.is_energy()),
            "{id}"
        );
        assert!(
            model
                .offered()
                .all(|register| register.kind() == Kind::Total || !register.obis.is_total())
        );
        let unsure = model
            .offered()
            .filter(|register| register.certainty() == Certainty::Unverified);
        for register in unsure {
            let told = model
                .doubts()
                .iter()
                .any(|doubt| doubt.about == register.obis.to_string());
            assert!(told, "{id} {}", register.obis);
        }
        assert!(model.doubts().len() >= model.disagreements.len());
        assert!(
            !model.holes.iter().any(|hole| hole.overlaps(model.probe)),
            "{id}"
        );
    }
}

/// A value of its own for each register, so that a mix-up is seen.
fn value(register: &Register) -> Quantity {
    let digits = 1000 + i64::from(register.address % 30_000);
    Quantity {
        digits,
        exponent: register.exponent,
        unit: register.unit,
    }
}

fn serial(form: IdentityForm) -> IdentityValue {
    match form {
        IdentityForm::Number(_) => IdentityValue::Number(12_345),
        IdentityForm::Text => IdentityValue::Text("A12345".into()),
    }
}

fn simulated(model: &Model) -> Image {
    let serial =
        |item: &meters::catalogue::Identify| (item.what == What::Serial).then(|| serial(item.form));
    image(model, serial, |register| Some(value(register))).unwrap()
}

#[test]
fn a_simulated_meter_answers_with_its_values_and_identity() {
    for model in CATALOGUE.models() {
        let meter = simulated(model);
        assert!(!meter.registers.is_empty(), "{}", model.id);
        assert!(
            meter.read(model.probe).is_some(),
            "{} does not answer its probe",
            model.id
        );
        for register in &meter.registers {
            let scale = register
                .scale_register
                .map(|scale| meter.read(scale.span).unwrap());
            let words = meter.read(register.span()).unwrap();
            let decoded = register.decode(&words, scale.as_deref()).unwrap().unwrap();
            assert_eq!(
                decoded.quantity,
                value(register),
                "{} {}",
                model.id,
                register.obis
            );
        }
        let answers: Vec<Option<IdentityValue>> = model
            .identify
            .iter()
            .map(|item| Some(item.identity(&meter.read(item.span).unwrap()).unwrap()))
            .collect();
        let form = model.identify.iter().find(|item| item.what == What::Serial);
        let expected = form.map(|item| serial(item.form).to_string());
        let check = model.check_identity(&answers, expected.as_deref());
        assert_eq!(check, IdentityCheck::Matches, "{}", model.id);
    }
}

#[test]
fn a_register_beside_the_map_is_not_answered() {
    let model = CATALOGUE.model("abb-b23").unwrap();
    let beside = Span {
        address: 0x4FFF,
        count: 4,
        ..model.registers.first().unwrap().span()
    };
    assert_eq!(simulated(model).read(beside), None);
}

#[test]
fn a_simulated_chain_can_be_walked() {
    let model = CATALOGUE.model("sunspec-meter").unwrap();
    let meter = simulated(model);
    let mut walk = SunSpecWalk::new(model.sunspec.clone().unwrap());
    let mut answer = None;
    loop {
        match walk.next(answer.as_deref()) {
            Step::Read(span) => answer = meter.read(span),
            Step::Found(registers) => break assert_eq!(registers, meter.registers),
            Step::NotFound(why) => panic!("{why}"),
        }
    }
}
