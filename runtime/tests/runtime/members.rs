//! The members contract: who may propose, what is refused, and when the validators change (§9).

use std::time::Duration;

use alloy_consensus::transaction::Recovered;
use alloy_primitives::{Address, Bytes, TxKind, U256};
use alloy_rpc_types_eth::TransactionRequest;
use alloy_sol_types::{SolCall, SolError, SolEvent};
use mokka_runtime::{
    BlockBuilder, CallInput, CallOutcome, Executed, PushError, TxError, call,
    system::{
        Action, Governance, MEMBERS, NODES, Permissions, SystemRules, SystemState, TRANSACTIONS,
        Threshold,
        abi::{
            IAllowList,
            IMembers::{self, Status},
            INodeList,
        },
        pending,
    },
};
use mokka_types::{MAX_VALIDATORS, PublicKey, Setting, Settings};

use crate::world::{Person, World, legacy};

/// Enough for every call.
const GAS: u64 = 5_000_000;

const DELEGATECALL: u8 = 0xf4;
const STATICCALL: u8 = 0xfa;

/// A chain whose first people validate.
pub(crate) struct Consortium {
    pub(crate) world: World,
}

impl Consortium {
    pub(crate) fn of(validators: u8) -> Self {
        Self::with(rules(validators))
    }

    #[allow(clippy::needless_pass_by_value)] // The rules are made for this world.
    pub(crate) fn with(rules: SystemRules) -> Self {
        Self { world: World::governed(&rules) }
    }

    pub(crate) fn transaction(
        &self,
        person: Person,
        to: Address,
        input: &[u8],
    ) -> Recovered<alloy_consensus::TxEnvelope> {
        let nonce = self.world.nonce(person.address());
        person.sign(legacy(nonce, TxKind::Call(to), GAS, input))
    }

    /// Calls in a block of its own, as a transaction and before it without consequences: how it
    /// ended, and the block.
    pub(crate) fn call_at(
        &mut self,
        person: Person,
        to: Address,
        input: &[u8],
    ) -> (Result<Bytes, Bytes>, Executed) {
        let foreseen = self.ask(person.address(), to, input);
        let block = self.world.advance(vec![self.transaction(person, to, input)]);
        assert_eq!(block.receipts[0].status(), foreseen.is_ok(), "{foreseen:?}");
        (foreseen, block)
    }

    fn ask(&self, from: Address, to: Address, input: &[u8]) -> Result<Bytes, Bytes> {
        let request = TransactionRequest::default()
            .from(from)
            .to(to)
            .input(Bytes::copy_from_slice(input).into());
        // The next block is a little later; nothing here depends on so little.
        let input = CallInput {
            request: &request,
            state_overrides: None,
            block_overrides: None,
            gas_cap: GAS,
        };
        match call(&self.world.spec, &self.world.head, &self.world.memory, input).unwrap() {
            CallOutcome::Success { output, .. } => Ok(output),
            CallOutcome::Revert { data, .. } => Err(data),
            CallOutcome::Halt { reason, .. } => panic!("{reason}"),
        }
    }

    /// A call that must succeed.
    fn does<C: SolCall>(&mut self, person: Person, call: &C) -> Executed {
        let (ended, block) = self.call_at(person, MEMBERS, &call.abi_encode());
        ended.unwrap_or_else(|data| panic!("{} reverts with {data}", C::SIGNATURE));
        block
    }

    /// A call that must revert with this error.
    fn refused<C: SolCall>(&mut self, person: Person, call: &C, error: &impl SolError) {
        let (ended, block) = self.call_at(person, MEMBERS, &call.abi_encode());
        assert_eq!(ended, Err(Bytes::from(error.abi_encode())), "{}", C::SIGNATURE);
        assert!(block.receipts[0].logs().is_empty());
    }

    /// What a call shows.
    pub(crate) fn shows<C: SolCall>(&self, call: &C) -> C::Return {
        let output = self.ask(Person(9).address(), MEMBERS, &call.abi_encode()).unwrap();
        C::abi_decode_returns(&output).unwrap()
    }

