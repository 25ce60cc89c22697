//! What a scheme's registers would have counted of a load profile that `head-end export` wrote.

use crate::adapters::files::read_text;
use crate::limits::DOCUMENT_BYTES_MAX;
use crate::parse_time;
use anyhow::{Context, Result, bail, ensure};
use metering::scheme::Scheme;
use metering::{
    Channel, ChannelKind, ClockQuality, Flags, Obis, Period, ProfileRows, ProfileShape, Row, Unit,
    decimal_text,
};
use schemes::scheme::{Split, Tariff, split, zone_named};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

const COLUMNS: &str =
    "start_utc,end_utc,meter_stamp,channel,obis,value,unit,raw,quality,flags,version";

/// As JSON, as text, and whether the parts are the total.
pub(super) fn simulate(
    scheme: &Scheme,
    file: &Path,
    channel: u32,
    zone: &str,
) -> Result<(Value, String, bool)> {
    let text = read_text(file, DOCUMENT_BYTES_MAX)?;
    let name = file.display().to_string();
    let profile = parse(&text, channel).with_context(|| name.clone())?;
    let zone = zone_named(zone)?;
    let found = split(Tariff::of(scheme), &zone, &profile, 0, &scheme.tou).context(name)?;
    Ok(shown(&found))
}

fn shown(found: &Split) -> (Value, String, bool) {
    let digits = |one: &metering::Quantity| i128::from(one.digits);
    let counted: i128 = found.registers.iter().map(|one| digits(&one.energy)).sum();
    let (uncounted, again) = (digits(&found.uncounted), digits(&found.counted_again));
    let is_whole = counted.saturating_add(uncounted).saturating_sub(again) == digits(&found.total);
    let mut text = String::new();
    let mut registers = Vec::new();
    for one in &found.registers {
        let name = one.name.as_ref().map_or("", |name| name.as_str());
        let (number, rate, energy) = (one.number, one.rate, one.energy.to_string());
        text.extend([format!(
            "register {number:<3} rate {rate:<3} {name:<12} {energy}\n"
        )]);
        registers.push(json!({"register": number, "rate": rate, "name": name, "energy": energy}));
    }
    let (total, none) = (found.total.to_string(), found.uncounted.to_string());
    let twice = found.counted_again.to_string();
    let verdict = if is_whole { "equal" } else { "do NOT equal" };
    text.extend([
        format!("counted by no register    {none}\n"),
        format!("counted more than once    {twice}\n"),
        format!("total                     {total}\n"),
        format!("registers + by none - more than once: {verdict} the total\n"),
    ]);
    let (divided, missing) = (found.divided.len(), found.without_value.len());
    if divided > 0 {
        text.extend([format!(
            "{divided} intervals saw the rate change: divided by time, an estimate\n"
        )]);
    }
    if missing > 0 {
        text.extend([format!(
            "{missing} intervals have no value and are not in the total\n"
        )]);
    }
    let value = json!({"registers": registers, "uncounted": none, "counted_again": twice,
        "total": total, "equal": is_whole, "divided": divided, "without_value": missing});
    (value, text, is_whole)
}

/// One channel of one meter, as `head-end export` writes it without further options.
fn parse(text: &str, channel: u32) -> Result<ProfileRows> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(start: &str, end: &str, raw: &str, value: &str) -> String {
        format!("{start},{end},{end},2,1-0:1.29.0,{value},Wh,{raw},valid,,1\n")
    }

    fn stored() -> String {
        let rows = [
            line("2027-01-12T06:00:00Z", "2027-01-12T06:30:00Z", "5", "50"),
            line("2027-01-12T06:30:00Z", "2027-01-12T07:00:00Z", "10", "100"),
            line("2027-01-12T07:00:00Z", "2027-01-12T07:30:00Z", "20", "200"),
            line("2027-01-12T07:30:00Z", "2027-01-12T08:00:00Z", "", ""),
        ];
        format!("# device: feeder-1\n{COLUMNS}\n{}", rows.concat())
    }

    #[test]
    fn registers_are_the_total_to_the_last_digit() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("profile.csv");
        std::fs::write(&file, stored()).unwrap();
        let text = include_str!("../../../../../config/schemes/two-rate-all-year.toml");
        let scheme = schemes::scheme::parse_scheme("x", text).unwrap();
        let (value, text, is_whole) = simulate(&scheme, &file, 2, "Europe/London").unwrap();
        assert!(is_whole, "{text}");
        let energy = |index: usize| value["registers"][index]["energy"].clone();
        assert_eq!(
            (energy(0), energy(1)),
            (json!("0.20 kWh"), json!("0.15 kWh"))
        );
        assert_eq!(value["total"], json!("0.35 kWh"));
        assert_eq!(value["without_value"], json!(1));
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
    }
}
