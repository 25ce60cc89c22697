//! The ledger's intervals as CSV: for each profile of each meter a block of `# key: value` lines,
//! one line of column names, and one line for each value.

use anyhow::{Context, Result};
use jiff::tz::TimeZone;
use metering::{ClockQuality, GatewayId, MeterId, ProfileId, Timestamp, decimal_text};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;
use storage::ledger::{BookedRow, BookedValue, Ledger};

/// Which intervals.
#[derive(Debug, Clone)]
pub struct ExportQuery {
    /// Of this gateway only.
    pub gateway: Option<GatewayId>,
    /// Of this meter only.
    pub meter: Option<MeterId>,
    /// That end after this …
    pub from: Timestamp,
    /// … up to and with this.
    pub to: Timestamp,
    /// When it is exported, for the head.
    pub at: Timestamp,
}

/// How they are written.
#[derive(Debug, Clone)]
pub struct CsvLayout {
    separator: char,
    zone: Option<(String, TimeZone)>,
}

impl Default for CsvLayout {
    fn default() -> Self {
        Self {
            separator: ',',
            zone: None,
        }
    }
}

impl CsvLayout {
    /// Local time of a zone such as `Europe/Berlin`, with its offset, instead of UTC.
    pub fn local(mut self, zone: &str) -> Result<Self> {
        let found = TimeZone::get(zone).with_context(|| {
            format!("`{zone}` is not a time zone of this machine; write one such as Europe/Berlin")
        })?;
        self.zone = Some((zone.to_owned(), found));
        Ok(self)
    }

    /// Another character between columns. No field ever holds one of these.
    pub const fn separated_by(mut self, separator: Separator) -> Self {
        self.separator = separator.0;
        self
    }

    fn time(&self, at: Timestamp) -> String {
        let Some((_, zone)) = &self.zone else {
            return at.to_string();
        };
        let millis = i64::try_from(at.millis()).unwrap_or(i64::MAX);
        jiff::Timestamp::from_millisecond(millis).map_or_else(
            |_| at.to_string(),
            |at| {
                at.to_zoned(zone.clone())
                    .strftime("%Y-%m-%d %H:%M:%S%.f%:z")
                    .to_string()
            },
        )
    }

    fn columns(&self) -> String {
        let basis = if self.zone.is_some() { "local" } else { "utc" };
        let times = [format!("start_{basis}"), format!("end_{basis}")];
        let rest = [
            "meter_stamp",
            "channel",
            "obis",
            "value",
            "unit",
            "raw",
            "quality",
            "flags",
            "version",
        ];
        let names: Vec<&str> = times.iter().map(String::as_str).chain(rest).collect();
        self.joined(&names)
    }

    fn joined(&self, fields: &[&str]) -> String {
        let mut line = fields.join(&self.separator.to_string());
        line.push('\n');
        line
    }
}

/// A character between columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Separator(char);

impl std::str::FromStr for Separator {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "," | ";" | "|" => Ok(Self(text.chars().next().unwrap_or(','))),
            "\t" | "tab" => Ok(Self('\t')),
            _ => Err(format!(
                "`{text}` cannot separate columns; use , ; | or tab"
            )),
        }
    }
}

/// Writes the intervals; says how many.
pub fn export(
    ledger: &Ledger,
    query: &ExportQuery,
    layout: &CsvLayout,
    out: &mut impl Write,
) -> Result<u64> {
    let mut count = 0;
    for gateway in ledger.gateways()? {
        if query.gateway.as_ref().is_some_and(|only| *only != gateway) {
            continue;
        }
        for meter in meters(ledger, &gateway, query)? {
            let profiles = each(ledger, &gateway, &meter, query, |_| Ok(()))?;
            for profile in profiles {
                let section = Section {
                    gateway: &gateway,
                    meter: &meter,
                    profile,
                    query,
                    layout,
                };
                count += section.write(ledger, out)?;
            }
        }
    }
    out.flush()?;
    Ok(count)
}

fn meters(ledger: &Ledger, gateway: &GatewayId, query: &ExportQuery) -> Result<BTreeSet<MeterId>> {
    if let Some(meter) = &query.meter {
        return Ok(BTreeSet::from([meter.clone()]));
    }
    let mut meters = BTreeSet::new();
    let mut start = None;
    loop {
        let page = ledger.intervals(gateway, None, query.from, query.to, start)?;
        meters.extend(page.rows.into_iter().map(|row| row.meter));
        start = page.next;
        if start.is_none() {
            return Ok(meters);
        }
    }
}