    pub(crate) fn state(&self) -> SystemState {
        SystemState::read(&self.world.memory, &Settings::default()).unwrap().unwrap()
    }

    fn keys(&self) -> Vec<PublicKey> {
        let mut keys: Vec<_> = self.state().validators.into_iter().map(|one| one.key).collect();
        keys.sort_unstable();
        keys
    }

    fn status(&self, id: u64) -> Status {
        self.shows(&IMembers::proposalCall { id: U256::from(id) }).status
    }

    /// A contract that forwards its input to another one, and gives back what that answers.
    fn forwarder(&mut self, to: Address, opcode: u8) -> Address {
        let mut code = alloy_primitives::hex!("365f5f375f5f365f73").to_vec();
        code.extend(to.as_slice());
        code.extend([0x5a, opcode]);
        code.extend(alloy_primitives::hex!("3d5f5f3e6040573d5ffd5b3d5ff3"));
        let (target, at) = (u8::try_from(code.len() - 4).unwrap(), code.len() - 9);
        code[at] = target;
        let creator = Person(10);
        let nonce = self.world.nonce(creator.address());
        let code = crate::contracts::init_code(&code);
        self.world.advance(vec![creator.sign(legacy(nonce, TxKind::Create, GAS, &code))]);
        creator.address().create(nonce)
    }

    /// Time passes with the next block.
    fn later(&mut self, seconds: u64) {
        let mut header = self.world.head.inner().clone();
        let stamp = mokka_runtime::Stamp::of(&header).unwrap();
        let stamp = mokka_runtime::Stamp { ms: stamp.ms + seconds * 1000, ..stamp };
        header.extra_data = stamp.extra_data();
        header.timestamp += seconds;
        self.world.head = alloy_primitives::Sealed::new_unchecked(header, self.world.head.hash());
    }
}

pub(crate) fn rules(validators: u8) -> SystemRules {
    SystemRules {
        validators: (0..validators).map(|i| Person(i).key()).collect(),
        settings: Settings::default(),
        gas_limit: 100_000_000,
        governance: Governance::default(),
        permissions: Permissions::default(),
    }
}

fn bytes(key: &PublicKey) -> Bytes {
    Bytes::copy_from_slice(key.as_bytes())
}

fn add(newcomer: Person) -> IMembers::addValidatorCall {
    IMembers::addValidatorCall {
        publicKey: bytes(&newcomer.key()),
        name: format!("org {}", newcomer.0),
        endpoint: "/dns/a.example/tcp/30303".to_owned(),
    }
}

fn remove(person: Person) -> IMembers::removeValidatorCall {
    IMembers::removeValidatorCall { publicKey: bytes(&person.key()) }
}

fn replace(old: Person, new: Person) -> IMembers::replaceKeyCall {
    IMembers::replaceKeyCall { oldKey: bytes(&old.key()), newKey: bytes(&new.key()) }
}

fn vote(id: u64) -> IMembers::voteCall {
    IMembers::voteCall { id: U256::from(id) }
}

fn accept(id: u64) -> IMembers::acceptCall {
    IMembers::acceptCall { id: U256::from(id) }
}

fn settings(changes: &[(&str, u64)]) -> IMembers::changeSettingsCall {
    IMembers::changeSettingsCall {
        names: changes.iter().map(|(name, _)| (*name).to_owned()).collect(),
        values: changes.iter().map(|(_, value)| *value).collect(),
    }
}

