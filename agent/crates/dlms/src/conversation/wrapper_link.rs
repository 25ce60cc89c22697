//! APDUs over TCP.

use std::sync::Arc;
use std::time::Duration;

use line::{Exchange, GuardedLine, Line, Parting, Patience, Peer};
use tokio::time::sleep_until;

use super::fault::{SessionFault, Step};
use super::terms::Terms;
use crate::codec::acse;
use crate::limits::{APDU_OCTETS_MAX, DISCONNECT_DELAY};
use crate::wrapper::{ExpectedApdu, HEADER_OCTETS, Ports, wrap};

/// A connection, for the time of one association.
///
/// TCP repeats what is lost, so nothing is repeated here. After a request without an answer the
/// answer may still come, and nothing would tell it from the next one: the link is of no use then.
#[derive(Debug)]
pub(super) struct WrapperLink<'l, L> {
    line: &'l mut GuardedLine<L>,
    peer: Peer,
    ports: Ports,
    patience: Patience,
    is_broken: bool,
}

impl<'l, L: Line> WrapperLink<'l, L> {
    pub(super) async fn open(
        line: &'l mut GuardedLine<L>,
        terms: &Terms,
        ports: Ports,
    ) -> Result<Self, SessionFault> {
        // What is still said to a session before this one must have come by now.
        sleep_until(line.late_until()).await;
        let step = Step::Link;
        line.await_silence(Duration::ZERO)
            .await
            .map_err(|fault| SessionFault::Line { step, fault })?;
        line.promise(Some(Parting {
            interruption: None,
            min_gap: Duration::ZERO,
            octets: wrap(ports, &acse::release_request()).unwrap_or_default(),
            delay: DISCONNECT_DELAY,
            restore: None,
            late: terms.response,
        }));
        Ok(Self {
            line,
            peer: terms.peer,
            ports,
            patience: terms.patience(),
            is_broken: false,
        })
    }

    pub(super) async fn exchange(
        &mut self,
        step: Step,
        apdu: &[u8],
    ) -> Result<Vec<u8>, SessionFault> {
        if self.is_broken {
            return Err(SessionFault::Over);
        }
        let request = wrap(self.ports, apdu).ok_or(SessionFault::TooLong {
            step,
            part: "the APDU",
            most: APDU_OCTETS_MAX,
        })?;
        self.is_broken = true;
        let exchange = Exchange {
            peer: self.peer,
            min_gap: Duration::ZERO,
            request: &request,
            answer: Arc::new(ExpectedApdu {
                ports: self.ports.back(),
                most: APDU_OCTETS_MAX,
            }),
            patience: Some(self.patience),
            then: None,
        };
        let answer = self
            .line
            .carry_out(&exchange)
            .await
            .map_err(|fault| SessionFault::Line { step, fault })?;
        self.is_broken = false;
        Ok(answer
            .bytes
            .get(HEADER_OCTETS..)
            .unwrap_or_default()
            .to_vec())
    }

    pub(super) fn close(&mut self) {
        // What broke keeps its promise: the next session waits for what is still to come.
        if !self.is_broken {
            self.line.promise(None);
        }
    }
}
