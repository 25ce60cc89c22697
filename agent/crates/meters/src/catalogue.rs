//! Meter models as data: what lies where in which meter, and how sure that is.
//!
//! A model is one TOML file, which technicians can read, compare and sign; the gateway reads
//! meters by it and the simulator builds meters from it. Addresses are those on the wire.
//! Codes of net values follow IEC 62056-61: 16.7.0 is active power with its sign (positive =
//! import). It has no such code for net reactive power, which stands under 3.7.0 with its sign.

mod check;
mod check_register;
pub(crate) mod complaint;
pub(crate) mod decimal;
pub mod dlms;
mod encode;
mod encoding;
mod fault;
mod file;
pub mod flag;
mod fuzz;
mod identity;
mod limits;
mod model;
mod phase;
mod register;
mod setting;
mod setting_file;
mod sunspec;

pub use complaint::Complaint;
pub use encode::{Image, image};
pub use encoding::{Absent, Encoding, Layout, Order};
pub use fault::{DecodeFault, EncodeFault};
pub use fuzz::{fuzz_decode, fuzz_model};
pub use identity::{Identify, IdentityCheck, IdentityForm, IdentityValue, What};
pub use model::{Certainty, Doubt, Fact, Limits, LineDefaults, Model, Parity, Protocol};
pub use phase::{Phase, SettingWhat};
pub use register::{Decoded, Kind, Register, ScaleKind, ScaleRegister};
pub use setting::{
    Poke, PokeValue, Setting, SettingFault, SettingForm, SettingPlace, SettingValue, password_words,
};
pub use sunspec::{NotFound, Step, SunSpec, SunSpecBlock, SunSpecWalk};

use complaint::Notebook;
use dlms::DlmsModel;
use flag::FlagModel;
use iec62056_21::codec::Identification;
use limits::{MODEL_FILE_BYTES_MAX, MODELS_MAX};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

/// Every model the gateway knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalogue {
    models: BTreeMap<String, Model>,
    flag_models: BTreeMap<String, FlagModel>,
    dlms_models: BTreeMap<String, DlmsModel>,
}

/// A model of any kind.
enum Loaded {
    Modbus(Box<Model>),
    Flag(Box<FlagModel>),
    Dlms(Box<DlmsModel>),
}

impl Catalogue {
    /// Reads every `*.toml` of a folder.
    pub fn load(folder: &Path) -> Result<Self, Vec<Complaint>> {
        let files = read_folder(folder).map_err(|complaint| vec![complaint])?;
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        Self::parse(&files)
    }

    /// Reads model files from their names and texts. A file's name without folder and `.toml` is
    /// the model's name in the configuration.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, Vec<Complaint>> {
        let mut catalogue = Self::default();
        let mut complaints = Vec::new();
        for (name, text) in files {
            match parse_model(name, text) {
                Ok(Loaded::Modbus(model)) => {
                    catalogue.models.insert(model.id.clone(), *model);
                }
                Ok(Loaded::Flag(model)) => {
                    catalogue.flag_models.insert(model.id.clone(), *model);
                }
                Ok(Loaded::Dlms(model)) => {
                    catalogue.dlms_models.insert(model.id.clone(), *model);
                }
                Err(found) => complaints.extend(found),
            }
        }
        if complaints.is_empty() {
            Ok(catalogue)
        } else {
            Err(complaints)
        }
    }

    /// A Modbus model by its name.
    pub fn model(&self, id: &str) -> Option<&Model> {
        self.models.get(id)
    }

    /// All Modbus models, in the order of their names.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.models.values()
    }

    /// A FLAG model by its name.
    pub fn flag_model(&self, id: &str) -> Option<&FlagModel> {
        self.flag_models.get(id)
    }

    /// All FLAG models, in the order of their names.
    pub fn flag_models(&self) -> impl Iterator<Item = &FlagModel> {
        self.flag_models.values()
    }

    /// A DLMS model by its name.
    pub fn dlms_model(&self, id: &str) -> Option<&DlmsModel> {
        self.dlms_models.get(id)
    }

    /// All DLMS models, in the order of their names.
    pub fn dlms_models(&self) -> impl Iterator<Item = &DlmsModel> {
        self.dlms_models.values()
    }

    /// FLAG models whose meters may have sent an identification, the one that asks for most first.
    /// Several may fit: an A1120 cannot be told from an A1140 by it.
    pub fn flag_models_for(&self, identification: &Identification) -> Vec<&FlagModel> {
        let fitting = self.flag_models.values();
        let mut fitting: Vec<&FlagModel> =
            fitting.filter(|model| model.fits(identification)).collect();
        fitting.sort_by_key(|model| std::cmp::Reverse(model.weight(identification)));
        fitting
    }
}