/// Block 0 has the validators of the genesis file, whatever their order in it, and no names.
#[test]
fn a_chain_begins_with_its_validators() {
    let consortium = Consortium::of(4);
    let shown = consortium.shows(&IMembers::validatorsCall {});
    assert_eq!(shown.len(), 4);
    for i in 0..4 {
        let one = shown.iter().find(|one| one.account == Person(i).address()).unwrap();
        let expected = (bytes(&Person(i).key()), String::new(), 0);
        assert_eq!((one.publicKey.clone(), one.name.clone(), one.since), expected);
    }
    let mut turned = rules(4);
    turned.validators.reverse();
    assert_eq!(Consortium::with(turned).world.head.hash(), consortium.world.head.hash());
    let count = consortium.world.memory.storage[&(MEMBERS, U256::from(1))];
    assert_eq!(count, U256::from(4), "any tool can read it");
}

/// An approved key is no validator until it says itself that it is there.
#[test]
fn a_new_key_validates_once_it_accepts() {
    let mut at = Consortium::of(3);
    let before = at.keys();
    at.does(Person(0), &add(Person(5)));
    assert_eq!(at.status(1), Status::Open);
    let approved = at.does(Person(1), &vote(1));
    assert_eq!(at.status(1), Status::Approved);
    assert_eq!(at.keys(), before, "nobody waits for it");
    assert_eq!(at.state().candidates.len(), 1);
    let id = U256::from(1);
    let event = IMembers::ProposalApproved::decode_log_data(&approved.receipts[0].logs()[1].data);
    assert_eq!(event.unwrap().id, id);
    let (caller, candidate) = (Person(6).address(), Person(5).address());
    at.refused(Person(6), &accept(1), &IMembers::NotTheCandidate { id, caller, candidate });
    let accepted = at.does(Person(5), &accept(1));
    assert_eq!(at.status(1), Status::Enacted);
    let member = at.state().validators.into_iter().find(|one| one.key == Person(5).key()).unwrap();
    assert_eq!((member.name.as_str(), member.since), ("org 5", accepted.number()));
    assert_eq!((at.keys().len(), at.state().candidates.len()), (4, 0));
    at.refused(Person(5), &accept(1), &IMembers::NotApproved { id, status: Status::Enacted });
    at.does(Person(5), &remove(Person(0)));
}

/// Each mistake has its own error, and changes nothing.
#[test]
fn each_mistake_has_its_own_error() {
    let mut at = Consortium::of(3);
    let caller = Person(9).address();
    at.refused(Person(9), &add(Person(5)), &IMembers::NotAMember { caller });
    at.refused(Person(9), &vote(1), &IMembers::NotAMember { caller });
    let announce = IMembers::announceCall { name: "nobody".to_owned(), endpoint: String::new() };
    at.refused(Person(9), &announce, &IMembers::NotAMember { caller });
    at.refused(Person(0), &vote(1), &IMembers::NoSuchProposal { id: U256::from(1) });
    let public_key = bytes(&Person(1).key());
    at.refused(Person(0), &add(Person(1)), &IMembers::KeyInUse { publicKey: public_key });
    let public_key = Bytes::from(vec![2; 32]);
    let short = IMembers::addValidatorCall { publicKey: public_key.clone(), ..add(Person(5)) };
    at.refused(Person(0), &short, &IMembers::InvalidKey { publicKey: public_key });
    let mut off_curve = vec![0; 33];
    (off_curve[0], off_curve[32]) = (2, 5);
    let public_key = Bytes::from(off_curve);
    let no_point = IMembers::addValidatorCall { publicKey: public_key.clone(), ..add(Person(5)) };
    at.refused(Person(0), &no_point, &IMembers::InvalidKey { publicKey: public_key });
    let public_key = bytes(&Person(5).key());
    at.refused(Person(0), &remove(Person(5)), &IMembers::NotAValidator { publicKey: public_key });

    at.does(Person(0), &add(Person(5)));
    let (id, voter) = (U256::from(1), Person(0).address());
    at.refused(Person(0), &vote(1), &IMembers::AlreadyVoted { id, voter });
    let public_key = bytes(&Person(5).key());
    at.refused(Person(1), &add(Person(5)), &IMembers::KeyInUse { publicKey: public_key });
    at.does(Person(0), &remove(Person(2)));
    at.refused(Person(1), &remove(Person(2)), &IMembers::AlreadyProposed { id: U256::from(2) });
    let (votes, needed) = (U256::from(1), U256::from(2));
    let enact = IMembers::enactCall { id };
    at.refused(Person(7), &enact, &IMembers::TooFewVotes { id, votes, needed });
    let status = Status::Open;
    at.refused(Person(5), &accept(1), &IMembers::NotApproved { id, status });
    let voter = Person(1).address();
    at.refused(Person(1), &IMembers::withdrawCall { id }, &IMembers::NotVoted { id, voter });
}

