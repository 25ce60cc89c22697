//! Who may change something at this gateway: looking is for all who may open the socket, more is not.

use super::refusal;
use authority::people::Orderer;
use authority::{Right, RoleRights};
use desk::{Caller, KeysWish, PeopleWish, Refusal, Request, TraceSwitch, UpdateWish, Work};

/// Who asks, as far as it is known: what the kernel says, and whose session it is.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// What the kernel says of the socket's other end.
    pub caller: Caller,
    /// The user that the agent runs as.
    pub own_uid: u32,
    /// Who has signed in.
    pub person: Option<&'a Orderer>,
}

impl Asker<'_> {
    /// The name in the audit log.
    pub fn name(&self) -> String {
        match self.person {
            Some(person) => person.who().to_owned(),
            None => format!("uid {}", self.caller.uid),
        }
    }

    const fn owns_the_box(&self) -> bool {
        self.caller.uid == 0 || self.caller.uid == self.own_uid
    }
}

/// Somebody who was looked at and may do what he asks for. What changes something takes it; only
/// [`Permitted::check`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permitted {
    who: String,
}

impl Permitted {
    /// Whoever has signed in does what the role allows. Without a session root and the agent's own user do
    /// everything, and everybody else looks.
    pub fn check(
        asker: Asker<'_>,
        rights: &RoleRights,
        request: &Request,
    ) -> Result<Self, Refusal> {
        let right = needed(request);
        let who = asker.name();
        let (is_allowed, remedy) = match asker.person {
            // A session takes nothing away from everybody's right to look, nor gives what is root's.
            Some(person) => (
                right.is_some_and(|right| right == Right::View || rights.has(person.role(), right)),
                "ask somebody with that right, or run it as root without a session",
            ),
            None => (
                right == Some(Right::View) || asker.owns_the_box(),
                "run it as root (`sudo pmuctl ...`), or sign in (`pmuctl sign-in NAME`)",
            ),
        };
        if is_allowed {
            return Ok(Self { who });
        }
        let Some(right) = right else {
            return Err(refusal(
                format!("{who} may not do this: it is for root alone"),
                "run it as root without a session (`sudo pmuctl ...`)",
            ));
        };
        Err(refusal(
            format!("{who} may look here, and this takes the right `{right}`"),
            remedy,
        ))
    }

    /// The name in the audit log.
    pub fn who(&self) -> &str {
        &self.who
    }
}

/// The right that a question takes, or none where it is for root alone. The table of it stands in
/// `docs/standards/authority.md`. An order is judged by the gates of commands, and a password by its room.
pub const fn needed(request: &Request) -> Option<Right> {
    Some(match request {
        Request::Status
        | Request::Meters
        | Request::Profile { .. }
        | Request::StoreStats
        | Request::StoreVerify
        | Request::SetAside
        | Request::Audit { .. }
        | Request::Job { .. }
        | Request::Jobs
        | Request::Configuration
        | Request::Order { .. }
        | Request::Command { .. }
        | Request::Commands => Right::View,
        Request::ReadMeter { .. } | Request::Release { .. } | Request::Cancel { .. } => {
            Right::Control
        }
        Request::AcceptMeter { .. } => Right::Edit,
        Request::Trace { switch, .. } => match switch {
            TraceSwitch::Show => Right::View,
            TraceSwitch::On | TraceSwitch::Off => Right::Control,
        },
        Request::Start { what } => needed_by_work(what),
        Request::Update { wish } => match wish {
            UpdateWish::Status => Right::View,
            UpdateWish::Install { .. }
            | UpdateWish::Fetch { .. }
            | UpdateWish::Cancel
            | UpdateWish::Commit
            | UpdateWish::Rollback => Right::Secure,
        },
        Request::Keys { wish } => match wish {
            KeysWish::Status { .. } => Right::View,
            KeysWish::Import { .. } => Right::Secure,
        },
        Request::People { wish } => match wish {
            PeopleWish::List
            | PeopleWish::Claim { .. }
            | PeopleWish::SignIn { .. }
            | PeopleWish::SignOut
            | PeopleWish::Password { .. } => Right::View,
            PeopleWish::Add { .. } | PeopleWish::Remove { .. } => Right::People,
            PeopleWish::Code { .. } => return None,
        },
        // Unpacked before; a session in a session is none.
        Request::As(_) => return None,
    })
}