fn parse_model(name: &str, text: &str) -> Result<Loaded, Vec<Complaint>> {
    let mut notes = Notebook::new(name, text);
    let stem = Path::new(name).file_stem().and_then(OsStr::to_str);
    let id = stem.unwrap_or_default();
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if id.is_empty() || !id.bytes().all(word) {
        notes.note_file(
            "the file's name is no model name",
            "use a-z, 0-9 and - before .toml",
        );
        return Err(notes.into_complaints());
    }
    if text.len() > MODEL_FILE_BYTES_MAX {
        notes.note_file(
            "the file is too large",
            format!("keep it below {MODEL_FILE_BYTES_MAX} bytes"),
        );
        return Err(notes.into_complaints());
    }
    let loaded = match speaks(text) {
        Speaks::Flag => toml::from_str::<flag::FlagFile>(text)
            .map(|file| Loaded::Flag(Box::new(flag::checked(id, file, &mut notes)))),
        Speaks::Dlms => toml::from_str::<dlms::DlmsFile>(text)
            .map(|file| Loaded::Dlms(Box::new(dlms::checked(id, file, &mut notes)))),
        Speaks::Modbus => toml::from_str::<file::ModelFile>(text)
            .map(|file| Loaded::Modbus(Box::new(check::model(id, file, &mut notes)))),
    };
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(error) => {
            notes.note_toml(&error);
            return Err(notes.into_complaints());
        }
    };
    let complaints = notes.into_complaints();
    if complaints.is_empty() {
        Ok(loaded)
    } else {
        Err(complaints)
    }
}

/// The kinds of model files.
enum Speaks {
    Modbus,
    Flag,
    Dlms,
}

/// Which kind a file is of: its own word decides.
fn speaks(text: &str) -> Speaks {
    #[derive(serde::Deserialize)]
    struct Kind {
        protocols: Vec<String>,
    }
    let words = toml::from_str::<Kind>(text).map_or_else(|_| Vec::new(), |kind| kind.protocols);
    let has = |protocol: &str| words.iter().any(|word| word == protocol);
    match (has(flag::PROTOCOL), has(dlms::PROTOCOL)) {
        (true, _) => Speaks::Flag,
        (false, true) => Speaks::Dlms,
        (false, false) => Speaks::Modbus,
    }
}

/// The only IO of the catalogue.
fn read_folder(folder: &Path) -> Result<Vec<(String, String)>, Complaint> {
    let complain = |path: &Path, problem: String, remedy: &str| Complaint {
        file: path.display().to_string(),
        line: 0,
        key: String::new(),
        problem,
        remedy: remedy.to_owned(),
    };
    let unreadable = |error: std::io::Error| {
        let remedy = "correct gateway.model-folder, or let the gateway's user read it";
        complain(folder, error.to_string(), remedy)
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension() == Some(OsStr::new("toml")) {
            paths.push(path);
        }
    }
    if paths.is_empty() || paths.len() > MODELS_MAX {
        let problem = format!("the folder holds {} model files", paths.len());
        return Err(complain(
            folder,
            problem,
            "name a folder with 1 to 500 *.toml files",
        ));
    }
    paths.sort();
    let read = |path: &std::path::PathBuf| match std::fs::read_to_string(path) {
        Ok(text) => Ok((path.display().to_string(), text)),
        Err(error) => Err(complain(
            path,
            error.to_string(),
            "let the gateway's user read it",
        )),
    };
    paths.iter().map(read).collect()
}

#[cfg(test)]
mod tests;
