//! Parameters that tools write in more than one way.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What `mokka_getCertificate` gives besides the certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct CertificateOptions {
    /// Also what proves the block from the genesis file on.
    pub proof: bool,
}

/// How many blocks: a JSON number, or hex as Ethereum writes quantities. Tools send both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockCount(pub u64);

impl Serialize for BlockCount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{:#x}", self.0))
    }
}

impl<'de> Deserialize<'de> for BlockCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(count) => Ok(Self(count)),
            Written::Text(text) => {
                let parsed = match text.strip_prefix("0x") {
                    Some(hex) => u64::from_str_radix(hex, 16),
                    None => text.parse(),
                };
                parsed.map(Self).map_err(|_| {
                    serde::de::Error::custom(format!("`{text}` is no number; write 0x4 or 4"))
                })
            }
        }
    }
}
