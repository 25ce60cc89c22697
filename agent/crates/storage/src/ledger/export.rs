//! What was booked, page by page and in sums.

use super::book::{Interval, interval_place};
use super::names::find_meter;
use super::{INTERVALS, Ledger, METERS};
use crate::StoreFile;
use crate::error::{InFile, StoreError};
use crate::limits::LEDGER_PAGE_ROWS_MAX;
use metering::{
    Channel, ChannelKind, ClockQuality, Flags, GatewayId, MeterId, ProfileId, Timestamp,
};

/// One value of a booked interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedValue {
    /// Which quantity, in which scale.
    pub channel: Channel,
    /// The value; `None` = missing.
    pub value: Option<i64>,
    /// How often it was corrected.
    pub rev: u32,
}

/// One booked interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedRow {
    /// Whose.
    pub meter: MeterId,
    /// Of which profile.
    pub profile: ProfileId,
    /// Its end.
    pub end: Timestamp,
    /// Its length in seconds.
    pub period_seconds: u32,
    /// Remarks.
    pub flags: Flags,
    /// The gateway's clock.
    pub clock: ClockQuality,
    /// Milliseconds from the end to the sample.
    pub offset_ms: i32,
    /// Its values.
    pub values: Vec<BookedValue>,
}

/// Where the next page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageStart((u16, u16, [u8; 6], u64));

/// Some booked intervals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LedgerPage {
    /// In the order of meter, profile and end.
    pub rows: Vec<BookedRow>,
    /// Where to go on; `None` at the end.
    pub next: Option<PageStart>,
}

/// All intervals of one channel of one meter together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterSum {
    /// Whose.
    pub meter: MeterId,
    /// Of which profile.
    pub profile: ProfileId,
    /// Which quantity.
    pub channel: Channel,
    /// Intervals that have a value.
    pub values: u64,
    /// Intervals that have none.
    pub missing: u64,
    /// Sum of the values; means something for increments only.
    pub sum: i128,
    /// The first and the last value by time.
    pub first: Option<i64>,
    /// The last value by time.
    pub last: Option<i64>,
}

impl Ledger {
    /// Booked intervals of a gateway, of one meter or of all, that end after `after` up to and
    /// including `upto`: one page of at most 10,000 rows, from `start` on.
    pub fn intervals(
        &self,
        gateway: &GatewayId,
        meter: Option<&MeterId>,
        after: Timestamp,
        upto: Timestamp,
        start: Option<PageStart>,
    ) -> Result<LedgerPage, StoreError> {
        let ledger = StoreFile::Ledger;
        let mut page = LedgerPage::default();
        let transaction = self.read()?;
        let names = transaction.open_table(METERS).of(ledger)?;
        let Some(owner) = self.gateway_number(gateway)? else {
            return Ok(page);
        };
        let meters = match meter {
            None => (0, u16::MAX),
            Some(meter) => match find_meter(&names, owner, meter)? {
                Some(number) => (number, number),
                None => return Ok(page),
            },
        };
        let first = start.map_or((owner, meters.0, [0; 6], 0), |start| start.0);
        let last = (owner, meters.1, [u8::MAX; 6], u64::MAX);
        let table = transaction.open_table(INTERVALS).of(ledger)?;
        for row in table.range(first..=last).of(ledger)? {
            let (key, value) = row.of(ledger)?;
            let key = key.value();
            let end = Timestamp::from_millis(key.3);
            if end <= after || end > upto {
                continue;
            }
            if page.rows.len() >= LEDGER_PAGE_ROWS_MAX {
                page.next = Some(PageStart(key));
                break;
            }
            let name = names.get((key.0, key.1)).of(ledger)?;
            let name = name.and_then(|name| name.value().parse().ok());
            let damaged = |damage| StoreError::damaged(ledger, format!("interval {end}"), damage);
            let meter: MeterId = name
                .ok_or(crate::Damage::Content("meter"))
                .map_err(damaged)?;
            let interval = Interval::decode(value.value(), &interval_place(key));
            page.rows
                .push(booked_row(meter, key, interval.map_err(damaged)?));
        }
        Ok(page)
    }

    /// All intervals of a gateway, added up by meter, profile and channel.
    pub fn sums(&self, gateway: &GatewayId) -> Result<Vec<MeterSum>, StoreError> {
        let mut sums: Vec<MeterSum> = Vec::new();
        let (always, mut start) = (
            (Timestamp::default(), Timestamp::from_millis(u64::MAX)),
            None,
        );
        loop {
            let page = self.intervals(gateway, None, always.0, always.1, start)?;
            for row in &page.rows {
                add(&mut sums, row);
            }
            start = page.next;
            if start.is_none() {
                return Ok(sums);
            }
        }
    }
}

fn booked_row(meter: MeterId, key: (u16, u16, [u8; 6], u64), interval: Interval) -> BookedRow {
    let value = |(channel, value, rev)| BookedValue {
        channel,
        value,
        rev,
    };
    BookedRow {
        meter,
        profile: ProfileId::new(key.2),
        end: Timestamp::from_millis(key.3),
        period_seconds: interval.period_seconds,
        flags: interval.flags,
        clock: interval.clock,
        offset_ms: interval.offset_ms,
        values: interval.values.into_iter().map(value).collect(),
    }
}

fn add(sums: &mut Vec<MeterSum>, row: &BookedRow) {
    for booked in &row.values {
        let mine = |sum: &&mut MeterSum| {
            sum.meter == row.meter && sum.profile == row.profile && sum.channel == booked.channel
        };
        // Rows come meter by meter: what is looked for is nearly always at the end.
        let known = sums.iter_mut().rev().find(mine);
        if let Some(sum) = known {
            sum.add(booked.value);
        } else {
            let mut sum = MeterSum {
                meter: row.meter.clone(),
                profile: row.profile,
                channel: booked.channel.clone(),
                values: 0,
                missing: 0,
                sum: 0,
                first: None,
                last: None,
            };
            sum.add(booked.value);
            sums.push(sum);
        }
    }
}

impl MeterSum {
    fn add(&mut self, value: Option<i64>) {
        let Some(value) = value else {
            self.missing += 1;
            return;
        };
        self.values += 1;
        self.sum += i128::from(value);
        self.first = self.first.or(Some(value));
        self.last = Some(value);
    }

    /// For a running total: how far it went from its first to its last value.
    pub fn travelled(&self) -> Option<i64> {
        if self.channel.kind != ChannelKind::Register {
            return None;
        }
        self.last?.checked_sub(self.first?)
    }
}
