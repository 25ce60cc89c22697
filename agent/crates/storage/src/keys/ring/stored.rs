//! A ring as the file keeps it.

use super::{Change, KeyNumber, Ring, Stage, Trial};
use crate::wire::{Damage, Reader, Writer};
use metering::Timestamp;

const VERSION: u8 = 1;

impl Ring {
    pub(in super::super) fn encode(&self, place: &[u8]) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(VERSION);
        out.varint(self.current.0.into());
        out.byte(self.refusals);
        out.varint(self.at.millis());
        match self.change {
            None => out.byte(0),
            Some(change) => {
                out.byte(match change.stage {
                    Stage::Prepared => 1,
                    Stage::Doubtful { old, new, was_new } => {
                        2 + 9 * u8::from(was_new) + 3 * code(old) + code(new)
                    }
                });
                out.varint(change.next.0.into());
            }
        }
        out.finish(place)
    }

    pub(in super::super) fn decode(stored: &[u8], place: &[u8]) -> Result<Self, Damage> {
        let mut reader = Reader::open(stored, place, VERSION)?;
        let current = number(&mut reader)?;
        let refusals = reader.byte()?;
        let at = Timestamp::from_millis(reader.varint()?);
        let stage = match reader.byte()? {
            0 => None,
            1 => Some(Stage::Prepared),
            code => {
                let code = code - 2;
                let (old, new) = (trial(code % 9 / 3)?, trial(code % 3)?);
                let was_new = match code / 9 {
                    0 => false,
                    1 => true,
                    _ => return Err(Damage::Content("stage")),
                };
                Some(Stage::Doubtful { old, new, was_new })
            }
        };
        let change = match stage {
            Some(stage) => Some(Change {
                next: number(&mut reader)?,
                stage,
            }),
            None => None,
        };
        if change.is_some_and(|change| change.next == current) {
            return Err(Damage::Content("key number"));
        }
        reader.end()?;
        Ok(Self {
            current,
            change,
            refusals,
            at,
        })
    }
}

const fn code(trial: Trial) -> u8 {
    match trial {
        Trial::Untried => 0,
        Trial::Begun => 1,
        Trial::Refused => 2,
    }
}

fn trial(code: u8) -> Result<Trial, Damage> {
    match code {
        0 => Ok(Trial::Untried),
        1 => Ok(Trial::Begun),
        2 => Ok(Trial::Refused),
        _ => Err(Damage::Content("stage")),
    }
}

fn number(reader: &mut Reader<'_>) -> Result<KeyNumber, Damage> {
    let number = u32::try_from(reader.varint()?);
    number
        .map(KeyNumber)
        .map_err(|_| Damage::Content("key number"))
}
