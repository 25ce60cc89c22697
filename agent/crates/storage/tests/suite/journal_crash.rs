//! Power cuts in the life of commands: at every operation of the disk, and kills between any two
//! calls. Nothing accepted is forgotten, no number is taken twice, no end is lost or doubled, and
//! an end and its receipt are there together or not at all.

use crate::crash::{Dice, cut};
use crate::disk::{Disk, Images, Op};
use crate::journal::{ANNA, BEN, LOCAL, command, end, step};
use crate::model::CLOCK;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use storage::{
    Acceptance, Batch, Body, CommandProgress, CommandRecord, CommandState, Judgement, Lookup,
    Remembered, Store, StoreFile, StoreOptions, Stream, VerifyFrom,
};

const FILES: [StoreFile; 2] = [StoreFile::Hot, StoreFile::Archive];
const SIGNERS: [[u8; 8]; 3] = [ANNA, BEN, LOCAL];

fn options() -> StoreOptions {
    StoreOptions {
        hot_cache_bytes: 256 * 1024,
        archive_cache_bytes: 256 * 1024,
        ..StoreOptions::new([7; 8])
    }
}

/// What was acknowledged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Model {
    commands: BTreeMap<[u8; 16], CommandRecord>,
    receipts: Vec<Vec<u8>>,
    audit: u64,
    key_set: u64,
}

impl Model {
    fn last(&self, signer: [u8; 8]) -> u64 {
        let own = self.commands.values();
        let own = own.filter(|record| record.command.signer == signer);
        own.map(|record| record.command.number).max().unwrap_or(0)
    }
}

struct Owner {
    store: Store,
    model: Model,
    dice: Dice,
}

impl Owner {
    fn accept(&mut self) {
        let signer = SIGNERS[self.dice.index(3)];
        let command = command(signer, self.model.last(signer) + 1);
        let order = u64::try_from(self.model.commands.len()).unwrap() + 1;
        let done = self.store.accept(command.clone(), CLOCK, Batch::new());
        assert_eq!(done.unwrap(), Acceptance::Accepted { order });
        self.model.audit += 1;
        let progress = CommandProgress {
            state: CommandState::Accepted,
            step: 0,
            steps: 0,
            at: command.at,
            note: String::new(),
            proof: Vec::new(),
            receipt: Vec::new(),
            entry: 0,
        };
        let record = CommandRecord {
            order,
            command,
            progress,
        };
        self.model.commands.insert(record.command.id, record);
    }

    /// The next thing that happens to some open command, whatever the table allows.
    fn go_on(&mut self) {
        let open = self.model.commands.values();
        let open: Vec<_> = open
            .filter(|record| !record.progress.state.is_final())
            .map(|record| (record.command.id, record.progress.clone()))
            .collect();
        if open.is_empty() {
            return self.accept();
        }
        let (id, progress) = open[self.dice.index(open.len())].clone();
        let next: Vec<CommandState> = CommandState::all()
            .filter(|next| progress.state.may_follow(*next))
            .collect();
        // Mostly a step: the ends come soon enough.
        let steps = 12;
        let next = if progress.step < steps
            && next.contains(&CommandState::Executing)
            && self.dice.roll(6) > 0
        {
            CommandState::Executing
        } else {
            next[self.dice.index(next.len())]
        };
        if next.is_final() {
            self.finish(id, next);
        } else {
            let number = match next {
                CommandState::Executing => (progress.step + 1).min(steps),
                _ => progress.step,
            };
            let mut step = step(next, number, steps);
            step.proof = (self.dice.roll(2) == 0).then(|| vec![u8::try_from(number).unwrap(); 200]);
            let known = self.model.commands.get_mut(&id).unwrap();
            known.progress = CommandProgress {
                state: next,
                step: number,
                steps,
                at: step.at,
                note: step.note.clone(),
                proof: step.proof.clone().unwrap_or_else(|| progress.proof.clone()),
                ..progress
            };
            self.model.audit += u64::from(next != CommandState::Executing);
            self.store.advance(id, step, CLOCK, Batch::new()).unwrap();
        }
    }

    fn finish(&mut self, id: [u8; 16], state: CommandState) {
        let number = self.model.receipts.len() + 1;
        let receipt = format!("receipt {number}: {state}");
        let mut beside = Batch::new();
        self.model.key_set += 1;
        let value = Remembered {
            version: self.model.key_set,
            bytes: vec![1; 700],
        };
        beside.remember("key-set", value);
        let given = self.store.finish(id, end(state, &receipt), CLOCK, beside);
        assert_eq!(usize::try_from(given.unwrap()), Ok(number));
        let known = self.model.commands.get_mut(&id).unwrap();
        let proof = known.progress.proof.clone();
        let end = end(state, &receipt);
        known.progress = CommandProgress {
            state,
            at: end.at,
            note: end.note,
            proof,
            receipt: end.receipt.clone(),
            entry: u64::try_from(number).unwrap(),
            ..known.progress.clone()
        };
        self.model.receipts.push(end.receipt);
        self.model.audit += 1;
    }
}

