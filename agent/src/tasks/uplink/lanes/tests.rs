use super::*;
use std::time::Duration;

const LP: Stream = Stream::Profiles;

/// Sends everything that is to send, in order.
fn drain(lanes: &mut Lanes) -> Vec<Key> {
    let mut sent = Vec::new();
    while let Some((stream, age, after, _)) = lanes.next() {
        lanes.sent((stream, after + 1));
        lanes.passed(stream, age, after + 1);
        sent.push((stream, after + 1));
    }
    sent
}

#[tokio::test]
async fn what_is_new_overtakes_a_backlog_and_the_backlog_still_moves() {
    let mut lanes = Lanes::default();
    lanes.begin(LP, 0, 101);
    lanes.grown(LP, 111);
    let order: Vec<u64> = drain(&mut lanes).into_iter().map(|key| key.1).collect();
    let last_new = order.iter().position(|number| *number == 110).unwrap();
    assert!(
        last_new < 20,
        "ten new entries among the first twenty: {order:?}"
    );
    let history: Vec<u64> = order
        .iter()
        .copied()
        .filter(|number| *number <= 100)
        .collect();
    assert_eq!(
        history,
        (1..=100).collect::<Vec<_>>(),
        "history goes oldest first"
    );
    assert_eq!(order.len(), 110, "nothing twice, nothing forgotten");
}

#[tokio::test]
async fn events_do_not_wait_for_load_profiles() {
    let mut lanes = Lanes::default();
    lanes.begin(LP, 0, 1001);
    lanes.begin(Stream::Events, 4, 6);
    let order = drain(&mut lanes);
    assert!(
        order
            .iter()
            .position(|key| *key == (Stream::Events, 5))
            .unwrap()
            < 12
    );
}

#[tokio::test(start_paused = true)]
async fn only_a_watermark_makes_an_entry_forgotten() {
    let mut lanes = Lanes::default();
    lanes.begin(LP, 0, 6);
    assert_eq!(drain(&mut lanes).len(), 5);
    for number in 1..=5 {
        lanes.taken((LP, number), Instant::now());
    }
    assert_eq!(lanes.uncommitted(), 5, "the broker's word frees nothing");
    lanes.committed(LP, 2, &[(4, 4)]);
    assert_eq!(lanes.uncommitted(), 2);
    tokio::time::advance(Duration::from_secs(901)).await;
    let before = Instant::now() - Duration::from_mins(15);
    assert_eq!(lanes.overdue(before), 2);
    assert_eq!(lanes.next_again(), Some((LP, 3)));
    lanes.sent((LP, 3));
    assert_eq!(lanes.next_again(), Some((LP, 5)));
}

#[test]
fn a_poisonous_message_travels_alone_and_is_then_set_aside() {
    let mut troubles = Troubles::default();
    let key = (LP, 7);
    for _ in 0..POISON_DISCONNECTS_MAX - 1 {
        assert!(troubles.lost(&[key]).is_empty());
    }
    assert_eq!(troubles.suspect(), Some(key));
    assert_eq!(troubles.lost(&[key]), vec![key]);
}

#[test]
fn a_loss_without_the_message_clears_the_suspicion() {
    let mut troubles = Troubles::default();
    let key = (LP, 7);
    assert!(troubles.lost(&[key]).is_empty());
    assert!(troubles.lost(&[(LP, 8)]).is_empty());
    for _ in 0..POISON_DISCONNECTS_MAX - 1 {
        assert!(troubles.lost(&[key]).is_empty());
    }
}

#[test]
fn a_message_the_broker_keeps_refusing_is_set_aside() {
    let mut troubles = Troubles::default();
    let verdicts: Vec<bool> = (0..REFUSALS_MAX)
        .map(|_| troubles.refused((LP, 1)))
        .collect();
    assert_eq!(verdicts, [false, false, false, false, true]);
}

#[tokio::test]
async fn a_backlog_is_known_until_the_last_of_it_is_handed_over() {
    let mut lanes = Lanes::default();
    assert!(!lanes.is_backlogged());
    lanes.begin(LP, 0, 3);
    assert!(lanes.is_backlogged());
    drain(&mut lanes);
    assert!(!lanes.is_backlogged());
    lanes.grown(LP, 4);
    assert!(lanes.is_backlogged());
    drain(&mut lanes);
    lanes.again((LP, 1));
    assert!(lanes.is_backlogged(), "what is sent again waits too");
}
