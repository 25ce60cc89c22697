//! One simulated FLAG meter that can be programmed, and a gateway that does.

use crate::cut_line::{CutLine, Cutter};
use crate::modbus_world::{agreed, kept};
use iec62056_21::codec::{MeterAddress, Password};
use iec62056_21::conversation::ParityBy;
use line::{
    DataBits, GuardSettings, GuardedLine, LineSettings, LineTiming, Parity, Peer, StopBits,
};
use metering::Timestamp;
use meters::ClockBasis;
use meters::catalogue::Catalogue;
use meters::catalogue::flag::FlagModel;
use meters::dlms::ClockGround;
use meters::flag::{Credentials, LineUse, Visit, Wish, terms};
use meters::program::{
    FlagClockReport, FlagGround, FlagPages, FlagValue, FlagWanted, PageFault, ProgramFault,
    ProgramPlan, ProgramRecord, ProgramReport, carry_out, look, set_flag_clock, standing,
};
use simulator::elster::{ElsterMeter, ElsterModel, PROVISIONAL_ROWS, Scenario, What};
use simulator::trouble::FlagTroubles;
use simulator::wire::{MemoryLine, Wire, WireSettings};
use std::time::Duration;

const LINE: LineSettings = LineSettings {
    baud: 9600,
    data_bits: DataBits::Seven,
    parity: Parity::Even,
    stop_bits: StopBits::One,
};
pub(crate) const SERIAL: &str = "0000000000012345";

pub(crate) type Talk<'v, 'l, 'm> = FlagPages<'v, 'l, 'm, CutLine<MemoryLine>>;

/// The shipped model, with pages of the simulator's own.
pub(crate) fn model() -> FlagModel {
    let text = include_str!("../../../../../config/meter-models/elster-a1700.toml");
    let text = format!("{text}{PROVISIONAL_ROWS}");
    let catalogue = Catalogue::parse(&[("elster-a1700.toml", &text)]).unwrap();
    catalogue.flag_model("elster-a1700").unwrap().clone()
}

