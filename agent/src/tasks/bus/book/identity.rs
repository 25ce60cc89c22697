//! Whether a meter is the one it should be. Its data is refused until that is known.

use super::{Book, Said};
use crate::adapters::clock::Clock;
use desk::MeterTrust;
use metering::EventCode;
use meters::Span;
use meters::catalogue::{IdentityCheck, IdentityValue, What};
use meters::planner::{Answered, Why};

/// What is known of a meter's identity.
#[derive(Debug)]
pub(super) struct Identity {
    expected: Option<String>,
    can_tell: bool,
    trust: MeterTrust,
    serial: Option<String>,
    complaint: Option<String>,
    /// A person accepts whatever answers next.
    accepts_next: bool,
}

impl Identity {
    /// `expected` is what a person accepted, or else what was written down before.
    pub(super) fn new(can_tell: bool, expected: Option<String>) -> Self {
        Self {
            expected,
            can_tell,
            trust: if can_tell {
                MeterTrust::Unknown
            } else {
                MeterTrust::Untold
            },
            serial: None,
            complaint: None,
            accepts_next: false,
        }
    }

    pub(super) fn trust(&self) -> MeterTrust {
        self.trust
    }

    pub(super) fn is_trusted(&self) -> bool {
        matches!(self.trust, MeterTrust::Right | MeterTrust::Untold)
    }

    pub(super) fn serial(&self) -> Option<&str> {
        self.serial.as_deref()
    }

    pub(super) fn complaint(&self) -> Option<&str> {
        self.complaint.as_deref()
    }

    /// It was away: it may have been exchanged.
    pub(super) fn doubt(&mut self) {
        if self.can_tell && self.trust == MeterTrust::Right {
            self.trust = MeterTrust::Unknown;
        }
    }

    /// A person takes the meter that answers now. Says its serial number, if it is known.
    pub(super) fn accept(&mut self) -> Option<String> {
        if self.trust != MeterTrust::Wrong {
            return None;
        }
        self.accepts_next = true;
        self.expected.clone_from(&self.serial);
        self.trust = MeterTrust::Unknown;
        self.complaint = None;
        Some(self.serial.clone().unwrap_or_default())
    }
}

impl Book {
    pub(super) fn hear_identity(
        &mut self,
        words: &[Answered],
        failed: &[(Span, Why)],
        clock: &Clock,
        said: &mut Said,
    ) {
        // A line that failed says nothing about who is there.
        let unclear =
            |why: &Why| matches!(why, Why::Silent | Why::Damaged | Why::LineGone | Why::Late);
        if words.is_empty() || failed.iter().any(|(_, why)| unclear(why)) {
            return;
        }
        let answers: Vec<Option<IdentityValue>> = self
            .plan
            .identify
            .iter()
            .map(|item| {
                let found = words.iter().find(|answered| answered.span == item.span)?;
                item.identity(&found.words).ok()
            })
            .collect();
        let serial = self
            .plan
            .identify
            .iter()
            .zip(&answers)
            .find_map(|(item, answer)| {
                let known = answer
                    .as_ref()
                    .filter(|found| **found != IdentityValue::Unavailable);
                known
                    .filter(|_| item.what == What::Serial)
                    .map(ToString::to_string)
            });
        let expected = self.identity.expected.clone();
        let check = self
            .modbus
            .model
            .check_identity(&answers, expected.as_deref());
        self.identity.serial = serial;
        self.judge(&check, clock, said);
    }

    fn judge(&mut self, check: &IdentityCheck, clock: &Clock, said: &mut Said) {
        let accepted = std::mem::take(&mut self.identity.accepts_next);
        let complaint = match check {
            IdentityCheck::Matches | IdentityCheck::SerialNotKnown => None,
            _ if accepted => None,
            IdentityCheck::WrongModel { expected, found } => Some(format!(
                "says it is {found}, not {expected} as its model file expects"
            )),
            IdentityCheck::WrongSerial { expected, found } => {
                Some(format!("has serial number {found}, not {expected}"))
            }
        };
        let before = self.identity.trust;
        match complaint {
            None => {
                self.identity.trust = MeterTrust::Right;
                self.identity.complaint = None;
                self.learn_serial(accepted, clock, said);
                said.take(self.sampled.hear_held(self.identity.trust, clock));
            }
            Some(complaint) => {
                let detail = format!(
                    "{complaint}; its data is refused until the configuration is right or \
                     `pmuctl meter accept {}` says so",
                    self.id()
                );
                self.identity.trust = MeterTrust::Wrong;
                self.identity.complaint = Some(complaint);
                said.take(self.sampled.hear_held(self.identity.trust, clock));
                if before != MeterTrust::Wrong {
                    said.events
                        .push(self.event(EventCode::WrongMeter, detail, clock));
                }
            }
        }
    }

    /// The first serial number a meter says is the one it keeps: an exchange is noticed even
    /// where nobody wrote a number down.
    fn learn_serial(&mut self, accepted: bool, clock: &Clock, said: &mut Said) {
        // A number of zeros was never set, and tells nobody from anybody.
        let told = self.identity.serial.clone();
        let Some(serial) = told.filter(|found| found.chars().any(|digit| digit != '0')) else {
            return;
        };
        if self.identity.expected.is_none() || accepted {
            let detail = format!("its serial number is {serial}; another one will be refused");
            said.events
                .push(self.event(EventCode::MeterAccepted, detail, clock));
            said.accepted_serial = Some(serial.clone());
            self.identity.expected = Some(serial);
        }
    }
}
