//! The password of a meter: a file of its own, that only its owner and group may read.

use super::super::complaint::Notebook;
use super::super::flag_meter::Access;
use super::super::private_file::{Trouble, private_line};
use super::FlagReader;
use iec62056_21::codec::Password;
use meters::catalogue::flag::LogOnStyle;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// An Elster password has so many characters.
const ELSTER_CHARACTERS: usize = 8;

impl FlagReader<'_> {
    pub(super) fn access(&self, notes: &mut Notebook) -> Option<Access> {
        let usual = self.model.session.read_level;
        let Some(file) = &self.file.access else {
            return Some(Access::without_password(usual));
        };
        let level = match &file.as_ref().level {
            None => usual,
            Some(level) if *level.as_ref() <= 3 => *level.as_ref(),
            Some(level) => {
                let problem = format!("{} is no access level", level.as_ref());
                let remedy = "use 0 to 3, as the password was made for";
                self.complain(level.span(), "access.level", problem, remedy, notes);
                return None;
            }
        };
        let Some(path) = &file.as_ref().password_file else {
            return Some(Access::without_password(level));
        };
        let place = self.reader.folder.join(path.as_ref());
        match self.password(&place) {
            Ok((password, written)) => Some(Access {
                level,
                password: Some(password),
                file: Some(place),
                written,
            }),
            Err(trouble) => {
                self.complain_of_file(path, &place, &trouble, notes);
                None
            }
        }
    }

    fn complain_of_file(
        &self,
        path: &Spanned<PathBuf>,
        place: &Path,
        trouble: &Trouble,
        notes: &mut Notebook,
    ) {
        let problem = format!("{}: {}", place.display(), trouble.problem);
        let (span, key) = (path.span(), "access.password-file");
        self.complain(span, key, problem, trouble.remedy.clone(), notes);
    }

    /// The password, and when its file was written. Nothing of what it holds gets into a complaint.
    fn password(&self, place: &Path) -> Result<(Password, i128), Trouble> {
        let (text, written) = private_line(place)?;
        let is_elster = matches!(
            self.model.session.log_on,
            LogOnStyle::Elster | LogOnStyle::ElsterPublicFirst
        );
        let count = text.chars().count();
        if is_elster && count != ELSTER_CHARACTERS {
            return Err(Trouble {
                problem: format!("holds {count} characters"),
                remedy: format!("a password of {} has eight", self.model.id),
            });
        }
        let password = Password::new(&text).map_err(|error| Trouble {
            problem: error.to_string(),
            remedy: "write the password alone into it, in one line".to_owned(),
        })?;
        Ok((password, written))
    }
}
