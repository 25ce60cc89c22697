//! One simulated Modbus meter that can be programmed, and a gateway that does.

use crate::cut_line::{CutLine, Cutter, Lost};
use line::{DataBits, GuardSettings, GuardedLine, LineSettings, LineTiming, Parity, StopBits};
use meters::catalogue::{Catalogue, Model, SettingValue};
use meters::modbus::{Framing, TransactionIds};
use meters::program::{
    ModbusPages, Permission, ProgramFault, ProgramPlan, ProgramRecord, ProgramReport, Wanted,
    carry_out, look, settings_plan, standing,
};
use simulator::meter::SettingsMeter;
use simulator::trouble::MeterTroubles;
use simulator::wire::{MemoryLine, Wire, WireSettings};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const UNIT: u8 = 5;
pub(crate) const NAME: &str = "FEEDER-7";
const PASSWORD: u32 = 1000;
const LINE: LineSettings = LineSettings {
    baud: 9600,
    data_bits: DataBits::Eight,
    parity: Parity::None,
    stop_bits: StopBits::One,
};

/// A meter of no maker that has all that a maker may think of: a table in one frame, a number whose
/// registers go one by one, a switch, something protected, something that needs a word to be in force.
const FULL: &str = r#"
maker = "None"
model = "Everything"
protocols = ["modbus-rtu", "modbus-tcp"]
certainty = "documented"
sources = ["this test"]
table = "holding"
line = { baud = 9600, parity = "none", stop-bits = 1 }
limits = { max-count = 60, min-gap-ms = 10, turnaround-ms = 50, timeout-ms = 300 }
probe = { address = 0 }
identify = [{ what = "serial", address = 100, encoding = "u32" }]
register = [{ obis = "1-0:1.8.0", address = 0, encoding = "u32", unit = "Wh", scale = 0 },
            { obis = "1-0:2.8.0", address = 4, encoding = "u64", unit = "Wh", scale = 0 }]

[[setting]]
name = "tariff-table"
what = "calendar"
address = 2000
count = 40
phase = "tariff"
source = "this test"
apply = [{ table = "coil", address = 9, value = 1 }]
[[setting]]
name = "exclusion-table"
what = "exclusion-dates"
address = 2100
count = 20
phase = "tariff"
source = "this test"
apply = [{ table = "coil", address = 9, value = 1 }]
[[setting]]
name = "current-ratio"
what = "current-ratio"
address = 3000
encoding = "u32"
scale = -1
digits = 1
minimum = 1
maximum = "6000.0"
function = 6
phase = "destructive"
source = "this test"
unlock = [{ address = 3900, encoding = "u16", password = true }]
[[setting]]
name = "demand-period"
what = "demand-period"
address = 3010
encoding = "f32"
unit = "min"
allowed = [5, 15, 30, 60]
phase = "destructive"
clears-profile = true
source = "this test"
[[setting]]
name = "backlight"
what = "other"
table = "coil"
address = 20
phase = "setting"
source = "this test"
[[setting]]
name = "dwell"
what = "displays"
address = 3020
encoding = "u16"
unit = "s"
minimum = 0
maximum = 60
function = 6
phase = "setting"
source = "this test"
"#;

pub(crate) fn full_model() -> Model {
    let catalogue = Catalogue::parse(&[("everything.toml", FULL)]).unwrap();
    catalogue.model("everything").unwrap().clone()
}

/// The same without words that put something in force.
pub(crate) fn direct_model() -> Model {
    let text = FULL.replace(
        "apply = [{ table = \"coil\", address = 9, value = 1 }]\n",
        "",
    );
    let catalogue = Catalogue::parse(&[("everything.toml", &text)]).unwrap();
    catalogue.model("everything").unwrap().clone()
}

/// A new value for everything.
pub(crate) fn everything(model: &Model) -> Vec<Wanted> {
    let table = |words: u16| {
        (1..=words)
            .map(|word| format!("{word:04x}"))
            .collect::<Vec<_>>()
    };
    let values = [
        ("tariff-table", table(40).join(" ")),
        ("exclusion-table", table(20).join(" ")),
        ("current-ratio", "5000.5".to_owned()),
        ("demand-period", "30".to_owned()),
        ("backlight", "on".to_owned()),
        ("dwell", "12".to_owned()),
    ];
    values
        .map(|(name, text)| wanted(model, name, &text))
        .to_vec()
}

