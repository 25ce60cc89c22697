//! One association with one meter.

use super::fault::DlmsFault;
use crate::catalogue::dlms::{DlmsModel, DlmsProfile, DlmsRegister, DlmsWhat};
use crate::cosem::{
    CosemTime, ListedObject, OBJECT_LIST, ProfileSetup, RegisterReading, ScalerUnit, SecuritySetup,
    SetupAnswers, identity_text, read_objects, read_register,
};
use ::dlms::codec::{
    AccessResult, Asked, Attribute, Conformance, Data, LogicalName, Outcome, Selection,
};
use ::dlms::conversation::{Closed, Session, Terms};
use ::dlms::security::CounterKeeper;
use line::{GuardedLine, Line};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Scalers and units that the meter has told. They are asked for once; whoever keeps them drops
/// them with the meter.
pub type Scalers = BTreeMap<Attribute, ScalerUnit>;

/// Which meter is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedMeter {
    /// The one with this serial number or device name.
    This(String),
    /// Whichever answers: its answer becomes the expectation.
    Any,
}

/// A value with the time it took to get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timed<T> {
    /// The value.
    pub value: T,
    /// When the request left.
    pub left_at: Instant,
    /// When the answer had come.
    pub arrived_at: Instant,
}

/// An association with a meter that has said which one it is.
#[derive(Debug)]
pub struct DlmsVisit<'l, 'm, L, K> {
    session: Session<'l, L, K>,
    model: &'m DlmsModel,
    identity: String,
}

impl<'l, 'm, L: Line, K: CounterKeeper> DlmsVisit<'l, 'm, L, K> {
    /// Opens an association and asks which meter it is. Another one than expected is left at once,
    /// before any value of it is read.
    pub async fn begin(
        line: &'l mut GuardedLine<L>,
        keeper: &'l mut K,
        model: &'m DlmsModel,
        terms: &Terms,
        expected: &ExpectedMeter,
    ) -> Result<Self, DlmsFault> {
        let mut session = Session::open(line, keeper, terms).await?;
        match identify(&mut session, model, expected).await {
            Ok(identity) => Ok(Self {
                session,
                model,
                identity,
            }),
            Err(fault) => {
                session.close().await;
                Err(fault)
            }
        }
    }

