//! Orders that came as signed commands: begun once, and looked at until their end is known, over as many
//! starts as that takes.

use super::handle::OrderAsk;
use super::order_note::{OrderEnd, OrderNote, Source, Tried};
use super::{Updater, no_uplink, words};
use crate::front::refusal;
use crate::tasks::storekeeper::{Record, Urgency};
use bootloader_verify::{Slot, SlotState};
use desk::Refusal;
use ota::{Order, Running, SlotSight};
use std::path::PathBuf;

/// The file of the order that ended last, beside the store.
const ENDED_FILE: &str = "update-ended";

/// How an order of the head-end stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderStand {
    /// Nothing is known of it: it was not begun, or another one came after it.
    Unknown,
    /// It is being fetched and written.
    UnderWay,
    /// It is in a slot; the next start tries it.
    Installed,
    /// It runs, and has to prove itself.
    OnTrial,
    /// It has proven itself.
    Kept(String),
    /// It was not installed, or was left again.
    Failed(String),
}

impl Updater {
    /// Answers whoever carries out a command.
    pub(super) async fn answer_order(&mut self, ask: OrderAsk) {
        let stand = match ask.begin_for {
            None => Ok(self.stand(&ask.order)),
            Some(who) => self.begin_order(ask.order, who).await,
        };
        if ask.reply.send(stand).is_err() {
            log::debug!("whoever asked about an order did not wait");
        }
    }

    /// Begins an order, unless it is under way or done: nothing is installed twice.
    async fn begin_order(&mut self, order: Order, who: String) -> Result<OrderStand, Refusal> {
        match self.stand(&order) {
            OrderStand::Unknown | OrderStand::Failed(_) => {}
            stand => return Ok(stand),
        }
        if let Err(refused) = &self.status {
            return Err(refused.clone());
        }
        if self.parts.images.is_none() {
            return Err(no_uplink());
        }
        if self.working.is_some() || self.on_trial().is_some() {
            return Err(refusal(
                "another update is under way".to_owned(),
                "order it again when that has ended; `pmuctl update status` shows how it stands",
            ));
        }
        let note = OrderNote {
            order,
            source: Source::HeadEnd,
            kept: 0,
        };
        // Whoever ordered it is promised an end: it must not be forgotten.
        self.forget_end();
        note.save(&self.note_file()).map_err(|error| {
            let remedy = "look at the disk of the gateway, and order it again";
            refusal(format!("the order cannot be noted: {error}"), remedy)
        })?;
        let record = Record::Audit {
            who,
            what: "update install".to_owned(),
            detail: note.source.to_string(),
        };
        self.parts.store.keep(vec![record], Urgency::Soon).await;
        self.last = None;
        self.start(super::Deed::Install(note));
        Ok(OrderStand::UnderWay)
    }

    fn stand(&self, order: &Order) -> OrderStand {
        let is_ours = |note: &OrderNote| note.order == *order && note.source == Source::HeadEnd;
        if let Some(end) = self.ended.as_ref().filter(|end| is_ours(&end.note)) {
            return match &end.tried {
                Ok(tried) => self.stand_of(tried),
                Err(words) => OrderStand::Failed(words.clone()),
            };
        }
        let working = self.working.as_ref().and_then(|it| it.note.as_ref());
        // It may wait on the disk for the next start.
        let noted = || OrderNote::load(&self.note_file());
        if working.is_some_and(is_ours) || noted().as_ref().is_some_and(is_ours) {
            return OrderStand::UnderWay;
        }
        OrderStand::Unknown
    }

    /// How a system stands that was installed.
    fn stand_of(&self, tried: &Tried) -> OrderStand {
        let (Some(sight), Some(site)) = (self.sight(tried.slot), &self.site) else {
            // The worker has the partitions; it gives them back.
            return OrderStand::Installed;
        };
        let is_it = sight.manifest.as_ref().ok().is_none_or(|manifest| {
            manifest.version == tried.version && manifest.counter == tried.counter
        });
        let version = &tried.version;
        if !is_it {
            let slot = tried.slot;
            return OrderStand::Failed(format!("slot {slot} holds another system now"));
        }
        match sight.record.state {
            SlotState::Good => OrderStand::Kept(format!("system {version} is kept")),
            SlotState::Trial { .. } if site.place.running == Running::Slot(tried.slot) => {
                OrderStand::OnTrial
            }
            SlotState::Trial { left } if left > 0 => OrderStand::Installed,
            _ => {
                let why = words::fell_back(&site.report);
                let why = why.unwrap_or_else(|| "it was left".to_owned());
                OrderStand::Failed(format!("system {version} is not kept: {why}"))
            }
        }
    }

    fn sight(&self, slot: Slot) -> Option<&SlotSight> {
        let mut slots = self.seen.as_ref()?.slots.iter();
        slots.find(|sight| sight.slot == slot)
    }

    /// Notes how an order ended, before it is forgotten as one that is to be carried out.
    pub(super) fn note_end(&mut self, note: OrderNote, end: Result<(), String>) {
        let installed = || {
            let running = self.site.as_ref()?.place.running;
            let Running::Slot(own) = running else {
                return None;
            };
            let slot = own.other();
            let manifest = self.sight(slot)?.manifest.as_ref().ok()?;
            Some(Tried {
                slot,
                version: manifest.version.clone(),
                counter: manifest.counter,
                is_wished: false,
            })
        };
        let tried = match end {
            Ok(()) => installed()
                .ok_or_else(|| "it was installed, and the slot cannot be read".to_owned()),
            Err(words) => Err(words),
        };
        let end = OrderEnd { note, tried };
        if let Err(error) = end.save(&self.ended_file()) {
            log::error!(error:%; "how an update ended cannot be noted");
        }
        self.ended = Some(end);
    }

    /// What an earlier run noted; an order that ended is not one that is to be carried out.
    pub(super) fn load_end(&mut self) {
        self.ended = OrderEnd::load(&self.ended_file());
        let noted = OrderNote::load(&self.note_file());
        if let (Some(end), Some(note)) = (&self.ended, noted)
            && end.note.order == note.order
            && end.note.source == note.source
        {
            OrderNote::forget(&self.note_file());
        }
    }

    /// A new order is begun.
    pub(super) fn forget_end(&mut self) {
        self.ended = None;
        OrderNote::forget(&self.ended_file());
    }

    /// The process was ended between an installation and the wish for a reboot: it wishes now, once.
    pub(super) fn wish_again(&mut self) {
        let running = self.site.as_ref().map(|site| site.place.running);
        let Some(OrderEnd {
            tried: Ok(tried), ..
        }) = &self.ended
        else {
            return;
        };
        let is_next = self.stand_of(tried) == OrderStand::Installed;
        if tried.is_wished || !is_next || running == Some(Running::Slot(tried.slot)) {
            return;
        }
        if self.note_wish() {
            self.want_reboot("trial after an installation");
        }
    }

    /// A reboot is wished for; whether that is on the disk.
    pub(super) fn note_wish(&mut self) -> bool {
        let file = self.ended_file();
        let Some(end) = &mut self.ended else {
            return false;
        };
        let Ok(tried) = &mut end.tried else {
            return false;
        };
        tried.is_wished = true;
        if let Err(error) = end.save(&file) {
            log::error!(error:%; "the wish for a reboot cannot be noted; reboot by hand");
            return false;
        }
        true
    }

    fn ended_file(&self) -> PathBuf {
        self.parts.data_folder.join(ENDED_FILE)
    }
}