pub(crate) fn wanted(model: &Model, name: &str, text: &str) -> Wanted {
    let value = model.setting(name).unwrap().parse(text).unwrap();
    Wanted {
        name: name.to_owned(),
        value,
    }
}

pub(crate) fn agreed(meter: &str) -> Permission {
    Permission::to_write().with_profile_read_of(meter)
}

pub(crate) struct World {
    pub(crate) wire: Wire,
    pub(crate) meter: Arc<SettingsMeter>,
    pub(crate) guard: GuardedLine<CutLine<MemoryLine>>,
    pub(crate) cutter: Cutter,
    pub(crate) model: Model,
    pub(crate) password: Option<u32>,
    ids: Option<TransactionIds>,
}

impl World {
    pub(crate) fn new(model: Model, is_tcp: bool) -> Self {
        let settings = if is_tcp {
            WireSettings::modbus_tcp()
        } else {
            WireSettings::of_line(&LINE)
        };
        let wire = Wire::new(settings, 3);
        let meter = Arc::new(SettingsMeter::new(&model, UNIT, 3, PASSWORD).unwrap());
        wire.seat(meter.on_wire(), MeterTroubles::default());
        let cutter = Cutter::default();
        let line = CutLine {
            line: wire.line(),
            cutter: cutter.clone(),
        };
        let timing = if is_tcp {
            LineTiming::stream()
        } else {
            LineTiming::serial(&LINE, Duration::ZERO)
        };
        Self {
            guard: GuardedLine::new(line, timing, GuardSettings::default()),
            wire,
            meter,
            cutter,
            model,
            password: Some(PASSWORD),
            ids: is_tcp.then(TransactionIds::default),
        }
    }

    /// What the meter says it is.
    pub(crate) fn serial(&self) -> String {
        self.meter.meter().serial().unwrap_or(NAME).to_owned()
    }

    pub(crate) fn plan(&self, wanted: &[Wanted]) -> ProgramPlan {
        settings_plan(&self.model, &self.serial(), wanted, &[]).unwrap()
    }

    pub(crate) fn pages(&mut self) -> ModbusPages<'_, '_, '_, CutLine<MemoryLine>> {
        let framing = match &mut self.ids {
            Some(ids) => Framing::Tcp(ids),
            None => Framing::Rtu,
        };
        let pages = ModbusPages::new(&mut self.guard, framing, UNIT, &self.model, NAME);
        match self.password {
            Some(password) => pages.with_password(password),
            None => pages,
        }
    }

    pub(crate) async fn look(&mut self, plan: &ProgramPlan) -> Result<ProgramRecord, ProgramFault> {
        let record = look(plan, &mut self.pages()).await?;
        Ok(kept(&record))
    }

    pub(crate) async fn carry_out(
        &mut self,
        record: &ProgramRecord,
    ) -> Result<ProgramReport, ProgramFault> {
        let agreed = agreed(&self.serial());
        carry_out(record, &mut self.pages(), &agreed).await
    }

    pub(crate) async fn standing(
        &mut self,
        record: &ProgramRecord,
    ) -> Result<ProgramReport, ProgramFault> {
        standing(record, &mut self.pages()).await
    }

    /// The cable is whole again; the meter has lost its power in between, or has not.
    pub(crate) async fn mend(&mut self, has_lost_power: bool) {
        self.cutter.mend(None);
        let line = CutLine {
            line: self.wire.line(),
            cutter: self.cutter.clone(),
        };
        let timing = self.guard.timing();
        self.guard = GuardedLine::new(line, timing, GuardSettings::default());
        if has_lost_power {
            self.meter.lose_power();
        }
        tokio::time::sleep(Duration::from_mins(15)).await;
    }

    pub(crate) fn cut(&self, at: usize, lost: Lost) {
        self.cutter.mend(Some((at, lost)));
    }

    /// What is truly in force, in the order of the model.
    pub(crate) fn holds(&self) -> Vec<Option<SettingValue>> {
        let settings = self.model.settings.iter();
        settings
            .map(|setting| self.meter.in_force(&setting.name))
            .collect()
    }
}

/// Through the journal of its owner and back.
pub(crate) fn kept(record: &ProgramRecord) -> ProgramRecord {
    let read = ProgramRecord::decode(&record.encode()).unwrap();
    assert_eq!(&read, record);
    read
}
