//! A right file, and what is said about one with something wrong.

use mokka_genesis::{Genesis, ParseError};
use serde_json::{Value, json};

/// Multiples of the generator: points that everybody knows.
pub(crate) const KEYS: [&str; 4] = [
    "0x0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
    "0x02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5",
    "0x02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9",
    "0x02e493dbf1c10d80f3581e4904930b1404cc6c13900ee0758474fa94abe8c4cd13",
];

pub(crate) const ALICE: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

/// The shortest file without a mistake.
pub(crate) fn right() -> Value {
    json!({
        "config": {
            "chainId": 1337,
            "mokka": { "crashModel": "bft", "validators": [{ "publicKey": KEYS[0] }] }
        },
        "alloc": { ALICE: { "balance": "0x1" } }
    })
}

/// The right file with one value put in; the pointer's parent must exist.
pub(crate) fn with(pointer: &str, value: impl Into<Value>) -> Value {
    let mut file = right();
    put(&mut file, pointer, value);
    file
}

pub(crate) fn put(file: &mut Value, pointer: &str, value: impl Into<Value>) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer begins with /");
    let parent = file.pointer_mut(parent).expect("the parent exists");
    parent.as_object_mut().expect("an object").insert(name.to_owned(), value.into());
}

pub(crate) fn without(pointer: &str) -> Value {
    let mut file = right();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer begins with /");
    let parent = file.pointer_mut(parent).expect("the parent exists");
    parent.as_object_mut().expect("an object").remove(name).expect("the field exists");
    file
}

pub(crate) fn parse(file: &Value) -> Genesis {
    Genesis::parse(&file.to_string()).unwrap_or_else(|error| panic!("{error}"))
}

/// Every mistake, as it is shown.
pub(crate) fn mistakes(text: &str) -> Vec<String> {
    match Genesis::parse(text) {
        Err(ParseError::Mistakes(mistakes)) => mistakes.0.iter().map(ToString::to_string).collect(),
        Err(ParseError::NotJson(error)) => panic!("{error}"),
        Ok(_) => Vec::new(),
    }
}

/// The file has exactly this mistake.
#[track_caller]
pub(crate) fn only(file: &Value, mistake: &str) {
    assert_eq!(mistakes(&file.to_string()), [mistake]);
}
