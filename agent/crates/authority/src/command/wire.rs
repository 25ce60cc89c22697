//! The payload of a command.

use super::{Bounds, Command, CommandId, ObjectState};
use crate::action::{ActionFault, ActionWire, Blob};
use crate::limits::{ATTEMPTS_MAX, COMMAND_BYTES_MAX, LIFE_SECONDS_MAX, NUMBER_MAX, SECONDS_MAX};
use crate::rejection::CommandRejection;
use crate::strict::{self, Map};
use metering::Timestamp;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use sha2::{Digest, Sha256};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    id: ByteArray<16>,
    g: String,
    e: ByteArray<8>,
    n: u64,
    iat: u64,
    nbf: u64,
    exp: u64,
    op: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    m: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pre: Option<Map<PreWire>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arg: Option<ByteBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    argh: Option<ByteArray<32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blob: Option<(ByteArray<32>, u64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lim: Option<Map<LimWire>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PreWire {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ver: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha: Option<ByteArray<32>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimWire {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    win: Option<(u64, u64)>,
    #[serde(default, rename = "try", skip_serializing_if = "Option::is_none")]
    attempts: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<u64>,
}

type Found<T> = Result<T, CommandRejection>;

/// The name and number of a payload that is otherwise not understood, so that its receipt can name
/// them. Unknown keys are no obstacle here.
#[derive(Deserialize)]
struct NamesWire {
    id: ByteArray<16>,
    n: u64,
}

impl Command {
    /// The bytes that are signed.
    pub fn encode(&self) -> Found<Vec<u8>> {
        let action = ActionWire::of(&self.action)?;
        let argh = action.arg.as_ref();
        let argh = argh.map(|bytes| ByteArray::new(Sha256::digest(bytes).into()));
        let precondition = self.precondition.map(|pre| {
            Map(PreWire {
                ver: pre.version,
                sha: pre.sha256.map(ByteArray::new),
            })
        });
        let bounds = (self.bounds != Bounds::default()).then(|| {
            let window = self.bounds.window;
            Map(LimWire {
                win: window.map(|(from, to)| (from.seconds(), to.seconds())),
                attempts: self.bounds.attempts,
                by: self.bounds.done_by.map(Timestamp::seconds),
            })
        });
        let wire = Wire {
            id: ByteArray::new(self.id.bytes()),
            g: self.gateway.to_string(),
            e: ByteArray::new(self.epoch),
            n: self.number,
            iat: self.issued.seconds(),
            nbf: self.not_before.seconds(),
            exp: self.expires.seconds(),
            op: action.op,
            m: action.meter,
            pre: precondition,
            arg: action.arg.map(ByteBuf::from),
            argh,
            blob: action
                .blob
                .map(|blob| (ByteArray::new(blob.sha256), blob.size)),
            lim: bounds,
        };
        let bytes = strict::encode(&wire).map_err(|_| bad("arg"))?;
        // What is written must be what every reader takes.
        if Self::decode(&bytes)? == self.whole_seconds() {
            Ok(bytes)
        } else {
            Err(bad("arg"))
        }
    }

    /// Reads the bytes that were signed, or that a local door was handed. That proves nothing of who did.
    pub fn decode(bytes: &[u8]) -> Found<Self> {
        if bytes.len() > COMMAND_BYTES_MAX {
            let (found, limit) = (bytes.len(), COMMAND_BYTES_MAX);
            return Err(CommandRejection::TooLarge { found, limit });
        }
        let wire: Wire = strict::decode(bytes).map_err(|_| CommandRejection::NotACommand)?;
        check((1..=NUMBER_MAX).contains(&wire.n), "n")?;
        check(wire.nbf <= wire.exp && wire.exp <= SECONDS_MAX, "exp")?;
        check(wire.iat <= wire.exp, "iat")?;
        check(wire.exp - wire.nbf <= LIFE_SECONDS_MAX, "exp")?;
        if let Some(hash) = &wire.argh {
            let of = wire.arg.as_ref().ok_or(bad("argh"))?;
            let found: [u8; 32] = Sha256::digest(of.as_slice()).into();
            check(hash.into_array() == found, "argh")?;
        }
        let blob = wire.blob.map(|(sha, size)| {
            let sha256 = sha.into_array();
            Blob { sha256, size }.check()
        });
        let precondition = wire.pre.map(|Map(pre)| ObjectState {
            version: pre.ver,
            sha256: pre.sha.map(ByteArray::into_array),
        });
        let bounds = wire.lim.map(|Map(lim)| read_bounds(&lim)).transpose()?;
        let action = ActionWire {
            op: wire.op,
            meter: wire.m,
            arg: wire.arg.map(ByteBuf::into_vec),
            blob: blob.transpose()?,
        };
        Ok(Self {
            id: CommandId::new(wire.id.into_array()),
            gateway: wire.g.parse().map_err(|_| bad("g"))?,
            epoch: wire.e.into_array(),
            number: wire.n,
            issued: Timestamp::from_seconds(wire.iat),
            not_before: Timestamp::from_seconds(wire.nbf),
            expires: Timestamp::from_seconds(wire.exp),
            action: action.read()?,
            precondition,
            bounds: bounds.unwrap_or_default(),
        })
    }

    /// Name and number, where at least these can be read.
    pub(crate) fn names(bytes: &[u8]) -> Option<(CommandId, u64)> {
        let wire: NamesWire = strict::decode(bytes).ok()?;
        Some((CommandId::new(wire.id.into_array()), wire.n))
    }

    fn whole_seconds(&self) -> Self {
        let whole = |at: Timestamp| Timestamp::from_seconds(at.seconds());
        let bounds = Bounds {
            window: self
                .bounds
                .window
                .map(|(from, to)| (whole(from), whole(to))),
            attempts: self.bounds.attempts,
            done_by: self.bounds.done_by.map(whole),
        };
        let mut action = self.action.clone();
        match &mut action {
            crate::Action::GatewayTimeSet { to, .. } => *to = whole(*to),
            crate::Action::ProfileBackfill { from, to, .. } => {
                *from = whole(*from);
                *to = whole(*to);
            }
            _ => {}
        }
        Self {
            issued: whole(self.issued),
            not_before: whole(self.not_before),
            expires: whole(self.expires),
            action,
            bounds,
            ..self.clone()
        }
    }
}

fn read_bounds(lim: &LimWire) -> Found<Bounds> {
    let proper = |(from, to): (u64, u64)| from < to && to <= SECONDS_MAX;
    check(lim.win.is_none_or(proper), "lim")?;
    check(lim.by.is_none_or(|by| by <= SECONDS_MAX), "lim")?;
    let attempts = |count: u8| (1..=ATTEMPTS_MAX).contains(&count);
    check(lim.attempts.is_none_or(attempts), "lim")?;
    let at = Timestamp::from_seconds;
    Ok(Bounds {
        window: lim.win.map(|(from, to)| (at(from), at(to))),
        attempts: lim.attempts,
        done_by: lim.by.map(at),
    })
}

impl From<ActionFault> for CommandRejection {
    fn from(fault: ActionFault) -> Self {
        match fault {
            ActionFault::Unsupported => Self::Unsupported,
            ActionFault::Argument(key) => bad(key),
        }
    }
}

const fn bad(key: &'static str) -> CommandRejection {
    CommandRejection::BadArguments { key }
}

const fn check(holds: bool, key: &'static str) -> Found<()> {
    if holds { Ok(()) } else { Err(bad(key)) }
}
