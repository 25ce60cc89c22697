//! New keys for a meter: one session gives it a key, the next one proves which key it has.

use super::session::Sitting;
use crate::config::DlmsProof;
use crate::tasks::keykeeper::{KeyTrouble, MeterKeys, Rotated, RotationFault};
use crate::tasks::storekeeper::{Record, Urgency};
use desk::{KeyChangeEnd, KeyChanged, Outcome};
use dlms::security::Suite;
use line::Line;
use meters::dlms::DlmsFault;
use std::collections::VecDeque;
use storage::keys::{KeyKind, KeyNumber};

/// How far a change of keys is.
#[derive(Debug)]
pub(super) struct KeyChange {
    left: VecDeque<KeyKind>,
    /// The key that is on its way, and the one that it shall replace.
    open: Option<(KeyKind, KeyNumber)>,
    ended: Vec<KeyChanged>,
    /// What is wrong with the file of keys.
    pub(super) trouble: Option<KeyTrouble>,
}

impl KeyChange {
    pub(super) fn new(encryption: bool, authentication: bool) -> Self {
        let wanted = [
            (encryption, KeyKind::Encryption),
            (authentication, KeyKind::Authentication),
        ];
        let left = wanted.into_iter().filter(|(is_wanted, _)| *is_wanted);
        Self {
            left: left.map(|(_, kind)| kind).collect(),
            open: None,
            ended: Vec::new(),
            trouble: None,
        }
    }

    pub(super) fn is_in_doubt(&self) -> bool {
        self.open.is_some()
    }

    /// What is known while no session comes about. The file of keys settles the rest.
    pub(super) fn doubt(mut self) -> Outcome {
        if let Some((kind, _)) = self.open {
            self.end(kind, KeyChangeEnd::InDoubt, String::new());
        }
        Outcome::KeysChanged(self.ended)
    }

    fn end(&mut self, kind: KeyKind, end: KeyChangeEnd, words: String) {
        let kind = kind.to_string();
        self.ended.push(KeyChanged { kind, end, words });
    }
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Goes on with a change of keys; nothing while another session is needed.
    pub(super) async fn change_keys(
        &mut self,
        change: &mut KeyChange,
        keys: &MeterKeys,
    ) -> Result<Option<Outcome>, DlmsFault> {
        if let Err(trouble) = self.settle(change, keys).await {
            change.trouble = Some(trouble);
            return Ok(None);
        }
        if let (&DlmsProof::Keys(suite), Some(kind)) =
            (&self.book.dlms.proof, change.left.pop_front())
        {
            self.send_key(change, keys, (kind, suite)).await?;
        }
        let is_over = change.open.is_none() && change.left.is_empty() && change.trouble.is_none();
        Ok(is_over.then(|| Outcome::KeysChanged(std::mem::take(&mut change.ended))))
    }

    /// This session was opened, so the ring knows which key the meter has.
    async fn settle(&mut self, change: &mut KeyChange, keys: &MeterKeys) -> Result<(), KeyTrouble> {
        let Some((kind, before)) = change.open else {
            return Ok(());
        };
        let (current, is_open) = keys.standing(self.book.id(), kind).await?;
        let (end, words) = match (is_open, current == before) {
            (true, _) => (KeyChangeEnd::InDoubt, "in doubt"),
            (false, false) => (KeyChangeEnd::Rotated, "proven by a session"),
            (false, true) => (KeyChangeEnd::Refused, "the meter goes on with the old key"),
        };
        change.open = None;
        change.end(kind, end, String::new());
        self.audit("key change ended", kind, words).await;
        Ok(())
    }

    async fn send_key(
        &mut self,
        change: &mut KeyChange,
        keys: &MeterKeys,
        (kind, suite): (KeyKind, Suite),
    ) -> Result<(), DlmsFault> {
        let meter = self.book.id().clone();
        let before = match keys.standing(&meter, kind).await {
            Ok((before, _)) => before,
            Err(trouble) => {
                change.trouble = Some(trouble);
                return Ok(());
            }
        };
        self.audit("key change begun", kind, "a new key is made and sent")
            .await;
        // Whatever cuts this off from here on, the meter may have either key.
        change.open = Some((kind, before));
        let now = self.desk.clock.now().utc;
        let session = self.visit.session();
        let why = match keys.rotate(session, &meter, (kind, suite), now).await {
            Ok(Rotated::Taken) => return Ok(()),
            Err(RotationFault::Doubtful(fault)) => return Err(DlmsFault::Session(fault)),
            Ok(Rotated::Refused(result)) => format!("the meter says: {result}"),
            Err(RotationFault::Unfit(fault)) => fault.to_string(),
            Err(RotationFault::Keys(trouble)) => {
                let why = trouble.to_string();
                change.open = None;
                change.trouble = Some(trouble);
                self.audit("key change failed", kind, &why).await;
                return Ok(());
            }
        };
        change.open = None;
        self.audit("key change refused", kind, &why).await;
        change.end(kind, KeyChangeEnd::Refused, why);
        Ok(())
    }

    async fn audit(&self, what: &str, kind: KeyKind, why: &str) {
        let record = Record::Audit {
            who: "gateway".to_owned(),
            what: what.to_owned(),
            detail: format!("{kind} of {}: {why}", self.book.id()),
        };
        self.desk.store.keep(vec![record], Urgency::Soon).await;
    }
}
