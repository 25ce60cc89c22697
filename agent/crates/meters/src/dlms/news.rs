//! New rows of a log or of billing sets: behind the one that was read last, in parts that end in
//! time.

use super::fault::DlmsFault;
use super::visit::DlmsVisit;
use crate::catalogue::dlms::{DlmsProfile, SelectionWay};
use crate::clock_basis::ClockBasis;
use crate::cosem::{CosemFault, OrderedRow, ProfileSetup, RowOrder, RowTail, rows_in_order};
use ::dlms::codec::{AccessResult, Selection};
use ::dlms::security::CounterKeeper;
use line::Line;

/// Rows of a part: what most sessions bring, and more is not asked for in vain.
const ROWS: u32 = 24;
/// Rows that are read again, because places move when a full ring takes another row.
const OVERLAP: u32 = 4;
/// Rows further back that are tried where the first one refers to one before it.
const BACK: [u32; 4] = [0, 4, 16, 64];

/// How far somebody is in reading them. It outlives a session, and need not outlive the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NewsSearch {
    /// The place of the next row, counted from the oldest one, from 1; none while it is looked for.
    next: Option<u32>,
    /// So many of the newest rows were looked through for the one that was read last.
    looked: u32,
    /// It is not there any more.
    is_torn: bool,
}

/// Rows that were not read before, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRows {
    /// The rows.
    pub rows: Vec<OrderedRow>,
    /// The row that was read last is not there any more: others may be lost as well.
    pub is_torn: bool,
    /// There may be more.
    pub has_more: bool,
}

impl<L: Line, K: CounterKeeper> DlmsVisit<'_, '_, L, K> {
    /// The next rows behind those of `tail`, or a step in looking for them; whoever takes them lets
    /// the tail follow, and asks again while there may be more.
    pub async fn news(
        &mut self,
        (profile, setup): (&DlmsProfile, &ProfileSetup),
        basis: &ClockBasis,
        tail: &RowTail,
        search: &mut NewsSearch,
    ) -> Result<NewRows, DlmsFault> {
        let is_choosable = self.has_selection() && profile.selection.contains(&SelectionWay::Entry);
        let of = (profile, setup);
        let Some(in_use) = setup.in_use.filter(|_| is_choosable) else {
            return self.whole_news(of, basis, tail).await;
        };
        if in_use == 0 {
            return Ok(NewRows::none(false));
        }
        if tail.is_empty() && search.next.is_none() {
            search.next = Some(1);
        }
        let (first, last) = match search.next {
            Some(next) if next > in_use => return Ok(NewRows::none(false)),
            Some(next) => (next.saturating_sub(OVERLAP), next.saturating_add(ROWS - 1)),
            None => {
                let last = in_use.saturating_sub(search.looked).saturating_add(OVERLAP);
                (last.saturating_sub(ROWS + OVERLAP), last)
            }
        };
        let (first, last) = (first.max(1), last.min(in_use));
        let Some(rows) = self.part(of, basis, (first, last, in_use)).await? else {
            return self.whole_news(of, basis, tail).await;
        };
        let (time_at, _) = setup.time_column().ok_or(CosemFault::NoClock)?;
        let known = tail.read_of(time_at, &rows);
        let count = |rows: usize| u32::try_from(rows).unwrap_or(u32::MAX);
        let begins = last.saturating_add(1).saturating_sub(count(rows.len()));
        let Some(next) = search.next else {
            match known {
                Some(known) => search.next = Some(begins.saturating_add(count(known))),
                None if begins <= 1 => (search.next, search.is_torn) = (Some(1), true),
                None => search.looked = search.looked.saturating_add(ROWS),
            }
            let is_over = search.next.is_some_and(|next| next > in_use);
            return Ok(NewRows::none(!is_over));
        };
        let skipped = match known {
            Some(known) => known,
            // What is held begins here, and nothing of it was read.
            None if next == 1 => 0,
            None => {
                // The ring has moved further than the overlap: look anew.
                *search = NewsSearch::default();
                return Ok(NewRows::none(true));
            }
        };
        let rows: Vec<OrderedRow> = rows.into_iter().skip(skipped).collect();
        search.next = Some(last.saturating_add(1));
        Ok(NewRows {
            rows,
            is_torn: std::mem::take(&mut search.is_torn),
            has_more: last < in_use,
        })
    }

    /// All rows at once, where they cannot be chosen.
    async fn whole_news(
        &mut self,
        (profile, setup): (&DlmsProfile, &ProfileSetup),
        basis: &ClockBasis,
        tail: &RowTail,
    ) -> Result<NewRows, DlmsFault> {
        let answer = self.rows(profile, None).await?;
        let answer = answer.map_err(|result| refused(profile, result))?;
        let of = (self.model(), profile);
        let mut rows = rows_in_order(of, basis, setup, &answer, false)?;
        let (time_at, _) = setup.time_column().ok_or(CosemFault::NoClock)?;
        let known = tail.read_of(time_at, &rows);
        let is_torn = known.is_none() && !tail.is_empty() && !rows.is_empty();
        rows.drain(..known.unwrap_or(0));
        Ok(NewRows {
            rows,
            is_torn,
            has_more: false,
        })
    }

    /// Rows of these places from the oldest one, and some before them where the first one refers to
    /// them; none where rows cannot be chosen by place.
    async fn part(
        &mut self,
        (profile, setup): (&DlmsProfile, &ProfileSetup),
        basis: &ClockBasis,
        (first, last, in_use): (u32, u32, u32),
    ) -> Result<Option<Vec<OrderedRow>>, DlmsFault> {
        for back in BACK {
            let first = first.saturating_sub(back).max(1);
            let is_newest_first = setup.order == RowOrder::NewestFirst;
            let (from, to) = if is_newest_first {
                let from = in_use.saturating_sub(last) + 1;
                (
                    from.saturating_sub(back).max(1),
                    in_use.saturating_sub(first) + 1,
                )
            } else {
                (first, last)
            };
            let selection = Some(Selection::entries(from, to));
            let Ok(answer) = self.rows(profile, selection).await? else {
                return Ok(None);
            };
            let of = (self.model(), profile);
            match rows_in_order(of, basis, setup, &answer, from > 1) {
                Ok(mut rows) => {
                    // Newer ones that were asked for only as something to refer to.
                    let wanted = usize::try_from(last.saturating_sub(first) + 1);
                    rows.truncate(wanted.unwrap_or(usize::MAX));
                    return Ok(Some(rows));
                }
                Err(CosemFault::FirstRow) => {}
                Err(fault) => return Err(fault.into()),
            }
        }
        Err(DlmsFault::NoFirstRow)
    }
}

impl NewRows {
    fn none(has_more: bool) -> Self {
        Self {
            rows: Vec::new(),
            is_torn: false,
            has_more,
        }
    }
}

fn refused(profile: &DlmsProfile, result: AccessResult) -> DlmsFault {
    DlmsFault::Refused {
        what: profile.attribute(2).to_string(),
        result,
    }
}
