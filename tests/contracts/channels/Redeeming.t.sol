// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IChannelHub} from "../../../contracts/interfaces/IChannelHub.sol";
import {ReceiptLib} from "../../../contracts/libraries/ReceiptLib.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {ChannelFixture} from "./support/ChannelFixture.sol";

/// @title Redeeming receipts
contract RedeemingTest is ChannelFixture {
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        id = _open();
    }

    function test_AReceiptPaysWhatItsLaneIsOwed() external {
        vm.expectEmit(address(hub));
        emit IChannelHub.Redeemed(id, 3e18);
        _redeem(_signed(0, 3e18));
        vm.assertEq(token.balanceOf(PAYEE), 3e18);
        vm.assertEq(_lanePaid(id, 0), 3e18);
        vm.assertEq(hub.laneAt(_lane(id, 0)).signer, ALICE);
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).paidWei, 3e18);
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).depositedWei, DEPOSIT);
        // Only what is new of the next, and the channel stays open.
        vm.expectEmit(address(hub));
        emit IChannelHub.Redeemed(id, 10e18);
        _redeem(_signed(0, 10e18));
        vm.assertEq(token.balanceOf(PAYEE), 10e18);
    }

    function test_LanesKnowNothingOfEachOther() external {
        _redeem(_signed(0, 3e18));
        _redeem(_signed(1, 1e18));
        _redeem(_signed(0, 4e18));
        vm.assertEq(token.balanceOf(PAYEE), 5e18);
        vm.assertEq(_lanePaid(id, 0), 4e18);
        vm.assertEq(_lanePaid(id, 1), 1e18);
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).paidWei, 5e18);
    }

    function test_EachPartOfTheKeyMakesALane() external {
        ReceiptLib.Receipt memory receipt = _receipt(ALICE, OPERATOR, 0, 1e18);
        _redeem(_sign(_key("alice"), receipt));
        receipt.node = keccak256("another node");
        _redeem(_sign(_key("alice"), receipt));
        receipt.streamKey = keccak256("another stream");
        _redeem(_sign(_key("alice"), receipt));
        receipt.role = 2;
        _redeem(_sign(_key("alice"), receipt));
        receipt.reader = 77;
        _redeem(_sign(_key("alice"), receipt));
        vm.assertEq(token.balanceOf(PAYEE), 5e18);
        // An epoch does not: what is owed goes on over epochs.
        receipt.epoch += 1;
        bytes memory signed = _sign(_key("alice"), receipt);
        vm.expectRevert(_refused(IChannelHub.Refusal.NothingNew));
        _redeem(signed);
    }

    function test_MoreThanTheDepositPaysTheDepositAndTheRestAfterATopUp() external {
        bytes memory signed = _signed(0, DEPOSIT + 5e18);
        _redeem(signed);
        vm.assertEq(token.balanceOf(PAYEE), DEPOSIT);
        vm.assertEq(_lanePaid(id, 0), DEPOSIT);
        vm.expectRevert(_refused(IChannelHub.Refusal.NothingLeft));
        _redeem(signed);
        vm.prank(ALICE);
        hub.topUp(ALICE, OPERATOR, 3e18);
        _redeem(signed);
        vm.assertEq(token.balanceOf(PAYEE), DEPOSIT + 3e18);
        vm.prank(ALICE);
        hub.topUp(ALICE, OPERATOR, 3e18);
        _redeem(signed);
        vm.assertEq(token.balanceOf(PAYEE), DEPOSIT + 5e18);
    }

    function test_ASecondLaneGetsWhatTheFirstLeft() external {
        _redeem(_signed(0, DEPOSIT - 1));
        _redeem(_signed(1, DEPOSIT));
        vm.assertEq(_lanePaid(id, 1), 1);
        vm.assertEq(token.balanceOf(PAYEE), DEPOSIT);
    }

    function test_RevertWhen_NothingIsNew() external {
        bytes memory signed = _signed(0, 3e18);
        _redeem(signed);
        vm.expectRevert(_refused(IChannelHub.Refusal.NothingNew));
        _redeem(signed);
        signed = _signed(0, 2e18);
        vm.expectRevert(_refused(IChannelHub.Refusal.NothingNew));
        _redeem(signed);
        signed = _signed(1, 0);
        vm.expectRevert(_refused(IChannelHub.Refusal.NothingNew));
        _redeem(signed);
    }

    function test_RevertWhen_TheRoleIsUnknown() external {
        ReceiptLib.Receipt memory receipt = _receipt(ALICE, OPERATOR, 0, 1e18);
        receipt.role = 3;
        bytes memory signed = _sign(_key("alice"), receipt);
        vm.expectRevert(_refused(IChannelHub.Refusal.RoleUnknown));
        _redeem(signed);
    }

    function test_RevertWhen_TheReceiptNamesAnotherChannel() external {
        _open(ALICE, OTHER, DEPOSIT);
        _open(BOB, OPERATOR, DEPOSIT);
        bytes32[4] memory others =
            [bytes32(0), keccak256("?"), hub.channelIdOf(ALICE, OTHER), hub.channelIdOf(BOB, OPERATOR)];
        for (uint256 i = 0; i < others.length; ++i) {
            ReceiptLib.Receipt memory receipt = _receipt(ALICE, OPERATOR, 0, 1e18);
            receipt.channel = others[i];
            bytes memory signed = _sign(_key("alice"), receipt);
            vm.expectRevert(_refused(IChannelHub.Refusal.OtherChannel));
            _redeem(signed);
        }
    }

    function test_RevertWhen_TheChannelIsNotOpenYet() external {
        bytes memory signed = _sign(_key("bob"), _receipt(BOB, OPERATOR, 0, 1e18));
        vm.expectRevert(_refused(IChannelHub.Refusal.NothingLeft));
        _redeem(signed);
        // What its payer signed before it opened counts once it is.
        _open(BOB, OPERATOR, DEPOSIT);
        _redeem(signed);
        vm.assertEq(token.balanceOf(PAYEE), 1e18);
    }

    function test_RevertWhen_SomebodyElseSigned() external {
        bytes memory signed = _sign(_key("mallory"), _receipt(ALICE, OPERATOR, 0, 1e18));
        vm.expectRevert(_refused(IChannelHub.Refusal.WrongSigner));
        _redeem(signed);
    }

    function testFuzz_RevertWhen_AByteIsChanged(uint256 at, uint8 bit) external {
        bytes memory signed = _signed(0, 1e18);
        at = at % signed.length;
        signed[at] = bytes1(uint8(signed[at]) ^ uint8(1 << bit % 8));
        vm.expectRevert();
        _redeem(signed);
        vm.assertEq(token.balanceOf(PAYEE), 0);
    }

    function test_RevertWhen_TheSignatureIsNotCanonical() external {
        bytes memory signed = _signed(0, 1e18);
        uint256 s;
        assembly {
            s := mload(add(signed, 277))
        }
        uint256 mirrored = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141 - s;
        uint8 v = uint8(signed[277]);
        bytes memory head = _cut(signed, 245);
        bytes memory high = bytes.concat(head, bytes32(mirrored), bytes1(v == 27 ? 28 : 27));
        bytes memory zero = bytes.concat(head, bytes32(s), bytes1(v - 27));
        vm.expectRevert(_refused(IChannelHub.Refusal.WrongSigner));
        _redeem(high);
        vm.expectRevert(_refused(IChannelHub.Refusal.WrongSigner));
        _redeem(zero);
        _redeem(signed);
    }

    /// A failed recovery gives the zero address, which a lane that was never redeemed has for a signer as well.
    function test_RevertWhen_NobodySigned() external {
        bytes memory unsigned = bytes.concat(ReceiptLib.encode(_receipt(ALICE, OPERATOR, 0, 1e18)), new bytes(65));
        vm.expectRevert(_refused(IChannelHub.Refusal.WrongSigner));
        _redeem(unsigned);
    }

    function test_RevertWhen_NobodySignedInALaneThatHasASigner() external {
        _redeem(_signed(0, 1e18));
        bytes memory unsigned = bytes.concat(ReceiptLib.encode(_receipt(ALICE, OPERATOR, 0, 2e18)), new bytes(65));
        vm.expectRevert(_refused(IChannelHub.Refusal.WrongSigner));
        _redeem(unsigned);
    }

    function test_RevertWhen_ThePaddingIsNotZero() external {
        bytes32[9] memory words = _words(_signed(0, 1e18));
        words[8] |= bytes32(uint256(1));
        vm.expectRevert(_refused(IChannelHub.Refusal.Malformed));
        hub.redeem(words);
        words[8] ^= bytes32(uint256(1) | 1 << 79);
        vm.expectRevert(_refused(IChannelHub.Refusal.Malformed));
        hub.redeem(words);
    }

    function test_RevertWhen_TheReceiptIsForAnotherChain() external {
        bytes memory here = _signed(0, 1e18);
        vm.chainId(block.chainid + 1);
        vm.expectRevert(_refused(IChannelHub.Refusal.WrongSigner));
        _redeem(here);
        // After a split, receipts of the new chain count on it.
        _redeem(_signed(0, 2e18));
        vm.assertEq(token.balanceOf(PAYEE), 2e18);
    }

    function test_ASessionKeySignsFromItsEpochOn() external {
        vm.warp(GENESIS + 5 * EPOCH);
        _authorize(ALICE, SESSION);
        ReceiptLib.Receipt memory receipt = _receipt(ALICE, OPERATOR, 0, 1e18);
        receipt.epoch = 4;
        bytes memory signed = _sign(SESSION, receipt);
        vm.expectRevert(_refused(IChannelHub.Refusal.WrongSigner));
        _redeem(signed);
        receipt.epoch = 5;
        _redeem(_sign(SESSION, receipt));
        vm.assertEq(hub.laneAt(_lane(id, 0)).signer, vm.addr(SESSION));
        // It signs for its own payer alone.
        _open(BOB, OPERATOR, DEPOSIT);
        signed = _sign(SESSION, _receipt(BOB, OPERATOR, 0, 1e18));
        vm.expectRevert(_refused(IChannelHub.Refusal.WrongSigner));
        _redeem(signed);
    }

    function test_RevokingAKeyStrandsNothingSignedBefore() external {
        _authorize(ALICE, SESSION);
        bytes memory first = _sign(SESSION, _receipt(ALICE, OPERATOR, 0, 1e18));
        bytes memory other = _sign(SESSION, _receipt(ALICE, OPERATOR, 1, 1e18));
        vm.prank(ALICE);
        pool.revokeSessionKey(vm.addr(SESSION));
        vm.warp(GENESIS + 100 * EPOCH);
        _redeem(first);
        _redeem(other);
        vm.assertEq(token.balanceOf(PAYEE), 2e18);
        // A lane that it never signed in takes no receipt of a later epoch.
        bytes memory late = _sign(SESSION, _receipt(ALICE, OPERATOR, 2, 1e18));
        vm.expectRevert(_refused(IChannelHub.Refusal.WrongSigner));
        _redeem(late);
    }

    /// Why a lane asks no more for a signer that it knows: the key can date its receipt back, and would be let in.
    function test_ARevokedKeyDatesItsReceiptBackAnyway() external {
        _authorize(ALICE, SESSION);
        vm.prank(ALICE);
        pool.revokeSessionKey(vm.addr(SESSION));
        vm.warp(GENESIS + 100 * EPOCH);
        ReceiptLib.Receipt memory receipt = _receipt(ALICE, OPERATOR, 0, 1e18);
        receipt.epoch = 0;
        _redeem(_sign(SESSION, receipt));
        _redeem(_sign(SESSION, _receipt(ALICE, OPERATOR, 0, 2e18)));
        vm.assertEq(token.balanceOf(PAYEE), 2e18);
    }

    /// A signer that another lane knows still has to be asked for.
    function test_ALaneKnowsItsOwnSignerAlone() external {
        _authorize(ALICE, SESSION);
        _redeem(_sign(SESSION, _receipt(ALICE, OPERATOR, 0, 1e18)));
        _redeem(_signed(0, 2e18));
        vm.assertEq(hub.laneAt(_lane(id, 0)).signer, ALICE);
        _redeem(_sign(SESSION, _receipt(ALICE, OPERATOR, 0, 3e18)));
        vm.assertEq(hub.laneAt(_lane(id, 0)).signer, vm.addr(SESSION));
    }

    // Many at once.

    function test_ManyAreRedeemedAcrossChannelsLanesAndOperators() external {
        _open(ALICE, OTHER, DEPOSIT);
        _open(BOB, OPERATOR, DEPOSIT);
        bytes memory all = bytes.concat(
            _signed(0, 1e18),
            _sign(_key("bob"), _receipt(BOB, OPERATOR, 0, 2e18)),
            _sign(_key("alice"), _receipt(ALICE, OTHER, 0, 4e18)),
            _signed(1, 8e18),
            _signed(0, 9e18)
        );
        hub.redeemMany(all);
        vm.assertEq(token.balanceOf(PAYEE), 19e18);
        vm.assertEq(token.balanceOf(OTHER_PAYEE), 4e18);
        vm.assertEq(_lanePaid(id, 0), 9e18);
        vm.assertEq(_lanePaid(id, 1), 8e18);
        vm.assertEq(token.balanceOf(address(hub)), 3 * DEPOSIT - 23e18);
    }

    /// Operator 0 comes first or not, alone or not: nobody is paid for another.
    function test_NeighboursOfOneOperatorArePaidInOneTransfer() external {
        _open(ALICE, OTHER, DEPOSIT);
        bytes memory others = bytes.concat(
            _sign(_key("alice"), _receipt(ALICE, OTHER, 0, 4e18)), _sign(_key("alice"), _receipt(ALICE, OTHER, 1, 4e18))
        );
        vm.recordLogs();
        hub.redeemMany(bytes.concat(others, _signed(0, 1e18), _signed(1, 1e18)));
        uint256 transfers;
        for (uint256 i = 0; i < 6; ++i) {
            transfers += vm.getRecordedLogs().length;
        }
        // Four times Redeemed, twice Transfer.
        vm.assertEq(transfers, 6);
        vm.assertEq(token.balanceOf(PAYEE), 2e18);
        vm.assertEq(token.balanceOf(OTHER_PAYEE), 8e18);
    }

    function test_OneBadReceiptSpoilsNoOther() external {
        ReceiptLib.Receipt memory unknownRole = _receipt(ALICE, OPERATOR, 5, 1e18);
        unknownRole.role = 9;
        ReceiptLib.Receipt memory elsewhere = _receipt(ALICE, OPERATOR, 5, 1e18);
        elsewhere.channel = keccak256("elsewhere");
        bytes memory all = bytes.concat(
            _sign(_key("alice"), unknownRole),
            _signed(0, 1e18),
            _sign(_key("alice"), elsewhere),
            _signed(0, 1e18),
            _sign(_key("mallory"), _receipt(ALICE, OPERATOR, 5, 1e18)),
            _signed(1, 2e18)
        );
        _expectRefused(0, IChannelHub.Refusal.RoleUnknown);
        _expectRefused(2, IChannelHub.Refusal.OtherChannel);
        _expectRefused(3, IChannelHub.Refusal.NothingNew);
        _expectRefused(4, IChannelHub.Refusal.WrongSigner);
        hub.redeemMany(all);
        vm.assertEq(token.balanceOf(PAYEE), 3e18);
    }

    function test_ManyThatPayNothingSendNothing() external {
        hub.redeemMany("");
        hub.redeemMany(_sign(_key("mallory"), _receipt(ALICE, OPERATOR, 5, 1e18)));
        vm.assertEq(token.balanceOf(address(hub)), DEPOSIT);
    }

    function test_RevertWhen_ManyAreNotWhole() external {
        bytes memory signed = bytes.concat(_signed(0, 1e18), _signed(1, 1e18));
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.ReceiptsMalformed.selector, 557));
        hub.redeemMany(bytes.concat(signed, hex"00"));
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.ReceiptsMalformed.selector, 277));
        hub.redeemMany(_cut(signed, 277));
    }

    /// Whatever receipts say and in whatever order, a lane is paid the largest that was redeemed, and all no more than there is.
    function testFuzz_TheOperatorGetsWhatIsOwedUpToTheDeposit(uint96[8] memory owedWei, uint8 lanes) external {
        uint256[8] memory largest;
        bytes memory all;
        lanes = 1 + lanes % 8;
        for (uint256 i = 0; i < 8; ++i) {
            uint256 amountWei = owedWei[i] % (DEPOSIT / 2);
            all = bytes.concat(all, _signed(i % lanes, amountWei));
            if (amountWei > largest[i % lanes]) largest[i % lanes] = amountWei;
        }
        hub.redeemMany(all);
        uint256 sumWei;
        for (uint256 i = 0; i < lanes; ++i) {
            sumWei += largest[i];
            vm.assertLe(_lanePaid(id, i), largest[i]);
        }
        vm.assertEq(token.balanceOf(PAYEE), sumWei < DEPOSIT ? sumWei : DEPOSIT);
    }

    function _expectRefused(uint256 index, IChannelHub.Refusal refusal) private {
        vm.expectEmit(address(hub));
        emit IChannelHub.RedeemRefused(index, refusal);
    }

    function _cut(bytes memory data, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            part[i] = data[i];
        }
    }
}
