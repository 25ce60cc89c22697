//! Identities read for a person: their values, or their octets.

use super::super::round::{PACKET_OCTETS, Sitting, StepEnd};
use super::super::show::Show;
use super::Slice;
use crate::hex::hex;
use desk::{
    BackupIdentity, BackupResult, EventCounter, EventsResult, MeterValue, Outcome, Part, Progress,
};
use iec62056_21::codec::Refusal;
use line::Line;
use meters::catalogue::flag::{FlagIdentity, FlagLayout, IdentityWhat};
use meters::elster::Content;
use meters::flag::VisitFault;
use sha2::{Digest, Sha256};

/// Identities that are read one after the other.
#[derive(Debug, Default)]
pub(in super::super) struct Reading {
    /// What is read; all of it is known once a session stands.
    rows: Option<Vec<(u16, u16)>>,
    /// All of them if none.
    part: Option<Part>,
    next: usize,
    /// Octets of the set that is being read.
    octets: Vec<u8>,
    values: Vec<MeterValue>,
    counters: Vec<EventCounter>,
    status: Vec<String>,
    identities: Vec<BackupIdentity>,
}

impl Reading {
    /// Of a part, or of all.
    pub(super) fn of(part: Option<Part>) -> Self {
        Self {
            part,
            ..Self::default()
        }
    }
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Reads a part for its values.
    pub(super) async fn read_part(
        &mut self,
        reading: &mut Reading,
        progress: &mut Progress,
    ) -> Result<Slice, VisitFault> {
        if self.know_ratios().await? == StepEnd::Later
            || self.read_rows(reading, progress, false).await? == StepEnd::Later
        {
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

    /// Reads everything that can be read for its octets.
    pub(super) async fn back_up(
        &mut self,
        reading: &mut Reading,
        progress: &mut Progress,
    ) -> Result<Slice, VisitFault> {
        if self.read_rows(reading, progress, true).await? == StepEnd::Later {
            return Ok(Slice::More);
        }
        let identities = std::mem::take(&mut reading.identities);
        Ok(Slice::Done(Outcome::Backup(self.backup(identities))))
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
        if reading.rows.is_none() {
            reading.rows = Some(self.rows_of(reading.part));
        }
        let rows = reading.rows.clone().unwrap_or_default();
        progress.total = u64::try_from(rows.len()).unwrap_or(0);
        while let Some((identity, set)) = rows.get(reading.next).copied() {
            let Some(row) = self.visit.row(identity) else {
                reading.next += 1;
                continue;
            };
            progress.done = u64::try_from(reading.next).unwrap_or(0);
            progress.words = format!("identity {identity}: {}", row.content);
            self.desk.report(progress);
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
    pub(in super::super) async fn read_slowly(
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
            multiplier: self.register_multiplier(),
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
            protocol: None,
        }
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
        ..BackupIdentity::default()
    }
}
