//! One session with one meter.

use super::terms::Credentials;
use crate::catalogue::flag::{FlagIdentity, FlagModel, Variant, VdewForm};
use iec62056_21::codec::{Form, Identification, Refusal};
use iec62056_21::conversation::{Answered, Closed, Session, SessionFault, Terms};
use line::{GuardedLine, Line};
use std::time::Duration;
use tokio::time::Instant;

/// A session with a meter whose model is known.
#[derive(Debug)]
pub struct Visit<'l, 'm, L> {
    pub(super) session: Session<'l, L>,
    model: &'m FlagModel,
    variant: &'m Variant,
}

/// Octets of a meter, as it sent them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// Which identity.
    pub identity: u16,
    /// Which of its sets, from 0.
    pub set: u16,
    /// The octets.
    pub octets: Vec<u8>,
    /// When the request had left.
    pub left_at: Instant,
    /// When the answer had come.
    pub arrived_at: Instant,
}

impl Raw {
    /// About when the meter took it: the middle between request and answer, as a meter that answers
    /// late has commonly looked early.
    pub fn taken_at(&self) -> Instant {
        self.left_at + self.arrived_at.saturating_duration_since(self.left_at) / 2
    }
}

/// Why a visit failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VisitFault {
    /// The conversation failed.
    #[error(transparent)]
    Session(#[from] SessionFault),
    /// Another kind of meter answered.
    #[error("a meter that says `{found}` is no {expected}; name its model in the configuration")]
    OtherModel {
        /// What it says of itself.
        found: String,
        /// The model it should be.
        expected: String,
    },
    /// Another meter of the same kind answered.
    #[error("another meter answered; its data is refused")]
    WrongMeter,
    /// The model does not say how.
    #[error("the model says nothing of {0}; add it to its file")]
    Unknown(&'static str),
}

impl VisitFault {
    /// Whether nothing else can be asked in this session.
    pub fn ends_session(&self) -> bool {
        match self {
            Self::Session(fault) => fault.ends_session(),
            Self::OtherModel { .. } | Self::WrongMeter => true,
            Self::Unknown(_) => false,
        }
    }

    /// The meter's own words, if it refused a request.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Session(SessionFault::Refused { refusal, .. }) => Some(refusal),
            _ => None,
        }
    }
}

impl<'l, 'm, L: Line> Visit<'l, 'm, L> {
    /// Opens the conversation, and looks whether the meter is of the model. Proves nothing yet.
    pub async fn begin(
        line: &'l mut GuardedLine<L>,
        model: &'m FlagModel,
        terms: &Terms,
    ) -> Result<Self, VisitFault> {
        let session = Session::open(line, terms).await?;
        let told = session.identification();
        let fits = model.fits(told);
        let Some(variant) = model.variant_of(told).filter(|_| fits) else {
            let found = identification_words(told);
            session.close().await;
            return Err(VisitFault::OtherModel {
                found,
                expected: model.id.clone(),
            });
        };
        Ok(Self {
            session,
            model,
            variant,
        })
    }

    /// Proves that the gateway may read. One password, once.
    pub async fn log_on(&mut self, credentials: &Credentials) -> Result<(), VisitFault> {
        let log_on = credentials.log_on(self.model.session.log_on);
        Ok(self.session.log_on(&log_on).await?)
    }

    /// Its model.
    pub fn model(&self) -> &'m FlagModel {
        self.model
    }

    /// Its variant.
    pub fn variant(&self) -> &'m Variant {
        self.variant
    }

    /// What the meter says of itself.
    pub fn identification(&self) -> String {
        identification_words(self.session.identification())
    }

    /// How long the session may still last.
    pub fn left(&self) -> Duration {
        self.session.left()
    }

    /// Octets that went over the line so far, both ways.
    pub fn octets(&self) -> u64 {
        self.session.octets()
    }

    /// The row of the model for an identity of this variant.
    pub fn row(&self, identity: u16) -> Option<&'m FlagIdentity> {
        self.model.identity(&self.variant.id, identity)
    }

    /// Reads a whole set of an identity.
    pub async fn read(&mut self, row: &FlagIdentity, set: u16) -> Result<Raw, VisitFault> {
        let first = row.first_packet(set);
        let octets = usize::from(row.octets);
        let answered = self
            .session
            .read_identity(row.number, first, octets)
            .await?;
        Ok(raw(row.number, set, answered))
    }

    /// Reads one packet of an identity.
    pub async fn read_packet(
        &mut self,
        identity: u16,
        packet: u16,
        octets: u8,
    ) -> Result<Raw, VisitFault> {
        let answered = self.session.read_packet(identity, packet, octets).await?;
        Ok(raw(identity, 0, answered))
    }

    /// Reads a data set by its address; partial blocks are joined.
    pub async fn read_set(
        &mut self,
        form: VdewForm,
        address: &str,
        value: &str,
    ) -> Result<(String, Instant, Instant), VisitFault> {
        let begun = Instant::now();
        let text = self
            .session
            .read_set(self::form(form), address, value)
            .await?;
        Ok((text, begun, Instant::now()))
    }

    /// Writes octets to an identity. Never repeated: where the meter does not confirm, the fault
    /// says that it is not known whether it has written.
    pub async fn write(&mut self, identity: u16, octets: &[u8]) -> Result<(), VisitFault> {
        Ok(self.session.write_packet(identity, 1, octets).await?)
    }

    /// Reads octets of an identity from a packet on, whatever the model says of it.
    pub async fn read_octets(
        &mut self,
        identity: u16,
        packet: u16,
        octets: u16,
    ) -> Result<Raw, VisitFault> {
        let octets = usize::from(octets);
        let answered = self.session.read_identity(identity, packet, octets).await?;
        Ok(raw(identity, 0, answered))
    }

    /// Writes octets to one packet of an identity. What holds for [`Visit::write`] holds here.
    pub async fn write_packet(
        &mut self,
        identity: u16,
        packet: u16,
        octets: &[u8],
    ) -> Result<(), VisitFault> {
        Ok(self.session.write_packet(identity, packet, octets).await?)
    }

    /// Signs off.
    pub async fn end(self) -> Closed {
        self.session.close().await
    }
}

fn raw(identity: u16, set: u16, answered: Answered) -> Raw {
    Raw {
        identity,
        set,
        octets: answered.data,
        left_at: answered.left_at,
        arrived_at: answered.arrived_at,
    }
}

pub(super) fn form(form: VdewForm) -> Form {
    match form {
        VdewForm::One => Form::Plain,
        VdewForm::Two => Form::Formatted,
        VdewForm::Five => Form::National,
        VdewForm::Six => Form::NationalPartial,
    }
}

/// `/GEC5090100100400@000`, without its line end.
pub(super) fn identification_words(identification: &Identification) -> String {
    let line = identification.encode();
    let text: String = line.octets().iter().copied().map(char::from).collect();
    text.trim_end().to_owned()
}
