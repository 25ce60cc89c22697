use super::*;

const GOOD: &str = include_str!("../../../../config/agent.toml");

struct Place {
    folder: tempfile::TempDir,
    file: PathBuf,
}

/// A gateway with a configuration of its own.
fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("agent.toml");
    let this = Place { folder, file };
    fs::write(&this.file, this.text("pmu-1", 300)).unwrap();
    this
}

impl Place {
    fn text(&self, gateway: &str, trial_seconds: u64) -> String {
        let data = self.folder.path().display();
        let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/meter-models");
        format!(
            "[gateway]\nid = \"{gateway}\"\ndata-folder = \"{data}\"\nmodel-folder = \"{models}\"\n\
             [store]\nkeep-profile-days = {trial_seconds}\n"
        )
    }

    fn days(&self) -> u64 {
        let settings = standing(&self.file).unwrap();
        settings.store.keep_profile.as_secs() / 86_400
    }

    fn put(&self, days: u64) -> Trial {
        let text = self.text("pmu-1", days);
        assert!(
            judge(&self.file, &text).is_ok(),
            "{:?}",
            judge(&self.file, &text)
        );
        let id = CommandId::new([7; 16]);
        let trial = Trial::new(&self.file, id, Duration::from_mins(5), text);
        trial.save(self.folder.path()).unwrap();
        trial
    }

    fn state(&self) -> TrialState {
        Trial::load(self.folder.path()).unwrap().state
    }
}

#[test]
fn a_trial_is_read_as_it_was_written() {
    let place = place();
    let mut trial = place.put(400);
    assert_eq!(Trial::load(place.folder.path()), Some(trial.clone()));
    trial.state = TrialState::Returned("a\nb".to_owned());
    trial.save(place.folder.path()).unwrap();
    let why = TrialState::Returned("a; b".to_owned());
    assert_eq!(place.state(), why);
    for text in ["", "\n\n", "command 1\n\n", GOOD] {
        assert_eq!(Trial::parse(text), None, "{text}");
    }
}

#[test]
fn it_is_used_from_the_start_that_counts_it_and_kept_when_it_is_proven() {
    let place = place();
    assert_eq!(place.days(), 300);
    let mut trial = place.put(400);
    assert_eq!(place.days(), 300, "not before a start has counted it");
    count_start(&place.file);
    assert_eq!(place.days(), 400);
    trial.starts = 1;
    trial.keep(place.folder.path()).unwrap();
    count_start(&place.file);
    assert_eq!((place.days(), place.state()), (400, TrialState::Kept));
    assert_eq!(
        standing_text(&place.file, place.folder.path()),
        place.text("pmu-1", 400)
    );
    // One that is left gives way to the one that was kept before it.
    let mut trial = place.put(500);
    trial.state = TrialState::Returned("silence".to_owned());
    trial.save(place.folder.path()).unwrap();
    count_start(&place.file);
    assert_eq!(place.days(), 400);
}

#[test]
fn a_trial_that_was_cut_goes_on_and_one_that_is_cut_time_and_again_is_left() {
    let place = place();
    place.put(400);
    for _ in 0..CONFIGURATION_STARTS_MAX {
        count_start(&place.file);
        assert_eq!(place.days(), 400);
    }
    count_start(&place.file);
    assert_eq!(place.days(), 300);
    assert!(matches!(place.state(), TrialState::Returned(_)));
}

#[test]
fn a_person_who_edits_the_file_has_the_last_word() {
    let place = place();
    place.put(400);
    count_start(&place.file);
    fs::write(&place.file, place.text("pmu-1", 350)).unwrap();
    assert_eq!(place.days(), 350);
    count_start(&place.file);
    assert!(matches!(place.state(), TrialState::Returned(_)));
    place.put(400).keep(place.folder.path()).unwrap();
    assert_eq!(place.days(), 400);
    fs::write(&place.file, place.text("pmu-1", 360)).unwrap();
    assert_eq!(place.days(), 360);
}

#[test]
fn no_command_changes_who_may_command() {
    let place = place();
    let refused = |text: &str| judge(&place.file, text).unwrap_err();
    let id = refused(&place.text("pmu-2", 300));
    assert!(id.contains("gateway.id"), "{id}");
    let roots = format!(
        "{}[commands]\nroots-file = \"/tmp/mine.pem\"\n",
        place.text("pmu-1", 300)
    );
    let roots = refused(&roots);
    assert!(roots.contains("[commands]"), "{roots}");
    let wrong = refused("[gateway]\nid = 7\nnonsense = 1\n");
    assert!(wrong.contains("agent.toml"), "{wrong}");
    let large = refused(&"#".repeat(CONFIGURATION_BYTES_MAX + 1));
    assert!(large.contains("shorter"), "{large}");
}
