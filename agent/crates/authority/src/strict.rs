//! CBOR as it must be where something is signed: typed maps with text keys, nothing twice, nothing
//! unknown, nothing left over.

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use std::fmt;
use std::marker::PhantomData;

/// Reads one map.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_cbor::Error> {
    // The packed format reads integer keys as positions of fields: they mean nothing here.
    let mut reader = serde_cbor::Deserializer::from_slice(bytes).disable_packed_format();
    let Map(value) = Map::deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Writes one map, in the order of the fields.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_cbor::Error> {
    serde_cbor::to_vec(value)
}

/// A struct that comes as a map. Derived code would also take a bare list of the fields' values.
#[derive(Default)]
pub(crate) struct Map<T>(pub(crate) T);

impl<T: Serialize> Serialize for Map<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

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
