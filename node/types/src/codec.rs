//! One value, one sequence of bytes.
//!
//! `postcard` accepts overlong integers and trailing bytes; a signature over such bytes would cover
//! several spellings of one value. So decoding parses, encodes again, and refuses what differs.

use serde::{Serialize, de::DeserializeOwned};

/// The canonical bytes of a value.
///
/// # Panics
/// Never for the types of this crate: only a type whose serialisation itself fails could.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // Invariant: writing to a growing vector cannot fail, and no type here refuses to be written.
    postcard::to_allocvec(value).expect("values of the protocol can be written")
}

/// Why bytes are no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They do not parse.
    #[error("malformed bytes: {0}")]
    Malformed(String),
    /// They parse, but the value is written differently.
    #[error("bytes are not the canonical form of the value that they hold")]
    NotCanonical,
}

/// The value whose canonical bytes these are.
///
/// # Errors
/// When the bytes do not parse, or are not what [`encode`] gives for the value.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let value = postcard::from_bytes(bytes)
        .map_err(|error: postcard::Error| DecodeError::Malformed(error.to_string()))?;
    if encode(&value) == bytes { Ok(value) } else { Err(DecodeError::NotCanonical) }
}

/// Byte arrays longer than serde's own 32, written without a length.
pub(crate) mod array {
    use std::fmt;

    use serde::{
        Deserializer, Serializer,
        de::{Error, SeqAccess, Visitor},
        ser::SerializeTuple,
    };

    pub(crate) fn serialize<S: Serializer, const N: usize>(
        bytes: &[u8; N],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(N)?;
        for byte in bytes {
            tuple.serialize_element(byte)?;
        }
        tuple.end()
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<[u8; N], D::Error> {
        struct Bytes<const N: usize>;
        impl<'de, const N: usize> Visitor<'de> for Bytes<N> {
            type Value = [u8; N];
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{N} bytes")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<[u8; N], A::Error> {
                let mut bytes = [0; N];
                for (at, byte) in bytes.iter_mut().enumerate() {
                    *byte = seq.next_element()?.ok_or_else(|| Error::invalid_length(at, &self))?;
                }
                Ok(bytes)
            }
        }
        deserializer.deserialize_tuple(N, Bytes)
    }
}
