//! The link below an association, of either kind.

use line::{GuardedLine, Line};

use super::fault::{SessionFault, Step};
use super::hdlc_link::HdlcLink;
use super::terms::{Beginning, Road, Terms};
use super::wrapper_link::WrapperLink;

/// What carries APDUs. One request has one answer.
#[derive(Debug)]
pub(super) enum Link<'l, L> {
    Hdlc(HdlcLink<'l, L>),
    Wrapper(WrapperLink<'l, L>),
}

impl<'l, L: Line> Link<'l, L> {
    pub(super) async fn open(
        line: &'l mut GuardedLine<L>,
        terms: &Terms,
    ) -> Result<Self, SessionFault> {
        let step = Step::Link;
        if terms.beginning == Beginning::AtRest {
            // What an earlier conversation promised comes first.
            line.part()
                .await
                .map_err(|fault| SessionFault::Line { step, fault })?;
        }
        match terms.road {
            Road::Hdlc {
                client,
                server,
                parameters,
            } => HdlcLink::open(line, terms, client, server, parameters)
                .await
                .map(Self::Hdlc),
            Road::Wrapper(ports) => WrapperLink::open(line, terms, ports)
                .await
                .map(Self::Wrapper),
        }
    }

    pub(super) async fn exchange(
        &mut self,
        step: Step,
        apdu: &[u8],
    ) -> Result<Vec<u8>, SessionFault> {
        match self {
            Self::Hdlc(link) => link.exchange(step, apdu).await,
            Self::Wrapper(link) => link.exchange(step, apdu).await,
        }
    }

    /// Closes it, whatever happened before.
    pub(super) async fn close(&mut self) -> Result<(), SessionFault> {
        match self {
            Self::Hdlc(link) => link.close().await,
            Self::Wrapper(link) => {
                link.close();
                Ok(())
            }
        }
    }
}
