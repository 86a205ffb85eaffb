// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {IStakePool} from "../../../contracts/interfaces/IStakePool.sol";
import {OperatorRegistry} from "../../../contracts/operators/OperatorRegistry.sol";
import {Overage} from "../../../contracts/settlement/Overage.sol";
import {StakePool} from "../../../contracts/staking/StakePool.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";
import {InvariantTarget} from "../support/InvariantTarget.sol";
import {OverageHandler} from "./OverageHandler.sol";

/// @title Invariants of overage
/// @notice The numbers are those of docs/contracts/invariants.md.
contract OverageInvariants is Fixture, InvariantTarget {
    OverageHandler private handler;

    function setUp() public override {
        super.setUp();
        address[] memory payers = new address[](4);
        (payers[0], payers[1], payers[2], payers[3]) = (ALICE, BOB, CAROL, MALLORY);
        _sort(payers);
        handler = new OverageHandler(token, payers, EPOCH, MINIMUM);
        // A pool whose distributor is the handler.
        uint64 nonce = vm.getNonce(address(this));
        address registry_ = vm.computeCreateAddress(address(this), nonce + 1);
        pool = new StakePool(
            _poolParameters(address(handler), registry_, vm.computeCreateAddress(address(this), nonce + 2))
        );
        registry = new OperatorRegistry(
            IERC20(address(token)), IStakePool(address(pool)), OPERATOR_BOND, ANSWER_EPOCHS, TIMELOCK, new address[](0)
        );
        overage = new Overage(ISettlement(address(handler)), IStakePool(address(pool)));
        vm.assertEq(address(overage), pool.overage());
        handler.judge(pool, overage);
        for (uint256 i = 0; i < 4; ++i) {
            vm.prank(payers[i]);
            token.approve(address(pool), type(uint256).max);
            handler.stake(i, 1000e18 * i);
        }
        vm.startPrank(PROPOSER);
        token.approve(address(registry), type(uint256).max);
        registry.register(PROPOSER, uint128(200 * OPERATOR_BOND), type(uint64).max, "");
        vm.stopPrank();
        handler.nextEpoch();
        handler.finalize(1);
        handler.nextEpoch();
        handler.finalize(2);
    }

    function _sort(address[] memory payers) private pure {
        for (uint256 i = 0; i < payers.length; ++i) {
            for (uint256 j = i + 1; j < payers.length; ++j) {
                if (payers[j] < payers[i]) (payers[i], payers[j]) = (payers[j], payers[i]);
            }
        }
    }

    function _target() internal view override returns (address) {
        return address(handler);
    }

    function _moves() internal pure override returns (bytes4[] memory selectors) {
        selectors = new bytes4[](9);
        selectors[0] = OverageHandler.stake.selector;
        selectors[1] = OverageHandler.unstake.selector;
        selectors[2] = OverageHandler.withdraw.selector;
        selectors[3] = OverageHandler.nextEpoch.selector;
        selectors[4] = OverageHandler.finalize.selector;
        selectors[5] = OverageHandler.finalize.selector;
        selectors[6] = OverageHandler.file.selector;
        selectors[7] = OverageHandler.file.selector;
        selectors[8] = OverageHandler.file.selector;
    }

    function invariant_Overage() external {
        vm.assertFalse(handler.billedTwice(), "O1: a payer was billed twice for an epoch");
        vm.assertFalse(handler.chargedTooMuch(), "O2: more than the bill, or than stake and leaving stake");
        vm.assertFalse(handler.proverGotOther(), "O2: the prover's part is not a tenth");
        _o3_Conserves();
        vm.assertFalse(handler.billedWithinTolerance(), "O4: within the tolerance");
        vm.assertFalse(handler.pastChanged(), "O5: an ended epoch's fees, quotas or funds changed");
        vm.assertFalse(handler.rightWasRefused(), "O6: what is owed and there could not be filed");
    }

    /// O3: what came in is what is there, what was withdrawn, what went to the distributor and to provers, to the wei; and what
    /// is there covers all that is owed.
    function _o3_Conserves() private {
        pool.closeEpochs();
        uint256 here = token.balanceOf(address(pool));
        uint256 sentWei = token.balanceOf(address(handler));
        vm.assertEq(here + handler.outWei() + sentWei + handler.proversWei(), handler.inWei(), "O3");
        uint256 owedWei = pool.unsentPotsWei() + pool.overageWei(pool.currentEpoch());
        for (uint256 i = 0; i < handler.payerCount(); ++i) {
            (uint256 dueWei, uint256 leavingWei) = pool.withdrawalsOf(handler.payerAt(i));
            owedWei += pool.stakeOf(handler.payerAt(i)) + dueWei + leavingWei;
        }
        vm.assertGe(here, owedWei, "O3: owes more than it has");
        vm.assertLe(here - owedWei, handler.payerCount() + handler.movements(), "O3: more than dust is nobody's");
    }
}
