//! Actions as the contract writes them: `op`, `m`, `arg`, `blob`.

use super::{Action, Blob, Document, RotatedKey};
use crate::command::CommandId;
use crate::library_name::LibraryName;
use crate::limits::{BLOB_BYTES_MAX, METERS_MAX, NUMBER_MAX, SEALED_BYTES_MAX, SECONDS_MAX};
use crate::operation::Operation;
use crate::strict;
use metering::{MeterId, Obis, Timestamp};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use std::collections::BTreeSet;

/// The four keys of a command that say what it orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ActionWire {
    pub(crate) op: String,
    pub(crate) meter: Option<String>,
    pub(crate) arg: Option<Vec<u8>>,
    pub(crate) blob: Option<Blob>,
}

/// Why the four keys are no action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ActionFault {
    /// Not done here.
    Unsupported,
    /// This key is missing, superfluous, or out of range.
    Argument(&'static str),
}

/// All arguments there are; each operation takes its own and no others.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Arguments {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meters: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<ByteArray<16>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    t: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<ByteArray<6>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed: Option<ByteBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<u64>,
}

type Found<T> = Result<T, ActionFault>;

/// Takes each part once; what is left over at the end was superfluous.
struct Reader {
    meter: Option<String>,
    blob: Option<Blob>,
    had_arguments: bool,
    is_used: bool,
    arguments: Arguments,
}

impl ActionWire {
    /// Reads what was signed.
    pub(crate) fn read(self) -> Found<Action> {
        let operation = Operation::from_word(&self.op).ok_or(ActionFault::Unsupported)?;
        let arguments = match &self.arg {
            Some(bytes) => strict::decode(bytes).map_err(|_| ActionFault::Argument("arg"))?,
            None => Arguments::default(),
        };
        let mut reader = Reader {
            meter: self.meter,
            blob: self.blob,
            had_arguments: self.arg.is_some(),
            is_used: false,
            arguments,
        };
        let action = reader.action(operation)?;
        reader.finish()?;
        Ok(action)
    }

    /// Writes an action; the reader's other half.
    pub(crate) fn of(action: &Action) -> Found<Self> {
        let (mut arguments, mut blob) = (Arguments::default(), None);
        match action {
            Action::SchemePut { document }
            | Action::ListPut { document }
            | Action::MeterPut { document }
            | Action::CfgSet { document } => match document {
                Document::Inline(text) => arguments.text = Some(text.clone()),
                Document::Blob(found) => blob = Some(*found),
            },
            Action::SchemeRemove { scheme } => arguments.scheme = Some(scheme.to_string()),
            Action::SchemeRead { scheme, meters }
            | Action::SchemeProgram { scheme, meters }
            | Action::TariffSet { scheme, meters } => {
                arguments.scheme = Some(scheme.to_string());
                arguments.meters = Some(meters.iter().map(MeterId::to_string).collect());
            }
            Action::SchemeResume { of } | Action::SchemeRestore { of } => {
                arguments.of = Some(ByteArray::new(of.bytes()));
            }
            Action::ListRemove { list } | Action::ListRun { list } | Action::ListStop { list } => {
                arguments.list = Some(list.to_string());
            }
            Action::GatewayTimeSet { to, step_max_s } => {
                arguments.t = Some(to.seconds());
                arguments.step = Some(*step_max_s);
            }
            Action::MeterTimeSet { step_max_s, .. } | Action::TimeAdjust { step_max_s, .. } => {
                arguments.step = Some(*step_max_s);
            }
            Action::ProfileBackfill {
                profile, from, to, ..
            } => {
                arguments.p = profile.map(|profile| ByteArray::new(profile.groups()));
                arguments.from = Some(from.seconds());
                arguments.to = Some(to.seconds());
            }
            Action::PasswordChange { level, sealed, .. } => {
                arguments.level = Some(*level);
                arguments.sealed = Some(ByteBuf::from(sealed.clone()));
            }
            Action::KeyRotate { key, session } => {
                arguments.key = Some(key.word().to_owned());
                arguments.sid = *session;
            }
            Action::OtaInstall { image } => blob = Some(*image),
            Action::MeterRemove { .. }
            | Action::BillingReset { .. }
            | Action::MeterRead { .. }
            | Action::MeterInstant { .. }
            | Action::MeterPing { .. }
            | Action::AgentRestart
            | Action::Nop => {}
        }
        let arg = strict::encode(&arguments).map_err(|_| ActionFault::Argument("arg"))?;
        Ok(Self {
            op: action.operation().word().to_owned(),
            meter: action.meter().map(MeterId::to_string),
            // An empty map says nothing.
            arg: (arg != [0xa0]).then_some(arg),
            blob,
        })
    }
}

