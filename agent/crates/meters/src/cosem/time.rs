//! Times as such meters say them.

use super::fault::CosemFault;
use super::text::data_text;
use crate::catalogue::dlms::DeviationSense;
use crate::clock_basis::{ClockBasis, Instants};
use crate::meter_clock::ClockError;
use dlms::codec::{Data, DateTime};
use metering::{MeterTime, Timestamp};
use std::time::Duration;

/// The time is not to be believed.
const INVALID: u8 = 0x01;
/// The time could be wrong: the clock ran on its reserve.
const DOUBTFUL: u8 = 0x02;
/// Summer time is in force.
const SUMMER: u8 = 0x80;

/// A whole time of a meter's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CosemTime {
    /// What the clock showed.
    pub shown: MeterTime,
    /// Minutes of its deviation, with the meter's sign.
    pub deviation: Option<i16>,
    /// Its status, as the meter says it.
    pub status: Option<u8>,
}

/// Which way a deviation counts, as far as a look at the clock tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SeenSense {
    /// As this says.
    Seen(DeviationSense),
    /// Neither way fits the calendar that the meter's clock should have.
    Neither,
    /// It has none, or it is zero.
    Silent,
}

/// The meter's clock at one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockLook {
    /// What it said.
    pub time: CosemTime,
    /// How far it is off.
    pub error: ClockError,
    /// What its deviation says about its sense.
    pub sense: SeenSense,
}

impl CosemTime {
    /// From a value; `part` is what it should tell.
    pub fn of(data: &Data, part: &'static str) -> Result<Self, CosemFault> {
        let read = data.date_time().ok_or_else(|| CosemFault::Form {
            part,
            found: data_text(data),
            wanted: "date and time",
        })?;
        let read = read.map_err(|fault| CosemFault::Time { part, fault })?;
        Self::whole(&read).ok_or(CosemFault::PartialTime { part })
    }

    /// A time that has all of its parts but seconds.
    pub fn whole(time: &DateTime) -> Option<Self> {
        let date = [time.year?, time.month?.into(), time.day?.into()];
        let clock = [time.hour?, time.minute?, time.second.unwrap_or(0)];
        Some(Self {
            shown: MeterTime::from_civil(date, clock)?,
            deviation: time.deviation,
            status: time.status,
        })
    }

    /// As it is sent to a meter, to choose rows by it.
    pub fn data(shown: MeterTime) -> Option<Data> {
        let ((year, month, day), (hour, minute, second)) = (shown.date(), shown.time_of_day());
        let small = |number: u64| u8::try_from(number).ok();
        let time = DateTime {
            year: Some(u16::try_from(year).ok()?),
            month: Some(small(month)?),
            day: Some(small(day)?),
            weekday: None,
            hour: Some(small(hour)?),
            minute: Some(small(minute)?),
            second: Some(small(second)?),
            hundredths: Some(0),
            deviation: None,
            status: None,
        };
        Some(Data::OctetString(time.encode().to_vec()))
    }

    /// Whether the clock itself says that it may be wrong.
    pub fn is_doubtful(&self) -> bool {
        self.status
            .is_some_and(|status| status & (INVALID | DOUBTFUL) != 0)
    }

    /// Whether it says that summer time is in force.
    pub fn is_summer(&self) -> Option<bool> {
        self.status.map(|status| status & SUMMER != 0)
    }

    /// The instants at which the clock showed it. A deviation whose sense is known decides; else
    /// the calendar of the clock, and where an hour came twice its deviation or its status.
    pub fn instants(&self, basis: &ClockBasis, sense: DeviationSense) -> Instants {
        let seconds = self.shown.seconds();
        let moved = |minutes: i64| {
            let at = seconds.saturating_add_signed(minutes.saturating_mul(60));
            Instants::Once(Timestamp::from_seconds(at))
        };
        match (sense, self.deviation) {
            (DeviationSense::ToUtc, Some(minutes)) => return moved(minutes.into()),
            (DeviationSense::FromUtc, Some(minutes)) => return moved(-i64::from(minutes)),
            _ => {}
        }
        let both = basis.instants_of(self.shown);
        let Instants::Twice(first, second) = both else {
            return both;
        };
        // Which of the two has this deviation, whatever its sign?
        let has = |at: Timestamp| {
            let offset = i64::try_from(seconds.abs_diff(at.seconds()) / 60).ok();
            self.deviation
                .map(|minutes| Some(i64::from(minutes).abs()) == offset)
        };
        let is_first = match (has(first), has(second), self.is_summer()) {
            (Some(by_first), Some(by_second), _) if by_first != by_second => Some(by_first),
            (_, _, Some(true)) => Some(true),
            // A status alone without summer time may be that of a clock that never has it.
            (Some(_), _, summer) => summer,
            _ => None,
        };
        match is_first {
            Some(true) => Instants::Once(first),
            Some(false) => Instants::Once(second),
            None => both,
        }
    }

    /// How far the clock is off, from what it said in an answer.
    pub fn look(
        self,
        basis: &ClockBasis,
        sense: DeviationSense,
        sent: Timestamp,
        received: Timestamp,
    ) -> ClockLook {
        let plain = ClockError::measured(self.shown, basis, sent, received);
        let error = match (sense, self.instants(basis, sense)) {
            (DeviationSense::ToUtc | DeviationSense::FromUtc, Instants::Once(at)) => {
                let half = received.millis().saturating_sub(sent.millis()) / 2;
                ClockError {
                    ahead_ms: at.millis_since(sent.after(Duration::from_millis(half))),
                    ..plain
                }
            }
            _ => plain,
        };
        ClockLook {
            time: self,
            error,
            sense: self.seen_sense(basis),
        }
    }

