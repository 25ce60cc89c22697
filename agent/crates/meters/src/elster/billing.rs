//! Historical billing sets: copies of other identities, frozen when a billing period ended.

use super::content::{Content, ContentReader};
use super::demand::set_time;
use super::fault::ContentFault;
use super::octets::Octets;
use super::status::{SetBit, trigger};
use crate::catalogue::flag::{
    BillingField, ByteOrder, FlagIdentity, FlagLayout, FlagModel, SetPart,
};
use metering::MeterTime;

/// What a billing set says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BillingInfo {
    /// How many billing periods had ended.
    pub count: Option<u16>,
    /// When the period began.
    pub start: Option<MeterTime>,
    /// When it ended.
    pub end: Option<MeterTime>,
    /// What ended it.
    pub trigger: Vec<SetBit>,
    /// When the registers were reset.
    pub reset_time: Option<MeterTime>,
}

/// A part of a billing set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingPart {
    /// The identity it is a copy of.
    pub like: Option<u16>,
    /// What stood in it.
    pub content: Content,
}

/// A billing set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingSet {
    /// Its parts.
    pub parts: Vec<BillingPart>,
    /// Octets of it that no part describes, with their place.
    pub undescribed: Vec<(usize, Vec<u8>)>,
}

impl BillingSet {
    /// What it says of itself.
    pub fn info(&self) -> Option<&BillingInfo> {
        self.parts.iter().find_map(|part| match &part.content {
            Content::BillingInfo(info) => Some(info),
            _ => None,
        })
    }

    /// Whether it was ever filled: an empty one has no time.
    pub fn is_filled(&self) -> bool {
        self.info().is_some_and(|info| {
            info.end.or(info.reset_time).is_some() || info.count.is_some_and(|count| count > 0)
        })
    }
}

pub(super) fn info(
    model: &FlagModel,
    fields: &[BillingField],
    order: ByteOrder,
    octets: &[u8],
) -> Option<BillingInfo> {
    let mut left = Octets(octets);
    let mut info = BillingInfo::default();
    for field in fields {
        match field {
            BillingField::Count => info.count = Some(left.count()?),
            BillingField::Start => info.start = set_time(Some(left.time(order)?)),
            BillingField::End => info.end = set_time(Some(left.time(order)?)),
            BillingField::ResetTime => info.reset_time = set_time(Some(left.time(order)?)),
            BillingField::Trigger => {
                info.trigger = trigger(model.billing_triggers.as_ref(), left.octet()?);
            }
        }
    }
    Some(info)
}

/// A part with its octets.
struct Cut<'a> {
    begin: usize,
    octets: &'a [u8],
    like: Option<&'a FlagIdentity>,
    layout: &'a FlagLayout,
}

pub(super) fn decode(
    reader: &ContentReader<'_>,
    row: &FlagIdentity,
    parts: &[SetPart],
    octets: &[u8],
) -> Result<BillingSet, ContentFault> {
    let cuts = cut(reader, row, parts, octets)?;
    // What the rates measured then stands in the set itself, where it does at all.
    let mut own = cuts
        .iter()
        .filter(|cut| matches!(cut.layout, FlagLayout::SourceCodes));
    let reader = match own.next() {
        Some(cut) => reader.clone().with_rate_sources(cut.octets.to_vec()),
        None => reader.clone(),
    };
    let mut set = BillingSet {
        parts: Vec::new(),
        undescribed: Vec::new(),
    };
    let mut next = 0;
    for cut in cuts {
        if let Some(between) = octets.get(next..cut.begin).filter(|some| !some.is_empty()) {
            set.undescribed.push((next, between.to_vec()));
        }
        next = cut.begin + cut.octets.len();
        let row = cut.like.unwrap_or(row);
        set.parts.push(BillingPart {
            like: cut.like.map(|row| row.number),
            content: reader.laid_out(row, cut.layout, cut.octets)?,
        });
    }
    Ok(set)
}

fn cut<'a>(
    reader: &ContentReader<'a>,
    row: &FlagIdentity,
    parts: &'a [SetPart],
    octets: &'a [u8],
) -> Result<Vec<Cut<'a>>, ContentFault> {
    let mut cuts = Vec::new();
    let mut next = 0;
    for part in parts {
        let like = part.like.and_then(|number| reader.identity(number));
        let layout = match (&part.layout, like) {
            (Some(layout), _) => layout,
            (None, Some(like)) => &like.layout,
            // A checked model has one of both.
            (None, None) => continue,
        };
        let begin = part.at.map_or(next, usize::from);
        let length = usize::from(part.octets.or(like.map(|row| row.octets)).unwrap_or(0));
        let end = begin + length;
        let octets = octets.get(begin..end).ok_or(ContentFault::Length {
            identity: row.number,
            expected: end,
            found: octets.len(),
        })?;
        next = end;
        cuts.push(Cut {
            begin,
            octets,
            like,
            layout,
        });
    }
    Ok(cuts)
}
