//! The gateway's own driver over a simulated wire, under paused time: the two must fit, and no
//! answer may be taken for another one.

#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use line::{DataBits, GuardSettings, GuardedLine, LineSettings, LineTiming, Parity, StopBits};
use meters::modbus::read_registers;
use meters::{Span, Table};
use simulator::meter::{CountingMeter, ModbusMeter};
use simulator::trouble::{MeterTroubles, OneIn};
use simulator::wire::{MemoryLine, Wire, WireSettings};

const UNIT: u8 = 7;
const LINE: LineSettings = LineSettings {
    baud: 9600,
    parity: Parity::None,
    data_bits: DataBits::Eight,
    stop_bits: StopBits::One,
};

fn world(troubles: MeterTroubles) -> (Wire, GuardedLine<MemoryLine>) {
    let wire = Wire::new(WireSettings::of_line(&LINE), 5);
    wire.seat(
        ModbusMeter::new(UNIT, Arc::new(CountingMeter::new(UNIT))),
        troubles,
    );
    let timing = LineTiming::serial(&LINE, Duration::ZERO);
    let guard = GuardedLine::new(wire.line(), timing, GuardSettings::default());
    (wire, guard)
}

/// Reads two places in turn; says how many answers came and how many of them were wrong.
async fn read_in_turn(guard: &mut GuardedLine<MemoryLine>, times: u16) -> (usize, usize) {
    let (mut accepted, mut wrong) = (0, 0);
    for nth in 0..times {
        let (address, count) = if nth % 2 == 0 { (0, 10) } else { (100, 12) };
        let span = Span {
            table: Table::Input,
            address,
            count,
        };
        if let Ok(answer) = read_registers(guard, UNIT, span, Duration::ZERO).await {
            accepted += 1;
            wrong += usize::from(!CountingMeter::owns(UNIT, span, &answer.words));
        }
    }
    (accepted, wrong)
}

#[tokio::test(start_paused = true)]
async fn a_healthy_meter_answers_every_time_after_its_silence() {
    let (wire, mut guard) = world(MeterTroubles::healthy(Duration::from_millis(20)));
    assert_eq!(read_in_turn(&mut guard, 500).await, (500, 0));
    let silences = wire.silences();
    assert_eq!((silences.count, silences.talked_over), (499, 0));
    let shortest = silences.shortest_centicharacters(wire.settings().character_time());
    assert!(
        shortest >= Some(350),
        "{shortest:?} hundredths of a character"
    );
}

#[tokio::test(start_paused = true)]
async fn junk_and_foreign_frames_cost_nothing() {
    let healthy = MeterTroubles::healthy(Duration::from_millis(20));
    let (_wire, mut guard) = world(MeterTroubles {
        junk: Some(1..=40),
        ..healthy.clone()
    });
    assert_eq!(read_in_turn(&mut guard, 200).await, (200, 0));
    let (_wire, mut guard) = world(MeterTroubles {
        foreign: OneIn::ALWAYS,
        ..healthy
    });
    assert_eq!(read_in_turn(&mut guard, 200).await, (200, 0));
}

#[tokio::test(start_paused = true)]
async fn flipped_truncated_and_lost_answers_are_never_values() {
    let troubles = MeterTroubles {
        flipped: OneIn::times(4),
        truncated: OneIn::times(7),
        lost_answers: OneIn::times(9),
        ..MeterTroubles::healthy(Duration::from_millis(20))
    };
    let (_wire, mut guard) = world(troubles);
    let (accepted, wrong) = read_in_turn(&mut guard, 500).await;
    assert!((200..450).contains(&accepted), "{accepted} of 500 accepted");
    assert_eq!(wrong, 0);
}
