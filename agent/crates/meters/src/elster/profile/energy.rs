//! From a meter's profile to rows that can be stored: demand as it was, energy beside it, both
//! exact.
//!
//! A meter keeps average demand over whole periods. Energy of an interval is demand × period / 60,
//! times the transformer ratio where the meter counts the secondary side. That is an exact decimal
//! for periods of 3, 6, 15, 30 and 60 minutes and for usual ratios. Where it is none (a third of
//! something), energy is rounded half to even at a millionth of the unit, and the demand beside it
//! stays exact: sums are to be made of that.

use super::{ProfileColumns, ProfilePiece, ProfileRow};
use metering::{
    Channel, ChannelKind, ClockQuality, MeterId, ProfileId, ProfileRows, ProfileShape, Row, Unit,
};

/// Where energy that is no finite decimal is rounded: a millionth of Wh.
const ROUNDED_EXPONENT: i8 = -6;
/// Powers of ten that are tried for a finite decimal.
const PLACES_MAX: u8 = 3;

/// A ratio that values are multiplied with: transformer ratios, primary by secondary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Multiplier {
    numerator: u64,
    denominator: u64,
}

impl Multiplier {
    /// Nothing is multiplied.
    pub const ONE: Self = Self {
        numerator: 1,
        denominator: 1,
    };

    /// A ratio in its lowest terms; `None` where one of both is zero.
    pub fn new(numerator: u64, denominator: u64) -> Option<Self> {
        if numerator == 0 || denominator == 0 {
            return None;
        }
        let divisor = greatest_divisor(numerator, denominator);
        Some(Self {
            numerator: numerator / divisor,
            denominator: denominator / divisor,
        })
    }

    /// Both ratios together; `None` beyond all transformers.
    pub fn times(self, other: Self) -> Option<Self> {
        // Across first, so that nothing overflows that need not.
        let left = Self::new(self.numerator, other.denominator)?;
        let right = Self::new(other.numerator, self.denominator)?;
        Self::new(
            left.numerator.checked_mul(right.numerator)?,
            left.denominator.checked_mul(right.denominator)?,
        )
    }

    /// Numerator and denominator.
    pub const fn parts(self) -> (u64, u64) {
        (self.numerator, self.denominator)
    }
}

impl std::fmt::Display for Multiplier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.denominator {
            1 => write!(f, "{}", self.numerator),
            other => write!(f, "{}/{other}", self.numerator),
        }
    }
}

fn greatest_divisor(mut left: u64, mut right: u64) -> u64 {
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left.max(1)
}

/// How demand becomes energy: energy digits = demand digits × `numerator` / `denominator`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnergyRule {
    numerator: u64,
    denominator: u64,
    /// Power of ten of the energy.
    pub exponent: i8,
    /// Whether every energy is exact; else rounded half to even.
    pub is_exact: bool,
}

impl EnergyRule {
    /// For demands with this power of ten; `None` beyond all transformers.
    pub fn new(demand_exponent: i8, period_seconds: u32, multiplier: Multiplier) -> Option<Self> {
        let hours = Multiplier::new(u64::from(period_seconds), 3600)?;
        let factor = hours.times(multiplier)?;
        let finite = (0..=PLACES_MAX).find_map(|places| {
            let scaled = factor.times(Multiplier::new(10_u64.pow(u32::from(places)), 1)?)?;
            (scaled.denominator == 1).then_some((scaled, places))
        });
        let (scaled, exponent, is_exact) = if let Some((scaled, places)) = finite {
            (scaled, demand_exponent - places.cast_signed(), true)
        } else {
            let places = u32::from(demand_exponent.abs_diff(ROUNDED_EXPONENT));
            let tens = Multiplier::new(10_u64.checked_pow(places)?, 1)?;
            (factor.times(tens)?, ROUNDED_EXPONENT, false)
        };
        Some(Self {
            numerator: scaled.numerator,
            denominator: scaled.denominator,
            exponent,
            is_exact,
        })
    }

    /// The energy of a demand; `None` where it has too many digits.
    pub fn energy(&self, demand: i64) -> Option<i64> {
        let product = i128::from(demand).checked_mul(i128::from(self.numerator))?;
        let divisor = i128::from(self.denominator);
        let (quotient, rest) = (product.div_euclid(divisor), product.rem_euclid(divisor));
        let up = match (rest * 2).cmp(&divisor) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => quotient & 1,
            std::cmp::Ordering::Greater => 1,
        };
        i64::try_from(quotient + up).ok()
    }
}

/// Whose rows are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileOwner {
    /// The meter.
    pub meter: MeterId,
    /// Which of its profiles.
    pub profile: ProfileId,
    /// How far the gateway's clock could be trusted when the meter's was compared with it.
    pub clock: ClockQuality,
}

/// Turns pieces of a profile into rows that can be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileConversion {
    /// What demand is multiplied with to make energy: the transformer ratios of a meter that counts
    /// the secondary side.
    pub multiplier: Multiplier,
}

/// A channel of the profile with its two columns.
#[derive(Debug, Clone)]
struct Column {
    place: usize,
    rule: Option<EnergyRule>,
}

