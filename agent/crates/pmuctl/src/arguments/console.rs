//! What may be typed behind `pmuctl console`.

use crate::limits::PAGE_EVERY_MIN;
use crate::words::parse_duration;
use clap::Args;
use std::time::Duration;

/// `console`.
#[derive(Debug, Args)]
pub struct ConsoleArguments {
    /// Draw it anew as often as this.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = pause)]
    pub every: Duration,
    /// Show it once, and end.
    #[arg(long)]
    pub once: bool,
}

fn pause(text: &str) -> Result<Duration, String> {
    let pause = parse_duration(text)?;
    if pause < PAGE_EVERY_MIN {
        return Err(format!(
            "`{text}` is too short for a page on a serial line; write {} s or more",
            PAGE_EVERY_MIN.as_secs()
        ));
    }
    Ok(pause)
}
