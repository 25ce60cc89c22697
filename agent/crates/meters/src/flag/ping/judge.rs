//! What each layer of a ping shows.

use super::proof::{Proof, prove};
use super::quality::Quality;
use super::{Ping, PingLayer};
use crate::doctor::SessionTrouble;
use crate::flag::diagnosis::trouble_of;
use crate::flag::examine::ExaminedMeter;
use crate::flag::limits::LOST_SHARE;
use crate::flag::serial::is_same_serial;
use crate::flag::sighting::{SeenMeter, Sighting};
use crate::flag::site::Site;
use crate::flag::terms::Credentials;
use crate::flag::visit::{VisitFault, identification_words};
use iec62056_21::conversation::SessionFault;
use line::Line;
use std::error::Error as _;

impl Ping {
    pub(super) fn judge_line(&mut self, sighting: Sighting) -> Option<SeenMeter> {
        let words = sighting.to_string();
        match sighting {
            Sighting::Meter(seen) => {
                let words_of_line = match seen.garbled {
                    0 => "octets come undamaged".to_owned(),
                    times => format!("octets come, but the first {times} answers were damaged"),
                };
                self.note(PingLayer::Line, true, words_of_line);
                let is_whole = seen.identification.is_some();
                self.note(PingLayer::SignOn, is_whole, words);
                // As long as nothing else is known, it fell silent.
                self.trouble = (!is_whole).then_some(SessionTrouble::Dropped {
                    per_cent: 0,
                    resume_from: None,
                });
                return Some(*seen);
            }
            Sighting::TwoMeters | Sighting::Refused | Sighting::Stranger(_) => {
                self.note(PingLayer::Line, true, "octets come undamaged");
                self.note(PingLayer::SignOn, false, words);
            }
            Sighting::Nothing | Sighting::EchoOnly | Sighting::Garbled(_) | Sighting::Fault(_) => {
                self.note(PingLayer::Line, false, words);
            }
        }
        None
    }

    pub(super) fn judge_identity(&mut self, meter: &ExaminedMeter, seen: &SeenMeter) -> bool {
        let layer = PingLayer::Identity;
        let identification = seen.identification.as_ref();
        if !identification.is_some_and(|line| meter.model.fits(line)) {
            let expected = format!("a meter of the model {}", meter.model.id);
            self.note(layer, false, format!("this is not {expected}"));
            let found = identification.map(identification_words).unwrap_or_default();
            self.trouble = Some(SessionTrouble::OtherSerial { expected, found });
            return false;
        }
        match (&meter.serial, seen.serial.as_deref()) {
            (Some(expected), Some(found)) if !is_same_serial(found, expected) => {
                self.other_serial(expected, found);
                return false;
            }
            (_, Some(found)) => self.note(layer, true, format!("serial number {found}")),
            (_, None) => self.note(layer, true, "its serial number is not public"),
        }
        true
    }

    fn other_serial(&mut self, expected: &str, found: &str) {
        let words = format!("serial number {found} instead of {expected}");
        self.note(PingLayer::Identity, false, words);
        self.trouble = Some(SessionTrouble::OtherSerial {
            expected: expected.to_owned(),
            found: found.to_owned(),
        });
    }

    /// A line that damages or loses answers is told, whatever else holds.
    pub(super) fn judge_quality(&mut self, seen: Quality) {
        let all = seen.answers + seen.damaged + seen.silent;
        let lost = seen.damaged + seen.silent;
        let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        if lost == 0 || lost * LOST_SHARE < all || self.is_told() {
            return;
        }
        // A sign-on that was damaged counts too: the line counted it as an answer.
        let is_known = matches!(self.trouble, Some(SessionTrouble::BlockChecks { .. }));
        let damaged = seen.damaged.max(u64::from(is_known));
        self.trouble = Some(if damaged >= seen.silent {
            SessionTrouble::BlockChecks {
                failed: count(damaged),
                of: count(all),
            }
        } else {
            SessionTrouble::Dropped {
                per_cent: u8::try_from(seen.answers * 100 / all.max(1)).unwrap_or(100),
                resume_from: None,
            }
        });
        let words = format!("{lost} of {all} answers were damaged or did not come");
        for step in &mut self.steps {
            if step.layer == PingLayer::Line {
                words.clone_into(&mut step.words);
            }
        }
    }

    /// Whether something was found that is more than a bad line.
    fn is_told(&self) -> bool {
        !matches!(
            self.trouble,
            None | Some(SessionTrouble::BlockChecks { .. } | SessionTrouble::Dropped { .. })
        )
    }

    pub(super) async fn try_password<L: Line>(
        &mut self,
        site: &mut Site<'_, L>,
        meter: &ExaminedMeter,
    ) {
        if meter.credentials == Credentials::None {
            let words = "none is configured: only what is public can be read";
            self.note(PingLayer::Password, true, words);
            return;
        }
        let level = meter.level;
        match prove(site, meter).await {
            Ok(Proof::Taken { serial }) => {
                if let (Some(expected), Some(found)) = (&meter.serial, &serial)
                    && !is_same_serial(found, expected)
                {
                    self.other_serial(expected, found);
                    return;
                }
                let words = format!("taken, level {level} as configured");
                self.note(PingLayer::Password, true, words);
            }
            Ok(Proof::TooLow { what, words, needs }) => {
                let told = format!("taken, but it does not open {what}: {words}");
                self.note(PingLayer::Password, false, told);
                self.trouble = Some(SessionTrouble::Level { what, level, needs });
            }
            Err(fault) => {
                self.note(PingLayer::Password, false, told(&fault));
                self.trouble = trouble_of(&fault, level);
                if let VisitFault::Session(SessionFault::PasswordRefused { how }) = fault {
                    self.password = Some(how);
                }
            }
        }
    }
}

/// The fault and its cause.
fn told(fault: &VisitFault) -> String {
    match fault.source() {
        Some(cause) => format!("{fault}: {cause}"),
        None => fault.to_string(),
    }
}
