//! Which commands take whom: signed by a root key, or the strict one that is built in.

use crate::OperatorKey;
use crate::action::Action;
use crate::command::Now;
use crate::cose::Purpose;
use crate::limits::{NUMBER_MAX, POLICY_BYTES_MAX, SECONDS_MAX, SIGNERS_MAX};
use crate::operation::Operation;
use crate::people::Role;
use crate::signed_set::{Held, RootKeys, SetFault, judge, prove};
use crate::strict::{self, Map};
use metering::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const POLICY: Purpose = Purpose {
    domain: "gw-policy/1",
    content_type: "application/vnd.pmu.gw-policy+cbor",
    bytes_max: POLICY_BYTES_MAX,
};

/// Whom one operation takes. Each role named takes a person of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// In the ordinary case; the first one is who does it.
    pub need: Vec<Role>,
    /// Beyond a threshold.
    pub more: Option<Vec<Role>>,
    /// More meters than this are beyond.
    pub meters_max: Option<u32>,
    /// A longer step of a clock is beyond.
    pub step_max_s: Option<u32>,
}

/// What a policy says; [`Policy`] is one that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyContent {
    /// Only rises; 0 is the built-in one.
    pub version: u64,
    /// When it was made.
    pub issued: Timestamp,
    /// After that the built-in one holds again.
    pub expires: Timestamp,
    /// Operations that it does not name have the built-in rule.
    pub rules: BTreeMap<Operation, Rule>,
}

/// The policy that this gateway follows.
#[derive(Debug, Clone)]
pub struct Policy {
    content: PolicyContent,
    digest: [u8; 32],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    v: u64,
    ver: u64,
    iat: u64,
    exp: u64,
    rules: Vec<Map<RuleWire>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleWire {
    op: String,
    need: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    more: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    meters: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<u32>,
}

impl Rule {
    /// The built-in rule: two people wherever a mistake or a stolen key would cost most.
    pub fn built_in(operation: Operation) -> Self {
        let one = |role| Self {
            need: vec![role],
            more: None,
            meters_max: None,
            step_max_s: None,
        };
        let two = |first| Self {
            need: vec![first, Role::Approver],
            ..one(first)
        };
        let more = Some(vec![Role::Operator, Role::Approver]);
        match operation {
            Operation::Nop => one(Role::Viewer),
            // A list may hold any number of meters, and a scheme may already stand in lists.
            // What stopped half-way is looked at by two before it goes on.
            Operation::ListPut
            | Operation::ListRun
            | Operation::SchemeResume
            | Operation::SchemeRestore => two(Role::Operator),
            Operation::SchemeProgram | Operation::TariffSet => Self {
                more,
                meters_max: Some(1),
                ..one(Role::Operator)
            },
            Operation::TimeSet | Operation::TimeAdjust => Self {
                more,
                step_max_s: Some(30),
                ..one(Role::Operator)
            },
            Operation::PasswordChange
            | Operation::KeyRotate
            | Operation::CfgSet
            | Operation::OtaInstall => two(Role::Administrator),
            Operation::AgentRestart => one(Role::Administrator),
            _ => one(Role::Operator),
        }
    }

    /// Whom it takes within its bounds.
    pub(crate) fn need(&self) -> &[Role] {
        &self.need
    }

    /// Whom this very action takes.
    pub(crate) fn needed(&self, action: &Action) -> &[Role] {
        let meters = u32::try_from(action.meters().len()).unwrap_or(u32::MAX);
        let is_many = self.meters_max.is_some_and(|most| meters > most);
        let is_far = |step| self.step_max_s.is_some_and(|most| step > most);
        let is_beyond = is_many || action.step_max_s().is_some_and(is_far);
        match &self.more {
            Some(more) if is_beyond => more,
            _ => &self.need,
        }
    }
}

impl PolicyContent {
    /// Signs it with a root key.
    pub fn sign(&self, root: &OperatorKey) -> Result<Vec<u8>, SetFault> {
        let roles = |roles: &[Role]| roles.iter().map(Role::to_string).collect();
        let rules = self.rules.iter().map(|(operation, rule)| {
            Map(RuleWire {
                op: operation.to_string(),
                need: roles(&rule.need),
                more: rule.more.as_deref().map(roles),
                meters: rule.meters_max,
                step: rule.step_max_s,
            })
        });
        let wire = Wire {
            v: 1,
            ver: self.version,
            iat: self.issued.seconds(),
            exp: self.expires.seconds(),
            rules: rules.collect(),
        };
        let payload = strict::encode(&wire).map_err(|_| content("rules"))?;
        Self::decode(&payload)?;
        Ok(POLICY.seal(root, "", &payload)?)
    }

