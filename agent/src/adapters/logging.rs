//! Logs: to the journal with structured fields when systemd started us, to the terminal when a
//! person did.

use anyhow::Context;
use log::LevelFilter;

/// Sets the process's logger up. Call once.
pub fn start(verbose: bool) -> anyhow::Result<()> {
    let level = if verbose {
        LevelFilter::Debug
    } else {
        LevelFilter::Info
    };
    if systemd_journal_logger::connected_to_journal() {
        systemd_journal_logger::JournalLog::new()
            .context("the journal cannot be reached")?
            .with_syslog_identifier("pmu-agent".to_owned())
            .install()
            .context("a logger is already installed")?;
    } else {
        env_logger::Builder::new()
            .filter_level(level)
            // The MQTT client reports every lost connection; the uplink task says it better.
            .filter_module("rumqttc", LevelFilter::Off)
            .filter_module("rustls", LevelFilter::Warn)
            .try_init()
            .context("a logger is already installed")?;
    }
    log::set_max_level(level);
    Ok(())
}
