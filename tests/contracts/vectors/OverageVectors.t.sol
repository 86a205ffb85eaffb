// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReceiptLib} from "../../../contracts/libraries/ReceiptLib.sol";
import {EntryMath} from "../../../contracts/settlement/EntryMath.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

/// @title Shared vectors of overage
/// @notice The file is made by `crates/rewards`; see tests/vectors/README.md.
contract OverageVectorsTest {
    function test_SharedBillsAreTheSame() external view {
        string memory json = vm.readFile("tests/vectors/overage.json");
        uint256 cases = 0;
        for (; vm.keyExistsJson(json, string.concat(".overages[", vm.toString(cases), "]")); ++cases) {
            _check(json, string.concat(".overages[", vm.toString(cases), "]."));
        }
        vm.assertGt(cases, 15);
    }

    function _check(string memory json, string memory path) private pure {
        uint256 quota = _uint(json, path, "quota_bytes");
        vm.assertEq(ReceiptLib.withTolerance(quota), _uint(json, path, "tolerated_bytes"));
        uint256 steered = EntryMath.steeredNano(_uint(json, path, "fee_wei"), _uint(json, path, "pool_bps"));
        vm.assertEq(steered, _uint(json, path, "steered_nano"));
        vm.assertEq(EntryMath.overageNano(steered, quota, _uint(json, path, "units")), _uint(json, path, "bill_nano"));
    }

    function _uint(string memory json, string memory path, string memory key) private pure returns (uint256) {
        return vm.parseJsonUint(json, string.concat(path, key));
    }
}
