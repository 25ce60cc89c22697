//! Work that people started at a DLMS meter, in as many sessions as it needs.

use super::DlmsBook;
use super::backup::BackupRun;
use super::clock::shown_clock;
use super::ends::{SessionTrouble, is_time_up};
use super::gathering::Gathering;
use super::rotation::KeyChange;
use super::session::{PartEnd, Sitting};
use crate::config::DlmsProof;
use crate::tasks::bus::flag::{Desk, Held, SessionSaid};
use crate::tasks::bus::program::{ProgramAnswer, ProgramAsk, ProgramRun, ProgramTrouble};
use crate::tasks::bus::wanted::CollectWish;
use crate::tasks::keykeeper::MeterKeys;
use desk::{GatherWish, Layer, MeterObject, Outcome, PingResult, Progress};
use line::{GuardedLine, Line};
use meters::catalogue::dlms::DlmsModel;
use meters::cosem::ListedObject;
use meters::dlms::{CollectRun, DlmsFault};
use meters::planner::{SessionEnd, SessionTurn};

/// The class of a security set-up.
const SECURITY_SETUP: u16 = 64;

/// What is done, and how far it is.
#[derive(Debug)]
pub(in super::super) struct Task {
    kind: Kind,
    pub(in super::super) progress: Progress,
}

#[derive(Debug)]
enum Kind {
    /// A whole round, as the schedule would do it.
    Round,
    /// All registers of the model.
    Read,
    /// Values of the moment.
    Instant,
    /// The load profile.
    Collect(CollectWish, Option<CollectRun>),
    /// What a scheme wants read.
    Gather(Box<Gathering>),
    /// The clock.
    Clock,
    /// Which objects there are.
    Objects,
    /// New keys.
    Keys(KeyChange),
    /// All settings, for a file.
    Backup(Box<BackupRun>),
    /// Whether the meter answers, and as what.
    Ping,
    /// A command programs it.
    Program(Box<ProgramRun>),
}

/// How a slice of a task ended.
#[derive(Debug)]
pub(in super::super) enum Slice {
    /// There is more to do.
    More,
    /// It is done.
    Done(Outcome),
    /// The session failed.
    Failed(SessionTrouble),
}

impl Task {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            progress: Progress::default(),
        }
    }

    pub(in super::super) fn poll() -> Self {
        Self::new(Kind::Round)
    }

    pub(in super::super) fn read() -> Self {
        Self::new(Kind::Read)
    }

    pub(in super::super) fn instant() -> Self {
        Self::new(Kind::Instant)
    }

    pub(in super::super) fn collect(wish: CollectWish) -> Self {
        Self::new(Kind::Collect(wish, None))
    }

    pub(in super::super) fn gather(wish: GatherWish) -> Self {
        Self::new(Kind::Gather(Box::new(Gathering::new(wish))))
    }

    pub(in super::super) fn clock() -> Self {
        Self::new(Kind::Clock)
    }

    pub(in super::super) fn objects() -> Self {
        Self::new(Kind::Objects)
    }

    pub(in super::super) fn backup() -> Self {
        Self::new(Kind::Backup(Box::default()))
    }

    pub(in super::super) fn change_keys(encryption: bool, authentication: bool) -> Self {
        Self::new(Kind::Keys(KeyChange::new(encryption, authentication)))
    }

    pub(in super::super) fn program(ask: ProgramAsk) -> Self {
        Self::new(Kind::Program(Box::new(ProgramRun::new(ask))))
    }

    /// What came of programming, once its session was held.
    pub(in super::super) fn take_programmed(
        &mut self,
    ) -> Option<Result<ProgramAnswer, ProgramTrouble>> {
        match &mut self.kind {
            Kind::Program(run) => run.take_answer(),
            _ => None,
        }
    }

    /// Whether keys are replaced.
    pub(in super::super) fn changes_keys(&self) -> bool {
        matches!(self.kind, Kind::Keys(_))
    }

    /// Whether a key is on its way, and nobody knows yet whether the meter took it.
    pub(in super::super) fn is_in_doubt(&self) -> bool {
        matches!(&self.kind, Kind::Keys(change) if change.is_in_doubt())
    }

    /// What is known of the keys while that is so.
    pub(in super::super) fn doubt(self) -> Outcome {
        match self.kind {
            Kind::Keys(change) => change.doubt(),
            _ => Outcome::KeysChanged(Vec::new()),
        }
    }

    /// Whether only the layers are tried.
    pub(in super::super) fn is_ping(&self) -> bool {
        matches!(self.kind, Kind::Ping)
    }

    pub(in super::super) fn ping() -> Self {
        Self::new(Kind::Ping)
    }
}

