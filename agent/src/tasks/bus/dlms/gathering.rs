//! What a scheme wants read of a meter: registers, billing sets and logs, by the schedule's own means.

use super::histories::Histories;
use super::registers::AT_ONCE;
use super::session::{PartEnd, Sitting};
use desk::{GatherResult, GatherWish, Progress};
use line::Line;
use meters::catalogue::dlms::{DlmsProfile, DlmsProfileWhat, DlmsRegister};
use meters::dlms::DlmsFault;
use std::mem::{replace, take};

/// Reading that goes on over sessions.
#[derive(Debug)]
pub(super) struct Gathering {
    wish: GatherWish,
    is_begun: bool,
    /// The next register, by its place among those that are read by default.
    register: usize,
    /// How far it is in the profiles of the model.
    histories: Histories,
    result: GatherResult,
}

impl Gathering {
    pub(super) fn new(wish: GatherWish) -> Self {
        Self {
            wish,
            is_begun: false,
            register: 0,
            histories: Histories::default(),
            result: GatherResult::default(),
        }
    }

    pub(super) fn take_result(&mut self) -> GatherResult {
        take(&mut self.result)
    }

    fn wants(&self, profile: &DlmsProfile) -> bool {
        match profile.what {
            DlmsProfileWhat::Billing => self.result.billing_sets.is_some(),
            DlmsProfileWhat::Log => self.result.events.is_some(),
            _ => false,
        }
    }

    fn add_rows(&mut self, profile: &DlmsProfile, rows: u64) {
        let count = match profile.what {
            DlmsProfileWhat::Billing => &mut self.result.billing_sets,
            _ => &mut self.result.events,
        };
        if let Some(count) = count {
            *count += rows;
        }
    }
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    pub(super) async fn gather(
        &mut self,
        gathering: &mut Gathering,
        progress: &mut Progress,
    ) -> Result<PartEnd, DlmsFault> {
        if !replace(&mut gathering.is_begun, true) {
            self.begin_gathering(gathering);
        }
        if gathering.result.values.is_some()
            && self.gather_registers(gathering, progress).await? == PartEnd::Later
        {
            return Ok(PartEnd::Later);
        }
        // The schedule's own look at them waits meanwhile, and is begun anew where it stands: what it
        // has seen of a log may be read now.
        let scheduled = self.book.histories.at();
        self.book.histories = gathering.histories.at();
        let end = self.gather_histories(gathering, progress).await;
        gathering.histories = replace(&mut self.book.histories, scheduled);
        end
    }

    /// What the model cannot give is told.
    fn begin_gathering(&self, gathering: &mut Gathering) {
        let (wish, model) = (gathering.wish, self.model);
        let has = |what: DlmsProfileWhat| model.profiles.iter().any(|one| one.what == what);
        let result = &mut gathering.result;
        let cannot = &mut result.cannot;
        let mut is_given = |is_wanted: bool, is_there: bool, what: &str| {
            if is_wanted && !is_there {
                cannot.push(format!("model {} has no {what}", model.id));
            }
            is_wanted && is_there
        };
        let has_registers = model.default_registers().next().is_some();
        if is_given(wish.registers, has_registers, "registers") {
            result.values = Some(0);
        }
        let is_billing = wish.billing_sets.is_some();
        if is_given(is_billing, has(DlmsProfileWhat::Billing), "billing sets") {
            result.billing_sets = Some(0);
        }
        if is_given(wish.events, has(DlmsProfileWhat::Log), "logs") {
            result.events = Some(0);
        }
        let has_profile = model.load_profile().is_some();
        result.has_profile = is_given(wish.profile, has_profile, "load profile");
        if wish.instruments {
            result.cannot.push(format!(
                "an instrumentation profile of model {} is not read by this version",
                model.id
            ));
        }
    }

    async fn gather_registers(
        &mut self,
        gathering: &mut Gathering,
        progress: &mut Progress,
    ) -> Result<PartEnd, DlmsFault> {
        let wanted: Vec<&DlmsRegister> = self.model.default_registers().collect();
        progress.total = number(wanted.len());
        while let Some(rest) = wanted
            .get(gathering.register..)
            .filter(|rest| !rest.is_empty())
        {
            if self.has_no_room() {
                return Ok(PartEnd::Later);
            }
            let some = rest.get(..AT_ONCE).unwrap_or(rest);
            let values = self.keep_some(some).await?;
            gathering.register += some.len();
            if let Some(count) = &mut gathering.result.values {
                *count += values;
            }
            progress.done = number(gathering.register);
            "registers".clone_into(&mut progress.words);
            self.desk.report(progress);
            // None of them is read again where the session breaks behind them.
            self.keep_now().await;
        }
        Ok(PartEnd::Done)
    }

    async fn gather_histories(
        &mut self,
        gathering: &mut Gathering,
        progress: &mut Progress,
    ) -> Result<PartEnd, DlmsFault> {
        let profiles = &self.model.profiles;
        while let Some(profile) = profiles.get(self.book.histories.place()) {
            if !gathering.wants(profile) {
                self.book.histories.go_on();
                continue;
            }
            progress.done += 1;
            progress.total = progress.done;
            progress.words.clone_from(&profile.content);
            self.desk.report(progress);
            let read = self.history_in_turn(profile).await;
            gathering.add_rows(profile, self.book.histories.take_rows());
            match read {
                Ok(PartEnd::Later) => return Ok(PartEnd::Later),
                Ok(PartEnd::Done) => {}
                Err(fault) if fault.ends_session() => return Err(fault),
                Err(DlmsFault::Refused { .. }) => {
                    let remark = format!("{}: this meter has none", profile.content);
                    gathering.result.remarks.push(remark);
                }
                Err(fault) => {
                    let remark = format!("{}: {fault}", profile.content);
                    gathering.result.remarks.push(remark);
                }
            }
            self.book.histories.go_on();
        }
        Ok(PartEnd::Done)
    }
}

fn number(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}