pub(crate) struct World {
    pub(crate) wire: Wire,
    pub(crate) meter: ElsterMeter,
    pub(crate) guard: GuardedLine<CutLine<MemoryLine>>,
    pub(crate) cutter: Cutter,
    pub(crate) model: FlagModel,
    pub(crate) password: &'static str,
    /// A clock that is off by more is not set.
    pub(crate) furthest: Duration,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of("00012345")
    }

    /// A meter that has no pages of the simulator's own.
    pub(crate) fn hardware() -> Self {
        Self::made("00012345", false)
    }

    pub(crate) fn of(serial: &str) -> Self {
        Self::made(serial, true)
    }

    fn made(serial: &str, takes_programs: bool) -> Self {
        let wire = Wire::new(WireSettings::of_line(&LINE), 7);
        let scenario = Scenario {
            days: 2,
            bills_monthly: false,
            ..Scenario::new(7, serial)
        };
        let meter = ElsterMeter::new(ElsterModel::A1700, scenario);
        if takes_programs {
            meter.take_programs();
        }
        wire.seat_flag(meter.on_wire().unwrap(), FlagTroubles::default());
        let cutter = Cutter::default();
        let line = CutLine {
            line: wire.line(),
            cutter: cutter.clone(),
        };
        let timing = LineTiming::serial(&LINE, Duration::ZERO);
        Self {
            guard: GuardedLine::new(line, timing, GuardSettings::default()),
            wire,
            meter,
            cutter,
            model: model(),
            password: "FEDC0003",
            furthest: Duration::from_mins(1),
        }
    }

    fn wish(&self) -> Wish {
        Wish {
            peer: Peer(1000),
            address: Some(MeterAddress::new(&self.meter.address()).unwrap()),
            line: LineUse {
                usual: None,
                opening: None,
                changes_speed_to: None,
                parity: ParityBy::Line,
            },
            hold_max: Duration::from_mins(10),
            attempts: 2,
            opening_attempts: 2,
            streams: false,
        }
    }

    /// One session.
    pub(crate) async fn visit<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Talk<'_, '_, '_>) -> Result<T, ProgramFault>,
    ) -> Result<T, ProgramFault> {
        let door = |fault| ProgramFault::Cut {
            at: "the sign-on".to_owned(),
            fault: PageFault::Flag(fault),
        };
        let terms = terms(&self.model, &self.wish());
        let mut visit = Visit::begin(&mut self.guard, &self.model, &terms)
            .await
            .map_err(door)?;
        let password = Credentials::Password(Password::new(self.password).unwrap());
        let done = match visit.log_on(&password).await {
            Ok(()) => work(&mut FlagPages::new(&mut visit)).await,
            Err(fault) => Err(door(fault)),
        };
        visit.end().await;
        done
    }

    pub(crate) fn ground<'m>(model: &'m FlagModel, meter: &'m str) -> FlagGround<'m> {
        FlagGround {
            model,
            variant: "tou-16",
            meter,
            firmware: None,
            operator: Some("J DOE"),
        }
    }

    pub(crate) async fn look(&mut self, plan: &ProgramPlan) -> Result<ProgramRecord, ProgramFault> {
        let record = self.visit(async |pages| look(plan, pages).await).await?;
        Ok(kept(&record))
    }

    pub(crate) async fn carry_out(
        &mut self,
        record: &ProgramRecord,
    ) -> Result<ProgramReport, ProgramFault> {
        let agreed = agreed(SERIAL);
        self.visit(async |pages| carry_out(record, pages, &agreed).await)
            .await
    }

    pub(crate) async fn standing(
        &mut self,
        record: &ProgramRecord,
    ) -> Result<ProgramReport, ProgramFault> {
        self.visit(async |pages| standing(record, pages).await)
            .await
    }

    /// Sets the clock in a session of its own.
    pub(crate) async fn set_clock(&mut self) -> Result<FlagClockReport, ProgramFault> {
        let (meter, wire) = (self.meter.clone(), self.wire.clone());
        let now = move || {
            let utc = u64::try_from(meter.utc(wire.now())).unwrap();
            let millis = u64::from(wire.now().subsec_millis());
            Timestamp::from_seconds(utc).after(Duration::from_millis(millis))
        };
        let basis: ClockBasis = "posix:CET-1CEST,M3.5.0,M10.5.0/3".parse().unwrap();
        let ground = ClockGround {
            basis: &basis,
            now: &now,
        };
        let door = |fault| ProgramFault::Cut {
            at: "the sign-on".to_owned(),
            fault: PageFault::Flag(fault),
        };
        let terms = terms(&self.model, &self.wish());
        let mut visit = Visit::begin(&mut self.guard, &self.model, &terms)
            .await
            .map_err(door)?;
        let password = Credentials::Password(Password::new(self.password).unwrap());
        let done = match visit.log_on(&password).await {
            Ok(()) => set_flag_clock(&mut visit, ground, self.furthest).await,
            Err(fault) => Err(door(fault)),
        };
        visit.end().await;
        done
    }

    /// The cable is whole again; the meter has lost its power in between, or its session.
    pub(crate) async fn mend(&mut self, has_lost_power: bool) {
        if has_lost_power {
            self.meter
                .happen(self.wire.now(), What::PowerCut { seconds: 60 });
        }
        self.cutter.mend(None);
        let line = CutLine {
            line: self.wire.line(),
            cutter: self.cutter.clone(),
        };
        let timing = self.guard.timing();
        self.guard = GuardedLine::new(line, timing, GuardSettings::default());
        tokio::time::sleep(Duration::from_mins(15)).await;
    }

    /// What the meter truly holds.
    pub(crate) fn holds(&self, identities: &[u16]) -> Vec<Option<Vec<u8>>> {
        let now = self.wire.now();
        identities
            .iter()
            .map(|identity| self.meter.holds(*identity, now))
            .collect()
    }

    /// Billing periods that have ended.
    pub(crate) fn billed(&self) -> usize {
        self.meter
            .billing_resets(self.meter.utc(self.wire.now()))
            .len()
    }
}

pub(crate) fn value(name: &str, value: FlagValue) -> FlagWanted {
    FlagWanted {
        name: name.to_owned(),
        value,
    }
}

pub(crate) fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}
