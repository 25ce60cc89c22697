//! Pages without a published layout: images of golden meters, recorded writes.

use super::meter::check_direct_meter;
use super::print;
use crate::adapters::files::read_text;
use crate::adapters::replace::write_new;
use crate::arguments::{
    CloneCommand, CloneReadArguments, DirectArguments, ImportWritesArguments, WriteSetCommand,
};
use crate::errand::{Errand, unexpected};
use crate::limits::{PAGES_BYTES_MAX, RECORDING_BYTES_MAX};
use crate::show::pages::{Compared, left_out_text, shown_image, shown_set, what_was_left_out};
use anyhow::{Context, Result, bail};
use authority::LibraryName;
use desk::{GatewayDesk, GoldenResult, Outcome, WantedPage, Work};
use meters::catalogue::Complaint;
use meters::program::{GoldenImage, PageForm, WriteSet};
use serde_json::json;
use std::path::Path;

pub(super) async fn clone<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    command: &CloneCommand,
    direct: &DirectArguments,
) -> Result<bool> {
    match command {
        CloneCommand::Read(arguments) => {
            check_direct_meter(Some(&arguments.meter), direct)?;
            read(errand, arguments).await
        }
        CloneCommand::Show { file } => {
            let (text, value) = shown_image(&image(file)?);
            answer(errand, &text, &value)?;
            Ok(true)
        }
        CloneCommand::Diff {
            first,
            second,
            meter,
        } => {
            let first = image(first)?;
            let second = match (second, meter) {
                (Some(second), _) => image(second)?,
                (None, Some(meter)) => {
                    check_direct_meter(Some(meter), direct)?;
                    match held_now(errand, &first, meter.as_str()).await? {
                        Some(image) => image,
                        None => return Ok(false),
                    }
                }
                (None, None) => bail!("name a second file, or a meter with --meter"),
            };
            let compared = Compared::images(&first, &second);
            answer(errand, &compared.text(), &compared.value())?;
            Ok(compared.is_same())
        }
    }
}

/// Writes the pages of a golden meter to a file. `false`: the meter has refused some of them.
async fn read<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    arguments: &CloneReadArguments,
) -> Result<bool> {
    let out = &arguments.out;
    refuse_existing(out, arguments.force)?;
    let name = name_of(arguments.name.as_ref(), out)?;
    let pages: Vec<WantedPage> = arguments.pages.iter().map(|page| page.0.clone()).collect();
    let work = Work::GoldenPages {
        meter: arguments.meter.to_string(),
        pages,
        without: arguments.without.clone(),
    };
    let Some((mut image, result)) = golden(errand, work).await? else {
        return Ok(false);
    };
    if image.pages.is_empty() {
        bail!(
            "the meter gave no page; `pmuctl meter ping {}` tells whether its password is right",
            arguments.meter
        );
    }
    image.name = name;
    write_new(out, &image.to_text(), arguments.force)?;
    errand.console.remark(&left_out_text(&result.left_out))?;
    let text = format!(
        "{} pages of {} ({}) are in {}\n",
        image.pages.len(),
        arguments.meter,
        image.firmware,
        out.display()
    );
    let (_, mut value) = shown_image(&image);
    if let Some(map) = value.as_object_mut() {
        map.insert("left-out".to_owned(), json!(result.left_out));
    }
    answer(errand, &text, &value)?;
    let has_refused = result.left_out.iter().any(|left| left.refused.is_some());
    Ok(!has_refused)
}

/// The pages of an image as a meter holds them now.
async fn held_now<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    image: &GoldenImage,
    meter: &str,
) -> Result<Option<GoldenImage>> {
    let pages = image.pages.iter().map(|(page, _)| WantedPage {
        name: page.name.clone(),
        identity: page.identity,
        octets: page.octets,
    });
    let work = Work::GoldenPages {
        meter: meter.to_owned(),
        pages: pages.collect(),
        without: Vec::new(),
    };
    let Some((mut now, result)) = golden(errand, work).await? else {
        return Ok(None);
    };
    let is_in = |identity| {
        image
            .pages
            .iter()
            .any(|(page, _)| page.identity == identity)
    };
    now.pages.retain(|(page, _)| is_in(page.identity));
    let left_out = result.left_out.into_iter();
    let left_out: Vec<_> = left_out.filter(|left| is_in(left.identity)).collect();
    errand.console.remark(&left_out_text(&left_out))?;
    Ok(Some(now))
}

/// What a gateway read; its digest is proven. Nothing where the work brought nothing, which was shown.
async fn golden<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    work: Work,
) -> Result<Option<(GoldenImage, GoldenResult)>> {
    match errand.outcome(work).await? {
        None => Ok(None),
        Some(Outcome::GoldenPages(result)) => {
            let image = GoldenImage::parse("the gateway's answer", &result.image);
            Ok(Some((
                image.map_err(|complaints| joined(&complaints))?,
                result,
            )))
        }
        Some(_) => bail!(unexpected()),
    }
}

