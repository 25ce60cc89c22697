//! What is known of each gateway in this run. Pure.

use super::patience::Patience;
use crate::limits::{GATEWAYS_MAX, LISTS_MAX};
use head_end::{Epoch, Mode, Presence};
use metering::{Channel, GatewayId, Moment};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One gateway.
#[derive(Debug, Default)]
pub(super) struct Gateway {
    epoch: Option<Epoch>,
    is_born: bool,
    session: u64,
    mode: Mode,
    is_away: bool,
    owes: bool,
    marked_at: Option<Moment>,
    lists: BTreeMap<u32, Arc<[Channel]>>,
    pub(super) patience: Patience,
}

impl Gateway {
    /// The epoch that watermarks and requests may speak of: the one its birth named. Without a
    /// birth, that of its newest record. A watermark for any other store would raise an alarm.
    pub(super) const fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    /// Whether it is worth asking now. A recovery system has no records.
    pub(super) fn is_away(&self) -> bool {
        self.is_away || self.mode == Mode::Recovery
    }

    /// A birth or will. `true`: it was news.
    pub(super) fn presence(&mut self, presence: &Presence) -> bool {
        match presence {
            // A birth is believed even when its session number goes back: a gateway with a new
            // disk counts from one again.
            Presence::Birth(birth) => {
                let is_news = !self.is_born || self.is_away() || self.session != birth.session;
                if self.epoch != Some(birth.epoch) {
                    self.patience = Patience::default();
                }
                self.epoch = Some(birth.epoch);
                self.is_born = true;
                self.session = birth.session;
                self.mode = Mode::Metering;
                self.is_away = false;
                // It may have missed the last watermark, or we its records.
                self.owes = true;
                is_news
            }
            // The store of the other system is as it was left: its epoch stands, and what is owed
            // is told to that system.
            Presence::Recovery(birth) => {
                let is_known = self.mode == Mode::Recovery && self.session == birth.session;
                let is_news = !is_known || self.is_away;
                self.session = birth.session;
                self.mode = Mode::Recovery;
                self.is_away = false;
                is_news
            }
            Presence::Will(will) => {
                let is_current = presence.is_current(self.session, self.mode);
                let is_news = is_current && !self.is_away;
                if is_news {
                    self.session = will.session;
                    self.is_away = true;
                }
                is_news
            }
        }
    }

    /// A record of it was booked, now or before: it wants a watermark.
    pub(super) fn booked(&mut self, epoch: Epoch) {
        if !self.is_born {
            self.epoch = Some(epoch);
        }
        self.owes = true;
    }

    /// Whether a watermark is due.
    pub(super) fn is_due(&self, now: Moment, every: Duration) -> bool {
        self.owes() && self.marked_at.is_none_or(|at| now.since(at) >= every)
    }

    /// Whether it has not been told all.
    pub(super) fn owes(&self) -> bool {
        self.owes && self.epoch.is_some() && self.mode == Mode::Metering
    }

    /// It was told.
    pub(super) fn marked(&mut self, now: Moment) {
        self.owes = false;
        self.marked_at = Some(now);
    }

    /// The channel list of this version.
    pub(super) fn list(&self, version: u32) -> Option<&Arc<[Channel]>> {
        self.lists.get(&version)
    }

    /// Keeps a channel list.
    pub(super) fn learn(&mut self, version: u32, channels: Arc<[Channel]>) {
        if self.lists.len() >= LISTS_MAX && !self.lists.contains_key(&version) {
            self.lists.pop_first();
        }
        self.lists.insert(version, channels);
    }
}

/// All gateways.
#[derive(Debug, Default)]
pub(super) struct Fleet(BTreeMap<GatewayId, Gateway>);

impl Fleet {
    /// A gateway, known or new. `None`: there are too many.
    pub(super) fn meet(&mut self, gateway: &GatewayId) -> Option<&mut Gateway> {
        if self.0.len() >= GATEWAYS_MAX && !self.0.contains_key(gateway) {
            return None;
        }
        Some(self.0.entry(gateway.clone()).or_default())
    }

