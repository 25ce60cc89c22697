//! The models: what they call themselves, and what they hold in which layout.

use super::energy::Source;

/// A simulated model whose values are packets of identities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ElsterModel {
    /// A1700 with 16 time-of-use registers (device 014).
    A1700,
    /// A1700 with 32 of them (device 010).
    A1700Tou32,
    /// A1700 with extended counters and coincident demands (device 026).
    A1700Extended,
    /// A1700 with 36 billing sets and an instrumentation profile (device 030).
    A1700Late,
    /// A1140.
    A1140,
    /// A1120: an A1140 without a load profile.
    A1120,
    /// AS230.
    As230,
}

/// The family that layouts go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    A1700,
    A1140,
    As230,
}

impl ElsterModel {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::A1700,
        Self::A1700Tou32,
        Self::A1700Extended,
        Self::A1700Late,
        Self::A1140,
        Self::A1120,
        Self::As230,
    ];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::A1700 => "elster-a1700",
            Self::A1700Tou32 => "elster-a1700-tou32",
            Self::A1700Extended => "elster-a1700-extended",
            Self::A1700Late => "elster-a1700-late",
            Self::A1140 => "elster-a1140",
            Self::A1120 => "elster-a1120",
            Self::As230 => "elster-as230",
        }
    }

    /// The line it answers a sign-on with. Those of device 030 and of A1140, A1120 and AS230 are
    /// made up after the layout that our sources describe.
    pub const fn identification(self) -> &'static str {
        match self {
            Self::A1700 => "/GEC5090100140400@000",
            Self::A1700Tou32 => "/GEC5090100100400@000",
            Self::A1700Extended => "/GEC5090100260200@000",
            Self::A1700Late => "/GEC5090100300100@000",
            Self::A1140 => "/GEC5120510010401@000",
            Self::A1120 => "/GEC5120510020401@000",
            Self::As230 => "/GEC5\\2130510010401@000",
        }
    }

    pub(super) const fn family(self) -> Family {
        match self {
            Self::A1700 | Self::A1700Tou32 | Self::A1700Extended | Self::A1700Late => Family::A1700,
            Self::A1140 | Self::A1120 => Family::A1140,
            Self::As230 => Family::As230,
        }
    }

    /// Time-of-use registers.
    pub(super) const fn tou(self) -> usize {
        match self {
            Self::A1700 | Self::As230 => 16,
            Self::A1700Tou32 | Self::A1700Extended | Self::A1700Late => 32,
            Self::A1140 | Self::A1120 => 8,
        }
    }

    /// Whether counters have the long form, and demands a coincident one.
    pub(super) const fn is_extended(self) -> bool {
        matches!(self, Self::A1700Extended)
    }

    /// Whether it keeps a load profile.
    pub const fn has_profile(self) -> bool {
        !matches!(self, Self::A1120)
    }

    /// Whether it keeps an instrumentation profile.
    pub const fn has_instrumentation(self) -> bool {
        matches!(self, Self::A1700Late | Self::As230)
    }

    /// Billing sets.
    pub(super) const fn sets(self) -> usize {
        match self {
            Self::A1700Late => 36,
            Self::A1140 | Self::A1120 => 24,
            Self::A1700 | Self::A1700Tou32 | Self::A1700Extended | Self::As230 => 12,
        }
    }

    /// What the registers of 507 count, in their order; nothing for a place that is not used.
    pub(super) fn totals(self) -> Vec<Option<Source>> {
        use Source::{Cd1, Cd2, Cd3, Export, Import, Q1, Q2, Q3, Q4, VaExport, VaImport};
        let first = [Import, Export, Q1, Q2, Q3, Q4, VaImport].map(Some);
        match self.family() {
            Family::A1700 => [&first[..], &[Cd1, Cd2, Cd3].map(Some)].concat(),
            Family::A1140 | Family::As230 => {
                let unused = [None; 6];
                let last = [Cd1, Cd2].map(Some);
                [&first[..], &[Some(VaExport)], &unused, &last].concat()
            }
        }
    }

    /// What the demand registers count.
    pub(super) fn demands(self) -> Vec<Source> {
        use Source::{Cd1, Export, Import, Q1, Q2, Q3, Q4, VaImport};
        match self.family() {
            Family::A1700 => vec![Import, Export, Q1, Q2, Q3, Q4, VaImport, Cd1],
            Family::A1140 => vec![Import, Export, VaImport, Q1],
            Family::As230 => vec![Import, Export],
        }
    }

    /// What the time-of-use registers count, with the rate of each; nothing for one not used.
    pub(super) fn tou_registers(self) -> Vec<Option<(Source, usize)>> {
        use Source::{Export, Import, Q1, VaImport};
        let used = [Import, Export, Q1, VaImport]
            .into_iter()
            .flat_map(|source| (0..RATES).map(move |rate| Some((source, rate))));
        let unused = std::iter::repeat(None);
        used.chain(unused).take(self.tou()).collect()
    }

    /// The code of a source.
    pub(super) fn code(self, source: Option<Source>) -> u8 {
        use Source::{Cd1, Cd2, Cd3, Export, External, Import, Q1, Q2, Q3, Q4, VaExport, VaImport};
        if self.family() == Family::A1700 {
            return match source {
                None | Some(VaExport) => 0,
                Some(Import) => 1,
                Some(Export) => 2,
                Some(Q1) => 3,
                Some(Q2) => 4,
                Some(Q3) => 5,
                Some(Q4) => 6,
                Some(VaImport) => 7,
                Some(Cd1) => 8,
                Some(Cd2) => 9,
                Some(Cd3) => 10,
                Some(External(input)) => 10 + input,
            };
        }
        match source {
            None | Some(Cd3 | External(_)) => 0xff,
            Some(Import) => 0,
            Some(Export) => 1,
            Some(Q1) => 2,
            Some(Q2) => 3,
            Some(Q3) => 4,
            Some(Q4) => 5,
            Some(VaImport) => 6,
            Some(VaExport) => 7,
            Some(Cd1) => 14,
            Some(Cd2) => 15,
        }
    }

    /// The channels of a mask as it is transmitted, in the order of a record.
    pub fn channels(self, mask: [u8; 2]) -> Vec<Source> {
        use Source::{Cd1, Cd2, Cd3, Export, External, Import, Q1, Q2, Q3, Q4, VaExport, VaImport};
        let [high, low] = mask;
        let lows: &[(u8, Source)] = &[
            (0, Import),
            (1, Export),
            (2, Q1),
            (3, Q2),
            (4, Q3),
            (5, Q4),
            (6, VaImport),
        ];
        let (more_lows, highs): (&[_], &[_]) = match self.family() {
            Family::A1700 => (
                &[],
                &[
                    (0, Cd1),
                    (1, Cd2),
                    (2, Cd3),
                    (3, External(1)),
                    (4, External(2)),
                    (5, External(3)),
                    (6, External(4)),
                ],
            ),
            Family::A1140 | Family::As230 => (&[(7, VaExport)], &[(6, Cd1), (7, Cd2)]),
        };
        let chosen = |octet: u8, bits: &[(u8, Source)]| {
            let set = bits.iter().filter(|(bit, _)| octet >> bit & 1 == 1);
            set.map(|(_, source)| *source).collect::<Vec<_>>()
        };
        [
            chosen(low, lows),
            chosen(low, more_lows),
            chosen(high, highs),
        ]
        .concat()
    }

    /// All channels that the model has.
    pub const fn full_mask(self) -> [u8; 2] {
        match self.family() {
            Family::A1700 => [0x7f, 0x7f],
            Family::A1140 | Family::As230 => [0xc0, 0xff],
        }
    }
}

/// Rates of a day.
pub(super) const RATES: usize = 4;

/// The rate at a second of the local day, and when the next one begins: night from midnight, day
/// from seven, peak from five in the afternoon, evening from eight.
pub(super) const SWITCHES: [(i64, usize); RATES] =
    [(0, 0), (7 * 3600, 1), (17 * 3600, 2), (20 * 3600, 3)];

/// The code of a period in minutes.
pub(super) fn period_code(minutes: u8) -> u8 {
    let known = [1, 2, 3, 4, 5, 6, 10, 15, 20, 30, 60];
    let codes = (0..).zip(known);
    codes
        .into_iter()
        .find(|(_, known)| *known == minutes)
        .map_or(9, |(code, _)| code)
}