pub(super) fn write_set(
    command: &WriteSetCommand,
    direct: &DirectArguments,
    json: bool,
) -> Result<bool> {
    let say = |text: &str, value: &serde_json::Value| {
        if json {
            print(&format!("{value}\n"))
        } else {
            print(text)
        }
    };
    match command {
        WriteSetCommand::Import(arguments) => {
            let (text, value) = import(arguments, direct)?;
            say(&text, &value)?;
            Ok(true)
        }
        WriteSetCommand::Show { file } => {
            let (text, value) = shown_set(&set(file)?);
            say(&text, &value)?;
            Ok(true)
        }
        WriteSetCommand::Diff { first, second } => {
            let compared = Compared::sets(&set(first)?, &set(second)?);
            say(&compared.text(), &compared.value())?;
            Ok(compared.is_same())
        }
    }
}

fn import(
    arguments: &ImportWritesArguments,
    direct: &DirectArguments,
) -> Result<(String, serde_json::Value)> {
    let out = &arguments.out;
    refuse_existing(out, arguments.force)?;
    let (model, firmware) = match &arguments.like {
        Some(file) => {
            let image = image(file)?;
            (image.model, image.firmware)
        }
        None => direct
            .model
            .clone()
            .zip(arguments.firmware.clone())
            .context(
                "the set must say for which meters it is: give --like with a golden image of such a \
                 meter, or --model and --firmware",
            )?,
    };
    let recording = arguments.recording.display().to_string();
    let head = WriteSet {
        name: name_of(arguments.name.as_ref(), out)?,
        model,
        firmware,
        source: arguments
            .source
            .clone()
            .unwrap_or_else(|| recording.clone()),
        writes: Vec::new(),
    };
    let secrets = match &direct.password_file {
        Some(file) => vec![read_text(file, PAGES_BYTES_MAX)?.trim().to_owned()],
        None => Vec::new(),
    };
    let text = read_text(&arguments.recording, RECORDING_BYTES_MAX)?;
    let (mut set, left_out) = WriteSet::from_recording(&head, &recording, &text, &secrets)
        .map_err(|complaints| joined(&complaints))?;
    set.writes
        .retain(|write| !arguments.without.contains(&write.identity));
    if set.writes.is_empty() {
        bail!("{recording}: no write of a setting is in it; record a session of programming");
    }
    write_new(out, &set.to_text(), arguments.force)?;
    let (words, list) = what_was_left_out(&left_out);
    let text = format!(
        "{} writes are in {}\n{words}",
        set.writes.len(),
        out.display()
    );
    let (_, mut value) = shown_set(&set);
    if let Some(map) = value.as_object_mut() {
        map.insert("left-out".to_owned(), list);
    }
    Ok((text, value))
}

/// Minutes of reading are not to end with this complaint.
fn refuse_existing(out: &Path, may_replace: bool) -> Result<()> {
    if out.exists() && !may_replace {
        bail!(
            "{}: this file exists; name another one, or replace it with --force",
            out.display()
        );
    }
    Ok(())
}

/// Under which name a library is to keep it.
fn name_of(name: Option<&LibraryName>, out: &Path) -> Result<String> {
    if let Some(name) = name {
        return Ok(name.to_string());
    }
    let stem = out.file_stem().unwrap_or_default().to_string_lossy();
    let name: Result<LibraryName, _> = stem.parse();
    let name = name.with_context(|| format!("give a name with --name: `{stem}` is none"))?;
    Ok(name.to_string())
}

fn image(path: &Path) -> Result<GoldenImage> {
    let text = read_text(path, PAGES_BYTES_MAX)?;
    let name = path.display().to_string();
    if PageForm::of(&text) == Some(PageForm::WriteSet) {
        bail!("{name}: this is a write set; use `pmuctl write-set`");
    }
    GoldenImage::parse(&name, &text).map_err(|complaints| joined(&complaints))
}

fn set(path: &Path) -> Result<WriteSet> {
    let text = read_text(path, PAGES_BYTES_MAX)?;
    let name = path.display().to_string();
    if PageForm::of(&text) == Some(PageForm::GoldenImage) {
        bail!("{name}: this is an image of a golden meter; use `pmuctl clone`");
    }
    WriteSet::parse(&name, &text).map_err(|complaints| joined(&complaints))
}

fn joined(complaints: &[Complaint]) -> anyhow::Error {
    let complaints: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    anyhow::Error::msg(complaints.join("\n"))
}

fn answer<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    text: &str,
    value: &serde_json::Value,
) -> Result<()> {
    if errand.is_json {
        return errand.say_json(value);
    }
    Ok(errand.console.say(text)?)
}
