// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {DataToken} from "../../../../contracts/token/DataToken.sol";

/// @title A token that fails for some, in every way a token can
contract UnrulyToken is DataToken {
    enum Manner {
        Plain,
        Reverts,
        BurnsGas,
        ReturnsFalse,
        ReturnsNothing,
        ReturnsTwo,
        ReturnsOneByte,
        ReturnsAByteTooFew,
        ReturnsALot
    }

    mapping(address account => Manner) public manners;
    address public callTarget;
    bytes public callData;
    bool public callSucceeded;
    uint256 public calls;

    constructor(address holder, uint256 supplyWei) DataToken(holder, supplyWei) {}

    /// @dev How transfers to `account` go.
    function behave(address account, Manner manner) external {
        manners[account] = manner;
    }

    /// @dev Once, in the next transfer, calls `target`.
    function callBack(address target, bytes calldata data) external {
        (callTarget, callData) = (target, data);
    }

    function transfer(address to, uint256 amountWei) public override returns (bool) {
        Manner manner = manners[to];
        if (callTarget != address(0)) {
            address target = callTarget;
            callTarget = address(0);
            (callSucceeded,) = target.call(callData);
            ++calls;
        }
        if (manner == Manner.Reverts) revert("refused");
        if (manner == Manner.BurnsGas) {
            assembly {
                invalid()
            }
        }
        if (manner == Manner.ReturnsFalse) return false;
        if (manner == Manner.ReturnsTwo) _returnWord(2, 32);
        if (manner == Manner.ReturnsOneByte) _returnWord(1 << 248 | 1, 1);
        if (manner == Manner.ReturnsAByteTooFew) _returnWord(0, 31);
        if (manner == Manner.ReturnsALot) _revertWith(20_000);
        bool taken = super.transfer(to, amountWei);
        if (manner == Manner.ReturnsNothing) _returnWord(0, 0);
        return taken;
    }

    function _returnWord(uint256 word, uint256 length) private pure {
        assembly {
            mstore(0, word)
            return(0, length)
        }
    }

    function _revertWith(uint256 length) private pure {
        assembly {
            revert(0, length)
        }
    }
}
