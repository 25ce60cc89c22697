//! Stored intervals, as bars, as a table, as CSV or as JSON.

use crate::adapters::clock::utc;
use crate::arguments::ProfileArguments;
use crate::chart::{ChartWish, DAY, Profile, chart};
use crate::errand::{Errand, unexpected};
use crate::limits::{PROFILE_PAGES_MAX, PROFILE_ROWS_MORE};
use crate::show::{answer_text, diagnosis_text, profile_csv};
use crate::words::parse_time;
use anyhow::{Result, bail};
use desk::{Answer, Diagnosis, GatewayDesk, JobState, Outcome, Request, Work};

pub(super) async fn run<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    arguments: &ProfileArguments,
    is_direct: bool,
) -> Result<bool> {
    let to = arguments.to.unwrap_or_else(utc);
    let from = arguments.from.unwrap_or_else(|| to.before(DAY));
    let meter = arguments.meter.to_string();
    let mut doubts = Vec::new();
    // A private gateway has read nothing yet.
    if arguments.from_meter || is_direct {
        let work = Work::Collect {
            meter: meter.clone(),
            from: Some(from.seconds()),
            to: Some(to.seconds()),
            again: true,
        };
        let job = errand.work(work).await?;
        let JobState::Done(outcome) = &job.state else {
            return errand.show(&job);
        };
        if let Outcome::Collected(result) = &**outcome {
            doubts.clone_from(&result.found);
        }
    }
    let request = |from: u64| Request::Profile {
        meter: meter.clone(),
        from,
        to: to.seconds(),
        profile: arguments.profile.map(|profile| profile.to_string()),
    };
    let parts = stored(errand, request, from.seconds()).await?;
    let wish = ChartWish {
        channel: arguments.channel,
        from,
        to,
    };
    for part in &parts {
        if errand.is_json {
            errand.say_json(&answer(part))?;
            continue;
        }
        let text = if arguments.csv {
            profile_csv(&part.channels, &part.rows)
        } else if arguments.table {
            answer_text(&answer(part))
        } else {
            match chart(part, &wish, errand.console.look()) {
                Ok(text) => text,
                Err(words) => bail!("{words}; name one with --channel"),
            }
        };
        errand.console.say(&text)?;
    }
    if doubts.is_empty() {
        doubts = known_doubts(errand, &meter).await;
    }
    for doubt in doubts.iter().filter(|_| !errand.is_json) {
        errand.console.remark(&diagnosis_text(doubt))?;
    }
    Ok(true)
}

/// What the gateway found wrong with the meter before; nothing where it does not say.
async fn known_doubts<D: GatewayDesk>(errand: &Errand<'_, D>, meter: &str) -> Vec<Diagnosis> {
    match errand.ask(Request::Meters).await {
        Ok(Answer::Meters(meters)) => {
            let own = meters.into_iter().find(|found| found.meter == meter);
            own.map_or_else(Vec::new, |found| found.found)
        }
        _ => Vec::new(),
    }
}

fn answer(part: &Profile) -> Answer {
    Answer::Profile {
        channels: part.channels.clone(),
        rows: part.rows.clone(),
    }
}

/// All intervals of the time. A gateway hands out so many at once: it is asked again from the
/// last one on. Where the channels change on the way, a new part begins.
async fn stored<D: GatewayDesk>(
    errand: &Errand<'_, D>,
    request: impl Fn(u64) -> Request,
    from: u64,
) -> Result<Vec<Profile>> {
    let mut parts: Vec<Profile> = Vec::new();
    let mut from = from;
    for _ in 0..PROFILE_PAGES_MAX {
        let Answer::Profile { channels, rows } = errand.ask(request(from)).await? else {
            bail!(unexpected());
        };
        let last = rows.last().and_then(|row| parse_time(&row.end).ok());
        let may_be_more = rows.len() >= PROFILE_ROWS_MORE;
        match parts.last_mut() {
            Some(part) if part.channels == channels => part.rows.extend(rows),
            Some(_) if rows.is_empty() => {}
            _ => parts.push(Profile { channels, rows }),
        }
        match last {
            Some(last) if may_be_more && last.seconds() > from => from = last.seconds(),
            _ => return Ok(parts),
        }
    }
    Ok(parts)
}