/// Also a key with the other parity is the same key to consensus (§3).
#[test]
fn the_other_parity_of_a_key_is_in_use() {
    let mut at = Consortium::of(1);
    at.does(Person(0), &add(Person(5)));
    for taken in [Person(0), Person(5)] {
        let mut twin = *taken.key().as_bytes();
        twin[0] ^= 1;
        let public_key = Bytes::copy_from_slice(&twin);
        let call = IMembers::addValidatorCall { publicKey: public_key.clone(), ..add(Person(6)) };
        at.refused(Person(0), &call, &IMembers::KeyInUse { publicKey: public_key });
    }
}

/// Somebody always stays.
#[test]
fn the_last_validator_cannot_be_removed() {
    let mut at = Consortium::of(1);
    at.refused(Person(0), &remove(Person(0)), &IMembers::LastValidator {});
    at.does(Person(0), &replace(Person(0), Person(1)));
    at.does(Person(1), &accept(1));
    assert_eq!(at.keys(), [Person(1).key()]);
}

/// What made sense when it was proposed may not any more when it has its votes.
#[test]
fn what_is_carried_out_must_make_sense_then() {
    let mut at = Consortium::of(2);
    at.does(Person(0), &remove(Person(1)));
    at.does(Person(1), &remove(Person(0)));
    at.does(Person(1), &vote(1));
    assert_eq!(at.keys(), [Person(0).key()]);
    at.refused(Person(0), &vote(2), &IMembers::LastValidator {});
    assert_eq!(at.keys(), [Person(0).key()]);
}

/// Also those who were approved while there was room.
#[test]
fn a_set_has_a_bounded_number_of_validators() {
    let (admin, most) = (Person(8), U256::from(MAX_VALIDATORS));
    let threshold = Threshold::Admin(admin.address());
    let governance = Governance { threshold, ..Governance::default() };
    // One less than there may be, none of whom has money.
    let validators = (16..143).map(|i| Person(i).key()).collect();
    let mut at = Consortium::with(SystemRules { governance, validators, ..rules(0) });
    at.does(admin, &add(Person(0)));
    at.does(admin, &add(Person(1)));
    at.does(Person(0), &accept(1));
    assert_eq!(at.keys().len(), MAX_VALIDATORS);
    at.refused(Person(1), &accept(2), &IMembers::TooManyValidators { most });
    at.refused(admin, &add(Person(2)), &IMembers::TooManyValidators { most });
}

/// Whoever goes first: the others stay, and each of them can go next.
#[test]
fn validators_leave_in_any_order() {
    for first in 0..5 {
        let admin = Person(8);
        let threshold = Threshold::Admin(admin.address());
        let governance = Governance { threshold, ..Governance::default() };
        let mut at = Consortium::with(SystemRules { governance, ..rules(5) });
        let order: Vec<_> = (0..5).map(|i| Person((first + i) % 5)).collect();
        for gone in 1..5 {
            at.does(admin, &remove(order[gone - 1]));
            let mut left: Vec<_> = order[gone..].iter().map(|person| person.key()).collect();
            left.sort_unstable();
            assert_eq!(at.keys(), left);
        }
    }
}

