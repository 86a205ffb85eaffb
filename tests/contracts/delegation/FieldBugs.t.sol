// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDelegationPool} from "../../../contracts/interfaces/IDelegationPool.sol";
import {IOperatorRegistry} from "../../../contracts/interfaces/IOperatorRegistry.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {DelegationFixture} from "./support/DelegationFixture.sol";

/// @title Bugs that other systems of delegation had
/// @notice Each test is named after its finding.
contract DelegationFieldBugsTest is DelegationFixture {
    /// Streamr (Cyfrin 2023): `undelegate(type(uint256).max)` overflowed in `_payOutFirstInQueue`, and blocked the queue for everybody behind it.
    function test_Streamr_PayOutFirstInQueueOverflow() external {
        _delegate(ALICE, 1000e18);
        _delegate(BOB, 1000e18);
        shares.rebalance();
        uint64 first = _request(ALICE, type(uint256).max);
        uint64 second = _request(BOB, 500e9);
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.SharesTooFew.selector, BOB, 500e9, uint256(1) << 128));
        shares.requestRedeem(uint256(1) << 128, BOB, BOB);
        shares.rebalance();
        _skipEpochs(UNBOND);
        vm.assertEq(_redeem(BOB, second), 500e18);
        vm.assertEq(_redeem(ALICE, first), 1000e18);
    }

    /// Streamr (Cyfrin 2023): `onUndelegate` compared DATA with operator tokens, so the own stake could be left when a share was worth more
    /// than a DATA, or not be touched when it was worth less.
    function test_Streamr_OnUndelegateComparesOneUnit() external {
        _delegate(ALICE, 95_000e18);
        // A share is worth two DATA.
        _earn(100_000e18);
        vm.warp(block.timestamp + WINDOW_SECONDS);
        uint256 own = shares.balanceOf(CAROL);
        uint256 others = shares.totalSupply() - own;
        // Exactly a twentieth may stay: 19 · own = others.
        uint256 spare = own - (others + 18) / 19;
        vm.prank(CAROL);
        shares.requestRedeem(spare, CAROL, CAROL);
        vm.prank(CAROL);
        vm.expectRevert();
        shares.requestRedeem(1, CAROL, CAROL);
        _slash(150_000e18);
        _ownStakeHolds();
    }

    /// The Graph (OpenZeppelin's H-02 on Horizon): a slash beyond the operator's own provision did not reach the delegators.
    function test_TheGraph_OZ_H02_ASlashBeyondTheOwnStakeReachesDelegators() external {
        _delegate(ALICE, 15_000e18);
        shares.rebalance();
        vm.assertEq(_slash(10_000e18), 10_000e18);
        vm.assertEq(_worth(ALICE), 7500e18);
        vm.assertEq(_worth(CAROL), 2500e18);
        vm.expectEmit(address(shares));
        emit IDelegationPool.LossNoticed(10_000e18, 0);
        shares.collect();
        vm.assertEq(_bookedWei(), _realWei());
    }

    /// The Graph (the same review, M-06): shares without tokens. A pool that was slashed to nothing divided by zero ever after, or its dead
    /// shares took a part of what came in later.
    function test_TheGraph_OZ_M06_AFullySlashedPoolIsFilledAgain() external {
        _delegate(ALICE, 1000e18);
        shares.rebalance();
        vm.assertEq(_slash(type(uint256).max), 6000e18);
        vm.assertEq(shares.totalAssets(), 0);
        // Delegators wait until the owner has put something in.
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.OwnStakeTooSmall.selector, 0, 5e9));
        shares.delegate(100e18, 0);
        vm.assertEq(_delegate(CAROL, 5000e18), 5000e9);
        vm.assertEq(_delegate(BOB, 5000e18), 5000e9);
        vm.assertEq(shares.balanceOf(ALICE), 0);
        vm.assertEq(shares.totalSupply(), 10_000e9);
        shares.rebalance();
        _endEpoch();
        vm.assertEq(registry.bondAt(OPERATOR, pool.currentEpoch()), 10_000e18);
        vm.assertEq(_worth(BOB), 5000e18);
        // And again, many times over.
        for (uint256 i = 0; i < 40; ++i) {
            _slash(type(uint256).max);
            shares.collect();
            _delegate(CAROL, 5000e18);
            _delegate(BOB, 5000e18);
            shares.rebalance();
            _endEpoch();
            vm.assertEq(_worth(BOB), 5000e18);
        }
    }

    /// The same with a nano left each time: the price falls by ten orders of magnitude, and shares by their scale.
    function test_APoolSlashedToANanoIsFilledAgain() external {
        for (uint256 i = 0; i < 5; ++i) {
            (uint256 bondWei,,) = registry.holdingOf(OPERATOR);
            _slash(bondWei - NANO);
            vm.assertEq(shares.totalAssets(), NANO);
            _delegate(CAROL, 5000e18);
            _delegate(ALICE, 5000e18);
            vm.assertApproxEqAbs(_worth(ALICE), 5000e18, 5000e12);
            shares.rebalance();
            _endEpoch();
            vm.assertEq(_bookedWei(), _realWei());
        }
    }

    /// Livepeer: a transcoder with a small cut raised it just before it called `reward`, and lowered it after.
    function test_Livepeer_BaitAndSwitchOfTheCut() external {
        _delegate(ALICE, 5000e18);
        _pay(1000e18);
        uint64 epoch = pool.currentEpoch();
        vm.startPrank(CAROL);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.CutRiseTooLarge.selector, 501, 500));
        shares.setCut(CUT + 501);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.CutTooLarge.selector, 5001, 5000));
        shares.setCut(5001);
        // What came in before the word pays the old cut, whoever collects it.
        vm.expectEmit(address(shares));
        emit IDelegationPool.Collected(1000e18, 100e18, 100e9);
        vm.expectEmit(address(shares));
        emit IDelegationPool.CutRiseAnnounced(CUT + 500, epoch + UNBOND + 1);
        shares.setCut(CUT + 500);
        vm.assertEq(_status().cutBps, CUT);
        vm.assertEq(_status().nextCutBps, CUT + 500);
        vm.assertEq(_status().nextCutFrom, epoch + UNBOND + 1);
        // A second word does not stack on one that is not in force.
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.CutRiseTooLarge.selector, 501, 500));
        shares.setCut(CUT + 501);
        vm.stopPrank();
        // Who asks to leave now has its money before the cut is in force.
        uint64 requestId = _requestAll(ALICE);
        shares.rebalance();
        _skipEpochs(UNBOND);
        vm.assertEq(_status().cutBps, CUT);
        _redeem(ALICE, requestId);
        _skipEpochs(1);
        vm.assertEq(_status().cutBps, CUT + 500);
        vm.assertEq(_status().nextCutFrom, 0);
        vm.startPrank(CAROL);
        shares.setCut(CUT + 600);
        vm.assertEq(_status().cutBps, CUT + 500);
        // Lowering is at once, and takes an announced rise back.
        vm.expectEmit(address(shares));
        emit IDelegationPool.CutLowered(0);
        shares.setCut(0);
        vm.stopPrank();
        vm.assertEq(_status().cutBps, 0);
        _skipEpochs(UNBOND + 1);
        vm.assertEq(_status().cutBps, 0);
        _earn(100e18);
    }

    /// Lido: redemptions fixed in assets at the time of the request could not be paid after a loss. Here they bear their part of it.
    function test_Lido_RedemptionsStuckInAssets() external {
        _delegate(ALICE, 5000e18);
        _delegate(BOB, 5000e18);
        shares.rebalance();
        uint64 requestId = _requestAll(ALICE);
        shares.rebalance();
        _skipEpochs(1);
        _slash(7500e18);
        vm.assertEq(shares.requestWorthWei(requestId, ALICE), 2500e18);
        uint64 later = _requestAll(BOB);
        vm.assertEq(shares.requestWorthWei(later, BOB), 2500e18);
        shares.rebalance();
        _skipEpochs(UNBOND);
        vm.assertEq(_redeem(BOB, later), 2500e18);
        vm.assertEq(_redeem(ALICE, requestId), 2500e18);
        vm.assertEq(_worth(CAROL), 2500e18);
    }

    /// A request that is slashed to nothing is still redeemed, for nothing.
    function test_ARequestThatIsWorthNothingIsRedeemed() external {
        _delegate(ALICE, 5000e18);
        shares.rebalance();
        uint64 requestId = _requestAll(ALICE);
        _slash(type(uint256).max);
        _skipEpochs(UNBOND);
        vm.assertEq(_redeem(ALICE, requestId), 0);
        vm.assertEq(_status().leavingWei, 0);
        _delegate(CAROL, 5000e18);
        _delegate(ALICE, 5000e18);
        vm.assertEq(shares.pendingRedeemRequest(_request(ALICE, 1e9), ALICE), 1e9);
    }

    function test_AWorthlessRequestStopsNoLaterOne() external {
        _delegate(ALICE, 5000e18);
        shares.rebalance();
        uint64 requestId = _requestAll(ALICE);
        _slash(type(uint256).max);
        _delegate(CAROL, 5000e18);
        _delegate(BOB, 5000e18);
        _request(BOB, 1e9);
        vm.assertEq(shares.requestWorthWei(requestId, BOB), 1e18);
        vm.assertEq(shares.requestWorthWei(requestId, ALICE), 0);
    }

    /// What was requested before and after a slash is noticed is worth the same: nobody runs ahead of it.
    function testFuzz_AskingBeforeOrAfterASlashIsTheSame(uint96 mine, uint96 slashed, bool noticed) external {
        uint256 mineWei = 1e18 + uint256(mine) % 46_000e18;
        _delegate(ALICE, mineWei);
        _delegate(BOB, mineWei);
        shares.rebalance();
        uint64 requestId = _requestAll(ALICE);
        _slash(uint256(slashed) % ((5000e18 + 2 * mineWei) * 9 / 10));
        if (noticed) shares.collect();
        _requestAll(BOB);
        uint256 one = shares.requestWorthWei(requestId, ALICE);
        uint256 other = shares.requestWorthWei(requestId, BOB);
        vm.assertApproxEqAbs(one, other, 4 * NANO);
        vm.assertApproxEqAbs(_bookedWei(), _realWei(), 2 * NANO);
        vm.assertLe(_bookedWei(), _realWei());
    }

    /// Skimming (in before a claim, out after it) brings nothing, however large it is.
    function testFuzz_Skimming_InBeforeAClaimOutAfter(uint96 skim, uint96 income, bool late) external {
        uint256 skimWei = 1e18 + uint256(skim) % 90_000e18;
        uint256 incomeWei = NANO + uint256(income) % 100_000e18;
        _delegate(ALICE, 5000e18);
        // Something is being released already.
        _earn(500e18);
        _skipEpochs(3);
        shares.collect();
        if (late) _pay(incomeWei);
        uint256 before = _worth(MALLORY);
        vm.assertEq(before, 0);
        _delegate(MALLORY, skimWei);
        if (!late) _pay(incomeWei);
        shares.collect();
        uint64 requestId = _requestAll(MALLORY);
        vm.assertLe(shares.requestWorthWei(requestId, MALLORY), skimWei);
        // Time brings nothing either.
        shares.collect();
        _skipEpochs(UNBOND);
        vm.assertLe(_redeem(MALLORY, requestId), skimWei);
    }

    /// An epoch of standing there brings its part of a fourteenth, and costs an unbonding without income.
    function test_Skimming_AnEpochAroundAClaimEarnsLessThanStaying() external {
        _delegate(ALICE, 5000e18);
        for (uint256 i = 0; i < 30; ++i) {
            _earn(100e18);
            _skipEpochs(1);
        }
        uint256 price = _worth(ALICE);
        _delegate(MALLORY, 10_000e18);
        _earn(100e18);
        _skipEpochs(1);
        uint64 requestId = _requestAll(MALLORY);
        uint256 skimmedWei = shares.requestWorthWei(requestId, MALLORY) - 10_000e18;
        // Of all that is released in an epoch, at most its share of it, once in 1 + UNBOND epochs.
        uint256 stayedWei = _worth(ALICE) - price;
        vm.assertLe(skimmedWei * 5000e18 / (1 + UNBOND), stayedWei * 10_000e18);
        vm.assertLe(skimmedWei, 100e18);
    }

    /// The first depositor's attack on ERC-4626: the price of a share cannot be blown up so that the next one's rounding is a prize.
    function test_FirstDepositor_TheNextLosesNoMoreThanAMillionth() external {
        _slash(type(uint256).max);
        _delegate(CAROL, 1e18);
        vm.prank(CAROL);
        shares.requestRedeem(1e9 - 1, CAROL, CAROL);
        vm.assertEq(shares.totalSupply(), 1);
        vm.prank(CAROL);
        registry.addBond(OPERATOR, 1000e18);
        vm.prank(ALICE);
        vm.expectRevert(IDelegationPool.SharesTooCoarse.selector);
        shares.delegate(1500e18, 0);
    }

    // Ways around the own stake.

    function test_OwnStake_NoDelegationDilutesIt() external {
        vm.assertEq(shares.maxDeposit(ALICE), 95_000e18);
        _delegate(ALICE, 95_000e18);
        vm.assertEq(shares.maxDeposit(ALICE), 0);
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.OwnStakeTooSmall.selector, 5000e9, 5000e9 + 5e7));
        shares.delegate(1e18, 0);
        _ownStakeHolds();
    }

    function test_OwnStake_NoWayOutAround() external {
        _delegate(ALICE, 95_000e18);
        vm.startPrank(CAROL);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.OwnStakeTooSmall.selector, 5000e9 - 1, 5000e9));
        shares.transfer(BOB, 1);
        vm.expectRevert(
            abi.encodeWithSelector(IDelegationPool.OwnStakeTooSmall.selector, 5000e9 - 1e9, 4_999_950_000_000)
        );
        shares.requestRedeem(1e9, CAROL, CAROL);
        shares.approve(BOB, type(uint256).max);
        vm.stopPrank();
        vm.startPrank(BOB);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.OwnStakeTooSmall.selector, 5000e9 - 1, 5000e9));
        shares.transferFrom(CAROL, BOB, 1);
        vm.expectRevert(
            abi.encodeWithSelector(IDelegationPool.OwnStakeTooSmall.selector, 5000e9 - 1e9, 4_999_950_000_000)
        );
        shares.requestRedeem(1e9, BOB, CAROL);
        vm.stopPrank();
        vm.prank(CAROL);
        shares.offerOwner(BOB);
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.OwnStakeTooSmall.selector, 0, 5000e9));
        shares.acceptOwner();
        // The seat itself cannot be emptied, for the owner is not the operator's.
        vm.startPrank(CAROL);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.CallerNotOperatorOwner.selector, CAROL));
        registry.setPayout(OPERATOR, CAROL);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.CallerNotOperatorOwner.selector, CAROL));
        registry.offerOperator(OPERATOR, CAROL);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.CallerNotOperatorOwner.selector, CAROL));
        registry.reduceBond(OPERATOR, 1);
        vm.stopPrank();
        _ownStakeHolds();
    }

    function test_OwnStake_ASlashLowersAllAlikeAndSoDoesTheCutRaiseIt() external {
        _delegate(ALICE, 95_000e18);
        shares.rebalance();
        _slash(33_333e18 + 1);
        _ownStakeHolds();
        _earn(1000e18);
        _ownStakeHolds();
        vm.assertGt(shares.maxDeposit(BOB), 0);
    }

    /// Time stands still for income while nobody is there: the first to come back does not get all of it at once.
    function test_IncomeWaitsForSomebody() external {
        vm.prank(CAROL);
        shares.setCut(0);
        _earn(1400e18);
        _skipEpochs(7);
        _requestAll(CAROL);
        uint256 leftWei = _status().unreleasedWei;
        vm.assertApproxEqAbs(leftWei, 700e18, NANO);
        _skipEpochs(30);
        vm.assertEq(_status().unreleasedWei, leftWei);
        // What comes in meanwhile waits too.
        _earn(100e18);
        _skipEpochs(30);
        vm.assertEq(_status().unreleasedWei, leftWei + 100e18);
        _delegate(CAROL, 5000e18);
        vm.assertEq(_worth(CAROL), 5000e18);
        _skipEpochs(1);
        vm.assertGt(_worth(CAROL), 5000e18 + 90e18);
        vm.assertLt(_worth(CAROL), 5000e18 + 110e18);
        _skipEpochs(14);
        vm.assertEq(_worth(CAROL), 5000e18 + leftWei + 100e18);
    }

    /// What is not released yet bears only what the others cannot.
    function test_IncomeThatIsNotReleasedBearsTheRestOfALoss() external {
        _earn(1000e18);
        shares.rebalance();
        // The bond holds what the owner and its cut stand for.
        uint64 requestId = _requestAll(CAROL);
        _skipEpochs(UNBOND);
        // Paid from the income that lies here, while the bond is still whole.
        _earn(5000e18);
        _redeem(CAROL, requestId);
        (uint256 bondWei,,) = registry.holdingOf(OPERATOR);
        vm.assertEq(bondWei, 5100e18);
        _slash(2000e18);
        shares.collect();
        vm.assertLe(_bookedWei(), _realWei());
        vm.assertApproxEqAbs(_bookedWei(), _realWei(), NANO);
        _delegate(CAROL, 5000e18);
        vm.assertEq(_worth(CAROL) + _status().unreleasedWei, _realWei() - _rest());
    }

    function _rest() private view returns (uint256) {
        return _realWei() - _bookedWei();
    }

    function _ownStakeHolds() private view {
        vm.assertGe(shares.balanceOf(CAROL) * 20, shares.totalSupply());
    }
}
