//! Which key of a meter is used, and how one replaces another. Pure: time comes in, and what comes
//! out is written by the owner before it counts.

mod stored;

use crate::limits::{REFUSED_PAUSE_FIRST, REFUSED_PAUSE_MAX};
use metering::Timestamp;
use std::fmt;
use std::time::Duration;

/// The number of a key in its file. It is never given to a second key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyNumber(pub u32);

impl fmt::Display for KeyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What is known of a key since the change became doubtful.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trial {
    /// It may be tried.
    Untried,
    /// It was tried, and how that ended is not known: the process ended in between.
    Begun,
    /// The meter refused it.
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The meter has not been told.
    Prepared,
    /// The meter has one of the two.
    Doubtful {
        old: Trial,
        new: Trial,
        /// The new one was tried last: then it is the old one's turn. A meter may be silent where
        /// another one refuses.
        was_new: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    next: KeyNumber,
    stage: Stage,
}

/// What a key is to its meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The meter has it.
    Current,
    /// It is ready, and the meter has not been told.
    Next,
    /// The meter had it before a change of which nobody knows how it ended.
    DoubtfulOld,
    /// The meter has it if that change succeeded.
    DoubtfulNew,
}

/// How an attempt with a key ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The meter has proven that it has the key: by a right tag, not by a word.
    Proven,
    /// The meter refuses it. Nothing proves that the word is the meter's.
    Refused,
    /// Neither: no answer, or no session for another reason.
    Silent,
}

/// What may be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Open one session with this key.
    Try(KeyNumber),
    /// The meter refused what there is: leave it alone until then, or until a person does something.
    Rest {
        /// The end of the pause.
        until: Timestamp,
    },
}

/// The step does not fit to where the change stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RingFault {
    /// One change at a time.
    #[error("a change of this key is under way; let it end, or replace the key by hand")]
    Changing,
    /// There is no change, or it is at another stage.
    #[error("no change of this key is at that stage; begin it anew")]
    NotAtThatStage,
    /// The key is not one of this ring.
    #[error("key {0} is not one of this meter's any longer; ask which one to use")]
    Stranger(KeyNumber),
}

/// The keys of one kind that a meter may have: one, or two while one replaces the other.
///
/// A key leaves the ring only when the meter has proven that it has the other one, or has said so
/// under the old key's protection. A refusal alone, which anybody on the wire can forge, drops
/// nothing: it only makes the gateway wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    current: KeyNumber,
    change: Option<Change>,
    /// How often everything that there is was refused.
    refusals: u8,
    /// When something was last tried or refused.
    at: Timestamp,
}

impl Ring {
    /// A ring of one key.
    pub const fn new(current: KeyNumber) -> Self {
        Self {
            current,
            change: None,
            refusals: 0,
            at: Timestamp::from_millis(0),
        }
    }

    /// The key that the meter has; in doubt, the one that it had.
    pub const fn current(&self) -> KeyNumber {
        self.current
    }

    /// The key that replaces it, while one does.
    pub fn next(&self) -> Option<KeyNumber> {
        self.change.map(|change| change.next)
    }

    /// Whether nobody knows which of two keys the meter has.
    pub fn is_doubtful(&self) -> bool {
        self.trials().is_some()
    }

    /// How often in a row the meter refused everything that there is.
    pub const fn refusals(&self) -> u8 {
        self.refusals
    }

    /// What a key is to the meter; `None` if it is none of its.
    pub fn standing(&self, key: KeyNumber) -> Option<Standing> {
        let is_doubtful = self.is_doubtful();
        if key == self.current {
            let standing = if is_doubtful {
                Standing::DoubtfulOld
            } else {
                Standing::Current
            };
            return Some(standing);
        }
        let standing = if is_doubtful {
            Standing::DoubtfulNew
        } else {
            Standing::Next
        };
        (self.next() == Some(key)).then_some(standing)
    }

    fn trials(&self) -> Option<(Trial, Trial)> {
        match self.change?.stage {
            Stage::Doubtful { old, new, .. } => Some((old, new)),
            Stage::Prepared => None,
        }
    }

    /// The key whose turn it is, and whether it is tried for the first time.
    fn turn(&self) -> (KeyNumber, bool) {
        let Some(Change {
            next,
            stage: Stage::Doubtful { old, new, was_new },
        }) = self.change
        else {
            return (self.current, true);
        };
        let (first, second) = if was_new {
            ((self.current, old), (next, new))
        } else {
            ((next, new), (self.current, old))
        };
        let of = |wanted: Trial| {
            [first, second]
                .into_iter()
                .find(|(_, trial)| *trial == wanted)
        };
        match (of(Trial::Untried), of(Trial::Begun)) {
            (Some((key, _)), _) => (key, true),
            (None, Some((key, _))) => (key, false),
            // Never stored so: two refusals begin a new round.
            (None, None) => (next, false),
        }
    }

    /// A key that shall replace the present one.
    pub fn prepare(&mut self, next: KeyNumber) -> Result<(), RingFault> {
        self.begin_change(next, Stage::Prepared)
    }

