// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {vm} from "../../../scripts/deploy/Vm.sol";
import {SponsorFixture} from "../sponsors/support/SponsorFixture.sol";

/// @title Gas of sponsoring
/// @notice Whole transactions (forge isolates each call), compared with tests/contracts/gas/snapshots, next to a bar that must hold. Others have
/// sponsored before. See docs/contracts/gas.md.
/// forge-config: default.isolate = true
contract SponsorGasTest is SponsorFixture {
    function test_GasOfSponsoring() external {
        _sponsor(BOB, 100e18);
        vault.stake();
        _endEpoch();
        _sponsor(ALICE, 100e18);
        vm.assertLe(vm.snapshotGasLastCall("SponsorVault", "sponsor, first"), 120_000, "sponsor");
        _sponsor(ALICE, 100e18);
        vm.snapshotGasLastCall("SponsorVault", "sponsor, next");
        vault.stake();
        vm.snapshotGasLastCall("SponsorVault", "stake");
    }

    function test_GasOfLeaving() external {
        _sponsor(BOB, 100e18);
        _stakeOf(ALICE, 100e18);
        _endEpoch();
        vm.prank(ALICE);
        uint64 requestId = vault.requestWithdraw(50e27);
        vm.snapshotGasLastCall("SponsorVault", "requestWithdraw, of the stake");
        vm.prank(BOB);
        vault.requestWithdraw(50e27);
        vm.snapshotGasLastCall("SponsorVault", "requestWithdraw, another in the epoch");
        _unbond(2);
        vm.prank(ALICE);
        vault.withdraw(requestId, ALICE);
        vm.snapshotGasLastCall("SponsorVault", "withdraw, from the pool");
        vm.prank(BOB);
        vault.withdraw(requestId, BOB);
        vm.snapshotGasLastCall("SponsorVault", "withdraw, what is here");
    }

    function test_GasOfCreating() external {
        factory.create(BOB, STREAMS, 100);
        vm.snapshotGasLastCall("SponsorVault", "create");
    }
}
