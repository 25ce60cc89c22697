//! Doors for the fuzz targets; property tests use them too.

use super::encoding::{Absent, Encoding, Layout, Order};
use super::flag::FlagModel;
use super::model::{Certainty, Fact};
use super::register::{Register, ScaleKind, ScaleRegister};
use super::sunspec::{Step, SunSpecWalk};
use super::{Catalogue, limits::SUNSPEC_BLOCKS_MAX};
use crate::span::{Span, Table};
use metering::{Obis, Unit};

/// Any text is a model file or a list of complaints with a problem and a remedy each.
///
/// # Panics
///
/// When the catalogue breaks that promise.
pub fn fuzz_model(text: &str) {
    match Catalogue::parse(&[("fuzz.toml", text)]) {
        Ok(catalogue) => {
            for model in catalogue.models() {
                let words = vec![0x5375; usize::from(model.limits.max_count)];
                for register in model.offered() {
                    let value = words.get(..usize::from(register.span().count));
                    if let Ok(Some(decoded)) =
                        register.decode(value.unwrap_or_default(), Some(&[0]))
                    {
                        assert_eq!(decoded.quantity.unit, register.unit);
                    }
                }
                if let Some(plan) = model.sunspec.clone() {
                    walk(SunSpecWalk::new(plan), &words);
                }
            }
            for model in catalogue.flag_models() {
                flag_model(model);
            }
            for model in catalogue.dlms_models() {
                assert!(!model.associations.is_empty(), "somebody may read");
                assert!(model.doubts().iter().all(|doubt| !doubt.about.is_empty()));
            }
        }
        Err(complaints) => {
            assert!(!complaints.is_empty(), "a refusal says why");
            for complaint in complaints {
                assert!(!complaint.problem.is_empty() && !complaint.remedy.is_empty());
                assert!(complaint.line <= 1 + text.matches('\n').count());
            }
        }
    }
}

/// A FLAG model that was let through can be used, whatever its meters say.
fn flag_model(model: &FlagModel) {
    assert!(!model.variants.is_empty(), "a model has a variant");
    for doubt in model.doubts() {
        assert!(!doubt.about.is_empty());
    }
    let octets: Vec<u8> = (0..=255).collect();
    for (which, _) in (0..=u8::MAX).zip(&model.identities) {
        crate::elster::fuzz_content(model, &[&[which], octets.as_slice()].concat());
    }
    crate::elster::fuzz_profile(model, &octets);
    for row in &model.identities {
        let octets: u32 = row.packets(0).map(|(_, octets)| u32::from(octets)).sum();
        assert_eq!(octets, u32::from(row.octets));
    }
}

/// A walk ends whatever it is answered.
fn walk(mut walk: SunSpecWalk, words: &[u16]) {
    let mut answer: Option<Vec<u16>> = None;
    // Bases (at most 65,536 in a hostile file), blocks, scales.
    for _ in 0..(1 << 16) + u32::from(SUNSPEC_BLOCKS_MAX) + 3 {
        match walk.next(answer.as_deref()) {
            Step::Read(span) => {
                assert!(span.count > 0 && span.end() <= 1 << 16);
                answer = words.get(..usize::from(span.count)).map(<[u16]>::to_vec);
            }
            Step::Found(_) | Step::NotFound(_) => return,
        }
    }
    assert!(words.is_empty(), "a walk is bounded");
}

/// Any registers are a value, no value, or a fault; and a value that is not coarse is what the
/// same registers would have been made of.
///
/// # Panics
///
/// When the catalogue breaks that promise.
pub fn fuzz_decode(data: &[u8]) {
    let Some((&[kind, orders, places, scale], rest)) = data.split_first_chunk::<4>() else {
        return;
    };
    let (pairs, _) = rest.as_chunks::<2>();
    let words: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    let register = any_register(kind, orders, places);
    let count = usize::from(register.span().count);
    let word = u16::from(scale).wrapping_sub(128);
    let Some(own) = words.get(..count) else {
        assert!(register.decode(&words, Some(&[word])).is_err());
        return;
    };
    let Ok(Some(decoded)) = register.decode(own, Some(&[word])) else {
        return;
    };
    assert_eq!(decoded.quantity.exponent, register.exponent);
    let Ok(encoded) = register.encode(Some(decoded.quantity)) else {
        // The value was scaled out of its own format, or is a pattern for "not available".
        return;
    };
    let scale = register.encode_scale().map(|word| [word]);
    let again = register.decode(&encoded, scale.as_ref().map(<[u16; 1]>::as_slice));
    let same =
        matches!(again, Ok(Some(again)) if again.coarse || again.quantity == decoded.quantity);
    assert!(same, "{register:?} {decoded:?} {encoded:04x?}");
}

fn any_register(kind: u8, orders: u8, places: u8) -> Register {
    let order = |bit: u8| match orders >> bit & 1 {
        0 => Order::HighFirst,
        _ => Order::LowFirst,
    };
    let encoding = match kind % 11 {
        0 => Encoding::U16,
        1 => Encoding::I16,
        2 => Encoding::U32,
        3 => Encoding::I32,
        4 => Encoding::U64,
        5 => Encoding::I64,
        6 => Encoding::Acc32,
        7 => Encoding::F32,
        8 => Encoding::F64,
        9 => Encoding::T5,
        _ => Encoding::T6,
    };
    let span = Span {
        table: Table::Holding,
        address: 100,
        count: 1,
    };
    let kind = ScaleKind::Sunssf;
    let scaled = encoding.is_integer() && orders & 4 != 0;
    let decimals = (places % 10).cast_signed();
    Register {
        obis: Obis::new([1, 0, 1, 8, 0, 255]),
        table: Table::Holding,
        address: 0,
        layout: Layout {
            encoding,
            words: order(0),
            bytes: order(1),
        },
        // A model file allows a multiplier with whole numbers only.
        multiplier: if encoding.is_integer() {
            u32::from(orders >> 4) + 1
        } else {
            1
        },
        scale: if encoding.is_integer() && !scaled {
            -decimals
        } else {
            0
        },
        unit: Unit::WattHour,
        prefix: 3,
        exponent: 3 - decimals,
        absent: vec![Absent::AllOnes],
        scale_register: scaled.then_some(ScaleRegister { span, kind }),
        rollover: None,
        by_default: true,
        alternative: false,
        fact: Fact {
            certainty: Certainty::Unverified,
            remark: None,
        },
    }
}
