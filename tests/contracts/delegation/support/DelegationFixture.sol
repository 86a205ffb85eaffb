// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {DelegationFactory} from "../../../../contracts/delegation/DelegationFactory.sol";
import {DelegationPool} from "../../../../contracts/delegation/DelegationPool.sol";
import {IDelegationPool} from "../../../../contracts/interfaces/IDelegationPool.sol";
import {IOperatorRegistry} from "../../../../contracts/interfaces/IOperatorRegistry.sol";
import {IStakePool} from "../../../../contracts/interfaces/IStakePool.sol";
import {vm} from "../../../../scripts/deploy/Vm.sol";
import {Fixture} from "../../support/Fixture.sol";

/// @title Delegation fixture
/// @notice CAROL's operator 0 with its pool; ALICE and BOB may delegate. A test's amounts are in whole DATA where they are round.
abstract contract DelegationFixture is Fixture {
    uint16 internal constant CUT = 1000;
    uint32 internal constant OPERATOR = 0;
    uint64 internal constant UNBOND = ANSWER_EPOCHS + 1;
    uint256 internal constant WINDOW_SECONDS = 14 * EPOCH;
    uint256 internal constant NANO = 1e9;
    address internal constant SLASHER = address(0x51a5);
    address internal constant THIEF = address(0x7e1f);

    DelegationFactory internal factory;
    DelegationPool internal shares;

    function setUp() public virtual override {
        super.setUp();
        factory = new DelegationFactory(
            IERC20(address(token)), IOperatorRegistry(address(registry)), IStakePool(address(pool))
        );
        _register(CAROL, CAROL);
        shares = _createPool(CAROL, OPERATOR, CUT);
        address[4] memory accounts = [ALICE, BOB, CAROL, MALLORY];
        for (uint256 i = 0; i < accounts.length; ++i) {
            vm.prank(accounts[i]);
            token.approve(address(shares), type(uint256).max);
        }
        // It has worked an epoch: there is something to slash for.
        _endEpoch();
    }

    function _initialSlashers() internal pure override returns (address[] memory slashers) {
        slashers = new address[](1);
        slashers[0] = SLASHER;
    }

    function _createPool(address owner, uint32 operatorId, uint16 cutBps) internal returns (DelegationPool) {
        address expected = factory.poolOf(operatorId);
        vm.startPrank(owner);
        registry.offerOperator(operatorId, expected);
        address made = factory.create(operatorId, cutBps);
        vm.stopPrank();
        vm.assertEq(made, expected);
        return DelegationPool(made);
    }

    function _delegate(address who, uint256 amountWei) internal returns (uint256 got) {
        vm.prank(who);
        return shares.delegate(amountWei, 0);
    }

    function _request(address who, uint256 amount) internal returns (uint64) {
        vm.prank(who);
        return uint64(shares.requestRedeem(amount, who, who));
    }

    function _requestAll(address who) internal returns (uint64) {
        return _request(who, type(uint256).max);
    }

    function _redeem(address who, uint64 requestId) internal returns (uint256) {
        vm.prank(who);
        return shares.redeem(requestId, who);
    }

    /// @dev What a claim does: tokens come to the payout address.
    function _pay(uint256 amountWei) internal {
        token.transfer(address(shares), amountWei);
    }

    function _earn(uint256 amountWei) internal {
        _pay(amountWei);
        shares.collect();
    }

    function _slash(uint256 amountWei) internal returns (uint256) {
        uint64 epoch = pool.currentEpoch();
        vm.prank(SLASHER);
        return registry.slash(OPERATOR, amountWei, THIEF, epoch);
    }

    function _worth(address who) internal view returns (uint256) {
        return shares.convertToAssets(shares.balanceOf(who));
    }

    function _status() internal view returns (IDelegationPool.Status memory) {
        return shares.status();
    }

    /// @dev What is there for the books: tokens here and in the registry.
    function _realWei() internal view returns (uint256) {
        (uint256 bondWei, uint256 releasingWei,) = registry.holdingOf(OPERATOR);
        return token.balanceOf(address(shares)) + bondWei + releasingWei;
    }

    function _bookedWei() internal view returns (uint256) {
        IDelegationPool.Status memory now_ = _status();
        return now_.activeWei + now_.leavingWei + now_.unreleasedWei;
    }
}
