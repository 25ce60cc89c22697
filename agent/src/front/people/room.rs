//! The accounts and sessions themselves, as they are in memory and in the store.

use crate::adapters::clock::Clock;
use crate::front::{refusal, store_refusal};
use crate::hex::{from_hex, hex};
use crate::tasks::storekeeper::{Beside, Record, StoreHandle};
use authority::people::{AccountFault, Claim, Orderer, People, SessionFault, Sessions};
use authority::{Door, RoleRights, TokenHash};
use desk::{KeyText, Refusal, SessionOpened};
use metering::Moment;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;
use storage::Remembered;
use tokio::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

/// Where the store remembers the accounts, and the hash of the claim code.
const ACCOUNTS: &str = "people";
const CLAIM: &str = "people-claim";
/// Letters and digits that are not mistaken for each other: five bits each.
const CODE_LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const CODE_GROUPS: usize = 4;
const CODE_GROUP: usize = 5;
const FLOOD_PAUSE: Duration = Duration::from_secs(10);

/// All that is known of people.
#[derive(Default)]
pub(super) struct Room {
    pub(super) people: People,
    pub(super) sessions: Sessions,
    pub(super) claim: Option<Claim>,
}

type Guard = OwnedMappedMutexGuard<Option<Room>, Room>;

/// Keeps accounts and sessions. One looks at a password at a time: guessing must not fill the memory.
#[derive(Clone)]
pub struct PeopleRoom {
    store: StoreHandle,
    clock: Clock,
    pub(super) rights: Arc<RoleRights>,
    /// Nothing until somebody asks.
    room: Arc<Mutex<Option<Room>>>,
    flood: Arc<Mutex<Flood>>,
}

/// Refusals that came too fast to be told one by one.
#[derive(Default)]
struct Flood {
    said: Option<Moment>,
    more: u64,
}

/// Whose session it was when something was asked.
#[derive(Debug, Clone)]
pub(in crate::front) struct Recognised {
    pub(in crate::front) first: Orderer,
    pub(in crate::front) second: Option<Orderer>,
    pub(super) token: TokenHash,
}

impl PeopleRoom {
    /// Nobody is known yet; the store remembers.
    pub fn new(store: StoreHandle, clock: Clock, rights: RoleRights) -> Self {
        Self {
            store,
            clock,
            rights: Arc::new(rights),
            room: Arc::default(),
            flood: Arc::default(),
        }
    }

    /// Which role has which rights.
    pub(in crate::front) fn rights(&self) -> &RoleRights {
        &self.rights
    }

    pub(super) fn now(&self) -> Moment {
        self.clock.now().moment
    }

    /// Who stands behind a session, and a second one.
    pub(in crate::front) async fn recognise(
        &self,
        session: &KeyText,
        second: Option<&KeyText>,
    ) -> Result<Recognised, Refusal> {
        let token = token_hash(session)?;
        let now = self.now();
        let mut room = self.enter().await?;
        let found = match second {
            None => {
                let found = room.sessions.find(token, now);
                found.map(|one| (one.orderer(), None))
            }
            Some(second) => {
                let tokens = [token, token_hash(second)?];
                let found = room.sessions.find_two(tokens, now);
                found.map(|[first, second]| (first.orderer(), Some(second.orderer())))
            }
        };
        let (first, second) = found.map_err(session_refusal)?;
        Ok(Recognised {
            first,
            second,
            token,
        })
    }

    pub(super) async fn enter(&self) -> Result<Guard, Refusal> {
        let mut room = Arc::clone(&self.room).lock_owned().await;
        if room.is_none() {
            *room = Some(self.remembered().await?);
        }
        OwnedMutexGuard::try_map(room, Option::as_mut)
            .map_err(|_| refusal("the accounts are not there".to_owned(), "ask again"))
    }

