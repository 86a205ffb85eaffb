// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {BondVault} from "../../../contracts/distribution/BondVault.sol";
import {Distributor} from "../../../contracts/distribution/Distributor.sol";
import {IOperatorFacts} from "../../../contracts/interfaces/IOperatorFacts.sol";
import {IPoolFacts} from "../../../contracts/interfaces/IPoolFacts.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {IStakePool} from "../../../contracts/interfaces/IStakePool.sol";
import {OperatorRegistry} from "../../../contracts/operators/OperatorRegistry.sol";
import {Assents} from "../../../contracts/settlement/Assents.sol";
import {Demands} from "../../../contracts/settlement/Demands.sol";
import {Disproofs} from "../../../contracts/settlement/Disproofs.sol";
import {ForcedReceipts} from "../../../contracts/settlement/ForcedReceipts.sol";
import {Overage} from "../../../contracts/settlement/Overage.sol";
import {Proposals} from "../../../contracts/settlement/Proposals.sol";
import {StakePool} from "../../../contracts/staking/StakePool.sol";
import {DataToken} from "../../../contracts/token/DataToken.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {SumTree} from "./SumTree.sol";

/// @title Fixture
/// @notice A whole deployment, one epoch long before anything happens, and the moves that tests make in it.
abstract contract Fixture {
    using SumTree for SumTree.Tree;

    uint64 internal constant GENESIS = 1_000_000;
    uint64 internal constant EPOCH = 1 days;
    uint64 internal constant UNBONDING = 2;
    uint64 internal constant WINDOW = 3 hours;
    uint64 internal constant ANSWER = 45 minutes;
    uint64 internal constant FOLLOW = 15 minutes;
    uint64 internal constant ANSWER_EPOCHS = 3;
    uint256 internal constant SUPPLY = 1e27;
    uint256 internal constant MINIMUM = 1e18;
    uint256 internal constant FLOOR = 1e18;
    uint256 internal constant QUOTA = 354_334_794;
    uint256 internal constant RATE = 10_000_000;
    uint256 internal constant PPB = 1e9;
    uint256 internal constant OPERATOR_BOND = 5000e18;
    uint96 internal constant PROPOSER_BOND = 1000e18;
    uint64 internal constant PER_RECEIPT = 1e18;

    address internal immutable ALICE = _account("alice");
    address internal immutable BOB = _account("bob");
    address internal immutable CAROL = _account("carol");
    address internal immutable MALLORY = _account("mallory");
    address internal immutable PROPOSER = _account("proposer");
    address internal immutable GUARDIAN = _account("guardian");
    address internal immutable TIMELOCK = _account("timelock");

    DataToken internal token;
    StakePool internal pool;
    OperatorRegistry internal registry;
    ForcedReceipts internal forced;
    Assents internal assents;
    Disproofs internal disproofs;
    Demands internal demands;
    Distributor internal distributor;
    Overage internal overage;

    function setUp() public virtual {
        vm.warp(GENESIS);
        token = DataToken(_newToken());
        _deploy();
        address[6] memory accounts = [ALICE, BOB, CAROL, MALLORY, PROPOSER, GUARDIAN];
        for (uint256 i = 0; i < accounts.length; ++i) {
            token.transfer(accounts[i], 10_000_000e18);
            vm.startPrank(accounts[i]);
            token.approve(address(pool), type(uint256).max);
            token.approve(address(registry), type(uint256).max);
            token.approve(address(distributor), type(uint256).max);
            vm.stopPrank();
        }
    }

    function _newToken() internal virtual returns (address) {
        return address(new DataToken(address(this), SUPPLY));
    }

    function _deploy() private {
        uint64 nonce = vm.getNonce(address(this));
        address expected = vm.computeCreateAddress(address(this), nonce + 6);
        address biller = vm.computeCreateAddress(address(this), nonce + 7);
        pool = new StakePool(_poolParameters(expected, vm.computeCreateAddress(address(this), nonce + 1), biller));
        registry = new OperatorRegistry(
            IERC20(address(token)),
            IStakePool(address(pool)),
            OPERATOR_BOND,
            ANSWER_EPOCHS,
            TIMELOCK,
            _initialSlashers()
        );
        forced = new ForcedReceipts(_poolFacts(), _windows());
        assents = new Assents(_poolFacts(), address(registry), _windows());
        disproofs = new Disproofs(ISettlement(expected), _poolFacts(), _operatorFacts(), forced);
        demands = new Demands(ISettlement(expected), _operatorFacts(), _windows());
        distributor = new Distributor(_distributorParameters());
        overage = new Overage(ISettlement(expected), IStakePool(address(pool)));
        vm.assertEq(address(overage), biller);
        vm.assertEq(address(registry), pool.operatorRegistry());
        vm.assertEq(address(distributor), expected);
    }

    function _poolFacts() internal view returns (IPoolFacts) {
        return IPoolFacts(address(pool));
    }

    function _operatorFacts() internal view returns (IOperatorFacts) {
        return IOperatorFacts(address(registry));
    }

    function _windows() internal pure returns (ISettlement.Windows memory) {
        return ISettlement.Windows({
            grace: 1 hours, force: 1 hours, settle: 10 minutes, challenge: WINDOW, answer: ANSWER, follow: FOLLOW
        });
    }

    function _initialSlashers() internal pure virtual returns (address[] memory) {
        return new address[](0);
    }

    function _poolParameters(address distributor_, address registry_, address overage_)
        internal
        view
        virtual
        returns (StakePool.Parameters memory)
    {
        return StakePool.Parameters({
            token: address(token),
            distributor: distributor_,
            overage: overage_,
            genesis: GENESIS,
            epochLength: EPOCH,
            unbondingEpochs: UNBONDING,
            minimumStakeWei: MINIMUM,
            dustFloorWei: FLOOR,
            operatorRegistry: registry_,
            initialQuotaBytesPerData: QUOTA,
            poolBps: 1000,
            poolLimitBps: 5000
        });
    }

    function _distributorParameters() internal view returns (Proposals.Parameters memory) {
        return Proposals.Parameters({
            token: IERC20(address(token)),
            pool: _poolFacts(),
            operators: _operatorFacts(),
            forced: forced,
            assents: assents,
            disproofs: address(disproofs),
            demands: address(demands),
            baseBondWei: PROPOSER_BOND,
            bondPerReceiptWei: PER_RECEIPT,
            proposerBps: 25,
            windows: _windows(),
            guardian: address(0),
            vetoes: 0,
            guardianUntil: 0
        });
    }

    // Moves.

    function _stake(address user, uint256 amountWei) internal {
        vm.prank(user);
        pool.stake(amountWei);
    }

    /// @dev To the start of the next epoch, which is then closed.
    function _endEpoch() internal {
        _skipEpochs(1);
        pool.closeEpochs();
    }

    /// @dev To the start of the epoch `count` later; nothing is closed.
    function _skipEpochs(uint256 count) internal {
        vm.warp(GENESIS + (uint256(pool.currentEpoch()) + count) * EPOCH);
    }

    /// @dev All epochs that have ended were final when the running one began.
    function _settle() internal {
        pool.closeEpochs();
        uint256 now_ = block.timestamp;
        uint64 newest = pool.closedEpochs() - 1;
        vm.warp(now_ - EPOCH);
        vm.prank(address(distributor));
        pool.distributionFinalized(newest);
        vm.warp(now_);
    }

    /// @dev What so much at an epoch's start buys in it.
    function _quotaFor(uint256 stakeWei, uint64 epoch) internal view returns (uint256) {
        return stakeWei * pool.quotaBytesPerData(epoch) / 1e18;
    }

    function _register(address owner, address payout) internal returns (uint32) {
        vm.prank(owner);
        return registry.register(payout, uint128(OPERATOR_BOND), type(uint64).max, "");
    }

    /// @dev `count` operators of CAROL; operator i is paid at `_payout(i)`.
    function _registerMany(uint256 count) internal {
        for (uint256 i = registry.operatorCount(type(uint64).max); i < count; ++i) {
            _register(CAROL, _payout(i));
        }
    }

    function _payout(uint256 operatorId) internal pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("payout", operatorId)))));
    }

    function _entries(uint256[] memory nanos) internal pure returns (bytes32[] memory entries) {
        entries = new bytes32[](nanos.length);
        for (uint256 i = 0; i < nanos.length; ++i) {
            entries[i] = SumTree.entry(i, _payout(i), nanos[i]);
        }
    }

    /// @dev Operators' cumulative amounts: operator i has `base + i · step` nano.
    function _tree(uint256 count, uint256 base, uint256 step)
        internal
        pure
        returns (SumTree.Tree memory tree, bytes32[] memory entries)
    {
        uint256[] memory nanos = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            nanos[i] = base + i * step;
        }
        entries = _entries(nanos);
        tree = SumTree.build(entries);
    }

    /// @dev A draft without receipts, whose entries may be anything.
    function _draft(uint64 epoch, bytes32 entriesTop) internal view returns (ISettlement.Draft memory draft) {
        draft.epoch = epoch;
        draft.entriesTop = entriesTop;
        draft.forcedHash = forced.hashOf(epoch);
        draft.manifestHash = keccak256("manifest");
    }

    /// @dev What the chain made of the proposal that was made last.
    function _proposeDraft(address proposer, ISettlement.Draft memory draft)
        internal
        returns (ISettlement.Proposal memory proposal)
    {
        uint256 proposableAt = distributor.proposableAt(draft.epoch);
        if (block.timestamp < proposableAt) vm.warp(proposableAt);
        bytes32 oldRoot = distributor.finalizedRoot();
        uint64 availableNano = distributor.availableNano(draft.epoch, draft.workNano);
        vm.prank(proposer);
        uint64 counter = distributor.propose(draft, "uri");
        return ISettlement.Proposal({
            draft: draft,
            counter: counter,
            proposer: proposer,
            time: uint64(block.timestamp),
            oldRoot: oldRoot,
            availableNano: availableNano,
            assentRound: 0,
            assentTop: 0,
            assentCount: 0,
            uriHash: keccak256("uri")
        });
    }

    function _propose(address proposer, uint64 epoch, SumTree.Tree memory tree)
        internal
        returns (ISettlement.Proposal memory)
    {
        return _proposeDraft(proposer, _draft(epoch, tree.levels[tree.depth][0]));
    }

    /// @dev Claims are tested over trees that no rule made: the epoch is taken to have had as many operators as the tree has places.
    function _finalizeAt(ISettlement.Proposal memory proposal, uint256 depth) internal {
        vm.warp(proposal.time + WINDOW);
        bytes memory call = abi.encodeCall(registry.operatorCount, (proposal.draft.epoch));
        vm.mockCall(address(registry), call, abi.encode(1 << depth));
        distributor.finalize(proposal);
        vm.clearMockedCalls();
    }

    function _proposeAndFinalize(uint64 epoch, SumTree.Tree memory tree) internal {
        _finalizeAt(_propose(PROPOSER, epoch, tree), tree.depth);
    }

    function _account(string memory name) internal pure returns (address) {
        return vm.addr(_key(name));
    }

    function _key(string memory name) internal pure returns (uint256) {
        return uint256(keccak256(bytes(name)));
    }

    function _sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _vault() internal view returns (BondVault) {
        return distributor.bondVault();
    }
}
