//! How members decide.

use std::time::Duration;

use alloy_primitives::Address;
use mokka_genesis::{Draft, Genesis, Validator};
use mokka_runtime::system::{Governance, Threshold};
use mokka_types::CrashModel;
use serde_json::{Value, json};

use crate::files::{ALICE, KEYS, only, parse, right, with};

fn file(governance: Value) -> Value {
    with("/config/mokka/governance", governance)
}

fn alice() -> Address {
    ALICE.parse().unwrap()
}

#[test]
fn members_decide_by_majority_by_two_thirds_or_by_an_admin() {
    for (threshold, read) in [
        (json!("majority"), Threshold::Majority),
        (json!("twoThirds"), Threshold::TwoThirds),
        (json!({ "admin": ALICE }), Threshold::Admin(alice())),
    ] {
        let genesis = parse(&file(json!({ "threshold": threshold })));
        assert_eq!(genesis.governance().threshold, read);
        assert_eq!(genesis.system_rules().governance, *genesis.governance());
    }
}

#[test]
fn what_governance_does_not_say_is_the_default() {
    let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
    let governance = *parse(&file(json!({ "votingPeriod": "2d" }))).governance();
    assert_eq!(governance, Governance { voting_period: days(2), ..Governance::default() });
    let governance = *parse(&file(json!({ "acceptancePeriod": "1h" }))).governance();
    assert_eq!((governance.voting_period, governance.acceptance_period), (days(7), days(1) / 24));
    assert_eq!(parse(&file(json!({}))), parse(&right()));
}

#[test]
fn other_thresholds_are_unknown() {
    only(
        &file(json!({ "threshold": "half" })),
        "config.mokka.governance.threshold: is \"half\"; write \"majority\", \"twoThirds\", or \
         { \"admin\": \"0x…\" } for one account",
    );
    only(
        &file(json!({ "threshold": 3 })),
        "config.mokka.governance.threshold: is the number 3, but must be \"majority\", \
         \"twoThirds\" or { \"admin\": \"0x…\" }",
    );
    only(
        &file(json!({ "threshold": {} })),
        "config.mokka.governance.threshold.admin: is missing; write the address of the account \
         that decides",
    );
    only(
        &file(json!({ "threshold": { "admin": ALICE.replace("Fd6e", "fd6e") } })),
        &format!(
            "config.mokka.governance.threshold.admin: has mixed case, but not that of its EIP-55 \
             checksum, {ALICE}; check every digit"
        ),
    );
    only(
        &file(json!({ "threshold": { "admin": "alice" } })),
        "config.mokka.governance.threshold.admin: \"alice\" is no address; write 0x and 40 hex \
         digits",
    );
    only(
        &file(json!({ "votes": 3 })),
        "config.mokka.governance.votes: is not a field of a Mokka genesis file; remove it, or \
         write one of: acceptancePeriod, threshold, votingPeriod",
    );
}

#[test]
fn periods_are_some_whole_seconds_and_at_most_a_year() {
    for name in ["votingPeriod", "acceptancePeriod"] {
        let path = format!("config.mokka.governance.{name}");
        only(
            &file(json!({ name: "0s" })),
            &format!("{path}: is 0; write a length of time like \"7d\""),
        );
        only(
            &file(json!({ name: "1s 5ms" })),
            &format!("{path}: is 1s 5ms, but is counted in whole seconds; write it like \"7d\""),
        );
        only(
            &file(json!({ name: "2years" })),
            &format!("{path}: is 2years, but can be 1year at most; write less"),
        );
        only(
            &file(json!({ name: "soon" })),
            &format!(
                "{path}: is \"soon\", which is no length of time; write it like \"200ms\" or \"2s\""
            ),
        );
        parse(&file(json!({ name: "1year" })));
        parse(&file(json!({ name: "1s" })));
    }
}

#[test]
fn governance_is_written_where_it_differs() {
    for threshold in [Threshold::Majority, Threshold::TwoThirds, Threshold::Admin(alice())] {
        let mut draft = parse(&right()).into_draft();
        draft.governance.threshold = threshold;
        draft.governance.acceptance_period = Duration::from_secs(90);
        let genesis = draft.check().unwrap();
        let text = genesis.to_json();
        assert!(text.contains("\"acceptancePeriod\": \"1m 30s\""), "{text}");
        assert_eq!(Genesis::parse(&text).unwrap(), genesis);
    }
}

/// §3: names and addresses may differ between the files of two operators.
#[test]
fn system_contracts_begin_with_keys_and_without_names() {
    let validator = |at: usize| Validator::new(KEYS[at].parse().unwrap());
    let rules = |validators: [Validator; 2]| {
        let draft = validators.into_iter().fold(Draft::new(7, CrashModel::Cft), Draft::validator);
        draft.check().unwrap().system_rules()
    };
    let address = "/dns/a.example/tcp/30303".parse().unwrap();
    let named = [validator(1), validator(0).named("berlin").at(address)];
    let plain = rules([validator(0), validator(1)]);
    assert_eq!(plain, rules(named));
    assert_eq!(plain.validators, [KEYS[0].parse().unwrap(), KEYS[1].parse().unwrap()]);
    assert_eq!(plain.gas_limit, 100_000_000);
}
