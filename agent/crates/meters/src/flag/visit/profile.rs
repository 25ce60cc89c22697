//! A load profile, window by window: packets or a data stream, over as many sessions as it takes.

mod place;
mod reading;

pub(super) use place::Window;
pub(super) use reading::Reading;

use super::stop::Stop;
use super::talk::{Reply, Talk};
use super::wishes::{DayRange, ProfileWish};
use crate::catalogue::flag::{FlagModel, ProfileModel};
use crate::clock_basis::ClockBasis;
use crate::elster::profile::{ProfileDecoder, ProfileOptions};
use crate::flag::found::{Found, Sink, WhichProfile};
use crate::flag::limits::{PROFILE_RESTARTS_MAX, WINDOW_DAYS_MAX};
use line::Line;
use metering::{MeterTime, Period};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// The errand: which days are still to be read, and how far the present window is.
#[derive(Debug, Clone)]
pub(super) struct ProfileErrand {
    which: WhichProfile,
    windows: VecDeque<Window>,
    reading: Option<Reading>,
    days_total: u64,
    days_done: u64,
    restarts: u8,
}

/// What an errand needs beside the line.
pub(super) struct Context<'a> {
    pub(super) model: &'a Arc<FlagModel>,
    pub(super) variant: &'a str,
    pub(super) level: u8,
    pub(super) basis: &'a ClockBasis,
    /// What the meter's clock showed in this session.
    pub(super) shown: MeterTime,
    pub(super) can_stream: bool,
    /// What a block of a stream is taken to need until one has been seen.
    pub(super) block_time: Duration,
    /// What passes before the first block.
    pub(super) stream_lead: Duration,
    /// One number a session.
    pub(super) session: u64,
}

impl ProfileErrand {
    pub(super) fn new(which: WhichProfile, wish: &ProfileWish) -> Self {
        let windows: VecDeque<Window> = match wish {
            ProfileWish::All => VecDeque::from([Window::All]),
            ProfileWish::Days(ranges) => ranges.iter().flat_map(|range| split(*range)).collect(),
        };
        let days_total = windows.iter().map(Window::days).sum();
        Self {
            which,
            windows,
            reading: None,
            days_total,
            days_done: 0,
            restarts: 0,
        }
    }

    /// Days that were read, and days in all as far as that is known.
    pub(super) fn days(&self) -> (u64, u64) {
        let within = self.reading.as_ref().map_or(0, Reading::days_done);
        (self.days_done + within, self.days_total)
    }

    /// Octets of the present window that were read; a window that is done counts as more.
    pub(super) fn octets(&self) -> u64 {
        let within = self.reading.as_ref().map_or(0, Reading::octets);
        (self.days_done << 32) + within
    }

    pub(super) async fn run<L: Line>(
        &mut self,
        talk: &mut Talk<'_, '_, L>,
        context: &Context<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Stop> {
        let profile = match self.which {
            WhichProfile::Load => &context.model.profile,
            WhichProfile::Instrumentation => &context.model.instrumentation,
        };
        let Some(profile) = profile else {
            let words = "meters of this model keep no such profile".to_owned();
            sink.take(Found::Remark(words));
            return Ok(());
        };
        while let Some(window) = self.windows.front().copied() {
            let rest = self.window(talk, context, profile, window, sink).await?;
            self.windows.pop_front();
            if let Some(rest) = rest {
                self.windows.push_front(rest);
            }
            let left = rest.map_or(0, |rest| rest.days());
            self.days_done += window.days().saturating_sub(left);
            self.reading = None;
            self.restarts = 0;
        }
        Ok(())
    }

    async fn window<L: Line>(
        &mut self,
        talk: &mut Talk<'_, '_, L>,
        context: &Context<'_>,
        profile: &ProfileModel,
        window: Window,
        sink: &mut dyn Sink,
    ) -> Result<Option<Window>, Stop> {
        loop {
            let reading = match &mut self.reading {
                Some(reading) => reading,
                None => {
                    let decoder = match decoder(talk, context, profile).await? {
                        Reply::Given(decoder) => decoder,
                        Reply::Refused(refusal) => {
                            sink.take(Found::Remark(format!("load profile refused: {refusal}")));
                            return Ok(None);
                        }
                    };
                    self.reading.insert(Reading::new(self.which, window, decoder))
                }
            };
            match reading.go_on(talk, context, profile, sink).await? {
                reading::Came::ToItsEnd => return Ok(None),
                reading::Came::ToNothing(words) => {
                    sink.take(Found::Remark(words));
                    return Ok(None);
                }
                reading::Came::ToItsLimit(first) => {
                    let last = match window {
                        Window::All => context.shown.day(),
                        Window::Days(range) => range.last,
                    };
                    return Ok(Some(Window::Days(DayRange { first, last })));
                }
                // What was read does not fit what is there now: the meter has moved on.
                reading::Came::OutOfPlace => {
                    self.reading = None;
                    self.restarts += 1;
                    if self.restarts > PROFILE_RESTARTS_MAX {
                        let words = "load profile changes while it is read; try again later";
                        sink.take(Found::Remark(words.to_owned()));
                        return Ok(None);
                    }
                }
            }
        }
    }
}

/// A decoder for what the window will bring. Where the profile does not repeat channels and period,
/// the meter is asked for them.
async fn decoder<L: Line>(
    talk: &mut Talk<'_, '_, L>,
    context: &Context<'_>,
    profile: &ProfileModel,
) -> Result<Reply<ProfileDecoder>, Stop> {
    let columns = match place::fixed_columns(talk, context.model, profile).await? {
        Reply::Given(columns) => columns,
        Reply::Refused(refusal) => return Ok(Reply::Refused(refusal)),
    };
    let options = ProfileOptions {
        basis: context.basis.clone(),
        read_at: context.shown,
        columns: columns as Option<(u16, Period)>,
    };
    let decoder = ProfileDecoder::new(context.model, profile, options);
    Ok(Reply::Given(decoder))
}

/// Windows of a bounded length: a packet has a number of three hexadecimal digits.
fn split(range: DayRange) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut first = range.first;
    while first <= range.last {
        let last = range.last.min(first.saturating_add(WINDOW_DAYS_MAX - 1));
        windows.push(Window::Days(DayRange { first, last }));
        first = last + 1;
    }
    windows
}
