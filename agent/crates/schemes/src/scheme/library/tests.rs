use super::*;

fn text(name: &str) -> String {
    format!(
        "# by hand\nformat = 1\nname = \"{name}\" # its name\npurpose = \"read\"\nmeter-type = \"any\"\nversion = 1\n"
    )
}

fn library() -> Library {
    let file = |path: &str, name: &str| (path.to_owned(), text(name));
    Library::load([
        file("one.toml", "one"),
        file("bank/two.toml", "two"),
        file("bank/winter/three.toml", "three"),
        ("bank/broken.toml".to_owned(), "format = ".to_owned()),
    ])
    .unwrap()
}

#[test]
fn folders_are_the_tree() {
    let library = library();
    assert_eq!(library.folder(""), (vec!["bank"], vec!["one.toml"]));
    assert_eq!(
        library.folder("bank"),
        (vec!["winter"], vec!["broken.toml", "two.toml"])
    );
    assert_eq!(library.folder("ban"), (vec![], vec![]));
}

#[test]
fn a_copy_has_another_name_and_the_same_comments() {
    let mut library = library();
    let name: Label = "four \"4\"".parse().unwrap();
    let changes = library.copy("one.toml", "bank/four.toml", &name).unwrap();
    let [FileChange::Write { path, text }] = changes.as_slice() else {
        panic!("{changes:?}")
    };
    assert_eq!(path, "bank/four.toml");
    assert!(text.starts_with("# by hand\n") && text.contains("# its name"));
    assert_eq!(library.named(&name).unwrap().0, "bank/four.toml");
    assert!(library.names_taken_twice().is_empty());
}

#[track_caller]
fn check_copy(from: &str, to: &str, name: &str, expected: &str) {
    let fault = library().copy(from, to, &name.parse().unwrap());
    assert_eq!(
        fault.unwrap_err().to_string().split(';').next(),
        Some(expected)
    );
}

#[test]
fn what_cannot_be_copied_is_refused() {
    check_copy("no.toml", "x.toml", "x", "there is no scheme at `no.toml`");
    check_copy(
        "one.toml",
        "bank/two.toml",
        "x",
        "there is a scheme at `bank/two.toml` already",
    );
    check_copy(
        "one.toml",
        "x.toml",
        "two",
        "`two` is the name of the scheme at `bank/two.toml`",
    );
    check_copy(
        "bank/broken.toml",
        "x.toml",
        "x",
        "the scheme at `bank/broken.toml` is not in order",
    );
    for path in ["../x.toml", "/x.toml", "a//b.toml", "x", "X.toml", ".toml"] {
        check_copy(
            "one.toml",
            path,
            "x",
            &format!("`{path}` is no place in the library"),
        );
    }
}

#[test]
fn a_move_writes_before_it_removes() {
    let mut library = library();
    let changes = library.move_to("one.toml", "bank/one.toml").unwrap();
    assert!(matches!(
        changes.as_slice(),
        [FileChange::Write { .. }, FileChange::Remove { .. }]
    ));
    assert_eq!(library.folder("").1, Vec::<&str>::new());
    let twice = Library::load([
        ("a.toml".to_owned(), text("same")),
        ("b.toml".to_owned(), text("same")),
    ]);
    assert_eq!(twice.unwrap().names_taken_twice().len(), 1);
}

#[test]
fn meters_of_a_scheme_are_named_once() {
    let pair = |scheme: &str, meter: &str| (scheme.parse().unwrap(), meter.parse().unwrap());
    let pairs = [
        pair("a", "m2"),
        pair("a", "m1"),
        pair("b", "m3"),
        pair("a", "m2"),
    ];
    let used = where_used(&"a".parse::<Label>().unwrap(), &pairs);
    let used: Vec<String> = used.iter().map(ToString::to_string).collect();
    assert_eq!(used, ["m1", "m2"]);
}

#[test]
fn a_saved_scheme_keeps_its_type_and_raises_its_version() {
    let mut library = library();
    let new = text("one").replace("\"read\"", "\"both\"");
    let fault = library.save("one.toml", &new).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "`one.toml` is saved with version 1 already; give what has changed a higher version"
    );
    let newer = new.replace("version = 1", "version = 2");
    let changes = library.save("one.toml", &newer).unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(
        library.save("one.toml", &newer).unwrap(),
        changes,
        "again is the same"
    );
    let other = newer.replace("\"any\"", "\"other\"");
    let fault = library.save("one.toml", &other).unwrap_err();
    assert!(matches!(fault, LibraryFault::TypeFixed { .. }), "{fault}");
    let fault = library.save("new.toml", &newer).unwrap_err();
    assert!(matches!(fault, LibraryFault::NameTaken { .. }), "{fault}");
    let fault = library.save("new.toml", "x").unwrap_err();
    assert!(matches!(fault, LibraryFault::NotInOrder(_)), "{fault}");
    assert!(library.save("bank/broken.toml", &text("mended")).is_ok());
}

#[test]
fn a_folder_moves_with_all_that_is_in_it() {
    let mut library = library();
    let changes = library.move_folder("bank", "old/bank").unwrap();
    assert_eq!(changes.len(), 6);
    assert_eq!(library.folder(""), (vec!["old"], vec!["one.toml"]));
    assert_eq!(library.folder("old/bank/winter").1, ["three.toml"]);
    let fault = library.move_folder("old", "old/older").unwrap_err();
    assert!(matches!(fault, LibraryFault::Path(_)), "{fault}");
    let fault = library.move_folder("none", "x").unwrap_err();
    assert!(matches!(fault, LibraryFault::Absent(_)), "{fault}");
}

#[test]
fn a_removed_scheme_is_gone() {
    let mut library = library();
    let path = "one.toml".to_owned();
    assert_eq!(
        library.remove("one.toml").unwrap(),
        [FileChange::Remove { path }]
    );
    assert!(matches!(
        library.remove("one.toml"),
        Err(LibraryFault::Absent(_))
    ));
}
