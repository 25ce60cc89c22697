//! A new meter in the configuration.

use crate::adapters::agent_program::{self, Judgement, judge};
use crate::adapters::replace::{Replacement, Step};
use crate::adapters::terminal;
use crate::arguments::AddArguments;
use crate::entry::{DlmsKeys, NewEntry};
use crate::errand::{Errand, unexpected};
use crate::limits::CONFIGURATION_BYTES_MAX;
use anyhow::{Context, Result, bail};
use desk::{Answer, GatewayDesk, NewMeter, Request};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(super) async fn run<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    arguments: &AddArguments,
) -> Result<bool> {
    if !arguments.yes && !terminal::has_person() {
        bail!("nobody can be asked here; look at the entry at a terminal first, or say --yes");
    }
    let path = configuration(errand, arguments.config.as_deref()).await?;
    let entry = entry(arguments)?;
    let replacement = Replacement::of(&path, CONFIGURATION_BYTES_MAX)?;
    let shown = replacement.path().to_owned();
    let text = entry
        .appended_to(replacement.text())
        .with_context(|| shown.display().to_string())?;
    let mut at = |_: Step| -> io::Result<()> { Ok(()) };
    replacement.write(&text, &mut at)?;
    let program = agent_program::find();
    let judgement = judge(program.as_deref(), replacement.aside(), &shown).await;
    let entry = entry.text();
    let words = match judgement {
        Judgement::Bad(words) => bail!(
            "{}: nothing was written, because with this entry\n{entry}\npmu-agent says:\n{words}",
            shown.display()
        ),
        Judgement::Good => "pmu-agent check: the configuration is good\n".to_owned(),
        Judgement::None(why) => format!("note: nobody has checked the new text: {why}\n"),
    };
    errand.console.remark(&format!(
        "this goes to the end of {}:\n\n{entry}\n{words}",
        shown.display()
    ))?;
    if !arguments.yes && !errand.is_yes("write it?").await? {
        errand.console.remark("nothing was written\n")?;
        return Ok(false);
    }
    replacement.finish(&mut at)?;
    if errand.is_json {
        errand.say_json(&shown)?;
    } else {
        errand.console.say(&format!(
            "{} is in {}; now: systemctl reload pmu-agent\n",
            arguments.id,
            shown.display()
        ))?;
    }
    Ok(true)
}

/// The file that is named, or the one that the gateway runs with.
async fn configuration<D: GatewayDesk>(
    errand: &Errand<'_, D>,
    named: Option<&Path>,
) -> Result<PathBuf> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let answer = errand.ask(Request::Configuration).await;
    let answer = answer.context("which configuration is meant? name it with --config")?;
    let Answer::Configuration(path) = answer else {
        bail!(unexpected());
    };
    let path = PathBuf::from(path);
    if path.is_relative() {
        bail!(
            "the gateway runs with {}, and from here that is another file; name it with --config",
            path.display()
        );
    }
    Ok(path)
}

fn entry(arguments: &AddArguments) -> Result<NewEntry> {
    if arguments.level.is_some() && arguments.password_file.is_none() {
        bail!("--level says what a password opens; name its file with --password-file as well");
    }
    if arguments.level.is_some() && arguments.association.is_some() {
        bail!("a DLMS meter has no levels by number; its association says what is proven");
    }
    let password_file = arguments.password_file.as_deref().map(|file| {
        fs::canonicalize(file).with_context(|| format!("{}: there is no such file", file.display()))
    });
    Ok(NewEntry {
        meter: NewMeter {
            id: arguments.id.to_string(),
            bus: arguments.bus.to_string(),
            model: arguments.model.clone(),
            unit: arguments.unit,
            address: arguments.address.clone(),
            serial: arguments.serial.clone(),
        },
        level: arguments.level,
        password_file: password_file.transpose()?,
        dlms: arguments.association.clone().map(|association| DlmsKeys {
            association,
            client: arguments.client,
            suite: arguments.suite,
            wrapper: arguments.wrapper,
        }),
    })
}
