//! Why the members contract says no, in words that say what to do.

use alloy_sol_types::{Revert, SolError, SolInterface};
use mokka_runtime::system::abi::IMembers::{IMembersErrors as Errors, Status};

/// The words for what a call reverted with.
pub(crate) fn words(data: &[u8]) -> String {
    match Errors::abi_decode(data) {
        Ok(error) => of(&error),
        Err(_) => match Revert::abi_decode(data) {
            Ok(revert) => revert.reason().to_owned(),
            Err(_) => format!("it reverts with {}", alloy_primitives::Bytes::copy_from_slice(data)),
        },
    }
}

fn of(error: &Errors) -> String {
    match error {
        Errors::NotAMember(at) => format!(
            "{} has no vote; pass the key of a validator (or of the admin, where one decides)",
            at.caller
        ),
        Errors::NoSuchProposal(at) => {
            format!("there is no proposal {}; see `mokka validators proposals`", at.id)
        }
        Errors::NotOpen(at) => {
            format!("proposal {} takes no votes any more: it is {}", at.id, status(at.status))
        }
        Errors::AlreadyVoted(at) => format!("{} has voted for proposal {} before", at.voter, at.id),
        Errors::NotVoted(at) => format!("{} has not voted for proposal {}", at.voter, at.id),
        Errors::TooFewVotes(at) => {
            format!("proposal {} has {} votes and needs {}", at.id, at.votes, at.needed)
        }
        Errors::AlreadyProposed(at) => format!(
            "the same is proposed already; vote for it with `mokka validators vote {}`",
            at.id
        ),
        Errors::TooManyProposals(at) => format!(
            "{} proposals are open, which is the most; decide or withdraw some first",
            at.most
        ),
        Errors::NotApproved(at) => {
            format!("proposal {} waits for no acceptance: it is {}", at.id, status(at.status))
        }
        Errors::NotTheCandidate(at) => {
            format!("only {} accepts proposal {}", at.candidate, at.id)
        }
        Errors::InvalidKey(at) => format!(
            "{} is no compressed key of secp256k1; copy what `mokka keys show` prints",
            at.publicKey
        ),
        Errors::KeyInUse(at) => format!(
            "{} is a validator, or about to become one; see `mokka validators` and `mokka \
             validators proposals`",
            at.publicKey
        ),
        Errors::NotAValidator(at) => {
            format!("{} is no validator; see `mokka validators`", at.publicKey)
        }
        Errors::LastValidator(_) => {
            "it is the last validator, and nobody would be left; add another first".to_owned()
        }
        Errors::TooManyValidators(at) => {
            format!("there are {} validators, which is the most; remove one first", at.most)
        }
        Errors::InvalidName(at) => format!("the name {:?} {}", at.name, at.reason),
        Errors::InvalidEndpoint(at) => format!(
            "the address {:?} {}; write it like /dns/a.example/tcp/30303",
            at.endpoint, at.reason
        ),
        Errors::InvalidSetting(at) => format!("{} {}", at.name, at.reason),
        Errors::NothingToDo(_) => "it is so already: nothing would change".to_owned(),
        Errors::NotAList(at) => format!("{} is no such list", at.list),
        Errors::InvalidRole(at) => format!("{} is no role; roles are 0 to 3", at.role),
        Errors::InvalidPeerId(at) => {
            format!("{:?} is no peer id; a node shows its own with `mokka status`", at.peerId)
        }
        Errors::TooManyNodes(at) => {
            format!("{} nodes are on the list, which is the most; dismiss one first", at.most)
        }
        Errors::ReadOnlyCall(_) | Errors::NotPayable(_) | Errors::DelegateCall(_) => {
            "the contract was not called as it must be; this is a bug, please report it".to_owned()
        }
    }
}

/// A status in one word.
pub(crate) const fn status(status: Status) -> &'static str {
    match status {
        Status::Open => "open",
        Status::Approved => "approved",
        Status::Enacted => "enacted",
        Status::Expired => "expired",
        Status::Dropped => "dropped",
        _ => "unknown",
    }
}