    async fn remembered(&self) -> Result<Room, Refusal> {
        let recall = async |name| {
            let found = self.store.recall(name).await;
            found.map_err(|error| store_refusal(&error))
        };
        let claim = recall(CLAIM).await?;
        let claim = claim.and_then(|kept| kept.bytes.try_into().ok());
        let mut room = Room {
            claim: claim.map(Claim::stored),
            ..Room::default()
        };
        if let Some(kept) = recall(ACCOUNTS).await? {
            let text = String::from_utf8_lossy(&kept.bytes);
            room.people = People::parse(&text).map_err(|fault| {
                let remedy = "as root, begin anew: `pmuctl people code --anew`";
                refusal(format!("the accounts in the store: {fault}"), remedy)
            })?;
        }
        Ok(room)
    }

    /// Accounts and claim code, together with what the audit log says of the change.
    async fn keep(&self, room: &Room, audit: Record) -> Result<(), Refusal> {
        let value = |bytes: Vec<u8>| Some(Remembered { version: 1, bytes });
        let claim = room.claim.as_ref().map(|claim| claim.hash().to_vec());
        let beside = Beside {
            records: vec![audit],
            values: vec![
                (
                    ACCOUNTS.to_owned(),
                    value(room.people.to_text().into_bytes()),
                ),
                (CLAIM.to_owned(), claim.and_then(value)),
            ],
        };
        let kept = self.store.remember(beside).await;
        kept.map_err(|error| store_refusal(&error))
    }

    pub(in crate::front) async fn audit(&self, who: &str, what: &str, detail: String) {
        let records = vec![audit(who, what, detail)];
        let values = Vec::new();
        if let Err(error) = self.store.remember(Beside { records, values }).await {
            log::error!(error:%; "the audit log does not take: {what}");
        }
    }

    /// What the gate refused is in the audit log; of a flood, the first of each ten seconds.
    pub(in crate::front) async fn note_refused(&self, who: &str, refused: &Refusal) {
        log::info!("a local caller is refused: {}", refused.problem);
        let now = self.now();
        let more = {
            let mut flood = self.flood.lock().await;
            let is_fresh = flood.said.is_none_or(|said| now.since(said) >= FLOOD_PAUSE);
            if !is_fresh {
                flood.more = flood.more.saturating_add(1);
                return;
            }
            flood.said = Some(now);
            std::mem::take(&mut flood.more)
        };
        let problem = &refused.problem;
        let detail = match more {
            0 => problem.clone(),
            more => format!("{problem}; {more} more before it"),
        };
        self.audit(who, "refused at the socket", detail).await;
    }

