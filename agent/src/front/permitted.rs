//! Who may change something at this gateway: looking is for all who may open the socket, more is not.

use super::refusal;
use authority::Right;
use desk::{Caller, KeysWish, Refusal, Request, TraceSwitch, UpdateWish, Work};

/// Somebody who was looked at and may do what he asks for. What changes something takes it; only
/// [`Permitted::check`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permitted {
    who: String,
}

impl Permitted {
    /// Lets root and the agent's own user do everything, and everybody else look.
    pub fn check(caller: Caller, own_uid: u32, request: &Request) -> Result<Self, Refusal> {
        let right = needed(request);
        if right == Right::View || caller.uid == 0 || caller.uid == own_uid {
            let who = format!("uid {}", caller.uid);
            Ok(Self { who })
        } else {
            Err(refusal(
                format!(
                    "uid {} may look here, and this takes the right `{right}`",
                    caller.uid
                ),
                "run it as root (`sudo pmuctl ...`)",
            ))
        }
    }

    /// The name in the audit log.
    pub fn who(&self) -> &str {
        &self.who
    }
}

/// The right that a question takes. The table of it stands in `docs/standards/authority.md`.
pub const fn needed(request: &Request) -> Right {
    match request {
        Request::Status
        | Request::Meters
        | Request::Profile { .. }
        | Request::StoreStats
        | Request::StoreVerify
        | Request::SetAside
        | Request::Audit { .. }
        | Request::Job { .. }
        | Request::Jobs
        | Request::Configuration => Right::View,
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
    }
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

    const OWN: u32 = 990;

    /// The right that it takes, and that root and the agent act while a stranger only looks.
    #[track_caller]
    fn check(line: &str, right: Right) {
        let request: Request = desk::decode(line.as_bytes()).unwrap();
        assert_eq!(needed(&request), right, "{line}");
        for (uid, is_trusted) in [(0, true), (OWN, true), (1000, false), (65_534, false)] {
            let found = Permitted::check(Caller { uid, pid: 1 }, OWN, &request);
            let expected = is_trusted || right == Right::View;
            assert_eq!(found.is_ok(), expected, "uid {uid}: {line}");
            if let Ok(found) = found {
                assert_eq!(found.who(), format!("uid {uid}"));
            }
        }
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
