// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IStakePool} from "../../../contracts/interfaces/IStakePool.sol";
import {QuotaController} from "../../../contracts/libraries/QuotaController.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";

contract QuotaLedgerTest is Fixture {
    uint256 private constant BACKED = 5000 * 107_374_182;

    function test_WithoutCapacityNothingIsSold() external {
        _stake(ALICE, 100e18);
        _endEpoch();
        vm.assertEq(pool.quotaBytesPerData(1), 0);
        vm.assertEq(pool.soldBps(1), 7000);
        vm.assertEq(pool.quotaOf(ALICE, 1), 0);
        vm.assertEq(pool.nextQuotaBytesPerData(), QUOTA);
    }

    function test_TheQuotaIsFixedOneEpochAhead() external {
        _register(CAROL, CAROL);
        _stake(ALICE, 100e18);
        vm.assertEq(pool.nextQuotaBytesPerData(), QUOTA);
        vm.expectEmit(address(pool));
        vm.warp(GENESIS + EPOCH);
        emit IStakePool.EpochOpened(1, 99e18, BACKED, QUOTA);
        pool.closeEpochs();
        vm.assertEq(pool.quotaBytesPerData(1), QUOTA);
        vm.assertEq(pool.quotaOf(ALICE, 1), 99 * QUOTA);
        // 99 DATA buy 35 GB of 537 GB: 6.5 %, so almost a whole step up.
        vm.assertEq(pool.soldBps(1), 653);
        uint256 next = pool.nextQuotaBytesPerData();
        vm.assertEq(next, QuotaController.next(QUOTA, 653, QUOTA));
        // Whatever happens in the epoch, that stays.
        _stake(BOB, 5_000_000e18);
        vm.prank(CAROL);
        registry.declareCapacity(0, 1);
        vm.assertEq(pool.quotaBytesPerData(1), QUOTA);
        vm.assertEq(pool.soldBps(1), 653);
        vm.assertEq(pool.nextQuotaBytesPerData(), next);
        _endEpoch();
        // The one thing that is not known before: no more than four times the capacity is sold.
        vm.assertEq(pool.soldBps(2), 10_000);
        vm.assertLe(pool.quotaBytesPerData(2), 1);
        vm.assertEq(pool.nextQuotaBytesPerData(), QuotaController.next(next, 10_000, QUOTA));
    }

    function test_AStakeInTheEpochChangesNothingOfIt() external {
        _register(CAROL, CAROL);
        _stake(ALICE, 100e18);
        _endEpoch();
        uint256 quota = pool.quotaOf(ALICE, 1);
        _stake(BOB, 1_000_000e18);
        vm.assertEq(pool.quotaOf(ALICE, 1), quota);
        _endEpoch();
        _stake(BOB, 1_000_000e18);
        vm.assertEq(pool.quotaOf(ALICE, 1), quota);
    }

    function test_EachClosingIsOneStep() external {
        _register(CAROL, CAROL);
        _stake(ALICE, 1000e18);
        uint256 quota = QUOTA;
        _endEpoch();
        for (uint64 epoch = 1; epoch < 20; ++epoch) {
            vm.assertEq(pool.quotaBytesPerData(epoch), quota);
            quota = QuotaController.next(quota, pool.soldBps(epoch), QUOTA);
            vm.assertEq(pool.nextQuotaBytesPerData(), quota);
            _endEpoch();
        }
        // 1 000 DATA of 1 % less each time, 500 GiB: the quota rises to where 70 % is sold.
        for (uint64 epoch = 20; epoch < 90; ++epoch) {
            _endEpoch();
        }
        vm.assertApproxEqAbs(pool.soldBps(90), 7000, 1500);
    }

    /// What is said of an epoch while nobody closes is what is said of it when somebody did, however much later.
    function test_MissedEpochsKeepTheQuotaOfTheFirst() external {
        _register(CAROL, CAROL);
        _stake(ALICE, 1000e18);
        _endEpoch();
        uint256 next = pool.nextQuotaBytesPerData();
        uint256[] memory quotas = new uint256[](6);
        for (uint64 epoch = 2; epoch < 6; ++epoch) {
            _skipEpochs(1);
            vm.assertEq(pool.quotaBytesPerData(epoch), next);
            quotas[epoch] = pool.quotaOf(ALICE, epoch);
        }
        uint256 sold = pool.soldBps(5);
        uint256 foreseen = pool.nextQuotaBytesPerData();
        pool.closeEpochs();
        for (uint64 epoch = 2; epoch < 6; ++epoch) {
            vm.assertEq(pool.quotaBytesPerData(epoch), next);
            vm.assertEq(pool.quotaOf(ALICE, epoch), quotas[epoch]);
        }
        vm.assertEq(pool.soldBps(5), sold);
        vm.assertEq(pool.nextQuotaBytesPerData(), foreseen);
        _endEpoch();
        vm.assertEq(pool.quotaBytesPerData(6), foreseen);
        for (uint64 epoch = 2; epoch < 6; ++epoch) {
            vm.assertEq(pool.quotaOf(ALICE, epoch), quotas[epoch]);
        }
    }

    function test_MoreCapacityThanFitsCountsAsTheMost() external {
        vm.mockCall(
            address(registry), abi.encodeCall(registry.totalCapacityAt, (uint64(1))), abi.encode(uint256(1) << 79)
        );
        _stake(ALICE, 100e18);
        _endEpoch();
        vm.assertEq(pool.quotaBytesPerData(1), QUOTA);
        vm.assertEq(pool.soldBps(1), 0);
    }

    function test_RevertWhen_TheEpochHasNotBegun() external {
        bytes memory notBegun = abi.encodeWithSelector(IStakePool.EpochNotBegun.selector, 1);
        vm.expectRevert(notBegun);
        pool.quotaBytesPerData(1);
        vm.expectRevert(notBegun);
        pool.soldBps(1);
    }

    function testFuzz_AllQuotasAreAtMostFourTimesTheCapacity(uint96[3] memory stakes, uint64 declared, uint8 missed)
        external
    {
        vm.prank(CAROL);
        registry.register(CAROL, uint128(OPERATOR_BOND), declared, "");
        address[3] memory users = [ALICE, BOB, MALLORY];
        for (uint256 i = 0; i < 3; ++i) {
            _stake(users[i], MINIMUM + stakes[i] % 9_000_000e18);
            if (i != 1) _skipEpochs(1 + missed % 4);
        }
        for (uint64 epoch = 0; epoch <= pool.currentEpoch(); ++epoch) {
            uint256 quotas;
            for (uint256 i = 0; i < 3; ++i) {
                quotas += pool.quotaOf(users[i], epoch);
            }
            vm.assertLe(quotas, 4 * registry.totalCapacityAt(epoch));
        }
    }
}
