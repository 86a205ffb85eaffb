// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Distributor} from "../../../../contracts/distribution/Distributor.sol";
import {IAssents} from "../../../../contracts/interfaces/IAssents.sol";
import {IOperatorFacts} from "../../../../contracts/interfaces/IOperatorFacts.sol";
import {IPoolFacts} from "../../../../contracts/interfaces/IPoolFacts.sol";
import {ISettlement} from "../../../../contracts/interfaces/ISettlement.sol";
import {Assents} from "../../../../contracts/settlement/Assents.sol";
import {Demands} from "../../../../contracts/settlement/Demands.sol";
import {Disproofs} from "../../../../contracts/settlement/Disproofs.sol";
import {ForcedReceipts} from "../../../../contracts/settlement/ForcedReceipts.sol";
import {Proposals} from "../../../../contracts/settlement/Proposals.sol";
import {DataToken} from "../../../../contracts/token/DataToken.sol";
import {vm} from "../../../../scripts/deploy/Vm.sol";
import {SumTree} from "../../support/SumTree.sol";
import {FactsDouble} from "./FactsDouble.sol";
import {Openings} from "./Openings.sol";
import {PlainList} from "./PlainList.sol";

/// @title World
/// @notice The settlement over facts that a test sets: three operators, payers with fees and receipts, and what happens in order.
abstract contract World is Openings {
    using PlainList for PlainList.List;
    using SumTree for SumTree.Tree;

    uint64 internal constant GENESIS = 1_000_000;
    uint64 internal constant EPOCH = 1 days;
    uint96 internal constant BOND = 1000e18;
    uint64 internal constant PER_RECEIPT = 1e18;
    uint64 internal constant NONE = type(uint64).max;
    uint256 internal constant POT = 100e18;
    address internal constant WATCHER = address(0xA11CE);
    address internal constant PROPOSER = address(0xB0B);
    address internal constant MALLORY = address(0xBAD);
    address internal constant GUARDIAN = address(0x6A);

    DataToken internal token;
    FactsDouble internal facts;
    ForcedReceipts internal forced;
    Assents internal assents;
    Distributor internal settlement;
    Disproofs internal disproofs;
    Demands internal demands;

    function setUp() public virtual {
        vm.warp(GENESIS);
        token = new DataToken(address(this), 1e27);
        facts = new FactsDouble();
        _deploy();
        address[2] memory proposers = [PROPOSER, MALLORY];
        for (uint256 i = 0; i < 2; ++i) {
            token.transfer(proposers[i], 1e25);
            vm.prank(proposers[i]);
            token.approve(address(settlement), type(uint256).max);
        }
        _makePayers();
        for (uint32 id = 0; id < 3; ++id) {
            facts.setOperator(id, 5000e18 + id, 1e12 * (uint256(id) + 1), _node(id), vm.addr(100 + id));
        }
        facts.setFee(_payer(0), 40e18);
        facts.setFee(_payer(1), 50e18 + 5);
    }

    function _windows() internal pure virtual returns (ISettlement.Windows memory) {
        return ISettlement.Windows({
            grace: 1 hours,
            force: 1 hours,
            settle: 10 minutes,
            challenge: 3 hours,
            answer: 45 minutes,
            follow: 15 minutes
        });
    }

    function _parameters() internal view virtual returns (Proposals.Parameters memory) {
        return Proposals.Parameters({
            token: IERC20(address(token)),
            pool: _pool(),
            operators: _operators(),
            forced: forced,
            assents: assents,
            disproofs: address(disproofs),
            demands: address(demands),
            baseBondWei: BOND,
            bondPerReceiptWei: PER_RECEIPT,
            proposerBps: PROPOSER_BPS,
            windows: _windows(),
            guardian: address(0),
            vetoes: 0,
            guardianUntil: 0
        });
    }

    function _pool() internal view override returns (IPoolFacts) {
        return IPoolFacts(address(facts));
    }

    function _operators() internal view override returns (IOperatorFacts) {
        return IOperatorFacts(address(facts));
    }

    function _finalizedRoot() internal view override returns (bytes32) {
        return settlement.finalizedRoot();
    }

    function _deploy() private {
        IPoolFacts pool = _pool();
        IOperatorFacts operators = _operators();
        forced = new ForcedReceipts(pool, _windows());
        assents = new Assents(pool, address(facts), _windows());
        ISettlement expected = ISettlement(vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 2));
        disproofs = new Disproofs(expected, pool, operators, forced);
        demands = new Demands(expected, operators, _windows());
        settlement = new Distributor(_parameters());
        vm.assertEq(address(settlement), address(expected));
    }

    // Moves.

    /// @dev Ends `epoch` with a pot of `POT`, which the settlement has; with it all that comes before proposals.
    function _end(uint64 epoch, uint32 operators) internal {
        facts.close(epoch, POT, operators);
        token.transfer(address(settlement), POT);
        vm.warp(_endOf(epoch) + 2 hours + 10 minutes);
    }

    function _endOf(uint64 epoch) internal pure returns (uint256) {
        return GENESIS + (uint256(epoch) + 1) * EPOCH;
    }

    function _draft(Dataset memory made, uint64 epoch) internal view returns (ISettlement.Draft memory) {
        SumTree.Tree memory tree = SumTree.ofLeaves(made.words);
        return ISettlement.Draft({
            epoch: epoch,
            entriesTop: tree.levels[tree.depth][0],
            receiptsTop: PlainList.build(made.receipts).top(),
            receiptsCount: uint32(made.receipts.length),
            edgesTop: PlainList.build(made.edges).top(),
            edgesCount: uint32(made.edges.length),
            workNano: made.workNano,
            forcedHash: forced.hashOf(epoch),
            manifestHash: keccak256("manifest")
        });
    }

    /// @dev What the chain makes of a draft that is proposed now.
    function _filled(ISettlement.Draft memory draft, address proposer, uint64 counter)
        internal
        view
        returns (ISettlement.Proposal memory proposal)
    {
        proposal.draft = draft;
        proposal.counter = counter;
        proposal.proposer = proposer;
        proposal.time = uint64(block.timestamp);
        proposal.oldRoot = settlement.finalizedRoot();
        proposal.availableNano = _availableNano(draft.epoch, uint64(uint256(proposal.oldRoot)));
        proposal.assentRound = assents.assentOf(draft.epoch).round;
        proposal.assentTop = assents.assentOf(draft.epoch).top;
        proposal.assentCount = assents.assentOf(draft.epoch).count;
        proposal.uriHash = keccak256("uri");
    }

    function _proposeAs(address proposer, ISettlement.Draft memory draft)
        internal
        returns (ISettlement.Proposal memory)
    {
        vm.prank(proposer);
        uint64 counter = settlement.propose(draft, "uri");
        return _filled(draft, proposer, counter);
    }

    function _propose(Dataset memory made, uint64 epoch) internal returns (ISettlement.Proposal memory) {
        return _proposeAs(MALLORY, _draft(made, epoch));
    }

    /// @dev Epoch 0 is final, paid as the rule says; epoch 1 has ended.
    function _finalizeFirst() internal {
        _end(0, 3);
        Dataset memory made = _dataset(_five(0), 0);
        ISettlement.Proposal memory proposal = _proposeAs(PROPOSER, _draft(made, 0));
        vm.warp(block.timestamp + 3 hours);
        settlement.finalize(proposal);
        oldWords = made.words;
        _end(1, 3);
    }

    /// @dev Operators 0 and 1, with more than half of the bond, assent to the list; then time is where it was.
    function _assent(bytes[] memory signed) internal {
        IAssents.Assent memory list = IAssents.Assent(1, uint32(signed.length), PlainList.build(signed).top());
        uint256 now_ = block.timestamp;
        vm.warp(_endOf(1) + 10 minutes);
        _assentBy(2, 1, list);
        vm.warp(now_);
    }

    function _assentBy(uint32 operators, uint64 epoch, IAssents.Assent memory list) internal {
        uint32[] memory ids = new uint32[](operators);
        bytes[] memory signatures = new bytes[](operators);
        for (uint32 id = 0; id < operators; ++id) {
            (ids[id], signatures[id]) = (id, _assentSignature(100 + id, epoch, list));
        }
        assents.assent(epoch, list, ids, signatures);
    }

    function _assentSignature(uint256 key, uint64 epoch, IAssents.Assent memory list)
        internal
        view
        returns (bytes memory)
    {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Tatum"),
                keccak256("1"),
                block.chainid,
                address(assents)
            )
        );
        bytes32 typeHash = keccak256("Assent(uint64 epoch,uint32 round,bytes32 top,uint32 count)");
        bytes32 hash = keccak256(abi.encode(typeHash, epoch, list.round, list.top, list.count));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", domain, hash)));
        return abi.encodePacked(r, s, v);
    }
}
