//! The peer: tokio-modbus on tokio-serial as its examples use it, one context for ever and a
//! timeout round each call. No guard, no planner, no silence.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hil_tests::polling::{Case, Report, Tally};
use line::{DataBits, LineSettings, Parity, StopBits};
use meters::{Span, Table};
use simulator::meter::{CountingMeter, ModbusMeter, TICK};
use simulator::wire::{PtyWire, Wire, WireSettings};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_modbus::client::{Context, Reader, rtu};
use tokio_modbus::slave::{Slave, SlaveContext};
use tokio_serial::SerialPortBuilderExt;

/// An error may come back at once, and again at once: a loop that does not rest would only spin.
const REST_AFTER_ERROR: Duration = Duration::from_millis(20);

/// The case that the gateway had, and the one thing that a bare loop needs to be told.
pub(crate) struct Bare {
    pub(crate) case: Case,
    pub(crate) timeout: Duration,
}

/// Runs some cases side by side on one thread.
pub(crate) fn run(cases: &[Bare], folder: &Path) -> Vec<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let local = tokio::task::LocalSet::new();
        let started = cases.iter().enumerate().map(|(number, bare)| {
            let link = folder.join(format!("bare{number}"));
            local.spawn_local(poll_line(bare.case.clone(), bare.timeout, link))
        });
        let started: Vec<_> = started.collect();
        local
            .run_until(async {
                let mut reports = Vec::new();
                for task in started {
                    reports.push(task.await.unwrap());
                }
                reports
            })
            .await
    })
}

async fn poll_line(case: Case, timeout: Duration, link: PathBuf) -> Report {
    let line = LineSettings {
        baud: case.baud,
        parity: Parity::None,
        data_bits: DataBits::Eight,
        stop_bits: StopBits::One,
    };
    let wire = Wire::new(WireSettings::of_line(&line), case.seed);
    for guest in &case.guests {
        let meter = ModbusMeter::new(guest.unit, Arc::new(CountingMeter::new(guest.unit)));
        wire.seat(meter, guest.troubles.clone());
    }
    wire.change_wire(|troubles| *troubles = case.wire.clone());
    let pty = PtyWire::open(&wire, &link).unwrap();
    let port = tokio_serial::new(pty.link().to_string_lossy(), case.baud);
    let mut looped = Loop {
        context: rtu::attach_slave(port.open_native_async().unwrap(), Slave(0)),
        wire: wire.clone(),
        timeout,
        tallies: case.guests.iter().map(|guest| tally(guest.unit)).collect(),
        case,
    };
    looped
        .poll_until(Instant::now() + looped.case.warm_up)
        .await;
    looped.tallies = looped.tallies.iter().map(|old| tally(old.unit)).collect();
    let (begun, busy_before) = (Instant::now(), wire.counters().busy);
    looped.poll_until(begun + looped.case.lasts).await;
    let took = begun.elapsed();
    let asked: u32 = looped.tallies.iter().map(|tally| tally.asked).sum();
    let busy = wire.counters().busy.saturating_sub(busy_before) + line.silence() * asked;
    Report {
        name: looped.case.name,
        meters: looped.tallies,
        silences: wire.silences(),
        character: line.character_time(),
        busy_per_mille: busy.as_micros() * 1000 / took.as_micros(),
        took,
    }
}

fn tally(unit: u8) -> Tally {
    Tally {
        unit,
        ..Tally::default()
    }
}

struct Loop {
    context: Context,
    wire: Wire,
    timeout: Duration,
    tallies: Vec<Tally>,
    case: Case,
}

impl Loop {
    /// Every meter, every block, and again when the pace says so.
    async fn poll_until(&mut self, until: Instant) {
        while Instant::now() < until {
            let next = Instant::now() + self.case.every;
            for meter in 0..self.tallies.len() {
                for (address, count) in self.case.blocks.clone() {
                    if Instant::now() < until {
                        self.ask(
                            meter,
                            Span {
                                table: Table::Input,
                                address,
                                count,
                            },
                        )
                        .await;
                    }
                }
            }
            sleep_until(next.min(until)).await;
        }
    }

    async fn ask(&mut self, meter: usize, span: Span) {
        let tally = self.tallies.get_mut(meter).expect("a meter of this line");
        self.context.set_slave(Slave(tally.unit));
        tally.asked += 1;
        let begun = self.wire.now();
        let call = self.context.read_input_registers(span.address, span.count);
        match timeout(self.timeout, call).await {
            Err(_) => tally.silent += 1,
            Ok(Ok(Ok(words))) => {
                tally.accepted += 1;
                if !belongs(tally.unit, span, &words, begun, self.wire.now()) {
                    tally.wrong.push(span.to_string());
                }
            }
            Ok(_) => {
                tally.damaged += 1;
                sleep(REST_AFTER_ERROR).await;
            }
        }
    }
}

/// Whether this meter said this to this very request: even registers name unit and place, odd
/// ones the time of reading.
fn belongs(unit: u8, span: Span, words: &[u16], begun: Duration, ended: Duration) -> bool {
    let since = CountingMeter::ticks(begun.saturating_sub(TICK));
    let window = CountingMeter::ticks(ended + TICK).wrapping_sub(since);
    let mut ticks = (span.address..)
        .zip(words)
        .filter(|(address, _)| address % 2 == 1);
    CountingMeter::owns(unit, span, words)
        && ticks.all(|(_, ticks)| ticks.wrapping_sub(since) <= window)
}
