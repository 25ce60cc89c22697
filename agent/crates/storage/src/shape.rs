//! Shapes: what the columns of a block mean. Entries carry theirs; the archive keeps each once.

use crate::codec::{read_exponent, read_obis, read_unit, write_exponent};
use crate::limits::COLUMNS_MAX;
use crate::wire::{Damage, Reader, Writer};
use metering::{
    Channel, ChannelKind, MeterReadings, Obis, Period, ProfileShape, Quantity, Reading, Unit,
};

pub(crate) fn write_profile_shape(shape: &ProfileShape, out: &mut Writer) {
    out.varint(u64::from(shape.period.seconds()));
    out.count(shape.channels.len());
    shape
        .channels
        .iter()
        .for_each(|channel| write_channel(channel, out));
}

pub(crate) fn write_channel(channel: &Channel, out: &mut Writer) {
    out.raw(&channel.obis.groups());
    write_exponent(channel.exponent, out);
    out.byte(channel.unit.code());
    out.byte(kind_number(channel.kind));
}

pub(crate) fn read_channel(reader: &mut Reader<'_>) -> Result<Channel, Damage> {
    Ok(Channel {
        obis: read_obis(reader)?,
        exponent: read_exponent(reader)?,
        unit: read_unit(reader)?,
        kind: kind_of(reader.byte()?)?,
    })
}

pub(crate) fn read_profile_shape(reader: &mut Reader<'_>) -> Result<ProfileShape, Damage> {
    let seconds = u32::try_from(reader.varint()?).map_err(|_| Damage::Content("period"))?;
    let period = Period::from_seconds(seconds).map_err(|_| Damage::Content("period"))?;
    let count = reader.count(COLUMNS_MAX)?;
    let channels: Result<Vec<Channel>, Damage> = (0..count).map(|_| read_channel(reader)).collect();
    Ok(ProfileShape {
        period,
        channels: channels?.into(),
    })
}

const fn kind_number(kind: ChannelKind) -> u8 {
    match kind {
        ChannelKind::Register => 0,
        ChannelKind::Average => 1,
        ChannelKind::Increment => 2,
    }
}

const fn kind_of(number: u8) -> Result<ChannelKind, Damage> {
    match number {
        0 => Ok(ChannelKind::Register),
        1 => Ok(ChannelKind::Average),
        2 => Ok(ChannelKind::Increment),
        _ => Err(Damage::Content("channel kind")),
    }
}

/// What the values of a poll are: quantity by quantity, its scale and unit as far as any poll
/// of the block had a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PollShape(pub(crate) Vec<(Obis, Option<(i8, Unit)>)>);

impl PollShape {
    pub(crate) fn of(poll: &MeterReadings) -> Self {
        let scale = |quantity: Quantity| (quantity.exponent, quantity.unit);
        let columns = poll.values.iter();
        Self(
            columns
                .map(|reading| (reading.obis, reading.quantity.map(scale)))
                .collect(),
        )
    }

    /// Whether both have the same quantities in the same order.
    pub(crate) fn lists_as(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a.0 == b.0)
    }

    /// Takes in what another shape knows, unless the two contradict each other.
    pub(crate) fn absorb(&mut self, other: &Self) -> bool {
        let agrees = |(own, its): (&(Obis, Option<_>), &(Obis, Option<_>))| {
            own.1.is_none() || its.1.is_none() || own.1 == its.1
        };
        if !self.lists_as(other) || !self.0.iter().zip(&other.0).all(agrees) {
            return false;
        }
        for (own, its) in self.0.iter_mut().zip(&other.0) {
            own.1 = own.1.or(its.1);
        }
        true
    }

    /// The reading in column `index`.
    pub(crate) fn reading(&self, index: usize, digits: Option<i64>) -> Result<Reading, Damage> {
        let (obis, scale) = *self.0.get(index).ok_or(Damage::Content("columns"))?;
        let quantity = match (digits, scale) {
            (None, _) => None,
            (Some(digits), Some((exponent, unit))) => Some(Quantity {
                digits,
                exponent,
                unit,
            }),
            (Some(_), None) => return Err(Damage::Content("scale")),
        };
        Ok(Reading { obis, quantity })
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.count(self.0.len());
        for (obis, scale) in &self.0 {
            out.raw(&obis.groups());
            match scale {
                None => out.byte(0),
                Some((exponent, unit)) => {
                    out.byte(unit.code());
                    write_exponent(*exponent, out);
                }
            }
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damage> {
        let count = reader.count(COLUMNS_MAX)?;
        let columns: Result<Vec<_>, Damage> = (0..count)
            .map(|_| Ok((read_obis(reader)?, read_scale(reader)?)))
            .collect();
        Ok(Self(columns?))
    }
}

/// Unit code 0 is none of ours and says that no value was ever there.
fn read_scale(reader: &mut Reader<'_>) -> Result<Option<(i8, Unit)>, Damage> {
    match reader.byte()? {
        0 => Ok(None),
        code => {
            let unit = Unit::from_code(code).ok_or(Damage::Content("unit"))?;
            Ok(Some((read_exponent(reader)?, unit)))
        }
    }
}