impl RotatedKey {
    const fn word(&self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Encryption(_) => "encryption",
            Self::Authentication(_) => "authentication",
            Self::Master(_) => "master",
        }
    }
}

impl Reader {
    fn action(&mut self, operation: Operation) -> Found<Action> {
        Ok(match operation {
            Operation::SchemePut => Action::SchemePut {
                document: self.document()?,
            },
            Operation::ListPut => Action::ListPut {
                document: self.document()?,
            },
            Operation::MeterPut => Action::MeterPut {
                document: self.document()?,
            },
            Operation::CfgSet => Action::CfgSet {
                document: self.document()?,
            },
            Operation::SchemeRemove => Action::SchemeRemove {
                scheme: self.scheme()?,
            },
            Operation::SchemeRead => Action::SchemeRead {
                scheme: self.scheme()?,
                meters: self.meters()?,
            },
            Operation::SchemeProgram => Action::SchemeProgram {
                scheme: self.scheme()?,
                meters: self.meters()?,
            },
            Operation::TariffSet => Action::TariffSet {
                scheme: self.scheme()?,
                meters: self.meters()?,
            },
            Operation::SchemeResume => Action::SchemeResume { of: self.of()? },
            Operation::SchemeRestore => Action::SchemeRestore { of: self.of()? },
            Operation::ListRemove => Action::ListRemove { list: self.list()? },
            Operation::ListRun => Action::ListRun { list: self.list()? },
            Operation::ListStop => Action::ListStop { list: self.list()? },
            Operation::AgentRestart => Action::AgentRestart,
            Operation::Nop => Action::Nop,
            Operation::OtaInstall => Action::OtaInstall {
                image: self.blob.take().ok_or(ActionFault::Argument("blob"))?,
            },
            _ => self.action_at_a_meter(operation)?,
        })
    }

    fn action_at_a_meter(&mut self, operation: Operation) -> Found<Action> {
        if operation == Operation::KeyRotate {
            return self.key_rotate();
        }
        if operation == Operation::TimeSet && self.meter.is_none() {
            return Ok(Action::GatewayTimeSet {
                to: self.time(|arguments| arguments.t.take(), "t")?,
                step_max_s: self.step()?,
            });
        }
        let meter = self.meter()?;
        Ok(match operation {
            Operation::MeterRemove => Action::MeterRemove { meter },
            Operation::TimeSet => Action::MeterTimeSet {
                meter,
                step_max_s: self.step()?,
            },
            Operation::TimeAdjust => Action::TimeAdjust {
                meter,
                step_max_s: self.step()?,
            },
            Operation::BillingReset => Action::BillingReset { meter },
            Operation::ProfileBackfill => self.backfill(meter)?,
            Operation::MeterRead => Action::MeterRead { meter },
            Operation::MeterInstant => Action::MeterInstant { meter },
            Operation::MeterPing => Action::MeterPing { meter },
            Operation::PasswordChange => self.password(meter)?,
            _ => return Err(ActionFault::Unsupported),
        })
    }

    fn backfill(&mut self, meter: MeterId) -> Found<Action> {
        let from = self.time(|arguments| arguments.from.take(), "from")?;
        let to = self.time(|arguments| arguments.to.take(), "to")?;
        check(from < to, "to")?;
        let profile = self.arguments.p.take();
        Ok(Action::ProfileBackfill {
            meter,
            profile: profile.map(|groups| Obis::new(groups.into_array())),
            from,
            to,
        })
    }

    fn password(&mut self, meter: MeterId) -> Found<Action> {
        let level = self.take(|arguments| arguments.level.take(), "level")?;
        check((1..=3).contains(&level), "level")?;
        let sealed = self.take(|arguments| arguments.sealed.take(), "sealed")?;
        check((1..=SEALED_BYTES_MAX).contains(&sealed.len()), "sealed")?;
        let sealed = sealed.into_vec();
        Ok(Action::PasswordChange {
            meter,
            level,
            sealed,
        })
    }

