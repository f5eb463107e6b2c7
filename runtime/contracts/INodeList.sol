// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity >=0.8.4;

/// Which nodes may connect as observers, beside those that a member lets in by its own settings.
///
/// At 0x4D6f6b6B61000000000000000000000000000004. Accounts have roles as in IAllowList: 2 admin, 3
/// manager; both admit and dismiss nodes, admins also give and take roles. 1 means nothing here.
/// A peer id is the text that `mokka status` shows, such as 12D3KooW…
interface INodeList {
    /// Lets a node connect.
    function admit(string calldata peerId) external;
    /// Lets it connect no more; it is cut at once.
    function dismiss(string calldata peerId) external;
    /// Gives an account all rights over the list.
    function setAdmin(address account) external;
    /// Lets an account admit and dismiss nodes.
    function setManager(address account) external;
    /// Takes an account's role away.
    function setNone(address account) external;

    /// Whether a node may connect.
    function isAdmitted(string calldata peerId) external view returns (bool);
    /// The nodes that may connect, in no particular order; `from` is where to begin.
    function nodes(uint256 from, uint256 most) external view returns (string[] memory peerIds, uint256 total);
    /// The role of an account.
    function readAllowList(address account) external view returns (uint256 role);
    /// Every account with a role, in no particular order; `from` is where to begin.
    function accounts(uint256 from, uint256 most)
        external
        view
        returns (address[] memory listed, uint256[] memory roles, uint256 total);

    event NodeAdmitted(string peerId, address indexed sender);
    event NodeDismissed(string peerId, address indexed sender);
    event RoleSet(uint256 indexed role, address indexed account, address indexed sender, uint256 oldRole);

    /// The caller's role does not allow it.
    error NotAuthorized(address caller, uint256 role);
    /// Not the text of a libp2p peer id.
    error InvalidPeerId(string peerId);
    /// So many nodes are the most.
    error TooManyNodes(uint256 most);
    /// It is on the list already, or not on it.
    error NothingToDo();
    /// This function changes state, and was called where nothing may change.
    error ReadOnlyCall();
    /// The contract takes no coins.
    error NotPayable();
    /// It must be called itself, not its code by another contract.
    error DelegateCall();
}
