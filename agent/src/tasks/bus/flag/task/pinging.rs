//! A meter tried layer by layer.

use super::super::FlagBook;
use super::super::round::Sitting;
use desk::{Diagnosis, Layer, MeterTrust, PingResult};
use iec62056_21::conversation::{SessionFault, Step};
use line::Line;
use meters::flag::VisitFault;

/// The layers in their order.
const LAYERS: [&str; 5] = ["port", "line", "sign-on", "identity", "password"];

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Whoever holds a session has come through every layer.
    pub(super) fn healthy(&self) -> PingResult {
        let words = self.book.layer_words(self.visit.identification());
        let layers = LAYERS.iter().zip(words).map(|(name, words)| Layer {
            name: (*name).to_owned(),
            is_well: true,
            words,
        });
        PingResult {
            layers: layers.collect(),
            diagnosis: None,
        }
    }
}

impl FlagBook {
    fn layer_words(&self, identification: String) -> [String; 5] {
        let serial = self.identity.serial().unwrap_or("not known");
        let identity = match self.identity.trust() {
            MeterTrust::Untold => "its model has no serial number to compare".to_owned(),
            _ => format!("serial number {serial}, the right one"),
        };
        let password = match &self.flag.access.password {
            None => "none is configured: only what is public is read".to_owned(),
            Some(_) if self.was_refused(self.last_answer) => {
                "it was refused before, and is not tried again for a day".to_owned()
            }
            Some(_) => format!("taken, level {}", self.flag.access.level),
        };
        [
            "open".to_owned(),
            "the meter is heard".to_owned(),
            identification,
            identity,
            password,
        ]
    }

    /// What a failed ping shows: the layers up to the one that does not hold.
    pub(in super::super::super) fn unhealthy(
        &self,
        place: usize,
        diagnosis: Diagnosis,
    ) -> PingResult {
        let words = self.layer_words("an identification came".to_owned());
        let well = LAYERS.iter().zip(words).take(place);
        let well = well.map(|(name, words)| ((*name).to_owned(), true, words));
        let failed = LAYERS.get(place).map(|name| {
            let words = diagnosis.happened.clone();
            ((*name).to_owned(), false, words)
        });
        let layers = well.chain(failed).map(|(name, is_well, words)| Layer {
            name,
            is_well,
            words,
        });
        PingResult {
            layers: layers.collect(),
            diagnosis: Some(diagnosis),
        }
    }
}

/// Which layer a fault belongs to.
pub(in super::super::super) fn layer_of(fault: &VisitFault) -> usize {
    let fault = match fault {
        VisitFault::Session(fault) => fault,
        VisitFault::OtherModel { .. } | VisitFault::WrongMeter | VisitFault::Unknown(_) => {
            return 3;
        }
    };
    let step = match fault {
        SessionFault::Line(_) => return 0,
        SessionFault::TwoMeters | SessionFault::NoIdentification { .. } => return 2,
        SessionFault::PasswordRefused { .. } | SessionFault::PasswordTried => return 4,
        SessionFault::Nothing { step, .. }
        | SessionFault::Garbled { step, .. }
        | SessionFault::EchoOnly { step }
        | SessionFault::NotAcknowledged { step }
        | SessionFault::Refused { step, .. } => *step,
        _ => return 3,
    };
    let is_heard = !matches!(
        fault,
        SessionFault::Nothing { .. } | SessionFault::Garbled { .. } | SessionFault::EchoOnly { .. }
    );
    match step {
        Step::SignOn if is_heard => 2,
        Step::SignOn => 1,
        Step::Select => 2,
        Step::LogOn => 4,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[track_caller]
    fn check(fault: SessionFault, expected: &str) {
        let place = layer_of(&VisitFault::Session(fault));
        assert_eq!(LAYERS.get(place), Some(&expected));
    }

    #[test]
    fn each_fault_belongs_to_a_layer() {
        let nothing = |step| SessionFault::Nothing {
            step,
            waited: Duration::from_secs(2),
        };
        check(nothing(Step::SignOn), "line");
        check(nothing(Step::Select), "sign-on");
        check(nothing(Step::LogOn), "password");
        check(nothing(Step::Read), "identity");
        let echo = SessionFault::EchoOnly { step: Step::SignOn };
        check(echo, "line");
        let refused = SessionFault::NotAcknowledged { step: Step::SignOn };
        check(refused, "sign-on");
        check(SessionFault::TwoMeters, "sign-on");
        check(SessionFault::PasswordTried, "password");
    }
}
