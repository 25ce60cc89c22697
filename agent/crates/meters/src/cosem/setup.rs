//! What a profile captures, as the meter says it.

use super::fault::CosemFault;
use super::text::data_text;
use crate::catalogue::dlms::{DlmsModel, DlmsProfile, DlmsRegister, RegisterClass, ValueMeaning};
use crate::limits::COSEM_COLUMNS_MAX;
use dlms::codec::{Attribute, Column, Data};
use metering::{ChannelKind, Obis};

/// The order of rows in a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowOrder {
    /// As they came about.
    OldestFirst,
    /// The newest one is the first.
    NewestFirst,
    /// By something else than time.
    Other,
}

/// What a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnRole {
    /// The time of the row.
    Time,
    /// The status of the row.
    Status,
    /// A measured value.
    Value {
        /// What it is.
        obis: Obis,
        /// Total, average or increment.
        kind: ChannelKind,
    },
    /// Scaler and unit of a value.
    Scaler,
    /// Something else.
    Other,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapturedColumn {
    /// What is captured.
    pub column: Column,
    /// What it is.
    pub role: ColumnRole,
}

/// What a meter says about a profile. What it refuses is none.
#[derive(Debug, Clone, Copy)]
pub struct SetupAnswers<'a> {
    /// Attribute 3: the captured objects.
    pub objects: &'a Data,
    /// Attribute 4: seconds of a period.
    pub period: &'a Data,
    /// Attribute 5: by what rows are sorted.
    pub order: Option<&'a Data>,
    /// Attribute 7: rows that there are.
    pub in_use: Option<&'a Data>,
    /// Attribute 8: rows that there can be.
    pub entries: Option<&'a Data>,
}

/// A profile as it is set up now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileSetup {
    /// Its columns.
    pub columns: Vec<CapturedColumn>,
    /// Seconds of its period; 0 where rows come with events.
    pub period_s: u32,
    /// How its rows are sorted, as the meter says.
    pub order: RowOrder,
    /// Rows that there are.
    pub in_use: Option<u32>,
    /// Rows that there can be.
    pub entries: Option<u32>,
    /// Captured objects and period as octets: what differs from them is another set-up.
    pub mark: Vec<u8>,
}

impl ProfileSetup {
    /// From what the meter says.
    pub fn read(
        model: &DlmsModel,
        profile: &DlmsProfile,
        answers: &SetupAnswers<'_>,
    ) -> Result<Self, CosemFault> {
        let form = |part, data: &Data, wanted| CosemFault::Form {
            part,
            found: data_text(data),
            wanted,
        };
        let objects = answers.objects;
        let items = match objects {
            Data::Array(items) => items,
            other => return Err(form("the captured objects", other, "array")),
        };
        if items.len() > COSEM_COLUMNS_MAX {
            return Err(CosemFault::TooMany {
                part: "columns",
                found: items.len(),
                most: COSEM_COLUMNS_MAX,
            });
        }
        let mut columns: Vec<CapturedColumn> = Vec::with_capacity(items.len());
        for item in items {
            let column = Column::of(item)
                .ok_or_else(|| form("a captured object", item, "class, name, attribute, index"))?;
            let mut role = role(model, profile, column);
            let has_time = columns.iter().any(|known| known.role == ColumnRole::Time);
            if role == ColumnRole::Time && has_time {
                role = ColumnRole::Other;
            }
            columns.push(CapturedColumn { column, role });
        }
        let number = |data: &Data| data.integer().and_then(|number| u32::try_from(number).ok());
        let period_s = number(answers.period)
            .ok_or_else(|| form("the capture period", answers.period, "number of seconds"))?;
        let mut mark = objects.encode();
        mark.extend_from_slice(&period_s.to_be_bytes());
        Ok(Self {
            columns,
            period_s,
            order: order(answers.order),
            in_use: answers.in_use.and_then(number),
            entries: answers.entries.and_then(number),
            mark,
        })
    }

    /// The column that tells when a row is, and its place.
    pub fn time_column(&self) -> Option<(usize, Column)> {
        let mut all = self.columns.iter().enumerate();
        all.find(|(_, known)| known.role == ColumnRole::Time)
            .map(|(place, known)| (place, known.column))
    }

    /// The attributes with scaler and unit of its values, each once.
    pub fn scalers(&self) -> Vec<Attribute> {
        let mut wanted = Vec::new();
        for known in &self.columns {
            let is_value = matches!(known.role, ColumnRole::Value { .. });
            let scaler = scaler_of(known.column.attribute).filter(|_| is_value);
            if let Some(scaler) = scaler.filter(|scaler| !wanted.contains(scaler)) {
                wanted.push(scaler);
            }
        }
        wanted
    }
}

/// Where scaler and unit of a register's value stand.
pub(super) fn scaler_of(value: Attribute) -> Option<Attribute> {
    let class = RegisterClass::of(value.class)?;
    Some(Attribute {
        number: class.scaler_attribute(),
        ..value
    })
}

/// First in, first out is 1; last in, first out 2.
fn order(data: Option<&Data>) -> RowOrder {
    match data.and_then(Data::integer) {
        Some(1) | None => RowOrder::OldestFirst,
        Some(2) => RowOrder::NewestFirst,
        Some(_) => RowOrder::Other,
    }
}

fn role(model: &DlmsModel, profile: &DlmsProfile, column: Column) -> ColumnRole {
    let Attribute {
        class,
        name,
        number,
    } = column.attribute;
    let obis = Obis::new(name.0);
    if class == 8 && number == 2 {
        return ColumnRole::Time;
    }
    let is_status = match profile.status {
        Some(status) => obis == status,
        None => matches!(name.0, [_, _, 96, 10, ..]),
    };
    if is_status && number == 2 {
        return ColumnRole::Status;
    }
    let Some(register) = RegisterClass::of(class).filter(|_| column.index == 0) else {
        return ColumnRole::Other;
    };
    if number == register.scaler_attribute() {
        return ColumnRole::Scaler;
    }
    let is_value = number == 2 || number == 3 && register == RegisterClass::Demand;
    if !is_value {
        return ColumnRole::Other;
    }
    let known = model.registers.iter().find(|item| item.name == obis);
    let kind = match (profile.values, name.0, register) {
        (ValueMeaning::Pulses, ..) | (_, [_, _, _, 9 | 29, ..], _) => ChannelKind::Increment,
        (_, [_, _, _, 8, ..], _) => ChannelKind::Register,
        _ => ChannelKind::Average,
    };
    ColumnRole::Value {
        obis: known.map_or(obis, DlmsRegister::code),
        kind,
    }
}
