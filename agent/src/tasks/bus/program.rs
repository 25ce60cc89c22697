//! Programming a meter for a command: one session looks, one writes, one looks how it stands. What is
//! durable between them is the command desk's; a line remembers nothing of it.

mod clock;
mod password;

pub use clock::{ClockAsk, ClockFound, ClockLook, ClockMove, off};
pub(super) use password::no_password;
pub use password::{PasswordAsk, PasswordFound};

use crate::tasks::command_desk::Dispatch;
use desk::Diagnosis;
use metering::MeterId;
use metering::scheme::Scheme;
use meters::program::{
    GoldenImage, Misfit, NoPlan, Permission, ProgramFault, ProgramRecord, ProgramReport, WriteSet,
};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Octets of one packet of a FLAG meter.
const PACKET_OCTETS: usize = 64;
/// Who the meter is, its counter, its mark, the operator's name.
const FRAME_PACKETS: usize = 8;
/// A clock read, set and read again.
const CLOCK_PACKETS: usize = 8;

/// What is wanted of a meter.
#[derive(Debug, Clone)]
pub enum Intent {
    /// All pages of a scheme that such a meter has a place for.
    Scheme(Arc<Scheme>),
    /// The calendar of a scheme alone.
    Calendar(Arc<Scheme>),
    /// The pages of a golden meter.
    Clone(Arc<GoldenImage>),
    /// A recorded sequence of writes.
    WriteSet(Arc<WriteSet>),
    /// The billing period ends now.
    BillingEnd,
}

/// One session's share.
#[derive(Debug, Clone)]
pub enum ProgramAsk {
    /// Who it is, what it holds, what would be written. Writes nothing.
    Look(Intent),
    /// How it stands to a record. Writes nothing.
    Stand(Arc<ProgramRecord>),
    /// Writes what is not there yet, and reads it back.
    CarryOut(Arc<ProgramRecord>, Permission),
    /// Something about its clock.
    Clock(ClockAsk),
    /// Something about its password.
    Password(PasswordAsk),
}

/// What a line does for anybody who may read: there is no way from here to a write.
#[derive(Debug, Clone)]
pub enum LookAsk {
    /// Who it is, what it holds, what would be written.
    Look(Intent),
    /// How it stands to a record.
    Stand(Arc<ProgramRecord>),
}

impl From<LookAsk> for ProgramAsk {
    fn from(ask: LookAsk) -> Self {
        match ask {
            LookAsk::Look(intent) => Self::Look(intent),
            LookAsk::Stand(record) => Self::Stand(record),
        }
    }
}

/// A look at a meter; as it writes nothing, nobody has to order it.
#[derive(Debug)]
pub struct LookOrder {
    /// Which meter.
    pub meter: MeterId,
    /// What to look at.
    pub ask: LookAsk,
    /// Who waits.
    pub reply: oneshot::Sender<Result<ProgramAnswer, ProgramTrouble>>,
}

