//! `config.mokka`: who votes, the timers, and the sections about members.

use mokka_types::{CrashModel, NodeAddress, PublicKey, Setting};

use crate::{
    Draft, Validator,
    check::Listed,
    governance,
    json::shortened,
    mistake::Problem,
    reader::{Field, Notes, Object, parsed},
};

pub(crate) fn read(mut section: Object<'_>, draft: &mut Draft, notes: &mut Notes) -> Vec<Listed> {
    let model = section.require("crashModel", "\"bft\" or \"cft\"", notes);
    if let Some(model) = model.and_then(|field| crash_model(&field, notes)) {
        draft.crash_model = model;
    }
    for setting in Setting::ALL {
        let Some(place) = setting.time_mut(&mut draft.settings) else { continue };
        if let Some(value) = section.take(setting.name()).and_then(|field| field.duration(notes)) {
            *place = value;
        }
    }
    if let Some(field) = section.take("emptyBlockInterval") {
        draft.settings.empty_block_interval = field.duration(notes);
    }
    if let Some(field) = section.take("maxBlockBytes") {
        read_block_bytes(&field, draft, notes);
    }
    if let Some(base_fee) = section.take("baseFee").and_then(|field| field.number(notes)) {
        draft.base_fee = base_fee;
    }
    if let Some(field) = section.take("governance") {
        draft.governance = governance::read_governance(field, notes);
    }
    if let Some(field) = section.take("permissions") {
        draft.permissions = governance::read_permissions(field, notes);
    }
    let list = section.require("validators", "a list of objects with a publicKey", notes);
    let validators = list
        .and_then(|list| list.list(notes))
        .unwrap_or_default()
        .into_iter()
        .map(|item| read_validator(item, notes))
        .collect();
    section.finish(notes);
    validators
}

fn crash_model(field: &Field<'_>, notes: &mut Notes) -> Option<CrashModel> {
    let model = field.text("\"bft\" or \"cft\"", notes)?;
    match model {
        "bft" => Some(CrashModel::Bft),
        "cft" => Some(CrashModel::Cft),
        other => {
            notes.add(&field.path, Problem::NotACrashModel { value: shortened(other) });
            None
        }
    }
}

/// Bounds are checked later; what does not even fit the type is refused here.
fn read_block_bytes(field: &Field<'_>, draft: &mut Draft, notes: &mut Notes) {
    let Some(size) = field.size(notes) else { return };
    match u32::try_from(size) {
        Ok(size) => draft.settings.max_block_bytes = size,
        Err(_) => notes.add(&field.path, Problem::BlockTooLarge { value: size }),
    }
}

fn read_validator(item: Field<'_>, notes: &mut Notes) -> Listed {
    let path = item.path.clone();
    let Some(mut object) = item.object(notes) else { return Listed { path, validator: None } };
    let key = object.require("publicKey", "what `mokka keys show` prints", notes);
    let public_key = key.and_then(|field| read_key(&field, notes));
    let name = object.take("name").and_then(|field| field.text("a string", notes));
    let address = object.take("address").and_then(|field| read_address(&field, notes));
    object.finish(notes);
    let validator = public_key.map(|public_key| Validator {
        public_key,
        name: name.map(str::to_owned),
        address,
    });
    Listed { path, validator }
}

fn read_key(field: &Field<'_>, notes: &mut Notes) -> Option<PublicKey> {
    let text = field.text("a string of 66 hex digits", notes)?;
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let problem = match digits.len() {
        _ if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
            Problem::NotHex { value: shortened(text) }
        }
        66 => match parsed(text) {
            Some(key) => return Some(key),
            None => Problem::KeyPrefix { found: digits[..2].to_owned() },
        },
        64 => Problem::KeyPrivate,
        130 if digits.starts_with("04") => Problem::KeyUncompressed,
        found => Problem::KeyLength { found },
    };
    notes.add(&field.path, problem);
    None
}

fn read_address(field: &Field<'_>, notes: &mut Notes) -> Option<NodeAddress> {
    let text = field.text("a string like \"/dns/a.example/tcp/30303\"", notes)?;
    match text.parse::<NodeAddress>() {
        Ok(address) => Some(address),
        Err(error) => {
            let problem = Problem::NodeAddress { value: shortened(text), reason: error.reason() };
            notes.add(&field.path, problem);
            None
        }
    }
}
