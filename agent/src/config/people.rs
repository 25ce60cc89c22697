//! People: what each role may do.

use super::complaint::{Complaint, Notebook};
use authority::RoleRights;
use authority::limits::ROLES_FILE_BYTES_MAX;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use toml::Spanned;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct PeopleFile {
    roles_file: Option<Spanned<PathBuf>>,
}

impl PeopleFile {
    /// What the file of roles says, or what this program was built with where none is named. A relative
    /// name lies beside the configuration.
    pub(crate) fn rights(&self, folder: &Path, notes: &mut Notebook) -> RoleRights {
        let Some(named) = &self.roles_file else {
            return RoleRights::shipped();
        };
        let file = folder.join(named.get_ref());
        let name = file.display().to_string();
        match read(&file) {
            Ok(text) => RoleRights::parse(&name, &text).unwrap_or_else(|found| {
                notes.add(Complaint {
                    file: found.file,
                    line: found.line,
                    key: found.key,
                    problem: found.problem,
                    remedy: found.remedy,
                });
                RoleRights::shipped()
            }),
            Err(error) => {
                let remedy = "put the file there (/usr/share/pmu/roles.toml is the shipped one), or leave the key away";
                notes.note(
                    named.span(),
                    "people.roles-file",
                    format!("{name}: {error}"),
                    remedy,
                );
                RoleRights::shipped()
            }
        }
    }
}

/// One octet more than may be there makes it unreadable.
fn read(file: &Path) -> io::Result<String> {
    let most = u64::try_from(ROLES_FILE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut text = String::new();
    File::open(file)?
        .take(most.saturating_add(1))
        .read_to_string(&mut text)?;
    Ok(text)
}
