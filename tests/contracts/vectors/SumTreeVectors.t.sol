// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MerkleSum} from "../../../contracts/libraries/MerkleSum.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

/// @title Shared vectors of the trees
/// @notice The same files are made and read by `crates/merkle`; see tests/vectors/README.md.
contract SumTreeVectorsTest {
    string private constant SUMS = "tests/vectors/sum_trees.json";

    // Each case is checked in a call of its own, for the file is large and a call's memory is not given back.

    function test_TreesHaveTheSharedRoots() external view {
        vm.assertEq(_forEach(SUMS, ".trees[", this.checkTree), 6);
    }

    function test_SharedProofsVerify() external view {
        vm.assertGt(_forEach(SUMS, ".proofs[", this.checkProof), 0);
    }

    function test_SharedMissingLeavesAreZeroWords() external view {
        vm.assertGt(_forEach(SUMS, ".missing[", this.checkMissing), 0);
    }

    function test_SharedRangesVerify() external view {
        vm.assertGt(_forEach(SUMS, ".ranges[", this.checkRange), 0);
    }

    function test_SharedInvalidProofsAreRejected() external view {
        vm.assertGt(_forEach(SUMS, ".invalid_proofs[", this.checkInvalidProof), 0);
    }

    function test_SharedInvalidRangesAreRejected() external view {
        vm.assertGt(_forEach(SUMS, ".invalid_ranges[", this.checkInvalidRange), 0);
    }

    function checkTree(string memory json, string memory path) external view {
        bytes32[] memory entries = _words(json, path, "entries");
        bytes32[] memory words = _words(json, path, "words");
        uint256 depth = _uint(json, path, "depth");
        vm.assertEq(entries.length, _uint(json, path, "operators"));
        for (uint256 id = 0; id < entries.length; ++id) {
            vm.assertEq(MerkleSum.leafOf(entries[id]), words[id]);
            vm.assertEq(MerkleSum.operatorIdOf(entries[id]), id);
        }
        bytes32 top = words[words.length - 1];
        vm.assertEq(top, _word(json, path, "top"));
        vm.assertEq(MerkleSum.nanoOf(top), _uint(json, path, "total_nano"));
        bytes32 root = _word(json, path, "root");
        vm.assertEq(MerkleSum.rootOf(top, depth), root);
        // The whole tree is a range of itself; beyond its last entry the boundary is the padding.
        vm.assertTrue(this.verifyRange(root, entries, _rightBoundary(words, depth, entries.length - 1), depth));
    }

    function checkProof(string memory json, string memory path) external view {
        bytes32 entry = _word(json, path, "entry");
        vm.assertEq(MerkleSum.operatorIdOf(entry), _uint(json, path, "operator_id"));
        vm.assertEq(MerkleSum.payoutOf(entry), vm.parseJsonAddress(json, string.concat(path, "payout")));
        vm.assertEq(MerkleSum.nanoOf(entry), _uint(json, path, "cumulative_nano"));
        vm.assertTrue(this.verify(_word(json, path, "root"), entry, _words(json, path, "proof")));
    }

    function checkMissing(string memory json, string memory path) external view {
        uint256 place = _uint(json, path, "operator_id");
        vm.assertTrue(this.verifyWord(_word(json, path, "root"), place, _words(json, path, "proof")));
    }

    function checkRange(string memory json, string memory path) external view {
        vm.assertTrue(_verifyRange(json, path));
    }

    function checkInvalidProof(string memory json, string memory path) external view {
        bytes32[] memory proof = _words(json, path, "proof");
        try this.verify(_word(json, path, "root"), _word(json, path, "entry"), proof) returns (bool verified) {
            vm.assertFalse(verified);
        } catch (bytes memory reason) {
            _assertReason(vm.parseJsonString(json, string.concat(path, "reason")), reason);
        }
    }

    function checkInvalidRange(string memory json, string memory path) external view {
        try this.checkRangeRaw(json, path) returns (bool verified) {
            vm.assertFalse(verified);
        } catch (bytes memory reason) {
            _assertReason(vm.parseJsonString(json, string.concat(path, "reason")), reason);
        }
    }

    function checkRangeRaw(string memory json, string memory path) external view returns (bool) {
        return _verifyRange(json, path);
    }

    function verify(bytes32 root, bytes32 entry, bytes32[] calldata proof) external pure returns (bool) {
        return MerkleSum.verify(root, entry, proof);
    }

    function verifyWord(bytes32 root, uint256 place, bytes32[] calldata proof) external pure returns (bool) {
        return MerkleSum.verifyWord(root, bytes32(0), place, proof);
    }

    function verifyRange(bytes32 root, bytes32[] calldata entries, bytes32[] calldata boundary, uint256 depth)
        external
        pure
        returns (bool)
    {
        return MerkleSum.verifyRange(root, entries, boundary, depth);
    }

    /// @dev A revert must be for the stated reason.
    function _assertReason(string memory stated, bytes memory reason) private pure {
        bytes4 expected;
        if (_same(stated, "sum_overflow")) expected = MerkleSum.SumOverflow.selector;
        if (_same(stated, "not_consecutive")) expected = MerkleSum.EntriesNotNeighbours.selector;
        if (_same(stated, "empty_range")) expected = MerkleSum.EntriesNotNeighbours.selector;
        if (_same(stated, "boundary_length")) expected = MerkleSum.BoundaryLengthWrong.selector;
        vm.assertEq(bytes32(bytes4(reason)), bytes32(expected), stated);
    }

    function _rightBoundary(bytes32[] memory words, uint256 depth, uint256 last)
        private
        pure
        returns (bytes32[] memory boundary)
    {
        bytes32[] memory found = new bytes32[](depth);
        uint256 count;
        uint256 start;
        for (uint256 level = 0; level < depth; ++level) {
            if ((last >> level) & 1 == 0) found[count++] = words[start + (last >> level) + 1];
            start += 1 << (depth - level);
        }
        boundary = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            boundary[i] = found[i];
        }
    }

    function _same(string memory left, string memory right) private pure returns (bool) {
        return keccak256(bytes(left)) == keccak256(bytes(right));
    }

    function _forEach(
        string memory file,
        string memory list,
        function(string memory, string memory) external view check
    ) private view returns (uint256 count) {
        string memory json = vm.readFile(file);
        string memory path = string.concat(list, "0]");
        while (vm.keyExistsJson(json, path)) {
            check(json, string.concat(path, "."));
            path = string.concat(list, vm.toString(++count), "]");
        }
    }

    function _verifyRange(string memory json, string memory path) private view returns (bool) {
        return this.verifyRange(
            _word(json, path, "root"),
            _words(json, path, "entries"),
            _words(json, path, "boundary"),
            _uint(json, path, "depth")
        );
    }

    function _word(string memory json, string memory path, string memory key) private pure returns (bytes32) {
        return vm.parseJsonBytes32(json, string.concat(path, key));
    }

    function _words(string memory json, string memory path, string memory key) private pure returns (bytes32[] memory) {
        return vm.parseJsonBytes32Array(json, string.concat(path, key));
    }

    function _uint(string memory json, string memory path, string memory key) private pure returns (uint256) {
        return vm.parseJsonUint(json, string.concat(path, key));
    }
}
