//! Replacing a key in a meter: made, noted as on its way, sent, and left to the next session to prove.

use super::{KeyRoom, KeyTrouble, MeterKeys};
use dlms::codec::ActionResult;
use dlms::conversation::{KeyRole, Session, SessionFault};
use dlms::security::{CounterKeeper, Key, Suite};
use line::Line;
use metering::{MeterId, Timestamp};
use storage::keys::KeyKind;

/// A change of a key that the meter has not been told of.
#[derive(Debug)]
pub struct Rotation {
    meter: MeterId,
    kind: KeyKind,
    role: KeyRole,
    key: Key,
    master: Key,
}

/// How far a change came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotated {
    /// The meter says that it has taken the new key. The next session begins with it; the old one
    /// goes when that session has proven the new one.
    Taken,
    /// The meter says, under the old key's protection, that it has not. The new key is dropped.
    Refused(ActionResult),
}

/// Why a change did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum RotationFault {
    /// Before or behind the meter: the file of keys.
    #[error(transparent)]
    Keys(#[from] KeyTrouble),
    /// Nothing was sent: this session cannot carry keys.
    #[error("this session cannot carry keys")]
    Unfit(#[source] SessionFault),
    /// The session failed while the key was on its way: the meter may have either, and the next
    /// sessions find out which.
    #[error(
        "the meter was sent a new key, and whether it took it is not known; the next sessions try both keys"
    )]
    Doubtful(#[source] SessionFault),
}

impl KeyRoom {
    /// Makes a key that shall replace the meter's present one, with what it is wrapped in.
    pub fn begin_rotation(
        &mut self,
        meter: &MeterId,
        kind: KeyKind,
        suite: Suite,
        now: Timestamp,
    ) -> Result<Rotation, KeyTrouble> {
        let role = match kind {
            KeyKind::Encryption => KeyRole::Encryption,
            KeyKind::Authentication => KeyRole::Authentication,
            // No session would prove that the meter has taken it.
            KeyKind::Wrapping | KeyKind::Password => return Err(KeyTrouble::NotReplaceable(kind)),
        };
        let wrapping = self.with(|file| file.ring(meter, KeyKind::Wrapping))?;
        let master = self.secret(wrapping.current())?;
        let master = Key::new(suite, master.reveal())?;
        let ring = self.with(|file| file.ring(meter, kind))?;
        if ring.next().is_some() && !ring.is_doubtful() {
            // The power failed after it was made and before the meter was told.
            self.with(|file| file.roll_back(meter, kind))?;
        }
        let number = self.prepare(meter, kind, suite, now)?;
        let key = Key::new(suite, self.secret(number)?.reveal())?;
        Ok(Rotation {
            meter: meter.clone(),
            kind,
            role,
            key,
            master,
        })
    }
}

impl MeterKeys {
    /// Replaces a key of the meter that this session is with. Close the session afterwards, whatever
    /// came of it.
    pub async fn rotate<L: Line, K: CounterKeeper>(
        &self,
        session: &mut Session<'_, L, K>,
        meter: &MeterId,
        (kind, suite): (KeyKind, Suite),
        now: Timestamp,
    ) -> Result<Rotated, RotationFault> {
        let name = meter.clone();
        let rotation = self
            .0
            .ask(move |room| room.begin_rotation(&name, kind, suite, now))
            .await?;
        let name = meter.clone();
        self.0
            .ask(move |room| room.with(|file| file.send(&name, kind)))
            .await?;
        let sent = session.transfer_key(rotation.role, &rotation.key, &rotation.master);
        match sent.await {
            Ok(ActionResult::Success) => Ok(Rotated::Taken),
            Ok(result) => {
                self.take_back(&rotation).await?;
                Ok(Rotated::Refused(result))
            }
            // It was refused on this side: not an octet was sent.
            Err(fault @ SessionFault::NotAgreed { .. }) => {
                self.take_back(&rotation).await?;
                Err(RotationFault::Unfit(fault))
            }
            Err(fault) => Err(RotationFault::Doubtful(fault)),
        }
    }

    async fn take_back(&self, rotation: &Rotation) -> Result<(), KeyTrouble> {
        let (meter, kind) = (rotation.meter.clone(), rotation.kind);
        let back = self
            .0
            .ask(move |room| room.with(|file| file.roll_back(&meter, kind)));
        back.await
    }
}
