//! What a session is opened with: terms, keys and their counters.

use super::DlmsBook;
use super::ends::SessionTrouble;
use crate::config::DlmsProof;
use crate::limits::PASSWORD_RETRY_AFTER;
use crate::tasks::bus::memory::Note;
use crate::tasks::keykeeper::{
    Attempt, KeyCounters, KeyTrouble, MeterKeys, NextKeys, NextPassword, PasswordAttempt,
};
use dlms::conversation::{Session, Terms};
use dlms::security::{CounterBlock, CounterFault, CounterKeeper, NoKeys, Secret};
use line::{GuardedLine, Line};
use metering::Timestamp;
use meters::catalogue::dlms::LevelModel;
use meters::dlms::{DlmsCredentials, DlmsFault, DlmsWish, ModeE, dlms_terms};
use meters::planner::SessionTurn;
use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

/// The public client has this long to say how far a counter is.
const COUNTER_LOOK_MAX: Duration = Duration::from_secs(8);

/// Who keeps the counters of a session.
pub(super) enum Keeper {
    /// A session without keys has none.
    None,
    /// The file of keys.
    Keys(KeyCounters),
}

impl CounterKeeper for Keeper {
    async fn reserve(&mut self, count: NonZeroU32) -> Result<CounterBlock, CounterFault> {
        match self {
            Self::Keys(counters) => counters.reserve(count).await,
            Self::None => NoKeys.reserve(count).await,
        }
    }

    async fn raise(&mut self, used: u32) -> Result<(), CounterFault> {
        match self {
            Self::Keys(counters) => counters.raise(used).await,
            Self::None => NoKeys.raise(used).await,
        }
    }

    async fn heard(&mut self) -> Result<Option<u32>, CounterFault> {
        match self {
            Self::Keys(counters) => counters.heard().await,
            Self::None => NoKeys.heard().await,
        }
    }

    async fn note_heard(&mut self, counter: u32) -> Result<(), CounterFault> {
        match self {
            Self::Keys(counters) => counters.note_heard(counter).await,
            Self::None => NoKeys.note_heard(counter).await,
        }
    }
}

/// Everything that a session is opened with.
pub(super) struct Admission {
    pub(super) terms: Terms,
    pub(super) keeper: Keeper,
    /// What is tried, where the file of keys notes how that ends.
    pub(super) attempt: Option<Attempted>,
}

/// What the file of keys gave for a session.
pub(super) enum Attempted {
    Keys(Box<Attempt>),
    Password(Box<PasswordAttempt>),
}

impl DlmsBook {
    /// Prepares a session: no key and no password is tried that the meter has refused lately.
    pub(super) async fn admission<L: Line>(
        &mut self,
        line: &mut GuardedLine<L>,
        turn: &SessionTurn,
        keys: &MeterKeys,
        now: Timestamp,
    ) -> Result<Admission, SessionTrouble> {
        let (credentials, keeper, attempt) = match &self.dlms.proof {
            DlmsProof::None => (DlmsCredentials::None, Keeper::None, None),
            DlmsProof::Password(password) => {
                let password = password.clone();
                let next = self.next_password(&password, keys, now).await?;
                let rests_until = match &next {
                    NextPassword::OfFile => self.password_rests(now),
                    NextPassword::Try(_) => None,
                    NextPassword::Rest { until } => Some(*until),
                };
                if let Some(until) = rests_until {
                    let what = "its password was";
                    return Err(SessionTrouble::Resting { what, until });
                }
                match next {
                    NextPassword::Try(attempt) => {
                        let secret =
                            Secret::new(attempt.secret.reveal()).map_err(KeyTrouble::from)?;
                        let attempt = Attempted::Password(attempt);
                        (
                            DlmsCredentials::Password(secret),
                            Keeper::None,
                            Some(attempt),
                        )
                    }
                    _ => (
                        DlmsCredentials::Password(password.secret),
                        Keeper::None,
                        None,
                    ),
                }
            }
            &DlmsProof::Keys(suite) => {
                let attempt = match keys.attempt(self.id(), suite, now).await? {
                    NextKeys::Try(attempt) => attempt,
                    NextKeys::Rest { until } => {
                        let what = "its keys were";
                        return Err(SessionTrouble::Resting { what, until });
                    }
                };
                let counters = keys.counters(&attempt);
                if self.is_counter_behind || !counters.are_known().await? {
                    let used = self.ask_counter(line, turn).await?;
                    keys.recover(&attempt, used).await?;
                    self.is_counter_behind = false;
                }
                let credentials = DlmsCredentials::Keys(attempt.keys.clone(), keys.title().await?);
                (
                    credentials,
                    Keeper::Keys(counters),
                    Some(Attempted::Keys(attempt)),
                )
            }
        };
        let name = self.dlms.association.name.clone();
        let mut terms = self.terms(&name, self.dlms.client, &credentials, turn.hold_max)?;
        if turn.is_probe {
            // A meter that was silent before is tried once.
            terms.attempts = NonZeroU8::MIN;
        }
        Ok(Admission {
            terms,
            keeper,
            attempt,
        })
    }

