//! What systemd is told: ready, stopping, alive.

use std::time::Duration;

/// Tells the service manager that start-up is complete.
pub fn ready(status: &str) {
    tell(&[
        sd_notify::NotifyState::Ready,
        sd_notify::NotifyState::Status(status),
    ]);
}

/// Tells the service manager that shutdown has begun.
pub fn stopping() {
    tell(&[sd_notify::NotifyState::Stopping]);
}

/// Feeds the watchdog.
pub fn alive() {
    tell(&[sd_notify::NotifyState::Watchdog]);
}

/// Asks the service manager for patience while the store repairs itself.
pub fn need_time(extra: Duration) {
    let micros = u32::try_from(extra.as_micros()).unwrap_or(u32::MAX);
    tell(&[sd_notify::NotifyState::ExtendTimeoutUsec(micros)]);
}

/// How often the watchdog must be fed, if systemd watches.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

fn tell(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        log::debug!(error:%; "the service manager cannot be told");
    }
}
