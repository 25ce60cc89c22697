//! Values of the moment: selectors are written, then the meter is asked until it has measured.

use super::stop::Stop;
use super::talk::{Reply, Talk};
use crate::catalogue::flag::{InstantModel, InstantValue};
use crate::flag::limits::{INSTANT_LOOKS_MAX, INSTANT_OCTETS};
use line::Line;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// A selector that comes back with this bit says that its value is ready.
const READY: u8 = 0x80;

/// Values of one request, as the meter sent them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InstantGroup {
    /// The selectors, in the order of the values.
    pub(super) selectors: Vec<u8>,
    /// The values, seven octets each.
    pub(super) octets: Vec<u8>,
    /// When they were ready: the middle of the last look.
    pub(super) at: Instant,
}

/// What came of a request for values of the moment.
pub(super) enum InstantReply {
    Values(InstantGroup),
    /// The meter will not; in its words.
    Refused(String),
    /// They were not ready in time.
    NotReady,
}

/// The wished values in groups that fit into a request.
pub(super) fn groups(model: &InstantModel, wanted: &[&InstantValue]) -> Vec<Vec<u8>> {
    let at_once = usize::from(model.at_once.max(1));
    let selectors: Vec<u8> = wanted.iter().map(|value| value.selector).collect();
    selectors.chunks(at_once).map(<[u8]>::to_vec).collect()
}

/// Reads one group.
pub(super) async fn read<L: Line>(
    talk: &mut Talk<'_, '_, L>,
    model: &InstantModel,
    selectors: &[u8],
) -> Result<InstantReply, Stop> {
    let slots = usize::from(model.at_once.max(1));
    let mut request = selectors.to_vec();
    request.resize(slots, 0);
    if let Reply::Refused(refusal) = talk.write(model.request, 1, &request).await? {
        return Ok(InstantReply::Refused(refusal.to_string()));
    }
    let until = Instant::now() + Duration::from_millis(u64::from(model.ready_max_ms));
    let every = Duration::from_millis(u64::from(model.look_every_ms));
    let size = u8::try_from(slots).unwrap_or(u8::MAX);
    for _ in 0..INSTANT_LOOKS_MAX {
        let look_at = Instant::now() + every;
        let answered = match talk.read(model.request, 1, size).await? {
            Reply::Given(answered) => answered,
            Reply::Refused(refusal) => return Ok(InstantReply::Refused(refusal.to_string())),
        };
        if are_ready(selectors, &answered.data) {
            let at = answered.left_at + (answered.arrived_at - answered.left_at) / 2;
            return values(talk, model, selectors, at).await;
        }
        if Instant::now() >= until {
            break;
        }
        talk.go_on()?;
        sleep_until(look_at).await;
    }
    Ok(InstantReply::NotReady)
}

/// Whether each selector came back, and with its bit.
fn are_ready(selectors: &[u8], echoed: &[u8]) -> bool {
    let pairs = selectors.iter().zip(echoed);
    echoed.len() >= selectors.len() && pairs.into_iter().all(|(asked, said)| *said == asked | READY)
}

async fn values<L: Line>(
    talk: &mut Talk<'_, '_, L>,
    model: &InstantModel,
    selectors: &[u8],
    at: Instant,
) -> Result<InstantReply, Stop> {
    let slots = usize::from(model.at_once.max(1));
    let octets = u8::try_from(slots * INSTANT_OCTETS).unwrap_or(u8::MAX);
    Ok(match talk.read(model.result, 1, octets).await? {
        Reply::Refused(refusal) => InstantReply::Refused(refusal.to_string()),
        Reply::Given(answered) => InstantReply::Values(InstantGroup {
            selectors: selectors.to_vec(),
            octets: answered.data,
            at,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(selectors: &[u8], echoed: &[u8], ready: bool) {
        assert_eq!(are_ready(selectors, echoed), ready, "{echoed:02x?}");
    }

    #[test]
    fn values_are_ready_when_each_selector_says_so() {
        check(&[0x1a, 0x2a, 0x4a], &[0x9a, 0xaa, 0xca, 0x80], true);
        check(&[0x1a, 0x2a, 0x4a], &[0x9a, 0xaa, 0x4a, 0x00], false);
        check(&[0x1a], &[0x9a], true);
        check(&[0x1a], &[0x9b], false);
        check(&[0x1a], &[], false);
    }
}