    /// Signs the meter on, where it has to be before it speaks HDLC.
    pub(super) async fn sign_on<L: Line>(
        &self,
        line: &mut GuardedLine<L>,
        terms: &mut Terms,
    ) -> Result<(), DlmsFault> {
        match &self.dlms.sign_on {
            Some(mode_e) => mode_e.sign_on(line, terms).await,
            None => Ok(()),
        }
    }

    /// What a failed opening means, where the meter has taken a sign-on before.
    pub(super) fn explained(&self, fault: DlmsFault) -> DlmsFault {
        match self.dlms.sign_on {
            Some(_) => ModeE::explain(fault),
            None => fault,
        }
    }

    fn terms(
        &self,
        association: &str,
        client: Option<u16>,
        credentials: &DlmsCredentials,
        hold_max: Duration,
    ) -> Result<Terms, SessionTrouble> {
        let wish = DlmsWish {
            peer: self.peer(),
            place: self.dlms.place,
            association: association.to_owned(),
            client,
            hold_max,
            pdu_octets: None,
        };
        Ok(dlms_terms(&self.dlms.model, &wish, credentials)?)
    }

    /// Asks the meter's public client how far the counter of our key is. Nothing proves the answer:
    /// one that is too small lets the meter refuse again, one that is too large wastes counters, and
    /// neither lets one be used twice.
    async fn ask_counter<L: Line>(
        &self,
        line: &mut GuardedLine<L>,
        turn: &SessionTurn,
    ) -> Result<u32, SessionTrouble> {
        let unknown = |why: String| SessionTrouble::CounterUnknown { why };
        let model = &self.dlms.model;
        let object = model.counter_of(&self.dlms.association.name);
        let object = object
            .ok_or_else(|| unknown("the model names no object that tells it".to_owned()))?
            .asked();
        let mut public = model.associations.iter();
        let public = public
            .find(|known| known.level == LevelModel::None)
            .ok_or_else(|| unknown("the model has no public association".to_owned()))?;
        let hold_max = turn.hold_max.min(COUNTER_LOOK_MAX);
        let mut terms = self.terms(&public.name, None, &DlmsCredentials::None, hold_max)?;
        self.sign_on(line, &mut terms).await?;
        let mut keeper = Keeper::None;
        let session = Session::open(line, &mut keeper, &terms).await;
        let mut session = session.map_err(|fault| self.explained(fault.into()))?;
        let answer = session.get(object).await;
        session.close().await;
        let value = match answer.map_err(DlmsFault::from) {
            // The session stood, and this cannot be asked in it.
            Err(fault) if !fault.ends_session() => return Err(unknown(fault.to_string())),
            answer => answer?,
        };
        let value = value.map_err(|result| unknown(format!("the meter says {result}")))?;
        let used = value.integer().and_then(|used| u32::try_from(used).ok());
        let used = used.ok_or_else(|| unknown("the meter tells no number".to_owned()))?;
        log::info!(meter:% = self.id(), used; "the counter of its key was asked of the meter");
        Ok(used)
    }

    /// Until when a refused password is left alone: too many wrong ones lock a meter. Another
    /// password, or a touched file, is tried at once.
    fn password_rests(&self, now: Timestamp) -> Option<Timestamp> {
        let refused = self.memory.note(Note::PasswordRefused)?;
        let (at, mark) = refused.split_first_chunk::<8>()?;
        if mark != self.password_mark() {
            return None;
        }
        let at = Timestamp::from_millis(u64::from_be_bytes(*at));
        let until = at.after(PASSWORD_RETRY_AFTER);
        (at <= now && now < until).then_some(until)
    }

    /// What tells this password from one that stood there before, without saying anything of it.
    pub(super) fn password_mark(&self) -> Vec<u8> {
        match &self.dlms.proof {
            DlmsProof::Password(password) => password.written.to_be_bytes().to_vec(),
            DlmsProof::None | DlmsProof::Keys(_) => Vec::new(),
        }
    }

    /// Another password was refused than the one that is configured now.
    pub(in super::super) fn has_another_password(&self) -> bool {
        let refused = self.memory.note(Note::PasswordRefused);
        refused.is_some_and(|refused| !refused.ends_with(&self.password_mark()))
    }
}
