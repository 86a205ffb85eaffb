// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOverage} from "../../../contracts/interfaces/IOverage.sol";
import {IOperatorFacts} from "../../../contracts/interfaces/IOperatorFacts.sol";
import {IPoolFacts} from "../../../contracts/interfaces/IPoolFacts.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {IStakePool} from "../../../contracts/interfaces/IStakePool.sol";
import {ReceiptLib} from "../../../contracts/libraries/ReceiptLib.sol";
import {ListReader} from "../../../contracts/settlement/ListReader.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";
import {SumTree} from "../support/SumTree.sol";
import {Openings} from "./support/Openings.sol";
import {PlainList} from "./support/PlainList.sol";

/// @title Overage, over the whole deployment
/// @notice Three payers stake the same; in epoch 1 the first signs for three times its quota, the second for all of it with the
/// tolerance, the third for a byte more than that.
contract OverageTest is Fixture, Openings {
    using PlainList for PlainList.List;
    using SumTree for SumTree.Tree;

    uint256 private constant STAKE = 1000e18;

    bytes[] private lines;
    uint256 private quota;

    function setUp() public override {
        super.setUp();
        _makePayers();
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(ALICE);
            pool.stakeFor(_payer(i), STAKE);
        }
        for (uint32 id = 0; id < 2; ++id) {
            _register(CAROL, _payout(id));
            vm.prank(CAROL);
            registry.addNode(id, _node(id));
        }
        _endEpoch();
        quota = pool.quotaOf(_payer(0), 1);
        _make();
    }

    function _make() private {
        uint64 q = uint64(quota);
        uint64 most = uint64(ReceiptLib.withTolerance(quota));
        bytes[] memory signed = new bytes[](7);
        signed[0] = _ofReader(0, 0, 1, q, 0);
        signed[1] = _ofReader(0, 0, 1, q, 1);
        signed[2] = _receipt(0, 1, 1, q);
        signed[3] = _receipt(1, 0, 1, q);
        signed[4] = _receipt(1, 1, 1, most - q);
        signed[5] = _receipt(2, 0, 1, q);
        signed[6] = _receipt(2, 1, 1, most - q + 1);
        lines = _lines(signed);
    }

    function _pool() internal view override returns (IPoolFacts) {
        return _poolFacts();
    }

    function _operators() internal view override returns (IOperatorFacts) {
        return _operatorFacts();
    }

    function _finalizedRoot() internal view override returns (bytes32) {
        return distributor.finalizedRoot();
    }

    /// @dev Epoch 0 without receipts, then epoch 1 as the rule says; both become final in epoch 2.
    function _finalizeBoth() private {
        _endEpoch();
        _finalize(_dataset(new bytes[](0), 0), 0);
        _finalize(_ruled(), 1);
    }

    function _finalize(Dataset memory made, uint64 epoch) private {
        SumTree.Tree memory tree = SumTree.ofLeaves(made.words);
        ISettlement.Draft memory draft = _draft(epoch, tree.levels[tree.depth][0]);
        draft.receiptsTop = PlainList.build(made.receipts).top();
        draft.receiptsCount = uint32(made.receipts.length);
        draft.edgesTop = PlainList.build(made.edges).top();
        draft.edgesCount = uint32(made.edges.length);
        draft.workNano = made.workNano;
        ISettlement.Proposal memory proposal = _proposeDraft(PROPOSER, draft);
        vm.warp(proposal.time + WINDOW);
        distributor.finalize(proposal);
        oldWords = made.words;
    }

    function _ruled() private view returns (Dataset memory made) {
        made.receipts = lines;
        made.edges = _edgesOf(lines, 1);
        made.workNano = _u64(made.edges[made.edges.length - 1], 72);
        made.words = _wordsOf(made.edges, made.workNano, 1);
    }

    function _file(uint256 index) private returns (uint256) {
        return overage.file(1, PlainList.build(lines).top(), uint32(lines.length), _gap(lines, index));
    }

    function _fileFails(uint256 index, bytes memory why) private {
        (bytes32 top, ISettlement.Gap memory gap) = (PlainList.build(lines).top(), _gap(lines, index));
        uint32 count = uint32(lines.length);
        vm.expectRevert(why);
        overage.file(1, top, count, gap);
    }

    /// @dev The rule, written out.
    function _bill(uint256 payer, uint256 units) private view returns (uint256) {
        uint256 part = quota / 20;
        if (units <= quota + part + (part < 64 << 20 ? part : 64 << 20)) return 0;
        uint256 beyond = 2 * (units - quota) < 4 * quota ? 2 * (units - quota) : 4 * quota;
        return _steered(_payer(payer), 1) * beyond / quota * 1e9;
    }

    function test_TheBillComesFromTheStakeAndATenthIsTheProvers() external {
        _finalizeBoth();
        uint256 billWei = _bill(0, 3 * quota);
        vm.assertEq(billWei, overage.billWei(_payer(0), 1, 3 * quota));
        vm.assertEq(billWei, 4 * (pool.feeOf(_payer(0), 1) * 9 / 10));
        uint256 before = pool.stakeOf(_payer(0));
        uint256 othersWei = pool.stakeOf(_payer(1));
        uint256 hadWei = token.balanceOf(BOB);
        uint256 shares = _sharesOf(billWei);
        vm.expectEmit(address(pool));
        emit IStakePool.OverageCharged(_payer(0), 2, billWei, shares, 0);
        vm.expectEmit(address(overage));
        emit IOverage.OverageBilled(_payer(0), 1, BOB, billWei, billWei);
        vm.startPrank(BOB);
        vm.assertEq(_file(3), billWei);
        vm.stopPrank();
        vm.assertEq(token.balanceOf(BOB) - hadWei, billWei / 10);
        vm.assertApproxEqAbs(before - pool.stakeOf(_payer(0)), billWei, 1);
        vm.assertGe(pool.stakeOf(_payer(1)), othersWei);
        vm.assertTrue(overage.isBilled(_payer(0), 1));
        vm.assertFalse(overage.isBilled(_payer(0), 0));
        vm.assertFalse(overage.isBilled(_payer(1), 1));
    }

    function _sharesOf(uint256 wei_) private view returns (uint256) {
        // Three stakes of one price, which nobody joined since: the shares are the wei of the first epoch.
        return (wei_ * 3 * STAKE + pool.totalStakedWei() - 1) / pool.totalStakedWei();
    }

    /// The rest joins the pot of the epoch that runs, once that is closed; what is past stays as it was.
    function test_TheRestJoinsTheRunningEpochsPot() external {
        _finalizeBoth();
        (uint256 fee, uint256 was) = (pool.feeOf(_payer(0), 1), pool.quotaOf(_payer(0), 2));
        uint256 fundedWei = pool.fundedThroughWei(1);
        uint256 chargedWei = _file(3);
        vm.assertEq(pool.overageWei(2), chargedWei - chargedWei / 10);
        vm.assertEq(pool.feeOf(_payer(0), 1), fee);
        vm.assertEq(pool.quotaOf(_payer(0), 1), quota);
        vm.assertEq(pool.quotaOf(_payer(0), 2), was);
        vm.assertEq(pool.fundedThroughWei(1), fundedWei);
        _endEpoch();
        uint256 feesWei;
        for (uint256 i = 0; i < 3; ++i) {
            feesWei += pool.feeOf(_payer(i), 2);
        }
        vm.assertApproxEqAbs(feesWei, pool.potOf(2), 3);
        vm.assertEq(pool.fundedThroughWei(2), fundedWei + pool.potOf(2) + chargedWei - chargedWei / 10);
        _skipEpochs(5);
        pool.closeEpochs();
        // Counted from either end.
        uint256 sum = fundedWei + pool.overageWei(2);
        for (uint64 epoch = 2; epoch < 8; ++epoch) {
            sum += pool.potOf(epoch);
            vm.assertEq(pool.fundedThroughWei(epoch), sum);
        }
        vm.assertEq(distributor.availableNano(2, 0), _availableNano(2, uint64(uint256(_finalizedRoot()))));
    }

    function test_RevertWhen_APayerIsWithinTheTolerance() external {
        _finalizeBoth();
        _fileFails(5, abi.encodeWithSelector(IOverage.WithinTolerance.selector, _payer(1), 1));
    }

    function test_WhenAByteIsBeyondTheTolerance_TwiceTheSurplusIsBilled() external {
        _finalizeBoth();
        uint256 units = ReceiptLib.withTolerance(quota) + 1;
        uint256 billWei = _bill(2, units);
        vm.assertEq(billWei, _steered(_payer(2), 1) * 2 * (units - quota) / quota * 1e9);
        vm.assertEq(_file(7), billWei);
    }

    function test_RevertWhen_ItWasBilledBefore() external {
        _finalizeBoth();
        _file(3);
        _fileFails(3, abi.encodeWithSelector(IOverage.AlreadyBilled.selector, _payer(0), 1));
    }

    function test_RevertWhen_TheLineIsNotThePayersLast() external {
        _finalizeBoth();
        _fileFails(2, abi.encodeWithSelector(ListReader.OpeningInvalid.selector));
        _fileFails(0, abi.encodeWithSelector(ListReader.OpeningInvalid.selector));
    }

    function test_RevertWhen_ALineIsForgedOrHidden() external {
        _finalizeBoth();
        (bytes32 top, uint32 count) = (PlainList.build(lines).top(), uint32(lines.length));
        ISettlement.Gap memory gap = _gap(lines, 5);
        gap.left = _patched(gap.left, 294, abi.encodePacked(uint128(quota * 9)));
        vm.expectRevert(ListReader.OpeningInvalid.selector);
        overage.file(1, top, count, gap);
        // Left of the end there is nothing to hide: the place is the list's length, or the right line stands there.
        gap = _gap(lines, 5);
        (gap.right, gap.rightPath) = ("", new bytes32[](0));
        vm.expectRevert(ListReader.OpeningInvalid.selector);
        overage.file(1, top, count, gap);
    }

    function test_RevertWhen_TheListIsNotFinal() external {
        bytes memory why = abi.encodeWithSelector(IOverage.ListNotFinal.selector, 1);
        _fileFails(3, why);
        _endEpoch();
        _fileFails(3, why);
        _finalize(_dataset(new bytes[](0), 0), 0);
        _fileFails(3, why);
        _finalize(_ruled(), 1);
        lines[0] = _patched(lines[0], 5, hex"01");
        _fileFails(3, why);
    }

    function test_RevertWhen_AnotherCharges() external {
        vm.prank(address(distributor));
        vm.expectRevert(abi.encodeWithSelector(IStakePool.CallerNotOverage.selector, address(distributor)));
        pool.chargeOverage(ALICE, 0, 1, ALICE);
    }

    /// Who leaves while the epoch is settled leaves its bill behind.
    function test_WhenTheStakeIsLeaving_TheExitPays() external {
        vm.prank(_payer(0));
        pool.requestUnstake(type(uint256).max);
        _finalizeBoth();
        vm.assertEq(pool.stakeOf(_payer(0)), 0);
        (, uint256 leavingWei) = pool.withdrawalsOf(_payer(0));
        uint256 chargedWei = _file(3);
        vm.assertEq(chargedWei, _bill(0, 3 * quota));
        (, uint256 leftWei) = pool.withdrawalsOf(_payer(0));
        vm.assertEq(leftWei, leavingWei - chargedWei);
        _endEpoch();
        (uint256 dueWei,) = pool.withdrawalsOf(_payer(0));
        vm.assertEq(dueWei, leftWei);
        vm.prank(_payer(0));
        pool.withdraw();
        vm.assertEq(token.balanceOf(_payer(0)), leftWei);
        pool.sendPots();
        vm.assertGe(token.balanceOf(address(pool)), pool.totalStakedWei());
    }

    /// It asks in the very epoch of the bill, whose fee is still to be paid of what leaves.
    function test_WhenTheStakeLeavesInTheEpochOfTheBill_TheFeeIsKept() external {
        _finalizeBoth();
        vm.startPrank(_payer(0));
        pool.requestUnstake(pool.stakeOf(_payer(0)) - MINIMUM);
        vm.stopPrank();
        // More than there is.
        uint256 stakeWei = pool.stakeOf(_payer(0));
        (, uint256 leavingWei) = pool.withdrawalsOf(_payer(0));
        vm.prank(address(overage));
        uint256 chargedWei = pool.chargeOverage(_payer(0), 1, 1e27, BOB);
        vm.assertApproxEqAbs(chargedWei, stakeWei + leavingWei * 99 / 100, 2);
        vm.prank(address(overage));
        vm.assertEq(pool.chargeOverage(_payer(0), 1, 1e27, BOB), 0, "nothing is taken twice");
        _skipEpochs(2);
        _settle();
        (uint256 dueWei,) = pool.withdrawalsOf(_payer(0));
        vm.assertLe(dueWei, 3);
        vm.prank(_payer(0));
        pool.withdraw();
        pool.sendPots();
        vm.assertGe(token.balanceOf(address(pool)), pool.totalStakedWei());
        vm.assertLe(token.balanceOf(address(pool)), pool.totalStakedWei() + 4);
    }

    /// What had left before the epoch never paid its fee, and does not pay for it.
    function test_WhatLeftBeforeTheEpochIsNotTouched() external {
        vm.prank(_payer(0));
        pool.requestUnstake(STAKE / 2);
        _finalizeBoth();
        vm.prank(_payer(0));
        pool.requestUnstake(type(uint256).max);
        (, uint256 leavingWei) = pool.withdrawalsOf(_payer(0));
        vm.prank(address(overage));
        uint256 chargedWei = pool.chargeOverage(_payer(0), 2, 1e27, BOB);
        // Only the exit of epoch 2.
        vm.assertLt(chargedWei, leavingWei / 2);
        vm.assertGt(chargedWei, leavingWei * 48 / 100);
    }

    function test_WhoHasNothingLeavingPaysItsStakeAtMost() external {
        uint256 stakeWei = pool.stakeOf(_payer(0));
        vm.prank(address(overage));
        vm.assertEq(pool.chargeOverage(_payer(0), 0, 1e27, BOB), stakeWei);
        vm.assertEq(pool.stakeOf(_payer(0)), 0);
    }

    /// However many exits there are, a bill costs no more gas than fifty; the newest are looked at.
    function test_ABillLooksAtFiftyExits() external {
        for (uint256 i = 0; i < 55; ++i) {
            vm.prank(_payer(0));
            pool.requestUnstake(5e18);
            _endEpoch();
        }
        vm.prank(address(overage));
        pool.chargeOverage(_payer(0), 0, 1e27, BOB);
        vm.assertEq(pool.stakeOf(_payer(0)), 0);
        (uint256 dueWei, uint256 leavingWei) = pool.withdrawalsOf(_payer(0));
        vm.assertApproxEqAbs(dueWei + leavingWei, 5 * 4.95e18, 60);
        // The debt is worked off by the oldest.
        vm.prank(_payer(0));
        pool.withdraw();
        _skipEpochs(3 * UNBONDING);
        vm.prank(_payer(0));
        pool.withdraw();
        vm.assertApproxEqAbs(token.balanceOf(_payer(0)), 5 * 4.95e18, 60);
    }

    function test_RevertWhen_NothingIsLeft() external {
        vm.prank(_payer(0));
        pool.requestUnstake(type(uint256).max);
        _finalizeBoth();
        _skipEpochs(1);
        vm.prank(_payer(0));
        pool.withdraw();
        _fileFails(3, abi.encodeWithSelector(IOverage.NothingToCharge.selector, _payer(0)));
        // It comes again, and so does the bill.
        vm.prank(ALICE);
        pool.stakeFor(_payer(0), STAKE);
        vm.assertEq(_file(3), _bill(0, 3 * quota));
    }

    // When exits are due.

    function test_AnExitWaitsForAnEpochThatBeginsWithItsOwnFinal() external {
        vm.prank(_payer(0));
        pool.requestUnstake(type(uint256).max);
        _skipEpochs(UNBONDING + 1);
        pool.closeEpochs();
        _assertDue(false);
        // It becomes final late: the rest of that epoch is there for bills.
        vm.prank(address(distributor));
        pool.distributionFinalized(0);
        _assertDue(false);
        vm.prank(address(distributor));
        pool.distributionFinalized(1);
        _assertDue(false);
        _skipEpochs(1);
        _assertDue(true);
    }

    function test_AnExitWaitsForItsOwnEpochNotForAnEarlierOne() external {
        vm.prank(_payer(0));
        pool.requestUnstake(type(uint256).max);
        _endEpoch();
        vm.prank(address(distributor));
        pool.distributionFinalized(0);
        _skipEpochs(UNBONDING);
        _assertDue(false);
    }

    function test_WithoutADistributionAnExitWaitsThreeTimesAsLong() external {
        vm.prank(_payer(0));
        pool.requestUnstake(type(uint256).max);
        _skipEpochs(3 * UNBONDING - 1);
        _assertDue(false);
        _skipEpochs(1);
        _assertDue(true);
    }

    function _assertDue(bool due) private {
        (uint256 dueWei,) = pool.withdrawalsOf(_payer(0));
        vm.assertEq(dueWei != 0 ? 1 : 0, due ? 1 : 0);
        if (!due) {
            vm.expectRevert(IStakePool.NothingToWithdraw.selector);
            vm.prank(_payer(0));
            pool.withdraw();
        }
    }

    // Whatever is signed.

    function testFuzz_TheBillIsTheRules(uint256 stakes, uint256 quotaBytes, uint256 units) external {
        uint256 feeWei = stakes % 1e25;
        quotaBytes %= 1e22;
        units = units % 3 == 0 ? units % (1 << 80) : quotaBytes + units % (quotaBytes / 5 + 2);
        vm.mockCall(address(pool), abi.encodeCall(pool.feeOf, (ALICE, 1)), abi.encode(feeWei));
        vm.mockCall(address(pool), abi.encodeCall(pool.quotaOf, (ALICE, 1)), abi.encode(quotaBytes));
        uint256 billWei = overage.billWei(ALICE, 1, units);
        uint256 steeredWei = _steered(ALICE, 1) * 1e9;
        vm.clearMockedCalls();
        vm.assertLe(billWei, 4 * steeredWei);
        uint256 part = quotaBytes / 20;
        bool within = units <= quotaBytes + part + (part < 64 << 20 ? part : 64 << 20);
        if (within || quotaBytes == 0) {
            vm.assertEq(billWei, 0);
        } else if (units >= 3 * quotaBytes) {
            vm.assertEq(billWei, 4 * steeredWei);
        } else {
            // Rounded down, by less than a nano.
            uint256 whole = steeredWei * 2 * (units - quotaBytes);
            vm.assertLe(billWei * quotaBytes, whole);
            vm.assertLt(whole, (billWei + 1e9) * quotaBytes);
        }
    }
}
