//! A load profile as `head-end export` wrote it, read back from the file of a person.

use crate::parse_time;
use anyhow::{Context, Result, bail, ensure};
use metering::{
    Channel, ChannelKind, ClockQuality, Flags, Obis, Period, ProfileRows, ProfileShape, Row, Unit,
    decimal_text,
};
use schemes::scheme::Split;
use std::sync::Arc;

const COLUMNS: &str =
    "start_utc,end_utc,meter_stamp,channel,obis,value,unit,raw,quality,flags,version";

/// One channel of one meter, as `head-end export` writes it without further options.
pub(crate) fn parse(text: &str, channel: u32) -> Result<ProfileRows> {
    let mut lines = text.lines().zip(1_u32..).filter(|(line, _)| {
        let is_head = line.starts_with('#');
        !is_head && !line.is_empty()
    });
    let head = lines.next().map(|(line, _)| line);
    ensure!(
        head == Some(COLUMNS),
        "these are not the columns of `pmuctl head-end export`; export in UTC, separated by commas"
    );
    let wanted = channel.to_string();
    let mut about: Option<(&str, &str, u64)> = None;
    let mut exponents: Vec<i8> = vec![0, -1, 1, -2, 2, -3, 3, -4, 4, -5, 5, -6, 6];
    let mut rows = Vec::new();
    for (line, place) in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let &[start, end, _, number, obis, value, unit, raw, ..] = fields.as_slice() else {
            bail!("line {place} has too few columns; export the profile again");
        };
        ensure!(
            line != COLUMNS,
            "line {place} begins another profile; export one meter with --meter"
        );
        if number != wanted {
            continue;
        }
        let time = |text: &str| parse_time(text).map_err(anyhow::Error::msg);
        let (start, end) = (time(start)?, time(end)?);
        let seconds = end.seconds().saturating_sub(start.seconds());
        let same = *about.get_or_insert((obis, unit, seconds)) == (obis, unit, seconds);
        ensure!(
            same,
            "line {place} has another period, unit or code than before; export fewer days"
        );
        let digits = match raw {
            "" => None,
            raw => Some(raw.parse::<i64>().with_context(|| {
                format!("line {place}: the raw value is no whole number; export again")
            })?),
        };
        if let Some(digits) = digits {
            exponents.retain(|one| decimal_text(digits, *one) == value);
        }
        rows.push(Row {
            end,
            values: vec![digits],
            flags: Flags::NONE,
            offset_ms: 0,
        });
    }
    let (obis, unit, seconds) = about.with_context(|| {
        format!("the profile has no channel {channel}; name one with --channel")
    })?;
    let exponent = exponents.first().copied();
    let exponent = exponent.context("value and raw do not fit each other; export again")?;
    shaped(obis, unit, (seconds, exponent), rows)
}

fn shaped(
    obis: &str,
    unit: &str,
    (seconds, exponent): (u64, i8),
    rows: Vec<Row>,
) -> Result<ProfileRows> {
    let obis: Obis = obis.parse()?;
    let [.., kind, _, _] = obis.groups();
    let kind = match kind {
        8 => ChannelKind::Register,
        29 => ChannelKind::Increment,
        5 => ChannelKind::Average,
        _ => bail!("{obis} is no energy and no average power; choose another with --channel"),
    };
    let period = u32::try_from(seconds)
        .ok()
        .and_then(|seconds| Period::from_seconds(seconds).ok());
    let channel = Channel {
        obis,
        exponent,
        unit: Unit::parse(unit)?.0,
        kind,
    };
    Ok(ProfileRows {
        meter: "stored".parse()?,
        profile: "1-0:99.1.0".parse()?,
        shape: ProfileShape {
            period: period.context("the intervals have no usable length; export again")?,
            channels: Arc::new([channel]),
        },
        clock: ClockQuality::Synchronised,
        rows,
    })
}

/// Whether what the registers counted, and what none did, is the total.
pub(crate) fn is_whole(found: &Split) -> bool {
    let digits = |one: &metering::Quantity| i128::from(one.digits);
    let counted: i128 = found.registers.iter().map(|one| digits(&one.energy)).sum();
    let (uncounted, again) = (digits(&found.uncounted), digits(&found.counted_again));
    counted.saturating_add(uncounted).saturating_sub(again) == digits(&found.total)
}

/// For the fuzzer: a file to the parser. Panics only on a defect: what is read of any text is split by a
/// tariff, and no energy is lost or made by that.
///
/// # Panics
/// On a defect.
pub fn fuzz_stored_profile(text: &str) {
    use schemes::scheme::{Tariff, parse_scheme, split, zone_named};
    let tariff = include_str!("../../../../config/schemes/two-rate-all-year.toml");
    let (Ok(scheme), Ok(zone)) = (parse_scheme("shipped", tariff), zone_named("UTC")) else {
        return;
    };
    let Ok(profile) = parse(text, 2) else { return };
    if let Ok(found) = split(Tariff::of(&scheme), &zone, &profile, 0, &scheme.tou) {
        assert!(is_whole(&found), "energy is lost or made: {found:?}");
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(start: &str, end: &str, raw: &str, value: &str) -> String {
        format!("{start},{end},{end},2,1-0:1.29.0,{value},Wh,{raw},valid,,1\n")
    }

    pub(crate) fn stored() -> String {
        let rows = [
            line("2027-01-12T06:00:00Z", "2027-01-12T06:30:00Z", "5", "50"),
            line("2027-01-12T06:30:00Z", "2027-01-12T07:00:00Z", "10", "100"),
            line("2027-01-12T07:00:00Z", "2027-01-12T07:30:00Z", "20", "200"),
            line("2027-01-12T07:30:00Z", "2027-01-12T08:00:00Z", "", ""),
        ];
        format!("# device: feeder-1\n{COLUMNS}\n{}", rows.concat())
    }

    #[test]
    fn what_is_no_such_profile_is_refused() {
        assert!(parse(&stored(), 1).is_err());
        assert!(parse("end_utc,1-0:1.8.0,flags\n", 2).is_err());
        assert!(parse(&stored().replace(",100,", ",101,"), 2).is_err());
        assert!(parse(&format!("{}{}", stored(), stored()), 2).is_err());
        assert!(parse(&stored().replace(":1.29.0", ":1.7.0"), 2).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[-0-9,:TZ.\n]{0,200}") {
            drop(parse(&format!("{COLUMNS}\n{text}"), 2));
        }

        /// Whatever somebody did to the file, what is still read of it loses nothing.
        #[test]
        fn a_changed_profile_is_refused_or_split_whole(
            changes in proptest::collection::vec((0_usize..600, "[-0-9,:TZ.\n]{0,3}", 0_usize..3), 0..4),
            raws in proptest::collection::vec(any::<i64>(), 0..6),
        ) {
            let mut text = stored();
            for raw in raws {
                let raw = raw.to_string();
                text.push_str(&line("2027-01-12T08:00:00Z", "2027-01-12T08:30:00Z", &raw, &format!("{raw}0")));
            }
            for (at, with, gone) in changes {
                let at = at % text.len();
                let end = (at + gone).min(text.len());
                text.replace_range(at..end, &with);
            }
            fuzz_stored_profile(&text);
        }
    }
}
