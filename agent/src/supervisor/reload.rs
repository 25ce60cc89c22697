//! SIGHUP: a changed meter is applied without disturbing the others.

use super::Supervisor;
use crate::check;
use crate::config::{MeterSettings, Settings};
use crate::hex::hex;
use crate::tasks::bus::BusRequest;
use crate::tasks::storekeeper::{Record, Urgency};
use sha2::{Digest, Sha256};

impl Supervisor {
    /// Applies the meters of the configuration; a faulty one changes nothing.
    pub(super) async fn reload(&mut self) {
        let settings = match super::settings(&self.config) {
            Ok(settings) => settings,
            Err(complaints) => {
                log::error!(
                    "the configuration was not applied, the old one goes on:\n{complaints}"
                );
                return;
            }
        };
        if let Some(words) = check::refused(&settings) {
            log::error!("the configuration was not applied, the old one goes on:\n{words}");
            return;
        }
        self.say_what_needs_a_restart(&settings);
        for bus in &self.buses {
            let meters: Vec<MeterSettings> = settings.meters_of(&bus.id).cloned().collect();
            if let Err(refusal) = bus.request(BusRequest::Replace(meters)) {
                log::error!(bus:% = bus.id; "meters were not applied: {refusal}");
            }
        }
        self.settings.meters = settings.meters;
        let meters = self.settings.meters.len();
        self.say_ready();
        self.store
            .keep(vec![self.audit_line("SIGHUP")], Urgency::Soon)
            .await;
        log::info!(meters; "configuration applied: {meters} meters");
    }

    pub(super) fn audit_line(&self, who: &str) -> Record {
        let text = std::fs::read(&self.config).unwrap_or_default();
        let digest = Sha256::digest(&text);
        let hash = hex(&digest);
        Record::Audit {
            who: who.to_owned(),
            what: "configuration applied".to_owned(),
            detail: format!("{} sha256 {hash}", self.config.display()),
        }
    }

    fn say_what_needs_a_restart(&self, new: &Settings) {
        let old = &self.settings;
        let mut later = Vec::new();
        if new.buses != old.buses {
            later.push("[[bus]]");
        }
        if new.uplink != old.uplink {
            later.push("[uplink]");
        }
        if new.update != old.update {
            later.push("[update]");
        }
        if new.store != old.store {
            later.push("[store]");
        }
        if new.gateway != old.gateway
            || new.data_folder != old.data_folder
            || new.runtime_folder != old.runtime_folder
        {
            later.push("[gateway]");
        }
        if !later.is_empty() {
            let words = later.join(", ");
            log::warn!(
                "changes of {words} take effect at the next start: systemctl restart pmu-agent"
            );
        }
    }
}
