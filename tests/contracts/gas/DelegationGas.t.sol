// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {vm} from "../../../scripts/deploy/Vm.sol";
import {DelegationFixture} from "../delegation/support/DelegationFixture.sol";

/// @title Gas of delegation
/// @notice Whole transactions (forge isolates each call), compared with tests/contracts/gas/snapshots, next to bars that must hold. Balances
/// are not fresh, the pool has an income that is being released, and others have delegated and requested before. See docs/contracts/gas.md.
/// forge-config: default.isolate = true
contract DelegationGasTest is DelegationFixture {
    function setUp() public override {
        super.setUp();
        _delegate(BOB, 1000e18);
        _earn(500e18);
        _request(BOB, 100e9);
        shares.rebalance();
        vm.warp(block.timestamp + EPOCH / 3);
    }

    function test_GasOfDelegating() external {
        _delegate(ALICE, 100e18);
        _within("delegate, first", 95_000);
        vm.warp(block.timestamp + EPOCH / 3);
        _delegate(ALICE, 100e18);
        _within("delegate, next", 75_000);
    }

    function test_GasOfRequesting() external {
        _delegate(ALICE, 100e18);
        vm.warp(block.timestamp + EPOCH / 3);
        _request(ALICE, 10e9);
        _within("request", 70_000);
        _request(ALICE, 10e9);
        _within("request, again in the epoch", 70_000);
        _skipEpochs(1);
        _requestAll(ALICE);
        _within("request, all", 70_000);
    }

    function test_GasOfRedeeming() external {
        _delegate(ALICE, 100e18);
        uint64 requestId = _request(ALICE, 10e9);
        shares.rebalance();
        _skipEpochs(UNBOND);
        shares.rebalance();
        _redeem(ALICE, requestId);
        _within("redeem", 60_000);
    }

    function test_GasOfKeeping() external {
        _pay(100e18);
        shares.collect();
        vm.snapshotGasLastCall("DelegationPool", "collect");
        _delegate(ALICE, 100e18);
        shares.rebalance();
        vm.snapshotGasLastCall("DelegationPool", "rebalance, into the bond");
        _requestAll(ALICE);
        shares.rebalance();
        vm.snapshotGasLastCall("DelegationPool", "rebalance, out of the bond");
    }

    function test_GasOfCreating() external {
        uint32 id = _register(BOB, BOB);
        address expected = factory.poolOf(id);
        vm.startPrank(BOB);
        registry.offerOperator(id, expected);
        factory.create(id, CUT);
        vm.snapshotGasLastCall("DelegationPool", "create");
        vm.stopPrank();
    }

    /// The queue is a sum: what a request and its redemption cost does not depend on how many wait.
    function test_GasDoesNotGrowWithTheQueue() external {
        (uint256 oneRequest, uint256 oneRedemption) = _measure(1);
        (uint256 manyRequest, uint256 manyRedemption) = _measure(10_000);
        vm.assertApproxEqAbs(manyRequest, oneRequest, oneRequest / 100, "request");
        vm.assertApproxEqAbs(manyRedemption, oneRedemption, oneRedemption / 100, "redeem");
    }

    /// @dev ALICE's request and redemption behind those of `others`.
    function _measure(uint256 others) private returns (uint256 request, uint256 redemption) {
        uint256 snapshot = vm.snapshotState();
        _delegate(ALICE, 100e18);
        _delegate(BOB, 20_000e18);
        vm.startPrank(BOB);
        for (uint256 i = 0; i < others; ++i) {
            shares.requestRedeem(1e9, address(uint160(1e6 + i)), BOB);
        }
        vm.stopPrank();
        uint64 requestId = _request(ALICE, 10e9);
        request = vm.snapshotGasLastCall("DelegationPool", string.concat("request behind ", vm.toString(others)));
        shares.rebalance();
        _skipEpochs(UNBOND);
        shares.rebalance();
        _redeem(ALICE, requestId);
        redemption = vm.snapshotGasLastCall("DelegationPool", string.concat("redeem behind ", vm.toString(others)));
        vm.revertToState(snapshot);
    }

    function _within(string memory name, uint256 mostGas) private {
        vm.assertLe(vm.snapshotGasLastCall("DelegationPool", name), mostGas, name);
    }
}
