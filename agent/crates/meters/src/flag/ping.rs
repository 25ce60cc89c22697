//! A meter layer by layer: port, line, sign-on, identity, password.

mod judge;
mod proof;
mod quality;

use self::quality::Quality;
use super::examine::{Examination, ExaminedMeter};
use super::limits::ASK_TIME_MAX;
use super::sighting::{SeenMeter, Sighting, sight};
use super::site::{Cancelled, Site};
use crate::catalogue::Catalogue;
use crate::doctor::SessionTrouble;
use iec62056_21::conversation::PasswordRefusal;
use line::Line;
use std::fmt;
use std::time::Duration;
use tokio::time::Instant;

/// A layer of the way to a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PingLayer {
    /// The gateway's own port.
    Port,
    /// What lies between it and the meter.
    Line,
    /// Whether the meter answers.
    SignOn,
    /// Whether it is the right one.
    Identity,
    /// Whether it takes its password.
    Password,
}

/// What was seen of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PingStep {
    /// Which.
    pub layer: PingLayer,
    /// Whether it holds.
    pub is_well: bool,
    /// What was seen.
    pub words: String,
}

/// What a ping found.
#[derive(Debug, Clone, Default)]
pub struct Ping {
    /// The layers in their order; the first that does not hold is the last.
    pub steps: Vec<PingStep>,
    /// What was tried to find out why, if it did not answer.
    pub examination: Option<Examination>,
    /// What answered, if a meter did.
    pub seen: Option<SeenMeter>,
    /// What went wrong behind the sign-on, if something did.
    pub trouble: Option<SessionTrouble>,
    /// How the password was refused, if it was: it must not be tried again and again.
    pub password: Option<PasswordRefusal>,
}

impl fmt::Display for PingLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Port => "port",
            Self::Line => "line",
            Self::SignOn => "sign-on",
            Self::Identity => "identity",
            Self::Password => "password",
        })
    }
}

impl Ping {
    /// Whether every layer holds.
    pub fn is_well(&self) -> bool {
        self.steps.iter().all(|step| step.is_well)
    }

    fn note(&mut self, layer: PingLayer, is_well: bool, words: impl Into<String>) {
        self.steps.push(PingStep {
            layer,
            is_well,
            words: words.into(),
        });
    }
}

/// Tries a meter layer by layer, and where it does not answer, what may be set wrong. Its password
/// is tried once.
pub async fn ping<L: Line>(
    site: &mut Site<'_, L>,
    meter: &ExaminedMeter,
    catalogue: &Catalogue,
    limit: Duration,
    cancelled: Cancelled<'_>,
) -> Ping {
    let until = Instant::now() + limit;
    let mut run = PingRun::new();
    while !run.go_on(site, meter, catalogue, until, cancelled).await
        && Instant::now() + ASK_TIME_MAX <= until
        && !cancelled()
    {}
    run.finish()
}

/// A ping that goes on in slices, so that others have the line in between.
#[derive(Debug, Default)]
pub struct PingRun {
    ping: Ping,
    stage: Stage,
    quality: Quality,
}

/// What comes next.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A sign-on as it is configured.
    #[default]
    Look,
    /// The password.
    Prove,
    /// Everything that may be set wrong.
    Examine,
    /// Nothing.
    Done,
}

impl PingRun {
    /// A ping that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// How far it is, in words.
    pub fn words(&self) -> String {
        match self.stage {
            Stage::Look => "signing on".to_owned(),
            Stage::Prove => "trying the password".to_owned(),
            Stage::Examine => {
                let examination = self.ping.examination.as_ref();
                let next = examination.and_then(|examination| examination.left_out.first());
                next.map_or_else(String::new, |way| format!("trying {way}"))
            }
            Stage::Done => "done".to_owned(),
        }
    }

    /// One slice, of at least one step. True if nothing is left to be tried.
    pub async fn go_on<L: Line>(
        &mut self,
        site: &mut Site<'_, L>,
        meter: &ExaminedMeter,
        catalogue: &Catalogue,
        slice_until: Instant,
        cancelled: Cancelled<'_>,
    ) -> bool {
        let mut has_done = false;
        while self.stage != Stage::Done {
            let is_over = Instant::now() + ASK_TIME_MAX > slice_until;
            if has_done && (is_over || cancelled()) {
                break;
            }
            has_done = true;
            let before = Quality::of(site.line);
            match self.stage {
                Stage::Look => self.look(site, meter, catalogue).await,
                Stage::Prove => {
                    self.stage = Stage::Done;
                    self.ping.try_password(site, meter).await;
                }
                Stage::Examine => {
                    let until = slice_until;
                    self.examine(site, meter, catalogue, until, cancelled).await;
                }
                Stage::Done => {}
            }
            self.quality = self.quality.with(Quality::of(site.line).since(before));
        }
        self.stage == Stage::Done
    }

    /// What it found. What was not tried any more is left out.
    pub fn finish(mut self) -> Ping {
        if self.ping.seen.is_some() {
            self.ping.judge_quality(self.quality);
        }
        self.ping
    }

    async fn look<L: Line>(
        &mut self,
        site: &mut Site<'_, L>,
        meter: &ExaminedMeter,
        catalogue: &Catalogue,
    ) {
        self.stage = Stage::Done;
        let ping = &mut self.ping;
        if let Err(fault) = site.line.part().await {
            return ping.note(PingLayer::Port, false, fault.to_string());
        }
        let sighting = sight(site, &meter.setting, meter.address.as_ref(), catalogue).await;
        if let Sighting::Fault(fault) = &sighting {
            return ping.note(PingLayer::Port, false, fault.to_string());
        }
        ping.note(PingLayer::Port, true, format!("open, {}", meter.setting));
        match ping.judge_line(sighting) {
            Some(seen) => {
                let may_go_on = seen.identification.is_some();
                if may_go_on && ping.judge_identity(meter, &seen) {
                    self.stage = Stage::Prove;
                }
                ping.seen = Some(seen);
            }
            None => self.stage = Stage::Examine,
        }
    }

    async fn examine<L: Line>(
        &mut self,
        site: &mut Site<'_, L>,
        meter: &ExaminedMeter,
        catalogue: &Catalogue,
        until: Instant,
        cancelled: Cancelled<'_>,
    ) {
        let examination = self.ping.examination.take();
        let mut examination = examination
            .unwrap_or_else(|| Examination::new(meter, &site.reach, site.set_dtr.is_some()));
        let went = examination.go_on(site, catalogue, until, cancelled).await;
        self.ping.examination = Some(examination);
        match went {
            Ok(false) => {}
            Ok(true) => self.stage = Stage::Done,
            Err(fault) => {
                self.ping.note(PingLayer::Port, false, fault.to_string());
                self.stage = Stage::Done;
            }
        }
    }
}