    fn key_rotate(&mut self) -> Found<Action> {
        let word = self.take(|arguments| arguments.key.take(), "key")?;
        let key = match word.as_str() {
            "receipt" => RotatedKey::Receipt,
            "encryption" => RotatedKey::Encryption(self.meter()?),
            "authentication" => RotatedKey::Authentication(self.meter()?),
            "master" => RotatedKey::Master(self.meter()?),
            _ => return Err(ActionFault::Argument("key")),
        };
        let session = self.arguments.sid.take();
        check(session.is_none_or(|sid| sid <= NUMBER_MAX), "sid")?;
        Ok(Action::KeyRotate { key, session })
    }

    fn document(&mut self) -> Found<Document> {
        match (self.arguments.text.take(), self.blob.take()) {
            (Some(text), None) => {
                self.is_used = true;
                check(!text.is_empty(), "text")?;
                Ok(Document::Inline(text))
            }
            (None, Some(blob)) => Ok(Document::Blob(blob)),
            _ => Err(ActionFault::Argument("text")),
        }
    }

    fn meter(&mut self) -> Found<MeterId> {
        let name = self.meter.take().ok_or(ActionFault::Argument("m"))?;
        name.parse().map_err(|_| ActionFault::Argument("m"))
    }

    fn scheme(&mut self) -> Found<LibraryName> {
        let name = self.take(|arguments| arguments.scheme.take(), "scheme")?;
        name.parse().map_err(|_| ActionFault::Argument("scheme"))
    }

    fn list(&mut self) -> Found<LibraryName> {
        let name = self.take(|arguments| arguments.list.take(), "list")?;
        name.parse().map_err(|_| ActionFault::Argument("list"))
    }

    fn of(&mut self) -> Found<CommandId> {
        let id = self.take(|arguments| arguments.of.take(), "of")?;
        Ok(CommandId::new(id.into_array()))
    }

    fn step(&mut self) -> Found<u32> {
        self.take(|arguments| arguments.step.take(), "step")
    }

    fn meters(&mut self) -> Found<Vec<MeterId>> {
        let names = self.take(|arguments| arguments.meters.take(), "meters")?;
        check((1..=METERS_MAX).contains(&names.len()), "meters")?;
        let meters = names.iter().map(|name| name.parse::<MeterId>());
        let meters: Result<Vec<MeterId>, _> = meters.collect();
        let meters = meters.map_err(|_| ActionFault::Argument("meters"))?;
        // A meter named twice would be programmed twice.
        let different: BTreeSet<&MeterId> = meters.iter().collect();
        check(different.len() == meters.len(), "meters")?;
        Ok(meters)
    }

    fn time(
        &mut self,
        part: impl FnOnce(&mut Arguments) -> Option<u64>,
        key: &'static str,
    ) -> Found<Timestamp> {
        let seconds = self.take(part, key)?;
        check(seconds <= SECONDS_MAX, key)?;
        Ok(Timestamp::from_seconds(seconds))
    }

    fn take<T>(
        &mut self,
        part: impl FnOnce(&mut Arguments) -> Option<T>,
        key: &'static str,
    ) -> Found<T> {
        self.is_used = true;
        part(&mut self.arguments).ok_or(ActionFault::Argument(key))
    }

    fn finish(self) -> Found<()> {
        check(self.meter.is_none(), "m")?;
        check(self.blob.is_none(), "blob")?;
        check(self.is_used || !self.had_arguments, "arg")?;
        // What no operation took would be a second meaning for somebody else's reader.
        let left = strict::encode(&self.arguments).map_err(|_| ActionFault::Argument("arg"))?;
        check(left == [0xa0], "arg")
    }
}

impl Blob {
    pub(crate) fn check(self) -> Found<Self> {
        check((1..=BLOB_BYTES_MAX).contains(&self.size), "blob")?;
        Ok(self)
    }
}

const fn check(holds: bool, key: &'static str) -> Found<()> {
    if holds {
        Ok(())
    } else {
        Err(ActionFault::Argument(key))
    }
}
