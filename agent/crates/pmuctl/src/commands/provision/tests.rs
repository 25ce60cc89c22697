use super::*;
use crate::adapters::tls::{TlsFiles, client_config};
use crate::provision::tests::{Authority, GOOD, NOW, WISH, public_key};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A box, and the folder that is brought to it.
struct Case {
    root: tempfile::TempDir,
    folder: tempfile::TempDir,
}

/// Files by their place; what lies aside for a moment does not count.
type Tree = BTreeMap<String, String>;

impl Case {
    fn new(authority: &Authority) -> Self {
        let [root, folder] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let case = Self { root, folder };
        let files = [
            ("provision.toml", WISH.to_owned()),
            ("ca.pem", authority.pem.clone()),
            ("ingest-keys.pem", public_key(1)),
            ("operators.pem", public_key(2)),
            ("meters.toml", "[[bus]]\nid = \"main\"\n".to_owned()),
        ];
        for (name, text) in files {
            case.bring(name, &text);
        }
        case
    }

    fn bring(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn disk(&self) -> Disk {
        Disk::new(self.root.path())
    }

    /// A run whose power is cut after so many steps.
    fn run(&self, steps: usize) -> Result<Vec<String>> {
        let mut left = steps;
        let mut after = |_: Step| match left.checked_sub(1) {
            Some(less) => {
                left = less;
                Ok(())
            }
            None => Err(io::Error::other("power cut")),
        };
        let mut said = Vec::new();
        let mut judged = |_: &Text, _: &str, _: &Passwords| Ok(Judgement::Good);
        let folder = self.folder.path();
        take(
            &self.disk(),
            folder,
            NOW,
            &mut judged,
            &mut after,
            &mut said,
        )?;
        Ok(said)
    }

    fn sign(&self, authority: &Authority) {
        let key = fs::read_to_string(self.disk().path(places::KEY)).unwrap();
        self.bring("client.pem", &authority.sign(&key, &GOOD));
    }

    fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        let mut folders = vec![self.root.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if path.is_dir() {
                    folders.push(path);
                } else if !name.starts_with('.') || name == ".provision" {
                    let place = path.strip_prefix(self.root.path()).unwrap();
                    let text = fs::read_to_string(&path).unwrap();
                    tree.insert(place.display().to_string(), text);
                }
            }
        }
        tree
    }

    /// Another box with the same files, and the same folder.
    fn copy(&self) -> Self {
        let [root, folder] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        for (place, text) in self.tree() {
            let path = root.path().join(place);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        Self { root, folder }
    }
}

const ALL: usize = usize::MAX;

#[test]
fn the_whole_road_from_an_empty_box_to_a_gateway() {
    let authority = Authority::new();
    let case = Case::new(&authority);
    let said = case.run(ALL).unwrap().join("\n");
    assert!(said.contains("request for a certificate: "), "{said}");
    let state = status(case.root.path());
    assert!(!state.is_complete && state.gateway.as_deref() == Some("pmu-014"));
    assert!(!case.disk().path(places::AGENT).exists());
    case.sign(&authority);
    case.run(ALL).unwrap();
    let tree = case.tree();
    let places: Vec<&str> = tree.keys().map(String::as_str).collect();
    assert_eq!(
        places,
        [
            "etc/pmu/agent.toml",
            "etc/pmu/operators.pem",
            "etc/pmu/provision.toml",
            "etc/pmu/tls/ca.pem",
            "etc/pmu/tls/client.key",
            "etc/pmu/tls/client.pem",
            "etc/pmu/tls/ingest-keys.pem",
            "etc/systemd/network/50-pmu-enp1s0.network",
            "etc/systemd/timesyncd.conf.d/50-pmu.conf",
        ]
    );
    let tls = TlsFiles {
        ca: case.disk().path(places::CA),
        certificate: case.disk().path(places::CERTIFICATE),
        key: case.disk().path(places::KEY),
    };
    client_config(&tls).unwrap();
    // The key has not left.
    for entry in fs::read_dir(case.folder.path()).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains("PRIVATE KEY"));
    }
    // A stick that stays plugged in changes nothing.
    case.run(ALL).unwrap();
    assert_eq!(case.tree(), tree);
}

