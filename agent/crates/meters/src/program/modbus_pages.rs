//! A Modbus meter as places.

use super::fault::PageFault;
use super::pages::{Confirmation, MeterIdentity, Pages};
use super::place::Place;
use crate::catalogue::{
    IdentityCheck, IdentityValue, Layout, Model, PokeValue, What, password_words,
};
use crate::limits::{PROGRAM_ATTEMPTS, PROGRAM_BUSY_WAIT};
use crate::modbus::{
    Ask, Exception, ExceptionRemedy, Framing, ReadFault, WriteFunction, ask, read_registers,
    read_registers_tcp,
};
use crate::{Span, Table};
use line::{GuardedLine, Line};
use std::fmt;
use std::time::Duration;

/// A Modbus meter on a line that nobody else uses for the time.
///
/// Nothing in an answer on a serial line tells which request it belongs to. So behind a silence a
/// probe of another length is sent before anything else, as the planner does.
pub struct ModbusPages<'g, 'f, 'm, L> {
    guard: &'g mut GuardedLine<L>,
    framing: Framing<'f>,
    unit: u8,
    model: &'m Model,
    /// What the configuration calls it, where it does not say its serial number.
    name: String,
    password: Option<u32>,
    /// Registers that were asked for last.
    last_count: u16,
    is_mute: bool,
}

impl<L> fmt::Debug for ModbusPages<'_, '_, '_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModbusPages")
            .field("unit", &self.unit)
            .field("model", &self.model.id)
            .finish_non_exhaustive()
    }
}

impl<'g, 'f, 'm, L: Line> ModbusPages<'g, 'f, 'm, L> {
    /// A meter of this model at this unit address. `name` is what the configuration calls it: it
    /// stands for the serial number where such meters have none that can be read.
    pub fn new(
        guard: &'g mut GuardedLine<L>,
        framing: Framing<'f>,
        unit: u8,
        model: &'m Model,
        name: &str,
    ) -> Self {
        Self {
            guard,
            framing,
            unit,
            model,
            name: name.to_owned(),
            password: None,
            last_count: 0,
            is_mute: false,
        }
    }

    /// With the password that opens its protected settings.
    #[must_use]
    pub fn with_password(mut self, password: u32) -> Self {
        self.password = Some(password);
        self
    }

    fn gap(&self) -> Duration {
        self.model.limits.min_gap
    }

    async fn read_once(&mut self, span: Span) -> Result<Vec<u16>, ReadFault> {
        let gap = self.gap();
        self.last_count = span.count;
        let answer = match &mut self.framing {
            Framing::Rtu => read_registers(self.guard, self.unit, span, gap).await,
            Framing::Tcp(ids) => read_registers_tcp(self.guard, ids, self.unit, span, gap).await,
        };
        self.note(answer.as_ref().err());
        answer.map(|answer| answer.words)
    }

    async fn ask_once(&mut self, what: &Ask) -> Result<Option<bool>, ReadFault> {
        let gap = self.gap();
        self.last_count = 0;
        let answer = ask(self.guard, &mut self.framing, self.unit, what, gap).await;
        self.note(answer.as_ref().err());
        answer
    }

    fn note(&mut self, fault: Option<&ReadFault>) {
        self.is_mute = matches!(fault, Some(ReadFault::Line(_) | ReadFault::Breach { .. }));
    }

    /// A read whose answer is as long as that of nothing that is still to come.
    fn probe(&self) -> Span {
        let probe = self.model.probe;
        if probe.count != self.last_count {
            return probe;
        }
        let registers = self
            .model
            .registers
            .iter()
            .map(crate::catalogue::Register::span);
        let mut longer = registers.filter(|span| span.count != self.last_count);
        longer.next().unwrap_or(probe)
    }

    /// Reads until the meter answers, or for so many times; a silence is followed by a probe.
    async fn patiently(&mut self, inquiry: Inquiry) -> Result<Vec<u16>, PageFault> {
        let mut attempts = PROGRAM_ATTEMPTS;
        loop {
            if self.is_mute {
                self.settle().await?;
            }
            let answer = match inquiry {
                Inquiry::Registers(span) => self.read_once(span).await,
                Inquiry::Coil(address) => self
                    .ask_once(&Ask::ReadCoil(address))
                    .await
                    .map(|on| vec![u16::from(on.unwrap_or(false))]),
            };
            let fault = match answer {
                Ok(found) => return Ok(found),
                Err(fault) => fault,
            };
            attempts -= 1;
            match &fault {
                ReadFault::Exception(exception) if attempts == 0 || !is_passing(*exception) => {
                    return Err(PageFault::Refused(format!(
                        "the meter refuses: {exception}"
                    )));
                }
                ReadFault::Exception(_) => tokio::time::sleep(PROGRAM_BUSY_WAIT).await,
                ReadFault::Line(_) | ReadFault::Breach { .. } if attempts > 0 => {}
                _ => return Err(PageFault::Modbus(fault)),
            }
        }
    }

    async fn read_span(&mut self, span: Span) -> Result<Vec<u16>, PageFault> {
        self.patiently(Inquiry::Registers(span)).await
    }
}