    pub(crate) fn decode(payload: &[u8]) -> Result<Self, SetFault> {
        let wire: Wire = strict::decode(payload).map_err(|_| content("rules"))?;
        check(wire.v == 1, "v")?;
        check((1..=NUMBER_MAX).contains(&wire.ver), "ver")?;
        check(wire.iat < wire.exp && wire.exp <= SECONDS_MAX, "exp")?;
        let mut rules = BTreeMap::new();
        for Map(rule) in wire.rules {
            // A rule for what is not known here would be a promise that nobody keeps.
            let operation = Operation::from_word(&rule.op).ok_or(content("op"))?;
            let rule = rule.read()?;
            check(rules.insert(operation, rule).is_none(), "op")?;
        }
        Ok(Self {
            version: wire.ver,
            issued: Timestamp::from_seconds(wire.iat),
            expires: Timestamp::from_seconds(wire.exp),
            rules,
        })
    }
}

impl RuleWire {
    fn read(self) -> Result<Rule, SetFault> {
        let roles = |words: &[String], key| {
            let roles: Option<Vec<Role>> = words.iter().map(|word| Role::from_word(word)).collect();
            let is_few = |roles: &Vec<Role>| (1..=SIGNERS_MAX).contains(&roles.len());
            roles.filter(is_few).ok_or(content(key))
        };
        let has_threshold = self.meters.is_some() || self.step.is_some();
        check(self.more.is_some() == has_threshold, "more")?;
        let more = self.more.as_deref().map(|words| roles(words, "more"));
        Ok(Rule {
            need: roles(&self.need, "need")?,
            more: more.transpose()?,
            meters_max: self.meters,
            step_max_s: self.step,
        })
    }
}

impl Policy {
    /// What holds where no root key has said otherwise.
    pub fn built_in() -> Self {
        Self {
            content: PolicyContent {
                version: 0,
                issued: Timestamp::default(),
                expires: Timestamp::from_seconds(SECONDS_MAX),
                rules: BTreeMap::new(),
            },
            digest: [0; 32],
        }
    }

    /// Takes a policy that came in: signed by a root key, newer than what the gateway has (or the
    /// very same), and not expired.
    pub fn open(
        roots: &RootKeys,
        bytes: &[u8],
        held: Option<Held>,
        now: &Now,
    ) -> Result<Self, SetFault> {
        let policy = Self::recall(roots, bytes)?;
        judge(policy.held(), policy.content.expires, held, now)?;
        Ok(policy)
    }

    /// Reads what the gateway itself kept; once expired, its rules are the built-in ones.
    pub fn recall(roots: &RootKeys, bytes: &[u8]) -> Result<Self, SetFault> {
        let proven = prove(POLICY, roots, bytes)?;
        Ok(Self {
            content: PolicyContent::decode(&proven.payload)?,
            digest: proven.digest,
        })
    }

    /// What later ones are compared with.
    pub const fn held(&self) -> Held {
        Held {
            version: self.content.version,
            digest: self.digest,
        }
    }

    /// What it says.
    pub const fn content(&self) -> &PolicyContent {
        &self.content
    }

    /// The rule for an operation at this time.
    pub fn rule(&self, operation: Operation, now: &Now) -> Rule {
        let own = self.content.rules.get(&operation).cloned();
        let own = own.filter(|_| !now.is_past(self.content.expires));
        own.unwrap_or_else(|| Rule::built_in(operation))
    }
}

const fn content(key: &'static str) -> SetFault {
    SetFault::Content { key }
}

const fn check(holds: bool, key: &'static str) -> Result<(), SetFault> {
    if holds { Ok(()) } else { Err(content(key)) }
}

#[cfg(test)]
mod tests;
