// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOverage} from "../interfaces/IOverage.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {IStakePool} from "../interfaces/IStakePool.sol";
import {EntryMath} from "./EntryMath.sol";
import {ListReader} from "./ListReader.sol";
import {ReceiptLeaf} from "./ReceiptLeaf.sol";

/// @title Overage
/// @notice See IOverage. It holds nothing and nobody owns it: what it can do is to have the pool charge what a final list shows.
/// @dev Lines of a list stand in the order of their keys, and a payer's are side by side; the last of them has its total. Of a list
/// that became final, whoever watched has shown no line wrong.
contract Overage is IOverage, ListReader {
    uint256 private constant WEI_PER_NANO = 1e9;

    ISettlement private immutable SETTLEMENT;
    IStakePool private immutable POOL;

    /// @dev A bit for each epoch.
    mapping(address payer => mapping(uint256 word => uint256)) private _billed;

    constructor(ISettlement settlement, IStakePool pool) {
        (SETTLEMENT, POOL) = (settlement, pool);
    }

    /// @inheritdoc IOverage
    function file(uint64 epoch, bytes32 receiptsTop, uint32 receiptsCount, ISettlement.Gap calldata behind)
        external
        returns (uint256 chargedWei)
    {
        // Check: the line is its payer's last in the list of a final epoch, and says too much.
        bytes32 listHash = keccak256(abi.encodePacked(receiptsTop, receiptsCount));
        if (SETTLEMENT.receiptsHashOf(epoch) != listHash) revert ListNotFinal(epoch);
        (address payer, uint256 units) = _lastOf(receiptsTop, receiptsCount, behind);
        uint256 owedWei = billWei(payer, epoch, units);
        if (owedWei == 0) revert WithinTolerance(payer, epoch);
        if (isBilled(payer, epoch)) revert AlreadyBilled(payer, epoch);

        // Effect: once.
        _billed[payer][epoch >> 8] |= 1 << (epoch & 255);

        // Interaction: the pool charges what is there. Of nothing there is no bill, so that it can come later.
        chargedWei = POOL.chargeOverage(payer, epoch, owedWei, msg.sender);
        if (chargedWei == 0) revert NothingToCharge(payer);
        emit OverageBilled(payer, epoch, msg.sender, owedWei, chargedWei);
    }

    /// @inheritdoc IOverage
    function billWei(address payer, uint64 epoch, uint256 units) public view returns (uint256) {
        uint256 quotaBytes = POOL.quotaOf(payer, epoch);
        uint256 steered = EntryMath.steeredNano(POOL.feeOf(payer, epoch), POOL.poolBps());
        return EntryMath.overageNano(steered, quotaBytes, units) * WEI_PER_NANO;
    }

    /// @inheritdoc IOverage
    function isBilled(address payer, uint64 epoch) public view returns (bool) {
        return _billed[payer][epoch >> 8] & 1 << (epoch & 255) != 0;
    }

    /// @dev The payer of the line left of the gap, and its units in the whole epoch.
    function _lastOf(bytes32 top, uint32 count, ISettlement.Gap calldata behind)
        private
        pure
        returns (address payer, uint256 units)
    {
        _checkGap(top, count, behind, ReceiptLeaf.LENGTH);
        if (behind.left.length == 0) revert OpeningInvalid();
        payer = ReceiptLeaf.payer(behind.left);
        if (behind.right.length != 0 && ReceiptLeaf.payer(behind.right) == payer) revert OpeningInvalid();
        units = ReceiptLeaf.payerUnits(behind.left);
    }
}
