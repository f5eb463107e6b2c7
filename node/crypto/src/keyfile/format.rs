//! The inside of a key file: its JSON, its key derivation, its cipher.

use std::fmt::Write;

use ctr::cipher::{KeyIvInit, StreamCipher};
use mokka_types::PublicKey;
use rand::RngCore;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use sha3::{Digest as _, Keccak256};
use zeroize::Zeroizing;

use super::KdfCost;
use crate::{NotASecretKey, SecretKey};

const VERSION: u64 = 3;
const CIPHER: &str = "aes-128-ctr";
const PRF: &str = "hmac-sha256";

/// Bounds on what a file may ask for. The costliest known writers use 256 MiB and 2²¹ (geth:
/// N = 2¹⁸, r = 8, p = 1), and 2¹⁸ rounds of PBKDF2.
const MAX_SCRYPT_BYTES: u64 = 512 << 20;
const MAX_SCRYPT_WORK: u64 = 1 << 24;
const MAX_PBKDF2_ROUNDS: u32 = 10_000_000;
const MAX_SALT_BYTES: usize = 256;

/// How a password becomes a key, with parameters that were checked.
enum Kdf {
    Scrypt { params: scrypt::Params, salt: Vec<u8> },
    Pbkdf2 { rounds: u32, salt: Vec<u8> },
}

/// A key file whose every field was checked.
pub(super) struct Encrypted {
    kdf: Kdf,
    iv: [u8; 16],
    ciphertext: [u8; 32],
    mac: [u8; 32],
    public_key: Option<PublicKey>,
    id: [u8; 16],
}

/// Why a file that is well-formed gives no key.
pub(super) enum Refusal {
    WrongPassword,
    NotASecretKey(NotASecretKey),
}

impl Encrypted {
    pub(super) fn seal(
        key: &SecretKey,
        password: &str,
        cost: KdfCost,
        rng: &mut impl RngCore,
    ) -> Self {
        let log_n = match cost {
            KdfCost::Standard => 17,
            KdfCost::Light => 12,
        };
        // Invariant: RFC 7914 allows these constants.
        let params = scrypt::Params::new(log_n, 8, 1).expect("legal parameters");
        let kdf = Kdf::Scrypt { params, salt: random::<32>(rng).to_vec() };
        let derived = kdf.derive(password);
        let iv = random(rng);
        let ciphertext = *apply_cipher(&derived, &iv, &key.to_bytes());
        let mac = mac(&derived, &ciphertext);
        Self { kdf, iv, ciphertext, mac, public_key: Some(key.public_key()), id: random(rng) }
    }

    pub(super) fn open(&self, password: &str) -> Result<SecretKey, Refusal> {
        let derived = self.kdf.derive(password);
        if mac(&derived, &self.ciphertext) != self.mac {
            return Err(Refusal::WrongPassword);
        }
        let secret = apply_cipher(&derived, &self.iv, &self.ciphertext);
        SecretKey::from_bytes(*secret).map_err(Refusal::NotASecretKey)
    }

    pub(super) const fn public_key(&self) -> Option<PublicKey> {
        self.public_key
    }

    /// Reads a file; the error is the first thing that is wrong with it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let file: FileJson = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if file.version != VERSION {
            return Err(format!("its version is {}, not {VERSION}", file.version));
        }
        let crypto = file.crypto;
        if crypto.cipher != CIPHER {
            return Err(format!("its cipher is {:?}, not {CIPHER:?}", crypto.cipher));
        }
        let public_key = file.public_key.map(|text| text.parse()).transpose();
        Ok(Self {
            kdf: Kdf::parse(&crypto.kdf, crypto.kdfparams)?,
            iv: exactly("iv", &crypto.cipherparams.iv)?,
            ciphertext: exactly("ciphertext", &crypto.ciphertext)?,
            mac: exactly("mac", &crypto.mac)?,
            public_key: public_key.map_err(|error| format!("publicKey: {error}"))?,
            id: [0; 16],
        })
    }

    pub(super) fn to_json(&self) -> String {
        let (kdf, kdfparams) = self.kdf.to_json();
        let file = FileJson {
            version: VERSION,
            id: Some(uuid(self.id)),
            public_key: self.public_key.map(|key| key.to_string()),
            crypto: CryptoJson {
                cipher: CIPHER.to_owned(),
                cipherparams: CipherJson { iv: Hex(self.iv.to_vec()) },
                ciphertext: Hex(self.ciphertext.to_vec()),
                kdf: kdf.to_owned(),
                kdfparams,
                mac: Hex(self.mac.to_vec()),
            },
        };
        // Invariant: a struct of numbers and strings can be written as JSON.
        serde_json::to_string_pretty(&file).expect("a key file is plain JSON") + "\n"
    }
}

impl Kdf {
    fn parse(name: &str, params: Value) -> Result<Self, String> {
        let kdf = match name {
            "scrypt" => Self::parse_scrypt(from_value(params)?)?,
            "pbkdf2" => Self::parse_pbkdf2(from_value(params)?)?,
            other => return Err(format!("its kdf is {other:?}, neither scrypt nor pbkdf2")),
        };
        match &kdf {
            Self::Scrypt { salt, .. } | Self::Pbkdf2 { salt, .. }
                if salt.len() > MAX_SALT_BYTES =>
            {
                Err(format!("its salt is longer than {MAX_SALT_BYTES} bytes"))
            }
            Self::Scrypt { .. } | Self::Pbkdf2 { .. } => Ok(kdf),
        }
    }

