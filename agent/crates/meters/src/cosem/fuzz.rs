//! The door for fuzzing.

use super::number::ScalerUnit;
use super::{
    CalendarPart, LogReader, ProfileReader, ProfileSetup, RegisterActivation, Script, SetupAnswers,
    SpecialDay, TariffSet, check, compare, read_objects, read_register,
};
use crate::catalogue::dlms::DlmsModel;
use crate::clock_basis::ClockBasis;
use dlms::codec::{Data, LogicalName, decode_all};
use std::collections::BTreeMap;

/// Any octets are a profile, a log, a register, an object list, the tables of a tariff, or faults; rows
/// come in the order of their marks, each once, with as many values as there are channels; and a table
/// that is read can be written.
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
        tariff(model, part);
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

fn tariff(model: &DlmsModel, part: &Data) {
    let fields = part.items().unwrap_or_default();
    let field = |place: usize| fields.get(place).unwrap_or(part);
    let calendar = CalendarPart::decode(|of| field(usize::from(of.active().unsigned_abs()) - 2));
    let registers = RegisterActivation::decode(|of| match of {
        super::RegisterField::Registers => field(0),
        super::RegisterField::Masks => field(1),
        super::RegisterField::Active => field(2),
    });
    let (days, scripts) = (SpecialDay::decode_all(part), Script::decode_all(part));
    if let Ok(days) = &days {
        let again = SpecialDay::decode_all(&SpecialDay::encode_all(days));
        assert_eq!(
            again.as_ref(),
            Ok(days),
            "days are written as they were read"
        );
    }
    if let Ok(calendar) = &calendar {
        let again: Vec<Data> = super::CalendarField::ALL
            .map(|of| calendar.field(of))
            .into();
        let [days, weeks, seasons, name] = again.as_slice() else {
            return;
        };
        let again = CalendarPart::decode(|of| match of {
            super::CalendarField::Days => days,
            super::CalendarField::Weeks => weeks,
            super::CalendarField::Seasons => seasons,
            super::CalendarField::Name => name,
        });
        assert_eq!(
            again.as_ref(),
            Ok(calendar),
            "a calendar is written as it was read"
        );
    }
    let set = TariffSet {
        calendar: calendar.as_ref().ok(),
        special_days: days.as_deref().ok(),
        scripts: scripts.as_deref().ok().map(|all| (LogicalName::CLOCK, all)),
        registers: registers.as_ref().ok(),
    };
    drop(check(&set, &model.takes()));
    let attribute = SpecialDay::table(LogicalName::CLOCK);
    for other in fields {
        let likeness = compare(attribute, part, other);
        assert!(
            likeness != super::Likeness::Same || part == other,
            "the same is the same"
        );
    }
}