/// More than half, two thirds, or one account alone.
#[test]
fn the_threshold_is_that_of_the_genesis_file() {
    let rule = |threshold| Governance { threshold, ..Governance::default() };
    for (threshold, validators, needed) in [
        (Threshold::Majority, 1, 1),
        (Threshold::Majority, 4, 3),
        (Threshold::Majority, 7, 4),
        (Threshold::TwoThirds, 3, 2),
        (Threshold::TwoThirds, 4, 3),
        (Threshold::TwoThirds, 7, 5),
    ] {
        let rules = SystemRules { governance: rule(threshold), ..rules(validators) };
        let mut at = Consortium::with(rules);
        assert_eq!(at.shows(&IMembers::votesNeededCall {}), U256::from(needed));
        at.does(Person(0), &settings(&[("blockInterval", 250)]));
        for voter in 1..needed {
            assert_eq!(at.status(1), Status::Open, "{threshold:?} of {validators}");
            at.does(Person(voter), &vote(1));
        }
        assert_eq!(at.status(1), Status::Enacted, "{threshold:?} of {validators}");
    }
    let admin = Person(8);
    let governance = rule(Threshold::Admin(admin.address()));
    let mut at = Consortium::with(SystemRules { governance, ..rules(4) });
    let caller = Person(0).address();
    at.refused(Person(0), &remove(Person(1)), &IMembers::NotAMember { caller });
    at.does(admin, &remove(Person(1)));
    assert_eq!(at.keys().len(), 3);
}

/// A proposal, and an approval, have their time.
#[test]
fn what_takes_too_long_expires() {
    let governance = Governance {
        voting_period: Duration::from_secs(100),
        acceptance_period: Duration::from_secs(10),
        ..Governance::default()
    };
    let mut at = Consortium::with(SystemRules { governance, ..rules(3) });
    at.does(Person(0), &add(Person(5)));
    at.later(101);
    let (id, status) = (U256::from(1), Status::Expired);
    assert_eq!(at.status(1), Status::Expired);
    at.refused(Person(1), &vote(1), &IMembers::NotOpen { id, status });
    assert!(at.shows(&IMembers::proposalsCall {}).is_empty());

    let block = at.does(Person(0), &add(Person(5)));
    let first = &block.receipts[0].logs()[0];
    assert_eq!(IMembers::ProposalExpired::decode_log_data(&first.data).unwrap().id, id);
    at.does(Person(1), &vote(2));
    at.later(11);
    let id = U256::from(2);
    at.refused(Person(5), &accept(2), &IMembers::NotApproved { id, status });
    assert_eq!(at.keys().len(), 3, "the chain did not notice");
    at.does(Person(0), &add(Person(5)));
}

/// The second in which it expires still counts.
#[test]
fn votes_and_acceptances_have_all_of_their_time() {
    let governance = Governance {
        voting_period: Duration::from_secs(100),
        acceptance_period: Duration::from_secs(10),
        ..Governance::default()
    };
    let mut at = Consortium::with(SystemRules { governance, ..rules(3) });
    let expires_at =
        |at: &Consortium| at.shows(&IMembers::proposalCall { id: U256::from(1) }).expiresAt;
    let opened = at.does(Person(0), &add(Person(5)));
    assert_eq!(expires_at(&at), opened.block.header.timestamp + 100);
    at.later(100);
    let approved = at.does(Person(1), &vote(1));
    assert_eq!(approved.block.header.timestamp, opened.block.header.timestamp + 100);
    at.later(10);
    let accepted = at.does(Person(5), &accept(1));
    assert_eq!(accepted.block.header.timestamp, approved.block.header.timestamp + 10);
    assert_eq!(expires_at(&at), accepted.block.header.timestamp);
}

/// A vote can be taken back; a proposal without votes is dropped.
#[test]
fn a_vote_can_be_withdrawn() {
    let mut at = Consortium::of(4);
    at.does(Person(0), &remove(Person(3)));
    at.does(Person(1), &vote(1));
    let withdraw = IMembers::withdrawCall { id: U256::from(1) };
    at.does(Person(0), &withdraw);
    assert_eq!(at.shows(&IMembers::proposalCall { id: U256::from(1) }).voters.len(), 1);
    at.does(Person(2), &vote(1));
    assert_eq!(at.status(1), Status::Open, "two of four are no majority");
    at.does(Person(1), &withdraw);
    at.does(Person(2), &withdraw);
    assert_eq!(at.status(1), Status::Dropped);
    at.does(Person(0), &remove(Person(3)));
    assert_eq!(at.shows(&IMembers::proposalCountCall {}), U256::from(2));
}

