//! A check as octets.

use super::sums::{Both, Sums};
use super::{AdvanceCheck, AdvanceResult, AdvanceVerdict, RegisterLook};
use crate::limits::{ADVANCE_CHANNELS_MAX, ADVANCE_MISSING_MAX, ADVANCE_TOTALS_MAX};
use metering::{Obis, Timestamp};

/// The first octet of what is stored; another one was written by another program.
const VERSION: u8 = 1;

pub(super) fn encode(check: &AdvanceCheck) -> Vec<u8> {
    let mut octets = vec![VERSION];
    look(&mut octets, check.first.as_ref());
    look(&mut octets, check.second.as_ref());
    octets.extend(check.period_s.to_be_bytes());
    octets.extend(check.mask.to_be_bytes());
    octets.push(count(check.channels.len()));
    for (obis, sums) in check.channels.iter().zip(&check.sums) {
        octets.push(u8::from(obis.is_some()));
        octets.extend(obis.map_or([0; 6], Obis::groups));
        for both in [sums.between, sums.at_first, sums.at_second, sums.behind] {
            octets.extend(both.own.to_be_bytes());
            octets.extend(both.other.to_be_bytes());
        }
        octets.extend(sums.no_numbers.to_be_bytes());
        octets.extend(sums.no_others.to_be_bytes());
    }
    octets.push(u8::from(check.to.is_some()));
    octets.extend(check.to.unwrap_or(0).to_be_bytes());
    octets.push(count(check.missing.len()));
    for (from, to) in &check.missing {
        octets.extend(from.to_be_bytes());
        octets.extend(to.to_be_bytes());
    }
    if let Some(told) = &check.told {
        verdict(&mut octets, told);
    }
    octets
}

fn count(length: usize) -> u8 {
    u8::try_from(length).unwrap_or(0)
}

fn look(octets: &mut Vec<u8>, look: Option<&RegisterLook>) {
    let nothing = RegisterLook::default();
    let look = look.unwrap_or(&nothing);
    octets.extend(look.at.seconds().to_be_bytes());
    octets.push(count(look.totals.len()));
    for (obis, digits) in &look.totals {
        octets.extend(obis.groups());
        octets.extend(digits.to_be_bytes());
    }
}

fn verdict(octets: &mut Vec<u8>, told: &AdvanceVerdict) {
    let (kind, total) = match told.result {
        AdvanceResult::Agrees => return,
        AdvanceResult::Differs { total } => (1, total),
        AdvanceResult::OtherCoding { total } => (2, total),
    };
    octets.push(kind);
    octets.extend(total.groups());
    octets.extend(told.from.seconds().to_be_bytes());
    octets.extend(told.to.seconds().to_be_bytes());
    octets.extend(told.missing.to_be_bytes());
    octets.extend(told.no_numbers.to_be_bytes());
    for sum in [told.advance, told.at_least, told.at_most] {
        octets.extend(sum.to_be_bytes());
    }
}

/// Takes octets from the front.
struct Stored<'a>(&'a [u8]);

impl Stored<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (octets, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*octets)
    }

    fn octet(&mut self) -> Option<u8> {
        let [octet] = self.take()?;
        Some(octet)
    }

    fn seconds(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn sum(&mut self) -> Option<i128> {
        self.take().map(i128::from_be_bytes)
    }

    fn at(&mut self) -> Option<Timestamp> {
        // Times are kept in milliseconds; what would not fit is none.
        let seconds = self
            .seconds()
            .filter(|seconds| u32::try_from(*seconds).is_ok())?;
        Some(Timestamp::from_seconds(seconds))
    }

    fn count(&mut self, most: usize) -> Option<usize> {
        self.octet().map(usize::from).filter(|count| *count <= most)
    }

    /// A look without totals is none.
    fn look(&mut self) -> Option<RegisterLook> {
        let at = self.at()?;
        let count = self.count(ADVANCE_TOTALS_MAX)?;
        let mut totals = Vec::with_capacity(count);
        for _ in 0..count {
            let obis = Obis::new(self.take()?);
            totals.push((obis, i64::from_be_bytes(self.take()?)));
        }
        Some(RegisterLook { at, totals })
    }

    fn both(&mut self) -> Option<Both> {
        Some(Both {
            own: self.sum()?,
            other: self.sum()?,
        })
    }

    fn verdict(&mut self) -> Option<AdvanceVerdict> {
        let kind = self.octet()?;
        let total = Obis::new(self.take()?);
        Some(AdvanceVerdict {
            result: match kind {
                1 => AdvanceResult::Differs { total },
                2 => AdvanceResult::OtherCoding { total },
                _ => return None,
            },
            from: self.at()?,
            to: self.at()?,
            missing: self.number()?,
            no_numbers: self.number()?,
            advance: self.sum()?,
            at_least: self.sum()?,
            at_most: self.sum()?,
        })
    }
}

pub(super) fn decode(stored: &[u8]) -> Option<AdvanceCheck> {
    let mut rest = Stored(stored);
    let VERSION = rest.octet()? else {
        return None;
    };
    let is_one = |look: &RegisterLook| !look.totals.is_empty();
    let mut check = AdvanceCheck {
        first: Some(rest.look()?).filter(is_one),
        second: Some(rest.look()?).filter(is_one),
        period_s: rest.at()?.seconds(),
        mask: u16::from_be_bytes(rest.take()?),
        ..AdvanceCheck::default()
    };
    for _ in 0..rest.count(ADVANCE_CHANNELS_MAX)? {
        let is_known = rest.octet()? == 1;
        let obis = Obis::new(rest.take()?);
        check.channels.push(is_known.then_some(obis));
        check.sums.push(Sums {
            between: rest.both()?,
            at_first: rest.both()?,
            at_second: rest.both()?,
            behind: rest.both()?,
            no_numbers: rest.number()?,
            no_others: rest.number()?,
        });
    }
    let has_to = rest.octet()? == 1;
    check.to = Some(rest.at()?.seconds()).filter(|_| has_to);
    for _ in 0..rest.count(ADVANCE_MISSING_MAX)? {
        let (from, to) = (rest.at()?.seconds(), rest.at()?.seconds());
        if from >= to {
            return None;
        }
        check.missing.push((from, to));
    }
    if !rest.0.is_empty() {
        check.told = Some(rest.verdict()?);
    }
    Some(check)
}