/// A recorded life, and what was acknowledged after each call.
struct Life {
    log: Vec<Op>,
    steps: Vec<(usize, Model)>,
}

fn live(seed: u64, calls: usize) -> Life {
    let disk = Disk::default();
    let (store, _) = Store::open_on(&disk, &options()).unwrap();
    let mut owner = Owner {
        store,
        model: Model::default(),
        dice: Dice(seed * 2 + 1),
    };
    let mut steps = vec![(disk.position(), Model::default())];
    for _ in 0..calls {
        if owner.dice.roll(9) == 0 {
            owner.accept();
        } else {
            owner.go_on();
        }
        steps.push((disk.position(), owner.model.clone()));
    }
    Life {
        log: disk.log(),
        steps,
    }
}

/// What a store says, in the shape of the model; refuses what cannot be.
fn read(store: &Store) -> Result<Model, String> {
    let words = |error: storage::StoreError| error.to_string();
    let mut found = Model::default();
    for signer in SIGNERS {
        let last = store.last_number(signer).map_err(words)?;
        for number in 1..=last {
            let record = store.command_numbered(signer, number).map_err(words)?;
            let record =
                record.ok_or_else(|| format!("number {number} of {signer:?} is forgotten"))?;
            if store.command(record.command.id).map_err(words)?.as_ref() != Some(&record) {
                return Err(format!("{record:?} by its id is another one"));
            }
            found.commands.insert(record.command.id, record);
        }
        if store
            .command_numbered(signer, last + 1)
            .map_err(words)?
            .is_some()
        {
            return Err(format!("{signer:?} has more than {last}"));
        }
    }
    let orders: BTreeSet<u64> = found.commands.values().map(|record| record.order).collect();
    if !orders
        .iter()
        .copied()
        .eq(1..=u64::try_from(found.commands.len()).unwrap())
    {
        return Err(format!("the order of acceptance is {orders:?}"));
    }
    for number in 1..store.next(Stream::Receipts) {
        match store.entry(Stream::Receipts, number).map_err(words)? {
            Lookup::Held(entry) => match entry.body {
                Body::Receipt(signed) => found.receipts.push(signed),
                other => return Err(format!("{other:?}")),
            },
            other => return Err(format!("receipt {number} is {other:?}")),
        }
    }
    belongs_together(store, &found)?;
    let verdict = store.verify_audit().map_err(words)?;
    if verdict.broken_at.is_some() {
        return Err(format!("{verdict:?}"));
    }
    found.audit = verdict.last;
    let key_set = store.recall("key-set").map_err(words)?;
    found.key_set = key_set.map_or(0, |value| value.version);
    let slice = store
        .verify(VerifyFrom::default(), usize::MAX)
        .map_err(words)?;
    if !slice.damaged.is_empty() {
        return Err(format!("damaged: {:?}", slice.damaged));
    }
    Ok(found)
}

/// Ends and receipts are pairs, and what has no end is open.
fn belongs_together(store: &Store, found: &Model) -> Result<(), String> {
    let ended = found
        .commands
        .values()
        .filter(|record| record.progress.state.is_final());
    let mut entries: Vec<(u64, &Vec<u8>)> = ended
        .map(|record| (record.progress.entry, &record.progress.receipt))
        .collect();
    entries.sort_unstable();
    if !entries.into_iter().eq((1..).zip(&found.receipts)) {
        return Err("ends and receipts do not belong together".to_owned());
    }
    let open = store.open_commands().map_err(|error| error.to_string())?;
    let expected = found
        .commands
        .values()
        .filter(|record| !record.progress.state.is_final());
    let expected: BTreeSet<u64> = expected.map(|record| record.order).collect();
    if open
        .iter()
        .map(|record| record.order)
        .collect::<BTreeSet<_>>()
        != expected
    {
        return Err("the open commands are others".to_owned());
    }
    Ok(())
}

/// Opens what a cut left, compares it with what may be there, and goes on as a gateway would.
fn revive(images: Images, old: &Model, new: &Model) -> Result<(), String> {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let disk = Disk::with(images);
        let (store, _) = Store::open_on(&disk, &options()).map_err(|error| error.to_string())?;
        // Closing a file that a lying disk tore panics within a panic: only sound ones are closed.
        let mut store = ManuallyDrop::new(store);
        if !disk.set_aside_files().is_empty() && !new.commands.is_empty() {
            return Err(format!("{:?} set aside", disk.set_aside_files()));
        }
        let found = read(&store)?;
        if found != *old && found != *new {
            return Err(format!("found {found:?}, expected {old:?} or {new:?}"));
        }
        go_on_after(&mut store, &found)?;
        drop(ManuallyDrop::into_inner(store));
        Ok(())
    }));
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(format!("panic: {}", text.unwrap_or_default()))
    })
}

