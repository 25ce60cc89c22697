//! The load profile that a meter keeps itself: asked for by need, read in as many sessions as that
//! takes, kept row by row.

use super::ends::is_time_up;
use super::session::{PartEnd, Sitting};
use crate::front::GATEWAY_PROFILE;
use crate::hex::hex;
use crate::tasks::bus::keeping::Keeping;
use crate::tasks::bus::memory::Note;
use crate::tasks::bus::wanted::{CollectWish, Need};
use crate::tasks::storekeeper::Record;
use line::Line;
use metering::{EventCode, Period, ProfileRows, Timestamp};
use meters::catalogue::dlms::DlmsProfile;
use meters::collection::{Marks, Wanted};
use meters::cosem::{CosemFault, CosemHappening, ProfileRead, ProfileSetup};
use meters::dlms::{CollectRun, DlmsFault, RunEnd};
use sha2::{Digest, Sha256};
use std::time::Duration;
use storage::{GapRange, GapReason, GapRecord};

/// Answers that wait to be kept; about two seconds of line time each.
const READS_MAX: usize = 4;

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// What the schedule wants of the profile.
    pub(super) async fn profile(&mut self) -> Result<PartEnd, DlmsFault> {
        let Some(profile) = self.model.load_profile() else {
            return Ok(PartEnd::Done);
        };
        let (setup, period) = self.profile_setup(profile).await?;
        let mut run = if let Some(run) = self.book.run.take() {
            run
        } else {
            let need = self.need(period);
            let book = &mut *self.book;
            let wanted = need.by_schedule(&book.known, &mut book.memory).await;
            let Some(wanted) = wanted else {
                return Ok(PartEnd::Later);
            };
            self.new_run(&wanted, profile, period)
        };
        let end = self.run_on(&mut run, (profile, &setup, period)).await;
        if !matches!(end, Ok(PartEnd::Done)) {
            self.book.run = Some(run);
        }
        end
    }

    /// What somebody wants of it.
    pub(super) async fn profile_for(
        &mut self,
        wish: CollectWish,
        run: &mut Option<CollectRun>,
    ) -> Result<PartEnd, DlmsFault> {
        let unknown = || DlmsFault::Unknown {
            what: "a load profile of this model".to_owned(),
            remedy: "add one to the model file",
        };
        let profile = self.model.load_profile().ok_or_else(unknown)?;
        let (setup, period) = self.profile_setup(profile).await?;
        let mut own = if let Some(run) = run.take() {
            run
        } else {
            let wanted = self.need(period).by_wish(wish, &self.book.known).await;
            let Some(wanted) = wanted else {
                return Ok(PartEnd::Later);
            };
            self.new_run(&wanted, profile, period)
        };
        let end = self.run_on(&mut own, (profile, &setup, period)).await;
        *run = Some(own);
        end
    }

    fn need(&self, period: Period) -> Need {
        Need {
            store: self.desk.store.clone(),
            meter: self.book.settings.id.clone(),
            period,
            now: self.desk.clock.now().utc,
            days_max: self.book.dlms.collect.days_max,
        }
    }

    fn new_run(&self, wanted: &Wanted, profile: &DlmsProfile, period: Period) -> CollectRun {
        CollectRun::new(wanted, profile, period, self.meter_now())
    }

    /// The instant that the meter's clock shows, as far as it was measured.
    fn meter_now(&self) -> Timestamp {
        let now = self.desk.clock.now().utc;
        let error = self.book.clock_error_ms.unwrap_or(0);
        Timestamp::from_millis(now.millis().saturating_add_signed(error))
    }

    /// How the profile is set up now; a change since the last time is told.
    async fn profile_setup(
        &mut self,
        profile: &DlmsProfile,
    ) -> Result<(ProfileSetup, Period), DlmsFault> {
        self.desk.pulse.beat();
        let setup = self.visit.setup(profile).await?;
        let period = Period::from_seconds(setup.period_s).map_err(|_| CosemFault::Period {
            seconds: setup.period_s,
        })?;
        let before = self
            .book
            .memory
            .note(Note::ProfileSetup)
            .map(<[u8]>::to_vec);
        let mark = hex(&Sha256::digest(&setup.mark));
        self.book
            .memory
            .set_note(Note::ProfileSetup, mark.as_bytes());
        if before.is_some_and(|before| before != mark.as_bytes()) {
            let code = EventCode::MeterProfileReconfigured;
            let detail = format!(
                "its load profile has other columns or another period than before: {} columns, {} s",
                setup.columns.len(),
                setup.period_s
            );
            self.book.scalers.clear();
            let event = self.book.event(code, detail, self.desk.clock);
            self.said.events.push(event);
        }
        self.book.known.set_period(period);
        Ok((setup, period))
    }

    async fn run_on(
        &mut self,
        run: &mut CollectRun,
        (profile, setup, period): (&DlmsProfile, &ProfileSetup, Period),
    ) -> Result<PartEnd, DlmsFault> {
        let wanted = run.remaining();
        loop {
            let before = run.remaining();
            let (reads, ended) = self.read_on(run, (profile, setup)).await;
            let is_full = reads.len() == READS_MAX;
            // What came is kept, also where the session broke behind it.
            for read in reads {
                if !self.keep_read(&read).await {
                    let now = self.meter_now();
                    *run = CollectRun::new(&Wanted::Only(before), profile, period, now);
                    return Ok(PartEnd::Later);
                }
            }
            match ended {
                Ok(RunEnd::Done) => break,
                Ok(RunEnd::Later) if is_full && !self.desk.is_over() => {}
                Ok(RunEnd::Later) => return Ok(PartEnd::Later),
                Err(fault) if is_time_up(&fault) => return Ok(PartEnd::Later),
                Err(fault) => return Err(fault),
            }
        }
        self.look_for_gaps(&wanted, period).await;
        self.look_at_overwriting(setup, period).await;
        Ok(PartEnd::Done)
    }

    /// Some parts, no more than are held in memory.
    async fn read_on(
        &mut self,
        run: &mut CollectRun,
        (profile, setup): (&DlmsProfile, &ProfileSetup),
    ) -> (Vec<ProfileRead>, Result<RunEnd, DlmsFault>) {
        let (now, basis) = (self.meter_now(), self.book.dlms.clock.basis.clone());
        let mut reads: Vec<ProfileRead> = Vec::new();
        let pulse = self.desk.pulse;
        let mut take = |read| {
            pulse.beat();
            reads.push(read);
            reads.len() < READS_MAX
        };
        let scalers = &mut self.book.scalers;
        let of = (profile, setup);
        let ended = self
            .visit
            .collect(run, of, scalers, (&basis, now), &mut take);
        let ended = ended.await;
        (reads, ended)
    }

    /// Keeps an answer. False while the store cannot say what it holds.
    async fn keep_read(&mut self, read: &ProfileRead) -> bool {
        let clock = self.desk.clock.now().quality;
        for block in read.blocks() {
            let block = ProfileRows {
                meter: self.book.settings.id.clone(),
                profile: GATEWAY_PROFILE,
                shape: block.shape,
                clock,
                rows: block.rows,
            };
            let book = &mut *self.book;
            let mut keeping = Keeping {
                store: self.desk.store,
                clock: self.desk.clock,
                meter: &book.settings.id,
                known: &mut book.known,
                brought: &mut book.brought,
                totals: &mut book.totals,
                said: &mut self.said,
            };
            if !keeping.block(block).await {
                return false;
            }
        }
        for happening in &read.happenings {
            self.tell_happening(happening);
        }
        self.keep_unknown_bits(&read.unknown);
        self.keep_now().await;
        true
    }

    /// A bit that the model does not name is told once, however many rows and sessions have it.
    fn tell_unknown_bits(&mut self, bits: u64) {
        let told = self.book.memory.number(Note::StatusBits).unwrap_or(0);
        let news = bits & !told;
        if news != 0 {
            self.book.memory.set_number(Note::StatusBits, told | news);
            let each = (0..u64::BITS).map(|bit| news & (1 << bit));
            for bit in each.filter(|bit| *bit != 0) {
                self.tell_news(
                    EventCode::MeterProfileUnknown,
                    &CosemHappening::UnknownBits(bit),
                );
            }
        }
    }

    fn tell_happening(&mut self, happening: &CosemHappening) {
        use CosemHappening as H;
        let code = match happening {
            H::SetBack { .. } | H::UnsureHour { .. } | H::DoubtfulClock { .. } => {
                EventCode::MeterClockChanged
            }
            H::Again { .. } | H::Part { .. } => EventCode::MeterProfileConflict,
            H::UnknownBits(bits) => return self.tell_unknown_bits(*bits),
            H::NoTime { .. } | H::OrderContradicted => EventCode::MeterProfileUnknown,
            H::NoUnit { .. } | H::NoScaler { .. } | H::NoNumber { .. } => {
                EventCode::MeterCodingInDoubt
            }
        };
        self.tell_news(code, happening);
    }

    fn tell_news(&mut self, code: EventCode, happening: &CosemHappening) {
        let detail = format!("its load profile says: {happening}");
        if self.book.known.is_news(&detail) {
            self.book.brought.remarks.push(detail.clone());
            let event = self.book.event(code, detail, self.desk.clock);
            self.said.events.push(event);
        }
    }

    /// Marks that were asked for, and that the meter has no row of although it has older ones.
    async fn look_for_gaps(&mut self, wanted: &[Marks], period: Period) {
        let need = self.need(period);
        let Some(Some(last)) = need.last_row().await else {
            return;
        };
        for stretch in wanted {
            let within = Marks {
                first: stretch.first,
                last: stretch.last.min(last),
            };
            if within.first > within.last {
                continue;
            }
            let missing = need.missing(within, &self.book.known).await;
            for marks in missing.unwrap_or_default() {
                if self.is_before_all(&need, marks).await {
                    self.book
                        .known
                        .set_begins(marks.last.after(period.duration()));
                } else {
                    self.tell_gap(marks, period);
                }
            }
        }
    }

    /// Whether nothing as old is stored: the meter's buffer begins behind it.
    async fn is_before_all(&self, need: &Need, marks: Marks) -> bool {
        matches!(need.last_row_up_to(marks.first).await, Some(None))
    }

    fn tell_gap(&mut self, marks: Marks, period: Period) {
        if !self.book.known.add_empty(marks) {
            return;
        }
        let step = period.duration();
        let seconds = marks.last.after(step).seconds() - marks.first.seconds();
        let count = seconds / u64::from(period.seconds());
        let words = format!(
            "{count} intervals from {} to {} are not in the meter's load profile",
            marks.first, marks.last
        );
        self.book.brought.gaps.push(words.clone());
        self.said.records.push(Record::Gap(GapRecord {
            what: GapRange::Rows {
                meter: self.book.settings.id.clone(),
                profile: GATEWAY_PROFILE,
                from: marks.first.before(step),
                to: marks.last,
            },
            why: GapReason::NotMeasured,
            request: Vec::new(),
        }));
        let code = EventCode::MeterProfileGap;
        let event = self.book.event(code, words, self.desk.clock);
        self.said.events.push(event);
    }

    /// How long what is not read yet is safe in the meter.
    async fn look_at_overwriting(&mut self, setup: &ProfileSetup, period: Period) {
        let Some(entries) = setup.entries else {
            return;
        };
        let Some(Some(last)) = self.need(period).last_row().await else {
            return;
        };
        let room = period.duration() * entries;
        let days = room.as_secs() / Duration::from_hours(24).as_secs();
        self.book.memory.note_held(days, last);
        let now = self.desk.clock.now().utc;
        self.book.brought.days_until_overwrite = self.book.memory.overwrite_in_days(now);
    }
}
