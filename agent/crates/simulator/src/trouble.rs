//! What can be wrong with a meter and with a wire; everything is well by default.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::dice::Dice;

/// How often something happens: never, or one time in so many, as the dice fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OneIn(Option<NonZeroU32>);

impl OneIn {
    /// It does not happen.
    pub const NEVER: Self = Self(None);
    /// It happens each time.
    pub const ALWAYS: Self = Self(Some(NonZeroU32::MIN));

    /// One time in `times`; never for zero.
    pub const fn times(times: u32) -> Self {
        Self(NonZeroU32::new(times))
    }

    /// Whether it happens now. Takes nothing from the dice when it cannot happen.
    pub(crate) fn happens(self, dice: &mut Dice) -> bool {
        self.0
            .is_some_and(|times| dice.roll().is_multiple_of(u64::from(times.get())))
    }
}

/// A duration that differs from time to time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// The shortest.
    pub least: Duration,
    /// The longest.
    pub most: Duration,
}

impl Spread {
    /// Always the same.
    pub const fn fixed(duration: Duration) -> Self {
        Self {
            least: duration,
            most: duration,
        }
    }

    /// Between two durations.
    pub const fn between(least: Duration, most: Duration) -> Self {
        Self { least, most }
    }

    pub(crate) fn pick(self, dice: &mut Dice) -> Duration {
        if self.least == self.most {
            self.least
        } else {
            dice.duration(self.least, self.most)
        }
    }
}

/// Answers that take longer than the meter's turnaround.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Late {
    /// How long the meter thinks instead.
    pub thinks: Spread,
    /// How often.
    pub happens: OneIn,
}

/// Answers that come a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubled {
    /// From the end of the answer to the start of its copy.
    pub after: Duration,
    /// How often.
    pub happens: OneIn,
}

/// What a meter does with a request that arrives while it works on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhileThinking {
    /// Works on it afterwards, in the order of arrival.
    #[default]
    Queues,
    /// Does not hear it.
    Deaf,
}

/// The troubles of one meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterTroubles {
    /// From the last octet of a request to the first of the answer.
    pub turnaround: Spread,
    /// Answers that take longer.
    pub late: Option<Late>,
    /// Answers that come twice.
    pub doubled: Option<Doubled>,
    /// Requests that the meter does not hear.
    pub lost_requests: OneIn,
    /// Answers that never reach the wire; the meter has seen the request.
    pub lost_answers: OneIn,
    /// Answers that stop half-way.
    pub truncated: OneIn,
    /// Answers with one bit flipped.
    pub flipped: OneIn,
    /// Octets of junk before each answer, directly in front of it.
    pub junk: Option<RangeInclusive<u16>>,
    /// Another unit's well-formed answer of the same shape before the answer.
    pub foreign: OneIn,
    /// What happens to a request that arrives while the meter thinks.
    pub while_thinking: WhileThinking,
    /// Whether the meter hears only what follows 3.5 characters of silence, as the standard asks.
    pub needs_silence: bool,
    /// Whether the meter is without power.
    pub dead: bool,
}

impl Default for MeterTroubles {
    fn default() -> Self {
        Self {
            turnaround: Spread::fixed(Duration::from_millis(10)),
            late: None,
            doubled: None,
            lost_requests: OneIn::NEVER,
            lost_answers: OneIn::NEVER,
            truncated: OneIn::NEVER,
            flipped: OneIn::NEVER,
            junk: None,
            foreign: OneIn::NEVER,
            while_thinking: WhileThinking::Queues,
            needs_silence: false,
            dead: false,
        }
    }
}

impl MeterTroubles {
    /// A meter that answers after this time and has no trouble.
    pub fn healthy(turnaround: Duration) -> Self {
        Self {
            turnaround: Spread::fixed(turnaround),
            ..Self::default()
        }
    }

    /// A meter that hears no request while it thinks for this time.
    pub fn deaf(turnaround: Duration) -> Self {
        Self {
            while_thinking: WhileThinking::Deaf,
            ..Self::healthy(turnaround)
        }
    }

    /// A meter without power.
    pub fn dead() -> Self {
        Self {
            dead: true,
            ..Self::default()
        }
    }
}

/// The troubles of one FLAG or DLMS meter; what its protocol side can be set to is in its own settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagTroubles {
    /// From the last octet of a request to the first of the answer; none for what the meter says
    /// itself.
    pub turnaround: Option<Spread>,
    /// Answers that take longer.
    pub late: Option<Late>,
    /// Answers that come twice.
    pub doubled: Option<Doubled>,
    /// Octets that the meter does not hear.
    pub lost_octets: OneIn,
    /// Answers that never reach the wire; the meter has seen the request.
    pub lost_answers: OneIn,
    /// Answers that stop half-way.
    pub truncated: OneIn,
    /// Answers with one bit flipped on the way.
    pub flipped: OneIn,
    /// Answers with a wrong last octet, sent as carefully as a right one.
    pub wrong_check: OneIn,
    /// Answers of a session in whose place the meter signs off.
    pub signs_off: OneIn,
    /// Octets of junk before each answer, directly in front of it.
    pub junk: Option<RangeInclusive<u16>>,
    /// A pause behind each character of the meter.
    pub pause: Duration,
    /// What happens to octets that arrive while the meter thinks or speaks.
    pub while_thinking: WhileThinking,
    /// Whether the meter is without power.
    pub dead: bool,
}

impl Default for FlagTroubles {
    fn default() -> Self {
        Self {
            turnaround: None,
            late: None,
            doubled: None,
            lost_octets: OneIn::NEVER,
            lost_answers: OneIn::NEVER,
            truncated: OneIn::NEVER,
            flipped: OneIn::NEVER,
            wrong_check: OneIn::NEVER,
            signs_off: OneIn::NEVER,
            junk: None,
            pause: Duration::ZERO,
            while_thinking: WhileThinking::Queues,
            dead: false,
        }
    }
}

/// The troubles of a wire.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WireTroubles {
    /// Octets, in both directions, with one bit flipped.
    pub noise: OneIn,
    /// Whether the adapter returns what was sent.
    pub echo: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_ten_is_about_a_tenth() {
        let mut dice = Dice::new(3);
        let count =
            |often: OneIn, dice: &mut Dice| (0..10_000).filter(|_| often.happens(dice)).count();
        assert_eq!(count(OneIn::NEVER, &mut dice), 0);
        assert_eq!(count(OneIn::ALWAYS, &mut dice), 10_000);
        assert!((900..1100).contains(&count(OneIn::times(10), &mut dice)));
        assert_eq!(OneIn::times(0), OneIn::NEVER);
    }
}
