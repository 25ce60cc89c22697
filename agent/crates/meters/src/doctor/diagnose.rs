//! From what trials saw to what is wrong.

use super::{Finding, ModemTrouble, PasswordRefusal, Silence};
use metering::Timestamp;
use std::fmt;

/// Bits of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Seven data bits, even parity.
    SevenEven,
    /// Eight data bits, no parity.
    EightNone,
    /// Eight data bits on the line, seven and parity made of them by the gateway.
    SoftwareParity,
    /// Eight data bits, even parity.
    EightEven,
}

/// The DTR line, which feeds some optical heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dtr {
    /// On.
    On,
    /// Off.
    Off,
}

/// What a trial was made with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TrialSettings {
    /// Bits per second.
    pub baud: u32,
    /// Bits of a character.
    pub framing: Framing,
    /// DTR, where the port has it.
    pub dtr: Option<Dtr>,
    /// Whether our own echo is taken away.
    pub cancels_echo: bool,
    /// The address that was called; empty: any.
    pub address: String,
}

impl TrialSettings {
    /// What differs from other settings, in words.
    pub fn difference(&self, from: &Self) -> String {
        let mut words = Vec::new();
        if self.baud != from.baud {
            words.push(format!("{} baud", self.baud));
        }
        if self.framing != from.framing {
            words.push(self.framing.to_string());
        }
        if self.dtr != from.dtr {
            words.extend(self.dtr.map(|dtr| dtr.to_string()));
        }
        if self.cancels_echo != from.cancels_echo {
            let word = if self.cancels_echo { "on" } else { "off" };
            words.push(format!("echo cancelling {word}"));
        }
        if self.address != from.address {
            words.push(format!("address `{}`", self.address));
        }
        match &words[..] {
            [] => "the same once more".to_owned(),
            words => words.join(", "),
        }
    }
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SevenEven => "7E1",
            Self::EightNone => "8N1",
            Self::SoftwareParity => "7E1 made by software on 8N1",
            Self::EightEven => "8E1",
        })
    }
}

impl fmt::Display for Dtr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::On => "DTR on",
            Self::Off => "DTR off",
        })
    }
}

/// `9600 baud 7E1, DTR on, address 001`.
impl fmt::Display for TrialSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} baud {}", self.baud, self.framing)?;
        if let Some(dtr) = self.dtr {
            write!(f, ", {dtr}")?;
        }
        match self.address.as_str() {
            "" => f.write_str(", no address"),
            address => write!(f, ", address {address}"),
        }
    }
}

/// What was heard after a sign-on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saw {
    /// Nothing at all.
    Nothing,
    /// Octets that are no answer.
    Garbage {
        /// How many.
        octets: u32,
        /// How many of them had wrong parity.
        wrong_parity: u32,
    },
    /// Our own octets and nothing else.
    Echo {
        /// How many.
        octets: u32,
    },
    /// Two identifications, one over the other or one behind the other.
    TwoIdentifications(Vec<String>),
    /// A NAK.
    Nak,
    /// A clean identification.
    Identification(String),
}

/// One trial: a sign-on and what was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// With what.
    pub settings: TrialSettings,
    /// What was heard.
    pub saw: Saw,
}

/// The road to the line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LinkState {
    /// It is there.
    #[default]
    Open,
    /// The port is not there.
    NoPort {
        /// Its name.
        port: String,
        /// What the system says.
        reason: String,
    },
    /// Something else uses it.
    InUse {
        /// What.
        by: String,
    },
    /// The modem could not connect.
    Modem {
        /// What it said.
        trouble: ModemTrouble,
        /// When the next try is.
        next_try: Option<Timestamp>,
    },
    /// The PAD cannot be reached.
    Pad {
        /// Its number.
        number: String,
        /// What the network says.
        reason: String,
    },
}

/// What went wrong behind a clean identification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionTrouble {
    /// The serial number is another one.
    OtherSerial {
        /// The configured one.
        expected: String,
        /// The meter's.
        found: String,
    },
    /// The password was refused.
    Password {
        /// The level it should open.
        level: u8,
        /// How.
        how: PasswordRefusal,
    },
    /// Something needs a higher level.
    Level {
        /// What.
        what: String,
        /// The level that was open.
        level: u8,
        /// The level that it needs, where the model knows.
        needs: Option<u8>,
    },
    /// Answers with a wrong block check.
    BlockChecks {
        /// How many.
        failed: u32,
        /// Of how many answers.
        of: u32,
    },
    /// The meter fell silent or the connection was lost.
    Dropped {
        /// How far it was.
        per_cent: u8,
        /// Where to go on.
        resume_from: Option<Timestamp>,
    },
}

/// All that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trials {
    /// The road to the line.
    pub link: LinkState,
    /// Sign-ons; the first one with the settings that are configured.
    pub signs_on: Vec<Trial>,
    /// What went wrong behind an identification.
    pub session: Option<SessionTrouble>,
}

