//! The gateway's own certificate and the head-end's keys: renewed without a restart, and the
//! certificate never expired unnoticed.

use super::Uplink;
use crate::adapters::tls::{self, TlsFault};
use crate::config::UplinkSettings;
use crate::tasks::storekeeper::{Record, Urgency};
use metering::EventCode;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Days before expiry at which it is said.
const WARN_AT_DAYS: [i64; 3] = [30, 7, 1];
const LOOK_EVERY: Duration = Duration::from_secs(20);

/// What a look at the files found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// Nothing new.
    Same,
    /// Other files than the connection was made with.
    Renewed,
}

/// Looks at the certificate files now and then.
#[derive(Debug)]
pub(super) struct CertificateWatch {
    settings: UplinkSettings,
    seen: Vec<Option<SystemTime>>,
    next_look: Instant,
    warned_at: Option<i64>,
}

impl CertificateWatch {
    pub(super) fn new(settings: &UplinkSettings) -> Self {
        let mut watch = Self {
            settings: settings.clone(),
            seen: Vec::new(),
            next_look: Instant::now() + LOOK_EVERY,
            warned_at: None,
        };
        watch.seen = watch.stamps();
        watch
    }

    pub(super) fn next_look(&self) -> Instant {
        self.next_look
    }

    /// Notes the files the next connection will be made with.
    pub(super) fn taken(&mut self) {
        self.seen = self.stamps();
    }

    pub(super) fn look(&mut self) -> Finding {
        self.next_look = Instant::now() + LOOK_EVERY;
        // Half-written files do not make a configuration: wait until they do.
        let usable = || {
            tls::client_config(&self.settings).is_ok() && tls::ingest_keys(&self.settings).is_ok()
        };
        if self.stamps() != self.seen && usable() {
            return Finding::Renewed;
        }
        Finding::Same
    }

    /// When the certificate expires, and whether that must be said now (once a threshold).
    pub(super) fn expiry(&mut self, now_s: u64) -> (Option<i64>, Option<i64>) {
        let Ok(at) = tls::expires_at(&self.settings) else {
            return (None, None);
        };
        let days = (at - i64::try_from(now_s).unwrap_or(i64::MAX)).div_euclid(86_400);
        let threshold = WARN_AT_DAYS
            .into_iter()
            .filter(|limit| days <= *limit)
            .min();
        if threshold == self.warned_at {
            return (Some(at), None);
        }
        self.warned_at = threshold;
        (Some(at), threshold.map(|_| days))
    }

    fn stamps(&self) -> Vec<Option<SystemTime>> {
        [
            &self.settings.ca_file,
            &self.settings.certificate_file,
            &self.settings.key_file,
            &self.settings.ingest_keys_file,
        ]
        .into_iter()
        .map(|file| {
            std::fs::metadata(file)
                .and_then(|data| data.modified())
                .ok()
        })
        .collect()
    }
}

impl Uplink {
    /// Takes the keys as they stand now; which ones may free the outbox is for the audit log.
    pub(super) async fn take_keys(&mut self) -> Result<(), TlsFault> {
        let keys = self.dial.ingest_keys(&self.settings)?;
        if !keys.ids().eq(self.keys.ids()) {
            let ids: Vec<String> = keys.ids().map(|id| id.to_string()).collect();
            let record = Record::Audit {
                who: "gateway".to_owned(),
                what: "watermark keys taken".to_owned(),
                detail: ids.join(" "),
            };
            self.store.keep(vec![record], Urgency::Soon).await;
        }
        self.keys = keys;
        Ok(())
    }

    pub(super) async fn say_expiry(&mut self) {
        let now = self.clock.now().utc.seconds();
        let (at, days) = self.certificate.expiry(now);
        self.view.send_modify(|view| view.certificate_expires = at);
        if let Some(days) = days {
            let detail = format!(
                "{} expires in {days} days; put a new certificate in its place, no restart is needed",
                self.settings.certificate_file.display()
            );
            self.event(EventCode::CertificateExpires, detail).await;
        }
    }
}