/// Who was removed has no vote any more, not even one that was cast; the rest may suffice then.
#[test]
fn votes_count_while_their_voters_may_vote() {
    let mut at = Consortium::of(4);
    at.does(Person(3), &settings(&[("blockInterval", 250)]));
    at.does(Person(0), &vote(1));
    at.does(Person(0), &remove(Person(2)));
    at.does(Person(1), &vote(2));
    at.does(Person(3), &vote(2));
    assert_eq!((at.keys().len(), at.status(1)), (3, Status::Open));
    at.does(Person(9), &IMembers::enactCall { id: U256::from(1) });
    assert_eq!(at.status(1), Status::Enacted);

    at.does(Person(3), &settings(&[("blockInterval", 0)]));
    at.does(Person(0), &remove(Person(3)));
    at.does(Person(1), &vote(4));
    let shown = at.shows(&IMembers::proposalCall { id: U256::from(3) });
    assert_eq!((shown.voters.len(), shown.needed), (0, U256::from(2)));
}

/// §8: rotation and lost state cost no seat; the new key accepts, the old one is gone.
#[test]
fn a_replaced_key_keeps_its_seat() {
    let mut at = Consortium::of(4);
    let (name, endpoint) = ("anna".to_owned(), "/ip4/10.0.0.1/tcp/30303".to_owned());
    at.does(Person(0), &IMembers::announceCall { name: name.clone(), endpoint: endpoint.clone() });
    at.does(Person(1), &replace(Person(0), Person(6)));
    at.does(Person(2), &vote(1));
    at.does(Person(3), &vote(1));
    let accepted = at.does(Person(6), &accept(1));
    let member = at.state().validators.into_iter().find(|one| one.key == Person(6).key()).unwrap();
    assert_eq!((member.name, member.endpoint, at.keys().len()), (name, endpoint, 4));
    assert_eq!(member.since, accepted.number(), "the key is new, the seat is not");
    let caller = Person(0).address();
    at.refused(Person(0), &remove(Person(1)), &IMembers::NotAMember { caller });
    at.does(Person(6), &remove(Person(1)));
}

/// Two approved at once: each accepts for itself.
#[test]
fn two_approved_at_once_accept_in_any_order() {
    for order in [[5, 6], [6, 5]] {
        let mut at = Consortium::of(1);
        at.does(Person(0), &add(Person(5)));
        at.does(Person(0), &add(Person(6)));
        for newcomer in order {
            at.does(Person(newcomer), &accept(u64::from(newcomer) - 4));
        }
        assert_eq!(at.keys().len(), 3);
    }
}

/// §4: settings fit together afterwards as they must in a genesis file; they hold from the next
/// block on.
#[test]
fn settings_change_if_they_fit_together() {
    let mut at = Consortium::of(1);
    at.does(Person(0), &settings(&[("blockInterval", 500), ("emptyBlockInterval", 10_000)]));
    let now = at.state().settings;
    assert_eq!(now.block_interval, Duration::from_millis(500));
    assert_eq!(now.empty_block_interval, Some(Duration::from_secs(10)));
    let block = at.does(Person(0), &settings(&[("gasLimit", 60_000_000)]));
    assert_eq!(block.block.header.gas_limit, 100_000_000);
    let next = at.world.advance(Vec::new());
    assert_eq!((next.block.header.gas_limit, at.state().gas_limit), (60_000_000, 60_000_000));
    for (changes, name) in [
        (&[("heartbeat", 400)][..], "electionTimeout"),
        (&[("heartbeat", 0)], "heartbeat"),
        (&[("emptyBlockInterval", 100)], "emptyBlockInterval"),
        (&[("gasLimit", 10)], "gasLimit"),
        (&[("gasLimit", 100_000_000_000)], "progressTimeout"),
        (&[("maxBlockBytes", 10)], "maxBlockBytes"),
        (&[("heartbeat", 100), ("heartbeat", 100)], "heartbeat"),
        (&[], ""),
    ] {
        let (ended, _) = at.call_at(Person(0), MEMBERS, &settings(changes).abi_encode());
        let error = IMembers::InvalidSetting::abi_decode(&ended.unwrap_err()).unwrap();
        assert_eq!(error.name, name, "{changes:?}: {}", error.reason);
    }
    let (names, values) = (Setting::ALL.map(Setting::name), at.shows(&IMembers::settingsCall {}));
    assert_eq!(values.names, names);
    assert_eq!(values.values[6], 500);
}

