// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MerkleSum} from "../../../contracts/libraries/MerkleSum.sol";

/// @title Proofs about sum trees
/// @notice For all words.
contract MerkleSumProofs {
    function climb(bytes32 word, uint256 place, bytes32[] calldata path) external pure returns (bytes32) {
        return MerkleSum.climb(word, place, path);
    }

    function verify(bytes32 root, bytes32 entry, bytes32[] calldata path) external pure returns (bool) {
        return MerkleSum.verify(root, entry, path);
    }

    function verifyRange(bytes32 root, bytes32[] calldata entries, bytes32[] calldata boundary, uint256 depth)
        external
        pure
        returns (bool)
    {
        return MerkleSum.verifyRange(root, entries, boundary, depth);
    }

    /// An inner word is what the format says of its children, its sum theirs; or it is refused, exactly when they do not fit
    /// 64 bits.
    function check_AnInnerWordIsTheSumOfItsChildrenOrRefused(bytes32 word, bytes32 sibling, bool isRight)
        external
        view
    {
        bytes32[] memory path = new bytes32[](1);
        path[0] = sibling;
        uint256 sum = _nano(word) + _nano(sibling);
        try this.climb(word, isRight ? 1 : 0, path) returns (bytes32 top) {
            assert(sum <= type(uint64).max);
            assert(top == (isRight ? _join(sibling, word) : _join(word, sibling)));
            assert(_nano(top) == sum);
        } catch {
            assert(sum > type(uint64).max);
        }
    }

    /// Over three levels as well: the sum of all four is on top, or it is refused; nothing wraps on the way.
    function check_ATopIsTheSumOfAllOrRefused(bytes32 word, bytes32 a, bytes32 b, bytes32 c, uint8 place)
        external
        view
    {
        bytes32[] memory path = new bytes32[](3);
        (path[0], path[1], path[2]) = (a, b, c);
        uint256 sum = _nano(word) + _nano(a) + _nano(b) + _nano(c);
        // A place that is known on each path of the proof: memory is written at places that follow from it.
        for (uint256 known = 0; known < 8; ++known) {
            if (place & 7 != known) continue;
            try this.climb(word, known, path) returns (bytes32 top) {
                assert(_nano(top) == sum);
            } catch {
                assert(sum > type(uint64).max);
            }
        }
    }

    /// A root's sum is its top's.
    function check_ARootHasTheSumOfItsTop(bytes32 top, uint8 depth) external pure {
        assert(_nano(MerkleSum.rootOf(top, depth)) == _nano(top));
    }

    /// An entry's leaf promises what the entry does.
    function check_ALeafHasTheSumOfItsEntry(bytes32 entry) external pure {
        assert(
            MerkleSum.leafOf(entry)
                == bytes32(abi.encodePacked(bytes24(keccak256(abi.encode(entry))), uint64(_nano(entry))))
        );
    }

    // Ranges of a tree of depth 2, each of its ten runs: a run that verifies holds only entries that verify, one by one.

    /// @custom:halmos --array-lengths boundary=2
    function check_ARunOfOneVerifiesAsOne(bytes32 root, bytes32[] memory boundary, uint256[4] calldata w, uint8 first)
        external
        view
    {
        for (uint256 i = 0; i < 4; ++i) {
            if (i == first) _checkRun(root, boundary, w, i, 1);
        }
    }

    /// @custom:halmos --array-lengths boundary={1,2}
    function check_ARunOfTwoVerifiesOneByOne(
        bytes32 root,
        bytes32[] memory boundary,
        uint256[4] calldata w,
        uint8 first
    ) external view {
        for (uint256 i = 0; i < 3; ++i) {
            if (i == first) _checkRun(root, boundary, w, i, 2);
        }
    }

    /// @custom:halmos --array-lengths boundary=1
    function check_ARunOfThreeVerifiesOneByOne(
        bytes32 root,
        bytes32[] memory boundary,
        uint256[4] calldata w,
        uint8 first
    ) external view {
        for (uint256 i = 0; i < 2; ++i) {
            if (i == first) _checkRun(root, boundary, w, i, 3);
        }
    }

    /// @custom:halmos --array-lengths boundary=0
    function check_AWholeTreeVerifiesOneByOne(bytes32 root, bytes32[] memory boundary, uint256[4] calldata w)
        external
        view
    {
        _checkRun(root, boundary, w, 0, 4);
    }

    /// @dev The entries from `first` on, and the path of each out of the others and the boundary.
    function _checkRun(bytes32 root, bytes32[] memory boundary, uint256[4] calldata w, uint256 first, uint256 count)
        private
        view
    {
        bytes32[] memory entries = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            entries[i] = bytes32(((first + i) << 224) | (w[i] & type(uint224).max));
        }
        try this.verifyRange(root, entries, boundary, 2) returns (bool there) {
            if (!there) return;
        } catch {
            return;
        }
        bytes32[] memory words = _leaves(entries, boundary, first, count);
        bool halves = first < 2 && first + count > 2;
        for (uint256 i = 0; i < count; ++i) {
            uint256 place = first + i;
            bytes32[] memory path = new bytes32[](2);
            path[0] = words[place ^ 1];
            if (!halves) path[1] = boundary[boundary.length - 1];
            else path[1] = place < 2 ? _join(words[2], words[3]) : _join(words[0], words[1]);
            assert(this.verify(root, entries[i], path));
        }
    }

    /// @dev The four words of level 0, as far as the run and the boundary tell them.
    function _leaves(bytes32[] memory entries, bytes32[] memory boundary, uint256 first, uint256 count)
        private
        pure
        returns (bytes32[] memory words)
    {
        words = new bytes32[](4);
        for (uint256 i = 0; i < count; ++i) {
            words[first + i] = MerkleSum.leafOf(entries[i]);
        }
        uint256 used = 0;
        if (first & 1 == 1) words[first - 1] = boundary[used++];
        if ((first + count) & 1 == 1) words[first + count] = boundary[used];
    }

    function _join(bytes32 left, bytes32 right) private pure returns (bytes32) {
        bytes24 hash = bytes24(keccak256(abi.encodePacked(left, right)));
        return bytes32(abi.encodePacked(hash, uint64(_nano(left) + _nano(right))));
    }

    function _nano(bytes32 word) private pure returns (uint256) {
        return uint64(uint256(word));
    }
}