/// Calls `use_row` for each interval of a meter in order; says which profiles there are.
fn each(
    ledger: &Ledger,
    gateway: &GatewayId,
    meter: &MeterId,
    query: &ExportQuery,
    mut use_row: impl FnMut(&BookedRow) -> io::Result<()>,
) -> Result<BTreeSet<ProfileId>> {
    let mut profiles = BTreeSet::new();
    let mut start = None;
    loop {
        let page = ledger.intervals(gateway, Some(meter), query.from, query.to, start)?;
        for row in &page.rows {
            profiles.insert(row.profile);
            use_row(row)?;
        }
        start = page.next;
        if start.is_none() {
            return Ok(profiles);
        }
    }
}

/// One profile of one meter.
struct Section<'a> {
    gateway: &'a GatewayId,
    meter: &'a MeterId,
    profile: ProfileId,
    query: &'a ExportQuery,
    layout: &'a CsvLayout,
}

impl Section<'_> {
    /// Reads the rows twice, so that the head can carry their hash without all being in memory.
    fn write(&self, ledger: &Ledger, out: &mut impl Write) -> Result<u64> {
        let mut hash = Sha256::new();
        let (mut count, mut period) = (0, 0);
        self.rows(ledger, |text, seconds| {
            hash.update(text.as_bytes());
            (count, period) = (count + 1, seconds);
            Ok(())
        })?;
        let columns = self.layout.columns();
        out.write_all(
            self.head(period, &crate::words::hex(&hash.finalize()))
                .as_bytes(),
        )?;
        out.write_all(columns.as_bytes())?;
        self.rows(ledger, |text, _| out.write_all(text.as_bytes()))?;
        Ok(count)
    }

    fn rows(
        &self,
        ledger: &Ledger,
        mut sink: impl FnMut(&str, u32) -> io::Result<()>,
    ) -> Result<()> {
        each(ledger, self.gateway, self.meter, self.query, |row| {
            if row.profile == self.profile {
                sink(&lines(row, self.layout), row.period_seconds)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    fn head(&self, period: u32, hash: &str) -> String {
        let zone = self
            .layout
            .zone
            .as_ref()
            .map_or("UTC", |zone| zone.0.as_str());
        let pairs = [
            ("device", self.meter.to_string()),
            ("gateway", self.gateway.to_string()),
            ("scheme id", self.profile.to_string()),
            ("period", format!("{period} s")),
            ("ratios", "values as the gateway gave them".to_owned()),
            ("clock basis", format!("gateway, shown as {zone}")),
            (
                "meter_stamp",
                "instant of the sample, by the gateway's clock".to_owned(),
            ),
            ("export time", self.query.at.to_string()),
            (
                "software",
                concat!("pmuctl ", env!("CARGO_PKG_VERSION")).to_owned(),
            ),
            ("hash", format!("sha-256 of the rows, {hash}")),
        ];
        let lines = pairs.map(|(key, value)| format!("# {key}: {value}\n"));
        lines.concat()
    }
}

fn lines(row: &BookedRow, layout: &CsvLayout) -> String {
    let period = Duration::from_secs(u64::from(row.period_seconds));
    let shift = Duration::from_millis(u64::from(row.offset_ms.unsigned_abs()));
    let stamp = if row.offset_ms < 0 {
        row.end.before(shift)
    } else {
        row.end.after(shift)
    };
    let (start, end) = (layout.time(row.end.before(period)), layout.time(row.end));
    let stamp = layout.time(stamp);
    let flags = row.flags.to_string();
    let values = row
        .values
        .iter()
        .zip(1..)
        .map(|(booked, channel): (&BookedValue, u32)| {
            let BookedValue {
                channel: about,
                value,
                rev,
            } = booked;
            let text = value.map_or_else(String::new, |value| decimal_text(value, about.exponent));
            let raw = value.map_or_else(String::new, |value| value.to_string());
            layout.joined(&[
                &start,
                &end,
                &stamp,
                &channel.to_string(),
                &about.obis.to_string(),
                &text,
                about.unit.symbol(),
                &raw,
                quality(row, *value),
                &flags,
                &rev.to_string(),
            ])
        });
    values.collect()
}

/// One word for those who do not read flags.
fn quality(row: &BookedRow, value: Option<i64>) -> &'static str {
    match value {
        None => "missing",
        Some(_) if row.flags.is_good() && row.clock > ClockQuality::Unsynchronised => "valid",
        Some(_) => "suspect",
    }
}

#[cfg(test)]
mod tests;