impl ProfileConversion {
    /// The columns: of each channel that the model knows, the demand as the meter counts it, and
    /// the energy of the interval. `None` where there is no such channel.
    pub fn shape(&self, columns: &ProfileColumns) -> Option<ProfileShape> {
        let (channels, _) = self.columns(columns);
        (!channels.is_empty()).then(|| ProfileShape {
            period: columns.period,
            channels: channels.into(),
        })
    }

    fn columns(&self, columns: &ProfileColumns) -> (Vec<Channel>, Vec<Column>) {
        let (mut channels, mut made) = (Vec::new(), Vec::new());
        for (place, channel) in columns.channels.iter().enumerate() {
            let Some((obis, unit)) = channel.measured else {
                continue;
            };
            channels.push(Channel {
                obis: obis.as_average(),
                exponent: channel.exponent,
                unit: unit.as_power().unwrap_or(Unit::Count),
                kind: ChannelKind::Average,
            });
            let seconds = columns.period.seconds();
            let rule = EnergyRule::new(channel.exponent, seconds, self.multiplier);
            if let Some(rule) = rule {
                channels.push(Channel {
                    obis: obis.as_increment(),
                    exponent: rule.exponent,
                    unit,
                    kind: ChannelKind::Increment,
                });
            }
            made.push(Column { place, rule });
        }
        (channels, made)
    }

    /// Rows of a piece, in blocks on consecutive marks.
    pub fn rows(&self, owner: &ProfileOwner, piece: &ProfilePiece) -> Vec<ProfileRows> {
        let (channels, columns) = self.columns(&piece.columns);
        if channels.is_empty() {
            return Vec::new();
        }
        let shape = ProfileShape {
            period: piece.columns.period,
            channels: channels.into(),
        };
        let step = shape.period.duration();
        let mut blocks: Vec<ProfileRows> = Vec::new();
        for row in &piece.rows {
            let made = made(row, &columns);
            let last = blocks.last_mut();
            match last.filter(|block| follows(block, &made, step)) {
                Some(block) => block.rows.push(made),
                None => blocks.push(ProfileRows {
                    meter: owner.meter.clone(),
                    profile: owner.profile,
                    shape: shape.clone(),
                    clock: owner.clock,
                    rows: vec![made],
                }),
            }
        }
        blocks
    }
}

fn follows(block: &ProfileRows, row: &Row, step: std::time::Duration) -> bool {
    block
        .rows
        .last()
        .is_some_and(|last| last.end.after(step) == row.end)
}

fn made(row: &ProfileRow, columns: &[Column]) -> Row {
    let mut values = Vec::with_capacity(columns.len() * 2);
    for column in columns {
        let demand = row.values.get(column.place).copied().flatten();
        values.push(demand);
        if let Some(rule) = &column.rule {
            values.push(demand.and_then(|demand| rule.energy(demand)));
        }
    }
    Row {
        end: row.end,
        values,
        flags: row.flags,
        offset_ms: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metering::decimal_text;

    #[track_caller]
    fn check(minutes: u32, ratio: (u64, u64), demand: i64, expected: &str, is_exact: bool) {
        let multiplier = Multiplier::new(ratio.0, ratio.1).unwrap();
        let rule = EnergyRule::new(-3, minutes * 60, multiplier).unwrap();
        let energy = rule.energy(demand).unwrap();
        assert_eq!(decimal_text(energy, rule.exponent), expected);
        assert_eq!(rule.is_exact, is_exact);
    }

    #[test]
    fn energy_is_demand_times_time() {
        check(30, (1, 1), 1_234_000, "617.0000", true);
        check(30, (1, 1), 1, "0.0005", true);
        check(60, (1, 1), 1_234_567, "1234.567", true);
        check(15, (1, 1), 1, "0.00025", true);
        check(6, (1, 1), 7, "0.0007", true);
        check(3, (1, 1), 7, "0.00035", true);
        check(30, (200, 5), 1_000_000, "20000.000", true);
        check(30, (11_000, 110), 1, "0.050", true);
    }

    #[test]
    fn thirds_are_rounded_and_say_so() {
        check(20, (1, 1), 1, "0.000333", false);
        check(20, (1, 1), 2, "0.000667", false);
        check(10, (1, 1), 3, "0.000500", false);
        check(1, (1, 1), 60, "0.001000", false);
        check(20, (1, 1), -1, "-0.000333", false);
    }

    #[test]
    fn ratios_are_kept_in_lowest_terms() {
        let current = Multiplier::new(20_000, 500).unwrap();
        assert_eq!(current.to_string(), "40");
        let voltage = Multiplier::new(1_100_000, 10_000).unwrap();
        assert_eq!(current.times(voltage).unwrap().parts(), (4400, 1));
        assert_eq!(Multiplier::new(5, 10).unwrap().to_string(), "1/2");
        assert_eq!(Multiplier::new(0, 5), None);
        assert_eq!(
            Multiplier::new(u64::MAX, 1)
                .unwrap()
                .times(Multiplier::new(3, 1).unwrap()),
            None
        );
    }
}