/// What is read.
#[derive(Debug, Clone, Copy)]
enum Inquiry {
    Registers(Span),
    Coil(u16),
}

/// Whether the same may be asked again at once.
fn is_passing(exception: Exception) -> bool {
    exception.remedy() == ExceptionRemedy::Wait
}

impl<L: Line> Pages for ModbusPages<'_, '_, '_, L> {
    async fn identity(&mut self) -> Result<MeterIdentity, PageFault> {
        let model = self.model;
        let mut answers = Vec::new();
        for item in &model.identify {
            let words = match self.read_span(item.span).await {
                Ok(words) => Some(words),
                Err(PageFault::Refused(_)) => None,
                Err(fault) => return Err(fault),
            };
            answers.push(words.and_then(|words| item.identity(&words).ok()));
        }
        let told = |wanted: fn(What) -> bool| {
            let pairs = model.identify.iter().zip(&answers);
            let told = pairs.filter_map(move |(item, answer)| {
                let answer = answer.as_ref()?;
                let is_known = *answer != IdentityValue::Unavailable;
                (is_known && wanted(item.what)).then(|| answer.to_string())
            });
            told.collect::<Vec<String>>()
        };
        let found = match model.check_identity(&answers, None) {
            IdentityCheck::WrongModel { found, .. } => format!("{} ({found})", model.id),
            _ => model.id.clone(),
        };
        if model.identify.is_empty() {
            // Somebody must answer at all.
            self.read_span(model.probe).await?;
        }
        let serial = told(|what| what == What::Serial).into_iter().next();
        Ok(MeterIdentity {
            model: found,
            meter: serial.unwrap_or_else(|| self.name.clone()),
            firmware: told(|what| what != What::Serial).join(" "),
        })
    }

    async fn read(&mut self, place: &Place) -> Result<Vec<u8>, PageFault> {
        match *place {
            Place::Registers { address, count, .. } => {
                let span = Span {
                    table: Table::Holding,
                    address,
                    count,
                };
                let words = self.read_span(span).await?;
                Ok(words.into_iter().flat_map(u16::to_be_bytes).collect())
            }
            Place::Coil { address } => {
                let coil = self.patiently(Inquiry::Coil(address)).await?;
                Ok(vec![u8::from(coil.first().is_some_and(|on| *on != 0))])
            }
            Place::Packets { .. } => Err(PageFault::OtherProtocol),
        }
    }

    async fn write(&mut self, place: &Place, octets: &[u8]) -> Result<Confirmation, PageFault> {
        let (pairs, _) = octets.as_chunks::<2>();
        let words: Vec<u16> = pairs.iter().copied().map(u16::from_be_bytes).collect();
        let what = match (*place, words.as_slice()) {
            (
                Place::Registers {
                    address,
                    function: WriteFunction::Single,
                    ..
                },
                [word],
            ) => Ask::WriteRegister(address, *word),
            (Place::Registers { address, .. }, _) => Ask::WriteRegisters(address, words),
            (Place::Coil { address }, _) => Ask::WriteCoil(address, octets.first() == Some(&1)),
            (Place::Packets { .. }, _) => return Err(PageFault::OtherProtocol),
        };
        if self.is_mute {
            self.settle().await?;
        }
        match self.ask_once(&what).await {
            Ok(_) => Ok(Confirmation::Confirmed),
            Err(ReadFault::Exception(exception)) => Ok(Confirmation::Refused(format!(
                "the meter refuses: {exception}"
            ))),
            Err(fault @ (ReadFault::Line(_) | ReadFault::Breach { .. })) => {
                Ok(Confirmation::Missing(format!("no confirmation: {fault}")))
            }
            Err(fault) => Err(PageFault::Modbus(fault)),
        }
    }

    async fn settle(&mut self) -> Result<(), PageFault> {
        let mut last = None;
        for _ in 0..PROGRAM_ATTEMPTS {
            let probe = self.probe();
            match self.read_once(probe).await {
                Ok(_) | Err(ReadFault::Exception(_)) => return Ok(()),
                Err(fault) => last = Some(fault),
            }
        }
        match last {
            Some(fault) => Err(PageFault::Modbus(fault)),
            None => Ok(()),
        }
    }

    fn password(&self, place: &Place) -> Option<Vec<u8>> {
        let layout = password_layout(self.model, *place)?;
        let words = password_words(self.password?, layout)?;
        Some(words.into_iter().flat_map(u16::to_be_bytes).collect())
    }
}

/// How a password is written to a place, as the model's settings say.
fn password_layout(model: &Model, place: Place) -> Option<Layout> {
    let Place::Registers { address, .. } = place else {
        return None;
    };
    let mut pokes = model
        .settings
        .iter()
        .flat_map(|setting| setting.unlock.iter().chain(&setting.apply));
    pokes.find_map(|poke| match (&poke.value, poke.place) {
        (
            PokeValue::Password(layout),
            crate::catalogue::SettingPlace::Registers { address: at, .. },
        ) if at == address => Some(*layout),
        _ => None,
    })
}
