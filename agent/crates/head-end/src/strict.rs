//! Reading and writing CBOR as the contract wants it: size first, typed maps with text keys,
//! nothing twice, nothing left over.

use crate::fault::{DecodeError, EncodeError};
use crate::limits::{MILLIS_MAX, NUMBER_MAX};
use metering::Timestamp;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use std::fmt;
use std::marker::PhantomData;

/// Reads one map of the contract.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, DecodeError> {
    if bytes.len() > limit {
        let found = bytes.len();
        return Err(DecodeError::TooLarge { found, limit });
    }
    // The packed format reads integer keys as positions of fields: they mean nothing here.
    let mut reader = serde_cbor::Deserializer::from_slice(bytes).disable_packed_format();
    let Map(value) = Map::deserialize(&mut reader).map_err(DecodeError::Cbor)?;
    reader.end().map_err(DecodeError::Cbor)?;
    Ok(value)
}

/// Writes one map of the contract. The order of keys is the order of the fields, so that equal
/// values give equal bytes.
pub(crate) fn encode<T: Serialize>(value: &T, limit: usize) -> Result<Vec<u8>, EncodeError> {
    let bytes = serde_cbor::to_vec(value).map_err(EncodeError::Cbor)?;
    if bytes.len() > limit {
        let found = bytes.len();
        return Err(EncodeError::TooLarge { found, limit });
    }
    Ok(bytes)
}

/// A struct that comes as a map. Derived code would also take a bare list of the fields' values.
pub(crate) struct Map<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Map<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsMap<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for AsMap<T> {
            type Value = Map<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Map<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Map)
            }
        }
        deserializer.deserialize_map(AsMap(PhantomData))
    }
}

/// A time that can be one.
pub(crate) fn timestamp(millis: u64, key: &'static str) -> Result<Timestamp, DecodeError> {
    if millis > MILLIS_MAX {
        return Err(DecodeError::OutOfRange { key });
    }
    Ok(Timestamp::from_millis(millis))
}

/// A time in whole seconds that can be one.
pub(crate) fn timestamp_of_seconds(
    seconds: u64,
    key: &'static str,
) -> Result<Timestamp, DecodeError> {
    timestamp(seconds.saturating_mul(1000), key)
}

/// A number of a record.
pub(crate) fn number(number: u64, key: &'static str) -> Result<u64, DecodeError> {
    if (1..=NUMBER_MAX).contains(&number) {
        Ok(number)
    } else {
        Err(DecodeError::OutOfRange { key })
    }
}

/// A name or text that is not too long and follows its own rules.
pub(crate) fn text<T: std::str::FromStr>(text: &str, key: &'static str) -> Result<T, DecodeError> {
    text.parse().map_err(|_| DecodeError::OutOfRange { key })
}

/// Holds where the writer's value is in range.
pub(crate) fn ensure(holds: bool, key: &'static str) -> Result<(), EncodeError> {
    if holds {
        Ok(())
    } else {
        Err(EncodeError::OutOfRange { key })
    }
}

/// Holds where the reader's value is in range.
pub(crate) fn check(holds: bool, key: &'static str) -> Result<(), DecodeError> {
    if holds {
        Ok(())
    } else {
        Err(DecodeError::OutOfRange { key })
    }
}
