//! `roles.toml`: which role has which rights.

use super::{Right, Role};
use crate::limits::ROLES_FILE_BYTES_MAX;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;

/// Which role has which rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRights(BTreeMap<Role, BTreeSet<Right>>);

/// A file of roles that cannot be used: where, which key, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {key}: {problem}; {remedy}")]
pub struct RolesComplaint {
    /// The file's name as the caller gave it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The key there.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    roles: BTreeMap<Spanned<String>, RoleText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleText {
    rights: Spanned<Vec<Spanned<String>>>,
}

impl RoleRights {
    /// What the shipped `config/roles.toml` says.
    pub fn shipped() -> Self {
        use Right::{Approve, Control, Edit, People, Secure, View};
        let rights = |rights: &[Right]| rights.iter().copied().collect();
        Self(BTreeMap::from([
            (Role::Viewer, rights(&[View])),
            (Role::Operator, rights(&[View, Control, Edit])),
            (Role::Approver, rights(&[View, Approve])),
            (
                Role::Administrator,
                rights(&[View, Control, Edit, Secure, Approve, People]),
            ),
        ]))
    }

    /// Whether a role has a right.
    pub fn has(&self, role: Role, right: Right) -> bool {
        self.0
            .get(&role)
            .is_some_and(|rights| rights.contains(&right))
    }

    /// Reads the file. All four roles stand in it, and the administrator keeps what it takes to
    /// mend the file's mistakes.
    pub fn parse(file: &str, text: &str) -> Result<Self, RolesComplaint> {
        let complaint = |at: usize, key: &str, problem: String, remedy: &str| RolesComplaint {
            file: file.to_owned(),
            line: line_of(text, at),
            key: key.to_owned(),
            problem,
            remedy: remedy.to_owned(),
        };
        if text.len() > ROLES_FILE_BYTES_MAX {
            let problem = format!("the file has {} bytes", text.len());
            let remedy = format!("keep it below {ROLES_FILE_BYTES_MAX}");
            return Err(complaint(0, "roles", problem, &remedy));
        }
        let found: FileText = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let problem = error.message().replace('\n', " ");
            let remedy = "write `[roles.operator]` and below it `rights = [\"view\"]`";
            complaint(at, "roles", problem, remedy)
        })?;
        let mut roles = BTreeMap::new();
        for (name, role) in found.roles {
            let key = format!("roles.{}", name.get_ref());
            let known = Role::from_word(name.get_ref()).ok_or_else(|| {
                let remedy = format!("use one of {}", words(Role::ALL.map(Role::word)));
                complaint(name.span().start, &key, "no such role".to_owned(), &remedy)
            })?;
            let mut rights = BTreeSet::new();
            for word in role.rights.get_ref() {
                let key = format!("{key}.rights");
                let at = word.span().start;
                let right = Right::from_word(word.get_ref()).ok_or_else(|| {
                    let problem = format!("no such right: {:?}", word.get_ref());
                    let remedy = format!("use {}", words(Right::ALL.map(Right::word)));
                    complaint(at, &key, problem, &remedy)
                })?;
                if !rights.insert(right) {
                    let problem = format!("{right} stands there twice");
                    return Err(complaint(at, &key, problem, "remove one of the two"));
                }
            }
            roles.insert(known, rights);
        }
        let rights = Self(roles);
        if let Some(missing) = Role::ALL
            .into_iter()
            .find(|role| !rights.0.contains_key(role))
        {
            let (key, problem) = (format!("roles.{missing}"), "the role is missing".to_owned());
            let remedy = format!("add [{key}] with its rights; an empty list gives none");
            return Err(complaint(0, &key, problem, &remedy));
        }
        for right in [Right::View, Right::Secure, Right::People] {
            if !rights.has(Role::Administrator, right) {
                let (key, problem) = ("roles.administrator.rights", format!("{right} is missing"));
                let remedy = format!("add \"{right}\": without it nobody could mend this file");
                let at = text.find("[roles.administrator]").unwrap_or_default();
                return Err(complaint(at, key, problem, &remedy));
            }
        }
        Ok(rights)
    }
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.bytes().take(at);
    before.filter(|byte| *byte == b'\n').count() + 1
}

fn words<const N: usize>(words: [&str; N]) -> String {
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Path;

    const REST: &str = "[roles.viewer]\nrights = [\"view\"]\n[roles.approver]\nrights = [\"approve\"]\n\
        [roles.administrator]\nrights = [\"view\", \"secure\", \"people\"]\n";

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = match RoleRights::parse("roles.toml", text) {
            Ok(_) => "good".to_owned(),
            Err(complaint) => complaint.to_string(),
        };
        assert!(found.starts_with(expected), "{found}");
    }

    #[test]
    fn complaints_name_line_key_and_remedy() {
        let operator = |rights: &str| format!("{REST}[roles.operator]\nrights = {rights}\n");
        check(&operator("[\"view\", \"control\"]"), "good");
        check(&operator("[]"), "good");
        check(
            &operator("[\"view\", \"fly\"]"),
            "roles.toml:8: roles.operator.rights: no such right: \"fly\"; use view, control, edit, secure, approve, people",
        );
        check(
            &operator("[\"view\",\n \"view\"]"),
            "roles.toml:9: roles.operator.rights: view stands there twice; remove one of the two",
        );
        check(
            REST,
            "roles.toml:1: roles.operator: the role is missing; add [roles.operator]",
        );
        check(
            &format!("{REST}[roles.king]\nrights = []\n"),
            "roles.toml:7: roles.king: no such role; use one of viewer, operator, approver, administrator",
        );
        check("hello", "roles.toml:1: roles: ");
        check(
            &format!("{}more = 1\n", operator("[]")),
            "roles.toml:9: roles: unknown field",
        );
        check(
            &" ".repeat(20_000),
            "roles.toml:1: roles: the file has 20000 bytes; keep it below",
        );
        let weak = operator("[]").replace("\"secure\", ", "");
        check(
            &weak,
            "roles.toml:5: roles.administrator.rights: secure is missing; add \"secure\"",
        );
    }

    #[test]
    fn the_shipped_file_says_what_the_program_takes_for_shipped() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../config/roles.toml");
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(
            RoleRights::parse("roles.toml", &text),
            Ok(RoleRights::shipped())
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\[roles\\.[a-z]{0,8}\\]\n|rights = \\[(\"[a-z]{0,7}\",?){0,3}\\]\n|é|#|\n){0,12}") {
            drop(RoleRights::parse("roles.toml", &text));
        }
    }
}