/// What a proposal does can be read from what it keeps.
#[test]
fn an_action_is_the_call_that_proposed_it() {
    let mut at = Consortium::of(3);
    at.does(Person(0), &add(Person(5)));
    at.does(Person(1), &settings(&[("heartbeat", 150)]));
    let now = at.world.head.timestamp;
    let actions: Vec<_> =
        pending(&at.world.memory, now).unwrap().into_iter().map(|one| one.action).collect();
    let Action::AddValidator { key, name, .. } = &actions[0] else { panic!("{actions:?}") };
    assert_eq!((*key, name.as_str()), (Person(5).key(), "org 5"));
    assert_eq!(actions[1], Action::ChangeSettings { changes: vec![(Setting::Heartbeat, 150)] });
    assert_eq!(*actions[0].encode(), *add(Person(5)).abi_encode());
}

/// Only so many are open at a time; deciding or withdrawing makes room.
#[test]
fn open_proposals_are_bounded() {
    let mut at = Consortium::of(2);
    for value in 0..32 {
        at.does(Person(0), &settings(&[("blockInterval", 1 + value)]));
    }
    let most = U256::from(32);
    let more = settings(&[("blockInterval", 1000)]);
    at.refused(Person(0), &more, &IMembers::TooManyProposals { most });
    at.does(Person(0), &IMembers::withdrawCall { id: U256::from(7) });
    at.does(Person(0), &more);
}

/// §9: whoever builds leaves a change of validators out while too few of the new ones are level,
/// and takes the rest.
#[test]
fn a_builder_announces_only_whom_it_may() {
    let mut at = Consortium::of(2);
    at.does(Person(0), &add(Person(5)));
    at.does(Person(1), &vote(1));
    let acceptance = at.transaction(Person(5), MEMBERS, &accept(1).abi_encode());
    let harmless = at.transaction(Person(0), Person(1).address(), &[]);
    let world = &at.world;
    for may in [false, true] {
        let may_validate = |keys: &[PublicKey]| may || keys.len() != 3;
        let (state, tree) = (&world.memory, &world.memory);
        let mut builder = BlockBuilder::announcing(
            &may_validate,
            &world.spec,
            &world.head,
            world.plan(),
            state,
            tree,
        )
        .unwrap();
        builder.push(harmless.clone()).unwrap();
        match builder.push(acceptance.clone()) {
            Ok(()) => assert!(may),
            Err(PushError::Refused(TxError::NotLevel)) => assert!(!may),
            Err(error) => panic!("{error}"),
        }
        assert_eq!(builder.len(), 1 + usize::from(may));
        builder.finish().unwrap();
    }
}

/// §9: also a set from which somebody leaves must be level.
#[test]
fn a_builder_removes_nobody_while_too_few_are_left() {
    let mut at = Consortium::of(2);
    at.does(Person(0), &remove(Person(1)));
    let last_vote = at.transaction(Person(1), MEMBERS, &vote(1).abi_encode());
    let World { spec, head, memory, .. } = &at.world;
    let nobody = |keys: &[PublicKey]| keys != [Person(0).key()];
    let plan = at.world.plan();
    let mut builder = BlockBuilder::announcing(&nobody, spec, head, plan, memory, memory).unwrap();
    let pushed = builder.push(last_vote);
    assert!(matches!(pushed, Err(PushError::Refused(TxError::NotLevel))), "{pushed:?}");
}

