// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {FeeMath} from "../../../contracts/libraries/FeeMath.sol";
import {QuotaController} from "../../../contracts/libraries/QuotaController.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

/// @title Shared vectors of the fee and of the price rule
/// @notice The same files are made and read by `crates/economy`; see tests/vectors/README.md.
contract EconomyVectorsTest {
    function test_SharedPricesAreTheSame() external view {
        vm.assertGt(_forEach("tests/vectors/controller.json", ".steps[", this.checkStep), 60);
    }

    function test_SharedFeesAreTheSame() external view {
        vm.assertGt(_forEach("tests/vectors/fees.json", ".fees[", this.checkFee), 30);
    }

    function checkStep(string memory json, string memory path) external pure {
        uint256 quota = _uint(json, path, "quota");
        (uint256 bytesPerData, uint256 soldBps) =
            QuotaController.inForce(quota, _uint(json, path, "open_wei"), _uint(json, path, "capacity_bytes"));
        vm.assertEq(bytesPerData, _uint(json, path, "in_force"));
        vm.assertEq(soldBps, _uint(json, path, "sold_bps"));
        uint256 next = QuotaController.next(quota, soldBps, _uint(json, path, "initial_quota"));
        vm.assertEq(next, _uint(json, path, "next_quota"));
        // As `StakePool.quotaOf` has it.
        vm.assertEq(_uint(json, path, "stake_wei") * bytesPerData / 1e18, _uint(json, path, "stake_quota"));
    }

    function checkFee(string memory json, string memory path) external pure {
        uint256 left = FeeMath.remaining(
            _uint(json, path, "total_wei"),
            _uint(json, path, "rate_ppb"),
            _uint(json, path, "epochs"),
            _uint(json, path, "floor_wei")
        );
        vm.assertEq(left, _uint(json, path, "remaining_wei"));
    }

    /// Calls `check` for each case and returns how many there were. A call of its own each, for a call's memory is not given back.
    function _forEach(
        string memory file,
        string memory list,
        function(string memory, string memory) external pure check
    ) private view returns (uint256 cases) {
        string memory json = vm.readFile(file);
        for (; vm.keyExistsJson(json, string.concat(list, vm.toString(cases), "]")); ++cases) {
            check(json, string.concat(list, vm.toString(cases), "]."));
        }
    }

    function _uint(string memory json, string memory path, string memory key) private pure returns (uint256) {
        return vm.parseJsonUint(json, string.concat(path, key));
    }
}