/// Cuts the power after each step, and compares what is there after the next start.
fn cut_everywhere(old: &Case) -> usize {
    let before = old.tree();
    let done = old.copy();
    done.run(ALL).unwrap();
    let after = done.tree();
    let agent = |tree: &Tree| tree.get("etc/pmu/agent.toml").cloned();
    // Each box makes a key of its own.
    let but_keys = |tree: &Tree| {
        let mut tree = tree.clone();
        tree.remove("etc/pmu/tls/client.key");
        tree
    };
    let mut steps = 0;
    loop {
        let case = old.copy();
        if case.run(steps).is_ok() {
            return steps;
        }
        // What the agent would start with at once.
        let now = agent(&case.tree());
        assert!(
            now == agent(&before) || now == agent(&after),
            "cut {steps}: half a configuration"
        );
        let disk = case.disk();
        disk.finish(&mut |_: Step| Ok(())).unwrap();
        let tree = but_keys(&case.tree());
        let is_one = tree == but_keys(&before) || tree == but_keys(&after);
        assert!(
            is_one,
            "cut {steps}: neither old nor new: {:?}",
            tree.keys()
        );
        case.run(ALL).unwrap();
        assert_eq!(but_keys(&case.tree()), but_keys(&after), "cut {steps}");
        steps += 1;
    }
}

#[test]
fn a_power_cut_at_any_step_of_the_first_run_leaves_nothing_or_all() {
    let steps = cut_everywhere(&Case::new(&Authority::new()));
    assert!(steps >= 25, "{steps} steps");
}

#[test]
fn a_power_cut_at_any_step_of_the_last_run_leaves_the_old_or_the_new() {
    let authority = Authority::new();
    let case = Case::new(&authority);
    case.run(ALL).unwrap();
    case.sign(&authority);
    let steps = cut_everywhere(&case);
    assert!(steps >= 10, "{steps} steps");
}

#[test]
fn a_power_cut_at_any_step_of_a_change_leaves_the_old_or_the_new() {
    let authority = Authority::new();
    let case = Case::new(&authority);
    case.run(ALL).unwrap();
    case.sign(&authority);
    case.run(ALL).unwrap();
    let other = WISH
        .replace("enp1s0", "enp2s0")
        .replace("broker.", "other.");
    case.bring("provision.toml", &other);
    case.bring("ingest-keys.pem", &public_key(9));
    let steps = cut_everywhere(&case);
    assert!(steps >= 15, "{steps} steps");
}

#[test]
fn a_power_cut_while_the_rest_is_done_is_no_harm_either() {
    let authority = Authority::new();
    let case = Case::new(&authority);
    case.run(14).unwrap_err();
    assert!(case.disk().is_interrupted());
    assert!(
        status(case.root.path())
            .next
            .ends_with("pmuctl provision --finish")
    );
    for steps in 0.. {
        let mut left = steps;
        let mut after = |_: Step| {
            left = usize::checked_sub(left, 1).ok_or_else(|| io::Error::other("power cut"))?;
            Ok(())
        };
        if case.disk().finish(&mut after).is_ok() {
            break;
        }
    }
    assert!(!case.disk().is_interrupted());
    assert!(case.disk().path(places::WISH).exists());
}

#[test]
fn a_wrong_folder_changes_nothing() {
    let authority = Authority::new();
    let case = Case::new(&authority);
    case.bring("ca.pem", "nothing");
    case.bring("provision.toml", &WISH.replace("pmu-014", "P"));
    let words = case.run(ALL).unwrap_err().to_string();
    assert!(
        words.starts_with("nothing was taken, because of\n"),
        "{words}"
    );
    assert_eq!(words.lines().count(), 3, "{words}");
    assert_eq!(case.tree(), Tree::new());
}

