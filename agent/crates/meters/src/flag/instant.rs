//! Values of the moment: they are asked for, waited for, and fetched.

use super::visit::{Visit, VisitFault};
use line::Line;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The octet of a selector says by its highest bit that the value is ready.
const READY: u8 = 0x80;
/// Octets of one value.
const VALUE_OCTETS: u8 = 7;

/// Values of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstantAnswers {
    /// Selectors and the octets of their values, in the order of the request.
    pub values: Vec<(u8, Vec<u8>)>,
    /// About when the meter took them: between the request and its readiness.
    pub taken_at: Instant,
}

impl<L: Line> Visit<'_, '_, L> {
    /// Asks for as many values as one request has room for. Nothing if the meter is not ready
    /// before its session has to end.
    pub async fn instants(
        &mut self,
        selectors: &[u8],
    ) -> Result<Option<InstantAnswers>, VisitFault> {
        let unknown = VisitFault::Unknown("values of the moment");
        let instant = self.model().instant.as_ref().ok_or(unknown)?;
        let places = usize::from(instant.at_once);
        let mut asked: Vec<u8> = selectors.iter().copied().take(places).collect();
        let count = asked.len();
        asked.resize(places, 0);
        let begun = Instant::now();
        self.session
            .write_packet(instant.request, 1, &asked)
            .await?;
        let ready_max = Duration::from_millis(u64::from(instant.ready_max_ms));
        let pause = Duration::from_millis(u64::from(instant.look_every_ms));
        let ready_at = loop {
            let looked = self
                .read_packet(instant.request, 1, instant.at_once)
                .await?;
            let is_ready = |(found, asked): (&u8, &u8)| *asked == 0 || found & READY != 0;
            if looked.octets.iter().zip(&asked).all(is_ready) {
                break looked.left_at;
            }
            if begun.elapsed() >= ready_max || self.left() <= pause * 2 {
                return Ok(None);
            }
            sleep(pause).await;
        };
        let octets = instant.at_once.saturating_mul(VALUE_OCTETS);
        let found = self.read_packet(instant.result, 1, octets).await?;
        let values = found.octets.chunks(usize::from(VALUE_OCTETS));
        Ok(Some(InstantAnswers {
            values: asked
                .into_iter()
                .zip(values.map(<[u8]>::to_vec))
                .take(count)
                .collect(),
            taken_at: begun + ready_at.saturating_duration_since(begun) / 2,
        }))
    }
}
