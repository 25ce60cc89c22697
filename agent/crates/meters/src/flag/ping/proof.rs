//! Whether a password opens what it should.

use crate::catalogue::flag::{FlagIdentity, IdentityWhat};
use crate::flag::examine::ExaminedMeter;
use crate::flag::limits::{PROOF_ATTEMPTS, QUALITY_READS, SIGHT_HOLD_MAX};
use crate::flag::serial::text;
use crate::flag::site::Site;
use crate::flag::terms::{Wish, terms};
use crate::flag::visit::{Visit, VisitFault};
use line::Line;

/// What a password was good for.
pub(super) enum Proof {
    /// It was taken; the serial number behind it, if it can be read.
    Taken { serial: Option<String> },
    /// Something that its level should read is refused.
    TooLow {
        what: String,
        /// In the meter's words.
        words: String,
        needs: Option<u8>,
    },
}

/// Logs on, once, and reads the clock, which needs what all readings need.
pub(super) async fn prove<L: Line>(
    site: &mut Site<'_, L>,
    meter: &ExaminedMeter,
) -> Result<Proof, VisitFault> {
    let wish = Wish {
        peer: meter.peer,
        address: meter.address.clone(),
        line: meter.setting.line_use(&site.reach),
        hold_max: SIGHT_HOLD_MAX,
        attempts: PROOF_ATTEMPTS,
        opening_attempts: PROOF_ATTEMPTS,
        streams: false,
    };
    let terms = terms(&meter.model, &wish);
    let mut visit = Visit::begin(site.line, &meter.model, &terms).await?;
    let proof = prove_in(&mut visit, meter).await;
    visit.end().await;
    proof
}

async fn prove_in<L: Line>(
    visit: &mut Visit<'_, '_, L>,
    meter: &ExaminedMeter,
) -> Result<Proof, VisitFault> {
    visit.log_on(&meter.credentials).await?;
    let serial = match visit
        .model()
        .identity_that_tells(&visit.variant().id, IdentityWhat::Serial)
    {
        Some(row) => serial_of(visit, row).await?,
        None => None,
    };
    let clock = meter.model.clock.as_ref().map(|clock| clock.identity);
    let row = clock.and_then(|clock| visit.row(clock));
    let Some(row) = row.filter(|row| row.read.is_some_and(|needed| needed <= meter.level)) else {
        return Ok(Proof::Taken { serial });
    };
    match visit.read(row, 0).await {
        Ok(_) => Ok(Proof::Taken { serial }),
        Err(fault) => match fault.refusal() {
            Some(refusal) => Ok(Proof::TooLow {
                what: row.content.clone(),
                words: refusal.to_string(),
                needs: None,
            }),
            None => Err(fault),
        },
    }
}

/// The serial number, read in pieces of several lengths: so many answers also tell how good the line
/// is.
async fn serial_of<L: Line>(
    visit: &mut Visit<'_, '_, L>,
    row: &FlagIdentity,
) -> Result<Option<String>, VisitFault> {
    let whole = u8::try_from(row.octets).unwrap_or(u8::MAX);
    for less in (1..whole).rev().take(QUALITY_READS) {
        match visit.read_packet(row.number, 1, less).await {
            Ok(_) => {}
            Err(fault) if fault.refusal().is_some() => return Ok(None),
            Err(fault) => return Err(fault),
        }
    }
    let raw = visit.read_packet(row.number, 1, whole).await?;
    Ok(text(&raw.octets))
}
