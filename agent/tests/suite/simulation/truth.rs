//! What the meters really answered, and when: the measure of every stored value.

use super::world::World;
use metering::{Channel, Obis, Quantity, Row, Timestamp, rescale};
use meters::catalogue::Register;
use simulator::meter::RegisterSource;
use simulator::wire::Answered;
use std::time::Duration;
use tokio::time::Instant;

/// The exchanges of one poll, repeated ones included, lie this close together: a sample is waited
/// for that long.
const POLL_SPREAD: Duration = Duration::from_secs(70);
/// How exactly an instant is told: half of the longest exchange.
const TOLD_WITHIN: Duration = Duration::from_secs(10);

pub(super) struct Truth<'a> {
    world: &'a World,
    /// The answers of each bus, oldest first.
    answers: Vec<Vec<Answered>>,
}

impl<'a> Truth<'a> {
    pub(super) fn new(world: &'a World) -> Self {
        let sorted = |mut answers: Vec<Answered>| {
            answers.sort_by_key(|answered| answered.sampled_at);
            answers
        };
        let answers = world
            .wires
            .iter()
            .map(|wire| sorted(wire.answers()))
            .collect();
        Self { world, answers }
    }

    /// A register of a row: says how far its answer lay from the instant the row tells.
    pub(super) fn register(
        &self,
        seat: usize,
        channel: &Channel,
        digits: i64,
        row: &Row,
    ) -> Result<Duration, String> {
        let quantity = Quantity {
            digits,
            exponent: channel.exponent,
            unit: channel.unit,
        };
        let away = Duration::from_millis(u64::from(row.offset_ms.unsigned_abs()));
        let taken = if row.offset_ms < 0 {
            row.end.before(away)
        } else {
            row.end.after(away)
        };
        self.reading(seat, channel.obis, quantity, taken)
    }

    /// A value that was taken when the gateway's clock showed `taken_at`.
    pub(super) fn reading(
        &self,
        seat: usize,
        obis: Obis,
        quantity: Quantity,
        taken_at: Timestamp,
    ) -> Result<Duration, String> {
        let place = &self.world.seats[seat];
        let register = place
            .meter
            .registers()
            .find(|register| register.obis == obis);
        let register = register.ok_or_else(|| format!("the meter has no {obis}"))?;
        let instants = self.world.clock.instants_of(taken_at, TOLD_WITHIN);
        let found = instants
            .iter()
            .filter_map(|at| self.nearest(seat, register, quantity, *at))
            .min();
        found.ok_or_else(|| {
            let anywhere = self.anywhere(seat, register, quantity);
            let model = &place.model.id;
            format!("{model} {obis} = {quantity} was not answered then; {anywhere}")
        })
    }

    /// The nearest answer with this value within the spread of a poll.
    fn nearest(
        &self,
        seat: usize,
        register: &Register,
        quantity: Quantity,
        at: Instant,
    ) -> Option<Duration> {
        let place = &self.world.seats[seat];
        let epoch = self.world.wires[place.bus].epoch();
        let at = at.saturating_duration_since(epoch);
        let answers = &self.answers[place.bus];
        let from = at.saturating_sub(POLL_SPREAD);
        let first = answers.partition_point(|answered| answered.sampled_at < from);
        answers[first..]
            .iter()
            .take_while(|answered| answered.sampled_at <= at + TOLD_WITHIN)
            .filter(|answered| self.says(seat, register, quantity, answered))
            .map(|answered| answered.sampled_at.abs_diff(at))
            .min()
    }

    fn says(
        &self,
        seat: usize,
        register: &Register,
        quantity: Quantity,
        answer: &Answered,
    ) -> bool {
        let place = &self.world.seats[seat];
        let span = register.span();
        let epoch = self.world.wires[place.bus].epoch();
        // A meter without a serial number cannot be told from another of its kind.
        let swapped_at = place.swapped_at.filter(|_| place.meter.serial().is_some());
        let is_other = swapped_at.is_some_and(|at| epoch + answer.sampled_at >= at);
        if answer.unit != place.unit || !answer.span.contains(span) || is_other {
            return false;
        }
        let offset = usize::from(span.address - answer.span.address);
        let words = answer
            .words
            .get(offset..offset + usize::from(span.count))
            .unwrap_or_default();
        let scale = register
            .scale_register
            .and_then(|scale| place.meter.words(scale.span, answer.sampled_at).ok());
        let decoded = register.decode(words, scale.as_deref()).ok().flatten();
        decoded.is_some_and(|decoded| {
            let shown = decoded.quantity;
            shown.unit == quantity.unit
                && rescale(quantity.digits, quantity.exponent, shown.exponent) == Some(shown.digits)
        })
    }

    /// For the complaint: when it was answered, if ever.
    fn anywhere(&self, seat: usize, register: &Register, quantity: Quantity) -> String {
        let place = &self.world.seats[seat];
        let answers = self.answers[place.bus].iter();
        let found = answers.filter(|answered| self.says(seat, register, quantity, answered));
        let times: Vec<String> = found
            .take(3)
            .map(|answered| format!("{:?}", answered.sampled_at))
            .collect();
        if times.is_empty() {
            "never".to_owned()
        } else {
            format!("only at {}", times.join(", "))
        }
    }
}