#[test]
fn with_the_certificate_of_a_box_that_was_replaced_the_request_of_the_new_one_is_handed_out() {
    let authority = Authority::new();
    let (old, new) = (Case::new(&authority), Case::new(&authority));
    old.run(ALL).unwrap();
    old.sign(&authority);
    let certificate = fs::read_to_string(old.folder.path().join("client.pem")).unwrap();
    new.bring("client.pem", &certificate);
    let words = new.run(ALL).unwrap_err().to_string();
    assert!(
        words.contains("client.pem: cannot be this box's, which has made no key yet"),
        "{words}"
    );
    assert!(new.folder.path().join("pmu-014.csr.pem").is_file());
    let words = new.run(ALL).unwrap_err().to_string();
    assert!(
        words.contains("is for another key than the one that this box has made"),
        "{words}"
    );
    assert_eq!(new.tree().len(), 1, "only its key");
    new.sign(&authority);
    new.run(ALL).unwrap();
    assert!(status(new.root.path()).is_complete);
}

#[test]
fn meters_that_the_agent_would_refuse_are_not_taken() {
    let case = Case::new(&Authority::new());
    let mut judged = |text: &Text, _: &str, _: &Passwords| {
        Ok(Judgement::Bad(format!(
            "{}:1: bus.link: is missing",
            text.file
        )))
    };
    let mut after = |_: Step| -> io::Result<()> { Ok(()) };
    let folder = case.folder.path();
    let taken = take(
        &case.disk(),
        folder,
        NOW,
        &mut judged,
        &mut after,
        &mut Vec::new(),
    );
    let words = taken.unwrap_err().to_string();
    assert!(
        words.ends_with("/meters.toml:1: bus.link: is missing"),
        "{words}"
    );
    assert_eq!(case.tree(), Tree::new());
}

#[test]
fn a_gateway_that_was_set_up_by_hand_is_left_as_it_is() {
    let case = Case::new(&Authority::new());
    let agent = case.disk().path(places::AGENT);
    fs::create_dir_all(agent.parent().unwrap()).unwrap();
    fs::write(&agent, "[gateway]\nid = \"pmu-014\"\n").unwrap();
    let state = status(case.root.path());
    assert!(state.is_complete && state.missing().is_empty(), "{state}");
    let words = case.run(ALL).unwrap_err().to_string();
    assert!(
        words.contains("agent.toml: was not written by pmuctl provision; move it away"),
        "{words}"
    );
}

#[test]
fn passwords_of_meters_are_taken_for_the_agent_alone_and_stay() {
    let case = Case::new(&Authority::new());
    let folder = case.folder.path().join("passwords");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("feeder-1"), "ABCDEFGH\n").unwrap();
    case.run(ALL).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    case.run(ALL).unwrap();
    let path = case.disk().path("/etc/pmu/passwords/feeder-1");
    assert_eq!(fs::read_to_string(&path).unwrap(), "ABCDEFGH\n");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o640
    );
    // The agent's check finds those that stand and those that come.
    let more = Passwords::from([("feeder-2".to_owned(), "HGFEDCBA".to_owned())]);
    let draft = case.disk().write_draft("", &more).unwrap();
    for name in ["feeder-1", "feeder-2"] {
        assert!(
            draft.with_file_name("passwords").join(name).is_file(),
            "{name}"
        );
    }
    case.disk().drop_draft().unwrap();
    assert!(!draft.exists());
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("no name"), "ABCDEFGH").unwrap();
    let words = case.run(ALL).unwrap_err().to_string();
    assert!(
        words.contains("/passwords/no name: has no name that can be used"),
        "{words}"
    );
    assert!(!words.contains("ABCDEFGH"));
}
