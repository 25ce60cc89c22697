//! Orders at the box itself: by people who are signed in, through the gates of every other command.

use super::order::action;
use super::people::{OTHER_ANSWER, session_of};
use crate::StillOpen;
use crate::adapters::clock::utc;
use crate::adapters::files::write_new;
use crate::adapters::password::secret;
use crate::adapters::session;
use crate::arguments::{BoxTerms, Order};
use crate::errand::Errand;
use crate::limits::JOB_LOOK_EVERY;
use crate::orders::order_lines;
use crate::words::{from_hex, hex};
use anyhow::{Context, Result, bail};
use authority::{Bounds, Command, CommandId, CommandState};
use desk::{Answer, CommandStanding, GatewayDesk, KeyText, PeopleWish, Request, SignedIn};
use metering::Timestamp;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// An order at the box is done soon or not at all.
const LASTS: Duration = Duration::from_hours(1);

pub(super) async fn run<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    arguments: &BoxTerms,
    order: &Order,
) -> Result<bool> {
    let Some(first) = session::remembered()? else {
        bail!("nobody is signed in here; `pmuctl sign-in NAME` first");
    };
    let command = command(errand, order).await?;
    if !errand.is_json {
        errand.console.say(&shown(&command))?;
    }
    if !arguments.yes && !errand.is_yes("Order exactly this?").await? {
        bail!("not ordered; nothing was changed");
    }
    let second = match &arguments.second {
        Some(name) => {
            let file = arguments.second_secret_file.as_deref();
            let question = format!("Password of {name}: ");
            let password = errand.typed(secret(&question, file)).await?;
            Some(session_of(errand, name, password).await?.session)
        }
        None => None,
    };
    let request = Request::Order {
        command: hex(&command.encode()?),
    };
    let ordered = ask_as(errand, &first, second.clone(), request).await;
    if let Some(second) = second {
        // The second person was there for this one order.
        let wish = PeopleWish::SignOut;
        let ended = ask_as(errand, &second, None, Request::People { wish }).await;
        ended.context("the session of the second person could not be ended; it ends by itself")?;
    }
    let Answer::Ordered(id) = ordered? else {
        bail!(OTHER_ANSWER);
    };
    if arguments.no_wait {
        return said(errand, &standing(errand, &id).await?);
    }
    let ended = follow(errand, &id, arguments.within).await?;
    if let Some(file) = &arguments.receipt {
        let bytes =
            from_hex(&ended.receipt).context("the receipt is damaged; look into the journal")?;
        write_new(file, &bytes, 0o644)?;
    }
    said(errand, &ended)?;
    Ok(ended.state == CommandState::Succeeded.word())
}

/// One order of the journal.
pub(super) async fn show<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    id: &CommandId,
) -> Result<bool> {
    let found = standing(errand, &id.to_string()).await?;
    said(errand, &found)
}

async fn command<D: GatewayDesk>(errand: &Errand<'_, D>, order: &Order) -> Result<Command> {
    let action = action(order)?;
    if action.blob().is_some() {
        bail!(
            "this is too large for an order at the box; install an image with `pmuctl update install`, and \
             send a large file over the head-end (`pmuctl command sign`)"
        );
    }
    let Answer::Status(status) = errand.ask(Request::Status).await? else {
        bail!(OTHER_ANSWER);
    };
    let mut random = [0_u8; 10];
    getrandom::fill(&mut random).context("the kernel gives no random bytes")?;
    let now = utc();
    let issued = Timestamp::from_seconds(now.seconds());
    Ok(Command {
        id: CommandId::of_time(now, random),
        gateway: status.gateway.parse()?,
        // Both are the gateway's own.
        epoch: [0; 8],
        number: 1,
        issued,
        not_before: issued,
        expires: issued.after(LASTS),
        action,
        precondition: None,
        bounds: Bounds::default(),
    })
}

/// What is ordered, without what the gateway adds.
fn shown(command: &Command) -> String {
    let mut lines = order_lines(command);
    lines.retain(|line| !line.starts_with("store ") && !line.starts_with("number "));
    lines.join("\n") + "\n"
}

async fn ask_as<D: GatewayDesk>(
    errand: &Errand<'_, D>,
    session: &KeyText,
    second: Option<KeyText>,
    request: Request,
) -> Result<Answer> {
    let asked = SignedIn {
        session: session.clone(),
        second,
        request: Box::new(request),
    };
    errand.ask(Request::As(asked)).await
}

async fn standing<D: GatewayDesk>(errand: &Errand<'_, D>, id: &str) -> Result<CommandStanding> {
    let id = id.to_owned();
    match errand.ask(Request::Command { id }).await? {
        Answer::Command(standing) => Ok(*standing),
        _ => bail!(OTHER_ANSWER),
    }
}

async fn follow<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    id: &str,
    within: Duration,
) -> Result<CommandStanding> {
    let until = Instant::now() + within;
    loop {
        let found = standing(errand, id).await?;
        if found.is_final {
            errand.console.end_progress()?;
            return Ok(found);
        }
        let step = match found.steps {
            0 => String::new(),
            steps => format!(", step {} of {steps}", found.step),
        };
        errand.console.progress(&format!("{}{step}", found.state))?;
        if Instant::now() >= until {
            errand.console.end_progress()?;
            return Err(StillOpen(format!(
                "the order is {} after {} s and goes on; `pmuctl orders {id}` shows it",
                found.state,
                within.as_secs()
            ))
            .into());
        }
        sleep(JOB_LOOK_EVERY).await;
    }
}

fn said<D: GatewayDesk>(errand: &mut Errand<'_, D>, found: &CommandStanding) -> Result<bool> {
    if errand.is_json {
        errand.say_json(found)?;
    } else {
        errand.console.say(&crate::show::orders::one(found))?;
    }
    Ok(true)
}
