// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

import {IStakePool} from "../../../contracts/interfaces/IStakePool.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";
import {HostileToken} from "../support/HostileToken.sol";
import {Permits} from "../support/Permits.sol";

/// @title Permits that somebody else carries to the stake pool
/// @notice OWNER has DATA and no coin for gas; MALLORY carries.
contract CarriedPermitsTest is Fixture {
    uint256 private constant KEY = 77;
    address private immutable OWNER = vm.addr(KEY);

    function _newToken() internal override returns (address) {
        return address(new HostileToken(address(this), SUPPLY));
    }

    function setUp() public override {
        super.setUp();
        token.transfer(OWNER, 100e18);
    }

    function test_AnybodyCarriesAPermit_AndTheStakeIsTheOwners() external {
        Permits.Signed memory permit = _sign(KEY, 5e18);
        uint256 carrierWei = token.balanceOf(MALLORY);
        vm.expectEmit(address(pool));
        emit IStakePool.Staked(OWNER, 5e18, 5e18);
        _carry(OWNER, 5e18, permit);
        vm.assertEq(pool.stakeOf(OWNER), 5e18);
        vm.assertEq(pool.stakeOf(MALLORY), 0);
        vm.assertEq(token.balanceOf(OWNER), 95e18);
        vm.assertEq(token.balanceOf(MALLORY), carrierWei, "the carrier neither pays nor gets DATA");
        vm.assertEq(token.allowance(OWNER, address(pool)), 0, "nothing is left to be taken");
        vm.prank(MALLORY);
        vm.expectRevert(IStakePool.NothingToWithdraw.selector);
        pool.withdraw();
    }

    function testFuzz_JustThePermittedAmountIsStaked(uint256 amountWei, address carrier) external {
        vm.assume(carrier != OWNER);
        amountWei = MINIMUM + amountWei % (100e18 - MINIMUM + 1);
        Permits.Signed memory permit = _sign(KEY, amountWei);
        vm.prank(carrier);
        pool.stakeWithPermitOf(OWNER, amountWei, permit.deadline, permit.v, permit.r, permit.s);
        vm.assertEq(pool.stakeOf(OWNER), amountWei);
        vm.assertEq(token.balanceOf(OWNER), 100e18 - amountWei);
        vm.assertEq(pool.stakeOf(carrier), 0);
    }

    function testFuzz_RevertWhen_AnythingOfThePermitIsOtherThanWasSigned(uint8 what, uint256 other) external {
        uint256 amountWei = 5e18;
        _allowAll();
        Permits.Signed memory permit = _sign(KEY, amountWei);
        address owner = OWNER;
        if (what % 6 == 0) amountWei = _unlike(other % 100e18, amountWei);
        else if (what % 6 == 1) owner = ALICE;
        else if (what % 6 == 2) permit.deadline = _unlike(block.timestamp + other % 1e9, permit.deadline);
        else if (what % 6 == 3) permit.v = uint8(_unlike(other % 256, permit.v));
        else if (what % 6 == 4) permit.r = bytes32(_unlike(other, uint256(permit.r)));
        else permit.s = bytes32(_unlike(other, uint256(permit.s)));
        vm.expectRevert();
        _carry(owner, amountWei, permit);
        _assertNothingHappened();
    }

    /// An allowance that the owner gave for its own later use is no word to stake now.
    function test_RevertWhen_OnlyAnAllowanceStands() external {
        _allowAll();
        Permits.Signed memory none;
        none.deadline = block.timestamp;
        vm.expectRevert();
        _carry(OWNER, 5e18, none);
        // Nor does a permit of the carrier's own open it.
        Permits.Signed memory own = _sign(_key("mallory"), 5e18);
        vm.expectRevert();
        _carry(OWNER, 5e18, own);
        _assertNothingHappened();
    }

    function test_RevertWhen_APermitIsCarriedTwice() external {
        Permits.Signed memory permit = _sign(KEY, 5e18);
        _carry(OWNER, 5e18, permit);
        _allowAll();
        vm.expectRevert();
        _carry(OWNER, 5e18, permit);
        vm.assertEq(pool.stakeOf(OWNER), 5e18);
    }

    /// Whoever hands the permit to the token first makes the carrier's call fail; the owner stakes by the allowance that is left.
    function test_WhenAPermitWasUsedByAnother_TheCarrierFailsAndTheOwnerStakes() external {
        Permits.Signed memory permit = _sign(KEY, 5e18);
        token.permit(OWNER, address(pool), 5e18, permit.deadline, permit.v, permit.r, permit.s);
        vm.expectRevert();
        _carry(OWNER, 5e18, permit);
        _assertNothingHappened();
        vm.prank(OWNER);
        pool.stakeWithPermit(5e18, permit.deadline, permit.v, permit.r, permit.s);
        vm.assertEq(pool.stakeOf(OWNER), 5e18);
    }

    function test_RevertWhen_ThePermitHasExpired() external {
        Permits.Signed memory permit = _sign(KEY, 5e18);
        _allowAll();
        vm.warp(permit.deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(ERC20Permit.ERC2612ExpiredSignature.selector, permit.deadline));
        _carry(OWNER, 5e18, permit);
        vm.warp(permit.deadline);
        _carry(OWNER, 5e18, permit);
        vm.assertEq(pool.stakeOf(OWNER), 5e18);
    }

    /// Bits beyond a word's own are refused before the words are passed on.
    function test_RevertWhen_CalldataIsDirtyOrShort() external {
        Permits.Signed memory permit = _sign(KEY, 5e18);
        bytes memory clean =
            abi.encodeCall(IStakePool.stakeWithPermitOf, (OWNER, 5e18, permit.deadline, permit.v, permit.r, permit.s));
        bytes memory dirty = bytes.concat(clean);
        // The highest byte of the word of `v`, and of that of the owner.
        dirty[4 + 3 * 32] = 0x01;
        (bool taken,) = address(pool).call(dirty);
        vm.assertFalse(taken);
        dirty = bytes.concat(clean);
        dirty[4] = 0x01;
        (taken,) = address(pool).call(dirty);
        vm.assertFalse(taken);
        bytes memory short = bytes.concat(clean);
        assembly ("memory-safe") {
            mstore(short, sub(mload(short), 1))
        }
        (taken,) = address(pool).call(short);
        vm.assertFalse(taken);
        _assertNothingHappened();
        (taken,) = address(pool).call(clean);
        vm.assertTrue(taken);
        vm.assertEq(pool.stakeOf(OWNER), 5e18);
    }

    function test_RevertWhen_ThePermitIsForAnotherSpender() external {
        Permits.Signed memory permit = Permits.sign(token, KEY, address(registry), 5e18);
        _allowAll();
        vm.expectRevert();
        _carry(OWNER, 5e18, permit);
        _assertNothingHappened();
    }

    function test_RevertWhen_TheOwnerHasLessThanItPermits() external {
        Permits.Signed memory permit = _sign(KEY, 101e18);
        vm.expectRevert();
        _carry(OWNER, 101e18, permit);
        _assertNothingHappened();
        vm.assertEq(token.nonces(OWNER), 0, "the permit is good for later");
    }

    function test_RevertWhen_ThePermittedStakeIsBelowTheMinimum() external {
        Permits.Signed memory permit = _sign(KEY, MINIMUM - 1);
        vm.expectRevert(abi.encodeWithSelector(IStakePool.StakeBelowMinimum.selector, MINIMUM - 1, MINIMUM));
        _carry(OWNER, MINIMUM - 1, permit);
    }

    /// A token that calls back in the middle of the transfer finds the permit spent.
    function test_Reentrancy_ThePermitIsSpentBeforeTheTokensMove() external {
        Permits.Signed memory permit = _sign(KEY, 5e18);
        HostileToken hostile = HostileToken(address(token));
        hostile.callBack(
            address(pool),
            abi.encodeCall(IStakePool.stakeWithPermitOf, (OWNER, 5e18, permit.deadline, permit.v, permit.r, permit.s))
        );
        _carry(OWNER, 5e18, permit);
        vm.assertEq(hostile.calls(), 1);
        vm.assertFalse(hostile.callSucceeded());
        vm.assertEq(pool.stakeOf(OWNER), 5e18);
        vm.assertEq(token.balanceOf(address(pool)), 5e18);
    }

    function _carry(address owner, uint256 amountWei, Permits.Signed memory permit) private {
        vm.prank(MALLORY);
        pool.stakeWithPermitOf(owner, amountWei, permit.deadline, permit.v, permit.r, permit.s);
    }

    function _allowAll() private {
        vm.prank(OWNER);
        token.approve(address(pool), type(uint256).max);
    }

    function _sign(uint256 key, uint256 amountWei) private view returns (Permits.Signed memory) {
        return Permits.sign(token, key, address(pool), amountWei);
    }

    function _unlike(uint256 value, uint256 signed) private pure returns (uint256) {
        return value == signed ? value ^ 1 : value;
    }

    function _assertNothingHappened() private view {
        vm.assertEq(pool.totalStakedWei(), 0);
        vm.assertEq(token.balanceOf(OWNER), 100e18);
    }
}
