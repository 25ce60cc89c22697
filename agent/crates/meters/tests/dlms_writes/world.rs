//! One simulated meter on a wire in memory, and a gateway that writes to it.

use crate::cut_line::{CutLine, Cutter, Lost};
use crate::keeper::Keeper;
use crate::reader::{LINE, LOWER, SERIAL, access, terms};
use ::dlms::codec::{Attribute, Data};
use ::dlms::conversation::Terms;
use ::dlms::hdlc::Parameters;
use line::{GuardSettings, GuardedLine, LineTiming};
use meters::catalogue::Catalogue;
use meters::catalogue::dlms::DlmsModel;
use meters::dlms::{
    DlmsFault, DlmsPlace as Reach, DlmsVisit, ExpectedMeter, Plan, Program, WriteFault,
    WriteRecord, WriteReport,
};
use simulator::dlms::{DlmsInstrument, DlmsPlace, DlmsScenario};
use simulator::trouble::FlagTroubles;
use simulator::wire::{MemoryLine, Wire, WireSettings};
use std::time::Duration;

/// A meter forgets a link that it hears nothing on.
const FORGETS: Duration = Duration::from_mins(3);

pub(crate) type Visit<'l, 'm> = DlmsVisit<'l, 'm, CutLine<MemoryLine>, Keeper>;

/// The generic model, at the address of the meter; special days one by one, or as a table.
pub(crate) fn model(by_entry: bool) -> DlmsModel {
    let text = include_str!("../../../../../config/meter-models/dlms-generic.toml");
    let (place, writing) = ("address-octets = 1\nupper = 1\n", "[writing]\n");
    assert!(text.contains(place) && text.contains(writing));
    let by = if by_entry { "entry" } else { "table" };
    let text = text
        .replace(place, "address-octets = 2\nupper = 1\n")
        .replace(writing, &format!("{writing}special-days-by = \"{by}\"\n"));
    let catalogue = Catalogue::parse(&[("dlms-generic.toml", &text)]).unwrap();
    catalogue.dlms_model("dlms-generic").unwrap().clone()
}

/// Which way and as whom the gateway comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) client: u16,
    pub(crate) is_wrapper: bool,
}

pub(crate) struct World {
    pub(crate) wire: Wire,
    pub(crate) meter: DlmsInstrument,
    pub(crate) guard: GuardedLine<CutLine<MemoryLine>>,
    pub(crate) cutter: Cutter,
    pub(crate) keeper: Keeper,
    pub(crate) model: DlmsModel,
    pub(crate) way: Way,
}

/// A fault at the door is one of the conversation, too.
fn cut(fault: DlmsFault) -> WriteFault {
    WriteFault::Cut { fault }
}

impl World {
    pub(crate) fn new(scenario: DlmsScenario, way: Way, by_entry: bool) -> Self {
        let settings = if way.is_wrapper {
            WireSettings::rtu_stream()
        } else {
            WireSettings::of_line(&LINE)
        };
        let wire = Wire::new(settings, scenario.seed);
        let meter = DlmsInstrument::new(scenario, access());
        let (seated, timing) = if way.is_wrapper {
            (meter.on_wrapper(), LineTiming::stream())
        } else {
            let place = DlmsPlace {
                parameters: Parameters {
                    transmit_octets: 512,
                    receive_octets: 512,
                    ..Parameters::default()
                },
                ..DlmsPlace::alone(LOWER)
            };
            let seated = meter.on_hdlc(place).unwrap();
            (seated, LineTiming::serial(&LINE, Duration::ZERO))
        };
        wire.seat_dlms(seated, FlagTroubles::default());
        let cutter = Cutter::default();
        let line = CutLine {
            line: wire.line(),
            cutter: cutter.clone(),
        };
        Self {
            guard: GuardedLine::new(line, timing, GuardSettings::default()),
            wire,
            meter,
            cutter,
            keeper: Keeper::default(),
            model: model(by_entry),
            way,
        }
    }

    fn terms(&self) -> Terms {
        let place = if self.way.is_wrapper {
            Reach::Wrapper
        } else {
            Reach::Hdlc { lower: Some(LOWER) }
        };
        terms(&self.model, place, self.way.client, Duration::from_mins(10))
    }

    /// One session.
    pub(crate) async fn visit<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Visit<'_, '_>) -> Result<T, WriteFault>,
    ) -> Result<T, WriteFault> {
        let terms = self.terms();
        let expected = ExpectedMeter::This(SERIAL.to_owned());
        let (guard, keeper) = (&mut self.guard, &mut self.keeper);
        let visit = DlmsVisit::begin(guard, keeper, &self.model, &terms, &expected).await;
        let mut visit = visit.map_err(cut)?;
        let done = work(&mut visit).await;
        visit.end().await;
        done
    }

    /// The cable is whole again, and the meter has forgotten the link.
    pub(crate) async fn mend(&mut self, next: Option<(usize, Lost)>) {
        self.cutter.mend(None);
        if self.cutter.is_loud() {
            // A port that is gone is opened again.
            let line = CutLine {
                line: self.wire.line(),
                cutter: self.cutter.clone(),
            };
            let timing = self.guard.timing();
            self.guard = GuardedLine::new(line, timing, GuardSettings::default());
        }
        tokio::time::sleep(FORGETS).await;
        self.cutter.mend(next);
    }

    /// Looks what a program would touch here.
    pub(crate) async fn begin(&mut self, program: Program) -> WriteRecord {
        let plan = program.plan(&self.model.takes(), None).unwrap();
        self.look(&plan).await.unwrap()
    }

    pub(crate) async fn look(&mut self, plan: &Plan) -> Result<WriteRecord, WriteFault> {
        let record = self
            .visit(async |visit| visit.look(plan, None).await)
            .await?;
        Ok(kept(&record))
    }

    pub(crate) async fn carry_out(
        &mut self,
        record: &WriteRecord,
    ) -> Result<WriteReport, WriteFault> {
        use meters::dlms::Doubtful::Leave;
        self.visit(async |visit| visit.carry_out(record, Leave).await)
            .await
    }

    pub(crate) async fn standing(
        &mut self,
        record: &WriteRecord,
    ) -> Result<WriteReport, WriteFault> {
        self.visit(async |visit| visit.standing(record).await).await
    }

    /// What the meter truly holds of a record.
    pub(crate) fn holds(&self, report: &WriteReport) -> Vec<(Attribute, Data)> {
        let items = report.items.iter();
        let held = items.filter_map(|item| {
            let period = || Data::DoubleLongUnsigned(self.meter.period_s());
            let held = match (item.attribute.class, item.attribute.number) {
                (7, 4) => period(),
                _ => self.meter.programmed(item.attribute)?,
            };
            Some((item.attribute, held))
        });
        held.collect()
    }
}

/// Through the journal of its owner and back.
pub(crate) fn kept(record: &WriteRecord) -> WriteRecord {
    let text = toml::to_string(record).unwrap();
    let read: WriteRecord = toml::from_str(&text).unwrap();
    assert_eq!(&read, record);
    read
}
