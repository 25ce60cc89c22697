//! Why a meter does not answer its sign-on: other settings of the line are tried, within a time
//! limit, likeliest first.

use super::trials::{Trier, configured, saw};
use crate::adapters::port::Port;
use crate::config::{BusSettings, FlagMeter};
use crate::health::Pulse;
use crate::limits::{DOCTOR_TIME_MAX, DOCTOR_TRIALS_MAX};
use iec62056_21::codec::MeterAddress;
use iec62056_21::conversation::{SessionFault, Step};
use line::GuardedLine;
use meters::doctor::{Dtr, Framing, Saw, Trial, TrialSettings};
use meters::flag::{LineUse, VisitFault};
use std::time::Duration;
use tokio::time::Instant;

/// Speeds that meters are set to, likeliest first.
const BAUDS: [u32; 6] = [9600, 300, 2400, 1200, 4800, 19_200];

/// Whether other settings may help.
pub(super) fn is_worth_trials(fault: &VisitFault) -> bool {
    use SessionFault as F;
    let VisitFault::Session(fault) = fault else {
        return false;
    };
    let step = match fault {
        F::Nothing { step, .. }
        | F::Garbled { step, .. }
        | F::EchoOnly { step }
        | F::NotAcknowledged { step } => *step,
        F::NoIdentification { .. } => Step::SignOn,
        _ => return false,
    };
    step == Step::SignOn
}

/// Tries a meter with other settings. The first trial is the one that failed already.
pub(super) async fn examine(
    line: &mut GuardedLine<Port>,
    bus: &BusSettings,
    meter: (&FlagMeter, &LineUse),
    fault: &VisitFault,
    pulse: &Pulse,
) -> Vec<Trial> {
    let (flag, used) = meter;
    let address = flag.address.as_ref().map_or("", MeterAddress::text);
    let first = configured(bus, used.opening, used.parity, address);
    let VisitFault::Session(fault) = fault else {
        return Vec::new();
    };
    let Some(seen) = saw(fault) else {
        return Vec::new();
    };
    let mut trials = vec![Trial {
        settings: first.clone(),
        saw: seen,
    }];
    let until = Instant::now() + DOCTOR_TIME_MAX;
    let reaction = u64::from(flag.model.session.reaction_max_ms);
    let mut trier = Trier {
        line,
        bus,
        reaction_max: Duration::from_millis(reaction),
    };
    for settings in alternatives(&first, bus.link.can_be_set()) {
        if Instant::now() >= until || trials.len() > DOCTOR_TRIALS_MAX {
            break;
        }
        pulse.beat();
        let Some(saw) = trier.sign_on(&settings).await else {
            continue;
        };
        let is_clean = matches!(saw, Saw::Identification(_));
        trials.push(Trial { settings, saw });
        if is_clean {
            break;
        }
    }
    trier.restore();
    trials
}

/// Other settings, likeliest first.
fn alternatives(first: &TrialSettings, can_be_set: bool) -> Vec<TrialSettings> {
    let mut found = Vec::new();
    let framing = match first.framing {
        Framing::SevenEven if can_be_set => Framing::EightNone,
        Framing::SevenEven | Framing::EightNone | Framing::EightEven => Framing::SoftwareParity,
        Framing::SoftwareParity => Framing::EightNone,
    };
    found.push(TrialSettings {
        framing,
        ..first.clone()
    });
    if let Some(dtr) = first.dtr {
        let dtr = Some(if dtr == Dtr::On { Dtr::Off } else { Dtr::On });
        found.push(TrialSettings {
            dtr,
            ..first.clone()
        });
    }
    if can_be_set {
        let others = BAUDS.iter().filter(|baud| **baud != first.baud);
        found.extend(others.map(|baud| TrialSettings {
            baud: *baud,
            ..first.clone()
        }));
    }
    if !first.address.is_empty() {
        found.push(TrialSettings {
            address: String::new(),
            ..first.clone()
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(first: &TrialSettings, can_be_set: bool, expected: &[&str]) {
        let found = alternatives(first, can_be_set);
        let words: Vec<String> = found.iter().map(|other| other.difference(first)).collect();
        assert_eq!(words, expected);
        assert!(found.len() < DOCTOR_TRIALS_MAX);
    }

    #[test]
    fn other_settings_are_tried_likeliest_first() {
        let mut first = TrialSettings {
            baud: 9600,
            framing: Framing::SevenEven,
            dtr: Some(Dtr::On),
            cancels_echo: true,
            address: "001".to_owned(),
        };
        let bauds = [
            "300 baud",
            "2400 baud",
            "1200 baud",
            "4800 baud",
            "19200 baud",
        ];
        let all = [&["8N1", "DTR off"][..], &bauds, &["address ``"]].concat();
        check(&first, true, &all);
        first.dtr = None;
        let software = "7E1 made by software on 8N1";
        check(&first, false, &[software, "address ``"]);
    }
}
