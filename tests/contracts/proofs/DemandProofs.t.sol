// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDemands} from "../../../contracts/interfaces/IDemands.sol";
import {IOperatorFacts} from "../../../contracts/interfaces/IOperatorFacts.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {Demands} from "../../../contracts/settlement/Demands.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

/// @title A settlement that says what a proof leaves open
contract AnySettlement {
    bool public open;
    uint256 public answers;

    function setOpen(bool open_) external {
        open = open_;
    }

    function isOpen(uint64) external view returns (bool) {
        return open;
    }

    function answered(uint64) external {
        ++answers;
    }

    function cancel(ISettlement.Proposal calldata, address) external {}

    function demanded(ISettlement.Proposal calldata, bool) external {}
}

/// @title Proofs about demands
/// @notice An offer leaves once: for the first right answer, or back to the demander, for whatever state its demand is in.
contract DemandProofs {
    address private constant ANSWERER = address(0xA25);
    address private constant SECOND = address(0x5EC);

    AnySettlement private settlement;
    Demands private demands;

    function setUp() public {
        settlement = new AnySettlement();
        ISettlement.Windows memory windows =
            ISettlement.Windows(1 hours, 1 hours, 10 minutes, 3 hours, 45 minutes, 15 minutes);
        demands = new Demands(ISettlement(address(settlement)), IOperatorFacts(address(settlement)), windows);
        vm.deal(address(demands), 1e30);
    }

    /// @custom:halmos --default-bytes-lengths 80
    function check_AnAnsweredLineIsPaidOnce(
        IDemands.Asked calldata asked,
        bytes calldata leaf,
        uint256[2] calldata state,
        uint32 time,
        uint32 later
    ) external {
        bytes32 slot = _prepare(asked, state, time);
        vm.prank(ANSWERER);
        demands.answerLine(asked, leaf);
        assert(asked.word == keccak256(leaf) && asked.level == 0 && time <= uint40(state[0] >> 160));
        assert(ANSWERER.balance == state[1] && settlement.answers() == 1);
        _assertPaidOnce(asked, slot, later, abi.encodeCall(demands.answerLine, (asked, leaf)));
    }

    /// @custom:halmos --array-lengths words=2
    function check_AnsweredWordsArePaidOnce(
        IDemands.Asked calldata asked,
        bytes32[] calldata words,
        uint256[2] calldata state,
        uint32 time,
        uint32 later
    ) external {
        bytes32 slot = _prepare(asked, state, time);
        vm.prank(ANSWERER);
        demands.answerWords(asked, words);
        assert(asked.words == 2 && ANSWERER.balance == state[1] && settlement.answers() == 1);
        _assertPaidOnce(asked, slot, later, abi.encodeCall(demands.answerWords, (asked, words)));
    }

    /// @custom:halmos --default-bytes-lengths 80
    function check_AReclaimedOfferIsNotPaidAgain(
        IDemands.Asked calldata asked,
        bytes calldata leaf,
        uint256[2] calldata state,
        uint32 time,
        uint32 later
    ) external {
        bytes32 slot = _prepare(asked, state, time);
        address demander = address(uint160(state[0]));
        // An account without code, and none of those whose balances are compared.
        vm.assume(uint160(demander) > type(uint128).max && demander.code.length == 0 && demander != address(demands));
        vm.assume(demander != address(this) && demander != address(settlement));
        uint256 before = demander.balance;
        demands.reclaim(asked);
        assert(!settlement.open() && demander.balance - before == state[1]);
        _assertPaidOnce(asked, slot, later, abi.encodeCall(demands.answerLine, (asked, leaf)));
    }

    /// @dev The demand is in any state; who demanded, until when, whether it was answered, and what was offered.
    function _prepare(IDemands.Asked calldata asked, uint256[2] calldata state, uint32 time)
        private
        returns (bytes32 slot)
    {
        vm.assume(state[0] >> 208 == 0 && state[1] <= 1e30 && time > 0);
        slot = keccak256(abi.encode(keccak256(abi.encode(asked)), uint256(0)));
        vm.store(address(demands), slot, bytes32(state[0]));
        vm.store(address(demands), bytes32(uint256(slot) + 1), bytes32(state[1]));
        vm.warp(time);
    }

    /// @dev Whenever later: no answer, no refund, and no second demand that would reopen it.
    function _assertPaidOnce(IDemands.Asked calldata asked, bytes32 slot, uint32 later, bytes memory answer) private {
        vm.warp(uint256(later) + block.timestamp);
        settlement.setOpen(false);
        uint256 before = address(demands).balance;
        (bool done,) = address(demands).call(answer);
        assert(!done);
        (done,) = address(demands).call(abi.encodeCall(demands.reclaim, (asked)));
        assert(!done);
        assert(address(demands).balance == before);
        // A demand of the same word is refused while there is a deadline, and there always is one.
        assert(uint40(uint256(vm.load(address(demands), slot)) >> 160) != 0);
    }
}
