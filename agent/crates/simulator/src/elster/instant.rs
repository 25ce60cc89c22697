//! Instantaneous values: asked for with 605, ready a while later, read with 606.

use std::time::Duration;

use super::contents::Contents;
use super::encode::bcd_high_first;
use super::energy::Source;

/// Selectors of a request, and when it was made.
#[derive(Debug, Clone)]
pub(super) struct Request {
    selectors: Vec<u8>,
    at: Duration,
}

/// A value as the meter shows it: digits with four decimals less this many, and a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant {
    /// Digits.
    pub digits: u64,
    /// How many decimals it has fewer than four.
    pub fewer: u8,
    /// Whether it is negative.
    pub is_negative: bool,
}

const SELECTORS: usize = 4;

impl Contents {
    pub(super) fn request_instants(&mut self, selectors: &[u8], at: Duration) -> bool {
        let fits = (1..=SELECTORS).contains(&selectors.len());
        if fits {
            self.request = Some(Request {
                selectors: selectors.to_vec(),
                at,
            });
        }
        fits
    }

    /// 605: the selectors, with their highest bit where a value is ready.
    pub(super) fn instants_ready(&self, at: Duration) -> Vec<u8> {
        let mut octets = vec![0; SELECTORS];
        let Some(request) = &self.request else {
            return octets;
        };
        // One after the other: the last needs the whole time.
        let count = u32::try_from(request.selectors.len()).unwrap_or(1);
        let waited = at.saturating_sub(request.at);
        for ((place, octet), selector) in (1..).zip(&mut octets).zip(&request.selectors) {
            let needs = self.scenario.ready_after * place / count;
            let ready = *selector != 0 && waited >= needs;
            *octet = if ready { selector | 0x80 } else { *selector };
        }
        octets
    }

    /// 606: seven octets for each selector.
    pub(super) fn instants(&self, at: Duration) -> Vec<u8> {
        let ready = self.instants_ready(at);
        let values = ready.iter().map(|selector| {
            let value = (selector & 0x80 != 0).then(|| self.instant(selector & 0x7f, at));
            value.flatten()
        });
        values.flat_map(instant_octets).collect()
    }

    /// The value of a selector now; none if the meter does not know it.
    pub(super) fn instant(&self, selector: u8, at: Duration) -> Option<Instant> {
        let phase = u64::from(selector >> 4);
        if !matches!(phase, 0 | 1 | 2 | 4) {
            return None;
        }
        let utc = self.utc(at);
        let of_phase = |total: u64| if phase == 0 { total } else { total / 3 + phase };
        let power = |source| {
            let energies = &self.energies;
            let second = energies.total(source, utc + 1) - energies.total(source, utc);
            u64::try_from(second).unwrap_or(u64::MAX)
        };
        let plain = |digits| Instant {
            digits,
            fewer: 0,
            is_negative: false,
        };
        // Milliwatts to kilowatts with four decimals: two digits less.
        let kilo = |source| plain(of_phase(power(source)) / 100);
        Some(match selector & 0x0f {
            1 => plain(of_phase(power(Source::Import)) / 300_000),
            2 => plain(1_100_000 + phase * 1_000 + power(Source::Import) % 777),
            3 => plain(9_500 - phase * 10),
            4 | 0xc => kilo(Source::Import),
            5 | 0xd => kilo(Source::Q1),
            6 | 0xe => kilo(Source::VaImport),
            7 => plain(1),
            8 => plain(500_000 + power(Source::Export) % 300),
            9 => Instant {
                is_negative: phase == 4,
                ..plain(181_900 + phase * 100)
            },
            0xa => Instant {
                fewer: 2,
                ..plain(of_phase(power(Source::Import)) / 700_000)
            },
            0xb => Instant {
                fewer: 1,
                ..plain(1_105_000 + phase * 100)
            },
            _ => return None,
        })
    }
}

fn instant_octets(value: Option<Instant>) -> Vec<u8> {
    let Some(value) = value else {
        return vec![0xff; 7];
    };
    let sign = if value.is_negative { 0x80 } else { 0 };
    let mut octets = vec![value.fewer & 0x07 | sign];
    octets.extend(bcd_high_first(value.digits.into(), 6));
    octets
}
