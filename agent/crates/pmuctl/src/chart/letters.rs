//! A letter for each flag: capitals for what makes an interval doubtful, small ones for what is
//! only worth knowing.

use crate::words::{plain, wrapped_item_in};
use metering::Flag;
use std::collections::BTreeMap;

/// What stands beside an interval.
pub(super) struct Mark {
    pub(super) letters: String,
    pub(super) is_red: bool,
}

/// A flag that is not known here.
const STRANGE: char = '?';

const fn letter(flag: Flag) -> char {
    match flag {
        Flag::Missing => 'M',
        Flag::PowerDown => 'P',
        Flag::PowerUp => 'p',
        Flag::PhaseFail => 'F',
        Flag::MeterReset => 'R',
        Flag::Battery => 'B',
        Flag::TimeSet => 'T',
        Flag::Short => 'S',
        Flag::Long => 'L',
        Flag::ConfigChanged => 'C',
        Flag::ReverseRun => 'V',
        Flag::DstActive => 'd',
        Flag::DstChange => 'x',
        Flag::ProfileCleared => 'z',
        Flag::CoverOpen => 'O',
        Flag::Overflow => 'W',
        Flag::LinkError => 'K',
        Flag::NotValid => 'N',
        Flag::TestMode => 'E',
        Flag::LateSample => 'A',
        Flag::GatewayRestart => 'g',
        Flag::Rollover => 'r',
        Flag::ClockUnsynchronised => 'U',
        Flag::Implausible => 'I',
        Flag::Coarse => 'c',
    }
}

const fn meaning(flag: Flag) -> &'static str {
    match flag {
        Flag::Missing => "no value",
        Flag::PowerDown => "the meter lost its supply",
        Flag::PowerUp => "the meter's supply came back",
        Flag::PhaseFail => "a phase failed",
        Flag::MeterReset => "the meter began anew",
        Flag::Battery => "the meter's battery is spent",
        Flag::TimeSet => "a clock was set",
        Flag::Short => "shorter than its period",
        Flag::Long => "longer than its period",
        Flag::ConfigChanged => "the meter's configuration changed",
        Flag::ReverseRun => "the meter ran in reverse",
        Flag::DstActive => "in daylight saving time",
        Flag::DstChange => "daylight saving time began or ended",
        Flag::ProfileCleared => "the meter's profile was cleared",
        Flag::CoverOpen => "a cover was opened",
        Flag::Overflow => "a register overflowed",
        Flag::LinkError => "lost to damaged frames on our line",
        Flag::NotValid => "not valid, says the meter itself",
        Flag::TestMode => "the meter was in test mode",
        Flag::LateSample => "sampled too late",
        Flag::GatewayRestart => "the gateway started",
        Flag::Rollover => "the register passed its highest count",
        Flag::ClockUnsynchronised => "the gateway's clock was not synchronised",
        Flag::Implausible => "beyond what the meter can measure",
        Flag::Coarse => "the meter no longer resolves the last digits",
    }
}

fn known(word: &str) -> Option<Flag> {
    Flag::all().find(|flag| flag.word() == word)
}

fn words(flags: &str) -> impl Iterator<Item = &str> {
    flags.split('+').filter(|word| !word.is_empty())
}

/// Letters of an interval's flags, as words joined by `+`.
pub(super) fn mark(flags: &str) -> Mark {
    let mut letters: Vec<char> = words(flags)
        .map(|word| known(word).map_or(STRANGE, letter))
        .collect();
    letters.dedup();
    Mark {
        is_red: letters.iter().any(|letter| !letter.is_ascii_lowercase()),
        letters: letters.into_iter().collect(),
    }
}

/// The letters that were used, for the legend.
#[derive(Default)]
pub(super) struct Letters(BTreeMap<(char, String), &'static str>);

impl Letters {
    pub(super) fn add(&mut self, flags: &str) {
        for word in words(flags) {
            let (letter, meaning) = match known(word) {
                Some(flag) => (letter(flag), meaning(flag)),
                None => (STRANGE, "this pmuctl does not know it"),
            };
            self.0.insert((letter, plain(word, 40)), meaning);
        }
    }

    pub(super) fn legend(&self, columns: usize) -> String {
        let lines = self.0.iter().map(|((letter, word), meaning)| {
            wrapped_item_in(&letter.to_string(), &format!("{word}: {meaning}"), columns)
        });
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flag_has_a_letter_of_its_own() {
        let mut seen = BTreeMap::new();
        for flag in Flag::all() {
            let before = seen.insert(letter(flag), flag);
            assert_eq!(before, None, "{flag:?}");
            assert!(letter(flag).is_ascii_alphabetic());
        }
    }

    #[track_caller]
    fn check(flags: &str, letters: &str, is_red: bool) {
        let mark = mark(flags);
        assert_eq!((mark.letters.as_str(), mark.is_red), (letters, is_red));
    }

    #[test]
    fn small_letters_do_not_make_an_interval_doubtful() {
        check("", "", false);
        check("dst-active", "d", false);
        check("dst-active+phase-fail", "dF", true);
        check("bit29+bit30", "?", true);
        check("\x1b[31m", "?", true);
    }
}
