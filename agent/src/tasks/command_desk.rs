//! The command desk: whatever changes a meter or the gateway passes here, whoever orders it.
//!
//! A command is proven, judged and journalled before anything is done; it is done once, its effects are
//! read back, and one signed receipt ends it. What was under way when the gateway stopped is looked at
//! and decided, never repeated blindly.

mod adjustments;
mod awakening;
mod clocks;
mod configuration;
mod counts;
mod documents;
mod handle;
mod hands;
mod held;
mod intake;
mod library;
mod lists;
mod local;
mod map;
mod meter_work;
mod outcome;
mod own_clock;
mod own_key;
mod passwords;
mod profile_first;
mod programming;
mod receipts;
mod scheme_gathering;
mod scheme_reading;
mod standings;
mod system;
mod trust;

pub use counts::CommandCounts;
pub use handle::{CommandEnded, DeskHandle, DeskView};
pub use local::{LocalOrder, Proves, StandsBehind};
pub use standings::{STANDINGS, Standing};

use crate::adapters::clock::Clock;
use crate::health::Pulse;
use crate::limits::{ANSWER_EVERY, ANSWERS_BURST, COMMANDS_AT_ONCE, DESK_REQUESTS_MAX};
use crate::tasks::bus::BusHandle;
use crate::tasks::list_keeper::ListHandle;
use crate::tasks::storekeeper::StoreHandle;
use crate::tasks::updater::UpdaterHandle;
use crate::tasks::uplink::ImageRoad;
use authority::{
    AuthenticCommand, AuthorisedCommand, Command, CommandId, KeyId, PublicKey, RoleRights,
    SealingKey, SigningKey,
};
use configuration::Places;
use handle::DeskAsk;
use hands::Hands;
use head_end::TokenBucket;
use held::Held;
use intake::Verdict;
use metering::{GatewayId, MeterId, Timestamp};
use receipts::Receipts;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use trust::Trust;

/// How often the desk looks at what waits, and shows signs of life.
const TICK: Duration = Duration::from_secs(5);

/// The proof that a command may be done, and is in the journal. Only the desk makes one.
#[derive(Debug)]
pub struct Dispatch {
    command: AuthorisedCommand,
}

impl Dispatch {
    /// What is to be done.
    pub fn command(&self) -> &Command {
        self.command.command()
    }

    /// Who orders it, and by which door.
    pub fn authentic(&self) -> &AuthenticCommand {
        self.command.authentic()
    }
}

/// What the task is made of.
pub struct DeskParts {
    /// Name of this gateway.
    pub gateway: GatewayId,
    /// The file of root keys; without it every command is refused.
    pub roots_file: Option<PathBuf>,
    /// Which role has which rights.
    pub rights: RoleRights,
    /// Signs receipts.
    pub key: Arc<SigningKey>,
    /// Public halves of the keys that did before it.
    pub former: Vec<PublicKey>,
    /// Opens passwords that were sealed for this gateway.
    pub sealing: Option<Arc<SealingKey>>,
    /// The store.
    pub store: StoreHandle,
    /// The lines.
    pub buses: Vec<BusHandle>,
    /// The keeper of meter lists.
    pub lists: ListHandle,
    /// Work at meters.
    pub jobs: crate::jobs::Jobs,
    /// Installs systems.
    pub updater: UpdaterHandle,
    /// To what travels beside commands; none without an uplink.
    pub documents: Option<ImageRoad>,
    /// The file of the configuration.
    pub configuration: PathBuf,
    /// Where a configuration lies that came by command.
    pub data_folder: PathBuf,
    /// Where wishes are left for units outside.
    pub runtime_folder: PathBuf,
    /// How long such a one is tried.
    pub trial: Option<Duration>,
    /// Both clocks.
    pub clock: Clock,
    /// Number of this start.
    pub boot: u64,
    /// When to stop.
    pub shutdown: CancellationToken,
    /// Ends the process, so that it starts again.
    pub restart: CancellationToken,
    /// Signs of life.
    pub pulse: Pulse,
}

/// The task.
pub struct CommandDesk {
    gateway: GatewayId,
    store: StoreHandle,
    clock: Clock,
    trust: Trust,
    receipts: Receipts,
    hands: Hands,
    asked: mpsc::Receiver<DeskAsk>,
    held: Held<Vec<u8>>,
    view: watch::Sender<DeskView>,
    /// Journalled, and waiting for their meters or for room.
    waiting: VecDeque<Arc<Dispatch>>,
    running: JoinSet<CommandId>,
    /// Meters that a running command has for itself.
    busy: Vec<(CommandId, BTreeSet<MeterId>)>,
    /// Clocks that were found out of their bounds, and whose adjustment was ordered.
    adjusted: BTreeMap<MeterId, Timestamp>,
    boot: u64,
    refused_said: Option<Instant>,
    refused: u64,
    answers: TokenBucket,
    tick_at: Instant,
    shutdown: CancellationToken,
    pulse: Pulse,
}

enum Wake {
    Shutdown,
    Asked(DeskAsk),
    /// A command has come to its end, or to a state that waits.
    Ended(Option<CommandId>),
    Tick,
}

