// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {RunningList} from "../../../contracts/settlement/RunningList.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

/// @title Shared vectors of lists
/// @notice The same file is made and read by `crates/merkle`; see tests/vectors/README.md.
contract ListVectorsTest {
    string private constant LISTS = "tests/vectors/lists.json";

    function test_SharedListsOpenAtTheirPlaces() external view {
        string memory json = vm.readFile(LISTS);
        uint256 lists = 0;
        for (; vm.keyExistsJson(json, _item("", ".lists[", lists)); ++lists) {
            this.checkList(json, _item("", ".lists[", lists));
        }
        vm.assertGt(lists, 10);
    }

    /// @dev A call of its own for each list: a call's memory is not given back.
    function checkList(string memory json, string memory list) external view {
        bytes32 top = vm.parseJsonBytes32(json, string.concat(list, ".top"));
        uint256 n = vm.parseJsonUint(json, string.concat(list, ".n"));
        vm.assertTrue((n == 0) == (top == 0));
        for (uint256 k = 0; k < n; ++k) {
            _checkOpening(json, list, top, k);
        }
        uint256 refused = 0;
        for (; vm.keyExistsJson(json, _item(list, ".refused[", refused)); ++refused) {
            _checkRefused(json, _item(list, ".refused[", refused), top);
        }
        vm.assertGt(refused, 1);
    }

    function opens(bytes32 top, uint256 count, uint256 index, bytes32 word, bytes32[] calldata path)
        external
        pure
        returns (bool)
    {
        return RunningList.opens(top, count, index, word, path);
    }

    function _checkOpening(string memory json, string memory list, bytes32 top, uint256 k) private view {
        uint256 n = vm.parseJsonUint(json, string.concat(list, ".n"));
        bytes32 word = keccak256(vm.parseJsonBytes(json, _item(list, ".leaves[", k)));
        string memory opening = _item(list, ".openings[", k);
        vm.assertEq(vm.parseJsonUint(json, string.concat(opening, ".index")), k);
        vm.assertTrue(this.opens(top, n, k, word, _path(json, opening)));
    }

    function _checkRefused(string memory json, string memory opening, bytes32 top) private view {
        uint256 index = vm.parseJsonUint(json, string.concat(opening, ".index"));
        uint256 count = vm.parseJsonUint(json, string.concat(opening, ".n"));
        bytes32 word = keccak256(vm.parseJsonBytes(json, string.concat(opening, ".leaf")));
        vm.assertFalse(this.opens(top, count, index, word, _path(json, opening)));
    }

    function _item(string memory list, string memory key, uint256 k) private pure returns (string memory) {
        return string.concat(list, key, vm.toString(k), "]");
    }

    function _path(string memory json, string memory opening) private pure returns (bytes32[] memory) {
        return vm.parseJsonBytes32Array(json, string.concat(opening, ".path"));
    }
}
