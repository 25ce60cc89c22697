//! The roll-out counted anew at every end, as it was written first and can be read at a glance; the kept
//! counts must come to the same, whatever happens in whatever order.

use super::*;
use proptest::prelude::*;

struct Recount {
    pace: Pace,
    targets: Vec<Target>,
    ends: Vec<usize>,
    queue: Vec<usize>,
    wave: usize,
    in_flight: BTreeMap<usize, Timestamp>,
    stopped: Option<(usize, usize)>,
}

impl Recount {
    fn new(pace: Pace, targets: Vec<Target>) -> Self {
        let in_flight = (0..targets.len()).filter(|place| targets[*place].stage.since().is_some());
        let mut all = Self {
            ends: wave_ends(&pace.waves, targets.len()),
            in_flight: in_flight
                .map(|place| (place, Timestamp::default()))
                .collect(),
            pace,
            queue: Vec::new(),
            wave: 0,
            stopped: None,
            targets,
        };
        all.begin_wave();
        all.judge();
        all
    }

    fn range(&self) -> std::ops::Range<usize> {
        let begin = if self.wave == 0 {
            0
        } else {
            self.ends[self.wave - 1]
        };
        begin..self.ends.get(self.wave).copied().unwrap_or(begin)
    }

    fn begin_wave(&mut self) {
        let waits = |place: &usize| self.targets[*place].stage == Stage::Waiting;
        self.queue = self.range().filter(waits).collect();
    }

    fn judge(&mut self) {
        while self.stopped.is_none() && self.wave < self.ends.len() {
            let of_wave = &self.targets[self.range()];
            let failed = of_wave.iter().filter(|one| one.stage.is_failed()).count();
            if failed * 100 > of_wave.len() * usize::from(self.pace.stop_percent) {
                self.stopped = Some((self.wave + 1, failed));
                return;
            }
            let is_over = |one: &Target| one.stage.is_done() || one.stage.is_failed();
            if !of_wave.iter().all(is_over) {
                return;
            }
            self.wave += 1;
            self.begin_wave();
        }
    }

    fn due(&mut self, now: Timestamp) -> Vec<usize> {
        let places: Vec<usize> = self.in_flight.keys().copied().collect();
        for place in places {
            let since = self.targets[place].stage.since();
            if since.is_some_and(|since| since.after(self.pace.within) <= now) {
                self.targets[place].stage = Stage::Silent;
                self.in_flight.remove(&place);
            }
        }
        self.judge();
        let mut sent = Vec::new();
        for (place, last) in &mut self.in_flight {
            if last.after(self.pace.again_after) <= now {
                *last = now;
                sent.push(*place);
            }
        }
        while self.stopped.is_none()
            && self.in_flight.len() < self.pace.in_flight_max
            && !self.queue.is_empty()
        {
            let place = self.queue.remove(0);
            self.targets[place].stage = Stage::Sent { since: now };
            self.in_flight.insert(place, now);
            sent.push(place);
        }
        sent
    }

    fn hear(&mut self, place: usize, state: CommandState) -> bool {
        let before = self.targets[place].stage;
        if matches!(before, Stage::Ended(state) if state.is_final()) {
            return false;
        }
        let is_end = state.is_final() || state == CommandState::Partial;
        self.targets[place].stage = match before.since() {
            _ if is_end => Stage::Ended(state),
            Some(since) => Stage::Open { since, state },
            None => return false,
        };
        if is_end {
            self.in_flight.remove(&place);
            self.queue.retain(|waiting| *waiting != place);
            self.judge();
        }
        self.targets[place].stage != before
    }
}

/// What can happen to a roll-out.
#[derive(Debug, Clone)]
enum Happens {
    Hears(usize, CommandState),
    Looks {
        seconds: u64,
    },
    /// Killed and begun again from its file, perhaps with another rule.
    Restarts {
        stop_percent: u8,
    },
}

fn happens(gateways: usize) -> impl Strategy<Value = Happens> {
    let state = prop_oneof![
        12 => Just(CommandState::Succeeded),
        2 => Just(CommandState::Executing),
        2 => Just(CommandState::Partial),
        1 => Just(CommandState::Failed),
        1 => Just(CommandState::Rejected),
        1 => Just(CommandState::Expired),
    ];
    prop_oneof![
        20 => (0..gateways, state).prop_map(|(place, state)| Happens::Hears(place, state)),
        6 => (0_u64..900).prop_map(|seconds| Happens::Looks { seconds }),
        1 => (0_u8..60).prop_map(|stop_percent| Happens::Restarts { stop_percent }),
    ]
}

fn receipt(id: CommandId, state: CommandState, at: Timestamp) -> Receipt {
    Receipt {
        next_key: None,
        id,
        number: 1,
        state,
        at,
        step: 0,
        steps: 0,
        code: None,
        text: None,
        now: None,
        evidence: None,
        proof: None,
    }
}

fn targets(count: usize) -> Vec<Target> {
    let target = |place: usize| {
        let number = u8::try_from(place).unwrap();
        Target {
            gateway: format!("pmu-{number:03}").parse().unwrap(),
            id: CommandId::new([number; 16]),
            stage: Stage::Waiting,
            code: None,
        }
    };
    (0..count).map(target).collect()
}

const GATEWAYS: usize = 60;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn what_is_kept_of_a_wave_is_what_counting_it_anew_gives(
        waves in proptest::collection::vec(1_usize..30, 1..4),
        (stop_percent, in_flight_max) in (0_u8..70, 1_usize..20),
        what in proptest::collection::vec(happens(GATEWAYS), 1..300),
    ) {
        let pace = Pace {
            waves,
            stop_percent,
            in_flight_max,
            again_after: Duration::from_mins(5),
            within: Duration::from_mins(20),
        };
        let mut kept = RollOut::new(pace.clone(), targets(GATEWAYS));
        let mut anew = Recount::new(pace, targets(GATEWAYS));
        let mut now = Timestamp::from_seconds(1_795_000_000);
        for one in what {
            match one {
                Happens::Hears(place, state) => {
                    let target = kept.targets()[place].clone();
                    let said = receipt(target.id, state, now);
                    prop_assert_eq!(kept.hear(&target.gateway, &said), anew.hear(place, state));
                }
                Happens::Looks { seconds } => {
                    now = now.after(Duration::from_secs(seconds));
                    prop_assert_eq!(kept.to_send(now), anew.due(now));
                }
                Happens::Restarts { stop_percent } => {
                    kept = RememberedRollOut::from(&kept).restore(Some(stop_percent)).unwrap();
                    let pace = Pace { stop_percent, ..anew.pace.clone() };
                    anew = Recount::new(pace, anew.targets.clone());
                }
            }
            prop_assert_eq!(kept.stopped(), anew.stopped);
            prop_assert_eq!(kept.wave, anew.wave);
            prop_assert_eq!(&kept.in_flight, &anew.in_flight);
            prop_assert_eq!(kept.targets(), &anew.targets[..]);
        }
    }
}
