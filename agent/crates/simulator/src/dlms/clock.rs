//! Times as the meter says them.

use dlms::codec::{Data, DateTime};

use crate::elster::{Civil, Zone};

/// Summer time is in force.
const SUMMER: u8 = 0x80;

/// What a clock shows that takes this for UTC.
pub(super) fn date_time(shown_utc: i64, zone: &Zone) -> DateTime {
    let offset = zone.offset_at(shown_utc);
    let civil = Civil::of(shown_utc + offset);
    let small = |number: i64| u8::try_from(number).ok();
    let is_summer = offset != zone.offset;
    DateTime {
        year: u16::try_from(civil.year).ok(),
        month: small(civil.month),
        day: small(civil.day),
        weekday: small(civil.weekday() + 1),
        hour: small(civil.hour),
        minute: small(civil.minute),
        second: small(civil.second),
        hundredths: Some(0),
        deviation: i16::try_from(-offset / 60).ok(),
        status: Some(if is_summer { SUMMER } else { 0 }),
    }
}

/// The same as the value of an attribute.
pub(super) fn stamp(shown_utc: i64, zone: &Zone) -> Data {
    Data::OctetString(date_time(shown_utc, zone).encode().to_vec())
}

/// One end of a range of time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bound {
    /// As local time, in seconds since 1970-01-01 of it.
    Local(i64),
    /// As UTC, because the client says how far its time is from it.
    Utc(i64),
}

impl Bound {
    /// None if it is no whole time.
    pub(super) fn of(data: &Data) -> Option<Self> {
        let time = data.date_time()?.ok()?;
        let civil = Civil {
            year: time.year?.into(),
            month: time.month?.into(),
            day: time.day?.into(),
            hour: time.hour?.into(),
            minute: time.minute?.into(),
            second: time.second.unwrap_or(0).into(),
        };
        let local = civil.seconds();
        Some(match time.deviation {
            Some(minutes) => Self::Utc(local + i64::from(minutes) * 60),
            None => Self::Local(local),
        })
    }

    /// Where a stamp lies, by the measure of this bound, and the bound itself.
    pub(super) fn compare(self, shown_utc: i64, zone: &Zone) -> (i64, i64) {
        match self {
            Self::Local(bound) => (shown_utc + zone.offset_at(shown_utc), bound),
            Self::Utc(bound) => (shown_utc, bound),
        }
    }
}
