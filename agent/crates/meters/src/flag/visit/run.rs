//! What happens within one session of a visit.

use super::billing::BillingErrand;
use super::instants::{self, InstantReply};
use super::meaning::Meaning;
use super::profile::{Context, ProfileErrand};
use super::rows::{Part, is_readable, part};
use super::VisitTools;
use super::shelf::{Fetched, RawIdentity, Shelf};
use super::stop::Stop;
use super::talk::{Reply, Talk};
use super::wishes::Wishes;
use crate::catalogue::flag::{FlagIdentity, FlagModel};
use crate::elster::{ClockStamp, InstantRequest};
use crate::flag::found::{Found, MeterIdentity, Sink, WhichProfile};
use crate::flag::meter::FlagMeter;
use crate::flag::serial::{is_same_serial, scheme_row, serial_row, text};
use line::Line;
use metering::MeterTime;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::time::Instant;

/// Something that a visit has still to do.
#[derive(Debug, Clone)]
pub(super) enum Errand {
    /// Identities to read, one set each.
    Rows(VecDeque<FlagIdentity>),
    /// Billing sets.
    Billing(Box<BillingErrand>),
    /// Values of the moment, by their selectors.
    Instants(VecDeque<InstantRequest>),
    /// A load profile.
    Profile(Box<ProfileErrand>),
    /// Every set of every identity that can be read.
    Backup(VecDeque<(FlagIdentity, u16)>),
}

/// All that is to be done, in the order in which it is worth most.
pub(super) fn errands(
    model: &FlagModel,
    variant: &str,
    level: u8,
    wishes: &Wishes,
) -> VecDeque<Errand> {
    let rows: Vec<FlagIdentity> = model.identities_of(variant).cloned().collect();
    let of_part = |wanted: Part| -> VecDeque<FlagIdentity> {
        let is_wanted = |row: &&FlagIdentity| part(row) == wanted && is_readable(row, level);
        rows.iter().filter(is_wanted).cloned().collect()
    };
    let mut errands = VecDeque::new();
    if let (Some(wanted), Some(instant)) = (&wishes.instants, &model.instant) {
        let by_default = instant.values.iter().filter(|value| value.default);
        let by_default: Vec<u8> = by_default.map(|value| value.selector).collect();
        let requests = match wanted.as_slice() {
            [] => InstantRequest::of(instant, &by_default),
            codes => InstantRequest::of_codes(instant, codes),
        };
        errands.push_back(Errand::Instants(requests.into()));
    }
    if wishes.registers {
        errands.push_back(Errand::Rows(of_part(Part::Registers)));
    }
    if wishes.events {
        errands.push_back(Errand::Rows(of_part(Part::Events)));
    }
    let billing = BillingErrand::all(&rows, &wishes.billing, level);
    errands.extend(billing.into_iter().map(|errand| Errand::Billing(Box::new(errand))));
    for (which, wish) in [
        (WhichProfile::Load, &wishes.profile),
        (WhichProfile::Instrumentation, &wishes.instrumentation),
    ] {
        if let Some(wish) = wish {
            let errand = ProfileErrand::new(which, wish);
            errands.push_back(Errand::Profile(Box::new(errand)));
        }
    }
    if wishes.backup {
        errands.push_back(Errand::Backup(backup(&rows, level)));
    }
    errands
}

fn backup(rows: &[FlagIdentity], level: u8) -> VecDeque<(FlagIdentity, u16)> {
    let readable = rows.iter().filter(|row| part(row) != Part::Never);
    let readable = readable.filter(|row| is_readable(row, level));
    let sets = readable.flat_map(|row| (0..row.sets.max(1)).map(|set| (row.clone(), set)));
    sets.collect()
}

