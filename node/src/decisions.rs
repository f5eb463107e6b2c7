//! What the RPC shows of the members, their proposals and their permissions: as the state says it.

use alloy_primitives::{Address, Bytes, Log};
use mokka_rpc::{
    api::{
        members::{
            ActionView, GovernanceView, ListName, ListRole, ListView, ListedView, PermissionsView,
            ProposalStatus, ProposalView, ThresholdView, VoterView,
        },
        types::{ValidatorRef, ValidatorView},
    },
    seams::{MembersView, ReadError},
};
use mokka_runtime::{
    StateError, StateReader,
    system::{
        self, Action, CONTRACTS, Member, NODES, Pending, Role, Standing, Switch, TRANSACTIONS,
        Threshold,
    },
};
use mokka_types::{Height, PublicKey, ValidatorSet};

use crate::{
    members::{now, set_of},
    participation::Signed,
    view::{Overview, address_of},
};

/// Accounts of a list that are shown.
const LISTED: u64 = 256;

fn unreadable(error: StateError) -> ReadError {
    ReadError(error.0)
}

impl Overview {
    /// Validators in the order of their set, with what they do now.
    pub(crate) fn views(&self, set: &ValidatorSet, members: &[Member]) -> Vec<ValidatorView> {
        let leader = self.now().and_then(|status| status.leader);
        let peers = self.peers_now();
        let signed = self.participation.of(set.keys());
        let views = set.keys().iter().zip(signed).map(|(key, Signed { last, share })| {
            let member = members.iter().find(|member| member.key.x() == key.x());
            let said = |text: fn(&Member) -> &String| {
                member.map(text).filter(|text| !text.is_empty()).cloned()
            };
            let listed = || {
                let address = self.listed(key).and_then(|validator| validator.address.as_ref());
                address.map(|address| address.as_str().to_owned())
            };
            let peer = peers.iter().find(|peer| peer.validator.is_some_and(|at| at.x() == key.x()));
            let ours = self.key.is_some_and(|own| own.x() == key.x());
            let validator = self.validator_of(set, key);
            ValidatorView {
                validator: ValidatorRef {
                    name: said(|member| &member.name).or(validator.name),
                    ..validator
                },
                address: address_of(key).unwrap_or_default(),
                endpoint: said(|member| &member.endpoint).or_else(listed),
                connected: ours || peer.is_some(),
                leader: leader.is_some_and(|leader| leader.x() == key.x()),
                height: match ours {
                    true => Some(self.head.borrow().number),
                    false => peer.map(|peer| peer.committed.get()),
                },
                since: member.map_or(0, |member| member.since),
                last_signed: last.map(Height::get),
                signed_share: share,
            }
        });
        views.collect()
    }

    fn proposal(&self, pending: Pending, voices: &[Member]) -> ProposalView {
        let voters = pending.voters.iter().map(|account| {
            let of = voices.iter().find(|member| member.account == *account);
            VoterView { account: *account, validator: of.map(|member| self.validator(&member.key)) }
        });
        ProposalView {
            id: pending.id.saturating_to(),
            status: match pending.approved {
                true => ProposalStatus::Approved,
                false => ProposalStatus::Open,
            },
            proposer: pending.proposer,
            opened_at: pending.opened_at,
            expires_at: pending.expires_at,
            voters: voters.collect(),
            needed: pending.needed,
            call: pending.action.encode(),
            action: action(pending.action),
        }
    }
}

impl MembersView for Overview {
    fn validators_after(&self, number: u64) -> Result<Option<Vec<ValidatorView>>, ReadError> {
        let Some(state) = self.store.state_at(Height::new(number)) else { return Ok(None) };
        let members = system::validators(&*state).map_err(unreadable)?;
        let set = set_of(self.genesis.crash_model(), &members).map_err(unreadable)?;
        Ok(Some(self.views(&set, &members)))
    }

