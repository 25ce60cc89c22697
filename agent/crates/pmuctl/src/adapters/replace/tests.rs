use super::*;
use tempfile::TempDir;

const OLD: &str = "# old\nid = 1\n";
const NEW: &str = "# old\nid = 1\n\n# new\n";

struct World {
    folder: TempDir,
    path: PathBuf,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.toml");
        fs::write(&path, OLD).unwrap();
        Self { folder, path }
    }

    fn open(&self) -> Result<Replacement> {
        Replacement::of(&self.path, 1000)
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.path).unwrap()
    }

    fn files(&self) -> usize {
        fs::read_dir(self.folder.path()).unwrap().count()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the other watcher of steps fails")]
fn on(_: Step) -> io::Result<()> {
    Ok(())
}

#[test]
fn a_file_is_replaced_and_keeps_its_mode() {
    let world = World::new();
    fs::set_permissions(&world.path, fs::Permissions::from_mode(0o640)).unwrap();
    let replacement = world.open().unwrap();
    assert_eq!(replacement.text(), OLD);
    replacement.write(NEW, &mut on).unwrap();
    assert_eq!(world.text(), OLD, "it waits for its judge");
    assert_eq!(fs::read_to_string(replacement.aside()).unwrap(), NEW);
    replacement.finish(&mut on).unwrap();
    assert_eq!(world.text(), NEW);
    let mode = fs::metadata(&world.path).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o640);
    assert_eq!(world.files(), 1, "nothing lies beside it");
}

/// A kill after `step`: nothing that comes behind it is done, not even what tidies up.
fn killed_after(world: &World, step: Step) -> bool {
    let mut reached = false;
    let mut kill = |at: Step| {
        if at == step {
            reached = true;
            Err(io::Error::other("killed"))
        } else {
            Ok(())
        }
    };
    let replacement = world.open().unwrap();
    if replacement.write(NEW, &mut kill).is_ok() {
        // `finish` gives the lock back by itself.
        drop(replacement.finish(&mut kill));
    } else {
        let aside = fs::read(replacement.aside()).unwrap();
        let path = replacement.aside().to_owned();
        drop(replacement);
        // A kill would have left it.
        fs::write(path, aside).unwrap();
    }
    reached
}

#[test]
fn after_a_kill_at_any_step_the_old_or_the_new_text_is_there() {
    for (step, expected) in [
        (Step::Written, OLD),
        (Step::Synced, OLD),
        (Step::Renamed, NEW),
    ] {
        let world = World::new();
        assert!(killed_after(&world, step), "{step:?}");
        assert_eq!(world.text(), expected, "{step:?}");
        // And the next one is not disturbed by what was left.
        let replacement = world.open().unwrap();
        replacement.write("again", &mut on).unwrap();
        replacement.finish(&mut on).unwrap();
        assert_eq!(world.text(), "again");
        assert_eq!(world.files(), 1, "{step:?}");
    }
}

#[test]
fn what_somebody_else_wrote_meanwhile_is_kept() {
    let edits: [fn(&World); 2] = [
        |world| fs::write(&world.path, "by hand").unwrap(),
        |world| {
            let other = world.folder.path().join("other");
            fs::write(&other, "by hand").unwrap();
            fs::rename(other, &world.path).unwrap();
        },
    ];
    for edit in edits {
        let world = World::new();
        let replacement = world.open().unwrap();
        replacement.write(NEW, &mut on).unwrap();
        edit(&world);
        let error = replacement.finish(&mut on).unwrap_err();
        assert!(error.to_string().contains("meanwhile"), "{error}");
        assert_eq!(world.text(), "by hand");
        assert_eq!(world.files(), 1);
    }
}

#[test]
fn two_at_a_time_do_not_meet() {
    let world = World::new();
    let first = world.open().unwrap();
    let error = world.open().unwrap_err();
    assert!(error.to_string().contains("another pmuctl"), "{error}");
    drop(first);
    world.open().unwrap();
}

#[test]
fn a_link_stays_a_link() {
    let world = World::new();
    let link = world.folder.path().join("link.toml");
    std::os::unix::fs::symlink(&world.path, &link).unwrap();
    let replacement = Replacement::of(&link, 1000).unwrap();
    replacement.write(NEW, &mut on).unwrap();
    replacement.finish(&mut on).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(world.text(), NEW);
}

#[test]
fn a_file_that_is_too_long_is_not_read() {
    let world = World::new();
    assert!(Replacement::of(&world.path, 4).is_err());
    assert!(read(&world.path, 4, "name another").is_err());
    assert_eq!(read(&world.path, 1000, "name another").unwrap(), OLD);
}

#[test]
fn a_new_file_never_takes_an_old_ones_place_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    write_new(&path, "one", false).unwrap();
    let error = write_new(&path, "two", false).unwrap_err();
    assert!(error.to_string().contains("--force"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "one");
    write_new(&path, "two", true).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "two");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(write_new(&folder.path().join("none/a.json"), "x", false).is_err());
    assert!(write_new(Path::new("/"), "x", true).is_err());
}
