//! What trials saw, in the words that the doctor understands.

use super::examine::{Examination, Trial, Way};
use super::ping::Ping;
use super::scan::ScanDoubt;
use super::setting::{Characters, LineReach};
use super::sighting::Sighting;
use super::visit::{VisitFault, identification_words};
use crate::doctor::{self, Dtr, Finding, Framing, Saw, SessionTrouble, TrialSettings, Trials};
use iec62056_21::codec::{MeterAddress, SignOn};
use iec62056_21::conversation::{Garble, ParityBy, PasswordRefusal, SessionFault};

/// What was heard after a sign-on; nothing where the line itself failed.
pub fn saw(sighting: &Sighting) -> Option<Saw> {
    let count = |octets: usize| u32::try_from(octets).unwrap_or(u32::MAX);
    let garbage = |garble: &Garble| Saw::Garbage {
        octets: count(garble.octets),
        wrong_parity: count(garble.wrong_parity),
    };
    Some(match sighting {
        Sighting::Nothing => Saw::Nothing,
        Sighting::EchoOnly => Saw::Echo { octets: 0 },
        Sighting::Garbled(garble) => garbage(garble),
        Sighting::TwoMeters => Saw::TwoIdentifications(Vec::new()),
        Sighting::Refused => Saw::Nak,
        Sighting::Stranger(_) => garbage(&Garble::default()),
        Sighting::Meter(seen) => {
            let words = seen.identification.as_ref().map(identification_words);
            Saw::Identification(words.unwrap_or_default())
        }
        Sighting::Fault(_) => return None,
    })
}

impl Trial {
    fn for_doctor(&self, reach: &LineReach) -> Option<doctor::Trial> {
        let setting = &self.way.setting;
        let (_, parity) = setting.carriage(reach);
        let framing = match (parity, Characters::of(&setting.line)) {
            (ParityBy::Software | ParityBy::Ignored, _) => Framing::SoftwareParity,
            (ParityBy::Line, Some(Characters::EightNone)) => Framing::EightNone,
            (ParityBy::Line, Some(Characters::EightEven)) => Framing::EightEven,
            (ParityBy::Line, _) => Framing::SevenEven,
        };
        let address = self.way.address.as_ref();
        let saw = match saw(&self.sighting)? {
            Saw::Echo { .. } => {
                let address = address.cloned();
                let sent = SignOn { address }.encode();
                let octets = u32::try_from(sent.octets().len()).unwrap_or(u32::MAX);
                Saw::Echo { octets }
            }
            saw => saw,
        };
        Some(doctor::Trial {
            settings: TrialSettings {
                baud: setting.line.baud,
                framing,
                dtr: setting.dtr.map(|on| if on { Dtr::On } else { Dtr::Off }),
                // The line finds out by itself whether it echoes.
                cancels_echo: true,
                address: address.map(ToString::to_string).unwrap_or_default(),
            },
            saw,
        })
    }
}

impl Examination {
    /// The trials, for the doctor.
    pub fn trials(&self, reach: &LineReach) -> Trials {
        let trials = self.trials.iter();
        Trials {
            signs_on: trials.filter_map(|trial| trial.for_doctor(reach)).collect(),
            ..Trials::default()
        }
    }

    /// What is wrong.
    pub fn finding(&self, reach: &LineReach) -> Finding {
        doctor::diagnose(&self.trials(reach))
    }

    /// What was tried, and what came of it.
    pub fn words(&self) -> Vec<String> {
        let trials = self.trials.iter();
        trials
            .map(|trial| format!("{}: {}", trial.way, trial.sighting))
            .collect()
    }
}

impl Ping {
    /// What is wrong; [`Finding::Healthy`] where nothing is.
    pub fn finding(&self, reach: &LineReach) -> Finding {
        let mut trials = match &self.examination {
            Some(examination) => examination.trials(reach),
            None => Trials::default(),
        };
        trials.session.clone_from(&self.trouble);
        doctor::diagnose(&trials)
    }
}

impl ScanDoubt {
    /// What is wrong there; nothing where that cannot be told.
    pub fn finding(&self, reach: &LineReach) -> Finding {
        let address = self.address.as_deref();
        let way = Way {
            setting: self.setting,
            address: address.and_then(|address| MeterAddress::new(address).ok()),
        };
        let sighting = self.sighting.clone();
        let trials = vec![Trial { way, sighting }];
        let examination = Examination {
            trials,
            left_out: Vec::new(),
        };
        examination.finding(reach)
    }
}

/// How a meter refused a password, as the doctor has it.
pub fn password_refusal(how: &PasswordRefusal) -> doctor::PasswordRefusal {
    match how {
        PasswordRefusal::NotAcknowledged => doctor::PasswordRefusal::Nak,
        PasswordRefusal::SignedOff => doctor::PasswordRefusal::SignOff,
        PasswordRefusal::Refused(_) => doctor::PasswordRefusal::Error,
        PasswordRefusal::Silent | PasswordRefusal::Garbled => doctor::PasswordRefusal::Silence,
    }
}

/// What a fault behind the sign-on means; nothing where it tells nothing of the meter.
pub(crate) fn trouble_of(fault: &VisitFault, level: u8) -> Option<SessionTrouble> {
    Some(match fault {
        VisitFault::OtherModel { found, expected } => SessionTrouble::OtherSerial {
            expected: format!("a meter of the model {expected}"),
            found: found.clone(),
        },
        VisitFault::Session(
            SessionFault::PasswordRefused {
                how: PasswordRefusal::Garbled,
            }
            | SessionFault::Garbled { .. }
            | SessionFault::NotAcknowledged { .. }
            // It was one before.
            | SessionFault::NoIdentification { .. },
        ) => SessionTrouble::BlockChecks { failed: 1, of: 1 },
        VisitFault::Session(SessionFault::PasswordRefused { how }) => SessionTrouble::Password {
            level,
            how: password_refusal(how),
        },
        VisitFault::Session(_) => SessionTrouble::Dropped {
            per_cent: 0,
            resume_from: None,
        },
        VisitFault::WrongMeter | VisitFault::Unknown(_) => return None,
    })
}
