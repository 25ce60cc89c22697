//! CPU time a request, guard and driver alone: a pty without a baud rate, a meter that answers at
//! once, and the clock of the one thread that asks.
//!
//! The guard and the bare crate take turns every few milliseconds, so that both meet the same
//! neighbours: what else runs on the machine changes the cost of a request fivefold. All is kept on
//! one processor. On two it is chance whether the asking thread must sleep before its answer comes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hil_tests::pty_port::PtyPort;
use line::{GuardSettings, GuardedLine, LineTiming};
use meters::modbus::read_registers;
use meters::{Span, Table};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use simulator::meter::{CountingMeter, ModbusMeter};
use simulator::trouble::MeterTroubles;
use simulator::wire::{PtyWire, Wire, WireSettings};
use tokio_modbus::client::{Context, Reader, rtu};
use tokio_modbus::slave::Slave;
use tokio_serial::SerialPortBuilderExt;

use crate::Ground;
use crate::cpu::thread_cpu;
use crate::table::{Limit, Row, Spread};

const UNIT: u8 = 7;
const SPAN: Span = Span {
    table: Table::Input,
    address: 0,
    count: 10,
};
/// A pty without a baud rate takes any.
const BAUD: u32 = 115_200;
/// Requests in a row.
const TURN: u32 = 200;
/// Turns of each that make one measurement.
const TURNS: u32 = 20;

/// CPU time a request, in microseconds.
pub(crate) struct Cost {
    guarded: Vec<f64>,
    pub(crate) bare: Vec<f64>,
}

pub(crate) fn rows(ground: &Ground) -> Vec<Row> {
    let cost = measure(ground.by_pace(5, 25));
    let ratios = cost
        .guarded
        .iter()
        .zip(&cost.bare)
        .map(|(ours, theirs)| ours / theirs);
    let ratios = Spread::of(ratios.collect());
    let (guarded, bare) = (Spread::of(cost.guarded), Spread::of(cost.bare));
    vec![Row {
        figure: "CPU a request, guard and driver, in those of the bare crate".to_owned(),
        limit: Limit::AtMost(2.0),
        measured: ratios,
        unit: "times",
        peer: format!("{guarded} us against {bare} us, tokio-modbus"),
    }]
}

/// So many measurements, on a thread of their own.
pub(crate) fn measure(count: u32) -> Cost {
    std::thread::scope(|scope| scope.spawn(|| measure_here(count)).join()).expect("a measurement")
}

fn measure_here(count: u32) -> Cost {
    stay_on_one_processor();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let (_one, one) = quick_meter(&folder.path().join("one"));
        let (_other, other) = quick_meter(&folder.path().join("other"));
        let port = PtyPort::open(one.link(), BAUD).unwrap();
        let mut guard = GuardedLine::new(port, LineTiming::stream(), GuardSettings::default());
        let port = tokio_serial::new(other.link().to_string_lossy(), BAUD);
        let mut bare = rtu::attach_slave(port.open_native_async().unwrap(), Slave(UNIT));
        let mut cost = Cost {
            guarded: Vec::new(),
            bare: Vec::new(),
        };
        // The first measurement warms up.
        for _ in 0..=count {
            let (mut ours, mut theirs) = (Duration::ZERO, Duration::ZERO);
            for _ in 0..TURNS {
                ours += guarded_turn(&mut guard).await;
                theirs += bare_turn(&mut bare).await;
            }
            cost.guarded
                .push(ours.as_secs_f64() * 1e6 / f64::from(TURN * TURNS));
            cost.bare
                .push(theirs.as_secs_f64() * 1e6 / f64::from(TURN * TURNS));
        }
        cost.guarded.remove(0);
        cost.bare.remove(0);
        cost
    })
}

/// A meter that answers at once, behind a pty without a baud rate.
fn quick_meter(link: &Path) -> (Wire, PtyWire) {
    let wire = Wire::new(WireSettings::rtu_stream(), 1);
    let meter = ModbusMeter::new(UNIT, Arc::new(CountingMeter::new(UNIT)));
    wire.seat(meter, MeterTroubles::healthy(Duration::ZERO));
    let pty = PtyWire::open(&wire, link).unwrap();
    (wire, pty)
}

async fn guarded_turn(guard: &mut GuardedLine<PtyPort>) -> Duration {
    let before = thread_cpu();
    for _ in 0..TURN {
        let answer = read_registers(guard, UNIT, SPAN, Duration::ZERO).await;
        assert_eq!(answer.unwrap().words.len(), 10);
    }
    thread_cpu().saturating_sub(before)
}

async fn bare_turn(bare: &mut Context) -> Duration {
    let before = thread_cpu();
    for _ in 0..TURN {
        let words = bare.read_input_registers(SPAN.address, SPAN.count).await;
        assert_eq!(words.unwrap().unwrap().len(), 10);
    }
    thread_cpu().saturating_sub(before)
}

/// This thread, and those that it starts.
fn stay_on_one_processor() {
    let allowed = sched_getaffinity(None).unwrap();
    let last = (0..CpuSet::MAX_CPU).rev().find(|cpu| allowed.is_set(*cpu));
    let mut one = CpuSet::new();
    one.set(last.expect("a processor"));
    sched_setaffinity(None, &one).unwrap();
}
