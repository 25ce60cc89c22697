//! Which identities make up which part of a meter.

use crate::catalogue::flag::{FlagIdentity, FlagLayout};

/// A part of a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Totals, rates, demands, ratios, and what they measure.
    Registers,
    /// Status words, event counters.
    Events,
    /// Historical billing sets, and the event counters that belong to them.
    Billing,
    /// Something that is only of use to who asks for everything.
    Other,
    /// Nothing that stands by itself: data of a profile, requests, actions.
    Never,
}

/// The part that an identity belongs to.
pub(super) fn part(row: &FlagIdentity) -> Part {
    match row.layout {
        FlagLayout::Energies { .. }
        | FlagLayout::ShortEnergies { .. }
        | FlagLayout::Rates { .. }
        | FlagLayout::SourceCodes
        | FlagLayout::SourceGroups { .. }
        | FlagLayout::CumulativeDemands
        | FlagLayout::MaximumDemands { .. }
        | FlagLayout::Blocks { .. }
        | FlagLayout::Ratio { .. } => Part::Registers,
        FlagLayout::Status { .. } | FlagLayout::Log(_) | FlagLayout::Battery => Part::Events,
        FlagLayout::Set { .. } | FlagLayout::BillingInfo { .. } | FlagLayout::Logs { .. } => {
            Part::Billing
        }
        FlagLayout::Raw
        | FlagLayout::Text
        | FlagLayout::Clock
        | FlagLayout::SecondsClock
        | FlagLayout::ProfileMask
        | FlagLayout::ProfilePeriods => Part::Other,
        FlagLayout::InstantRequest
        | FlagLayout::InstantValues
        | FlagLayout::ProfileWindow
        | FlagLayout::ProfileDates
        | FlagLayout::Profile
        | FlagLayout::Action => Part::Never,
    }
}

/// Whether an identity can be read at this level, and has a known length.
pub(super) fn is_readable(row: &FlagIdentity, level: u8) -> bool {
    row.octets > 0 && row.read.is_some_and(|needed| needed <= level)
}
