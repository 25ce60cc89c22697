//! Work that people started at a FLAG meter, in as many sessions as it needs.

use super::instants::INSTANT_PACKETS;
use super::round::{Desk, Held, PACKET_OCTETS, Sitting, StepEnd};
use super::show::Show;
use super::{FlagBook, FlagSaid};
use crate::hex::hex;
use desk::{
    BackupIdentity, BackupResult, EventCounter, EventsResult, MeterValue, Outcome, Part, Progress,
};
use iec62056_21::codec::Refusal;
use line::{GuardedLine, Line};
use metering::Obis;
use meters::catalogue::flag::{FlagIdentity, FlagLayout, IdentityWhat};
use meters::elster::{Content, InstantRequest, Selected};
use meters::flag::VisitFault;
use meters::planner::{SessionEnd, SessionTurn};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What is done, and how far it is.
#[derive(Debug)]
pub(in super::super) struct Task {
    pub(super) kind: Kind,
    pub(in super::super) progress: Progress,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// A whole round, as the schedule would do it.
    Round,
    /// Identities, for their values.
    Read(Reading),
    /// Values of the moment.
    Instant {
        next: usize,
        values: Vec<MeterValue>,
    },
    /// Every readable identity, for its octets.
    Backup(Reading),
}

/// Identities that are read one after the other.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// What is read; all of it is known once a session stands.
    rows: Option<Vec<(u16, u16)>>,
    part: Option<Part>,
    next: usize,
    /// Octets of the set that is being read.
    octets: Vec<u8>,
    values: Vec<MeterValue>,
    counters: Vec<EventCounter>,
    status: Vec<String>,
    identities: Vec<BackupIdentity>,
}

/// How a slice of a task ended.
#[derive(Debug)]
pub(in super::super) enum Slice {
    /// There is more to do.
    More,
    /// It is done.
    Done(Outcome),
    /// The session failed.
    Failed(VisitFault),
    /// The meter could not be called, in words.
    NotReached(String),
}

impl Task {
    pub(in super::super) fn poll() -> Self {
        Self::new(Kind::Round)
    }

    pub(in super::super) fn read(part: Part) -> Self {
        Self::new(Kind::Read(Reading {
            part: Some(part),
            ..Reading::default()
        }))
    }

    pub(in super::super) fn instant() -> Self {
        Self::new(Kind::Instant {
            next: 0,
            values: Vec::new(),
        })
    }

    pub(in super::super) fn backup() -> Self {
        Self::new(Kind::Backup(Reading::default()))
    }

    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            progress: Progress::default(),
        }
    }
}

impl FlagBook {
    /// Holds a session for a task.
    pub(in super::super) async fn hold_task<L: Line>(
        &mut self,
        line: &mut GuardedLine<L>,
        turn: &SessionTurn,
        desk: &Desk<'_>,
        task: &mut Task,
    ) -> (Held, Slice) {
        let model = Arc::clone(&self.flag.model);
        self.totals.sessions += 1;
        let begun = tokio::time::Instant::now();
        let (said, slice) = match self.sit(line, &model, turn, desk).await {
            Ok(mut sitting) => {
                let slice = sitting.task(task).await;
                let Sitting { visit, said, .. } = sitting;
                self.totals.octets += visit.octets();
                visit.end().await;
                (said, slice.unwrap_or_else(super::round::slice_of))
            }
            Err((fault, said)) => (said, Slice::Failed(fault)),
        };
        let held_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.totals.held_ms += held_ms;
        (self.close_task(said, &slice, desk), slice)
    }

    fn close_task(&mut self, mut said: FlagSaid, slice: &Slice, desk: &Desk<'_>) -> Held {
        let (end, gone) = match slice {
            Slice::More | Slice::Done(_) => {
                let more = matches!(slice, Slice::More);
                let unfinished = Vec::new();
                (SessionEnd::Worked { unfinished, more }, None)
            }
            Slice::NotReached(_) => (SessionEnd::Silent, None),
            Slice::Failed(fault) => {
                self.note_failure(fault, desk, &mut said);
                (super::ends::end_of(fault), super::ends::gone(fault))
            }
        };
        self.remember(&mut said);
        Held { end, said, gone }
    }
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    async fn task(&mut self, task: &mut Task) -> Result<Slice, VisitFault> {
        let Task { kind, progress } = task;
        match kind {
            Kind::Round => self.poll(progress).await,
            Kind::Read(reading) => {
                let rows = reading.rows.get_or_insert_with(Vec::new);
                if rows.is_empty() {
                    *rows = self.rows_of(reading.part);
                }
                if self.read_rows(reading, progress, false).await? == StepEnd::Later {
                    return Ok(Slice::More);
                }
                Ok(Slice::Done(if reading.part == Some(Part::Events) {
                    Outcome::Events(EventsResult {
                        counters: std::mem::take(&mut reading.counters),
                        status: std::mem::take(&mut reading.status),
                    })
                } else {
                    Outcome::Values(std::mem::take(&mut reading.values))
                }))
            }
            Kind::Instant { next, values } => self.instants_shown(next, values, progress).await,
            Kind::Backup(reading) => {
                let rows = reading.rows.get_or_insert_with(Vec::new);
                if rows.is_empty() {
                    *rows = self.rows_of(None);
                }
                if self.read_rows(reading, progress, true).await? == StepEnd::Later {
                    return Ok(Slice::More);
                }
                let identities = std::mem::take(&mut reading.identities);
                Ok(Slice::Done(Outcome::Backup(self.backup(identities))))
            }
        }
    }

