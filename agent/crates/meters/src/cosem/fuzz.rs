//! The door for fuzzing.

use super::number::ScalerUnit;
use super::{LogReader, ProfileReader, ProfileSetup, SetupAnswers, read_objects, read_register};
use crate::catalogue::dlms::DlmsModel;
use crate::clock_basis::ClockBasis;
use dlms::codec::{Data, decode_all};
use std::collections::BTreeMap;

/// Any octets are a profile, a log, a register, an object list, or faults; and rows come in the
/// order of their marks, each once, with as many values as there are channels.
///
/// # Panics
///
/// When the reader breaks that promise.
pub fn fuzz_profile(model: &DlmsModel, octets: &[u8]) {
    let Ok(Data::Structure(parts)) = decode_all(octets) else {
        return;
    };
    let [objects, period, order, answer] = parts.as_slice() else {
        return;
    };
    for part in &parts {
        drop(read_objects(part));
    }
    let basis: ClockBasis = match "posix:CET-1CEST,M3.5.0,M10.5.0/3".parse() {
        Ok(basis) => basis,
        Err(_) => return,
    };
    let answers = SetupAnswers {
        objects,
        period,
        order: Some(order),
        in_use: Some(period),
        entries: None,
    };
    for register in &model.registers {
        let outcomes: Vec<_> = parts.iter().cloned().map(Ok).collect();
        drop(read_register(register, ScalerUnit::COUNT, &outcomes));
    }
    for profile in &model.profiles {
        let Ok(setup) = ProfileSetup::read(model, profile, &answers) else {
            continue;
        };
        let scalers = setup.scalers().into_iter();
        let scaler = ScalerUnit {
            exponent: -1,
            code: 27,
        };
        let scalers: BTreeMap<_, _> = scalers.map(|attribute| (attribute, scaler)).collect();
        drop(LogReader::new(model, profile, &basis).read(&setup, answer, false));
        for begins_within in [false, true] {
            let reader = ProfileReader::new(model, profile, &basis);
            let Ok(read) = reader.read(&setup, &scalers, answer, begins_within) else {
                continue;
            };
            let in_order = |pair: &[super::CosemRow]| match pair {
                [one, next] => one.row.end < next.row.end,
                _ => true,
            };
            assert!(read.rows.windows(2).all(in_order), "each mark once");
            let width = read.shape.channels.len();
            assert!(
                read.rows
                    .iter()
                    .all(|found| found.row.values.len() == width)
            );
            let stored: usize = read.blocks().iter().map(|block| block.rows.len()).sum();
            assert_eq!(stored, read.rows.len(), "no row is lost");
        }
    }
}
