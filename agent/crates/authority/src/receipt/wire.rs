//! The payload of a receipt. Later versions may add keys; those that are not known are ignored.

use super::{MeterProof, Proof, Receipt, ReceiptFault};
use crate::command::{CommandId, ObjectState};
use crate::gates::Door;
use crate::limits::{
    NUMBER_MAX, RECEIPT_METERS_MAX, RECEIPT_TEXT_BYTES_MAX, SECONDS_MAX, SIGNERS_MAX, WHO_BYTES_MAX,
};
use crate::public_key::{Algorithm, PublicKey};
use crate::state::CommandState;
use crate::strict::{self, Map};
use metering::Timestamp;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

#[derive(Serialize, Deserialize)]
struct Wire {
    id: ByteArray<16>,
    n: u64,
    state: String,
    at: u64,
    step: u32,
    #[serde(default)]
    steps: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    msg: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    now: Option<Map<NowWire>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ev: Option<ByteArray<32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proof: Option<Map<ProofWire>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<ByteArray<32>>,
}

#[derive(Serialize, Deserialize)]
struct NowWire {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ver: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha: Option<ByteArray<32>>,
}

#[derive(Serialize, Deserialize)]
struct ProofWire {
    who: Vec<String>,
    door: String,
    from: u64,
    to: u64,
    m: Vec<Map<MeterWire>>,
}

#[derive(Serialize, Deserialize)]
struct MeterWire {
    m: String,
    state: String,
    steps: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bef: Option<ByteArray<32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aft: Option<ByteArray<32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pc: Option<(u64, u64)>,
}

type Found<T> = Result<T, ReceiptFault>;

impl Receipt {
    pub(super) fn encode(&self) -> Found<Vec<u8>> {
        let now = self.now.map(|now| {
            Map(NowWire {
                ver: now.version,
                sha: now.sha256.map(ByteArray::new),
            })
        });
        let wire = Wire {
            id: ByteArray::new(self.id.bytes()),
            n: self.number,
            state: self.state.word().to_owned(),
            at: self.at.millis(),
            step: self.step,
            steps: self.steps,
            code: self.code.clone(),
            msg: self.text.clone(),
            now,
            ev: self.evidence.map(ByteArray::new),
            proof: self.proof.as_ref().map(|proof| Map(ProofWire::of(proof))),
            key: match &self.next_key {
                Some(key) => Some(ByteArray::new(
                    key.bytes().try_into().map_err(|_| bad("key"))?,
                )),
                None => None,
            },
        };
        let bytes = strict::encode(&wire).map_err(|_| bad("rs"))?;
        // What is signed must be what every reader takes.
        if Self::decode(&bytes)? == *self {
            Ok(bytes)
        } else {
            Err(bad("rs"))
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Found<Self> {
        let wire: Wire = strict::decode(bytes).map_err(|_| bad("rs"))?;
        check(wire.n <= NUMBER_MAX, "n")?;
        let state = CommandState::from_word(&wire.state).ok_or(bad("state"))?;
        let is_short = |text: &Option<String>| {
            let length = text.as_ref().map_or(0, String::len);
            length <= RECEIPT_TEXT_BYTES_MAX
        };
        check(is_short(&wire.code), "code")?;
        check(is_short(&wire.msg), "msg")?;
        check(wire.steps == 0 || wire.step <= wire.steps, "step")?;
        let is_proven = wire.proof.is_some() || state != CommandState::Succeeded;
        check(is_proven, "proof")?;
        let proof = wire.proof.map(|Map(proof)| proof.read()).transpose()?;
        let next_key = wire.key.map(|key| {
            let key = PublicKey::new(Algorithm::Ed25519, &key.into_array());
            key.map_err(|_| bad("key"))
        });
        Ok(Self {
            id: CommandId::new(wire.id.into_array()),
            number: wire.n,
            state,
            at: time(wire.at, "at")?,
            step: wire.step,
            steps: wire.steps,
            code: wire.code,
            text: wire.msg,
            now: wire.now.map(|Map(now)| ObjectState {
                version: now.ver,
                sha256: now.sha.map(ByteArray::into_array),
            }),
            evidence: wire.ev.map(ByteArray::into_array),
            proof,
            next_key: next_key.transpose()?,
        })
    }
}

impl ProofWire {
    fn of(proof: &Proof) -> Self {
        let meters = proof.meters.iter().map(|meter| {
            Map(MeterWire {
                m: meter.meter.to_string(),
                state: meter.state.word().to_owned(),
                steps: meter.steps,
                bef: meter.before.map(ByteArray::new),
                aft: meter.after.map(ByteArray::new),
                pc: meter.programmed,
            })
        });
        Self {
            who: proof.who.clone(),
            door: proof.door.word().to_owned(),
            from: proof.begun.millis(),
            to: proof.ended.millis(),
            m: meters.collect(),
        }
    }

    fn read(self) -> Found<Proof> {
        let is_name = |who: &String| (1..=WHO_BYTES_MAX).contains(&who.len());
        check((1..=SIGNERS_MAX).contains(&self.who.len()), "who")?;
        check(self.who.iter().all(is_name), "who")?;
        check(self.m.len() <= RECEIPT_METERS_MAX, "m")?;
        check(self.from <= self.to, "to")?;
        let meters = self.m.into_iter().map(|Map(meter)| {
            Ok(MeterProof {
                meter: meter.m.parse().map_err(|_| bad("m"))?,
                state: CommandState::from_word(&meter.state).ok_or(bad("state"))?,
                steps: meter.steps,
                before: meter.bef.map(ByteArray::into_array),
                after: meter.aft.map(ByteArray::into_array),
                programmed: meter.pc,
            })
        });
        Ok(Proof {
            who: self.who,
            door: Door::from_word(&self.door).ok_or(bad("door"))?,
            begun: time(self.from, "from")?,
            ended: time(self.to, "to")?,
            meters: meters.collect::<Found<_>>()?,
        })
    }
}

fn time(millis: u64, key: &'static str) -> Found<Timestamp> {
    check(millis / 1000 <= SECONDS_MAX, key)?;
    Ok(Timestamp::from_millis(millis))
}

const fn bad(key: &'static str) -> ReceiptFault {
    ReceiptFault::Content { key }
}

const fn check(holds: bool, key: &'static str) -> Found<()> {
    if holds { Ok(()) } else { Err(bad(key)) }
}
