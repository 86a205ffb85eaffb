// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "../../../../contracts/interfaces/ISettlement.sol";
import {vm} from "../../../../scripts/deploy/Vm.sol";
import {World} from "./World.sol";

/// @title Trial
/// @notice Epoch 0 is final, epoch 1 has ended; what becomes of what a watcher sends.
abstract contract Trial is World {
    Dataset internal right;

    function setUp() public virtual override {
        super.setUp();
        _finalizeFirst();
        Dataset memory made = _dataset(_five(1), 1);
        right = made;
    }

    /// @dev The call cancels the proposal, and half of its bond is the watcher's.
    function _disproves(ISettlement.Proposal memory proposal, bytes memory call) internal {
        vm.assertTrue(settlement.isOpen(proposal.counter), "not open");
        vm.prank(WATCHER);
        (bool done, bytes memory why) = address(disproofs).call(call);
        if (!done) {
            assembly {
                revert(add(why, 32), mload(why))
            }
        }
        vm.assertFalse(settlement.isOpen(proposal.counter), "still open");
        uint256 bond = settlement.bondWei(proposal.draft.receiptsCount, proposal.assentRound != 0);
        (address reporter, uint256 rewardWei) = settlement.rewardOf(proposal.counter);
        vm.assertEq(reporter, WATCHER);
        vm.assertEq(rewardWei, bond / 2);
    }

    /// @dev The call fails for this reason.
    function _fails(bytes memory call, bytes4 reason) internal {
        vm.prank(WATCHER);
        (bool done, bytes memory why) = address(disproofs).call(call);
        vm.assertFalse(done, "went through");
        vm.assertEq(bytes32(bytes4(why)), bytes32(reason));
    }
}