    async fn poll(&mut self, progress: &mut Progress) -> Result<Slice, VisitFault> {
        let before = self.book.steps_left();
        let end = self.collect().await?;
        let left = self.book.steps_left();
        progress.total = progress.total.max(u64::try_from(before).unwrap_or(0));
        progress.done = progress
            .total
            .saturating_sub(u64::try_from(left).unwrap_or(0));
        progress.words = format!("step {} of {}", progress.done, progress.total);
        Ok(match end {
            StepEnd::Done => Slice::Done(Outcome::Collected(self.book.brought.clone())),
            StepEnd::Later => Slice::More,
        })
    }

    /// Identities of a part, or all, with the sets of each.
    fn rows_of(&self, part: Option<Part>) -> Vec<(u16, u16)> {
        let model = self.visit.model();
        let rows = model.identities_of(&self.visit.variant().id);
        let readable =
            rows.filter(|row| row.octets > 0 && row.read.is_some_and(|level| level <= self.level));
        let wanted = readable.filter(|row| part.is_none_or(|part| is_of(row, part)));
        wanted
            .flat_map(|row| (0..row.sets).map(|set| (row.number, set)))
            .collect()
    }

    async fn read_rows(
        &mut self,
        reading: &mut Reading,
        progress: &mut Progress,
        is_backup: bool,
    ) -> Result<StepEnd, VisitFault> {
        let rows = reading.rows.clone().unwrap_or_default();
        progress.total = u64::try_from(rows.len()).unwrap_or(0);
        while let Some((identity, set)) = rows.get(reading.next).copied() {
            let Some(row) = self.visit.row(identity) else {
                reading.next += 1;
                continue;
            };
            progress.done = u64::try_from(reading.next).unwrap_or(0);
            progress.words = format!("identity {identity}: {}", row.content);
            match self.read_slowly(row, set, &mut reading.octets).await {
                Ok(false) => return Ok(StepEnd::Later),
                Ok(true) => {
                    let octets = std::mem::take(&mut reading.octets);
                    if is_backup {
                        reading.identities.push(backed_up(row, set, &octets));
                    } else {
                        self.show(row, set, &octets, reading);
                    }
                }
                Err(fault) => {
                    let refusal = fault.refusal().cloned();
                    let Some(refusal) = refusal.filter(|_| !fault.ends_session()) else {
                        return Err(fault);
                    };
                    reading.octets.clear();
                    self.refused(row, set, &refusal, is_backup, reading);
                }
            }
            reading.next += 1;
        }
        Ok(StepEnd::Done)
    }

    /// Reads on in a set; false if time is up before its end.
    pub(super) async fn read_slowly(
        &mut self,
        row: &FlagIdentity,
        set: u16,
        octets: &mut Vec<u8>,
    ) -> Result<bool, VisitFault> {
        loop {
            let done = octets.len() / usize::from(PACKET_OCTETS);
            let next = row.packets(set).nth(done);
            let is_whole = octets.len() >= usize::from(row.octets);
            let Some((packet, count)) = next.filter(|_| !is_whole) else {
                return Ok(true);
            };
            if !self.has_room(1) {
                return Ok(false);
            }
            self.desk.pulse.beat();
            let raw = self.visit.read_packet(row.number, packet, count).await?;
            octets.extend(raw.octets);
        }
    }

    fn show(&self, row: &FlagIdentity, set: u16, octets: &[u8], reading: &mut Reading) {
        let show = Show {
            row,
            multiplier: self.multiplier(),
        };
        let group = match row.sets {
            1 => String::new(),
            _ => format!("{} {}", row.content, set + 1),
        };
        match self.reader().read(row, octets) {
            Ok(Content::Log(log)) => reading.counters.push(show.counter(&log)),
            Ok(Content::Billing(set)) if !set.is_filled() => {}
            Ok(content) => {
                let values = show.values(&content, octets, &group);
                if let Content::Status(words) = &content {
                    let set = words.iter().flat_map(|word| &word.set);
                    let told = set.filter_map(|bit| bit.words.clone());
                    reading.status.extend(told);
                }
                reading.values.extend(values);
            }
            Err(fault) => reading.values.push(MeterValue {
                group: row.content.clone(),
                obis: String::new(),
                name: row.content.clone(),
                value: "not understood".to_owned(),
                raw: hex(octets),
                place: row.number.to_string(),
                remark: fault.to_string(),
            }),
        }
    }