/// The contract is called itself, without coins, and where something may change.
#[test]
fn contracts_cannot_trick_the_contract() {
    let mut at = Consortium::of(1);
    for (opcode, error) in [
        (STATICCALL, IMembers::ReadOnlyCall {}.abi_encode()),
        (DELEGATECALL, IMembers::DelegateCall {}.abi_encode()),
    ] {
        let contract = at.forwarder(MEMBERS, opcode);
        let input = settings(&[("blockInterval", 7)]).abi_encode();
        let (ended, _) = at.call_at(Person(0), contract, &input);
        assert_eq!(ended, Err(Bytes::from(error)), "{opcode:x}");
    }
    let nonce = at.world.nonce(Person(0).address());
    let harmless = settings(&[("blockInterval", 7)]).abi_encode();
    let mut paying = legacy(nonce, TxKind::Call(MEMBERS), GAS, &harmless);
    paying.value = U256::from(1);
    let block = at.world.advance(vec![Person(0).sign(paying)]);
    assert!(!block.receipts[0].status());
    assert_eq!(at.world.balance(MEMBERS), U256::ZERO);
}

/// Each function that changes something says so where nothing may change, whoever calls it.
#[test]
fn nothing_changes_where_nothing_may() {
    let mut at = Consortium::of(1);
    let (id, account, peer) = (U256::from(1), Person(5).address(), "12D3KooW".to_owned());
    let (name, endpoint) = (String::new(), String::new());
    let of_members = vec![
        vote(1).abi_encode(),
        IMembers::withdrawCall { id }.abi_encode(),
        IMembers::enactCall { id }.abi_encode(),
        accept(1).abi_encode(),
        IMembers::announceCall { name, endpoint }.abi_encode(),
    ];
    let of_a_list = vec![
        IAllowList::setAdminCall { account }.abi_encode(),
        IAllowList::setNoneCall { account }.abi_encode(),
    ];
    let of_nodes = vec![
        INodeList::admitCall { peerId: peer.clone() }.abi_encode(),
        INodeList::dismissCall { peerId: peer }.abi_encode(),
        INodeList::setAdminCall { account }.abi_encode(),
    ];
    for (to, calls) in [(MEMBERS, of_members), (TRANSACTIONS, of_a_list), (NODES, of_nodes)] {
        let contract = at.forwarder(to, STATICCALL);
        for call in calls {
            let (ended, _) = at.call_at(Person(0), contract, &call);
            let error = IMembers::ReadOnlyCall {}.abi_encode();
            assert_eq!(ended, Err(Bytes::from(error)), "{to}: {}", Bytes::from(call));
        }
    }
}

/// Calldata is bounded before it is decoded, and nonsense reverts.
#[test]
fn nonsense_reverts() {
    let mut at = Consortium::of(1);
    let long = [IMembers::validatorsCall::SELECTOR.as_slice(), &[0; 10_000]].concat();
    for input in [vec![], vec![1, 2, 3], vec![9; 100], long] {
        let (ended, _) = at.call_at(Person(0), MEMBERS, &input);
        assert!(ended.is_err());
    }
    let call = at.transaction(Person(0), MEMBERS, &settings(&[("heartbeat", 150)]).abi_encode());
    let nonce = at.world.nonce(Person(0).address());
    let input = alloy_consensus::Transaction::input(call.inner()).clone();
    let poor = Person(0).sign(legacy(nonce, TxKind::Call(MEMBERS), 60_000, &input));
    let block = at.world.advance(vec![poor]);
    assert!(!block.receipts[0].status(), "out of gas changes nothing");
    assert_eq!(at.state().settings, Settings::default());
}
