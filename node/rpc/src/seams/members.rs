//! What members decided, and what they decide about.

use alloy_primitives::{Address, Log};

use super::ReadError;
use crate::api::members::{PermissionsView, ProposalView};
use crate::api::types::ValidatorView;

/// What the chain says of its members. Those that return a [`ReadError`] read the disk and are
/// called on blocking threads.
pub trait MembersView: Send + Sync + 'static {
    /// The validators of the block after this one, in the order of their set, or `None` where the
    /// state is gone. What they do now is said of them as they are now.
    fn validators_after(&self, number: u64) -> Result<Option<Vec<ValidatorView>>, ReadError>;
    /// What is open or waits for an acceptance now, oldest first.
    fn proposals(&self) -> Result<Vec<ProposalView>, ReadError>;
    /// The lists, with the roles of an account if one is named.
    fn permissions(&self, account: Option<Address>) -> Result<PermissionsView, ReadError>;
    /// The contracts whose events are about members.
    fn contracts(&self) -> Vec<Address>;
    /// The name of such an event; `None` for another log.
    fn event_name(&self, log: &Log) -> Option<&'static str>;
}
