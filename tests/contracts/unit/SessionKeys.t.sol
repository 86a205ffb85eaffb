// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IStakePool} from "../../../contracts/interfaces/IStakePool.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";

contract SessionKeysTest is Fixture {
    uint256 private constant KEY = 0x5e55;

    function test_TheDomainIsTatumsOfThisPool() external view {
        bytes32 typehash =
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        bytes32 domain =
            keccak256(abi.encode(typehash, keccak256("Tatum"), keccak256("1"), block.chainid, address(pool)));
        vm.assertEq(pool.receiptDomainSeparator(), domain);
    }

    function test_APayerSignsForItself() external view {
        vm.assertTrue(pool.isAuthorized(ALICE, ALICE, 0));
        vm.assertTrue(pool.isAuthorized(ALICE, ALICE, type(uint64).max));
        vm.assertFalse(pool.isAuthorized(ALICE, BOB, 0));
        // An unknown key is nobody's, not the zero address's.
        vm.assertFalse(pool.isAuthorized(address(0), BOB, 0));
        vm.assertFalse(pool.isAuthorized(address(0), address(0), 0));
    }

    function test_AnAuthorisedKeySignsFromTheCurrentEpochOn() external {
        _skipEpochs(3);
        vm.expectEmit(address(pool));
        emit IStakePool.SessionKeyAuthorized(ALICE, vm.addr(KEY), 3);
        _authorize(ALICE, KEY, _signature(KEY, ALICE, vm.addr(KEY)));
        vm.assertFalse(pool.isAuthorized(ALICE, vm.addr(KEY), 2));
        vm.assertTrue(pool.isAuthorized(ALICE, vm.addr(KEY), 3));
        vm.assertTrue(pool.isAuthorized(ALICE, vm.addr(KEY), 1000));
        vm.assertFalse(pool.isAuthorized(BOB, vm.addr(KEY), 3));
    }

    function test_ARevokedKeySignsForTheEpochsItMayHaveSigned() external {
        _authorize(ALICE, KEY, _signature(KEY, ALICE, vm.addr(KEY)));
        _skipEpochs(5);
        vm.expectEmit(address(pool));
        emit IStakePool.SessionKeyRevoked(ALICE, vm.addr(KEY), 5);
        vm.prank(ALICE);
        pool.revokeSessionKey(vm.addr(KEY));
        vm.assertTrue(pool.isAuthorized(ALICE, vm.addr(KEY), 0));
        vm.assertTrue(pool.isAuthorized(ALICE, vm.addr(KEY), 5));
        vm.assertFalse(pool.isAuthorized(ALICE, vm.addr(KEY), 6));
    }

    function test_RevertWhen_AKeyIsAuthorisedTwice() external {
        _authorize(ALICE, KEY, _signature(KEY, ALICE, vm.addr(KEY)));
        bytes memory forBob = _signature(KEY, BOB, vm.addr(KEY));
        bytes memory forAlice = _signature(KEY, ALICE, vm.addr(KEY));
        vm.expectRevert(abi.encodeWithSelector(IStakePool.SessionKeyTaken.selector, vm.addr(KEY), ALICE));
        _authorize(BOB, KEY, forBob);
        vm.prank(ALICE);
        pool.revokeSessionKey(vm.addr(KEY));
        vm.expectRevert(abi.encodeWithSelector(IStakePool.SessionKeyTaken.selector, vm.addr(KEY), ALICE));
        _authorize(ALICE, KEY, forAlice);
    }

    function test_RevertWhen_TheKeyDidNotAgree() external {
        bytes memory forAlice = _signature(KEY, ALICE, vm.addr(KEY));
        bytes memory byAlice = _signature(_key("alice"), ALICE, vm.addr(KEY));
        bytes memory short = new bytes(64);
        vm.expectRevert(IStakePool.SessionKeySignatureInvalid.selector);
        _authorize(MALLORY, KEY, forAlice);
        vm.expectRevert(IStakePool.SessionKeySignatureInvalid.selector);
        _authorize(ALICE, KEY, byAlice);
        vm.expectRevert(IStakePool.SessionKeySignatureInvalid.selector);
        _authorize(ALICE, KEY, short);
        // A failed recovery gives the zero address, which must not pass for a key.
        vm.prank(ALICE);
        vm.expectRevert(IStakePool.SessionKeySignatureInvalid.selector);
        pool.authorizeSessionKey(address(0), short);
    }

    function test_RevertWhen_TheSignatureIsForAnotherChainOrPool() external {
        bytes memory signature = _signature(KEY, ALICE, vm.addr(KEY));
        vm.chainId(block.chainid + 1);
        vm.expectRevert(IStakePool.SessionKeySignatureInvalid.selector);
        _authorize(ALICE, KEY, signature);
    }

    function test_RevertWhen_AnotherPayersKeyIsRevoked() external {
        _authorize(ALICE, KEY, _signature(KEY, ALICE, vm.addr(KEY)));
        vm.prank(MALLORY);
        vm.expectRevert(abi.encodeWithSelector(IStakePool.SessionKeyNotAuthorized.selector, vm.addr(KEY)));
        pool.revokeSessionKey(vm.addr(KEY));
    }

    function test_RevertWhen_AKeyIsRevokedTwice() external {
        _authorize(ALICE, KEY, _signature(KEY, ALICE, vm.addr(KEY)));
        vm.startPrank(ALICE);
        pool.revokeSessionKey(vm.addr(KEY));
        vm.expectRevert(abi.encodeWithSelector(IStakePool.SessionKeyNotAuthorized.selector, vm.addr(KEY)));
        pool.revokeSessionKey(vm.addr(KEY));
        vm.stopPrank();
    }

    function _authorize(address payer, uint256 key, bytes memory signature) private {
        vm.prank(payer);
        pool.authorizeSessionKey(vm.addr(key), signature);
    }

    function _signature(uint256 signer, address payer, address key) private view returns (bytes memory) {
        bytes32 typehash = keccak256("SessionKeyAuthorization(address payer,address key)");
        bytes32 hash = keccak256(abi.encode(typehash, payer, key));
        return _sign(signer, keccak256(abi.encodePacked(hex"1901", pool.receiptDomainSeparator(), hash)));
    }
}
