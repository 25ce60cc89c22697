//! The conversation: look, write, read back.

use super::super::fault::DlmsFault;
use super::super::visit::DlmsVisit;
use super::fault::WriteFault;
use super::program::Plan;
use super::record::{
    Activated, CalendarRecord, Fingerprint, Held, Item, Role, Rows, WriteRecord, profile_attribute,
};
use super::report::{Doubtful, ItemState, WriteReport};
use super::standing::{Image, Standing};
use super::steps::{Step, is_to_come};
use crate::cosem::{Likeness, SpecialDay, compare, data_text};
use ::dlms::codec::{ActionResult, Attribute, Data, Method};
use ::dlms::security::CounterKeeper;
use line::Line;
use std::collections::BTreeSet;

/// How a step went: done, or why nothing more is done, in the meter's words.
type Went = Result<(), String>;

impl<L: Line, K: CounterKeeper> DlmsVisit<'_, '_, L, K> {
    /// Reads all that a plan touches, and writes nothing. Whoever has decided on a plan because of
    /// what a meter held gives the fingerprint of that: anything else is refused.
    pub async fn look(
        &mut self,
        plan: &Plan,
        expected: Option<Fingerprint>,
    ) -> Result<WriteRecord, WriteFault> {
        self.must_be(&plan.meter)?;
        let mut record = WriteRecord {
            meter: plan.meter.clone(),
            is_restoring: false,
            clock_s: 0,
            calendar: plan.calendar.map(|(name, activated)| CalendarRecord {
                name: name.0,
                activated,
            }),
            items: plan.items.clone(),
            rows: Vec::new(),
        };
        for (name, period, is_reset) in &plan.profiles {
            let at = |number| profile_attribute(*name, number);
            let now = self.number(at(4)).await.map_err(WriteFault::unread)?;
            let rows = self.number(at(7)).await.map_err(WriteFault::unread)?;
            if let Some(period) = period {
                let wanted = Data::DoubleLongUnsigned(*period);
                record.items.push(Item::new(Role::Period, at(4), wanted));
            }
            record.rows.push(Rows {
                profile: name.0,
                before: rows,
                period_s: period.map_or(now, |period| period.min(now)),
                is_reset: *is_reset,
            });
        }
        let image = self.image(&record).await.map_err(WriteFault::unread)?;
        for item in &mut record.items {
            item.before = Held(image.value(item.attribute()).clone());
        }
        record.clock_s = image.clock_s;
        let found = record.fingerprint();
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            return Err(WriteFault::Changed { found, expected });
        }
        must_come(&record, &image)?;
        Ok(record)
    }

    /// Reads what the meter holds of a record, and writes nothing.
    pub async fn standing(&mut self, record: &WriteRecord) -> Result<WriteReport, WriteFault> {
        self.must_be(&record.meter)?;
        let image = self.image(record).await.map_err(WriteFault::cut)?;
        let standing = Standing {
            record,
            image: &image,
        };
        Ok(standing.report(None))
    }

    /// Writes what is not there yet, in order, and reads back each write; what the meter refuses ends
    /// it. The report is what the meter holds then, all of it read again.
    ///
    /// The same for the first time, to go on behind a cut, and with a record that is turned back to
    /// write what was there before.
    pub async fn carry_out(
        &mut self,
        record: &WriteRecord,
        doubtful: Doubtful,
    ) -> Result<WriteReport, WriteFault> {
        self.must_be(&record.meter)?;
        let image = self.image(record).await.map_err(WriteFault::cut)?;
        let standing = Standing {
            record,
            image: &image,
        };
        let report = standing.report(None);
        if doubtful == Doubtful::Leave && !report.places(&[ItemState::Foreign]).is_empty() {
            let words = "nothing was written, as places hold what nobody expects";
            return Ok(standing.report(Some(words.to_owned())));
        }
        let steps = standing.steps();
        let times: Vec<Attribute> = record.of(Role::Time).map(Item::attribute).collect();
        let arms = |step: &Step| matches!(step, Step::Set(at, _) if times.contains(at));
        if !record.is_restoring && steps.iter().any(arms) {
            must_come(record, &image)?;
        }
        let mut stopped = None;
        for step in steps {
            if let Err(words) = self.step(step).await? {
                stopped = Some(words);
                break;
            }
        }
        let image = self.image(record).await.map_err(WriteFault::cut)?;
        let standing = Standing {
            record,
            image: &image,
        };
        Ok(standing.report(stopped))
    }

    pub(super) fn must_be(&self, meter: &str) -> Result<(), WriteFault> {
        if self.identity() == meter {
            return Ok(());
        }
        Err(WriteFault::OtherMeter {
            found: self.identity().to_owned(),
            expected: meter.to_owned(),
        })
    }

    /// An attribute that must be there.
    async fn value(&mut self, attribute: Attribute) -> Result<Data, DlmsFault> {
        let outcome = self.get(attribute).await?;
        outcome.map_err(|result| DlmsFault::Refused {
            what: attribute.to_string(),
            result,
        })
    }

    async fn number(&mut self, attribute: Attribute) -> Result<u32, DlmsFault> {
        let value = self.value(attribute).await?;
        let number = value
            .integer()
            .and_then(|number| u32::try_from(number).ok());
        number.ok_or_else(|| DlmsFault::Unknown {
            what: format!("what {attribute} means, `{}`,", data_text(&value)),
            remedy: "compare the class of the object",
        })
    }

    /// All that a record touches, as the meter holds it now.
    async fn image(&mut self, record: &WriteRecord) -> Result<Image, DlmsFault> {
        let mut image = Image::default();
        let items = record.items.iter().map(Item::attribute);
        let rows = record.rows.iter().map(|rows| rows.attribute(7));
        let attributes: BTreeSet<Attribute> = items.chain(rows).collect();
        if record.calendar.is_some() || !record.rows.is_empty() {
            image.clock_s = self.clock().await?.value.shown.seconds();
        }
        for attribute in attributes {
            let value = self.value(attribute).await?;
            image.values.insert(attribute, value);
        }
        Ok(image)
    }

    async fn step(&mut self, step: Step) -> Result<Went, WriteFault> {
        let went = match step {
            Step::Set(attribute, value) => self.written(attribute, &value).await,
            Step::Insert(table, day) => {
                let method = SpecialDay::insertion(table.name);
                self.entry(method, &day.encode(), table, |days| days.contains(&day))
                    .await
            }
            Step::Delete(table, index) => {
                let method = SpecialDay::deletion(table.name);
                let is_gone = |days: &[SpecialDay]| days.iter().all(|day| day.index != index);
                self.entry(method, &Data::LongUnsigned(index), table, is_gone)
                    .await
            }
            Step::Activate(method, held) => match self.executed(method, &Data::Integer(0)).await {
                Ok(Ok(())) => self.verified(&held).await,
                other => other,
            },
            Step::Reset(method, in_use, rows) => self.emptied(method, in_use, rows).await,
            Step::Verify(held) => self.verified(&held).await,
        };
        went.map_err(WriteFault::cut)
    }

    async fn written(&mut self, attribute: Attribute, value: &Data) -> Result<Went, DlmsFault> {
        match self.session().set(attribute, value).await {
            Ok(::dlms::codec::AccessResult::Success) => {}
            Ok(result) => {
                return Ok(Err(format!(
                    "the meter does not take {attribute}: {result}"
                )));
            }
            Err(fault) => return refused(fault.into(), &attribute.to_string()),
        }
        self.verified(&[(attribute, value.clone())]).await
    }

    async fn executed(&mut self, method: Method, parameter: &Data) -> Result<Went, DlmsFault> {
        match self.session().act(method, Some(parameter)).await {
            Ok((ActionResult::Success, _)) => Ok(Ok(())),
            Ok((result, _)) => Ok(Err(format!(
                "the meter does not execute {method}: {result}"
            ))),
            Err(fault) => refused(fault.into(), &method.to_string()),
        }
    }

    async fn entry(
        &mut self,
        method: Method,
        parameter: &Data,
        table: Attribute,
        is_done: impl Fn(&[SpecialDay]) -> bool,
    ) -> Result<Went, DlmsFault> {
        if let Err(words) = self.executed(method, parameter).await? {
            return Ok(Err(words));
        }
        let value = self.value(table).await?;
        let is_done = SpecialDay::decode_all(&value).is_ok_and(|days| is_done(&days));
        Ok(if is_done {
            Ok(())
        } else {
            Err(format!("{table} does not show what {method} did"))
        })
    }

    async fn emptied(
        &mut self,
        method: Method,
        in_use: Attribute,
        rows: u32,
    ) -> Result<Went, DlmsFault> {
        if let Err(words) = self.executed(method, &Data::Integer(0)).await? {
            return Ok(Err(words));
        }
        let left = self.number(in_use).await?;
        Ok(if left < rows {
            Ok(())
        } else {
            Err(format!("{left} rows are there behind {method}"))
        })
    }

    async fn verified(&mut self, held: &[(Attribute, Data)]) -> Result<Went, DlmsFault> {
        for (attribute, wanted) in held {
            let found = match self.value(*attribute).await {
                Ok(found) => found,
                Err(fault) => return refused(fault, &attribute.to_string()),
            };
            if compare(*attribute, wanted, &found) == Likeness::Different {
                let (found, wanted) = (data_text(&found), data_text(wanted));
                return Ok(Err(format!(
                    "{attribute} is `{found}` where `{wanted}` was written"
                )));
            }
        }
        Ok(Ok(()))
    }
}

/// A fault that leaves the session is the meter's word; any other one is a cut.
fn refused(fault: DlmsFault, what: &str) -> Result<Went, DlmsFault> {
    if fault.ends_session() {
        Err(fault)
    } else {
        Ok(Err(format!("{what}: {fault}")))
    }
}

/// A calendar cannot come into force in the past.
fn must_come(record: &WriteRecord, image: &Image) -> Result<(), WriteFault> {
    let is_timed = record
        .calendar
        .is_some_and(|calendar| calendar.activated == Activated::AtTime);
    let mut times = record.of(Role::Time);
    if is_timed && times.any(|item| !is_to_come(&item.wanted.0, image.clock_s)) {
        return Err(WriteFault::TimeIsOver);
    }
    Ok(())
}
