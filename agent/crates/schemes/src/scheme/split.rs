//! A stored load profile divided by the rates of a tariff: what its registers would have counted.

use super::rate::{Tariff, Undecided};
use super::year::{Segment, expand};
use jiff::tz::TimeZone;
use metering::scheme::{Label, RateSet, Source, TouRegister};
use metering::{Channel, ChannelKind, ProfileRows, Quantity, Row, Timestamp};
use std::collections::BTreeMap;

/// The energy of a profile under a tariff.
///
/// `by_rates` divides `total` without remainder: each interval is in it once. `registers` is what
/// each register would have counted; together with `uncounted`, and without what several counted
/// at once, they are the total:
/// `sum of registers + uncounted - counted_again = total`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// All of it.
    pub total: Quantity,
    /// By the set of rates that was active.
    pub by_rates: Vec<(RateSet, Quantity)>,
    /// By register.
    pub registers: Vec<RegisterShare>,
    /// What no register counted.
    pub uncounted: Quantity,
    /// What was counted by a second or further register.
    pub counted_again: Quantity,
    /// Ends of intervals in which the rates changed: their energy was divided by time, evenly, so
    /// their parts are an estimate.
    pub divided: Vec<Timestamp>,
    /// Ends of intervals without a value; they are not in the total.
    pub without_value: Vec<Timestamp>,
}

/// What one register would have counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterShare {
    /// Its number.
    pub number: u8,
    /// What people call it.
    pub name: Option<Label>,
    /// Its rate.
    pub rate: u8,
    /// Its energy.
    pub energy: Quantity,
}

/// Why a profile cannot be divided; each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitFault {
    /// No such column.
    #[error("the profile has no channel {0}; it has fewer")]
    NoChannel(usize),
    /// Not an energy.
    #[error("the channel {0} is no energy and no power; choose another")]
    NotEnergy(metering::Obis),
    /// Average power whose energy has no end of digits.
    #[error(
        "an interval of {0} s of this power cannot be written as energy without rounding; read energy instead"
    )]
    Endless(u32),
    /// Sums beyond what a quantity holds.
    #[error("the sum has too many digits; ask for fewer days")]
    TooLarge,
    /// Rows do not follow each other.
    #[error(
        "the interval that ends at {0} is not in its place; give the rows in the order of time"
    )]
    OutOfOrder(Timestamp),
    /// The tariff does not say.
    #[error(transparent)]
    Undecided(#[from] Undecided),
}

/// Divides a channel of a profile by a tariff. `registers` are those of the scheme; the ones that
/// count another quantity than the channel are left out.
pub fn split(
    tariff: Tariff<'_>,
    zone: &TimeZone,
    profile: &ProfileRows,
    channel: usize,
    registers: &[TouRegister],
) -> Result<Split, SplitFault> {
    let shape = &profile.shape;
    let about = shape.channels.get(channel);
    let about = about.ok_or(SplitFault::NoChannel(channel))?;
    let seconds = shape.period.seconds();
    let scale = Scale::of(about, seconds)?;
    let rows = &profile.rows;
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return scale.finish(Buckets::default(), about.obis, registers);
    };
    let length = shape.period.duration();
    let segments = expand(tariff, zone, first.end.before(length), last.end)?;
    let mut buckets = Buckets::default();
    let mut before: Option<&Row> = None;
    // Rows come in the order of time; what ends before one is of no use to the next.
    let mut ahead = segments.as_slice();
    for row in rows {
        let start = row.end.before(length);
        let value = value_of(
            row,
            before.filter(|one| one.end == start),
            channel,
            about.kind,
        );
        before = Some(row);
        let past = ahead.iter().take_while(|one| one.to <= start).count();
        ahead = ahead.get(past..).unwrap_or_default();
        match value {
            Some(value) => buckets.add(row.end, start, value * scale.factor, ahead)?,
            None => buckets.without_value.push(row.end),
        }
    }
    scale.finish(buckets, about.obis, registers)
}

/// What was added within an interval, before scaling.
fn value_of(row: &Row, before: Option<&Row>, channel: usize, kind: ChannelKind) -> Option<i128> {
    let at = |row: &Row| row.values.get(channel).copied().flatten().map(i128::from);
    let value = at(row)?;
    match kind {
        ChannelKind::Register => {
            let grown = value - at(before?)?;
            // A total that went back was reset or passed its end: nobody knows by how much.
            (grown >= 0).then_some(grown)
        }
        ChannelKind::Average | ChannelKind::Increment => Some(value),
    }
}

/// From the values of a channel to digits of energy.
struct Scale {
    factor: i128,
    exponent: i8,
    unit: metering::Unit,
}

