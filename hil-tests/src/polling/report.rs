//! What came of a line that was polled.

use std::time::Duration;

use simulator::wire::Silences;

/// What came of a meter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Its unit address.
    pub unit: u8,
    /// Requests.
    pub asked: u32,
    /// Answers accepted, those to probes not counted.
    pub accepted: u32,
    /// Answers to probes.
    pub probes: u32,
    /// Accepted answers that were not this meter's to this request.
    pub wrong: Vec<String>,
    /// Requests without an answer.
    pub silent: u32,
    /// Damaged answers.
    pub damaged: u32,
}

/// What came of a line.
#[derive(Debug, Clone)]
pub struct Report {
    /// The case.
    pub name: String,
    /// One a meter.
    pub meters: Vec<Tally>,
    /// What the wire saw before requests.
    pub silences: Silences,
    /// A character on that wire.
    pub character: Duration,
    /// Line time in use, of the time that passed, in tenths of a per cent: octets, turnaround
    /// and the silence that must be kept.
    pub busy_per_mille: u128,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    /// All meters together.
    pub fn all(&self) -> Tally {
        let mut all = Tally::default();
        for meter in &self.meters {
            all.asked += meter.asked;
            all.accepted += meter.accepted;
            all.probes += meter.probes;
            all.silent += meter.silent;
            all.damaged += meter.damaged;
            all.wrong.extend(meter.wrong.iter().cloned());
        }
        all
    }

    /// The meter with this address.
    #[track_caller]
    pub fn meter(&self, unit: u8) -> &Tally {
        self.meters
            .iter()
            .find(|meter| meter.unit == unit)
            .expect("a meter of this line")
    }

    /// The shortest silence before a request, in hundredths of a character.
    pub fn shortest_silence(&self) -> u128 {
        self.silences
            .shortest_centicharacters(self.character)
            .unwrap_or(u128::MAX)
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = self.all();
        let rate = u128::from(all.accepted) * 10_000 / self.took.as_millis().max(1);
        write!(
            f,
            "{:<52} {:>3} wrong of {:>5}, {:>3}.{} answers/s, {:>3} probes, {:>3} silent, {:>3} damaged",
            self.name,
            all.wrong.len(),
            all.accepted,
            rate / 10,
            rate % 10,
            all.probes,
            all.silent,
            all.damaged
        )
    }
}