    fn parse_scrypt(json: ScryptJson) -> Result<Self, String> {
        let ScryptJson { dklen, n, r, p, salt: Hex(salt) } = json;
        check_length(dklen)?;
        if !n.is_power_of_two() || n < 2 {
            return Err(format!("scrypt's n is {n}, no power of two above 1"));
        }
        if r == 0 || p == 0 {
            return Err("scrypt's r and p must be above 0".to_owned());
        }
        let lanes = u64::from(r).saturating_mul(u64::from(p));
        let work = n.saturating_mul(lanes);
        let bytes = n.saturating_add(u64::from(p)).saturating_mul(u64::from(r)).saturating_mul(128);
        if work > MAX_SCRYPT_WORK || bytes > MAX_SCRYPT_BYTES {
            return Err(format!(
                "scrypt with n = {n}, r = {r}, p = {p} costs more than is allowed"
            ));
        }
        // Invariant: n is below 2⁶⁴, so its logarithm is below 64.
        let log_n = u8::try_from(n.ilog2()).expect("a logarithm below 64");
        let params = scrypt::Params::new(log_n, r, p).map_err(|_| {
            format!("scrypt with n = {n} and r = {r} breaks RFC 7914: n < 2^(16 r)")
        })?;
        Ok(Self::Scrypt { params, salt })
    }

    fn parse_pbkdf2(json: Pbkdf2Json) -> Result<Self, String> {
        let Pbkdf2Json { dklen, c: rounds, prf, salt: Hex(salt) } = json;
        check_length(dklen)?;
        if prf != PRF {
            return Err(format!("its prf is {prf:?}, not {PRF:?}"));
        }
        if !(1..=MAX_PBKDF2_ROUNDS).contains(&rounds) {
            return Err(format!(
                "pbkdf2 with {rounds} rounds; allowed are 1 to {MAX_PBKDF2_ROUNDS}"
            ));
        }
        Ok(Self::Pbkdf2 { rounds, salt })
    }

    fn derive(&self, password: &str) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        let password = password.as_bytes();
        match self {
            Self::Scrypt { params, salt } => {
                // Invariant: 32 bytes are a legal length.
                scrypt::scrypt(password, salt, params, &mut *key).expect("32 bytes");
            }
            Self::Pbkdf2 { rounds, salt } => {
                pbkdf2::pbkdf2::<hmac::Hmac<sha2::Sha256>>(password, salt, *rounds, &mut *key);
            }
        }
        key
    }

    fn to_json(&self) -> (&'static str, Value) {
        match self {
            Self::Scrypt { params, salt } => (
                "scrypt",
                serde_json::json!({
                    "dklen": 32, "n": 1u64 << params.log_n(), "p": params.p(), "r": params.r(),
                    "salt": encode_hex(salt),
                }),
            ),
            Self::Pbkdf2 { rounds, salt } => (
                "pbkdf2",
                serde_json::json!({
                    "c": rounds, "dklen": 32, "prf": PRF, "salt": encode_hex(salt),
                }),
            ),
        }
    }
}

fn check_length(dklen: u64) -> Result<(), String> {
    if dklen == 32 { Ok(()) } else { Err(format!("its dklen is {dklen}, not 32")) }
}

fn from_value<T: de::DeserializeOwned>(params: Value) -> Result<T, String> {
    serde_json::from_value(params).map_err(|error| format!("kdfparams: {error}"))
}

/// AES-128 in counter mode: the same in both directions.
fn apply_cipher(derived: &[u8; 32], iv: &[u8; 16], text: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 16]);
    key.copy_from_slice(&derived[..16]);
    let mut text = Zeroizing::new(*text);
    let mut cipher = ctr::Ctr128BE::<aes::Aes128>::new((&*key).into(), iv.into());
    cipher.apply_keystream(&mut *text);
    text
}

fn mac(derived: &[u8; 32], ciphertext: &[u8; 32]) -> [u8; 32] {
    Keccak256::new().chain_update(&derived[16..]).chain_update(ciphertext).finalize().into()
}

fn random<const N: usize>(rng: &mut impl RngCore) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

fn exactly<const N: usize>(name: &str, hex: &Hex) -> Result<[u8; N], String> {
    let Hex(bytes) = hex;
    <[u8; N]>::try_from(bytes.as_slice())
        .map_err(|_| format!("its {name} has {} bytes, not {N}", bytes.len()))
}

/// A random UUID (version 4) of these bytes, as tools expect one.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = encode_hex(&bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn encode_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Invariant: writing to a string cannot fail.
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

/// The bytes of hex digits, with or without `0x`.
pub(super) fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| value.try_into().ok());
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let byte = |pair: &[u8]| -> Option<u8> {
        let (high, low): (u8, u8) = (value(pair[0])?, value(pair[1])?);
        Some(high << 4 | low)
    };
    digits.chunks_exact(2).map(byte).collect()
}

#[derive(Serialize, Deserialize)]
struct FileJson {
    version: u64,
    #[serde(default)]
    id: Option<String>,
    /// Ours: which key is inside, so that showing it needs no password. Others ignore it.
    #[serde(rename = "publicKey", default, skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
    #[serde(alias = "Crypto")]
    crypto: CryptoJson,
}

#[derive(Serialize, Deserialize)]
struct CryptoJson {
    cipher: String,
    cipherparams: CipherJson,
    ciphertext: Hex,
    kdf: String,
    kdfparams: Value,
    mac: Hex,
}

#[derive(Serialize, Deserialize)]
struct CipherJson {
    iv: Hex,
}

#[derive(Deserialize)]
struct ScryptJson {
    dklen: u64,
    n: u64,
    r: u32,
    p: u32,
    salt: Hex,
}

#[derive(Deserialize)]
struct Pbkdf2Json {
    dklen: u64,
    c: u32,
    prf: String,
    salt: Hex,
}

struct Hex(Vec<u8>);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&encode_hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        decode_hex(&text).map(Self).ok_or_else(|| de::Error::custom("expected hex digits"))
    }
}
