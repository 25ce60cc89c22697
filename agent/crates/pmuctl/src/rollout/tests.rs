use super::*;
use proptest::prelude::*;

const START: Timestamp = Timestamp::from_seconds(1_795_000_000);

fn pace() -> Pace {
    Pace {
        waves: vec![1, 10, 100, 1000],
        stop_percent: 5,
        in_flight_max: 200,
        again_after: Duration::from_mins(5),
        within: Duration::from_hours(1),
    }
}

fn targets(count: u32) -> Vec<Target> {
    let target = |number: u32| {
        let mut id = [0; 16];
        id[12..].copy_from_slice(&number.to_be_bytes());
        Target {
            gateway: format!("pmu-{number:05}").parse().unwrap(),
            id: CommandId::new(id),
            stage: Stage::Waiting,
            code: None,
        }
    };
    (0..count).map(target).collect()
}

fn receipt(id: CommandId, state: CommandState, at: Timestamp) -> Receipt {
    Receipt {
        id,
        number: 1,
        state,
        at,
        step: 0,
        steps: 0,
        code: None,
        text: None,
        now: None,
        evidence: None,
        proof: None,
        next_key: None,
    }
}

/// Gateways in virtual time: each answers after its own delay, or never, and does each command
/// once however often it comes.
struct Fleet {
    fate: Box<dyn Fn(usize) -> Option<CommandState>>,
    /// Due answers.
    due: BTreeMap<(Timestamp, usize), CommandState>,
    executed: BTreeMap<usize, u32>,
    sends: usize,
    flying_max: usize,
    /// What the program has on its disk.
    file: String,
}

impl Fleet {
    fn new(fate: impl Fn(usize) -> Option<CommandState> + 'static) -> Self {
        Self {
            fate: Box::new(fate),
            due: BTreeMap::new(),
            executed: BTreeMap::new(),
            sends: 0,
            flying_max: 0,
            file: String::new(),
        }
    }

    /// Lets time pass until nothing more happens, or `steps` have passed. Gives the time.
    fn run(&mut self, rollout: &mut RollOut, from: Timestamp, steps: u32) -> Timestamp {
        let mut now = from;
        self.file = rollout.whole().unwrap();
        for _ in 0..steps {
            let sends = rollout.to_send(now);
            self.file.push_str(&rollout.news().unwrap());
            for place in sends {
                self.sends += 1;
                let first = !self.executed.contains_key(&place);
                if let Some(state) = (self.fate)(place) {
                    if first {
                        self.executed.insert(place, 1);
                    }
                    let delay = Duration::from_secs(1 + u64::try_from(place).unwrap() * 7919 % 90);
                    self.due.insert((now.after(delay), place), state);
                }
            }
            self.flying_max = self.flying_max.max(rollout.in_flight.len());
            if rollout.progress() == Progress::Finished {
                break;
            }
            now = now.after(Duration::from_secs(10));
            while let Some(((at, place), state)) = self.due.pop_first() {
                if at > now {
                    self.due.insert((at, place), state);
                    break;
                }
                let target = rollout.targets()[place].clone();
                rollout.hear(&target.gateway, &receipt(target.id, state, at));
                self.file.push_str(&rollout.news().unwrap());
            }
        }
        now
    }
}

fn done(rollout: &RollOut) -> usize {
    rollout
        .targets()
        .iter()
        .filter(|one| one.stage.is_done())
        .count()
}

#[test]
fn five_thousand_gateways_are_reached_in_waves() {
    let mut rollout = RollOut::new(pace(), targets(5000));
    // One in fifty is silent.
    let mut fleet = Fleet::new(|place| (place % 50 != 49).then_some(CommandState::Succeeded));
    let end = fleet.run(&mut rollout, START, 100_000);
    assert_eq!(rollout.progress(), Progress::Finished);
    assert_eq!(rollout.stopped(), None);
    assert_eq!(done(&rollout), 4900);
    assert!(fleet.flying_max <= 200);
    assert!(end.millis_since(START) < 24 * 3_600_000, "{end}");
    assert_eq!(rollout.wave().1, 8);
}

#[test]
fn a_bad_order_stops_in_its_first_wave() {
    let mut rollout = RollOut::new(pace(), targets(5000));
    let mut fleet = Fleet::new(|_| Some(CommandState::Rejected));
    fleet.run(&mut rollout, START, 100_000);
    assert_eq!(rollout.stopped(), Some((1, 1)));
    assert_eq!(fleet.sends, 1, "more than one gateway saw a bad order");
}

#[test]
fn a_wave_stops_as_soon_as_too_many_of_it_failed() {
    let mut rollout = RollOut::new(pace(), targets(5000));
    let fails = |place: usize| place > 111 && place.is_multiple_of(3);
    let mut fleet = Fleet::new(move |place| {
        Some(if fails(place) {
            CommandState::Failed
        } else {
            CommandState::Succeeded
        })
    });
    fleet.run(&mut rollout, START, 100_000);
    let (wave, failed) = rollout.stopped().unwrap();
    assert_eq!(wave, 4);
    assert!((51..=51 + 200).contains(&failed), "{failed}");
    assert!(fleet.sends < 111 + 500, "{}", fleet.sends);
    assert_eq!(rollout.progress(), Progress::Finished);
}

