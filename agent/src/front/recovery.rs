//! What the recovery system does not do, in words.

use super::refusal;
use desk::{Refusal, Request};

/// Why this is not asked of the recovery system, if it is not.
pub(super) fn refused(request: &Request) -> Option<Refusal> {
    let (problem, remedy) = match request {
        Request::Status
        | Request::Job { .. }
        | Request::Jobs
        | Request::Cancel { .. }
        | Request::Update { .. }
        | Request::Configuration => return None,
        Request::Meters
        | Request::ReadMeter { .. }
        | Request::AcceptMeter { .. }
        | Request::Trace { .. }
        | Request::Start { .. } => (
            "recovery system: meters are not read",
            "install an image: `pmuctl update fetch` or `pmuctl update install`",
        ),
        Request::Profile { .. }
        | Request::StoreStats
        | Request::StoreVerify
        | Request::Audit { .. }
        | Request::SetAside
        | Request::Release { .. }
        | Request::Keys { .. }
        | Request::People { .. }
        | Request::As(_)
        | Request::Order { .. }
        | Request::Command { .. }
        | Request::Commands => (
            "recovery system: the store is left as it is",
            "ask again once an installed system runs; `pmuctl update status` shows how it stands",
        ),
    };
    Some(refusal(problem.to_owned(), remedy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use desk::{KeysWish, PeopleWish, TraceSwitch, UpdateWish, Work};

    #[track_caller]
    fn check(request: &Request, expected: Option<&str>) {
        let found = refused(request).map(|refusal| refusal.problem);
        match expected {
            None => assert_eq!(found, None),
            Some(words) => assert!(found.unwrap().contains(words)),
        }
    }

    #[test]
    fn no_meter_is_reached_and_the_store_is_left_alone() {
        let meter = || "main-1".to_owned();
        let work = |what| Request::Start { what };
        let bus = || "main".to_owned();
        let meters = Some("meters are not read");
        check(&Request::Meters, meters);
        check(&Request::ReadMeter { meter: meter() }, meters);
        check(&Request::AcceptMeter { meter: meter() }, meters);
        check(&work(Work::Ping { meter: meter() }), meters);
        check(&work(Work::Clock { meter: meter() }), meters);
        check(&work(Work::Backup { meter: meter() }), meters);
        let switch = TraceSwitch::On;
        check(&Request::Trace { bus: bus(), switch }, meters);
        let store = Some("the store is left");
        check(&Request::StoreStats, store);
        check(&Request::StoreVerify, store);
        check(&Request::Audit { from: 0, count: 1 }, store);
        check(&Request::SetAside, store);
        let wish = KeysWish::Status { meter: None };
        check(&Request::Keys { wish }, store);
        check(&Request::Commands, store);
        let wish = PeopleWish::List;
        check(&Request::People { wish }, store);
        let wish = UpdateWish::Status;
        check(&Request::Update { wish }, None);
        check(&Request::Status, None);
    }
}