    fn refused(
        &self,
        row: &FlagIdentity,
        set: u16,
        refusal: &Refusal,
        is_backup: bool,
        reading: &mut Reading,
    ) {
        let text = refusal.text();
        let words = self.visit.model().refusal_words(text);
        let told = match words {
            Some(words) => format!("{text}: {words}"),
            None => text.to_owned(),
        };
        if is_backup {
            let mut entry = backed_up(row, set, &[]);
            entry.refused = told;
            reading.identities.push(entry);
        } else {
            reading.values.push(MeterValue {
                group: row.content.clone(),
                obis: String::new(),
                name: row.content.clone(),
                value: "refused".to_owned(),
                raw: String::new(),
                place: row.number.to_string(),
                remark: told,
            });
        }
    }

    fn backup(&self, identities: Vec<BackupIdentity>) -> BackupResult {
        let book = &self.book;
        BackupResult {
            meter: book.id().to_string(),
            model: book.flag.model.id.clone(),
            identification: self.visit.identification(),
            serial: book.identity.serial().unwrap_or_default().to_owned(),
            taken: self.desk.clock.now().utc.to_string(),
            level: Some(self.level),
            identities,
        }
    }

    async fn instants_shown(
        &mut self,
        next: &mut usize,
        values: &mut Vec<MeterValue>,
        progress: &mut Progress,
    ) -> Result<Slice, VisitFault> {
        let unknown = VisitFault::Unknown("values of the moment");
        let model = self.visit.model().instant.as_ref().ok_or(unknown)?;
        let wanted: Vec<Obis> = match &self.book.settings.instant {
            Some(instant) => instant.values.clone(),
            None => {
                let usual = model.values.iter().filter(|value| value.default);
                usual.map(|value| value.obis).collect()
            }
        };
        let requests = InstantRequest::of_codes(model, &wanted);
        progress.total = u64::try_from(requests.len()).unwrap_or(0);
        while let Some(request) = requests.get(*next) {
            progress.done = u64::try_from(*next).unwrap_or(0);
            progress.words = "values of the moment".to_owned();
            if !self.has_room(INSTANT_PACKETS) {
                return Ok(Slice::More);
            }
            self.desk.pulse.beat();
            let Some(answers) = self.visit.instants(request).await? else {
                return Ok(Slice::More);
            };
            for value in &answers.values {
                let told = match value.selected {
                    Selected::Value(quantity) => quantity.to_string(),
                    Selected::Order(order) => format!("{order:?}").to_lowercase(),
                    Selected::Overflow => "overflow".to_owned(),
                    Selected::Absent => "not available".to_owned(),
                    Selected::NoNumber => "no number".to_owned(),
                };
                values.push(MeterValue {
                    group: "values of the moment".to_owned(),
                    obis: value.obis.map(|obis| obis.to_string()).unwrap_or_default(),
                    name: value.obis.and_then(Obis::words).unwrap_or_default(),
                    value: told,
                    raw: hex(&value.raw),
                    place: format!("{} selector {:02X}", model.result, value.selector),
                    remark: String::new(),
                });
            }
            *next += 1;
        }
        Ok(Slice::Done(Outcome::Values(std::mem::take(values))))
    }
}

fn is_of(row: &FlagIdentity, part: Part) -> bool {
    use FlagLayout as L;
    match part {
        Part::Registers => matches!(
            row.layout,
            L::Energies { .. }
                | L::ShortEnergies { .. }
                | L::Rates { .. }
                | L::CumulativeDemands
                | L::MaximumDemands { .. }
                | L::Ratio { .. }
                | L::Blocks { .. }
        ),
        Part::Billing => matches!(row.layout, L::Set { .. }),
        Part::Events => matches!(row.layout, L::Log(_) | L::Status { .. }),
        Part::Status => matches!(row.layout, L::Status { .. } | L::Battery | L::Clock),
        Part::Identity => {
            row.what == Some(IdentityWhat::Serial)
                || matches!(row.layout, L::Text | L::Ratio { .. })
        }
    }
}

/// Whether an identity counts or runs by itself.
fn is_running(row: &FlagIdentity) -> bool {
    use FlagLayout as L;
    !matches!(
        row.layout,
        L::Text
            | L::Ratio { .. }
            | L::SourceCodes
            | L::SourceGroups { .. }
            | L::ProfileMask
            | L::ProfilePeriods
            | L::Raw
    )
}

fn backed_up(row: &FlagIdentity, set: u16, octets: &[u8]) -> BackupIdentity {
    let place = match row.sets {
        1 => row.number.to_string(),
        _ => format!("{}/{}", row.number, set + 1),
    };
    BackupIdentity {
        place,
        name: row.content.clone(),
        is_running: is_running(row),
        hex: hex(octets),
        sha256: hex(&Sha256::digest(octets)),
        refused: String::new(),
    }
}