/// Every known command comes once more, what was interrupted is read back and decided, and the
/// next number of each signer is taken once.
fn go_on_after(store: &mut Store, found: &Model) -> Result<(), String> {
    for record in found.commands.values() {
        let again = store.accept(record.command.clone(), CLOCK, Batch::new());
        let known = Acceptance::Not(Judgement::Known(Box::new(record.clone())));
        if again.map_err(|error| error.to_string())? != known {
            return Err(format!("{record:?} would run twice"));
        }
    }
    for record in store.interrupted().map_err(|error| error.to_string())? {
        let id = record.command.id;
        let (number, steps) = (record.progress.step, record.progress.steps);
        let unknown = step(CommandState::Unknown, number, steps);
        store
            .advance(id, unknown, CLOCK, Batch::new())
            .map_err(|error| error.to_string())?;
        let failed = end(CommandState::Failed, "decided");
        store
            .finish(id, failed.clone(), CLOCK, Batch::new())
            .map_err(|error| error.to_string())?;
        if store.finish(id, failed, CLOCK, Batch::new()).is_ok() {
            return Err("a command ended twice".to_owned());
        }
    }
    for signer in SIGNERS {
        let next = command(signer, found.last(signer) + 1);
        let accepted = store
            .accept(next, CLOCK, Batch::new())
            .map_err(|error| error.to_string())?;
        if !matches!(accepted, Acceptance::Accepted { .. }) {
            return Err(format!("the next one of {signer:?} is {accepted:?}"));
        }
    }
    read(store).map(drop)
}

#[derive(Debug, Default)]
struct Tally {
    cuts: u64,
    syncs: u64,
    kills: u64,
    failures: Vec<String>,
}

/// Cuts the power at every operation of the disk, and kills after every call. With `lies` only
/// every third sync is real.
fn cut_all(life: &Life, seed: u64, lies: bool) -> Tally {
    let mut tally = Tally::default();
    let mut dice = Dice(seed * 2 + 0x0BAD_CAFE);
    let mut durable = Images::default();
    let mut written = Images::default();
    let mut unsynced: Vec<&Op> = Vec::new();
    let mut done = 0;
    for (position, op) in life.log.iter().enumerate() {
        while life.steps.get(done).is_some_and(|step| step.0 <= position) {
            let model = &life.steps[done].1;
            done += 1;
            // Killed, not cut off: the operating system still has every write.
            tally.kills += 1;
            if let Err(failure) = revive(written.clone(), model, model) {
                tally
                    .failures
                    .push(format!("seed {seed}, killed after call {done}: {failure}"));
            }
        }
        let empty = Model::default();
        let old = done
            .checked_sub(1)
            .map_or(&empty, |index| &life.steps[index].1);
        let new = life.steps.get(done).map_or(old, |step| &step.1);
        tally.cuts += 1;
        let images = cut(&FILES, &durable, &unsynced, &mut dice);
        if let Err(failure) = revive(images, old, new) {
            tally
                .failures
                .push(format!("seed {seed}, place {position}: {failure}"));
        }
        written.apply(op);
        match op {
            Op::Sync(file) => {
                tally.syncs += 1;
                if !lies || tally.syncs.is_multiple_of(3) {
                    let of_file = |op: &&Op| match op {
                        Op::Write(own, ..)
                        | Op::SetLen(own, _)
                        | Op::Sync(own)
                        | Op::Cleared(own) => own == file,
                    };
                    unsynced
                        .iter()
                        .filter(|op| of_file(op))
                        .for_each(|op| durable.apply(op));
                    unsynced.retain(|op| !of_file(op));
                }
            }
            Op::Cleared(_) => durable.apply(op),
            other => unsynced.push(other),
        }
    }
    tally
}

fn run(seeds: std::ops::Range<u64>, calls: usize, lies: bool) -> Tally {
    let threads: Vec<Tally> = std::thread::scope(|scope| {
        let lives = seeds.map(|seed| scope.spawn(move || cut_all(&live(seed, calls), seed, lies)));
        let lives: Vec<_> = lives.collect();
        lives.into_iter().map(|life| life.join().unwrap()).collect()
    });
    let mut sum = Tally::default();
    for tally in threads {
        sum.cuts += tally.cuts;
        sum.syncs += tally.syncs;
        sum.kills += tally.kills;
        sum.failures.extend(tally.failures);
    }
    sum
}

#[test]
fn no_command_is_forgotten_run_twice_or_ended_twice_at_any_power_cut() {
    let tally = run(1..5, 220, false);
    println!(
        "{} power cuts around {} syncs, {} kills, {} failures",
        tally.cuts,
        tally.syncs,
        tally.kills,
        tally.failures.len()
    );
    let first = tally.failures.first();
    assert!(
        first.is_none(),
        "{} failures, {first:#?}",
        tally.failures.len()
    );
    assert!(tally.cuts >= 4_000 && tally.kills >= 800, "{tally:?}");
}

#[test]
fn a_disk_whose_syncs_lie_loses_commands_and_is_found_out() {
    let tally = run(1..2, 60, true);
    let failures = u64::try_from(tally.failures.len()).unwrap();
    println!(
        "{} power cuts on a lying disk, {failures} failures",
        tally.cuts
    );
    assert!(failures * 10 > tally.cuts, "{failures} of {}", tally.cuts);
}
