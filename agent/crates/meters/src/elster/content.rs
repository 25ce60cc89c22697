//! What an identity holds.

use super::billing::{self, BillingInfo, BillingSet};
use super::clock::{ClockStamp, SecondsStamp};
use super::demand::{self, MaximumDemand, set_time};
use super::fault::ContentFault;
use super::log::{self, EventLog};
use super::octets::Octets;
use super::periods::{self, ProfilePeriods};
use super::ratio::{self, Ratio};
use super::register::{self, RegisterValue};
use super::status::{self, StatusWord};
use super::window::ProfileSize;
use crate::catalogue::flag::{ByteOrder, FlagIdentity, FlagLayout, FlagModel};
use metering::MeterTime;

/// The battery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Battery {
    /// When it was installed.
    pub installed: Option<MeterTime>,
    /// Seconds that it will last.
    pub support_left_s: u32,
    /// Seconds without supply that it will last.
    pub power_down_left_s: u32,
}

/// What an identity holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Totals, rates, cumulative demands.
    Registers(Vec<RegisterValue>),
    /// Maximum demands.
    Demands(Vec<MaximumDemand>),
    /// What registers measure, one code each.
    Sources(Vec<u8>),
    /// What customer-defined registers add up.
    SourceGroups(Vec<Vec<u8>>),
    /// Equal blocks that nobody describes.
    Blocks(Vec<Vec<u8>>),
    /// A billing set.
    Billing(BillingSet),
    /// What a billing set says of itself.
    BillingInfo(BillingInfo),
    /// A transformer ratio.
    Ratio(Ratio),
    /// The clock.
    Clock(ClockStamp),
    /// The clock in seconds.
    Seconds(SecondsStamp),
    /// Status words.
    Status(Vec<StatusWord>),
    /// An event counter.
    Log(EventLog),
    /// Event counters of a billing set.
    Logs(Vec<EventLog>),
    /// Characters.
    Text(String),
    /// The battery.
    Battery(Battery),
    /// The size of a load profile.
    Size(ProfileSize),
    /// Periods.
    Periods(ProfilePeriods),
    /// Octets: nobody describes them, or other parts of this crate read them.
    Raw(Vec<u8>),
}

/// Reads the identities of one variant of a model.
#[derive(Debug, Clone)]
pub struct ContentReader<'m> {
    model: &'m FlagModel,
    variant: &'m str,
    rate_sources: Option<Vec<u8>>,
}

impl<'m> ContentReader<'m> {
    /// For a variant of a model.
    pub fn new(model: &'m FlagModel, variant: &'m str) -> Self {
        Self {
            model,
            variant,
            rate_sources: None,
        }
    }

    /// What the rates measure, as the meter's identity of source codes says it. Without it rates
    /// have values but no codes.
    pub fn with_rate_sources(mut self, codes: Vec<u8>) -> Self {
        self.rate_sources = Some(codes);
        self
    }

    pub(super) fn identity(&self, number: u16) -> Option<&'m FlagIdentity> {
        self.model.identity(self.variant, number)
    }

    /// One set of an identity, all its octets.
    pub fn read(&self, row: &FlagIdentity, octets: &[u8]) -> Result<Content, ContentFault> {
        // A row without a length is read by other means, or not at all.
        if row.octets > 0 && octets.len() != usize::from(row.octets) {
            return Err(ContentFault::Length {
                identity: row.number,
                expected: usize::from(row.octets),
                found: octets.len(),
            });
        }
        self.laid_out(row, &row.layout, octets)
    }

    pub(super) fn laid_out(
        &self,
        row: &FlagIdentity,
        layout: &FlagLayout,
        octets: &[u8],
    ) -> Result<Content, ContentFault> {
        let model = self.model;
        let short = || ContentFault::Length {
            identity: row.number,
            expected: usize::from(row.octets),
            found: octets.len(),
        };
        if let Some(content) = self.registers(layout, octets) {
            return Ok(content);
        }
        Ok(match layout {
            FlagLayout::SourceCodes => Content::Sources(octets.to_vec()),
            FlagLayout::SourceGroups { each } => {
                Content::SourceGroups(chunks(octets, usize::from(*each)))
            }
            FlagLayout::Blocks { each } => Content::Blocks(chunks(octets, usize::from(*each))),
            FlagLayout::Ratio {
                of,
                primary,
                coding,
            } => {
                let ratio = ratio::decode(*of, *coding, *primary, octets);
                Content::Ratio(ratio.ok_or_else(|| ContentFault::NoDigits {
                    identity: row.number,
                    octets: octets.to_vec(),
                })?)
            }
            FlagLayout::Clock => Content::Clock(ClockStamp::decode(octets)?),
            FlagLayout::SecondsClock => {
                Content::Seconds(SecondsStamp::decode(octets).ok_or_else(short)?)
            }
            FlagLayout::Status { parts } => {
                Content::Status(status::words(parts, &model.status_tables, octets))
            }
            FlagLayout::Log(layout) => Content::Log(log::decode(layout, octets).ok_or_else(short)?),
            FlagLayout::Logs { parts } => {
                let logs = parts.iter().map(|part| {
                    let from = octets.get(usize::from(part.at)..)?;
                    log::decode(&part.log, from)
                });
                Content::Logs(logs.collect::<Option<_>>().ok_or_else(short)?)
            }
            FlagLayout::Set { parts } => {
                Content::Billing(billing::decode(self, row, parts, octets)?)
            }
            FlagLayout::BillingInfo { fields, order } => {
                let info = billing::info(model, fields, *order, octets);
                Content::BillingInfo(info.ok_or_else(short)?)
            }
            FlagLayout::Battery => Content::Battery(battery(octets).ok_or_else(short)?),
            FlagLayout::Text => Content::Text(log::text(octets)),
            FlagLayout::ProfileWindow => {
                Content::Size(ProfileSize::decode(octets).ok_or_else(short)?)
            }
            FlagLayout::ProfilePeriods => {
                Content::Periods(periods::decode(model.profile.as_ref(), octets))
            }
            _ => Content::Raw(octets.to_vec()),
        })
    }

    fn registers(&self, layout: &FlagLayout, octets: &[u8]) -> Option<Content> {
        let model = self.model;
        Some(match layout {
            FlagLayout::Energies { items, signed } => {
                Content::Registers(register::totals(model, items, *signed, octets))
            }
            FlagLayout::ShortEnergies { items, order } => {
                Content::Registers(register::short_totals(model, items, *order, octets))
            }
            FlagLayout::Rates { .. } => {
                let sources = self.rate_sources.as_deref();
                Content::Registers(register::rates(model, sources, octets))
            }
            FlagLayout::CumulativeDemands => {
                Content::Registers(register::cumulative(model, octets))
            }
            FlagLayout::MaximumDemands { peaks } => {
                Content::Demands(demand::maximum(model, *peaks, octets))
            }
            _ => return None,
        })
    }
}

fn chunks(octets: &[u8], each: usize) -> Vec<Vec<u8>> {
    octets.chunks(each.max(1)).map(<[u8]>::to_vec).collect()
}

fn battery(octets: &[u8]) -> Option<Battery> {
    let mut left = Octets(octets);
    Some(Battery {
        installed: set_time(Some(left.time(ByteOrder::LowFirst)?)),
        support_left_s: left.seconds(ByteOrder::LowFirst)?,
        power_down_left_s: left.seconds(ByteOrder::LowFirst)?,
    })
}

#[cfg(test)]
mod tests;
