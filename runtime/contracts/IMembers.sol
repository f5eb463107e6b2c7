// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity >=0.8.4;

/// Who validates, and how members decide about it and about the rules of the chain.
///
/// At 0x4D6f6B6b61000000000000000000000000000001 ("Mokka", 1). A member is a validator, and acts from
/// the account of its validator key. Each call of the first group opens a proposal for what its name
/// says and casts the caller's vote; the vote that makes enough carries it out. A new key then has to
/// say itself that its node is there: `accept`, which its node sends. Nobody can stop the chain by
/// adding a validator that does not run.
///
/// Keys are compressed secp256k1 keys, 33 bytes. Times are seconds since 1970, as in blocks; periods
/// are seconds, settings milliseconds. An endpoint is a multiaddr such as /dns/a.example/tcp/30303.
interface IMembers {
    enum Status {
        /// There is no such proposal.
        None,
        /// Votes are counted.
        Open,
        /// It has its votes and waits for the new key to accept.
        Approved,
        /// It was carried out.
        Enacted,
        /// It had its time.
        Expired,
        /// Its last vote was withdrawn.
        Dropped
    }

    struct Validator {
        bytes publicKey;
        /// Votes for it here, and gets the tips of its blocks.
        address account;
        string name;
        string endpoint;
        /// The block that made it a validator; 0 for those of the genesis file.
        uint64 since;
    }

    struct Proposal {
        uint256 id;
        Status status;
        address proposer;
        uint64 openedAt;
        /// When it is over: for votes while Open, for the acceptance while Approved.
        uint64 expiresAt;
        /// Those who voted for it and may vote now.
        address[] voters;
        /// How many votes carry it, as things stand.
        uint256 needed;
        /// What it does: the call by which it was proposed.
        bytes action;
    }

    // Each opens a proposal and votes for it.

    /// Makes a key a validator, once it accepts.
    function addValidator(bytes calldata publicKey, string calldata name, string calldata endpoint)
        external
        returns (uint256 id);
    /// Takes a validator out.
    function removeValidator(bytes calldata publicKey) external returns (uint256 id);
    /// Gives the seat of a validator to another key, once that accepts.
    function replaceKey(bytes calldata oldKey, bytes calldata newKey) external returns (uint256 id);
    /// Says where the node of a validator is, and what people call it.
    function describeValidator(bytes calldata publicKey, string calldata name, string calldata endpoint)
        external
        returns (uint256 id);
    /// Changes settings of the genesis file by their names there. Times are in milliseconds; 0 as
    /// emptyBlockInterval means that no empty blocks are made.
    function changeSettings(string[] calldata names, uint64[] calldata values) external returns (uint256 id);
    /// Turns the checks of an allow list on or off.
    function switchList(address list, bool on) external returns (uint256 id);
    /// Gives an account a role on a list: 0 none, 1 enabled, 2 admin, 3 manager.
    function setRole(address list, address account, uint256 role) external returns (uint256 id);
    /// Lets a node connect as an observer, or no more.
    function setNode(string calldata peerId, bool admitted) external returns (uint256 id);

    // About proposals.

    /// Votes for a proposal.
    function vote(uint256 id) external;
    /// Takes the vote back, while the proposal is open. One without votes is dropped.
    function withdraw(uint256 id) external;
    /// Carries a proposal out that has enough votes because others left; anybody may ask.
    function enact(uint256 id) external;
    /// The account of a new key says that its node is connected and level: it becomes a validator.
    function accept(uint256 id) external;
    /// A validator says itself where its node is now, and what people call it.
    function announce(string calldata name, string calldata endpoint) external;

    // What is.

    /// The validators, in no particular order.
    function validators() external view returns (Validator[] memory);
    /// Whether an account is that of a validator.
    function isMember(address account) external view returns (bool);
    /// What is open or waits for acceptance, oldest first.
    function proposals() external view returns (Proposal[] memory);
    /// Any proposal that there ever was.
    function proposal(uint256 id) external view returns (Proposal memory);
    /// How many proposals there ever were; the last has this id.
    function proposalCount() external view returns (uint256);
    /// How many votes carry a proposal now.
    function votesNeeded() external view returns (uint256);
    /// Who decides: 0 more than half of the validators, 1 two thirds of them, 2 the admin alone.
    function governance()
        external
        view
        returns (uint8 rule, address admin, uint64 votingPeriod, uint64 acceptancePeriod);
    /// The settings in force.
    function settings() external view returns (string[] memory names, uint64[] memory values);

    event ProposalOpened(uint256 indexed id, address indexed proposer, bytes action, uint64 expiresAt);
    event Voted(uint256 indexed id, address indexed voter, uint256 votes, uint256 needed);
    event VoteWithdrawn(uint256 indexed id, address indexed voter, uint256 votes, uint256 needed);
    event ProposalApproved(uint256 indexed id, uint64 acceptBefore);
    event ProposalEnacted(uint256 indexed id);
    event ProposalExpired(uint256 indexed id);
    event ProposalDropped(uint256 indexed id);
    event ValidatorAdded(address indexed account, bytes publicKey, string name, string endpoint);
    event ValidatorRemoved(address indexed account, bytes publicKey);
    event KeyReplaced(address indexed oldAccount, address indexed newAccount, bytes oldKey, bytes newKey);
    event ValidatorDescribed(address indexed account, string name, string endpoint);
    event SettingsChanged(string[] names, uint64[] values);

    /// The caller has no vote.
    error NotAMember(address caller);
    /// There was never such a proposal.
    error NoSuchProposal(uint256 id);
    /// The proposal is not open any more.
    error NotOpen(uint256 id, Status status);
    /// The caller voted for it before.
    error AlreadyVoted(uint256 id, address voter);
    /// The caller has no vote to take back.
    error NotVoted(uint256 id, address voter);
    /// It has fewer votes than it takes.
    error TooFewVotes(uint256 id, uint256 votes, uint256 needed);
    /// The same is proposed already; vote for that.
    error AlreadyProposed(uint256 id);
    /// So many are open; wait until some are decided, or withdraw one.
    error TooManyProposals(uint256 most);
    /// It does not wait for an acceptance.
    error NotApproved(uint256 id, Status status);
    /// Only the account of the new key accepts.
    error NotTheCandidate(uint256 id, address caller, address candidate);
    /// 33 bytes that are no compressed point of secp256k1.
    error InvalidKey(bytes publicKey);
    /// It is a validator, or about to become one.
    error KeyInUse(bytes publicKey);
    /// No validator has this key.
    error NotAValidator(bytes publicKey);
    /// Without it there would be nobody left.
    error LastValidator();
    /// A set has so many at most.
    error TooManyValidators(uint256 most);
    /// A name of at most 32 letters, digits, - _ . and spaces.
    error InvalidName(string name, string reason);
    /// No multiaddr that a node listens at.
    error InvalidEndpoint(string endpoint, string reason);
    /// Unknown, out of bounds, or at odds with another setting.
    error InvalidSetting(string name, string reason);
    /// It would change nothing.
    error NothingToDo();
    /// No allow list is there.
    error NotAList(address list);
    /// Roles are 0 to 3.
    error InvalidRole(uint256 role);
    /// Not the text of a libp2p peer id.
    error InvalidPeerId(string peerId);
    /// So many nodes are the most.
    error TooManyNodes(uint256 most);
    /// This function changes state, and was called where nothing may change.
    error ReadOnlyCall();
    /// The contract takes no coins.
    error NotPayable();
    /// It must be called itself, not its code by another contract.
    error DelegateCall();
}
