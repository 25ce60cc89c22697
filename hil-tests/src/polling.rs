//! The planner, the guard and the Modbus driver together on a real pty, without the daemon: every
//! answer they accept is compared with what the meter said.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use line::{
    DataBits, GuardSettings, GuardedLine, LineFault, LineSettings, LineTiming, Parity, StopBits,
};
use metering::{MeterId, Moment};
use meters::modbus::{ReadFault, read_registers};
use meters::planner::{
    BusTiming, Exchange, Next, Now, Outcome, PlannedMeter, Planner, PlannerSettings, Poll, PollId,
    PollKind,
};
use meters::{Span, Table};
use simulator::meter::{CountingMeter, ModbusMeter, TICK};
use simulator::trouble::{MeterTroubles, WireTroubles};
use simulator::wire::{PtyWire, Wire, WireSettings};
use tokio::time::{Instant, sleep_until};

use crate::clock::utc;
use crate::pty_port::PtyPort;

mod report;
pub use report::{Report, Tally};

/// A meter and its troubles.
#[derive(Debug, Clone)]
pub struct Guest {
    /// Its unit address.
    pub unit: u8,
    /// What is wrong with it.
    pub troubles: MeterTroubles,
}

/// One line that is polled as fast as it goes.
#[derive(Debug, Clone)]
pub struct Case {
    /// In words.
    pub name: String,
    /// Bits per second.
    pub baud: u32,
    /// The meters.
    pub guests: Vec<Guest>,
    /// What is wrong with the wire.
    pub wire: WireTroubles,
    /// The blocks of each meter: first register and count.
    pub blocks: Vec<(u16, u16)>,
    /// Pace of each block.
    pub every: Duration,
    /// What happens before this is not counted.
    pub warm_up: Duration,
    /// How long it is counted.
    pub lasts: Duration,
    /// Seed of the troubles.
    pub seed: u64,
}

impl Case {
    /// One meter that is asked for ten registers at two places in turn, at 19 200 baud.
    pub fn new(name: &str, troubles: MeterTroubles, lasts: Duration) -> Self {
        Self {
            name: name.to_owned(),
            baud: 19_200,
            guests: vec![Guest { unit: 7, troubles }],
            wire: WireTroubles::default(),
            blocks: vec![(0, 10), (100, 10)],
            every: Duration::from_millis(1),
            warm_up: Duration::ZERO,
            lasts,
            seed: 1,
        }
    }

    /// A 9600-baud line whose first meters are dead; each is asked for its blocks every 600 ms, and
    /// the first 10 s do not count.
    pub fn with_dead(
        name: &str,
        (meters, dead): (u8, u8),
        blocks: &[(u16, u16)],
        lasts: Duration,
    ) -> Self {
        let healthy = MeterTroubles::healthy(Duration::from_millis(20));
        let guest = |unit| {
            let troubles = if unit <= dead {
                MeterTroubles::dead()
            } else {
                healthy.clone()
            };
            Guest { unit, troubles }
        };
        Self {
            baud: 9600,
            guests: (1..=meters).map(guest).collect(),
            blocks: blocks.to_vec(),
            every: Duration::from_millis(600),
            warm_up: Duration::from_secs(10),
            ..Self::new(name, healthy.clone(), lasts)
        }
    }

    fn line(&self) -> LineSettings {
        LineSettings {
            baud: self.baud,
            parity: Parity::None,
            data_bits: DataBits::Eight,
            stop_bits: StopBits::One,
        }
    }

    fn meters(&self) -> Vec<PlannedMeter> {
        let poll = |(id, (address, count)): (u16, &(u16, u16))| Poll {
            id: PollId(id),
            kind: PollKind::Every(self.every),
            wanted: vec![Span {
                table: Table::Input,
                address: *address,
                count: *count,
            }],
        };
        let meter = |guest: &Guest| PlannedMeter {
            id: name(guest.unit),
            unit: guest.unit,
            max_count: 125,
            min_gap: Duration::ZERO,
            turnaround: Duration::from_millis(20),
            holes: Vec::new(),
            probe: Span {
                table: Table::Input,
                address: 300,
                count: 1,
            },
            polls: (0..).zip(&self.blocks).map(poll).collect(),
        };
        self.guests.iter().map(meter).collect()
    }
}

fn name(unit: u8) -> MeterId {
    format!("meter-{unit}").parse().expect("a name")
}

/// Runs some cases side by side, as one daemon runs its lines: on one thread.
pub fn run(cases: &[Case], folder: &Path) -> Vec<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async {
        let local = tokio::task::LocalSet::new();
        let started: Vec<_> = cases
            .iter()
            .enumerate()
            .map(|(number, case)| {
                let link = folder.join(format!("tty{number}"));
                local.spawn_local(poll_line(case.clone(), link))
            })
            .collect();
        local
            .run_until(async {
                let mut reports = Vec::new();
                for task in started {
                    reports.push(task.await.expect("a line that was polled to its end"));
                }
                reports
            })
            .await
    })
}