    fn proposals(&self) -> Result<Vec<ProposalView>, ReadError> {
        let state = self.store.latest().state;
        let pending = system::pending(&*state, now()).map_err(unreadable)?;
        let voices = system::validators(&*state).map_err(unreadable)?;
        Ok(pending.into_iter().map(|one| self.proposal(one, &voices)).collect())
    }

    fn permissions(&self, account: Option<Address>) -> Result<PermissionsView, ReadError> {
        permissions(&*self.store.latest().state, account).map_err(unreadable)
    }

    fn contracts(&self) -> Vec<Address> {
        system::ALL.to_vec()
    }

    fn event_name(&self, log: &Log) -> Option<&'static str> {
        system::event_name(log)
    }
}

fn permissions(
    state: &dyn StateReader,
    account: Option<Address>,
) -> Result<PermissionsView, StateError> {
    // What is said of the lists is the same for everybody.
    let standing = system::standing(state, account.unwrap_or_default())?;
    let lists = standing.into_iter().map(|Standing { list, switch, role }| {
        let (accounts, total) = system::listed(state, list, LISTED)?;
        Ok(ListView {
            address: list,
            name: list_name(list),
            on: switch == Switch::On || list == NODES,
            role: account.map(|_| list_role(role)),
            accounts: accounts
                .into_iter()
                .map(|(account, role)| ListedView { account, role: list_role(role) })
                .collect(),
            total,
        })
    });
    let rules = system::governance(state)?;
    let (threshold, admin) = match rules.threshold {
        Threshold::Majority => (ThresholdView::Majority, None),
        Threshold::TwoThirds => (ThresholdView::TwoThirds, None),
        Threshold::Admin(admin) => (ThresholdView::Admin, Some(admin)),
    };
    Ok(PermissionsView {
        lists: lists.collect::<Result<_, StateError>>()?,
        nodes: system::nodes(state)?,
        governance: GovernanceView {
            threshold,
            admin,
            votes_needed: system::votes_needed(state)?,
            voting_period_seconds: rules.voting_period.as_secs(),
            acceptance_period_seconds: rules.acceptance_period.as_secs(),
        },
    })
}

/// The contracts let nobody propose anything about another address.
fn list_name(list: Address) -> ListName {
    match list {
        TRANSACTIONS => ListName::Transactions,
        CONTRACTS => ListName::Contracts,
        _ => ListName::Observers,
    }
}

const fn list_role(role: Role) -> ListRole {
    match role {
        Role::None => ListRole::None,
        Role::Enabled => ListRole::Enabled,
        Role::Admin => ListRole::Admin,
        Role::Manager => ListRole::Manager,
    }
}

fn action(action: Action) -> ActionView {
    let bytes = |key: PublicKey| Bytes::copy_from_slice(key.as_bytes());
    match action {
        Action::AddValidator { key, name, endpoint } => {
            ActionView::AddValidator { public_key: bytes(key), name, endpoint }
        }
        Action::RemoveValidator { key } => ActionView::RemoveValidator { public_key: bytes(key) },
        Action::ReplaceKey { old, new } => {
            ActionView::ReplaceKey { old_key: bytes(old), new_key: bytes(new) }
        }
        Action::DescribeValidator { key, name, endpoint } => {
            ActionView::DescribeValidator { public_key: bytes(key), name, endpoint }
        }
        Action::ChangeSettings { changes } => {
            let named =
                |(setting, value): (mokka_types::Setting, u64)| (setting.name().to_owned(), value);
            ActionView::ChangeSettings { changes: changes.into_iter().map(named).collect() }
        }
        Action::SwitchList { list, to } => {
            ActionView::SwitchList { list: list_name(list), on: to == Switch::On }
        }
        Action::SetRole { list, account, role } => {
            ActionView::SetRole { list: list_name(list), account, role: list_role(role) }
        }
        Action::SetNode { peer, to } => {
            ActionView::SetNode { peer_id: peer, admitted: to == Switch::On }
        }
    }
}
