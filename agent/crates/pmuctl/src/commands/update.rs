//! `pmuctl update`: orders go to the gateway, which carries them out alone.

use crate::arguments::UpdateCommand;
use crate::errand::{Errand, unexpected};
use crate::limits::JOB_LOOK_EVERY;
use crate::show::update::progress;
use anyhow::{Context, Result, bail};
use desk::{Answer, GatewayDesk, Request, UpdateStatus, UpdateWish};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use tokio::time::sleep;

/// Does what was asked. `false`: it was not done.
pub(super) async fn run<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    command: &UpdateCommand,
) -> Result<bool> {
    let wish = match command {
        UpdateCommand::Status => {
            let request = Request::Update {
                wish: UpdateWish::Status,
            };
            return errand.simple(request).await;
        }
        UpdateCommand::Install { file } => order_of(file)?,
        UpdateCommand::Fetch {
            sha256, bytes, url, ..
        } => UpdateWish::Fetch {
            url: url.clone(),
            sha256: sha256.clone(),
            bytes: *bytes,
        },
        UpdateCommand::Cancel => UpdateWish::Cancel,
        UpdateCommand::Commit => UpdateWish::Commit,
        UpdateCommand::Rollback => UpdateWish::Rollback,
    };
    let is_cancel = wish == UpdateWish::Cancel;
    let mut status = errand.update(wish).await?;
    if let UpdateCommand::Fetch { leave: true, .. } = command {
        if errand.is_json {
            errand.say_json(&status)?;
            return Ok(true);
        }
        errand
            .console
            .say("the gateway has taken the order; `pmuctl update status` shows it\n")?;
        return Ok(true);
    }
    while status.is_busy {
        if let Some(order) = &status.order {
            errand.console.progress(&progress(order))?;
        }
        tokio::select! {
            () = errand.wishes.stop.cancelled() => bail!(
                "left; the gateway goes on: `pmuctl update status` shows it, \
                 `pmuctl update cancel` ends it"
            ),
            () = sleep(JOB_LOOK_EVERY) => {}
        }
        status = errand.update(UpdateWish::Status).await?;
    }
    errand.console.end_progress()?;
    if errand.is_json {
        errand.say_json(&status)?;
    } else if let Some(last) = &status.last {
        errand
            .console
            .say(&format!("{}\n", crate::plain(&last.words, 1000)))?;
    }
    Ok(is_cancel || status.last.is_some_and(|last| last.is_well))
}

impl<D: GatewayDesk> Errand<'_, D> {
    async fn update(&mut self, wish: UpdateWish) -> Result<UpdateStatus> {
        match self.ask(Request::Update { wish }).await? {
            Answer::Update(status) => Ok(*status),
            _ => Err(unexpected().into()),
        }
    }
}

/// The order of a file: the gateway opens it itself, and holds it to this hash and length.
fn order_of(file: &Path) -> Result<UpdateWish> {
    let words = || {
        format!(
            "{}: cannot be read; name the `.pmuimg` file",
            file.display()
        )
    };
    let file = file.canonicalize().with_context(words)?;
    let mut input = BufReader::new(File::open(&file).with_context(words)?);
    let (mut hash, mut bytes) = (Sha256::new(), 0_u64);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = input.read(&mut buffer).with_context(words)?;
        let (read, _) = buffer.split_at_checked(length).unwrap_or((&[], &[]));
        if read.is_empty() {
            break;
        }
        hash.update(read);
        bytes += u64::try_from(length)?;
    }
    let mut sha256 = String::new();
    for byte in hash.finalize() {
        write!(sha256, "{byte:02x}")?;
    }
    Ok(UpdateWish::Install {
        file: file.display().to_string(),
        sha256,
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_names_the_whole_path_the_hash_and_the_length() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.pmuimg");
        std::fs::write(&file, "abc").unwrap();
        let UpdateWish::Install {
            file: named,
            sha256,
            bytes,
        } = order_of(&file).unwrap()
        else {
            panic!("no order");
        };
        assert!(named.ends_with("a.pmuimg") && named.starts_with('/'));
        assert_eq!(bytes, 3);
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256, expected);
        let missing = order_of(Path::new("/nonexistent")).unwrap_err();
        assert!(missing.to_string().contains("`.pmuimg`"));
    }
}