    /// A gateway that is known.
    pub(super) fn get(&self, gateway: &GatewayId) -> Option<&Gateway> {
        self.0.get(gateway)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&GatewayId, &Gateway)> {
        self.0.iter()
    }

    /// All of them.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&GatewayId, &mut Gateway)> {
        self.0.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use head_end::{Birth, RecoveryBirth, Will};
    use metering::{ClockQuality, Timestamp};

    fn birth(session: u64, epoch: u8) -> Presence {
        Presence::Birth(Birth {
            session,
            boots: 1,
            at: Timestamp::default(),
            clock: ClockQuality::Synchronised,
            firmware: String::new(),
            hardware: String::new(),
            epoch: [epoch; 8],
            outbox: BTreeMap::new(),
            capabilities: Vec::new(),
            set_aside: 0,
            key_set: 0,
            accepted: BTreeMap::new(),
        })
    }

    fn recovery(session: u64) -> Presence {
        Presence::Recovery(RecoveryBirth {
            session,
            at: Timestamp::default(),
            clock: ClockQuality::Synchronised,
            firmware: String::new(),
            hardware: String::new(),
            system: String::new(),
            reason: None,
            refused: Vec::new(),
            capabilities: Vec::new(),
        })
    }

    fn will(session: u64, mode: Mode) -> Presence {
        Presence::Will(Will { session, mode })
    }

    fn second(second: u64) -> Moment {
        Moment::new(Duration::from_secs(second))
    }

    #[test]
    fn an_old_will_says_nothing() {
        let mut gateway = Gateway::default();
        assert!(gateway.presence(&birth(7, 1)));
        assert!(!gateway.presence(&will(6, Mode::Metering)));
        assert!(!gateway.is_away());
        assert!(gateway.presence(&will(7, Mode::Metering)));
        assert!(gateway.is_away());
        assert!(gateway.presence(&birth(8, 1)));
        assert!(!gateway.is_away());
    }

    #[test]
    fn a_new_disk_counts_from_one_and_is_believed() {
        let mut gateway = Gateway::default();
        gateway.presence(&birth(7, 1));
        assert!(gateway.presence(&birth(1, 2)));
        assert_eq!(gateway.epoch(), Some([2; 8]));
        gateway.booked([1; 8]);
        assert_eq!(
            gateway.epoch(),
            Some([2; 8]),
            "a late record of the old disk moved the epoch"
        );
    }

    #[test]
    fn a_recovery_system_moves_no_epoch_and_is_owed_nothing() {
        let mut gateway = Gateway::default();
        gateway.presence(&birth(7, 1));
        gateway.booked([1; 8]);
        assert!(gateway.presence(&recovery(1_795_392_001)));
        assert!(!gateway.presence(&recovery(1_795_392_001)), "no news");
        assert_eq!(gateway.epoch(), Some([1; 8]));
        assert!(gateway.is_away() && !gateway.owes());
        assert!(
            !gateway.presence(&will(7, Mode::Metering)),
            "the late will of the other system"
        );
        assert!(gateway.presence(&will(1_795_392_001, Mode::Recovery)));
        assert!(gateway.presence(&recovery(1_795_392_002)));
        assert!(gateway.presence(&birth(8, 1)));
        assert!(!gateway.is_away() && gateway.owes());
        assert!(!gateway.presence(&will(1_795_392_002, Mode::Recovery)));
        assert!(!gateway.is_away());
    }

    #[test]
    fn watermarks_are_coalesced() {
        let every = Duration::from_secs(2);
        let mut gateway = Gateway::default();
        assert!(!gateway.is_due(second(1), every));
        gateway.booked([1; 8]);
        assert!(gateway.is_due(second(1), every));
        gateway.marked(second(1));
        gateway.booked([1; 8]);
        assert!(!gateway.is_due(second(2), every));
        assert!(gateway.is_due(second(3), every));
    }
}