/// What came of it.
#[derive(Debug)]
pub enum ProgramAnswer {
    /// What is to be kept before anything is written.
    Looked(Box<ProgramRecord>),
    /// How the meter stands.
    Stands(Box<ProgramReport>),
    /// How its clock stands before it is moved.
    ClockLooked(Box<ClockLook>),
    /// How its clock stands.
    ClockStands(Box<ClockFound>),
    /// What became of its password.
    Password(PasswordFound),
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum ProgramTrouble {
    /// What is wanted does not fit this meter.
    #[error("{}", joined(.0))]
    Misfits(Vec<Misfit>),
    /// The conversation said so.
    #[error(transparent)]
    Fault(#[from] ProgramFault),
    /// There was none.
    #[error("{}", words(.0))]
    Unreached(Box<Diagnosis>),
    /// The configuration has no such meter.
    #[error("there is no such meter; `pmuctl meter list` shows the names")]
    NoMeter,
    /// Its line has too much to do.
    #[error("{0}; send it again later")]
    Busy(String),
    /// The gateway stops, or the meter left the configuration.
    #[error("the line has other things to do now: the gateway stops, or its configuration changes")]
    Dropped,
}

/// What a line is asked; nothing is written without the proof that somebody may order it.
#[derive(Debug)]
pub struct ProgramOrder {
    /// That proof.
    pub dispatch: Arc<Dispatch>,
    /// Which meter.
    pub meter: MeterId,
    /// What to do.
    pub ask: ProgramAsk,
    /// Who waits.
    pub reply: oneshot::Sender<Result<ProgramAnswer, ProgramTrouble>>,
}

/// An order on its way through its session.
#[derive(Debug)]
pub(super) struct ProgramRun {
    pub(super) ask: ProgramAsk,
    answer: Option<Result<ProgramAnswer, ProgramTrouble>>,
}

impl ProgramRun {
    pub(super) fn new(ask: ProgramAsk) -> Self {
        Self { ask, answer: None }
    }

    pub(super) fn answer(&mut self, answer: Result<ProgramAnswer, ProgramTrouble>) {
        self.answer = Some(answer);
    }

    pub(super) fn take_answer(&mut self) -> Option<Result<ProgramAnswer, ProgramTrouble>> {
        self.answer.take()
    }
}

impl ProgramAsk {
    /// Packets that its session needs at most, with a meter whose model has so many settings: all that is
    /// touched is read before and behind, each write has a probe and is read back, and a look keeps every
    /// setting.
    pub(super) fn packets_max(&self, settings: usize) -> u32 {
        let count = match self {
            Self::Look(intent) => settings + intent.packets_max(settings),
            Self::Stand(record) => record.packets(),
            Self::CarryOut(record, _) => record.packets() * 5,
            Self::Clock(_) => CLOCK_PACKETS,
            Self::Password(_) => 1,
        };
        u32::try_from(count + FRAME_PACKETS).unwrap_or(u32::MAX)
    }
}

impl Intent {
    fn packets_max(&self, settings: usize) -> usize {
        let of = |octets: &Vec<u8>| octets.len().div_ceil(PACKET_OCTETS);
        match self {
            Self::Scheme(_) | Self::Calendar(_) | Self::BillingEnd => 2 * settings,
            Self::Clone(image) => image.pages.iter().map(|(_, octets)| of(octets)).sum(),
            Self::WriteSet(set) => set.writes.len(),
        }
    }

    /// Pages of Elster meters fit no meter of another kind.
    pub(super) fn fits_no(&self, kind: &str) -> ProgramTrouble {
        let name = match self {
            Self::Scheme(scheme) | Self::Calendar(scheme) => scheme.name.as_str(),
            Self::Clone(image) => &image.name,
            Self::WriteSet(set) => &set.name,
            Self::BillingEnd => "billing.reset",
        };
        let problem = format!("{kind} has no such pages");
        let remedy = "leave this meter out, or program a scheme for its model";
        ProgramTrouble::Misfits(vec![Misfit::new(name, problem, remedy)])
    }
}

impl From<NoPlan> for ProgramTrouble {
    fn from(none: NoPlan) -> Self {
        match none {
            NoPlan::Misfits(misfits) => Self::Misfits(misfits),
            NoPlan::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<Diagnosis> for ProgramTrouble {
    fn from(diagnosis: Diagnosis) -> Self {
        Self::Unreached(Box::new(diagnosis))
    }
}

/// A scheme's calendars and nothing else of it.
pub(super) fn calendar_of(scheme: &Scheme) -> Scheme {
    Scheme {
        name: scheme.name.clone(),
        purpose: scheme.purpose,
        meter_type: scheme.meter_type.clone(),
        version: scheme.version,
        calendar: scheme.calendar.clone(),
        deferred: scheme.deferred.clone(),
        ..Scheme::default()
    }
}

fn joined(misfits: &[Misfit]) -> String {
    let misfits: Vec<String> = misfits.iter().map(ToString::to_string).collect();
    misfits.join("; ")
}

fn words(diagnosis: &Diagnosis) -> String {
    let next = diagnosis.next.first();
    let next = next.map_or_else(String::new, |next| format!("; {next}"));
    format!("{}: {}{next}", diagnosis.code, diagnosis.happened)
}
