//! Texts of people: keys, addresses and names on command lines and in calls, the genesis file.

use mokka_crypto::keyfile;
use mokka_genesis::{Genesis, ParseError};
use mokka_types::{MAX_NAME_CHARS, NodeAddress, PublicKey, Setting, check_name, is_peer_id};
use serde_json::{Value, json};

use crate::{Target, chain};

pub(crate) const TEXTS: Target = Target {
    name: "texts",
    check: texts,
    seeds: || SAMPLES.iter().map(|text| text.as_bytes().to_vec()).collect(),
};
pub(crate) const GENESIS: Target = Target { name: "genesis", check: genesis, seeds: genesis_files };

const SAMPLES: [&str; 9] = [
    "0x0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
    "/dns/a.example/tcp/30303",
    "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA",
    "/ip6/::1/tcp/65535",
    "16Uiu2HAm3cuhhRL2msUuLF62KRSfneFDx94RsuouyW25Ho42cFMq",
    "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
    "Łódź_2.b-c",
    "emptyBlockInterval",
    "0x0101010101010101010101010101010101010101010101010101010101010101",
];

/// What a text is read as is written as this text.
fn texts(bytes: &[u8]) -> Option<()> {
    let text = str::from_utf8(bytes).ok()?;
    let key = text.parse::<PublicKey>().ok();
    if let Some(key) = key {
        assert_eq!(key.to_string().parse(), Ok(key));
        assert!(key.to_string().ends_with(&text.trim_start_matches("0x").to_lowercase()));
        let _on_curve = mokka_crypto::is_on_curve(&key);
    }
    let address = text.parse::<NodeAddress>().ok();
    if let Some(address) = &address {
        assert_eq!(address.as_str(), text);
        assert!(text.len() <= NodeAddress::MAX_CHARS && text.is_ascii());
    }
    let is_name = check_name(text).is_ok();
    assert!(!is_name || (1..=MAX_NAME_CHARS).contains(&text.chars().count()));
    let is_peer = is_peer_id(text);
    assert!(!is_peer || text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let setting = Setting::parse(text);
    assert!(setting.is_none_or(|setting| setting.name() == text));
    let secret = keyfile::parse_hex(text).is_ok();
    let is_any = key.is_some() || address.is_some() || setting.is_some();
    (is_any || is_name || is_peer || secret).then_some(())
}

/// A genesis file says the same after it was written again; another is refused with every mistake
/// named.
fn genesis(bytes: &[u8]) -> Option<()> {
    let text = str::from_utf8(bytes).ok()?;
    let genesis = match Genesis::parse(text) {
        Ok(genesis) => genesis,
        Err(ParseError::Mistakes(mistakes)) => {
            assert!(!mistakes.0.is_empty(), "refused without a mistake");
            let _shown = mistakes.to_string();
            return None;
        }
        Err(ParseError::NotJson(error)) => {
            let _shown = error.to_string();
            return None;
        }
    };
    let again = Genesis::parse(&genesis.to_json());
    assert_eq!(again.ok().as_ref(), Some(&genesis), "what is written is read");
    let _advice = genesis.advice();
    if let Ok(beginning) = genesis.begin() {
        assert_eq!(beginning.block.number(), 0);
        assert_eq!(beginning.id.hash.as_bytes(), &beginning.block.hash.0);
    }
    Some(())
}

fn genesis_files() -> Vec<Vec<u8>> {
    let whole = chain::genesis().to_json();
    let mut file: Value = serde_json::from_str(&whole).expect("JSON");
    let validators = file["config"]["mokka"]["validators"].clone();
    file["config"]["mokka"] = json!({ "crashModel": "cft", "validators": validators });
    let short = file.to_string();
    file["alloc"] = json!({
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266": {
            "balance": "1000", "nonce": "0x1", "code": "0x60006000f3",
            "storage": { "0x01": "0x02" },
        },
    });
    file["timestamp"] = "0x60000000".into();
    file["gasLimit"] = 30_000_000.into();
    vec![whole.into_bytes(), short.into_bytes(), file.to_string().into_bytes()]
}
