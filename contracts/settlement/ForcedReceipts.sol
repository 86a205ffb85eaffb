// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IForcedReceipts} from "../interfaces/IForcedReceipts.sol";
import {IPoolFacts} from "../interfaces/IPoolFacts.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {Calendar} from "./Calendar.sol";
import {ReceiptLeaf} from "./ReceiptLeaf.sol";
import {RunningList} from "./RunningList.sol";

/// @title Forced receipts
/// @notice See IForcedReceipts. Rubbish costs whoever forces it its gas, and a proposer one check.
contract ForcedReceipts is IForcedReceipts, Calendar {
    /// @inheritdoc IForcedReceipts
    mapping(uint64 epoch => bytes32) public hashOf;
    /// @inheritdoc IForcedReceipts
    mapping(uint64 epoch => mapping(bytes32 signedHash => bool)) public isForced;

    constructor(IPoolFacts pool, ISettlement.Windows memory windows) Calendar(pool, windows) {}

    /// @inheritdoc IForcedReceipts
    function forceReceipts(uint64 epoch, bytes[] calldata receipts) external {
        // Check: it is not too late.
        if (block.timestamp >= _forcedUntil(epoch)) revert ForcingIsOver(epoch);

        // Effect: each is marked, and part of the hash.
        bytes32 rolling = hashOf[epoch];
        for (uint256 i = 0; i < receipts.length; ++i) {
            bytes calldata receipt = receipts[i];
            if (receipt.length != ReceiptLeaf.SIGNED_LENGTH || ReceiptLeaf.epoch(receipt) != epoch) {
                revert NoReceiptOf(epoch);
            }
            bytes32 signedHash = ReceiptLeaf.signedHash(receipt);
            if (isForced[epoch][signedHash]) continue;
            isForced[epoch][signedHash] = true;
            rolling = RunningList.join(rolling, signedHash);
            emit ReceiptForced(epoch, signedHash, receipt);
        }
        hashOf[epoch] = rolling;
    }
}
