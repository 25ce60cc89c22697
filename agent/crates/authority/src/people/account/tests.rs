use super::*;
use crate::people::Sessions;
use crate::{Door, TokenHash};

const CODE: &str = "ABCDE-FGHJK-LMNPQ-RSTUV";
const PASSWORD: &str = "correct horse 9";

fn at(seconds: u64) -> Moment {
    Moment::new(Duration::from_secs(seconds))
}

fn claimed() -> People {
    let mut people = People::default();
    let claim = Claim::new(CODE).unwrap();
    people
        .claim(&claim, CODE, "ann", PASSWORD, [1; 16], at(0))
        .unwrap();
    people
}

fn with_session<T>(
    people: &mut People,
    name: &str,
    work: impl FnOnce(&mut People, &Session) -> T,
) -> T {
    let mut sessions = Sessions::default();
    let proof = people.sign_in(name, PASSWORD, at(0)).unwrap();
    let token = TokenHash::of(&[7; 32]);
    sessions
        .begin(proof, Door::LocalSocket, token, at(0))
        .unwrap();
    work(people, sessions.find(token, at(0)).unwrap())
}

#[test]
fn a_gateway_is_claimed_once_and_only_with_its_code() {
    let claim = Claim::new(CODE).unwrap();
    let mut people = People::default();
    let mut claim_with =
        |code: &str, seconds| people.claim(&claim, code, "ann", PASSWORD, [1; 16], at(seconds));
    let wrong = Err(ClaimFault::WrongCode.into());
    for _ in 0..3 {
        assert_eq!(claim_with("ABCDE-FGHJK-LMNPQ-RSTUW", 0), wrong);
    }
    // Even the right code waits its time.
    let pause = AccountFault::Pause(Duration::from_secs(1));
    assert_eq!(claim_with(CODE, 0), Err(pause));
    assert_eq!(claim_with(CODE, 1), Ok(()));
    assert_eq!(claim_with(CODE, 2), Err(ClaimFault::Claimed.into()));
    assert_eq!(
        people.accounts().first().unwrap().role(),
        Role::Administrator
    );
}

#[test]
fn guesses_are_slowed_down_by_name_and_then_locked() {
    let mut people = claimed();
    for _ in 0..3 {
        let wrong = people.sign_in("ann", "another password", at(10)).err();
        assert_eq!(wrong, Some(AccountFault::Wrong));
    }
    let wait = people.sign_in("ann", PASSWORD, at(10)).err();
    assert_eq!(wait, Some(AccountFault::Pause(Duration::from_secs(1))));
    assert!(people.sign_in("ann", PASSWORD, at(11)).is_ok());
    // A name that nobody has fails in the same words.
    let nobody = people.sign_in("bob", PASSWORD, at(11)).err();
    assert_eq!(nobody, Some(AccountFault::Wrong));
}

#[test]
fn only_who_may_gives_and_takes_accounts() {
    let mut people = claimed();
    let rights = RoleRights::shipped();
    with_session(&mut people, "ann", |people, ann| {
        let new = |people: &mut People, name, role| {
            people.add(ann, &rights, (name, role), PASSWORD, [2; 16])
        };
        assert_eq!(new(people, "bob", Role::Operator), Ok(()));
        assert_eq!(new(people, "bob", Role::Viewer), Err(AccountFault::Exists));
        assert_eq!(new(people, "eve", Role::Approver), Err(AccountFault::Role));
        assert_eq!(new(people, "Eve!", Role::Viewer), Err(AccountFault::Name));
        let last = people.remove(ann, &rights, "ann");
        assert_eq!(last, Err(AccountFault::LastAdministrator));
    });
    with_session(&mut people, "bob", |people, bob| {
        let refused = Err(AccountFault::NotPermitted);
        let new = people.add(bob, &rights, ("eve", Role::Viewer), PASSWORD, [2; 16]);
        assert_eq!(new, refused);
        assert_eq!(people.remove(bob, &rights, "ann"), refused);
        let others = people.change_password(bob, &rights, "ann", "new password 1", [3; 16]);
        assert_eq!(others, refused);
        let own = people.change_password(bob, &rights, "bob", "new password 1", [3; 16]);
        assert_eq!(own, Ok(()));
    });
    assert!(people.sign_in("bob", "new password 1", at(20)).is_ok());
}

#[test]
fn accounts_survive_their_file_and_damage_is_told() {
    let people = claimed();
    let text = people.to_text();
    assert_eq!(People::parse(&text).unwrap().accounts(), people.accounts());
    let damaged = |text: &str| People::parse(text).err();
    let line = |line| Some(AccountFault::Damaged { line });
    assert_eq!(damaged(&format!("{text}{text}")), line(2));
    assert_eq!(damaged(&text.replace("administrator", "approver")), line(1));
    assert_eq!(damaged("ann\n"), line(1));
}
