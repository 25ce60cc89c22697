//! What can be written to a FLAG meter, and what goes along with it.

use super::super::complaint::Notebook;
use super::super::phase::{Phase, SettingWhat};
use super::fact::SourcedFact;
use super::file::FlagFile;
use super::limits::{LEVEL_MAX, ROWS_MAX};
use serde::Deserialize;
use toml::Spanned;

/// An identity that is programmed. Its length and its layout are those of its row.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FlagSetting {
    /// What people call it; once in a model.
    pub name: String,
    /// What it means to a scheme.
    pub what: SettingWhat,
    /// Which identity.
    pub identity: u16,
    /// When it is written.
    pub phase: Phase,
    /// Whether stored load profiles are lost with it.
    #[serde(default)]
    pub clears_profile: bool,
    /// Whether its layout is the simulator's own: never written to a real meter.
    #[serde(default)]
    pub provisional: bool,
    /// How sure it is that it can be written, and how.
    pub fact: SourcedFact,
}

/// What goes along with all programming.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProgrammingModel {
    /// The access level that it needs.
    pub level: u8,
    /// The identity that takes the operator's name before anything else.
    pub operator: Option<u16>,
    /// The identity that begins with the counter of programming sessions: two octets, low first.
    pub counter: Option<u16>,
    /// The code of a register that counts nothing.
    pub unused_source: u8,
    /// How sure.
    pub fact: SourcedFact,
}

/// What a simulated meter says of itself, and no real one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProvisionalMark {
    /// Where it stands.
    pub identity: u16,
    /// What stands there.
    pub text: String,
}

/// Notes what is wrong with the settings of a file.
pub(super) fn check_settings(file: &FlagFile, notes: &mut Notebook) {
    let mut names: Vec<&str> = Vec::new();
    for item in file.setting.iter().take(ROWS_MAX) {
        check_setting(item, file, &names, notes);
        names.push(&item.as_ref().name);
    }
    if let Some(programming) = &file.programming {
        if programming.level > LEVEL_MAX {
            let remedy = "use a level from 0 to 3";
            notes.note_word(
                "[programming]",
                "programming.level",
                "there is no such level",
                remedy,
            );
        }
        for number in programming.operator.iter().chain(&programming.counter) {
            if !has(file, *number) {
                let problem = format!("there is no identity {number:03}");
                notes.note_word("[programming]", "programming", problem, "add its row");
            }
        }
    } else if let Some(first) = file.setting.first() {
        let remedy = "say level and counter in `[programming]`";
        notes.note(
            &first.span(),
            "setting",
            "nothing is said of programming",
            remedy,
        );
    }
}

fn check_setting(
    item: &Spanned<FlagSetting>,
    file: &FlagFile,
    names: &[&str],
    notes: &mut Notebook,
) {
    let (setting, at) = (item.as_ref(), item.span());
    let key = format!("setting {}", setting.name);
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if setting.name.is_empty() || !setting.name.bytes().all(word) {
        notes.note(
            &at,
            "setting.name",
            "the name is no word",
            "use a-z, 0-9 and -",
        );
    }
    if names.contains(&setting.name.as_str()) {
        notes.note(&at, key.as_str(), "the name stands twice", "rename one");
    }
    let mut rows = file.identity.iter().map(Spanned::as_ref);
    let mut rows = rows
        .by_ref()
        .filter(|row| row.number == setting.identity)
        .peekable();
    if rows.peek().is_none() {
        let problem = format!("there is no identity {:03}", setting.identity);
        notes.note(&at, key.as_str(), problem, "add its row");
    }
    if rows.any(|row| row.octets == 0 || row.sets != 1 || row.read.is_none()) {
        let problem = "what cannot be read back is not written";
        notes.note(
            &at,
            key.as_str(),
            problem,
            "give its row `octets` and `read`, and one set",
        );
    }
    if setting.clears_profile && setting.phase < Phase::Destructive {
        let problem = "it loses load profiles, and comes before what does";
        notes.note(
            &at,
            key.as_str(),
            problem,
            "give it `phase = \"destructive\"`",
        );
    }
    if setting.provisional && file.provisional.is_none() {
        let problem = "its layout is the simulator's own, and nothing tells a simulated meter";
        notes.note(
            &at,
            key.as_str(),
            problem,
            "add `[provisional]` with identity and text",
        );
    }
}

fn has(file: &FlagFile, number: u16) -> bool {
    file.identity
        .iter()
        .any(|row| row.as_ref().number == number)
}

#[cfg(test)]
mod tests {
    use crate::catalogue::Catalogue;

    const SHIPPED: &str = include_str!("../../../../../../config/meter-models/elster-a1140.toml");
    const NAME: &str = "name = \"rate-sources\"";

    #[track_caller]
    fn check(from: &str, to: &str, complaint: &str) {
        assert!(SHIPPED.contains(from), "{from}");
        let text = SHIPPED.replacen(from, to, 1);
        let told = Catalogue::parse(&[("elster-a1140.toml", &text)]).unwrap_err();
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|line| line.contains(complaint)), "{told:?}");
    }

    #[test]
    fn a_setting_that_cannot_be_read_back_or_names_nothing_is_refused() {
        check(
            NAME,
            "name = \"scheme-name\"",
            "setting scheme-name: the name stands twice",
        );
        check(NAME, "name = \"Rates\"", "the name is no word");
        check(
            "identity = 667\nphase",
            "identity = 666\nphase",
            "there is no identity 666",
        );
        check(
            "identity = 667\nphase",
            "identity = 655\nphase",
            "cannot be read back",
        );
        check("identity = 667\nphase", "identity = 543\nphase", "one set");
        check(
            "phase = \"tariff\"",
            "phase = \"tariff\"\nclears-profile = true",
            "phase = \"destructive\"",
        );
        check(
            "phase = \"tariff\"",
            "phase = \"tariff\"\nprovisional = true",
            "nothing tells a simulated meter",
        );
        check(
            "open CX GX2: the operator",
            "open CX ZZ: the operator",
            "`ZZ` is no key of `sources`",
        );
        check(
            "operator = 576",
            "operator = 575",
            "there is no identity 575",
        );
        check(
            "[programming]\nlevel = 3",
            "[programming]\nlevel = 4",
            "there is no such level",
        );
    }
}
