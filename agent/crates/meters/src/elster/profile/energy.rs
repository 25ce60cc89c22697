//! From a meter's profile to rows that can be stored: demand as it was, energy beside it, both
//! exact.
//!
//! A meter keeps average demand over whole periods. Energy of an interval is demand × period / 60,
//! times the transformer ratio where the meter counts the secondary side. That is an exact decimal
//! for periods of 3, 6, 15, 30 and 60 minutes and for usual ratios. Where it is none (a third of
//! something), energy is rounded half to even at a millionth of the unit, and the demand beside it
//! stays exact: sums are to be made of that.

use super::{ProfileColumns, ProfilePiece, ProfileRow};
use crate::elster::scaling::{Multiplier, ScalingRule};
use metering::{
    Channel, ChannelKind, ClockQuality, MeterId, ProfileId, ProfileRows, ProfileShape, Row, Unit,
};

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
    rule: Option<ScalingRule>,
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
            let rule = ScalingRule::to_energy(channel.exponent, seconds, self.multiplier);
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
            values.push(demand.and_then(|demand| rule.apply(demand)));
        }
    }
    Row {
        end: row.end,
        values,
        flags: row.flags,
        offset_ms: 0,
    }
}
