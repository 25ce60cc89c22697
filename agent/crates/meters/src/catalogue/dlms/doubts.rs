//! What a person should check at the meter.

use super::super::flag::{Statement, told};
use super::super::model::Doubt;
use super::model::DlmsModel;

impl DlmsModel {
    /// What a person should check at the meter: every statement that is not confirmed or carries a
    /// remark, and every point where sources contradict each other.
    pub fn doubts(&self) -> Vec<Doubt> {
        told(&self.id, self.statements(), &self.disagreements)
    }

    /// Every statement of the model that names its sources.
    pub(super) fn statements(&self) -> Vec<Statement<'_>> {
        let mut all = vec![
            ("line".to_owned(), &self.line.fact),
            ("clock".to_owned(), &self.clock.fact),
        ];
        let places = [
            ("hdlc", self.hdlc.as_ref().map(|place| &place.fact)),
            ("wrapper", self.wrapper.as_ref().map(|place| &place.fact)),
            ("writing", self.writing.as_ref().map(|table| &table.fact)),
        ];
        let places = places.into_iter();
        all.extend(places.filter_map(|(about, fact)| Some((about.to_owned(), fact?))));
        let list = self.associations.iter();
        all.extend(list.map(|item| (format!("association {}", item.name), &item.fact)));
        let list = self.objects.iter();
        all.extend(list.map(|item| {
            (
                format!("object {} ({})", item.name, item.content),
                &item.fact,
            )
        }));
        let list = self.registers.iter();
        all.extend(list.map(|item| (format!("register {}", item.name), &item.fact)));
        let list = self.profiles.iter();
        all.extend(list.map(|item| {
            (
                format!("profile {} ({})", item.name, item.content),
                &item.fact,
            )
        }));
        for (name, table) in &self.codes {
            all.push((format!("codes {name}"), &table.fact));
            let bits = table.bits.iter();
            all.extend(bits.map(|bit| (format!("codes {name} bit {}", bit.bit), &bit.fact)));
        }
        all
    }
}