const fn needed_by_work(work: &Work) -> Right {
    match work {
        Work::Scan { .. }
        | Work::Ping { .. }
        | Work::Poll { .. }
        | Work::Read { .. }
        | Work::Instant { .. }
        | Work::Collect { .. }
        | Work::Gather { .. }
        | Work::Clock { .. }
        | Work::Objects { .. }
        | Work::Backup { .. }
        | Work::GoldenPages { .. }
        | Work::DryRun { .. }
        | Work::Listen { .. } => Right::Control,
        Work::ChangeKeys { .. } => Right::Secure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use authority::people::{Argon2Cost, PasswordHash, People, Sessions};
    use authority::{Door, Role, TokenHash};
    use metering::Moment;
    use std::time::Duration;

    const OWN: u32 = 990;
    const PASSWORD: &str = "correct horse 1";

    fn person(role: Role) -> Orderer {
        let cost = Argon2Cost {
            memory_kib: 8,
            passes: 1,
            lanes: 1,
        };
        let hash = PasswordHash::new("jo", PASSWORD, [1; 16], cost).unwrap();
        let mut people = People::parse(&format!("jo {role} {}\n", hash.to_text())).unwrap();
        let now = Moment::new(Duration::ZERO);
        let proof = people.sign_in("jo", PASSWORD, now).unwrap();
        let (mut sessions, token) = (Sessions::default(), TokenHash::of(&[1; 32]));
        sessions
            .begin(proof, Door::LocalSocket, token, now)
            .unwrap();
        sessions.find(token, now).unwrap().orderer()
    }

    /// The right that it takes, and who may: root, the agent, a stranger; and a viewer, an operator and an
    /// administrator who have signed in.
    #[track_caller]
    fn check(line: &str, right: impl Into<Option<Right>>) {
        let request: Request = desk::decode(line.as_bytes()).unwrap();
        let right = right.into();
        assert_eq!(needed(&request), right, "{line}");
        let (rights, persons) = (
            RoleRights::shipped(),
            Role::LOCAL.map(|role| (role, person(role))),
        );
        let ask = |uid, person| {
            let caller = Caller { uid, pid: 1 };
            let asker = Asker {
                caller,
                own_uid: OWN,
                person,
            };
            Permitted::check(asker, &rights, &request)
        };
        for (uid, is_trusted) in [(0, true), (OWN, true), (1000, false), (65_534, false)] {
            let found = ask(uid, None);
            let expected = is_trusted || right == Some(Right::View);
            assert_eq!(found.is_ok(), expected, "uid {uid}: {line}");
            if let Ok(found) = found {
                assert_eq!(found.who(), format!("uid {uid}"));
            }
        }
        for (role, person) in &persons {
            let expected = match right {
                Some(Right::View) => true,
                Some(Right::Control | Right::Edit) => *role != Role::Viewer,
                Some(_) => *role == Role::Administrator,
                None => false,
            };
            // The session counts, and not who carries it.
            for uid in [0, 65_534] {
                let found = ask(uid, Some(person));
                assert_eq!(found.is_ok(), expected, "{role}: {line}");
                if let Ok(found) = found {
                    assert_eq!(found.who(), "jo");
                }
            }
        }
    }

    #[test]
    fn people_and_orders_have_gates_of_their_own() {
        use Right::{People, View};
        let wish = |wish: &str| format!(r#"{{"ask":"people","wish":{{"people":{wish}}}}}"#);
        check(&wish(r#""list""#), View);
        check(&wish(r#""sign-out""#), View);
        check(&wish(r#""sign-in","name":"p","password":"x""#), View);
        check(
            &wish(r#""claim","name":"p","password":"x","code":"y""#),
            View,
        );
        check(&wish(r#""password","password":"x""#), View);
        check(&wish(r#""remove","name":"p""#), People);
        check(
            &wish(r#""add","name":"p","role":"viewer","password":"x""#),
            People,
        );
        check(&wish(r#""code""#), None);
        check(&wish(r#""code","anew":true"#), None);
        check(r#"{"ask":"order","command":""}"#, View);
        check(r#"{"ask":"command","id":""}"#, View);
        check(r#"{"ask":"commands"}"#, View);
    }

    #[test]
    fn who_only_may_open_the_socket_looks() {
        use Right::{Control, Edit, Secure, View};
        check(r#"{"ask":"status"}"#, View);
        check(r#"{"ask":"meters"}"#, View);
        check(r#"{"ask":"profile","meter":"m","from":0,"to":1}"#, View);
        check(r#"{"ask":"store-stats"}"#, View);
        check(r#"{"ask":"store-verify"}"#, View);
        check(r#"{"ask":"set-aside"}"#, View);
        check(r#"{"ask":"audit","from":1,"count":1}"#, View);
        check(r#"{"ask":"job","number":1}"#, View);
        check(r#"{"ask":"jobs"}"#, View);
        check(r#"{"ask":"configuration"}"#, View);
        check(r#"{"ask":"trace","bus":"b","switch":"show"}"#, View);
        check(r#"{"ask":"keys","wish":{"keys":"status"}}"#, View);
        check(r#"{"ask":"update","wish":{"do":"status"}}"#, View);
        check(r#"{"ask":"trace","bus":"b","switch":"on"}"#, Control);
        check(r#"{"ask":"trace","bus":"b","switch":"off"}"#, Control);
        check(r#"{"ask":"read-meter","meter":"m"}"#, Control);
        check(r#"{"ask":"release","stream":"lp","number":1}"#, Control);
        check(r#"{"ask":"cancel","number":1}"#, Control);
        check(r#"{"ask":"accept-meter","meter":"m"}"#, Edit);
        check(r#"{"ask":"update","wish":{"do":"cancel"}}"#, Secure);
        check(r#"{"ask":"update","wish":{"do":"commit"}}"#, Secure);
        check(r#"{"ask":"update","wish":{"do":"rollback"}}"#, Secure);
        let fetch = r#"{"ask":"update","wish":{"do":"fetch","sha256":"","bytes":1}}"#;
        check(fetch, Secure);
        let install =
            r#"{"ask":"update","wish":{"do":"install","file":"/f","sha256":"","bytes":1}}"#;
        check(install, Secure);
        let import = r#"{"ask":"keys","wish":{"keys":"import","meter":"m","suite":0}}"#;
        check(import, Secure);
    }

    #[test]
    fn work_takes_control_and_new_keys_take_more() {
        for work in ["ping", "poll", "instant", "clock", "objects", "backup"] {
            let line = format!(r#"{{"ask":"start","what":{{"work":"{work}","meter":"m"}}}}"#);
            check(&line, Right::Control);
        }
        let start = |what: &str| format!(r#"{{"ask":"start","what":{what}}}"#);
        check(
            &start(r#"{"work":"read","meter":"m","part":"billing"}"#),
            Right::Control,
        );
        let wish = r#"{"registers":true,"billing-sets":2,"events":true,"profile":true,"instruments":false}"#;
        let gather = format!(r#"{{"work":"gather","meter":"m","wish":{wish}}}"#);
        check(&start(&gather), Right::Control);
        check(
            &start(r#"{"work":"listen","bus":"b","seconds":9}"#),
            Right::Control,
        );
        let keys = r#"{"work":"change-keys","meter":"m","encryption":true,"authentication":true}"#;
        check(&start(keys), Right::Secure);
    }
}
