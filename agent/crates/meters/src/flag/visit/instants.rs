//! Values of the moment: selectors are written, then the meter is asked until it has measured.

use super::stop::Stop;
use super::talk::{Reply, Talk};
use crate::catalogue::flag::InstantModel;
use crate::elster::{InstantReading, InstantRequest};
use crate::flag::limits::INSTANT_LOOKS_MAX;
use line::Line;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// What came of a request for values of the moment.
pub(super) enum InstantReply {
    /// The values, and when they were true: the middle of the look that found them ready.
    Values(Vec<InstantReading>, Instant),
    /// The meter will not; in its words.
    Refused(String),
    /// They were not ready in time.
    NotReady,
}

/// The values of one request.
pub(super) async fn read<L: Line>(
    talk: &mut Talk<'_, '_, L>,
    model: &InstantModel,
    request: &InstantRequest,
) -> Result<InstantReply, Stop> {
    let selectors = request.encode();
    if let Reply::Refused(refusal) = talk.write(model.request, 1, &selectors).await? {
        return Ok(InstantReply::Refused(refusal.to_string()));
    }
    let until = Instant::now() + Duration::from_millis(u64::from(model.ready_max_ms));
    let every = Duration::from_millis(u64::from(model.look_every_ms));
    let size = u8::try_from(selectors.len()).unwrap_or(u8::MAX);
    for _ in 0..INSTANT_LOOKS_MAX {
        let look_at = Instant::now() + every;
        let answered = match talk.read(model.request, 1, size).await? {
            Reply::Given(answered) => answered,
            Reply::Refused(refusal) => return Ok(InstantReply::Refused(refusal.to_string())),
        };
        if request.is_ready(&answered.data) {
            let taken = answered
                .arrived_at
                .saturating_duration_since(answered.left_at);
            return values(talk, model, request, answered.left_at + taken / 2).await;
        }
        if Instant::now() >= until {
            break;
        }
        talk.go_on()?;
        sleep_until(look_at).await;
    }
    Ok(InstantReply::NotReady)
}

async fn values<L: Line>(
    talk: &mut Talk<'_, '_, L>,
    model: &InstantModel,
    request: &InstantRequest,
    at: Instant,
) -> Result<InstantReply, Stop> {
    let octets = u8::try_from(request.answer_octets()).unwrap_or(u8::MAX);
    Ok(match talk.read(model.result, 1, octets).await? {
        Reply::Refused(refusal) => InstantReply::Refused(refusal.to_string()),
        Reply::Given(answered) => InstantReply::Values(request.decode(model, &answered.data), at),
    })
}
