//! What the octets of identities mean, with what other identities say about them.

use super::profile::Context;
use super::rows::is_readable;
use super::shelf::{Fetched, RawIdentity, Shelf};
use super::stop::Stop;
use super::talk::Talk;
use crate::catalogue::flag::{FlagIdentity, FlagLayout};
use crate::elster::ContentReader;
use crate::flag::found::Found;
use line::Line;

/// What has to be known before an identity can be understood.
#[derive(Debug, Clone, Default)]
pub(super) struct Meaning {
    /// What the rates measure.
    rate_sources: Option<Vec<u8>>,
}

impl Meaning {
    /// Reads what an identity is to be understood by, unless it has been read before.
    pub(super) async fn prepare<L: Line>(
        talk: &mut Talk<'_, '_, L>,
        shelf: &mut Shelf,
        context: &Context<'_>,
        row: &FlagIdentity,
    ) -> Result<Self, Stop> {
        let Some(number) = sources_of(context, &row.layout) else {
            return Ok(Self::default());
        };
        let sources = context.model.identity(context.variant, number);
        let Some(sources) = sources.filter(|sources| is_readable(sources, context.level)) else {
            return Ok(Self::default());
        };
        let rate_sources = match shelf.fetch(talk, sources, 0).await? {
            Fetched::Whole(raw) => Some(raw.octets.clone()),
            Fetched::Refused(_) => None,
        };
        Ok(Self { rate_sources })
    }

    /// What the octets mean.
    pub(super) fn of(&self, context: &Context<'_>, row: &FlagIdentity, raw: RawIdentity) -> Found {
        let mut reader = ContentReader::new(context.model, context.variant);
        if let Some(sources) = &self.rate_sources {
            reader = reader.with_rate_sources(sources.clone());
        }
        match reader.read(row, &raw.octets) {
            Ok(content) => Found::Content {
                raw,
                content: Box::new(content),
            },
            Err(fault) => Found::NotUnderstood { raw, fault },
        }
    }
}

/// The identity that says what the rates within a layout measure.
fn sources_of(context: &Context<'_>, layout: &FlagLayout) -> Option<u16> {
    match layout {
        FlagLayout::Rates { sources } => Some(*sources),
        FlagLayout::Set { parts } => parts.iter().find_map(|part| match (&part.layout, part.like) {
            (Some(layout), _) => sources_of(context, layout),
            (None, Some(like)) => {
                let row = context.model.identity(context.variant, like)?;
                // A copy is no set itself.
                match &row.layout {
                    FlagLayout::Rates { sources } => Some(*sources),
                    _ => None,
                }
            }
            (None, None) => None,
        }),
        _ => None,
    }
}
