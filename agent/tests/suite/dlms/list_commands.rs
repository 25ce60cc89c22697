//! Meter lists as commands: put, kept, removed.

use super::commands::{Office, live_until_final, offer, put, road, world};
use crate::bench::Bench;
use authority::{Action, Command, Document, sign_command};
use storage::CommandState;

const LIST: &str = r#"version = 1
name = "spring"
action = "tariff"

[[pair]]
scheme = "two-rate-all-year"
meters = ["dlms-1"]
"#;

fn list(text: &str) -> Action {
    let document = Document::Inline(text.to_owned());
    Action::ListPut { document }
}

fn remove() -> Action {
    let list = "spring".parse().expect("a name");
    Action::ListRemove { list }
}

/// Orders it with two signatures, as changes of the library need, and waits for the end.
async fn order(bench: &Bench, office: &mut Office, action: Action) -> (Command, String) {
    let command = office.command(bench, action);
    offer(bench, office.approved(&command));
    live_until_final(bench, &command).await;
    let known = bench.command(command.id.bytes()).await.expect("a row");
    let progress = known.progress;
    (command, format!("{}: {}", progress.state, progress.note))
}

async fn kept(bench: &Bench) -> Vec<String> {
    let mut names = bench.kept("list/").await;
    names.extend(bench.kept("list-put/").await);
    names
}

#[tokio::test(start_paused = true)]
async fn a_list_is_kept_with_those_who_put_it_over_a_restart_and_removed() {
    let (mut bench, _meter, mut office) = world().await;
    // The scheme comes first: a list that names what is not here is refused, with the line.
    let (_, said) = order(&bench, &mut office, list(LIST)).await;
    assert!(
        said.contains("list:6: pair.scheme `two-rate-all-year`"),
        "{said}"
    );
    let (_, said) = order(&bench, &mut office, put()).await;
    assert!(said.starts_with("succeeded"), "{said}");
    let (_, said) = order(&bench, &mut office, list(&LIST.replace("dlms-1", "gone"))).await;
    assert!(said.contains("list:7: pair.meters `gone`"), "{said}");
    let folder = LIST.replace("meters = [\"dlms-1\"]", "folder = \"north\"");
    let (_, said) = order(&bench, &mut office, list(&folder)).await;
    assert!(said.contains("list:7: pair.folder `north`"), "{said}");
    let (_, said) = order(&bench, &mut office, list("version = 2")).await;
    assert!(said.starts_with("failed"), "{said}");
    assert_eq!(kept(&bench).await, Vec::<String>::new());
    let (well, said) = order(&bench, &mut office, list(LIST)).await;
    assert!(said.starts_with("succeeded: list spring is kept"), "{said}");
    bench.kill().await;
    bench.start();
    bench.live(5).await;
    assert_eq!(kept(&bench).await, ["list/spring", "list-put/spring"]);
    let (_, said) = order(&bench, &mut office, remove()).await;
    assert_eq!(said, "succeeded: list spring is removed");
    assert_eq!(kept(&bench).await, Vec::<String>::new());
    let (_, said) = order(&bench, &mut office, remove()).await;
    assert_eq!(said, "failed: there is no list `spring`");
    bench.stop().await;
    let expected = ["accepted", "executing", "succeeded"];
    assert_eq!(road(&bench.receipts(), &well), expected);
}

/// Ben approves and may not edit; a stranger may nothing.
#[tokio::test(start_paused = true)]
async fn who_may_not_edit_puts_and_removes_no_list() {
    let (mut bench, _meter, mut office) = world().await;
    order(&bench, &mut office, put()).await;
    let command = office.command(&bench, list(LIST));
    let mut by_ben = command.clone();
    by_ben.number = 1;
    offer(
        &bench,
        sign_command(&by_ben, &office.ben).expect("a command"),
    );
    live_until_final(&bench, &by_ben).await;
    let known = bench.command(by_ben.id.bytes()).await.expect("a row");
    assert_eq!(known.progress.state, CommandState::Rejected);
    assert_eq!(kept(&bench).await, Vec::<String>::new());
    // Anna alone may not either: a list may hold any number of meters, so that two must put it.
    offer(&bench, office.signed(&command));
    live_until_final(&bench, &command).await;
    let known = bench.command(command.id.bytes()).await.expect("a row");
    assert_eq!(known.progress.state, CommandState::Rejected);
    assert_eq!(kept(&bench).await, Vec::<String>::new());
    let mut strange = command.clone();
    strange.number += 1;
    strange.id = authority::CommandId::of_time(command.issued, [77; 10]);
    let key = authority::OperatorKey::ed25519(&[66; 32]);
    offer(&bench, sign_command(&strange, &key).expect("a command"));
    bench.live(30).await;
    assert!(bench.command(strange.id.bytes()).await.is_none());
    assert_eq!(kept(&bench).await, Vec::<String>::new());
    bench.stop().await;
}
