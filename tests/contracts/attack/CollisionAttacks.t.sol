// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDemands} from "../../../contracts/interfaces/IDemands.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Trial} from "../settlement/support/Trial.sol";
import {SumTree} from "../support/SumTree.sol";

/// @title The same proposal twice in one second
/// @notice Found by an audit: a commitment without a counter names both, so the second finds what the first left behind. Each
/// test is one of the thefts that this made possible.
contract CollisionAttacksTest is Trial {
    using SumTree for SumTree.Tree;

    IDemands.Asked private none;

    function test_TheSameProposalInTheSameSecondHasAnotherCommitment() external {
        ISettlement.Proposal memory first = _provenLie();
        ISettlement.Proposal memory second = _lie();
        vm.assertEq(second.time, first.time);
        vm.assertEq(keccak256(abi.encode(second.draft)), keccak256(abi.encode(first.draft)));
        // What was proven of the first is over with it, and only with it.
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ProposalNotOpen.selector, first.counter));
        disproofs.badEntry(first, _entryOpening(_lieData(), 2));
        vm.assertTrue(settlement.isOpen(second.counter));
        _disproves(second, _badEntry(second, _lieData(), 2));
    }

    /// Propose a provable lie, prove it, and again, in one second: each time another reward was paid from bonds of others.
    function test_ARoundStakedWithOneBondNeverPaysTwo() external {
        ISettlement.Proposal memory honest = _proposeAs(PROPOSER, _draft(right, 1));
        uint256 vault = token.balanceOf(address(settlement.bondVault()));
        uint256 before = token.balanceOf(MALLORY);
        for (uint256 i = 0; i < 4; ++i) {
            ISettlement.Proposal memory lie = _provenLie();
            vm.expectRevert(abi.encodeWithSelector(ISettlement.ProposalNotOpen.selector, lie.counter));
            settlement.withdrawBond(lie);
        }
        uint256 lost = before - token.balanceOf(MALLORY);
        for (uint64 counter = honest.counter + 1; counter <= settlement.proposalCount(); ++counter) {
            settlement.withdrawReward(counter);
            vm.expectRevert(ISettlement.NothingThere.selector);
            settlement.withdrawReward(counter);
        }
        vm.assertEq(token.balanceOf(WATCHER), lost / 2);
        settlement.burn();
        // What is in the books is in the vault: the honest proposer's bond.
        vm.assertEq(token.balanceOf(address(settlement.bondVault())), vault);
        vm.warp(honest.time + 3 hours);
        settlement.withdrawBond(honest);
        vm.assertEq(vault - token.balanceOf(address(settlement.bondVault())), BOND + 5 * uint256(PER_RECEIPT));
    }

    /// Demand every word of one's own proposal, have it cancelled, take the offers back, and propose it again: the spent
    /// demands stood in the way of everybody else's, and a tree that nobody ever saw became final.
    function test_SpentDemandsOfACancelledProposalDoNotShieldTheNext() external {
        ISettlement.Proposal memory first = _lie();
        IDemands.Asked memory asked = _top(first);
        demands.demand(first, asked, new bytes32[](0), none);
        _disproves(first, _badEntry(first, _lieData(), 2));
        demands.reclaim(asked);

        ISettlement.Proposal memory secret = _lie();
        vm.assertEq(secret.time, first.time);
        asked = _top(secret);
        demands.demand(secret, asked, new bytes32[](0), none);
        // An answer to the first is none to the second.
        bytes32[] memory words = SumTree.ofLeaves(_lieData().words).levels[0];
        IDemands.Asked memory spent = _top(first);
        vm.expectRevert(abi.encodeWithSelector(IDemands.DemandNotOpen.selector, keccak256(abi.encode(spent))));
        demands.answerWords(spent, words);
        vm.warp(block.timestamp + 45 minutes + 1);
        demands.expire(secret, asked);
        vm.assertFalse(settlement.isOpen(secret.counter));
    }

    receive() external payable {}

    function _lieData() private view returns (Dataset memory made) {
        made = right;
        made.words[2] = SumTree.leaf(SumTree.entry(2, MALLORY, uint64(uint256(made.words[2])) + 1e9));
    }

    function _lie() private returns (ISettlement.Proposal memory) {
        return _propose(_lieData(), 1);
    }

    function _provenLie() private returns (ISettlement.Proposal memory lie) {
        lie = _lie();
        _disproves(lie, _badEntry(lie, _lieData(), 2));
    }

    function _top(ISettlement.Proposal memory p) private pure returns (IDemands.Asked memory) {
        return IDemands.Asked(p.counter, IDemands.Tree.Entries, 2, 0, 4, p.draft.entriesTop);
    }
}
