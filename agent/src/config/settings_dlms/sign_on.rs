//! How a meter is signed on before it speaks HDLC.

use super::super::complaint::Notebook;
use super::DlmsReader;
use iec62056_21::codec::MeterAddress;
use meters::catalogue::dlms::DlmsOpening;
use meters::dlms::{DlmsPlace, ModeE};

const KEY: &str = "dlms.sign-on";

impl DlmsReader<'_> {
    /// As the file says, or else the model; none if there is no sign-on, nothing if it cannot be.
    #[expect(
        clippy::option_option,
        reason = "a mistake is not the same as a meter without a sign-on"
    )]
    pub(super) fn sign_on(
        &self,
        place: Option<DlmsPlace>,
        notes: &mut Notebook,
    ) -> Option<Option<ModeE>> {
        let opening = self.opening(place, notes)?;
        let keys = self.keys();
        let address = keys.and_then(|keys| keys.sign_on_address.as_ref());
        if opening == DlmsOpening::Direct {
            if let Some(address) = address {
                let problem = "means nothing without a sign-on";
                let remedy = "remove it, or write sign-on = \"mode-e\"";
                let key = "dlms.sign-on-address";
                self.complain(address.span(), key, problem, remedy, notes);
            }
            return Some(None);
        }
        let usual = self.bus.link.line().copied();
        let usual = usual.filter(|_| self.bus.link.can_be_set());
        if usual.is_none() {
            let span = keys.and_then(|keys| keys.sign_on.as_ref());
            let span = span.map_or_else(|| self.file.bus.span(), toml::Spanned::span);
            let problem = format!(
                "bus {} cannot change its speed, and a sign-on of mode E begins at 300 baud",
                self.bus.id
            );
            let remedy = "put the meter on a serial line, or write sign-on = \"none\" if it speaks \
                          HDLC at once";
            self.complain(span, KEY, problem, remedy, notes);
        }
        let address = match address {
            None => None,
            Some(text) => match MeterAddress::new(text.as_ref()) {
                Ok(address) => Some(address),
                Err(error) => {
                    let remedy = "write the meter's address as its plate or its papers say";
                    let key = "dlms.sign-on-address";
                    self.complain(text.span(), key, error.to_string(), remedy, notes);
                    return None;
                }
            },
        };
        let usual = usual?;
        Some(Some(ModeE { address, usual }))
    }

    fn opening(&self, place: Option<DlmsPlace>, notes: &mut Notebook) -> Option<DlmsOpening> {
        let written = self.keys().and_then(|keys| keys.sign_on.as_ref());
        let is_wrapped = matches!(place, Some(DlmsPlace::Wrapper));
        let Some(written) = written else {
            let of_model = self.model.line.opening;
            return Some(if is_wrapped {
                DlmsOpening::Direct
            } else {
                of_model
            });
        };
        match written.as_ref().as_str() {
            "mode-e" if is_wrapped => {
                let problem = "means nothing behind the wrapper, which runs over TCP";
                let remedy = "remove it, or remove wrapper = true";
                self.complain(written.span(), KEY, problem, remedy, notes);
                None
            }
            "mode-e" => Some(DlmsOpening::ModeE),
            "none" => Some(DlmsOpening::Direct),
            other => {
                let problem = format!("`{other}` is no sign-on");
                let remedy = "use mode-e or none";
                self.complain(written.span(), KEY, problem, remedy, notes);
                None
            }
        }
    }
}