impl DlmsBook {
    /// Holds a session for a task.
    pub(in super::super) async fn hold_task<L: Line>(
        &mut self,
        line: &mut GuardedLine<L>,
        turn: &SessionTurn,
        (desk, keys): (&Desk<'_>, &MeterKeys),
        task: &mut Task,
    ) -> (Held, Slice) {
        let mut said = SessionSaid::default();
        let done = self
            .sit(line, turn, (desk, keys), &mut said, async |sitting| {
                sitting.task(task, keys).await
            })
            .await;
        let trouble = match &mut task.kind {
            Kind::Keys(change) => change.trouble.take(),
            _ => None,
        };
        let done = match trouble {
            Some(trouble) => Err(SessionTrouble::Keys(trouble)),
            None => done,
        };
        let (end, gone, slice) = match done {
            Ok(outcome) => {
                let more = outcome.is_none();
                let unfinished = Vec::new();
                let slice = outcome.map_or(Slice::More, Slice::Done);
                (SessionEnd::Worked { unfinished, more }, None, slice)
            }
            Err(SessionTrouble::Visit(fault)) if is_time_up(&fault) => {
                let end = SessionEnd::Worked {
                    unfinished: Vec::new(),
                    more: true,
                };
                (end, None, Slice::More)
            }
            Err(trouble) => {
                let end = self.note_failure(&trouble, desk, &mut said);
                (end, trouble.gone(), Slice::Failed(trouble))
            }
        };
        self.remember(&mut said);
        (Held { end, said, gone }, slice)
    }
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Goes on with a task; nothing while there is more to do.
    async fn task(
        &mut self,
        task: &mut Task,
        keys: &MeterKeys,
    ) -> Result<Option<Outcome>, DlmsFault> {
        Ok(match &mut task.kind {
            Kind::Round => match self.collect().await? {
                PartEnd::Done => {
                    let brought = std::mem::take(&mut self.book.brought);
                    Some(Outcome::Collected(brought))
                }
                PartEnd::Later => None,
            },
            Kind::Read => Some(Outcome::Values(self.show_registers(None).await?)),
            Kind::Instant => {
                let named = self.book.settings.instant.as_ref();
                let named = named.map(|instant| instant.values.clone());
                let usual = || {
                    let usual = self.model.default_registers();
                    usual
                        .map(meters::catalogue::dlms::DlmsRegister::code)
                        .collect()
                };
                let wanted = named.unwrap_or_else(usual);
                Some(Outcome::Values(self.show_registers(Some(&wanted)).await?))
            }
            Kind::Collect(wish, run) => {
                self.look_at_clock().await?;
                match self.profile_for(*wish, run).await? {
                    PartEnd::Done => {
                        let brought = std::mem::take(&mut self.book.brought);
                        Some(Outcome::Collected(brought))
                    }
                    PartEnd::Later => None,
                }
            }
            Kind::Gather(gathering) => match self.gather(gathering, &mut task.progress).await? {
                PartEnd::Done => Some(Outcome::Gathered(gathering.take_result())),
                PartEnd::Later => None,
            },
            Kind::Clock => Some(Outcome::Clock(shown_clock(&self.look_at_clock().await?))),
            Kind::Keys(change) => self.change_keys(change, keys).await?,
            Kind::Objects => {
                let found = self.visit.objects().await?;
                let shown = found.iter().map(|object| shown_object(object, self.model));
                let mut shown: Vec<MeterObject> = shown.collect();
                self.add_security(&found, &mut shown).await?;
                Some(Outcome::Objects(shown))
            }
            Kind::Backup(run) => self.back_up(run, &mut task.progress).await?,
            Kind::Ping => Some(Outcome::Ping(self.layers())),
            Kind::Program(run) => {
                self.program(run, keys).await;
                // What came of it waits in the run.
                Some(Outcome::Values(Vec::new()))
            }
        })
    }

    /// What the security set-ups among the objects say, beside what may be done with them.
    async fn add_security(
        &mut self,
        found: &[ListedObject],
        shown: &mut [MeterObject],
    ) -> Result<(), DlmsFault> {
        let configured = match &self.book.dlms.proof {
            DlmsProof::Keys(suite) => Some(suite.number()),
            DlmsProof::None | DlmsProof::Password(_) => None,
        };
        for (object, shown) in found.iter().zip(shown) {
            if object.class != SECURITY_SETUP {
                continue;
            }
            let words = self.visit.security(object).await?.words(configured);
            let parts = [shown.access.clone(), words];
            let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            shown.access = parts.join("; ");
        }
        Ok(())
    }

    /// Who has got here has all layers.
    fn layers(&self) -> PingResult {
        let dlms = &self.book.dlms;
        let layer = |name: &str, words: String| Layer {
            name: name.to_owned(),
            is_well: true,
            words,
        };
        let mut layers = vec![
            layer("link", dlms.line_name()),
            layer("association", dlms.association.name.clone()),
            layer("identity", self.visit.identity().to_owned()),
        ];
        if dlms.sign_on.is_some() {
            layers.insert(0, layer("sign-on", "mode E, at 300 baud".to_owned()));
        }
        PingResult {
            layers,
            diagnosis: None,
        }
    }
}

fn shown_object(object: &ListedObject, model: &DlmsModel) -> MeterObject {
    MeterObject {
        class: object.class,
        class_name: object.class_name().unwrap_or_default().to_owned(),
        version: object.version,
        obis: object.name.to_string(),
        name: object.words().unwrap_or_default(),
        in_model: object.is_used_by(model),
        access: object.access.clone(),
    }
}
