//! What each command does.

mod add;
mod audit;
mod authority;
mod backup;
mod box_order;
mod bus;
mod console;
mod dispatch;
mod following;
mod head_end;
mod import;
mod key_rotate;
mod keys;
mod ledger_receipts;
mod list;
mod meter;
mod order;
mod pages;
mod people;
mod profile;
mod provision;
mod rollout;
mod scheme;
mod seal;
mod simulate;
mod update;
mod where_used;

use crate::adapters::direct_agent::DirectAgent;
use crate::adapters::local::LocalDesk;
use crate::adapters::session;
use crate::adapters::signals::Wishes;
use crate::adapters::terminal;
use crate::arguments::{
    Arguments, AuditCommand, Command, JobCommand, ListCommand, Order, StoreCommand,
};
use crate::console::Console;
use crate::ending::Ending;
use crate::errand::Errand;
use crate::limits::{DESK_WAIT, VERIFY_WAIT};
use crate::show::answer_text;
use anyhow::{Context, Result, bail};
use authority::SetKind;
use desk::{Answer, GatewayDesk, Request};
use serde_json::json;
use std::io::{self, Write, stdout};
use tokio::runtime::{Builder, Runtime};

/// Does what was asked. `false`: it was done, and not all is well.
pub fn run(arguments: &Arguments) -> Result<bool> {
    if let Some(complaint) = arguments.direct_complaint() {
        bail!("{complaint}");
    }
    match &arguments.command {
        Command::HeadEnd(command) => head_end::run(command, arguments.json),
        Command::Provision(command) => provision::run(command, arguments.json),
        Command::Key(command) => authority::key(command, arguments.json),
        Command::Keyset(command) => authority::set(command, SetKind::Keys, arguments.json),
        Command::Policy(command) => authority::set(command, SetKind::Policy, arguments.json),
        Command::Command(command) => order::run(command, arguments.json),
        Command::WriteSet(command) => pages::write_set(command, &arguments.direct, arguments.json),
        Command::Rollout(command) => rollout::run(command, arguments.json),
        Command::List(command) if !matches!(**command, ListCommand::Run { .. }) => {
            list::run(command, arguments.json)
        }
        Command::Scheme(command) => scheme::run(command, arguments.json),
        Command::Meters(command) => scheme::meters(command, arguments.json),
        Command::Import(arguments_of_it) => import::run(arguments_of_it, arguments.json),
        Command::Receipt(command) => authority::receipt(command, arguments.json),
        Command::Audit(command @ AuditCommand::Verify { .. }) => {
            authority::audit(command, arguments.json)
        }
        _ => runtime()?.block_on(at_gateway(arguments)),
    }
}

/// What is said of a call that did not end well: one line, of JSON for programs.
pub fn complaint(error: &anyhow::Error, ending: Ending, is_json: bool) -> String {
    if is_json {
        json!({"error": format!("{error:#}"), "exit": ending.code()}).to_string()
    } else {
        format!("pmuctl: {error:#}")
    }
}

/// Everything that is asked of a gateway, while signals are heard.
async fn at_gateway(arguments: &Arguments) -> Result<bool> {
    let wishes = Wishes::default();
    let console = terminal::console();
    let mut console = if arguments.json {
        console.quiet()
    } else {
        console
    };
    let work = async {
        let Some(port) = &arguments.direct.direct else {
            let desk = LocalDesk::new(&arguments.socket(), wait(&arguments.command));
            let desk = match arguments.command {
                // Who signs in or claims is nobody yet.
                Command::SignIn(_) => desk,
                _ => desk.signed_in(session::remembered()?),
            };
            return errand(&desk, arguments, &mut console, &wishes).await;
        };
        let agent = DirectAgent::start(&arguments.direct, port, &wishes).await?;
        let done = errand(&agent.desk(), arguments, &mut console, &wishes).await;
        // Whatever came of it, the port is given back.
        let ended = agent.end().await;
        let is_well = done?;
        ended?;
        Ok(is_well)
    };
    let heard = wishes.watch().context("signals cannot be waited for")?;
    tokio::select! {
        biased;
        done = work => done,
        never = heard => match never {},
    }
}