impl CommandDesk {
    /// A desk, and a way to it.
    pub fn new(parts: DeskParts) -> (Self, DeskHandle) {
        let (asks, asked) = mpsc::channel(DESK_REQUESTS_MAX);
        let receipts = Receipts::new(parts.gateway.clone(), Arc::clone(&parts.key));
        let own = Arc::clone(&parts.key);
        let own_keys = (parts.key, parts.former);
        let rules = (parts.roots_file, parts.rights);
        let trust = Trust::new(&parts.gateway, rules, own_keys);
        let (view, seen) = watch::channel(DeskView::default());
        let (ended, _) = broadcast::channel(DESK_REQUESTS_MAX);
        let counts = CommandCounts::default();
        let lists = parts.lists.clone();
        let hands = Hands {
            counts: counts.clone(),
            ended: ended.clone(),
            store: parts.store.clone(),
            buses: parts.buses,
            jobs: parts.jobs,
            updater: parts.updater,
            documents: parts.documents,
            places: Places {
                configuration: parts.configuration,
                data_folder: parts.data_folder,
                runtime_folder: parts.runtime_folder,
                trial: parts.trial,
            },
            lists: parts.lists,
            clock: parts.clock.clone(),
            receipts: receipts.clone(),
            sealing: parts.sealing,
            shutdown: parts.shutdown.clone(),
            restart: parts.restart,
        };
        let desk = Self {
            gateway: parts.gateway,
            store: parts.store,
            clock: parts.clock,
            trust,
            receipts,
            hands,
            asked,
            held: Held::default(),
            view,
            waiting: VecDeque::new(),
            running: JoinSet::new(),
            busy: Vec::new(),
            adjusted: BTreeMap::new(),
            boot: parts.boot,
            refused_said: None,
            refused: 0,
            answers: TokenBucket::new(ANSWERS_BURST, ANSWER_EVERY),
            tick_at: Instant::now(),
            shutdown: parts.shutdown,
            pulse: parts.pulse,
        };
        (
            desk,
            DeskHandle::new((asks, seen), ended, (counts, lists), own),
        )
    }

    /// Takes commands until shutdown.
    pub async fn run(mut self) {
        self.trust.load(&self.store).await;
        self.awake().await;
        self.show().await;
        loop {
            match self.wait().await {
                Wake::Shutdown => break,
                Wake::Asked(ask) => self.asked(ask).await,
                Wake::Ended(id) => {
                    self.busy.retain(|(busy, _)| Some(*busy) != id);
                    self.begin_waiting();
                }
                Wake::Tick => {
                    self.tick_at = Instant::now() + TICK;
                    self.trust.note_time(&self.store, &self.clock).await;
                    self.say_refused().await;
                    self.order_adjustments().await;
                }
            }
            self.hands.counts.open(self.waiting.len() + self.busy.len());
            self.pulse.beat();
        }
        // Each ends at the next place where nothing is half-written.
        while self.running.join_next().await.is_some() {
            self.pulse.beat();
        }
    }

    async fn wait(&mut self) -> Wake {
        let ended = async {
            if self.running.is_empty() {
                std::future::pending::<()>().await;
            }
            self.running.join_next().await
        };
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => Wake::Shutdown,
            done = ended => Wake::Ended(done.and_then(Result::ok)),
            Some(ask) = self.asked.recv() => Wake::Asked(ask),
            () = sleep_until(self.tick_at) => Wake::Tick,
        }
    }

    /// What the next birth says.
    async fn show(&self) {
        let key_set = self.trust.keys().map_or(0, |keys| keys.held().version);
        let numbers = match self.store.last_numbers().await {
            Ok(numbers) => numbers,
            Err(error) => {
                log::error!(error:%; "the numbers of signers cannot be read");
                return;
            }
        };
        let accepted = numbers
            .into_iter()
            .filter(|(key, _)| *key != local::NO_KEY)
            .map(|(key, number)| (KeyId::new(key), number))
            .collect();
        self.view.send_replace(DeskView { key_set, accepted });
    }

    async fn asked(&mut self, ask: DeskAsk) {
        match ask {
            DeskAsk::Command { bytes, is_retained } => self.take(bytes, is_retained).await,
            DeskAsk::KeySet(bytes) => self.take_set(&bytes, trust::Set::Keys).await,
            DeskAsk::Policy(bytes) => self.take_set(&bytes, trust::Set::Policy).await,
            DeskAsk::Order { order, reply } => {
                let ordered = self.order(*order).await;
                if reply.send(ordered).is_err() {
                    log::debug!("whoever ordered something did not wait for the answer");
                }
            }
        }
        self.show().await;
    }

    /// Puts a journalled command into its place.
    fn enqueue(&mut self, command: AuthorisedCommand) {
        self.waiting.push_back(Arc::new(Dispatch { command }));
        self.begin_waiting();
    }

    /// Begins whatever has room and its meters for itself, in the order of acceptance.
    fn begin_waiting(&mut self) {
        let mut kept = VecDeque::new();
        // What must wait keeps its meters from those behind it, so that none is overtaken for ever.
        let mut taken: BTreeSet<MeterId> =
            self.busy.iter().flat_map(|(_, all)| all.clone()).collect();
        while let Some(dispatch) = self.waiting.pop_front() {
            let meters: BTreeSet<MeterId> =
                dispatch.command().action.meters().iter().cloned().collect();
            // What has no meter of its own needs no room: a list that runs waits for its orders.
            let working = self.busy.iter().filter(|(_, meters)| !meters.is_empty());
            let has_room = meters.is_empty() || working.count() < COMMANDS_AT_ONCE;
            let is_free = meters.is_disjoint(&taken) && has_room;
            taken.extend(meters.iter().cloned());
            if !is_free {
                kept.push_back(dispatch);
                continue;
            }
            let id = dispatch.command().id;
            self.busy.push((id, meters));
            let hands = self.hands.clone();
            self.running.spawn(async move {
                hands.carry_out(dispatch).await;
                id
            });
        }
        self.waiting = kept;
    }
}
