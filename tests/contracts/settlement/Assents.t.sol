// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAssents} from "../../../contracts/interfaces/IAssents.sol";
import {IForcedReceipts} from "../../../contracts/interfaces/IForcedReceipts.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {World} from "./support/World.sol";

/// @title Which receipts there are: assents, and what is forced
contract AssentsTest is World {
    function setUp() public override {
        super.setUp();
        facts.close(0, POT, 3);
        vm.warp(_endOf(0));
    }

    function test_MoreThanHalfOfTheBondAssents() external {
        IAssents.Assent memory list = _list(1);
        vm.expectEmit(address(assents));
        emit IAssents.Assented(0, 1, list.top, list.count);
        _assentBy(2, 0, list);
        vm.assertEq(assents.assentOf(0).top, list.top);
        vm.assertEq(assents.assentOf(0).count, list.count);
    }

    function test_HalfOfTheBondIsNotEnough() external {
        IAssents.Assent memory list = _list(1);
        vm.expectRevert(abi.encodeWithSelector(IAssents.BondTooSmall.selector, 5000e18, 15_000e18 + 3));
        _assentBy(1, 0, list);
        // Exactly half.
        facts.setOperator(0, 5000e18, 0, _node(0), vm.addr(100));
        facts.setOperator(1, 5000e18, 0, _node(1), vm.addr(101));
        facts.setOperator(2, 0, 0, _node(2), vm.addr(102));
        vm.expectRevert(abi.encodeWithSelector(IAssents.BondTooSmall.selector, 5000e18, 10_000e18));
        _assentBy(1, 0, list);
        facts.setOperator(0, 5000e18 + 2, 0, _node(0), vm.addr(100));
        _assentBy(1, 0, list);
    }

    function test_TheHighestRoundCounts() external {
        _assentBy(2, 0, _list(2));
        for (uint32 round = 0; round <= 2; ++round) {
            IAssents.Assent memory list = _list(round);
            vm.expectRevert(abi.encodeWithSelector(IAssents.RoundNotNewer.selector, round, 2));
            _assentBy(2, 0, list);
        }
        IAssents.Assent memory later = _list(3);
        later.count = 9;
        _assentBy(3, 0, later);
        vm.assertEq(assents.assentOf(0).count, 9);
    }

    function test_AssentsArePostedWithinTheGraceOnly() external {
        IAssents.Assent memory list = _list(1);
        vm.warp(_endOf(0) - 1);
        vm.expectRevert(abi.encodeWithSelector(IAssents.AssentNotInTime.selector, 0));
        _assentBy(2, 0, list);
        vm.warp(_endOf(0) + 1 hours);
        vm.expectRevert(abi.encodeWithSelector(IAssents.AssentNotInTime.selector, 0));
        _assentBy(2, 0, list);
        vm.warp(_endOf(0) + 1 hours - 1);
        _assentBy(2, 0, list);
    }

    function test_AnAssentLapsesAfterSevenDays() external {
        _assentBy(2, 0, _list(1));
        vm.warp(_endOf(0) + 1 hours + 7 days - 1);
        vm.assertEq(assents.assentOf(0).round, 1);
        vm.warp(block.timestamp + 1);
        vm.assertEq(assents.assentOf(0).round, 0);
    }

    /// Twice the same operator would be twice its bond.
    function test_NobodysBondCountsTwice() external {
        IAssents.Assent memory list = _list(1);
        uint32[] memory ids = new uint32[](2);
        bytes[] memory signatures = new bytes[](2);
        (ids[0], ids[1]) = (1, 1);
        (signatures[0], signatures[1]) = (_assentSignature(101, 0, list), _assentSignature(101, 0, list));
        vm.expectRevert(IAssents.SignersWrong.selector);
        assents.assent(0, list, ids, signatures);
        vm.expectRevert(IAssents.SignersWrong.selector);
        assents.assent(0, list, ids, new bytes[](1));
    }

    /// A signature is for one epoch, round and list.
    function test_AnotherListsSignatureIsRefused() external {
        IAssents.Assent memory list = _list(1);
        uint32[] memory ids = new uint32[](1);
        bytes[] memory signatures = new bytes[](1);
        for (uint256 i = 0; i < 5; ++i) {
            IAssents.Assent memory other = _list(1);
            if (i == 0) other.round = 2;
            if (i == 1) other.top = 0;
            if (i == 2) other.count = 6;
            signatures[0] = _assentSignature(i == 4 ? 101 : 100, i == 3 ? 1 : 0, other);
            vm.expectRevert(abi.encodeWithSelector(IAssents.SignatureInvalid.selector, 0));
            assents.assent(0, list, ids, signatures);
        }
    }

    // Forcing.

    function test_ForcedReceiptsAreMarkedAndRolledIntoOneHash() external {
        bytes[] memory two = new bytes[](2);
        (two[0], two[1]) = (_receipt(0, 0, 0, 5), _receipt(1, 2, 0, 9));
        vm.expectEmit(address(forced));
        emit IForcedReceipts.ReceiptForced(0, keccak256(two[0]), two[0]);
        forced.forceReceipts(0, two);
        bytes32 one = keccak256(abi.encodePacked(bytes32(0), keccak256(two[0])));
        bytes32 both = keccak256(abi.encodePacked(one, keccak256(two[1])));
        vm.assertEq(forced.hashOf(0), both);
        vm.assertTrue(forced.isForced(0, keccak256(two[1])));
        vm.assertFalse(forced.isForced(1, keccak256(two[1])));
        // Again: nothing changes.
        forced.forceReceipts(0, two);
        vm.assertEq(forced.hashOf(0), both);
    }

    function test_ForcingEndsAnHourAfterTheGrace() external {
        bytes[] memory one = new bytes[](1);
        one[0] = _receipt(0, 0, 0, 5);
        vm.warp(_endOf(0) + 2 hours);
        vm.expectRevert(abi.encodeWithSelector(IForcedReceipts.ForcingIsOver.selector, 0));
        forced.forceReceipts(0, one);
        vm.warp(_endOf(0) + 2 hours - 1);
        forced.forceReceipts(0, one);
    }

    function test_WhatIsForcedHasTheLengthAndTheEpochOfAReceipt() external {
        bytes[] memory one = new bytes[](1);
        one[0] = _receipt(0, 0, 1, 5);
        vm.expectRevert(abi.encodeWithSelector(IForcedReceipts.NoReceiptOf.selector, 0));
        forced.forceReceipts(0, one);
        one[0] = bytes.concat(_receipt(0, 0, 0, 5), hex"00");
        vm.expectRevert(abi.encodeWithSelector(IForcedReceipts.NoReceiptOf.selector, 0));
        forced.forceReceipts(0, one);
    }

    function _list(uint32 round) private pure returns (IAssents.Assent memory) {
        return IAssents.Assent(round, 5, keccak256("top"));
    }
}
