//! The transaction, and what is told of it afterwards.

use super::{Books, News};
use crate::adapters::clock::Now;
use crate::consumer::booking::{Fact, event_text, gap_text};
use crate::limits::REMARK_CHARS_MAX;
use crate::words::plain;
use std::time::Duration;
use storage::StoreError;
use storage::ledger::{Booked, Delivery, Outcome};

/// Bytes that are no message of the contract are counted each, and told this often.
const TELL_REFUSED_EVERY: Duration = Duration::from_secs(10);

impl Books {
    pub(super) fn commit(
        &mut self,
        bookings: Vec<(Delivery, Fact)>,
        now: Now,
        news: &mut News,
    ) -> Result<(), StoreError> {
        if bookings.is_empty() {
            return Ok(());
        }
        let (deliveries, facts): (Vec<Delivery>, Vec<Fact>) = bookings.into_iter().unzip();
        self.tally.commits += 1;
        let outcomes: Vec<Result<Outcome, String>> = match self.ledger.commit_all(&deliveries) {
            Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
            // One of them is at fault: the others shall not suffer.
            Err(error) if is_about_one(&error) => self.commit_singly(&deliveries)?,
            Err(error) => return Err(error),
        };
        for ((delivery, fact), outcome) in deliveries.iter().zip(facts).zip(outcomes) {
            match outcome {
                Ok(outcome) => self.note(delivery, fact, outcome, news),
                Err(why) => self.refuse(delivery.gateway.as_str(), &why, now, news),
            }
        }
        Ok(())
    }

    fn commit_singly(
        &mut self,
        deliveries: &[Delivery],
    ) -> Result<Vec<Result<Outcome, String>>, StoreError> {
        let single = deliveries
            .iter()
            .map(|delivery| match self.ledger.commit(delivery) {
                Ok(outcome) => Ok(Ok(outcome)),
                Err(error) if is_about_one(&error) => Ok(Err(error.to_string())),
                Err(error) => Err(error),
            });
        single.collect()
    }

    fn note(&mut self, delivery: &Delivery, fact: Fact, outcome: Outcome, news: &mut News) {
        let gateway = &delivery.gateway;
        if let Some(state) = self.fleet.meet(gateway) {
            state.booked(delivery.epoch);
        }
        let booked = match outcome {
            Outcome::New(booked) => booked,
            Outcome::Duplicate => {
                self.tally.duplicates += 1;
                return;
            }
            Outcome::Conflict => {
                self.tally.conflicts += 1;
                let (stream, number) = (delivery.stream, delivery.number);
                news.remarks.push(format!(
                    "ALARM {gateway}: {stream} {number} came again with another content; \
                     the first is kept"
                ));
                return;
            }
        };
        self.tally.booked += 1;
        self.tally.replaced += booked.replaced;
        self.tally.same += booked.same;
        self.tally.differing += booked.differing;
        if booked.differing > 0 {
            news.remarks.push(format!(
                "ALARM {gateway}: {} values of {} {} differ from those booked before; \
                 the first are kept",
                booked.differing, delivery.stream, delivery.number
            ));
        }
        self.tell(delivery, fact, booked, news);
    }

    fn tell(&mut self, delivery: &Delivery, fact: Fact, booked: Booked, news: &mut News) {
        let gateway = &delivery.gateway;
        match fact {
            Fact::Block {
                width,
                flagged,
                mut change,
            } => {
                change.intervals = booked.new / width.max(1);
                self.tally.intervals += change.intervals;
                if change.intervals > 0 {
                    self.tally.flagged += flagged.min(change.intervals);
                }
                news.changes.push(change);
            }
            Fact::Readings(count) => {
                self.tally.readings += u64::try_from(count).unwrap_or(u64::MAX);
            }
            Fact::Event(event) => {
                self.tally.events += 1;
                news.remarks.push(event_text(gateway, &event));
            }
            Fact::Audit => {}
            Fact::Receipt(read) => {
                self.tally.receipts += 1;
                self.tally.unproven += u64::from(!read.is_proven);
                news.remarks.push(read.text(gateway));
            }
            Fact::UnreadReceipt => {
                let number = delivery.number;
                news.remarks.push(format!(
                    "{gateway}: receipt {number} is of a form that this program does not know; its \
                     number is booked and nothing else: update this program"
                ));
            }
            Fact::Gap(gap) => {
                self.tally.gap_records += 1;
                news.remarks.push(gap_text(gateway, &gap));
            }
        }
    }

    pub(super) fn refuse(&mut self, who: &str, why: &str, now: Now, news: &mut News) {
        self.tally.refused += 1;
        let is_told = self
            .refused_told
            .is_some_and(|at| now.moment.since(at) < TELL_REFUSED_EVERY);
        if !is_told {
            self.refused_told = Some(now.moment);
            let total = self.tally.refused;
            let text = format!("{who}: a message was dropped ({total} so far): {why}");
            news.remarks.push(plain(&text, REMARK_CHARS_MAX));
        }
    }
}

/// Whether the ledger complains of one delivery, and would take others.
fn is_about_one(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Unfit { .. } | StoreError::RegistryFull { .. }
    )
}
