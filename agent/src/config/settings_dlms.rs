//! Meters that speak DLMS/COSEM: from the file and their model to what the program trusts.

mod sign_on;

use super::complaint::Notebook;
use super::dlms_meter::{DlmsMeter, DlmsPassword, DlmsProof};
use super::file::{DlmsFile, MeterFile};
use super::link::LinkSettings;
use super::meter::{InstantSettings, ProfileSettings, Speaks};
use super::private_file::private_line;
use super::settings::BusSettings;
use super::settings_meter::{Reader, instant};
use super::settings_session::SessionKeys;
use dlms::security::{Secret, Suite};
use line::DataBits;
use metering::{MeterId, Obis};
use meters::catalogue::dlms::{AssociationModel, DlmsModel, DlmsRegister, HdlcModel, LevelModel};
use meters::dlms::DlmsPlace;
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;

/// One meter of the file.
pub(super) struct DlmsReader<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) file: &'a MeterFile,
    pub(super) id: &'a MeterId,
    pub(super) bus: &'a BusSettings,
    pub(super) model: &'a Arc<DlmsModel>,
}

impl DlmsReader<'_> {
    pub(super) fn read(
        &self,
        notes: &mut Notebook,
    ) -> Option<(Speaks, Option<ProfileSettings>, Option<InstantSettings>)> {
        self.refuse_keys(notes);
        self.refuse_line(notes);
        let session = SessionKeys {
            file: self.file,
            id: self.id,
            demonstration: self.reader.demonstration,
        };
        let clock = session.clock(&self.model.id, false, notes);
        let collect = session.collect(notes);
        let association = self.association(notes);
        let place = self.place(notes);
        let sign_on = self.sign_on(place, notes);
        let association = association?;
        let proof = self.proof(association, notes);
        let dlms = DlmsMeter {
            model: Arc::clone(self.model),
            association: association.clone(),
            client: self
                .keys()
                .and_then(|keys| keys.client.as_ref().map(|client| *client.as_ref())),
            place: place?,
            sign_on: sign_on?,
            proof: proof?,
            clock: clock?,
            collect,
        };
        let usual: Vec<Obis> = self
            .model
            .default_registers()
            .map(DlmsRegister::code)
            .collect();
        let known = |obis: Obis| self.model.registers.iter().any(|item| item.code() == obis);
        let instant = self
            .file
            .instant
            .as_ref()
            .and_then(|file| instant(file, self.id, &self.model.id, (&usual, &known), notes));
        Some((Speaks::Dlms(Box::new(dlms)), None, instant))
    }

    fn keys(&self) -> Option<&DlmsFile> {
        self.file.dlms.as_ref().map(Spanned::as_ref)
    }

    /// Where the table `dlms` stands, or else the meter.
    fn own_span(&self) -> Range<usize> {
        let table = self.file.dlms.as_ref().map(Spanned::span);
        table.unwrap_or_else(|| self.file.id.span())
    }

    fn complain(
        &self,
        span: Range<usize>,
        key: &str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
        notes: &mut Notebook,
    ) {
        notes.note(span, format!("meter {}.{key}", self.id), problem, remedy);
    }

    fn refuse_keys(&self, notes: &mut Notebook) {
        fn at<T>(value: Option<&Spanned<T>>) -> Option<Range<usize>> {
            value.map(Spanned::span)
        }
        let keys = [
            (
                "unit",
                at(self.file.unit.as_ref()),
                "write dlms.lower-address",
            ),
            (
                "address",
                at(self.file.address.as_ref()),
                "write dlms.lower-address",
            ),
            (
                "number",
                at(self.file.number.as_ref()),
                "remove it: such meters are not dialled yet",
            ),
            (
                "access",
                at(self.file.access.as_ref()),
                "write dlms.association and dlms.password-file",
            ),
            (
                "line",
                at(self.file.line.as_ref()),
                "remove it: the bus says how the line is set",
            ),
            (
                "profile",
                at(self.file.profile.as_ref()),
                "remove it: the meter's own load profile is read, `collect` says how often",
            ),
        ];
        for (key, span, remedy) in keys {
            if let Some(span) = span {
                let problem = format!("means nothing for {}", self.model.id);
                self.complain(span, key, problem, remedy, notes);
            }
        }
    }

    /// Lines that carry no DLMS.
    fn refuse_line(&self, notes: &mut Notebook) {
        let kind = match &self.bus.link {
            LinkSettings::ModbusTcp { .. } => Some("Modbus TCP"),
            LinkSettings::Optical(_) => Some("an optical head of FLAG meters"),
            LinkSettings::Modem(_) => Some("a modem"),
            LinkSettings::Pad(_) => Some("a PAD"),
            _ => None,
        };
        let span = self.file.bus.span();
        if let Some(kind) = kind {
            let problem = format!("{kind} carries no DLMS here");
            let remedy = "put it on a serial line or a serial server";
            self.complain(span.clone(), "bus", problem, remedy, notes);
        }
        let seven = |line: &line::LineSettings| line.data_bits == DataBits::Seven;
        if self.bus.link.line().is_some_and(seven) {
            let problem = format!(
                "bus {} has seven data bits, and HDLC needs eight",
                self.bus.id
            );
            let remedy = "set data-bits = 8 and parity = \"none\"";
            self.complain(span, "bus", problem, remedy, notes);
        }
    }

    fn association(&self, notes: &mut Notebook) -> Option<&AssociationModel> {
        let known: Vec<&str> = self
            .model
            .associations
            .iter()
            .map(|item| item.name.as_str())
            .collect();
        let offered = format!("use one of: {}", known.join(", "));
        let Some(name) = self.keys().and_then(|keys| keys.association.as_ref()) else {
            self.complain(
                self.own_span(),
                "dlms.association",
                "is missing",
                offered,
                notes,
            );
            return None;
        };
        let found = self.model.association(name.as_ref());
        if found.is_none() {
            let problem = format!("{} has no association `{}`", self.model.id, name.as_ref());
            self.complain(name.span(), "dlms.association", problem, offered, notes);
        }
        found
    }

    fn place(&self, notes: &mut Notebook) -> Option<DlmsPlace> {
        let keys = self.keys();
        let lower = keys.and_then(|keys| keys.lower_address.as_ref());
        if keys.is_some_and(|keys| keys.wrapper) {
            if let Some(lower) = lower {
                let problem = "means nothing behind the wrapper";
                self.complain(
                    lower.span(),
                    "dlms.lower-address",
                    problem,
                    "remove it",
                    notes,
                );
            }
            return self.behind_wrapper(notes);
        }
        let Some(hdlc) = &self.model.hdlc else {
            let problem = format!("{} is not known to speak HDLC", self.model.id);
            self.complain(
                self.own_span(),
                "dlms",
                problem,
                "write wrapper = true",
                notes,
            );
            return None;
        };
        let own = lower.map(|lower| *lower.as_ref());
        let own = own.or_else(|| self.lower_from_serial(hdlc));
        if hdlc.address(own).is_none() {
            let span = lower.map_or_else(|| self.own_span(), Spanned::span);
            let (problem, remedy) = match own {
                Some(_) => (
                    "is too large",
                    "use the lower address as the meter has it, 1 to 16381; 1 to 125 where addresses have two octets",
                ),
                None => (
                    "is missing",
                    "write lower-address = 17, as the meter has it; often it is made of the last digits of its serial number",
                ),
            };
            self.complain(span, "dlms.lower-address", problem, remedy, notes);
            return None;
        }
        Some(DlmsPlace::Hdlc { lower: own })
    }

    fn behind_wrapper(&self, notes: &mut Notebook) -> Option<DlmsPlace> {
        if !matches!(self.bus.link, LinkSettings::SerialServer { .. }) {
            let problem = "the wrapper runs over TCP";
            let remedy = "put the meter on a bus with link = \"serial-server\", or remove it";
            self.complain(self.own_span(), "dlms.wrapper", problem, remedy, notes);
        }
        if self.model.wrapper.is_none() {
            let problem = format!("{} is not known behind the wrapper", self.model.id);
            self.complain(self.own_span(), "dlms.wrapper", problem, "remove it", notes);
            return None;
        }
        Some(DlmsPlace::Wrapper)
    }

    /// Some meters take the last two digits of their serial number, and a base.
    fn lower_from_serial(&self, hdlc: &HdlcModel) -> Option<u16> {
        let base = hdlc.lower_from_serial?;
        let serial = self.file.serial.as_deref()?;
        let digits: String = serial.chars().filter(char::is_ascii_digit).collect();
        let last = digits.get(digits.len().checked_sub(2)?..)?;
        base.checked_add(last.parse().ok()?)
    }

    fn proof(&self, association: &AssociationModel, notes: &mut Notebook) -> Option<DlmsProof> {
        let keys = self.keys();
        let suite = keys.and_then(|keys| keys.suite.as_ref());
        let password = keys.and_then(|keys| keys.password_file.as_ref());
        let name = &association.name;
        if let Some(suite) = suite.filter(|_| association.level != LevelModel::Gmac) {
            let problem = format!("association `{name}` has no keys");
            self.complain(suite.span(), "dlms.suite", problem, "remove it", notes);
        }
        if let Some(file) = password.filter(|_| association.level != LevelModel::Low) {
            let problem = format!("association `{name}` has no password");
            self.complain(
                file.span(),
                "dlms.password-file",
                problem,
                "remove it",
                notes,
            );
        }
        match association.level {
            LevelModel::None => Some(DlmsProof::None),
            LevelModel::Low => self.password(notes),
            LevelModel::Gmac => self.suite(association, notes),
        }
    }

    fn suite(&self, association: &AssociationModel, notes: &mut Notebook) -> Option<DlmsProof> {
        let written = self.keys().and_then(|keys| keys.suite.as_ref());
        let suites = [Suite::Zero, Suite::One, Suite::Two];
        let mut known = suites
            .into_iter()
            .filter(|suite| association.suites.contains(&suite.number()));
        let offered: Vec<String> = association.suites.iter().map(ToString::to_string).collect();
        let remedy = format!("use one of: {}", offered.join(", "));
        match written {
            Some(suite) => {
                let found = known.find(|known| known.number() == *suite.as_ref());
                if found.is_none() {
                    let problem = format!(
                        "association `{}` has no suite {}",
                        association.name,
                        suite.as_ref()
                    );
                    self.complain(suite.span(), "dlms.suite", problem, remedy, notes);
                }
                found.map(DlmsProof::Keys)
            }
            None if association.suites.len() == 1 => known.next().map(DlmsProof::Keys),
            None => {
                self.complain(self.own_span(), "dlms.suite", "is missing", remedy, notes);
                None
            }
        }
    }

    fn password(&self, notes: &mut Notebook) -> Option<DlmsProof> {
        let Some(path) = self.keys().and_then(|keys| keys.password_file.as_ref()) else {
            let remedy = "put the meter's password into a file of its own, and name that";
            self.complain(
                self.own_span(),
                "dlms.password-file",
                "is missing",
                remedy,
                notes,
            );
            return None;
        };
        let file = self.reader.folder.join(path.as_ref());
        let told = |trouble: super::private_file::Trouble| (trouble.problem, trouble.remedy);
        let read = private_line(&file)
            .map_err(told)
            .and_then(|(line, written)| {
                let secret = Secret::new(line.as_bytes());
                let secret = secret.map_err(|error| {
                    (
                        error.to_string(),
                        "write the password alone into it, in one line".to_owned(),
                    )
                })?;
                Ok((secret, written))
            });
        match read {
            Ok((secret, written)) => Some(DlmsProof::Password(DlmsPassword {
                secret,
                file,
                written,
            })),
            Err((problem, remedy)) => {
                let problem = format!("{}: {problem}", file.display());
                self.complain(path.span(), "dlms.password-file", problem, remedy, notes);
                None
            }
        }
    }
}
