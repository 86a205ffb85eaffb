// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IStakePool} from "../../../contracts/interfaces/IStakePool.sol";
import {Vm, vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";

/// @title Closed epochs and what the pool remembers of them
contract PoolHistoryTest is Fixture {
    bytes32 private constant CLOSED = keccak256("EpochClosed(uint64,uint256,uint256)");
    bytes32 private constant RANGE = keccak256("EpochsClosed(uint64,uint64,uint256,uint256)");

    function test_ClosingTakesTheFeeOnce() external {
        _stake(ALICE, 100e18);
        _skipEpochs(1);
        vm.expectEmit(address(pool));
        emit IStakePool.EpochClosed(0, 1e18, 99e18);
        pool.closeEpochs();
        vm.assertEq(pool.closedEpochs(), 1);
        vm.recordLogs();
        pool.closeEpochs();
        vm.assertEq(vm.getRecordedLogs().length, 0);
        vm.assertEq(pool.stakeOf(ALICE), 99e18);
        vm.assertEq(pool.potOf(0), 1e18);
    }

    function test_AStakeGivesQuotaFromTheNextEpoch() external {
        _register(CAROL, CAROL);
        _stake(ALICE, 100e18);
        _endEpoch();
        _stake(ALICE, 50e18);
        _stake(BOB, 50e18);
        vm.assertEq(pool.quotaOf(ALICE, 1), 99 * QUOTA);
        vm.assertEq(pool.quotaOf(BOB, 1), 0);
        _endEpoch();
        vm.assertEq(pool.quotaOf(ALICE, 1), 99 * QUOTA);
        vm.assertEq(pool.quotaOf(BOB, 1), 0);
        vm.assertApproxEqAbs(pool.quotaOf(ALICE, 2), _quotaFor(147.51e18, 2), 1);
        vm.assertApproxEqAbs(pool.quotaOf(BOB, 2), _quotaFor(49.5e18, 2), 1);
    }

    function test_ThePotOfAnEpochWithoutStakeIsZero() external {
        _endEpoch();
        vm.assertEq(pool.potOf(0), 0);
        vm.assertEq(pool.feeOf(ALICE, 0), 0);
        vm.assertEq(pool.fundedThroughWei(0), 0);
        vm.assertEq(pool.quotaOf(ALICE, 1), 0);
    }

    function test_EndedEpochsCountAsClosedForQuotaAndStake() external {
        _register(CAROL, CAROL);
        _stake(ALICE, 100e18);
        _skipEpochs(2);
        vm.assertEq(pool.closedEpochs(), 0);
        vm.assertEq(pool.stakeOf(ALICE), 98.01e18);
        vm.assertEq(pool.totalStakedWei(), 98.01e18);
        vm.assertEq(pool.quotaOf(ALICE, 1), 99 * QUOTA);
        vm.assertEq(pool.quotaOf(ALICE, 2), 98.01e18 * QUOTA / 1e18);
        pool.closeEpochs();
        vm.assertEq(pool.stakeOf(ALICE), 98.01e18);
        vm.assertEq(pool.quotaOf(ALICE, 1), 99 * QUOTA);
        vm.assertEq(pool.quotaOf(ALICE, 2), 98.01e18 * QUOTA / 1e18);
    }

    function test_UnstakedSharesAreForeseenBeforeTheEpochIsClosed() external {
        _stake(ALICE, 100e18);
        _stake(BOB, 100e18);
        vm.prank(ALICE);
        pool.requestUnstake(type(uint256).max);
        vm.assertEq(pool.totalStakedWei(), 200e18);
        _skipEpochs(1);
        vm.assertEq(pool.totalStakedWei(), 99e18);
        (uint256 dueWei, uint256 unbondingWei) = pool.withdrawalsOf(ALICE);
        vm.assertEq(dueWei, 0);
        vm.assertEq(unbondingWei, 99e18);
    }

    function test_EachMissedEpochIsToldUpTo32() external {
        _stake(ALICE, 100e18);
        _skipEpochs(33);
        vm.recordLogs();
        pool.closeEpochs();
        _assertEvents(33, 0);
    }

    function test_MoreMissedEpochsAreToldAtOnce() external {
        _stake(ALICE, 100e18);
        _skipEpochs(34);
        uint256 leftWei = pool.totalStakedWei();
        vm.expectEmit(address(pool));
        emit IStakePool.EpochsClosed(1, 33, 99e18 - leftWei, leftWei);
        vm.recordLogs();
        pool.closeEpochs();
        _assertEvents(1, 1);
    }

    function test_HistoryOfAStretchIsExact() external {
        _register(CAROL, CAROL);
        _stake(ALICE, 100e18);
        _stake(BOB, 50e18);
        _endEpoch();
        _skipEpochs(50);
        _stake(CAROL, 10e18);
        _skipEpochs(3);
        pool.closeEpochs();
        _skipEpochs(1);
        pool.closeEpochs();
        _skipEpochs(2);
        _stake(CAROL, 10e18);
        uint256 sum;
        uint256 aliceWei = 100e18;
        for (uint64 epoch = 0; epoch < pool.closedEpochs(); ++epoch) {
            sum += pool.potOf(epoch);
            vm.assertEq(pool.fundedThroughWei(epoch), sum);
            vm.assertLe(pool.feeOf(ALICE, epoch) + pool.feeOf(BOB, epoch) + pool.feeOf(CAROL, epoch), pool.potOf(epoch));
            aliceWei -= pool.feeOf(ALICE, epoch);
            vm.assertApproxEqAbs(
                pool.quotaOf(ALICE, epoch + 1), _quotaFor(aliceWei, epoch + 1), 40, "the quota follows the fees"
            );
        }
        vm.assertEq(sum, 170e18 - pool.totalStakedWei());
        vm.assertEq(pool.feeOf(CAROL, 50), 0);
        vm.assertGt(pool.feeOf(CAROL, 51), 0);
    }

    function test_FundedThroughCountsFromTheNearestMark() external {
        _stake(ALICE, 1000e18);
        uint256[] memory sums = new uint256[](40);
        uint256 sum;
        for (uint64 epoch = 0; epoch < 40; ++epoch) {
            if (epoch == 20) {
                _skipEpochs(10);
                pool.closeEpochs();
            } else if (epoch < 20 || epoch >= 30) {
                _endEpoch();
            }
            if (epoch == 3 || epoch == 17 || epoch == 24 || epoch == 33) {
                vm.prank(address(distributor));
                pool.distributionFinalized(epoch);
            }
        }
        for (uint64 epoch = 0; epoch < 40; ++epoch) {
            sum += pool.potOf(epoch);
            sums[epoch] = sum;
            vm.assertEq(pool.fundedThroughWei(epoch), sum);
        }
        _skipEpochs(100);
        pool.closeEpochs();
        for (uint64 epoch = 0; epoch < 40; ++epoch) {
            vm.assertEq(pool.fundedThroughWei(epoch), sums[epoch]);
        }
    }

    function test_RevertWhen_AnEpochIsNotClosed() external {
        _endEpoch();
        vm.expectRevert(abi.encodeWithSelector(IStakePool.EpochNotClosed.selector, 1));
        pool.potOf(1);
        vm.expectRevert(abi.encodeWithSelector(IStakePool.EpochNotClosed.selector, 1));
        pool.feeOf(ALICE, 1);
        vm.expectRevert(abi.encodeWithSelector(IStakePool.EpochNotClosed.selector, 1));
        pool.fundedThroughWei(1);
        _skipEpochs(1);
        vm.expectRevert(abi.encodeWithSelector(IStakePool.EpochNotClosed.selector, 1));
        pool.potOf(1);
        vm.expectRevert(abi.encodeWithSelector(IStakePool.EpochNotBegun.selector, 3));
        pool.quotaOf(ALICE, 3);
    }

    function test_FeesEndAtTheDustFloor() external {
        _stake(ALICE, 1.005e18);
        _endEpoch();
        vm.assertEq(pool.potOf(0), 0.005e18);
        vm.assertEq(pool.stakeOf(ALICE), FLOOR);
        _skipEpochs(1000);
        pool.closeEpochs();
        vm.assertEq(pool.stakeOf(ALICE), FLOOR);
        vm.assertEq(pool.potOf(1000), 0);
    }

    function test_AtTheBoundOfAllPotsThePoolCanStillBeLeft() external {
        _stake(ALICE, 100e18);
        // The sum of all pots is the upper 96 bits of the book.
        bytes32 slot = bytes32(uint256(1));
        uint256 book = uint256(vm.load(address(pool), slot));
        vm.store(address(pool), slot, bytes32(book | uint256(type(uint96).max) << 160));
        _endEpoch();
        vm.prank(ALICE);
        pool.requestUnstake(type(uint256).max);
        _endEpoch();
        _endEpoch();
        _settle();
        vm.prank(ALICE);
        pool.withdraw();
        vm.assertEq(pool.fundedThroughWei(2), type(uint96).max);
    }

    function testFuzz_FeesOfAllStakersStayWithinThePot(uint96[5] memory stakes, uint8 missed) external {
        address[5] memory users = [ALICE, BOB, CAROL, MALLORY, PROPOSER];
        for (uint256 i = 0; i < 5; ++i) {
            _stake(users[i], MINIMUM + stakes[i] % 1_000_000e18);
            if (i == 2) _skipEpochs(1 + uint256(missed) % 5);
        }
        _skipEpochs(1 + uint256(missed) % 40);
        pool.closeEpochs();
        uint256 held;
        for (uint256 i = 0; i < 5; ++i) {
            held += pool.stakeOf(users[i]);
        }
        vm.assertLe(held, pool.totalStakedWei());
        vm.assertLe(pool.totalStakedWei() - held, 5, "a wei a staker");
        for (uint64 epoch = 0; epoch < pool.closedEpochs(); ++epoch) {
            uint256 fees;
            for (uint256 i = 0; i < 5; ++i) {
                fees += pool.feeOf(users[i], epoch);
            }
            vm.assertLe(fees, pool.potOf(epoch));
            vm.assertLe(pool.potOf(epoch) - fees, 5, "a wei a staker");
        }
    }

    function testFuzz_CatchUpIsEpochByEpoch(uint96 amount, uint8 missed) external {
        _stake(ALICE, MINIMUM + amount % 5_000_000e18);
        uint256 epochs = 1 + uint256(missed);
        uint256 leftWei = pool.totalStakedWei();
        for (uint256 i = 0; i < epochs; ++i) {
            uint256 feeWei = leftWei * RATE / PPB;
            leftWei = leftWei <= FLOOR ? leftWei : leftWei - feeWei < FLOOR ? FLOOR : leftWei - feeWei;
        }
        _skipEpochs(epochs);
        pool.closeEpochs();
        vm.assertApproxEqAbs(pool.totalStakedWei(), leftWei, epochs, "a wei an epoch");
    }

    function _assertEvents(uint256 single, uint256 ranges) private {
        uint256 sum;
        uint256 singles;
        uint256 found;
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == CLOSED) {
                (uint256 potWei,) = abi.decode(logs[i].data, (uint256, uint256));
                vm.assertEq(uint256(logs[i].topics[1]), singles);
                vm.assertEq(potWei, pool.potOf(uint64(singles)));
                ++singles;
                sum += potWei;
            } else if (logs[i].topics[0] == RANGE) {
                (uint256 potWei,) = abi.decode(logs[i].data, (uint256, uint256));
                ++found;
                sum += potWei;
            }
        }
        vm.assertEq(singles, single);
        vm.assertEq(found, ranges);
        vm.assertEq(sum, pool.fundedThroughWei(pool.closedEpochs() - 1));
    }
}
