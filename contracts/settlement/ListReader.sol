// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "../interfaces/ISettlement.sol";
import {RunningList} from "./RunningList.sol";

/// @title Lines and gaps of a list that was committed to
abstract contract ListReader {
    /// @notice Thrown when a line or word does not stand where it is said to stand, or a gap's neighbour is missing or malformed.
    error OpeningInvalid();

    /// @dev The line stands in the list. Its length is not checked.
    function _checkLine(bytes32 top, uint256 count, ISettlement.Line calldata line) internal pure {
        _checkOpen(top, count, line.index, keccak256(line.leaf), line.path);
    }

    /// @dev The gap's lines are neighbours in the list, each `length` bytes; absent only at the ends. Beyond the list nothing opens.
    function _checkGap(bytes32 top, uint256 count, ISettlement.Gap calldata gap, uint256 length) internal pure {
        if (gap.index == 0) {
            if (gap.left.length != 0) revert OpeningInvalid();
        } else {
            if (gap.left.length != length) revert OpeningInvalid();
            _checkOpen(top, count, gap.index - 1, keccak256(gap.left), gap.leftPath);
        }
        if (gap.index == count) {
            if (gap.right.length != 0) revert OpeningInvalid();
        } else {
            if (gap.right.length != length) revert OpeningInvalid();
            _checkOpen(top, count, gap.index, keccak256(gap.right), gap.rightPath);
        }
    }

    function _checkOpen(bytes32 top, uint256 count, uint256 index, bytes32 word, bytes32[] calldata path)
        internal
        pure
    {
        if (!RunningList.opens(top, count, index, word, path)) revert OpeningInvalid();
    }
}