const fn wait(command: &Command) -> std::time::Duration {
    match command {
        Command::Store(StoreCommand::Verify) => VERIFY_WAIT,
        _ => DESK_WAIT,
    }
}

async fn errand(
    desk: &impl GatewayDesk,
    arguments: &Arguments,
    console: &mut Console,
    wishes: &Wishes,
) -> Result<bool> {
    let mut errand = Errand {
        desk,
        console,
        wishes,
        is_json: arguments.json,
    };
    match &arguments.command {
        Command::Status => errand.simple(Request::Status).await,
        Command::Console(arguments) => console::run(&mut errand, arguments).await,
        Command::Meter(command) => meter::run(&mut errand, command, &arguments.direct).await,
        Command::Clone(command) => pages::clone(&mut errand, command, &arguments.direct).await,
        Command::Bus(command) => bus::run(&mut errand, command, &arguments.direct).await,
        Command::Store(command) => errand.simple(store_request(command)).await,
        Command::Update(command) => update::run(&mut errand, command).await,
        Command::Audit(AuditCommand::Export {
            out,
            seal,
            from,
            count,
        }) => audit::export(&mut errand, (out, seal), *from, *count).await,
        Command::SignIn(arguments) => people::sign_in(&mut errand, arguments).await,
        Command::SignOut => people::sign_out(&mut errand).await,
        Command::People(command) => people::run(&mut errand, command).await,
        Command::Order(arguments) => {
            box_order::run(&mut errand, &arguments.terms, &arguments.order).await
        }
        Command::List(command) => match command.as_ref() {
            ListCommand::Run { list, terms } => {
                let order = Order::ListRun { list: list.clone() };
                box_order::run(&mut errand, terms, &order).await
            }
            _ => bail!("no gateway is asked for this"),
        },
        Command::Orders { id: Some(id) } => box_order::show(&mut errand, id).await,
        Command::Orders { id: None } => errand.simple(Request::Commands).await,
        Command::Jobs => errand.simple(Request::Jobs).await,
        Command::Job(JobCommand::Show { number }) => {
            let number = *number;
            errand.simple(Request::Job { number }).await
        }
        Command::Job(JobCommand::Cancel { number }) => {
            let number = *number;
            errand.simple(Request::Cancel { number }).await
        }
        _ => bail!("no gateway is asked for this"),
    }
}

fn store_request(command: &StoreCommand) -> Request {
    match command {
        StoreCommand::Stats => Request::StoreStats,
        StoreCommand::Verify => Request::StoreVerify,
        StoreCommand::SetAside => Request::SetAside,
        StoreCommand::Release { stream, number } => Request::Release {
            stream: stream.clone(),
            number: *number,
        },
    }
}

impl<D: GatewayDesk> Errand<'_, D> {
    /// One question, and its answer as it is.
    async fn simple(&mut self, request: Request) -> Result<bool> {
        let answer = self.ask(request).await?;
        if self.is_json {
            self.say_json(&answer)?;
        } else {
            self.console.say(&answer_text(&answer))?;
        }
        Ok(is_well(&answer))
    }
}

/// A check that found faults is an answer, and not well; so is work that failed.
fn is_well(answer: &Answer) -> bool {
    match answer {
        Answer::Verified(result) => result.faults.is_empty(),
        Answer::Job(job) => crate::show::job::is_well(job),
        _ => true,
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn print(text: &str) -> Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Says a value to a program, or the text to a person.
fn say(is_json: bool, value: &serde_json::Value, text: &str) -> Result<()> {
    if is_json {
        print(&format!("{value}\n"))
    } else {
        print(text)
    }
}

#[cfg(test)]
mod tests;
