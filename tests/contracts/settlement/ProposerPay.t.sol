// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Distributor} from "../../../contracts/distribution/Distributor.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {EntryMath} from "../../../contracts/settlement/EntryMath.sol";
import {Proposals} from "../../../contracts/settlement/Proposals.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {SumTree} from "../support/SumTree.sol";
import {World} from "./support/World.sol";

/// @title What proposers are paid
contract ProposerPayTest is World {
    Dataset private right;
    uint16 private bps;

    function setUp() public override {
        bps = PROPOSER_BPS;
        super.setUp();
        _finalizeFirst();
        right = _dataset(_five(1), 1);
    }

    function _parameters() internal view override returns (Proposals.Parameters memory p) {
        p = super._parameters();
        (p.guardian, p.vetoes, p.guardianUntil, p.proposerBps) = (GUARDIAN, 1, type(uint64).max, bps);
    }

    function test_TheProposerOfWhatIsFinalGetsItsPartWithItsBond() external {
        ISettlement.Proposal memory p = _finalized();
        uint64 partNano = uint64(POT * PROPOSER_BPS / 10_000 / 1e9);
        vm.assertEq(settlement.proposerNano(p.counter), partNano);
        vm.assertEq(settlement.proposerBps(), PROPOSER_BPS);
        uint256 bondWei = settlement.bondWei(5, false);
        vm.expectEmit(address(settlement));
        emit ISettlement.BondReturned(p.counter, MALLORY, bondWei);
        vm.expectEmit(address(settlement));
        emit ISettlement.ProposerPaid(p.counter, MALLORY, partNano);
        vm.assertEq(_withdrawn(p), bondWei + POT * PROPOSER_BPS / 10_000);
        vm.assertEq(settlement.proposerNano(p.counter), 0);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ProposalNotOpen.selector, p.counter));
        settlement.withdrawBond(p);
    }

    /// One that repeats what is final has done nothing that was needed.
    function test_OneThatComesSecondGetsItsBondAlone() external {
        ISettlement.Proposal memory first = _propose(right, 1);
        ISettlement.Proposal memory second = _proposeAs(PROPOSER, _draft(right, 1));
        vm.warp(second.time + 3 hours);
        settlement.finalize(first);
        vm.assertEq(_withdrawn(second), settlement.bondWei(5, false));
    }

    /// Whoever takes its bond back before its proposal is final has taken the proposal back, and is paid for nothing.
    function test_OneThatLeavesBeforeItIsFinalGetsItsBondAlone() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        vm.warp(p.time + 3 hours);
        vm.assertEq(_withdrawn(p), settlement.bondWei(5, false));
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ProposalNotOpen.selector, p.counter));
        settlement.finalize(p);
    }

    function test_OneThatIsVetoedGetsItsBondAlone() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        vm.prank(GUARDIAN);
        settlement.veto(p);
        vm.assertEq(_withdrawn(p), settlement.bondWei(5, false));
    }

    function test_OneThatIsWrongGetsNothing() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        vm.prank(address(disproofs));
        settlement.cancel(p, PROPOSER);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ProposalNotOpen.selector, p.counter));
        settlement.withdrawBond(p);
    }

    /// Whatever the pots are: what operators were promised, proposers got and is still available is what was funded, to the nano.
    function testFuzz_NoNanoIsLostOrPromisedTwice(uint96[6] memory potsWei, uint64[6] memory worksNano, uint16 bps_)
        external
    {
        bps = bps_ % 1001;
        _deployAgain();
        (uint256 fundedWei, uint256 proposersNano, uint64 promisedNano) = (0, 0, 0);
        for (uint64 epoch = 0; epoch < 6; ++epoch) {
            (uint256 before, uint256 potWei) = (fundedWei / 1e9, potsWei[epoch] % 2e27);
            fundedWei += potWei;
            facts.close(epoch, potWei, 0);
            uint256 partNano = (fundedWei / 1e9 - before) * bps / 10_000;
            uint256 leftNano = fundedWei / 1e9 - promisedNano - proposersNano;
            // All that there is, or less, is work.
            ISettlement.Draft memory draft;
            (draft.epoch, draft.workNano) = (epoch, uint64(worksNano[epoch] % (leftNano + 1)));
            uint64 available = settlement.availableNano(epoch, draft.workNano);
            vm.assertEq(available, leftNano - partNano > draft.workNano ? leftNano - partNano : draft.workNano);
            promisedNano += draft.workNano;
            draft.entriesTop = SumTree.word(keccak256("entries"), promisedNano);
            uint64 gotNano = _makeFinal(draft);
            uint256 restNano = leftNano - available;
            vm.assertEq(gotNano, restNano < partNano ? restNano : partNano);
            proposersNano += gotNano;
            vm.assertLe(promisedNano + proposersNano, fundedWei / 1e9);
        }
    }

    /// Work takes all of the fees but the common part, and that floored for each payer. Where little fees leave less than the
    /// proposer's part, that gives way: a right proposal is never refused.
    function testFuzz_WorkFitsBesideTheProposersPart(uint96[3] memory feesWei, uint16 poolBps) external {
        poolBps %= 10_001;
        facts.setPool(poolBps, 0, 1e9);
        bps = poolBps;
        _deployAgain();
        uint256 potWei;
        uint256 workNano;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 feeWei = feesWei[i] % 1e27 >> (feesWei[i] % 90);
            potWei += feeWei;
            workNano += EntryMath.steeredNano(feeWei, poolBps);
        }
        facts.close(0, potWei, 0);
        uint64 available = settlement.availableNano(0, uint64(workNano));
        vm.assertLe(workNano, available);
        vm.assertLe(available - workNano, potWei / 1e9);
        ISettlement.Draft memory draft;
        (draft.workNano, draft.entriesTop) = (uint64(workNano), SumTree.word(keccak256("entries"), workNano));
        vm.assertLe(_makeFinal(draft) + workNano, potWei / 1e9);
    }

    /// Nine nano of fees are all work, for a tenth of each is floored to nothing.
    function test_TheSmallestFeesAreWorkAndNothingIsTheProposers() external {
        bps = 1000;
        _deployAgain();
        facts.close(0, 9e9 * 40, 0);
        vm.assertEq(settlement.availableNano(0, 0), 324);
        vm.assertEq(settlement.availableNano(0, 359), 359);
        ISettlement.Draft memory draft;
        (draft.workNano, draft.entriesTop) = (360, SumTree.word(keccak256("entries"), 360));
        vm.assertEq(_makeFinal(draft), 0);
    }

    /// Where most of a pot is common, most of it can be the proposer's, and the rest is the operators'.
    function test_MoreThanHalfOfAPotCanBeTheProposers() external {
        facts.setPool(10_000, 0, 1e9);
        bps = 6000;
        _deployAgain();
        facts.close(0, 1000e9, 0);
        vm.assertEq(settlement.availableNano(0, 0), 400);
        ISettlement.Draft memory draft;
        draft.entriesTop = SumTree.word(keccak256("entries"), 400);
        vm.assertEq(_makeFinal(draft), 600);
    }

    /// What 64 bits cannot hold stays, and is not the proposer's either.
    function test_FundsBeyond64BitsAreNotTheProposers() external {
        _deployAgain();
        facts.close(0, 2 ** 65 * 1e9, 0);
        vm.assertEq(settlement.availableNano(0, 0), type(uint64).max);
        ISettlement.Draft memory draft;
        draft.entriesTop = SumTree.word(keccak256("entries"), type(uint64).max);
        vm.assertEq(_makeFinal(draft), 2 ** 65 * uint256(PROPOSER_BPS) / 10_000);
    }

    function test_RevertWhen_ProposersGetMoreThanTheCommonPart() external {
        bps = 1000;
        new Distributor(_parameters());
        bps = 1001;
        Proposals.Parameters memory parameters = _parameters();
        vm.expectRevert(ISettlement.SettlementParameterInvalid.selector);
        new Distributor(parameters);
    }

    function _deployAgain() private {
        settlement = new Distributor(_parameters());
        token.approve(address(settlement), type(uint256).max);
    }

    /// @dev This proposes, and makes it final; returns what it gets with its bond.
    function _makeFinal(ISettlement.Draft memory draft) private returns (uint64) {
        vm.warp(_endOf(draft.epoch) + 2 hours + 10 minutes);
        vm.recordLogs();
        uint64 counter = settlement.propose(draft, "uri");
        (ISettlement.Proposal memory p,) = abi.decode(vm.getRecordedLogs()[0].data, (ISettlement.Proposal, string));
        vm.warp(block.timestamp + 3 hours);
        settlement.finalize(p);
        return settlement.proposerNano(counter);
    }

    function _finalized() private returns (ISettlement.Proposal memory p) {
        p = _propose(right, 1);
        vm.warp(p.time + 3 hours);
        settlement.finalize(p);
    }

    function _withdrawn(ISettlement.Proposal memory p) private returns (uint256) {
        uint256 before = token.balanceOf(p.proposer);
        settlement.withdrawBond(p);
        return token.balanceOf(p.proposer) - before;
    }
}