    /// Does what takes the time of a password, beside everything else.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        by: &str,
        detail: (&str, String),
        work: impl FnOnce(&mut Room) -> Result<T, AccountFault> + Send + 'static,
    ) -> Result<T, Refusal> {
        let mut room = self.enter().await?;
        let before = (room.people.clone(), room.claim.clone());
        let (done, mut room) = off_the_road(move || {
            let done = work(&mut room);
            (done, room)
        })
        .await?;
        let done = match done {
            Ok(done) => done,
            Err(fault) => {
                drop(room);
                let (what, detail) = detail;
                let what = format!("refused: {what}");
                self.audit_guess(by, &what, detail, &fault).await;
                return Err(account_refusal(&fault));
            }
        };
        let (what, detail) = detail;
        if let Err(refused) = self.keep(&room, audit(by, what, detail)).await {
            (room.people, room.claim) = before;
            return Err(refused);
        }
        Ok(done)
    }

    /// A guess is in the audit log. One that was not even looked at is not: there may be any number.
    async fn audit_guess(&self, who: &str, what: &str, detail: String, fault: &AccountFault) {
        if matches!(fault, AccountFault::Pause(_) | AccountFault::Locked(_)) {
            log::info!("{what}: {fault}");
            return;
        }
        self.audit(who, what, format!("{detail}: {fault}")).await;
    }

    pub(super) async fn sign_in(
        &self,
        by: &str,
        name: String,
        password: KeyText,
    ) -> Result<SessionOpened, Refusal> {
        let now = self.now();
        let token = Zeroizing::new(random::<32>()?);
        let hash = TokenHash::of(&token);
        let mut room = self.enter().await?;
        let wanted = name.clone();
        let (proof, mut room) = off_the_road(move || {
            let proof = room.people.sign_in(&wanted, password.reveal(), now);
            (proof, room)
        })
        .await?;
        let shown: String = name
            .chars()
            .take(40)
            .filter(char::is_ascii_graphic)
            .collect();
        let proof = match proof {
            Ok(proof) => proof,
            Err(fault) => {
                drop(room);
                let detail = format!("as {shown}");
                self.audit_guess(by, "refused: sign-in", detail, &fault)
                    .await;
                return Err(account_refusal(&fault));
            }
        };
        let begun = room.sessions.begin(proof, Door::LocalSocket, hash, now);
        begun.map_err(session_refusal)?;
        let role = room
            .sessions
            .find(hash, now)
            .map_err(session_refusal)?
            .role();
        drop(room);
        self.audit(by, "signed in", format!("{name}, {role}")).await;
        Ok(SessionOpened {
            name,
            role: role.to_string(),
            session: KeyText::new(Zeroizing::new(hex(&*token))),
        })
    }

    /// A new code, and the old one is void. `anew`: nobody has an account any more.
    pub(super) async fn new_code(&self, by: &str, anew: bool) -> Result<KeyText, Refusal> {
        let mut digits = Zeroizing::new(String::new());
        for (place, octet) in random::<{ CODE_GROUPS * CODE_GROUP }>()?.iter().enumerate() {
            if place > 0 && place % CODE_GROUP == 0 {
                digits.push('-');
            }
            let letter = CODE_LETTERS.get(usize::from(octet & 31)).copied();
            digits.push(char::from(letter.unwrap_or(b'A')));
        }
        let claim = Claim::new(&digits).map_err(|fault| account_refusal(&fault.into()))?;
        let mut room = Arc::clone(&self.room).lock_owned().await;
        let before = match (room.take(), anew) {
            (Some(before), _) => before,
            (None, true) => Room::default(),
            (None, false) => self.remembered().await?,
        };
        let count = before.people.accounts().len();
        if count > 0 && !anew {
            let problem = format!("{count} people have an account here already");
            *room = Some(before);
            return Err(refusal(
                problem,
                "let an administrator give more; `--anew` takes all of them away first",
            ));
        }
        let after = Room {
            claim: Some(claim),
            ..Room::default()
        };
        let detail = if anew {
            "all accounts were taken away"
        } else {
            ""
        };
        let told = audit(by, "new claim code", detail.to_owned());
        // Where that fails, whoever asks next looks it up again.
        self.keep(&after, told).await?;
        *room = Some(after);
        Ok(KeyText::new(digits))
    }
}

fn audit(who: &str, what: &str, detail: String) -> Record {
    Record::Audit {
        who: who.to_owned(),
        what: what.to_owned(),
        detail,
    }
}

/// Nobody else waits while a password is looked at.
async fn off_the_road<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    let done = spawn_blocking(work).await;
    done.map_err(|error| refusal(error.to_string(), "look into the gateway's log"))
}

pub(super) fn random<const N: usize>() -> Result<[u8; N], Refusal> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).map_err(|error| {
        let problem = format!("the system gives no randomness: {error}");
        refusal(problem, "start the box anew")
    })?;
    Ok(octets)
}

fn token_hash(text: &KeyText) -> Result<TokenHash, Refusal> {
    let octets = from_hex(text.reveal()).map(Zeroizing::new);
    let token = octets.and_then(|octets| <[u8; 32]>::try_from(octets.as_slice()).ok());
    let token = token.map(Zeroizing::new);
    token
        .map(|token| TokenHash::of(&token))
        .ok_or_else(|| session_refusal(SessionFault::Over))
}

pub(super) fn account_refusal(fault: &AccountFault) -> Refusal {
    in_two(fault)
}

fn session_refusal(fault: SessionFault) -> Refusal {
    in_two(&fault)
}

/// What is wrong and what to do, of a fault that says both in one line.
fn in_two(fault: &impl Display) -> Refusal {
    let words = fault.to_string();
    let (problem, remedy) = words
        .split_once("; ")
        .unwrap_or((&words, "ask an administrator"));
    refusal(problem.to_owned(), remedy)
}
