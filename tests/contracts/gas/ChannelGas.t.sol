// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {DataToken} from "../../../contracts/token/DataToken.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {ChannelFixture} from "../channels/support/ChannelFixture.sol";

/// @title Gas of channels
/// @notice Whole transactions (forge isolates each call), compared with tests/contracts/gas/snapshots, next to bars that must hold. Each
/// is the second of its kind: balances, lanes and the operator's payee are there; receipts are by a session key. See
/// docs/contracts/gas.md.
/// forge-config: default.isolate = true
contract ChannelGasTest is ChannelFixture {
    uint256 private constant MANY = 50;

    function setUp() public override {
        super.setUp();
        // Nobody's balance is fresh, the operator has a payee here.
        token.transfer(PAYEE, 1e18);
        _open(BOB, OPERATOR, DEPOSIT);
        _authorize(ALICE, SESSION);
    }

    /// @dev As it is on chain, without a double's switches.
    function _newToken() internal override returns (address) {
        return address(new DataToken(address(this), 1e27));
    }

    function test_GasOfOpening() external {
        vm.prank(ALICE);
        hub.open(OPERATOR, WINDOW, DEPOSIT);
        _within("open", 75_000);
        vm.prank(ALICE);
        hub.topUp(ALICE, OPERATOR, DEPOSIT);
        vm.snapshotGasLastCall("ChannelHub", "topUp");
    }

    function test_GasOfOpeningByTransferAndCall() external {
        vm.prank(ALICE);
        token.transferAndCall(address(hub), DEPOSIT, abi.encode(OPERATOR, WINDOW));
        vm.snapshotGasLastCall("ChannelHub", "open by transferAndCall");
    }

    function test_GasOfRedeeming() external {
        _open();
        _redeem(_session(0, 1e18));
        vm.snapshotGasLastCall("ChannelHub", "redeem, first of a lane");
        _redeem(_session(0, 2e18));
        _within("redeem", 60_000);
    }

    function test_GasOfRedeemingManyLanes() external {
        _open();
        hub.redeemMany(_lanes(1e18));
        hub.redeemMany(_lanes(2e18));
        _withinEach("redeemMany of 50 lanes", 20_000);
    }

    /// Five lanes of each of ten payers, and one of each of fifty: every channel more costs its slot.
    function test_GasOfRedeemingManyPayers() external {
        for (uint256 i = 0; i < MANY; ++i) {
            address payer = vm.addr(9000 + i);
            token.transfer(payer, DEPOSIT);
            vm.prank(payer);
            token.approve(address(hub), DEPOSIT);
            _open(payer, OPERATOR, DEPOSIT);
        }
        hub.redeemMany(_payers(10, 1e18));
        hub.redeemMany(_payers(10, 2e18));
        _withinEach("redeemMany of 50, ten payers", 20_000);
        hub.redeemMany(_payers(50, 3e18));
        hub.redeemMany(_payers(50, 4e18));
        _withinEach("redeemMany of 50 payers", 22_000);
    }

    function test_GasOfAnAgreedEnd() external {
        _open();
        _redeem(_session(0, 1e18));
        bytes memory payers = _agreement("alice", 10e18);
        vm.prank(PAYEE);
        hub.close(ALICE, OPERATOR, 10e18, payers, "");
        _within("close, both paid", 65_000);
    }

    function test_GasOfAnAgreedEndThatSomebodyElseBrings() external {
        _open();
        _redeem(_session(0, 1e18));
        bytes memory payers = _agreement("alice", 10e18);
        bytes memory operators = _agreement("payee", 10e18);
        hub.close(ALICE, OPERATOR, 10e18, payers, operators);
        vm.snapshotGasLastCall("ChannelHub", "close, by a third");
    }

    function test_GasOfAnExit() external {
        _open();
        _redeem(_session(0, 1e18));
        vm.prank(ALICE);
        hub.exit(OPERATOR);
        uint256 exitGas = vm.snapshotGasLastCall("ChannelHub", "exit");
        _redeem(_session(0, 2e18));
        uint256 answerGas = vm.snapshotGasLastCall("ChannelHub", "answer");
        vm.snapshotValue("ChannelHub", "exit and answer", exitGas + answerGas);
        vm.assertLe(exitGas + answerGas, 110_000);
        vm.warp(block.timestamp + 1 days);
        hub.settle(ALICE, OPERATOR);
        _within("settle", 50_000);
    }

    function _within(string memory name, uint256 mostGas) private {
        vm.assertLe(vm.snapshotGasLastCall("ChannelHub", name), mostGas, name);
    }

    function _withinEach(string memory name, uint256 mostGas) private {
        uint256 gas_ = vm.snapshotGasLastCall("ChannelHub", name) / MANY;
        vm.snapshotValue("ChannelHub", string.concat(name, ", each"), gas_);
        vm.assertLe(gas_, mostGas, name);
    }

    function _session(uint256 lane, uint256 owedWei) private view returns (bytes memory) {
        return _sign(SESSION, _receipt(ALICE, OPERATOR, lane, owedWei));
    }

    function _lanes(uint256 owedWei) private view returns (bytes memory receipts) {
        for (uint256 i = 0; i < MANY; ++i) {
            receipts = bytes.concat(receipts, _session(i, owedWei));
        }
    }

    function _payers(uint256 payers, uint256 owedWei) private view returns (bytes memory receipts) {
        for (uint256 i = 0; i < MANY; ++i) {
            uint256 key = 9000 + i * payers / MANY;
            receipts = bytes.concat(receipts, _sign(key, _receipt(vm.addr(key), OPERATOR, i, owedWei)));
        }
    }
}