#[test]
fn partial_counts_as_failed_until_somebody_mends_it() {
    let mut rollout = RollOut::new(pace(), targets(3));
    let first = rollout.targets()[0].clone();
    assert_eq!(rollout.to_send(START), [0]);
    let at = |state| receipt(first.id, state, START);
    assert!(rollout.hear(&first.gateway, &at(CommandState::Executing)));
    assert!(rollout.hear(&first.gateway, &at(CommandState::Partial)));
    assert_eq!(rollout.stopped(), Some((1, 1)));
    assert!(rollout.hear(&first.gateway, &at(CommandState::Failed)));
    assert!(
        !rollout.hear(&first.gateway, &at(CommandState::Succeeded)),
        "an end was changed"
    );
    let mut rollout = RememberedRollOut::from(&rollout)
        .restore(Some(100))
        .unwrap();
    assert_eq!(rollout.to_send(START), [1, 2]);
}

#[test]
fn a_receipt_on_the_topic_of_another_gateway_counts_for_nothing() {
    let mut rollout = RollOut::new(pace(), targets(2));
    rollout.to_send(START);
    let (mine, other) = (
        rollout.targets()[0].id,
        rollout.targets()[1].gateway.clone(),
    );
    assert!(!rollout.hear(&other, &receipt(mine, CommandState::Succeeded, START)));
    assert_eq!(done(&rollout), 0);
}

#[test]
fn whoever_comes_back_is_sent_its_command_at_once_if_it_has_not_ended() {
    let mut rollout = RollOut::new(pace(), targets(11));
    rollout.to_send(START);
    let first = rollout.targets()[0].clone();
    rollout.hear(
        &first.gateway,
        &receipt(first.id, CommandState::Succeeded, START),
    );
    assert_eq!(rollout.to_send(START).len(), 10);
    let soon = START.after(Duration::from_secs(1));
    assert!(rollout.to_send(soon).is_empty());
    let fifth = rollout.targets()[4].gateway.clone();
    rollout.send_again(Some(&fifth));
    // What has ended, or is of no roll-out, is sent nothing.
    rollout.send_again(Some(&first.gateway));
    rollout.send_again(Some(&"pmu-99999".parse().unwrap()));
    assert_eq!(rollout.to_send(soon), [4]);
    rollout.send_again(None);
    assert_eq!(rollout.to_send(soon).len(), 10);
    assert!(rollout.to_send(soon).is_empty());
}

#[test]
fn a_damaged_state_file_is_refused_by_entry_and_key() {
    let rollout = RollOut::new(pace(), targets(2));
    let text = serde_json::to_string(&RememberedRollOut::from(&rollout)).unwrap();
    let check = |from: &str, to: &str, entry, key| {
        let text = text.replacen(from, to, 1);
        let found: RememberedRollOut = serde_json::from_str(&text).unwrap();
        assert_eq!(found.restore(None).unwrap_err(), UnfitState { entry, key });
    };
    check("\"rollout\":2", "\"rollout\":1", 0, "rollout");
    check("pmu-00001", "PMU", 2, "gateway");
    check("waiting", "dancing", 1, "stage");
    check("00000000-", "x-", 1, "id");
}

#[test]
fn a_damaged_change_is_refused_by_its_entry_or_its_line() {
    let mut rollout = RollOut::new(pace(), targets(2));
    let mut text = rollout.whole().unwrap();
    rollout.to_send(START);
    text.push_str(&rollout.news().unwrap());
    let read = |text: &str| RememberedRollOut::read(text).map(|known| known.restore(None));
    assert_eq!(read(&text).unwrap().unwrap().targets(), rollout.targets());
    let check = |from: &str, to: &str, entry, key| {
        let (whole, change) = text.split_once('\n').unwrap();
        let text = format!("{whole}\n{}", change.replacen(from, to, 1));
        assert_eq!(read(&text).unwrap().unwrap_err(), UnfitState { entry, key });
    };
    check("\"entry\":1", "\"entry\":0", 0, "entry");
    check("\"entry\":1", "\"entry\":3", 3, "entry");
    check("sent", "dancing", 1, "stage");
    assert!(read(&text.replacen("\n{", "\n", 1)).is_err());
    // A program that wrote no changes.
    let before = text.lines().next().unwrap();
    assert_eq!(read(before).unwrap().unwrap().counts(), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// However often the program is killed, every gateway is reached, and none twice.
    #[test]
    fn a_roll_out_goes_on_after_any_cut(cuts in proptest::collection::vec(1_u32..60, 0..6)) {
        let mut rollout = RollOut::new(pace(), targets(300));
        let mut fleet = Fleet::new(|_| Some(CommandState::Succeeded));
        let mut now = START;
        for steps in cuts {
            now = fleet.run(&mut rollout, now, steps);
            let text = std::mem::take(&mut fleet.file);
            let whole = RememberedRollOut::read(&text).unwrap().restore(None).unwrap();
            prop_assert_eq!(whole.targets(), rollout.targets());
            // What was under way when it was killed is never heard.
            fleet.due.clear();
            // The last line may be cut anywhere: what it said was not acted upon yet.
            let last = text.trim_end().rfind('\n').map_or(text.len(), |at| at + 1);
            let cut = last + (text.len() - last) * usize::try_from(steps % 10).unwrap() / 10;
            rollout = RememberedRollOut::read(&text[..cut]).unwrap().restore(None).unwrap();
            prop_assert_eq!(rollout.counts().0, done(&rollout));
        }
        fleet.run(&mut rollout, now, 10_000);
        prop_assert_eq!(rollout.progress(), Progress::Finished);
        prop_assert_eq!(done(&rollout), 300);
        prop_assert!(fleet.executed.values().all(|times| *times == 1));
    }
}
