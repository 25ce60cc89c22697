//! Values of the moment: they are asked for, waited for, and fetched.

use super::visit::{Visit, VisitFault};
use crate::elster::{InstantReading, InstantRequest};
use line::Line;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Values of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstantAnswers {
    /// In the order of the request.
    pub values: Vec<InstantReading>,
    /// About when the meter took them: between the request and its readiness.
    pub taken_at: Instant,
}

impl<L: Line> Visit<'_, '_, L> {
    /// Asks for values of the moment. Nothing if the meter is not ready before its session has to
    /// end.
    pub async fn instants(
        &mut self,
        request: &InstantRequest,
    ) -> Result<Option<InstantAnswers>, VisitFault> {
        let unknown = VisitFault::Unknown("values of the moment");
        let instant = self.model().instant.as_ref().ok_or(unknown)?;
        let begun = Instant::now();
        self.session
            .write_packet(instant.request, 1, &request.encode())
            .await?;
        let ready_max = Duration::from_millis(u64::from(instant.ready_max_ms));
        let pause = Duration::from_millis(u64::from(instant.look_every_ms));
        let ready_at = loop {
            let looked = self
                .read_packet(instant.request, 1, instant.at_once)
                .await?;
            if request.is_ready(&looked.octets) {
                break looked.left_at;
            }
            if begun.elapsed() >= ready_max || self.left() <= pause * 2 {
                return Ok(None);
            }
            sleep(pause).await;
        };
        let octets = u8::try_from(request.answer_octets()).unwrap_or(u8::MAX);
        let found = self.read_packet(instant.result, 1, octets).await?;
        Ok(Some(InstantAnswers {
            values: request.decode(instant, &found.octets),
            taken_at: begun + ready_at.saturating_duration_since(begun) / 2,
        }))
    }
}
