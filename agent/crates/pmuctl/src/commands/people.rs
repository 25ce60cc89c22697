//! People with an account, and who is signed in.

use crate::adapters::password::{new_password, secret};
use crate::adapters::session;
use crate::arguments::{PeopleCommand, SignInArguments};
use crate::errand::Errand;
use anyhow::{Result, bail};
use desk::{Answer, GatewayDesk, KeyText, PeopleWish, Request, SessionOpened};
use serde_json::json;

/// A gateway of another version.
pub(super) const OTHER_ANSWER: &str =
    "the gateway answers something else; use the pmuctl of its version";

pub(super) async fn run<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    command: &PeopleCommand,
) -> Result<bool> {
    let wish = match command {
        PeopleCommand::List => PeopleWish::List,
        PeopleCommand::Code { anew } => PeopleWish::Code { anew: *anew },
        PeopleCommand::Claim {
            name,
            code_file,
            secret_file,
        } => PeopleWish::Claim {
            code: errand
                .typed(secret("Claim code: ", code_file.as_deref()))
                .await?,
            name: name.clone(),
            password: errand.typed(new_password(secret_file.as_deref())).await?,
        },
        PeopleCommand::Add {
            name,
            role,
            secret_file,
        } => PeopleWish::Add {
            name: name.clone(),
            role: role.word().to_owned(),
            password: errand.typed(new_password(secret_file.as_deref())).await?,
        },
        PeopleCommand::Remove { name } => PeopleWish::Remove { name: name.clone() },
        PeopleCommand::Password { name, secret_file } => PeopleWish::Password {
            name: name.clone(),
            password: errand.typed(new_password(secret_file.as_deref())).await?,
        },
    };
    errand.simple(Request::People { wish }).await
}

/// Begins a session, which the next commands use.
pub(super) async fn sign_in<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    arguments: &SignInArguments,
) -> Result<bool> {
    let typed = secret("Password: ", arguments.secret_file.as_deref());
    let password = errand.typed(typed).await?;
    let opened = session_of(errand, &arguments.name, password).await?;
    session::keep(&opened.session)?;
    if errand.is_json {
        errand.say_json(&json!({"name": opened.name, "role": opened.role}))?;
    } else {
        let (name, role) = (&opened.name, &opened.role);
        errand.console.say(&format!(
            "signed in as {name}, {role}; `pmuctl sign-out` ends it, and a quarter of an hour without work\n"
        ))?;
    }
    Ok(true)
}

/// A session of somebody who proves to be that person.
pub(super) async fn session_of<D: GatewayDesk>(
    errand: &Errand<'_, D>,
    name: &str,
    password: KeyText,
) -> Result<SessionOpened> {
    let wish = PeopleWish::SignIn {
        name: name.to_owned(),
        password,
    };
    match errand.ask(Request::People { wish }).await? {
        Answer::Session(opened) => Ok(opened),
        _ => bail!(OTHER_ANSWER),
    }
}

/// Ends the session, here in any case.
pub(super) async fn sign_out<D: GatewayDesk>(errand: &mut Errand<'_, D>) -> Result<bool> {
    if session::remembered()?.is_none() {
        bail!("nobody is signed in here; there is nothing to end");
    }
    let wish = PeopleWish::SignOut;
    let done = errand.simple(Request::People { wish }).await;
    session::forget()?;
    done
}