async fn poll_line(case: Case, link: std::path::PathBuf) -> Report {
    let wire = Wire::new(WireSettings::of_line(&case.line()), case.seed);
    for guest in &case.guests {
        let meter = ModbusMeter::new(guest.unit, Arc::new(CountingMeter::new(guest.unit)));
        wire.seat(meter, guest.troubles.clone());
    }
    wire.change_wire(|troubles| *troubles = case.wire.clone());
    let pty = PtyWire::open(&wire, &link).expect("a pty");
    let port = PtyPort::open(pty.link(), case.baud).expect("its port");
    let settings = case.line();
    let timing = LineTiming::serial(&settings, Duration::ZERO);
    let origin = Instant::now();
    let bus = BusTiming {
        character: settings.character_time(),
        silence: settings.silence(),
    };
    let planner = Planner::new(case.meters(), bus, PlannerSettings::default(), now(origin));
    let mut poller = Poller {
        guard: GuardedLine::new(port, timing, GuardSettings::default()),
        planner,
        wire: wire.clone(),
        origin,
        tallies: case
            .guests
            .iter()
            .map(|guest| Tally {
                unit: guest.unit,
                ..Tally::default()
            })
            .collect(),
    };
    poller.poll_until(origin + case.warm_up).await;
    for tally in &mut poller.tallies {
        // What was wrong stays wrong.
        *tally = Tally {
            unit: tally.unit,
            wrong: std::mem::take(&mut tally.wrong),
            ..Tally::default()
        };
    }
    let (begun, busy_before) = (Instant::now(), wire.counters().busy);
    poller.poll_until(begun + case.lasts).await;
    let took = begun.elapsed();
    let silences = wire.silences();
    // The silence that must be kept is part of what a request costs.
    let asked: u32 = poller.tallies.iter().map(|tally| tally.asked).sum();
    let busy = wire.counters().busy.saturating_sub(busy_before) + settings.silence() * asked;
    Report {
        name: case.name,
        meters: poller.tallies,
        silences,
        character: settings.character_time(),
        busy_per_mille: busy.as_micros() * 1000 / took.as_micros(),
        took,
    }
}

fn now(origin: Instant) -> Now {
    Now {
        moment: Moment::new(origin.elapsed()),
        utc: utc(),
    }
}

struct Poller {
    guard: GuardedLine<PtyPort>,
    planner: Planner,
    wire: Wire,
    origin: Instant,
    tallies: Vec<Tally>,
}

impl Poller {
    async fn poll_until(&mut self, until: Instant) {
        while Instant::now() < until {
            self.turn().await;
        }
    }

    async fn turn(&mut self) {
        match self.planner.next(now(self.origin)) {
            Next::Exchange(exchange) => self.exchange(exchange).await,
            Next::Session(turn) => panic!("a line of Modbus meters has a session: {turn:?}"),
            Next::Happened(_) => {}
            Next::WaitUntil(moment) => sleep_until(self.origin + moment.since_origin()).await,
        }
    }

    async fn exchange(&mut self, exchange: Exchange) {
        let begun = self.wire.now();
        let read = read_registers(
            &mut self.guard,
            exchange.unit,
            exchange.span,
            exchange.min_gap,
        )
        .await;
        let tally = self
            .tallies
            .iter_mut()
            .find(|tally| tally.unit == exchange.unit);
        let tally = tally.expect("a meter of this line");
        tally.asked += 1;
        let outcome = match read {
            Ok(answer) => {
                if exchange.is_probe() {
                    tally.probes += 1;
                } else {
                    tally.accepted += 1;
                }
                let fault = untrue(&exchange, &answer.words, begun, self.wire.now());
                tally.wrong.extend(fault);
                let moment = |at: Instant| Moment::new(at.saturating_duration_since(self.origin));
                Outcome::Words {
                    words: answer.words,
                    left_at: moment(answer.left_at),
                    arrived_at: moment(answer.arrived_at),
                }
            }
            Err(ReadFault::Line(LineFault::Silent { .. })) => {
                tally.silent += 1;
                Outcome::Silent
            }
            Err(ReadFault::Line(LineFault::Gone(fault))) => panic!("the port is gone: {fault}"),
            Err(ReadFault::Exception(exception)) => Outcome::Exception(exception.code()),
            Err(_) => {
                tally.damaged += 1;
                Outcome::Damaged
            }
        };
        self.planner.done(&exchange, &outcome, now(self.origin));
    }
}

/// Whether an accepted answer is not this meter's to this very request: even registers name unit
/// and place, odd ones the time of reading.
fn untrue(exchange: &Exchange, words: &[u16], begun: Duration, ended: Duration) -> Option<String> {
    let (unit, span) = (exchange.unit, exchange.span);
    if !CountingMeter::owns(unit, span, words) {
        return Some(format!("unit {unit} {span}: another one's {words:04x?}"));
    }
    let ticks = (span.address..)
        .zip(words)
        .find(|(address, _)| address % 2 == 1);
    let (_, ticks) = ticks?;
    let since = CountingMeter::ticks(begun.saturating_sub(TICK));
    let window = CountingMeter::ticks(ended + TICK).wrapping_sub(since);
    (ticks.wrapping_sub(since) > window)
        .then(|| format!("unit {unit} {span}: the answer to an earlier request, {ticks} is not in {since}+{window}"))
}
