//! What the configuration allows to adjust is ordered here: a line only says that a clock is out of its
//! bounds. Such an order passes the gates of all others, and ends in a receipt of its own.

use super::CommandDesk;
use super::local::LocalOrder;
use authority::{Action, AuthenticCommand, Command, CommandRejection};
use metering::{MeterId, Timestamp};
use meters::meter_clock::ClockSettings;
use std::time::Duration;

/// An adjustment that finds no session for so long is not made; the clock is looked at again anyway.
const LASTS: Duration = Duration::from_mins(30);

impl CommandDesk {
    /// Orders what lines have found since the last look. A line says it once a day and meter, so that a
    /// clock that refuses makes no storm.
    pub(super) async fn order_adjustments(&mut self) {
        for (meter, found) in self.wishes() {
            let action = Action::TimeAdjust {
                meter: meter.clone(),
                step_max_s: bound_s(),
            };
            let order = LocalOrder::new(action, LASTS, |command: &Command| {
                AuthenticCommand::by_configuration(command)
            });
            match self.order(order).await {
                Ok(id) => log::info!(command:% = id, meter:%; "its clock is to be adjusted"),
                // There is no room now; the wish stays.
                Err(CommandRejection::Busy) => continue,
                Err(rejection) => log::warn!(meter:%; "its clock is not adjusted: {rejection}"),
            }
            self.adjusted.insert(meter, found);
        }
    }

    /// What was found and not ordered yet.
    fn wishes(&self) -> Vec<(MeterId, Timestamp)> {
        let mut wishes = Vec::new();
        for bus in &self.hands.buses {
            let view = bus.view.borrow();
            let found = view.meters.iter().filter_map(|view| {
                let found = view.clock_wish?;
                let ordered = self.adjusted.get(&view.meter);
                (ordered != Some(&found)).then(|| (view.meter.clone(), found))
            });
            wishes.extend(found);
        }
        wishes
    }
}

/// What is further off is no adjustment any more.
fn bound_s() -> u32 {
    let bound = ClockSettings::default().adjust_max.as_secs();
    u32::try_from(bound).unwrap_or(u32::MAX)
}