    /// Its serial number, or its device name where it tells no number.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Its model.
    pub fn model(&self) -> &'m DlmsModel {
        self.model
    }

    /// What goes on below: for what is no reading.
    pub fn session(&mut self) -> &mut Session<'l, L, K> {
        &mut self.session
    }

    /// How long the session may still last.
    pub fn left(&self) -> Duration {
        self.session.left()
    }

    /// Whether the meter lets rows be chosen.
    pub fn has_selection(&self) -> bool {
        self.session.conformance().has(Conformance::SELECTION)
    }

    /// An attribute as it is.
    pub async fn get(&mut self, asked: impl Into<Asked>) -> Result<Outcome, DlmsFault> {
        Ok(self.session.get(asked).await?)
    }

    /// What the clock shows. Whoever knows the time of day compares: the middle between request and
    /// answer is about when the meter looked.
    pub async fn clock(&mut self) -> Result<Timed<CosemTime>, DlmsFault> {
        let asked = self.model.clock.asked();
        let left_at = Instant::now();
        let outcome = self.session.get(asked).await?;
        let arrived_at = Instant::now();
        let value = outcome.map_err(|result| refused(asked, result))?;
        Ok(Timed {
            value: CosemTime::of(&value, "the clock")?,
            left_at,
            arrived_at,
        })
    }

    /// Reads registers. One that the meter has not, or that makes no sense, has its fault.
    pub async fn registers(
        &mut self,
        registers: &[&DlmsRegister],
        scalers: &mut Scalers,
    ) -> Result<Vec<Result<RegisterReading, DlmsFault>>, DlmsFault> {
        let wanted = registers
            .iter()
            .map(|register| register.attribute(register.class.scaler_attribute()));
        self.learn(wanted.collect(), scalers).await?;
        let mut list: Vec<Asked> = Vec::new();
        for register in registers {
            let numbers = register.class.value_attributes().iter();
            list.extend(numbers.map(|number| Asked::from(register.attribute(*number))));
        }
        let outcomes = self.session.get_list(&list).await?;
        let mut rest = outcomes.as_slice();
        let mut readings = Vec::with_capacity(registers.len());
        for register in registers {
            let count = register.class.value_attributes().len();
            let (own, behind) = rest.split_at_checked(count).unwrap_or((rest, &[]));
            rest = behind;
            readings.push(reading(register, own, scalers));
        }
        Ok(readings)
    }

    /// Asks for scalers and units that are not known yet. What the meter refuses stays unknown.
    pub async fn learn(
        &mut self,
        wanted: Vec<Attribute>,
        scalers: &mut Scalers,
    ) -> Result<(), DlmsFault> {
        let unknown = wanted.into_iter().filter(|one| !scalers.contains_key(one));
        let list: Vec<Asked> = unknown.map(Asked::from).collect();
        if list.is_empty() {
            return Ok(());
        }
        let outcomes = self.session.get_list(&list).await?;
        for (asked, outcome) in list.iter().zip(outcomes) {
            if let Some(scaler) = outcome.ok().and_then(|data| ScalerUnit::of(&data).ok()) {
                scalers.insert(asked.attribute, scaler);
            }
        }
        Ok(())
    }

    /// How a profile is set up now: read in every session, as it may change between two.
    pub async fn setup(&mut self, profile: &DlmsProfile) -> Result<ProfileSetup, DlmsFault> {
        let numbers = [3, 4, 5, 7, 8];
        let list: Vec<Asked> = numbers
            .iter()
            .map(|number| Asked::from(profile.attribute(*number)))
            .collect();
        let outcomes = self.session.get_list(&list).await?;
        let [objects, period, order, in_use, entries] = outcomes.as_slice() else {
            return Err(refused(profile.attribute(3), AccessResult::OtherReason));
        };
        let needed = |outcome: &Outcome, number| match outcome {
            Ok(data) => Ok(data.clone()),
            Err(result) => Err(refused(profile.attribute(number), *result)),
        };
        let (objects, period) = (needed(objects, 3)?, needed(period, 4)?);
        let answers = SetupAnswers {
            objects: &objects,
            period: &period,
            order: order.as_ref().ok(),
            in_use: in_use.as_ref().ok(),
            entries: entries.as_ref().ok(),
        };
        Ok(ProfileSetup::read(self.model, profile, &answers)?)
    }

    /// Which objects the association shows.
    pub async fn objects(&mut self) -> Result<Vec<ListedObject>, DlmsFault> {
        let outcome = self.session.get(OBJECT_LIST).await?;
        let list = outcome.map_err(|result| refused(OBJECT_LIST, result))?;
        Ok(read_objects(&list)?)
    }

    /// What a security set-up among its objects says.
    pub async fn security(&mut self, object: &ListedObject) -> Result<SecuritySetup, DlmsFault> {
        let name = LogicalName(object.name.groups());
        let list = SecuritySetup::asked(name).map(Asked::from);
        let answers = self.session.get_list(&list).await?;
        Ok(SecuritySetup::read(object.version, &answers))
    }

    /// Rows of a profile, as the meter sends them.
    pub async fn rows(
        &mut self,
        profile: &DlmsProfile,
        selection: Option<Selection>,
    ) -> Result<Result<Data, AccessResult>, DlmsFault> {
        let attribute = profile.attribute(2);
        let asked = Asked {
            attribute,
            selection,
        };
        Ok(self.session.get(asked).await?)
    }

    /// Releases the association.
    pub async fn end(self) -> Closed {
        self.session.close().await
    }
}

fn reading(
    register: &DlmsRegister,
    outcomes: &[Outcome],
    scalers: &Scalers,
) -> Result<RegisterReading, DlmsFault> {
    let scaler = register.attribute(register.class.scaler_attribute());
    let known = scalers.get(&scaler);
    let known = known.ok_or_else(|| refused(scaler, AccessResult::ObjectUndefined));
    match (outcomes.first(), known) {
        // A register that does not exist has no scaler either.
        (Some(Err(result)), Err(_)) => Err(refused(register.attribute(2), *result)),
        (_, Err(fault)) => Err(fault),
        (_, Ok(scaler)) => read_register(register, *scaler, outcomes)?
            .map_err(|result| refused(register.attribute(2), result)),
    }
}

/// Asks which meter it is: its serial number, and its device name where it has none.
async fn identify<L: Line, K: CounterKeeper>(
    session: &mut Session<'_, L, K>,
    model: &DlmsModel,
    expected: &ExpectedMeter,
) -> Result<String, DlmsFault> {
    let mut said = Vec::new();
    for what in [DlmsWhat::Serial, DlmsWhat::DeviceName] {
        let Some(object) = model.object(what) else {
            continue;
        };
        let outcome = session.get(object.asked()).await?;
        said.extend(outcome.ok().as_ref().and_then(identity_text));
    }
    let found = said.first().cloned().ok_or(DlmsFault::NoIdentity)?;
    match expected {
        ExpectedMeter::This(expected) if !said.contains(expected) => Err(DlmsFault::WrongMeter {
            found,
            expected: expected.clone(),
        }),
        ExpectedMeter::This(expected) => Ok(expected.clone()),
        ExpectedMeter::Any => Ok(found),
    }
}

fn refused(attribute: Attribute, result: AccessResult) -> DlmsFault {
    DlmsFault::Refused {
        what: attribute.to_string(),
        result,
    }
}
