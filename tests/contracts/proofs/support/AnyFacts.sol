// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAssents} from "../../../../contracts/interfaces/IAssents.sol";
import {ISettlement} from "../../../../contracts/interfaces/ISettlement.sol";

/// @title Facts that may be anything
/// @notice Stands for the pool, the registry, the forced receipts, the assents and what hears of cancellations. Each fact is one word
/// that a proof leaves open, the same for whoever and whatever epoch is asked for, since one call asks for each once.
contract AnyFacts {
    uint64 public constant genesis = 1_000_000;
    uint64 public constant epochLength = 1 days;
    bytes32 public constant receiptDomainSeparator = keccak256("the domain of receipts");

    uint256 private _feeWei;
    uint256 private _quota;
    uint256 private _potWei;
    uint256 private _fundedWei;
    uint16 public poolBps;
    uint16 public poolLimitBps;
    uint32 private _operators = 1;
    uint256 private _bond;
    uint256 private _totalBond;
    uint256 private _capacity;
    uint256 private _totalCapacity;
    address private _payout;
    bytes32 private _forcedHash;
    IAssents.Assent private _assent;
    uint256 public cancelled;
    address public reporter;

    function setFee(uint256 feeWei, uint16 poolBps_) external {
        (_feeWei, poolBps) = (feeWei, poolBps_);
    }

    function setFunds(uint256 fundedWei, bytes32 forcedHash_) external {
        (_fundedWei, _forcedHash) = (fundedWei, forcedHash_);
    }

    function setAssent(IAssents.Assent calldata assent) external {
        _assent = assent;
    }

    function setPool(uint256 potWei, uint16 limitBps) external {
        (_potWei, poolLimitBps) = (potWei, limitBps);
    }

    function setOperator(uint256 bond, uint256 totalBond, uint256 capacity, uint256 totalCapacity, address payout)
        external
    {
        (_bond, _totalBond, _capacity, _totalCapacity, _payout) = (bond, totalBond, capacity, totalCapacity, payout);
    }

    function cancel(ISettlement.Proposal calldata, address reporter_) external {
        ++cancelled;
        reporter = reporter_;
    }

    function feeOf(address, uint64) external view returns (uint256) {
        return _feeWei;
    }

    function potOf(uint64) external view returns (uint256) {
        return _potWei;
    }

    function fundedThroughWei(uint64) external view returns (uint256) {
        return _fundedWei;
    }

    function operatorCount(uint64) external view returns (uint32) {
        return _operators;
    }

    function bondAt(uint32, uint64) external view returns (uint256) {
        return _bond;
    }

    function totalBondAt(uint64) external view returns (uint256) {
        return _totalBond;
    }

    function capacityAt(uint32, uint64) external view returns (uint256) {
        return _capacity;
    }

    function totalCapacityAt(uint64) external view returns (uint256) {
        return _totalCapacity;
    }

    /// Every key may sign: whom a pool lets sign is no part of what is proven.
    function isAuthorized(address, address, uint64) external pure returns (bool) {
        return true;
    }

    function payoutAt(uint32, uint64) external view returns (address) {
        return _payout;
    }

    function hashOf(uint64) external view returns (bytes32) {
        return _forcedHash;
    }

    function assentOf(uint64) external view returns (IAssents.Assent memory) {
        return _assent;
    }

    function distributionFinalized(uint64) external {}
}