    /// A key that the meter has, somebody says: it is tried before the present one, which stays
    /// until then.
    pub fn offer(&mut self, next: KeyNumber) -> Result<(), RingFault> {
        self.begin_change(next, UNTRIED)?;
        self.refusals = 0;
        Ok(())
    }

    fn begin_change(&mut self, next: KeyNumber, stage: Stage) -> Result<(), RingFault> {
        if self.change.is_some() {
            return Err(RingFault::Changing);
        }
        if next == self.current {
            return Err(RingFault::Stranger(next));
        }
        self.change = Some(Change { next, stage });
        Ok(())
    }

    /// The meter is about to be told the prepared key. This must be on the disk before the first
    /// octet is sent: from then on the meter may have either.
    pub fn send(&mut self) -> Result<KeyNumber, RingFault> {
        match &mut self.change {
            Some(change) if change.stage == Stage::Prepared => {
                change.stage = UNTRIED;
                Ok(change.next)
            }
            _ => Err(RingFault::NotAtThatStage),
        }
    }

    /// The meter has refused to take the key that was sent, in an answer protected with the old
    /// one, or it was never told. The change has not happened; the key to drop is returned.
    pub fn roll_back(&mut self) -> Result<KeyNumber, RingFault> {
        match self.change {
            Some(change) if change.stage == Stage::Prepared || change.stage == UNTRIED => {
                self.change = None;
                Ok(change.next)
            }
            _ => Err(RingFault::NotAtThatStage),
        }
    }

    /// A person has done something: everything may be tried again at once.
    pub fn retry_now(&mut self) {
        self.refusals = 0;
        if let Some(change) = &mut self.change
            && change.stage != Stage::Prepared
        {
            change.stage = UNTRIED;
        }
    }

    /// Which key to open the next session with.
    pub fn choose(&self, now: Timestamp) -> Choice {
        let (key, is_first) = self.turn();
        if is_first && self.refusals == 0 {
            Choice::Try(key)
        } else {
            self.later(key, now)
        }
    }

    /// The key, if the pause is over. A clock that was set back does not lengthen it.
    fn later(&self, key: KeyNumber, now: Timestamp) -> Choice {
        let until = self.at.after(self.pause());
        if now >= until || now < self.at {
            Choice::Try(key)
        } else {
            Choice::Rest { until }
        }
    }

    /// Doubled with each refusal.
    fn pause(&self) -> Duration {
        let doublings = u32::from(self.refusals.saturating_sub(1));
        let pause = REFUSED_PAUSE_FIRST.saturating_mul(2_u32.saturating_pow(doublings));
        pause.min(REFUSED_PAUSE_MAX)
    }

    /// Notes an attempt, and says whether that must be on the disk before it is made: in doubt, and
    /// after a refusal, an attempt that a crash made forgotten would be made again.
    pub fn begin(&mut self, key: KeyNumber, now: Timestamp) -> Result<bool, RingFault> {
        let current = self.current;
        if let Some(change) = &mut self.change
            && let Stage::Doubtful { old, new, was_new } = &mut change.stage
        {
            let trial = match key {
                key if key == change.next => new,
                key if key == current => old,
                key => return Err(RingFault::Stranger(key)),
            };
            *trial = Trial::Begun;
            *was_new = key == change.next;
            self.at = now;
            return Ok(true);
        }
        if key != current {
            return Err(RingFault::Stranger(key));
        }
        if self.refusals > 0 {
            self.at = now;
        }
        Ok(self.refusals > 0)
    }

    /// Notes how an attempt ended. A key that is to be dropped is returned.
    pub fn judge(
        &mut self,
        key: KeyNumber,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<Option<KeyNumber>, RingFault> {
        let current = self.current;
        let Some(change) = &mut self.change else {
            return self.judge_settled(key, verdict, now).map(|()| None);
        };
        let Stage::Doubtful { old, new, .. } = &mut change.stage else {
            return self.judge_settled(key, verdict, now).map(|()| None);
        };
        let next = change.next;
        let (trial, other) = match key {
            key if key == next => (new, current),
            key if key == current => (old, next),
            key => return Err(RingFault::Stranger(key)),
        };
        match verdict {
            Verdict::Proven => {
                *self = Self::new(key);
                return Ok(Some(other));
            }
            Verdict::Silent => *trial = Trial::Untried,
            Verdict::Refused => {
                *trial = Trial::Refused;
                self.at = now;
            }
        }
        if self.trials() == Some((Trial::Refused, Trial::Refused)) {
            self.refusals = self.refusals.saturating_add(1);
            self.change = Some(Change {
                next,
                stage: UNTRIED,
            });
        }
        Ok(None)
    }

    fn judge_settled(
        &mut self,
        key: KeyNumber,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<(), RingFault> {
        if key != self.current {
            return Err(RingFault::Stranger(key));
        }
        match verdict {
            Verdict::Proven => self.refusals = 0,
            Verdict::Refused => {
                self.refusals = self.refusals.saturating_add(1);
                self.at = now;
            }
            Verdict::Silent => {}
        }
        Ok(())
    }
}

/// A change of which nothing is known.
const UNTRIED: Stage = Stage::Doubtful {
    old: Trial::Untried,
    new: Trial::Untried,
    was_new: false,
};

#[cfg(test)]
mod tests;
