//! Another language signs what this crate opens, and opens what it signs: the published scripts of
//! `docs/uplink`, over other libraries. Skipped, and said so, where no interpreter was prepared
//! (`hil-tests/setup.sh`, or `PMU_PYTHON`).

#[cfg(test)]
mod peer {
    use authority::{
        Action, Command, CommandId, CommandState, Door, KeyEntry, KeySet, KeySetContent, Now,
        OperatorKey, Policy, Proof, Receipt, ReceiptKeys, Role, RoleRights, RootKeys, SigningKey,
        authorise, sign_receipt,
    };
    use metering::{ClockQuality, GatewayId, Timestamp};
    use std::env::var_os;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Output;

    const NOW: u64 = 1_795_392_000;

    fn python() -> Option<PathBuf> {
        let usual = var_os("HOME").map(|home| {
            let home = PathBuf::from(home);
            home.join(".cache/pmu/tools/bin/python")
        });
        let found = var_os("PMU_PYTHON").map(PathBuf::from).or(usual);
        let found = found.filter(|path| path.is_file());
        if found.is_none() {
            println!("skipped, because no python environment was prepared");
        }
        found
    }

    /// A folder of this test's own.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("pmu-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
            let path = self.0.join(name);
            fs::write(&path, bytes).unwrap();
            path.display().to_string()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    fn run(python: &Path, script: &str, arguments: &[&str]) -> Output {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/uplink");
        std::process::Command::new(python)
            .arg("-B")
            .arg(folder.join(script))
            .args(arguments)
            .output()
            .unwrap()
    }

    fn gateway() -> GatewayId {
        "pmu-001".parse().unwrap()
    }

    fn now() -> Now {
        let at = Timestamp::from_seconds(NOW);
        Now {
            at,
            quality: ClockQuality::Synchronised,
            trusted: at,
        }
    }

    fn key_set(keys: &[(&OperatorKey, &str, Role)]) -> KeySet {
        let at = Timestamp::from_seconds;
        let entry = |(key, who, role): &(&OperatorKey, &str, Role)| KeyEntry {
            key: key.public(),
            who: (*who).to_owned(),
            roles: [*role].into(),
            not_before: at(NOW - 10),
            expires: at(NOW + 1000),
            is_revoked: false,
        };
        let content = KeySetContent {
            version: 1,
            issued: at(NOW - 10),
            expires: at(NOW + 1000),
            keys: keys.iter().map(entry).collect(),
        };
        let root = OperatorKey::ed25519(&[9; 32]);
        let roots = RootKeys::parse(&root.public().to_pem().unwrap()).unwrap();
        KeySet::open(&roots, &content.sign(&root).unwrap(), None, &now()).unwrap()
    }

    const COMMAND: &str = r#"{"id": "01936f2a7c007abc8def0123456789ab", "g": "pmu-001",
        "e": "65706f63682d2d31", "n": 1, "iat": 1795392000, "nbf": 1795392000,
        "exp": 1795392600, "op": "tariff.set",
        "arg": {"scheme": "north/summer", "meters": ["feeder-1", "feeder-2"]}}"#;

    #[test]
    fn what_python_signs_is_believed_and_takes_two_people() {
        let Some(python) = python() else { return };
        let folder = Folder::new("sign");
        let anna = OperatorKey::ed25519(&[1; 32]);
        let ben = OperatorKey::es256(&[2; 32]).unwrap();
        let set = key_set(&[
            (&anna, "Anna", Role::Operator),
            (&ben, "Ben", Role::Approver),
        ]);
        let sign = |key: &OperatorKey, arguments: &[&str]| {
            let key = folder.put("key.pem", key.to_pem().unwrap());
            let arguments = [&["--key", key.as_str()], arguments].concat();
            let done = run(&python, "sign_command.py", &arguments);
            assert!(done.status.success(), "{done:?}");
            done.stdout
        };
        let judge = |bytes: &[u8]| {
            let opened = set.open_command(&gateway(), bytes, false, &now());
            let opened = opened.map_err(|rejected| rejected.reason.code())?;
            let rights = RoleRights::shipped();
            let authorised = authorise(opened, &Policy::built_in(), &rights, &now());
            authorised.map_err(|rejected| rejected.reason.code())
        };
        let command = folder.put("command.json", COMMAND);
        let needs_approval = Err(Some("need-second-approval"));
        assert_eq!(judge(&sign(&anna, &[&command])), needs_approval);
        let shared = sign(&anna, &["--shared", &command]);
        assert_eq!(judge(&shared), needs_approval);
        let shared = folder.put("shared.cbor", shared);
        let both = judge(&sign(&ben, &["--approve", &shared])).unwrap();
        let meters = ["feeder-1", "feeder-2"].map(|name| name.parse().unwrap());
        let expected = Action::TariffSet {
            scheme: "north/summer".parse().unwrap(),
            meters: meters.to_vec(),
        };
        let found: &Command = both.command();
        assert_eq!(found.action, expected);
        assert_eq!(found.id.to_string(), "01936f2a-7c00-7abc-8def-0123456789ab");
        assert_eq!(both.authentic().numbered_by(), anna.public().id());
    }

    #[test]
    fn what_this_crate_signs_python_verifies_and_finds_a_changed_byte() {
        let Some(python) = python() else { return };
        let folder = Folder::new("verify");
        let own = SigningKey::from_seed(&[5; 32]);
        let at = Timestamp::from_seconds(NOW);
        let receipt = Receipt {
            id: CommandId::of_time(at, [3; 10]),
            number: 4,
            state: CommandState::Succeeded,
            at,
            step: 2,
            steps: 2,
            code: None,
            text: None,
            now: None,
            evidence: None,
            proof: Some(Proof {
                who: vec!["Anna".to_owned()],
                door: Door::HeadEnd,
                begun: at,
                ended: at,
                meters: Vec::new(),
            }),
            next_key: None,
        };
        let bytes = sign_receipt(&own, &gateway(), &receipt).unwrap();
        let key = folder.put("gateway.pem", own.public_pem().unwrap());
        let verify = |gateway: &str, bytes: &[u8]| {
            let file = folder.put("receipt.cbor", bytes);
            let arguments = ["--gateway", gateway, "--key", key.as_str(), file.as_str()];
            run(&python, "verify_receipt.py", &arguments)
        };
        let good = verify("pmu-001", &bytes);
        assert!(good.status.success(), "{good:?}");
        let said = String::from_utf8(good.stdout).unwrap();
        assert!(said.contains(r#""state": "succeeded""#), "{said}");
        assert!(!verify("pmu-002", &bytes).status.success());
        for at in (0..bytes.len()).step_by(29) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(!verify("pmu-001", &changed).status.success(), "{at}");
            // Both say the same.
            let keys = ReceiptKeys::of_gateway(gateway(), vec![own.public_key()]);
            assert!(keys.open(&changed).is_err());
        }
    }
}
