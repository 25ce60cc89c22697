//! The end of a demonstration: what was booked is judged.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use super::super::errands::Errand;
use super::super::export::{Booking, parse};
use super::super::judge::{Made, judge};
use super::super::keeper::Keeper;
use super::super::outcome::Outcome;
use super::super::own::{self, Profile};
use super::super::programs::Programs;
use super::super::stage::export;
use super::Play;

impl Play<'_> {
    /// Judges what was booked. Children have ended.
    pub(super) fn judge(&self, programs: &Programs, mut outcome: Outcome) -> Result<Outcome> {
        self.cast.check_clock()?;
        let bookings = parse(&export(self.folder, programs)?)?;
        let made: Vec<Made> = self.meters.iter().map(|meter| meter.made.clone()).collect();
        let is_own = |meter: &str| self.cast.keepers().any(|keeper| keeper.id() == meter);
        let (own, sampled): (Vec<Booking>, Vec<Booking>) = bookings
            .into_iter()
            .partition(|booking| is_own(&booking.meter));
        let (own_made, made): (Vec<Made>, Vec<Made>) =
            made.into_iter().partition(|made| is_own(&made.meter));
        outcome.verdict = judge(&sampled, &made, &self.cast);
        for keeper in self.cast.keepers() {
            let profile = self.profile(keeper, &own_made);
            own::judge(&own, &profile, &mut outcome.verdict);
        }
        self.registers.tell(&mut outcome);
        match self.figures() {
            Ok((conflicts, refused)) => {
                outcome.conflicts = conflicts;
                outcome.refused += refused;
            }
            // Why it gave none was said when it ended.
            Err(_) if !outcome.faults.is_empty() => {}
            Err(fault) => return Err(fault),
        }
        Ok(outcome)
    }

    /// What a meter recorded itself, beside what the gateway says of it.
    fn profile(&self, keeper: &dyn Keeper, made: &[Made]) -> Profile {
        let made = made.iter().find(|made| made.meter == keeper.id());
        let mut errands = self.errands.iter();
        let errand = errands.find(|errand| errand.meter() == keeper.id());
        Profile {
            made: made.cloned().unwrap_or_else(|| Made {
                meter: keeper.id().to_owned(),
                intervals: 0,
                last: None,
            }),
            recorded: keeper.recorded(self.cast.shown_at(keeper, self.cast.utc())),
            complete_to: errand.and_then(Errand::done_to),
        }
    }

    /// What came to the head-end with two contents, and what it could not read.
    fn figures(&self) -> Result<(u64, u64)> {
        let path = self.folder.path().join("head-end.out");
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{}: cannot be read", path.display()))?;
        let last = text.lines().last().unwrap_or_default();
        let summary: Value =
            serde_json::from_str(last).context("the head-end gave no figures at its end")?;
        let figure = |key: &str| {
            let found = summary.get(key).and_then(Value::as_u64);
            found.with_context(|| format!("the head-end's figures have no `{key}`"))
        };
        let conflicts = figure("conflicts")?.saturating_add(figure("differing")?);
        Ok((conflicts, figure("refused")?))
    }
}
