//! Whether a meter is the one it should be. Its data is refused until that is known.

use desk::MeterTrust;
use metering::{EventCode, MeterId};

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

/// What came of a look.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) events: Vec<(EventCode, String)>,
    /// The serial number that is the meter's from now on.
    pub(super) accepted_serial: Option<String>,
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

    /// The serial number it must answer with, if one is known.
    pub(super) fn expected(&self) -> Option<&str> {
        self.expected.as_deref()
    }

    /// A person takes whatever meter answers next.
    pub(super) fn accepts_next(&self) -> bool {
        self.accepts_next
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

    /// The meter said who it is, and this is wrong with it, if something is.
    pub(super) fn judge(
        &mut self,
        meter: &MeterId,
        serial: Option<String>,
        complaint: Option<String>,
    ) -> Judged {
        let accepted = std::mem::take(&mut self.accepts_next);
        let complaint = complaint.filter(|_| !accepted);
        let mut judged = Judged::default();
        self.serial = serial;
        match complaint {
            None => {
                self.trust = MeterTrust::Right;
                self.complaint = None;
                self.learn_serial(accepted, &mut judged);
            }
            Some(complaint) => {
                let detail = format!(
                    "{complaint}; its data is refused until the configuration is right or \
                     `pmuctl meter accept {meter}` says so"
                );
                self.complaint = Some(complaint);
                if self.trust != MeterTrust::Wrong {
                    judged.events.push((EventCode::WrongMeter, detail));
                }
                self.trust = MeterTrust::Wrong;
            }
        }
        judged
    }

    /// The first serial number a meter says is the one it keeps: an exchange is noticed even
    /// where nobody wrote a number down.
    fn learn_serial(&mut self, accepted: bool, judged: &mut Judged) {
        // A number of zeros was never set, and tells nobody from anybody.
        let told = self.serial.clone();
        let Some(serial) = told.filter(|found| found.chars().any(|digit| digit != '0')) else {
            return;
        };
        if self.expected.is_none() || accepted {
            let detail = format!("its serial number is {serial}; another one will be refused");
            judged.events.push((EventCode::MeterAccepted, detail));
            judged.accepted_serial = Some(serial.clone());
            self.expected = Some(serial);
        }
    }
}