/// Reads who the meter is, and compares it with who it should be.
pub(super) async fn identify<L: Line>(
    talk: &mut Talk<'_, '_, L>,
    meter: &FlagMeter,
    known: Option<&MeterIdentity>,
) -> Result<MeterIdentity, Stop> {
    let identification = talk.session().identification().clone();
    let model = &meter.model;
    let variant = model.variant_of(&identification);
    let Some(variant) = variant.filter(|_| model.fits(&identification)) else {
        return Err(Stop::OtherModel(identification));
    };
    let serial = match serial_row(model, &variant.id) {
        Some(row) => read_text(talk, row).await?,
        None => None,
    };
    if let Some(expected) = &meter.serial {
        match &serial {
            Some(found) if is_same_serial(found, expected) => {}
            found => return Err(Stop::OtherMeter(found.clone())),
        }
    }
    let scheme = match (known, scheme_row(model, &variant.id)) {
        (Some(known), _) => known.scheme.clone(),
        (None, Some(row)) => read_text(talk, row).await?,
        (None, None) => None,
    };
    Ok(MeterIdentity {
        identification,
        variant: variant.id.clone(),
        serial,
        scheme,
    })
}

async fn read_text<L: Line>(
    talk: &mut Talk<'_, '_, L>,
    row: &FlagIdentity,
) -> Result<Option<String>, Stop> {
    let mut octets = Vec::new();
    for (packet, count) in row.packets(0) {
        match talk.read(row.number, packet, count).await? {
            Reply::Given(answered) => octets.extend(answered.data),
            Reply::Refused(_) => return Ok(None),
        }
    }
    Ok(text(&octets))
}