/// What is wrong. The nearest cause is told: a road that is not there before a silent meter, a
/// silent meter before a wrong password.
pub fn diagnose(trials: &Trials) -> Finding {
    if let Some(finding) = of_link(&trials.link) {
        return finding;
    }
    if let Some(finding) = of_sign_ons(&trials.signs_on) {
        return finding;
    }
    trials.session.as_ref().map_or(Finding::Healthy, of_session)
}

fn of_link(link: &LinkState) -> Option<Finding> {
    Some(match link {
        LinkState::Open => return None,
        LinkState::NoPort { port, reason } => Finding::NoAnswer(Silence::NoPort {
            port: port.clone(),
            reason: reason.clone(),
        }),
        LinkState::InUse { by } => Finding::PortInUse { by: by.clone() },
        LinkState::Modem { trouble, next_try } => Finding::Modem {
            trouble: *trouble,
            next_try: *next_try,
        },
        LinkState::Pad { number, reason } => Finding::PadUnreachable {
            number: number.clone(),
            reason: reason.clone(),
        },
    })
}

fn of_sign_ons(trials: &[Trial]) -> Option<Finding> {
    let two = trials.iter().find_map(|trial| match &trial.saw {
        Saw::TwoIdentifications(heard) => Some(Finding::TwoMeters {
            address: trial.settings.address.clone(),
            heard: heard.clone(),
        }),
        _ => None,
    });
    let (configured, _) = trials.split_first()?;
    let clean = trials
        .iter()
        .find(|trial| matches!(trial.saw, Saw::Identification(_)));
    let settings = &configured.settings;
    match (&configured.saw, clean) {
        (Saw::Identification(_), _) => two,
        _ if two.is_some() => two,
        (
            Saw::Garbage {
                octets,
                wrong_parity,
            },
            clean,
        ) => Some(garbled(settings, clean, *octets, *wrong_parity)),
        // Where only cancelling it helps, the echo is what is wrong.
        (Saw::Echo { octets }, clean)
            if clean.is_none_or(|clean| clean.settings.cancels_echo != settings.cancels_echo) =>
        {
            Some(Finding::EchoOnly { octets: *octets })
        }
        (_, Some(clean)) => Some(otherwise(settings, clean)),
        (_, None) => Some(nothing_clean(trials)),
    }
}

fn otherwise(configured: &TrialSettings, clean: &Trial) -> Finding {
    Finding::NoAnswer(Silence::Otherwise {
        configured: configured.clone(),
        works: clean.settings.clone(),
    })
}

fn garbled(
    configured: &TrialSettings,
    clean: Option<&Trial>,
    octets: u32,
    wrong_parity: u32,
) -> Finding {
    Finding::Garbled {
        configured: configured.clone(),
        works: clean.map(|trial| trial.settings.clone()),
        octets,
        wrong_parity,
    }
}

/// Nothing, NAK, or something in other trials: what tells most.
fn nothing_clean(trials: &[Trial]) -> Finding {
    let garbage = trials.iter().find_map(|trial| match trial.saw {
        Saw::Garbage {
            octets,
            wrong_parity,
        } => Some(garbled(&trial.settings, None, octets, wrong_parity)),
        _ => None,
    });
    let echo = trials.iter().find_map(|trial| match trial.saw {
        Saw::Echo { octets } => Some(Finding::EchoOnly { octets }),
        _ => None,
    });
    let nak = trials.iter().find(|trial| trial.saw == Saw::Nak);
    let nak = nak.map(|trial| {
        Finding::NoAnswer(Silence::Refused {
            address: trial.settings.address.clone(),
        })
    });
    let silence = || {
        Finding::NoAnswer(Silence::Whatever {
            tried: trials
                .iter()
                .map(|trial| trial.settings.to_string())
                .collect(),
        })
    };
    nak.or(garbage).or(echo).unwrap_or_else(silence)
}

fn of_session(trouble: &SessionTrouble) -> Finding {
    match trouble {
        SessionTrouble::OtherSerial { expected, found } => Finding::WrongMeter {
            expected: expected.clone(),
            found: found.clone(),
        },
        SessionTrouble::Password { level, how } => Finding::PasswordRefused {
            level: *level,
            how: *how,
        },
        SessionTrouble::Level { what, level, needs } => Finding::NotAllowed {
            what: what.clone(),
            level: *level,
            needs: *needs,
        },
        SessionTrouble::BlockChecks { failed, of } => Finding::BlockCheck {
            failed: *failed,
            of: *of,
        },
        SessionTrouble::Dropped {
            per_cent,
            resume_from,
        } => Finding::LinkDropped {
            per_cent: *per_cent,
            resume_from: *resume_from,
        },
    }
}
