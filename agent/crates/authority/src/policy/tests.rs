use super::*;
use crate::gates::tests::testing::{
    NOON, at, command, gateway, key, key_set, now, root, roots, tariff,
};
use crate::people::RoleRights;
use crate::{authorise, sign_command};
use metering::ClockQuality;

fn content_with(rules: &[(Operation, Rule)]) -> PolicyContent {
    PolicyContent {
        version: 3,
        issued: Timestamp::from_seconds(NOON - 1),
        expires: Timestamp::from_seconds(NOON + 1000),
        rules: rules.iter().cloned().collect(),
    }
}

fn rule(need: &[Role], more: Option<&[Role]>, meters_max: Option<u32>) -> Rule {
    Rule {
        need: need.to_vec(),
        more: more.map(<[Role]>::to_vec),
        meters_max,
        step_max_s: None,
    }
}

#[test]
fn a_signed_rule_takes_the_place_of_the_built_in_one_until_it_expires() {
    let strict = rule(
        &[Role::Operator, Role::Approver, Role::Administrator],
        None,
        None,
    );
    let bytes = content_with(&[(Operation::TariffSet, strict)])
        .sign(&root())
        .unwrap();
    let policy = Policy::open(&roots(), &bytes, None, &now()).unwrap();
    let judge = |action: Action, now: &Now| {
        let bytes = sign_command(&command(action), &key("anna")).unwrap();
        let opened = key_set()
            .open_command(&gateway(), &bytes, false, now)
            .unwrap();
        let authorised = authorise(opened, &policy, &RoleRights::shipped(), now);
        authorised.map_err(|rejected| rejected.reason.code())
    };
    assert_eq!(
        judge(tariff(1), &now()).unwrap_err(),
        Some("need-second-approval")
    );
    // Operations without a rule of their own, and all of them after the end, go by the built-in one.
    assert!(
        judge(
            Action::ListStop {
                list: "a".parse().unwrap()
            },
            &now()
        )
        .is_ok()
    );
    let late = at(NOON + 1001, ClockQuality::Synchronised);
    assert!(judge(tariff(1), &late).is_ok());
}

#[test]
fn older_forked_and_expired_policies_are_refused() {
    let three = content_with(&[]).sign(&root()).unwrap();
    let held = Policy::recall(&roots(), &three).unwrap().held();
    let open = |content: PolicyContent, now: &Now| {
        let bytes = content.sign(&root()).unwrap();
        Policy::open(&roots(), &bytes, Some(held), now).err()
    };
    let with = |version| PolicyContent {
        version,
        ..content_with(&[])
    };
    assert_eq!(open(with(3), &now()), None);
    assert_eq!(open(with(4), &now()), None);
    assert_eq!(
        open(with(2), &now()),
        Some(SetFault::Rollback { found: 2, held: 3 })
    );
    let other = content_with(&[(Operation::Nop, rule(&[Role::Viewer], None, None))]);
    assert_eq!(open(other, &now()), Some(SetFault::Forked { version: 3 }));
    let late = at(NOON + 1001, ClockQuality::Synchronised);
    assert_eq!(open(with(4), &late), Some(SetFault::Frozen));
    assert!(Policy::open(&roots(), &three[1..], None, &now()).is_err());
    assert!(
        with(4)
            .sign(&key("anna"))
            .is_ok_and(|bytes| { Policy::open(&roots(), &bytes, Some(held), &now()).is_err() })
    );
}

#[test]
fn rules_that_mean_nothing_are_not_signed() {
    let refused = |rule| {
        content_with(&[(Operation::TariffSet, rule)])
            .sign(&root())
            .unwrap_err()
    };
    let fault = |key| SetFault::Content { key };
    assert_eq!(refused(rule(&[], None, None)), fault("need"));
    assert_eq!(
        refused(rule(&[Role::Operator; 5], None, None)),
        fault("need")
    );
    assert_eq!(
        refused(rule(&[Role::Operator], None, Some(1))),
        fault("more")
    );
    assert_eq!(
        refused(rule(&[Role::Operator], Some(&[Role::Operator]), None)),
        fault("more")
    );
    assert_eq!(
        refused(rule(&[Role::Operator], Some(&[]), Some(1))),
        fault("more")
    );
    let twice = |op: &str| {
        let rule = || {
            Map(RuleWire {
                op: op.to_owned(),
                need: vec!["viewer".to_owned()],
                more: None,
                meters: None,
                step: None,
            })
        };
        let wire = Wire {
            v: 1,
            ver: 1,
            iat: 1,
            exp: 2,
            rules: vec![rule(), rule()],
        };
        PolicyContent::decode(&strict::encode(&wire).unwrap())
    };
    assert_eq!(twice("nop"), Err(fault("op")));
    assert_eq!(twice("relay.open"), Err(fault("op")));
}

#[test]
fn the_built_in_policy_is_strict_where_the_contract_calls_it_dangerous() {
    for operation in [
        "list.put",
        "list.run",
        "password.change",
        "key.rotate",
        "cfg.set",
        "ota.install",
        "scheme.resume",
        "scheme.restore",
    ] {
        let operation = Operation::from_word(operation).unwrap();
        assert!(Rule::built_in(operation).need.len() == 2, "{operation}");
    }
    for operation in [Operation::TariffSet, Operation::SchemeProgram] {
        assert_eq!(Rule::built_in(operation).meters_max, Some(1));
    }
    assert_eq!(Rule::built_in(Operation::TimeSet).step_max_s, Some(30));
    assert_eq!(Policy::built_in().held().version, 0);
}
