// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity >=0.8.4;

/// Which accounts may do something. The functions and roles are those of Avalanche's precompiles.
///
/// | address | who is on it may |
/// |---|---|
/// | 0x4D6f6B6b61000000000000000000000000000002 | send transactions |
/// | 0x4D6F6B6B61000000000000000000000000000003 | create contracts, by transactions or from within them |
///
/// A list that is off holds nobody back; members turn it on and off (IMembers.switchList). Roles: 0
/// none, 1 enabled, 2 admin, 3 manager. Who has any role but none may do what the list is about.
/// Admins give and take every role; managers enable and disable. Members do anything by vote
/// (IMembers.setRole). Validators, and keys that are to become validators, can always call IMembers.
interface IAllowList {
    /// Gives an account all rights over the list.
    function setAdmin(address account) external;
    /// Lets an account enable and disable others.
    function setManager(address account) external;
    /// Lets an account do what the list is about.
    function setEnabled(address account) external;
    /// Takes an account's role away.
    function setNone(address account) external;

    /// The role of an account.
    function readAllowList(address account) external view returns (uint256 role);
    /// Whether the list holds anybody back.
    function isOn() external view returns (bool);
    /// Every account with a role, in no particular order; `from` is where to begin, as they may be many.
    function accounts(uint256 from, uint256 most)
        external
        view
        returns (address[] memory listed, uint256[] memory roles, uint256 total);

    event RoleSet(uint256 indexed role, address indexed account, address indexed sender, uint256 oldRole);
    event ListSwitched(bool on);

    /// The caller's role does not allow it.
    error NotAuthorized(address caller, uint256 role);
    /// This function changes state, and was called where nothing may change.
    error ReadOnlyCall();
    /// The contract takes no coins.
    error NotPayable();
    /// It must be called itself, not its code by another contract.
    error DelegateCall();
}