impl Scale {
    fn of(channel: &Channel, seconds: u32) -> Result<Self, SplitFault> {
        use metering::Unit::{Count, Var, VarHour, VoltAmpere, VoltAmpereHour, Watt, WattHour};
        let unit = match (channel.kind, channel.unit) {
            (ChannelKind::Average, Watt) => WattHour,
            (ChannelKind::Average, Var) => VarHour,
            (ChannelKind::Average, VoltAmpere) => VoltAmpereHour,
            (ChannelKind::Register | ChannelKind::Increment, unit)
                if unit.is_energy() || unit == Count =>
            {
                unit
            }
            _ => return Err(SplitFault::NotEnergy(channel.obis)),
        };
        if channel.kind != ChannelKind::Average {
            let (factor, exponent) = (1, channel.exponent);
            return Ok(Self {
                factor,
                exponent,
                unit,
            });
        }
        // Power times seconds by 3600, with as many more digits as that takes.
        let mut factor = i128::from(seconds);
        let mut exponent = channel.exponent;
        while factor % 3600 != 0 {
            let deeper = exponent.checked_sub(1).ok_or(SplitFault::TooLarge)?;
            if channel.exponent - deeper > 6 {
                return Err(SplitFault::Endless(seconds));
            }
            (factor, exponent) = (factor * 10, deeper);
        }
        let factor = factor / 3600;
        Ok(Self {
            factor,
            exponent,
            unit,
        })
    }

    fn quantity(&self, digits: i128) -> Result<Quantity, SplitFault> {
        Ok(Quantity {
            digits: i64::try_from(digits).map_err(|_| SplitFault::TooLarge)?,
            exponent: self.exponent,
            unit: self.unit,
        })
    }

    fn finish(
        &self,
        buckets: Buckets,
        code: metering::Obis,
        registers: &[TouRegister],
    ) -> Result<Split, SplitFault> {
        let source = Source::Measured(code.with_kind(8).with_rate(0));
        let counting = registers.iter().filter(|one| one.source == source);
        let counting: Vec<&TouRegister> = counting.collect();
        let count_of = |rates: &RateSet| {
            let count = counting.iter().filter(|one| rates.has(one.rate)).count();
            i128::try_from(count).unwrap_or(0)
        };
        let sum = |part: &dyn Fn(&RateSet) -> i128| -> i128 {
            let energies = buckets.energies.iter();
            energies.map(|(rates, energy)| energy * part(rates)).sum()
        };
        let share = |one: &&TouRegister| {
            let energy = sum(&|rates| i128::from(rates.has(one.rate)));
            Ok(RegisterShare {
                number: one.number,
                name: one.name.clone(),
                rate: one.rate,
                energy: self.quantity(energy)?,
            })
        };
        let energies = buckets.energies.iter();
        let by_rates = energies.map(|(rates, energy)| Ok((*rates, self.quantity(*energy)?)));
        Ok(Split {
            total: self.quantity(sum(&|_| 1))?,
            by_rates: by_rates.collect::<Result<_, SplitFault>>()?,
            registers: counting
                .iter()
                .map(share)
                .collect::<Result<_, SplitFault>>()?,
            uncounted: self.quantity(sum(&|rates| i128::from(count_of(rates) == 0)))?,
            counted_again: self.quantity(sum(&|rates| (count_of(rates) - 1).max(0)))?,
            divided: buckets.divided,
            without_value: buckets.without_value,
        })
    }
}

#[derive(Default)]
struct Buckets {
    energies: BTreeMap<RateSet, i128>,
    divided: Vec<Timestamp>,
    without_value: Vec<Timestamp>,
}

impl Buckets {
    /// Divides the energy of one interval by time. Each part ends where the running sum, rounded
    /// down, says, so the parts are the whole to the last digit.
    fn add(
        &mut self,
        end: Timestamp,
        start: Timestamp,
        energy: i128,
        ahead: &[Segment],
    ) -> Result<(), SplitFault> {
        let whole = i128::from(end.millis_since(start));
        let mut given = 0;
        let mut first: Option<RateSet> = None;
        let mut is_divided = false;
        for segment in ahead.iter().take_while(|one| one.from < end) {
            let past = i128::from(segment.to.min(end).millis_since(start));
            let running = energy.checked_mul(past).ok_or(SplitFault::TooLarge)?;
            let upto = running.div_euclid(whole.max(1));
            let rates = segment.rates.energy;
            *self.energies.entry(rates).or_default() += upto - given;
            given = upto;
            is_divided |= *first.get_or_insert(rates) != rates;
        }
        if given != energy {
            return Err(SplitFault::OutOfOrder(end));
        }
        if is_divided {
            self.divided.push(end);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
