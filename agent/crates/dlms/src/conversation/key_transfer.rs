//! Giving a meter a new key.

use line::Line;

use super::fault::{SessionFault, Step};
use super::session::Session;
use crate::codec::{ActionResult, Data, LogicalName, Method};
use crate::security::{CounterKeeper, Key};

/// The security set-up of the current association: its method takes wrapped keys.
const KEY_TRANSFER: Method = Method {
    class: 64,
    name: LogicalName::SECURITY_SETUP,
    number: 2,
};

/// What a key is for, as the meter is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyRole {
    /// Global unicast encryption key.
    Encryption,
    /// Authentication key.
    Authentication,
    /// Master key.
    Master,
}

impl KeyRole {
    /// Its number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Encryption => 0,
            Self::Authentication => 2,
            Self::Master => 3,
        }
    }
}

impl<L: Line, K: CounterKeeper> Session<'_, L, K> {
    /// Gives the meter a new key, wrapped with its master key. A result is the meter's own word: it
    /// came under the protection of the present keys.
    ///
    /// After a failure the meter may have either key. Some meters take the new one at once, others
    /// with the next association: close the session, whatever came of it.
    pub async fn transfer_key(
        &mut self,
        role: KeyRole,
        key: &Key,
        master: &Key,
    ) -> Result<ActionResult, SessionFault> {
        let step = Step::Action;
        if !self.is_ciphered {
            let service = "ciphered APDUs, without which nobody can tell who answers";
            return Err(SessionFault::NotAgreed { step, service });
        }
        let wrapped = key.wrapped(master);
        let wrapped = wrapped.map_err(|fault| SessionFault::Security { step, fault })?;
        let transferred = Data::Array(vec![Data::Structure(vec![
            Data::Enum(role.number()),
            Data::OctetString(wrapped),
        ])]);
        let (result, _) = self.act(KEY_TRANSFER, Some(&transferred)).await?;
        Ok(result)
    }
}
