//! What a scheme's registers would have counted of a load profile that `head-end export` wrote.

use crate::adapters::files::read_text;
use crate::limits::DOCUMENT_BYTES_MAX;
use crate::stored_profile::{is_whole, parse};
use anyhow::{Context, Result};
use metering::scheme::Scheme;
use schemes::scheme::{Split, Tariff, split, zone_named};
use serde_json::{Value, json};
use std::path::Path;

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
    let is_whole = is_whole(found);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stored_profile::tests::stored;

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
}