impl Errand {
    /// Goes on with it until it is done, or the session has to end.
    pub(super) async fn run<L: Line>(
        &mut self,
        talk: &mut Talk<'_, '_, L>,
        shelf: &mut Shelf,
        context: &Context<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Stop> {
        match self {
            Self::Rows(rows) => read_rows(talk, shelf, rows, context, sink).await,
            Self::Billing(errand) => errand.run(talk, shelf, context, sink).await,
            Self::Instants(requests) => read_instants(talk, context.model, requests, sink).await,
            Self::Profile(errand) => errand.run(talk, context, sink).await,
            Self::Backup(sets) => read_sets(talk, shelf, sets, sink).await,
        }
    }

    /// Steps that are done, and steps in all where that is known.
    pub(super) fn progress(&self) -> (u64, u64) {
        let count = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
        match self {
            Self::Rows(rows) => (0, count(rows.len())),
            Self::Billing(errand) => errand.sets(),
            Self::Instants(requests) => (0, count(requests.len())),
            Self::Profile(errand) => errand.days(),
            Self::Backup(sets) => (0, count(sets.len())),
        }
    }

    /// Changes with everything that need not be read again.
    pub(super) fn position(&self) -> u64 {
        match self {
            Self::Profile(errand) => errand.octets(),
            Self::Billing(_) => self.progress().0,
            Self::Rows(_) | Self::Instants(_) | Self::Backup(_) => self.progress().1,
        }
    }

    /// What is going on, for a person.
    pub(super) fn words(&self) -> String {
        let (done, total) = self.progress();
        match self {
            Self::Rows(rows) => match rows.front() {
                Some(row) => format!("{} ({})", row.content, row.number),
                None => "registers".to_owned(),
            },
            Self::Billing(_) => format!("billing set {} of {total}", done + 1),
            Self::Instants(_) => "values of the moment".to_owned(),
            Self::Profile(_) if total == 0 => format!("load profile, day {done}"),
            Self::Profile(_) => format!("load profile, day {done} of {total}"),
            Self::Backup(sets) => match sets.front() {
                Some((row, _)) => format!("backup: {} ({})", row.content, row.number),
                None => "backup".to_owned(),
            },
        }
    }
}

async fn read_rows<L: Line>(
    talk: &mut Talk<'_, '_, L>,
    shelf: &mut Shelf,
    rows: &mut VecDeque<FlagIdentity>,
    context: &Context<'_>,
    sink: &mut dyn Sink,
) -> Result<(), Stop> {
    while let Some(row) = rows.front() {
        let meaning = Meaning::prepare(talk, shelf, context, row).await?;
        if let Some(raw) = fetch(talk, shelf, row, 0, sink).await? {
            sink.take(meaning.of(context, row, raw));
        }
        rows.pop_front();
    }
    Ok(())
}

async fn read_sets<L: Line>(
    talk: &mut Talk<'_, '_, L>,
    shelf: &mut Shelf,
    sets: &mut VecDeque<(FlagIdentity, u16)>,
    sink: &mut dyn Sink,
) -> Result<(), Stop> {
    while let Some((row, set)) = sets.front() {
        if let Some(raw) = fetch(talk, shelf, row, *set, sink).await? {
            sink.take(Found::Backup(raw));
        }
        sets.pop_front();
    }
    Ok(())
}

async fn fetch<L: Line>(
    talk: &mut Talk<'_, '_, L>,
    shelf: &mut Shelf,
    row: &FlagIdentity,
    set: u16,
    sink: &mut dyn Sink,
) -> Result<Option<RawIdentity>, Stop> {
    let number = row.number;
    Ok(match shelf.fetch(talk, row, set).await? {
        Fetched::Whole(raw) => Some(raw.clone()),
        Fetched::Refused(words) => {
            let words = words.to_owned();
            sink.take(Found::Refused { number, set, words });
            None
        }
    })
}

async fn read_instants<L: Line>(
    talk: &mut Talk<'_, '_, L>,
    model: &Arc<FlagModel>,
    requests: &mut VecDeque<InstantRequest>,
    sink: &mut dyn Sink,
) -> Result<(), Stop> {
    let Some(instant) = &model.instant else {
        return Ok(());
    };
    while let Some(request) = requests.front() {
        match instants::read(talk, instant, request).await? {
            InstantReply::Values(readings, at) => sink.take(Found::Instants { readings, at }),
            InstantReply::Refused(words) => {
                let (number, set) = (instant.request, 0);
                sink.take(Found::Refused { number, set, words });
                return Ok(());
            }
            InstantReply::NotReady => {
                let words = "values of the moment were not ready in time".to_owned();
                sink.take(Found::Remark(words));
            }
        }
        requests.pop_front();
    }
    Ok(())
}

/// Reads the meter's clock, and says what it shows; where it cannot be read, what it should show.
pub(super) async fn read_clock<L: Line>(
    talk: &mut Talk<'_, '_, L>,
    meter: &FlagMeter,
    variant: &str,
    tools: &mut VisitTools<'_>,
) -> Result<MeterTime, Stop> {
    let should = |at: Instant| meter.basis.shown_at(tools.clock.utc_at(at));
    let clock = meter.model.clock.as_ref();
    let row = clock.and_then(|clock| meter.model.identity(variant, clock.identity));
    let Some(row) = row.filter(|row| is_readable(row, meter.level())) else {
        return Ok(should(Instant::now()));
    };
    let octets = u8::try_from(row.octets).unwrap_or(u8::MAX);
    let answered = match talk.read(row.number, 1, octets).await? {
        Reply::Given(answered) => answered,
        Reply::Refused(refusal) => {
            let (number, set, words) = (row.number, 0, refusal.to_string());
            tools.sink.take(Found::Refused { number, set, words });
            return Ok(should(Instant::now()));
        }
    };
    let stamp = ClockStamp::decode(&answered.data);
    let shown = stamp.as_ref().ok().map(|stamp| stamp.time);
    let at = answered.arrived_at;
    let raw = RawIdentity {
        number: row.number,
        set: 0,
        octets: answered.data,
        left_at: answered.left_at,
        arrived_at: answered.arrived_at,
    };
    tools.sink.take(Found::Clock { raw, stamp });
    Ok(shown.unwrap_or_else(|| should(at)))
}
