//! Historical billing sets: read when a billing period has ended since the last look.

mod stretches;

use super::round::{PACKET_OCTETS, Sitting, StepEnd};
use line::Line;
use metering::{MeterTime, Timestamp};
use meters::catalogue::flag::{FlagIdentity, FlagLayout, SetPart};
use meters::elster::{BillingInfo, BillingSet, Content};
use meters::flag::VisitFault;
use stretches::Stretches;

/// What is kept of an identity while not all of it is stands behind this number and its own.
const KEPT_FROM: u16 = 2000;

/// A set that is being read, over as many sessions as that needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sets {
    /// What the newest set says of itself: if that changes meanwhile, all begins again.
    newest: Vec<u8>,
    /// Which one.
    set: u16,
    /// Its octets so far.
    octets: Vec<u8>,
}

/// Where a set says what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct InfoPlace {
    from: usize,
    octets: usize,
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Reads sets that are not kept yet, from the newest on; no more than the newest `most` if somebody
    /// wants no more: the schedule goes on behind them.
    pub(super) async fn billing(
        &mut self,
        identity: u16,
        most: Option<u16>,
    ) -> Result<StepEnd, VisitFault> {
        let Some(row) = self.visit.row(identity) else {
            return Ok(StepEnd::Done);
        };
        let Some(place) = self.info_place(row) else {
            return Ok(StepEnd::Done);
        };
        let newest = self.info_of_set(row, 0, place).await?;
        let known = self.book.memory.identity(identity).map(<[u8]>::to_vec);
        if known.as_ref() == Some(&newest) {
            self.book.sets.remove(&identity);
            return Ok(StepEnd::Done);
        }
        let number = KEPT_FROM.saturating_add(identity);
        let stored = self.book.memory.identity(number).unwrap_or_default();
        let mut kept = Stretches::decode(stored);
        let first = kept.begin(&newest);
        let is_same = |sets: &Sets| sets.set == first && sets.newest == newest;
        let sets = self.book.sets.remove(&identity).filter(is_same);
        let mut sets = sets.unwrap_or(Sets {
            newest: newest.clone(),
            set: first,
            octets: Vec::new(),
        });
        let last = most.map_or(row.sets, |most| most.min(row.sets));
        let mut is_whole = false;
        while sets.set < last && !is_whole {
            match self.read_slowly(row, sets.set, &mut sets.octets).await {
                Ok(true) => {}
                end => {
                    self.book.sets.insert(identity, sets);
                    return end.map(|_| StepEnd::Later);
                }
            }
            let info = sets.octets.get(place.from..place.from + place.octets);
            if known.is_some() && info == known.as_deref() {
                is_whole = true;
            } else if info.is_some_and(|info| kept.joins(info)) {
                sets.set = kept.kept();
            } else if self.keep_set(row, &sets.octets) {
                sets.set = kept.keep();
            } else {
                is_whole = true;
            }
            sets.octets.clear();
            self.book.memory.set_identity(number, &kept.encode());
        }
        if is_whole || sets.set >= row.sets {
            self.book.memory.set_identity(identity, &newest);
            self.book.memory.set_identity(number, &[]);
        }
        Ok(StepEnd::Done)
    }

    async fn info_of_set(
        &mut self,
        row: &FlagIdentity,
        set: u16,
        place: InfoPlace,
    ) -> Result<Vec<u8>, VisitFault> {
        let each = usize::from(PACKET_OCTETS);
        let first = place.from / each;
        let last = (place.from + place.octets).saturating_sub(1) / each;
        let mut octets = Vec::new();
        for (packet, count) in row.packets(set).skip(first).take(last - first + 1) {
            let raw = self.visit.read_packet(row.number, packet, count).await?;
            octets.extend(raw.octets);
        }
        let from = place.from - first * each;
        let info = octets.get(from..from + place.octets);
        let info = info.ok_or(VisitFault::Unknown("a billing set of this length"))?;
        Ok(info.to_vec())
    }

    fn info_place(&self, row: &FlagIdentity) -> Option<InfoPlace> {
        let FlagLayout::Set { parts } = &row.layout else {
            return None;
        };
        let length = |part: &SetPart| {
            let like = part.like.and_then(|number| self.visit.row(number));
            part.octets.or(like.map(|row| row.octets)).unwrap_or(0)
        };
        let mut next = 0;
        for part in parts {
            let from = part.at.map_or(next, usize::from);
            let octets = usize::from(length(part));
            if matches!(part.layout, Some(FlagLayout::BillingInfo { .. })) {
                return Some(InfoPlace { from, octets });
            }
            next = from + octets;
        }
        None
    }

    /// False where the meter has no more sets.
    fn keep_set(&mut self, row: &FlagIdentity, octets: &[u8]) -> bool {
        let set = match self.reader().read(row, octets) {
            Ok(Content::Billing(set)) => set,
            Ok(_) => return false,
            Err(fault) => {
                self.book
                    .remark(format!("identity {}: {fault}", row.number));
                return true;
            }
        };
        if !set.is_filled() {
            return false;
        }
        let Some(info) = set.info().cloned() else {
            return true;
        };
        let Some(shown) = info.end.or(info.reset_time) else {
            return true;
        };
        self.keep_values(&set, period_of(&info, shown), self.instant(shown));
        self.sets_kept += 1;
        true
    }

    fn keep_values(&mut self, set: &BillingSet, period: u8, at: Timestamp) {
        for part in &set.parts {
            match &part.content {
                Content::Registers(values) => {
                    let values = self.register_readings(values, Some(period));
                    self.keep_readings(at, values);
                }
                Content::Demands(demands) => self.keep_demands(demands, Some(period)),
                _ => {}
            }
        }
    }
}

/// Value group F: the number of the billing period, as far as two digits go; where the meter does
/// not count them, its month.
fn period_of(info: &BillingInfo, end: MeterTime) -> u8 {
    let (year, month, _) = end.date();
    let number = info.count.map_or(year * 12 + month, u64::from);
    u8::try_from(number % 100).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(count: Option<u16>, date: [u16; 3], expected: u8) {
        let info = BillingInfo {
            count,
            ..BillingInfo::default()
        };
        let end = MeterTime::from_civil(date, [0, 0, 0]).unwrap();
        assert_eq!(period_of(&info, end), expected);
    }

    #[test]
    fn billing_periods_have_numbers_of_two_digits() {
        check(Some(7), [2026, 1, 1], 7);
        check(Some(123), [2026, 1, 1], 23);
        check(None, [2026, 1, 1], 13);
        check(None, [2026, 2, 1], 14);
    }
}