    /// Which way the deviation counts, if the clock keeps its calendar.
    fn seen_sense(&self, basis: &ClockBasis) -> SeenSense {
        let Some(minutes) = self.deviation.filter(|minutes| *minutes != 0) else {
            return SeenSense::Silent;
        };
        let candidates = match basis.instants_of(self.shown) {
            Instants::Once(at) | Instants::Never(at) => [at, at],
            Instants::Twice(first, second) => [first, second],
        };
        let to_utc = |at: Timestamp| {
            let at = i64::try_from(at.seconds()).unwrap_or(i64::MAX);
            let shown = i64::try_from(self.shown.seconds()).unwrap_or(i64::MAX);
            at.saturating_sub(shown) / 60
        };
        let fits = |wanted: i64| candidates.iter().any(|at| to_utc(*at) == wanted);
        if fits(minutes.into()) {
            SeenSense::Seen(DeviationSense::ToUtc)
        } else if fits(-i64::from(minutes)) {
            SeenSense::Seen(DeviationSense::FromUtc)
        } else {
            SeenSense::Neither
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERLIN: &str = "posix:CET-1CEST,M3.5.0,M10.5.0/3";

    fn time(
        date: [u16; 3],
        clock: [u8; 3],
        deviation: Option<i16>,
        status: Option<u8>,
    ) -> CosemTime {
        CosemTime {
            shown: MeterTime::from_civil(date, clock).unwrap(),
            deviation,
            status,
        }
    }

    fn told(time: CosemTime, sense: DeviationSense) -> String {
        match time.instants(&BERLIN.parse().unwrap(), sense) {
            Instants::Once(at) => at.to_string(),
            Instants::Twice(first, second) => format!("{first} or {second}"),
            Instants::Never(at) => format!("never, or {at}"),
        }
    }

    #[test]
    fn a_deviation_of_known_sense_decides_and_one_of_unknown_sense_does_not() {
        use DeviationSense::{FromUtc, ToUtc, Unsure};
        let at = |deviation| time([2026, 6, 1], [12, 0, 0], deviation, None);
        assert_eq!(told(at(Some(-120)), ToUtc), "2026-06-01T10:00:00Z");
        assert_eq!(told(at(Some(120)), FromUtc), "2026-06-01T10:00:00Z");
        assert_eq!(told(at(Some(-60)), ToUtc), "2026-06-01T11:00:00Z");
        assert_eq!(told(at(Some(-60)), Unsure), "2026-06-01T10:00:00Z");
        assert_eq!(told(at(None), ToUtc), "2026-06-01T10:00:00Z");
    }

    #[test]
    fn an_hour_that_came_twice_is_told_by_deviation_or_status_or_not() {
        let at = |deviation, status| {
            let time = time([2026, 10, 25], [2, 30, 0], deviation, status);
            told(time, DeviationSense::Unsure)
        };
        let (first, second) = ("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z");
        for sign in [1, -1] {
            assert_eq!(at(Some(120 * sign), None), first);
            assert_eq!(at(Some(60 * sign), None), second);
        }
        assert_eq!(at(None, Some(0x80)), first);
        // A status without summer time may be one that never has it.
        assert_eq!(at(None, Some(0)), format!("{first} or {second}"));
        assert_eq!(at(Some(0), Some(0)), second);
        assert_eq!(at(None, None), format!("{first} or {second}"));
    }

    #[test]
    fn a_look_at_the_clock_has_half_of_the_round_trip_as_doubt() {
        let basis: ClockBasis = BERLIN.parse().unwrap();
        let sent = Timestamp::from_seconds(1_780_308_000);
        assert_eq!(sent.to_string(), "2026-06-01T10:00:00Z");
        let received = sent.after(Duration::from_secs(2));
        let look = |deviation, sense| {
            let time = time([2026, 6, 1], [12, 0, 11], deviation, Some(0x80));
            time.look(&basis, sense, sent, received)
        };
        let right = look(Some(-120), DeviationSense::ToUtc);
        assert_eq!(
            (right.error.ahead_ms, right.error.uncertainty_ms),
            (10_000, 1000)
        );
        assert_eq!(right.sense, SeenSense::Seen(DeviationSense::ToUtc));
        let turned = look(Some(120), DeviationSense::Unsure);
        assert_eq!(turned.error.ahead_ms, 10_000);
        assert_eq!(turned.sense, SeenSense::Seen(DeviationSense::FromUtc));
        assert_eq!(
            look(Some(30), DeviationSense::Unsure).sense,
            SeenSense::Neither
        );
        assert_eq!(look(None, DeviationSense::Unsure).sense, SeenSense::Silent);
    }

    #[test]
    fn a_time_with_parts_left_out_is_none() {
        let mut octets = [0x07, 0xea, 6, 1, 1, 12, 15, 0, 0, 0xff, 0x88, 0x82];
        let of = |octets: [u8; 12]| CosemTime::of(&Data::OctetString(octets.to_vec()), "the clock");
        let whole = of(octets).unwrap();
        assert_eq!(whole.shown.to_string(), "2026-06-01 12:15:00");
        assert!(whole.is_doubtful());
        assert_eq!(whole.is_summer(), Some(true));
        octets[3] = 0xff;
        assert_eq!(
            of(octets),
            Err(CosemFault::PartialTime { part: "the clock" })
        );
        octets[3] = 31;
        // The thirty-first of June.
        assert_eq!(
            of(octets),
            Err(CosemFault::PartialTime { part: "the clock" })
        );
        octets[3] = 40;
        assert!(matches!(of(octets), Err(CosemFault::Time { .. })));
        let form = CosemTime::of(&Data::Unsigned(1), "the clock");
        assert!(matches!(form, Err(CosemFault::Form { .. })));
    }
}
