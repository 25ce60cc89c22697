//! People with an account on this gateway: the first one claims it, others are given one, and whoever has
//! signed in is known again by a session.

mod room;

pub use room::PeopleRoom;
pub(super) use room::Recognised;

use super::{Front, Permitted, refusal};
use authority::Role;
use authority::people::{Account, AccountFault, ClaimFault};
use desk::{Answer, PeopleWish, Person, Refusal};
use room::{Room, account_refusal, random};
use std::sync::Arc;

impl Front {
    /// What is asked about people.
    pub(super) async fn ask_people(
        &self,
        permitted: &Permitted,
        signed: Option<&Recognised>,
        wish: PeopleWish,
    ) -> Result<Answer, Refusal> {
        let (room, by) = (&self.people, permitted.who());
        match wish {
            PeopleWish::List => {
                let room = room.enter().await?;
                let all = room.people.accounts().iter().map(person);
                Ok(Answer::People(all.collect()))
            }
            PeopleWish::Code { anew } => Ok(Answer::ClaimCode(room.new_code(by, anew).await?)),
            PeopleWish::Claim {
                code,
                name,
                password,
            } => {
                let (now, salt) = (room.now(), random()?);
                let done = format!("the gateway is claimed: {name} is its administrator");
                let detail = ("claim", format!("first administrator {name}"));
                let work = move |room: &mut Room| {
                    if !room.people.accounts().is_empty() {
                        return Err(ClaimFault::Claimed.into());
                    }
                    let claim = room.claim.clone().ok_or(ClaimFault::NoCode)?;
                    let (code, password) = (code.reveal(), password.reveal());
                    room.people
                        .claim(&claim, code, &name, password, salt, now)?;
                    room.claim = None;
                    Ok(())
                };
                room.change(by, detail, work).await?;
                Ok(Answer::Done(done))
            }
            PeopleWish::SignIn { name, password } => {
                let opened = room.sign_in(by, name, password).await?;
                Ok(Answer::Session(opened))
            }
            PeopleWish::SignOut => {
                let signed = signed.ok_or_else(sign_in_first)?;
                room.enter().await?.sessions.end(signed.token);
                room.audit(by, "signed out", String::new()).await;
                Ok(Answer::Done(format!(
                    "{} is signed out",
                    signed.first.who()
                )))
            }
            PeopleWish::Add { .. } | PeopleWish::Remove { .. } | PeopleWish::Password { .. } => {
                let signed = signed.ok_or_else(sign_in_first)?.clone();
                let done = self.change_people(by, signed, wish).await?;
                Ok(Answer::Done(done))
            }
        }
    }

    async fn change_people(
        &self,
        by: &str,
        signed: Recognised,
        wish: PeopleWish,
    ) -> Result<String, Refusal> {
        let room = &self.people;
        let (now, salt, token) = (room.now(), random()?, signed.token);
        let rights = Arc::clone(&room.rights);
        let own = signed.first.who().to_owned();
        match wish {
            PeopleWish::Add {
                name,
                role,
                password,
            } => {
                let role =
                    Role::from_word(&role).ok_or_else(|| account_refusal(&AccountFault::Role))?;
                let words = format!("{name}, {role}");
                let work = move |room: &mut Room| {
                    let session = room
                        .sessions
                        .find(token, now)
                        .map_err(|_| AccountFault::NotPermitted)?;
                    let who = (name.as_str(), role);
                    room.people
                        .add(session, &rights, who, password.reveal(), salt)
                };
                room.change(by, ("account given", words.clone()), work)
                    .await?;
                Ok(format!("{words}, has an account now"))
            }
            PeopleWish::Remove { name } => {
                let words = name.clone();
                let work = move |room: &mut Room| {
                    let session = room
                        .sessions
                        .find(token, now)
                        .map_err(|_| AccountFault::NotPermitted)?;
                    room.people.remove(session, &rights, &name)?;
                    room.sessions.end_all_of(&name);
                    Ok(())
                };
                room.change(by, ("account taken away", words.clone()), work)
                    .await?;
                Ok(format!("{words} has no account any more"))
            }
            PeopleWish::Password { name, password } => {
                let name = name.unwrap_or(own);
                let words = name.clone();
                let work = move |room: &mut Room| {
                    let session = room
                        .sessions
                        .find(token, now)
                        .map_err(|_| AccountFault::NotPermitted)?;
                    let password = password.reveal();
                    room.people
                        .change_password(session, &rights, &name, password, salt)?;
                    room.sessions.end_all_of(&name);
                    Ok(())
                };
                room.change(by, ("password of an account", words.clone()), work)
                    .await?;
                Ok(format!(
                    "{words} has a new password; sessions with the old one are over"
                ))
            }
            _ => Err(refusal(
                "this changes nobody".to_owned(),
                "ask for something else",
            )),
        }
    }
}

fn person(account: &Account) -> Person {
    Person {
        name: account.name().to_owned(),
        role: account.role().to_string(),
    }
}

/// Orders and accounts are a person's, and root is none.
pub(super) fn sign_in_first() -> Refusal {
    refusal(
        "this takes somebody with an account who is signed in".to_owned(),
        "`pmuctl sign-in NAME`; nobody has an account yet where `pmuctl people list` is empty",
    )
}
