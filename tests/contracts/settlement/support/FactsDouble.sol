// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperatorFacts} from "../../../../contracts/interfaces/IOperatorFacts.sol";
import {IOperatorRegistry} from "../../../../contracts/interfaces/IOperatorRegistry.sol";
import {IStakePool} from "../../../../contracts/interfaces/IStakePool.sol";
import {IPoolFacts} from "../../../../contracts/interfaces/IPoolFacts.sol";

/// @title Facts that a test sets
contract FactsDouble is IPoolFacts, IOperatorFacts {
    uint64 public constant genesis = 1_000_000;
    uint64 public constant epochLength = 1 days;
    bytes32 public constant receiptDomainSeparator = keccak256("the domain of receipts");
    uint64 public closedEpochs;
    uint16 public poolBps = 1000;
    uint16 public poolLimitBps = 5000;
    uint256 private _quota = 1e9;
    mapping(address payer => uint256) private _fees;
    mapping(address payer => mapping(address key => bool)) private _keys;
    mapping(uint64 epoch => uint256) public potOf;
    mapping(uint64 epoch => uint256) private _fundedWei;
    mapping(uint64 epoch => uint32) public operatorCount;
    mapping(uint32 operatorId => uint256) private _bonds;
    mapping(uint32 operatorId => uint256) private _capacities;
    mapping(uint32 operatorId => address) private _owners;
    uint256 private _totalBond;
    uint256 private _totalCapacity;
    mapping(uint32 operatorId => mapping(bytes32 node => bool)) private _nodes;

    function close(uint64 epoch, uint256 potWei, uint32 operators) external {
        closedEpochs = epoch + 1;
        potOf[epoch] = potWei;
        _fundedWei[epoch] = (epoch == 0 ? 0 : _fundedWei[epoch - 1]) + potWei;
        operatorCount[epoch] = operators;
    }

    /// @notice Epochs up to this were finalized, plus one.
    uint64 public finalizedEpochs;

    function distributionFinalized(uint64 epoch) external {
        finalizedEpochs = epoch + 1;
    }

    function fund(uint64 epoch, uint256 amountWei) external {
        _fundedWei[epoch] = amountWei;
    }

    function fundedThroughWei(uint64 epoch) external view returns (uint256) {
        if (epoch >= closedEpochs) revert IStakePool.EpochNotClosed(epoch);
        return _fundedWei[epoch];
    }

    function setPool(uint16 poolBps_, uint16 limitBps, uint256 quota) external {
        (poolBps, poolLimitBps, _quota) = (poolBps_, limitBps, quota);
    }

    function setFee(address payer, uint256 feeWei) external {
        _fees[payer] = feeWei;
    }

    function setKey(address payer, address key, bool may) external {
        _keys[payer][key] = may;
    }

    function setOperator(uint32 id, uint256 bond, uint256 capacity, bytes32 node, address owner) external {
        _totalBond = _totalBond - _bonds[id] + bond;
        _totalCapacity = _totalCapacity - _capacities[id] + capacity;
        (_bonds[id], _capacities[id], _owners[id]) = (bond, capacity, owner);
        _nodes[id][node] = true;
    }

    function feeOf(address user, uint64) external view returns (uint256) {
        return _fees[user];
    }

    function quotaOf(address user, uint64) external view returns (uint256) {
        return _fees[user] == 0 ? 0 : _quota;
    }

    function isAuthorized(address payer, address key, uint64) external view returns (bool) {
        return payer == key || _keys[payer][key];
    }

    function bondAt(uint32 operatorId, uint64) external view returns (uint256) {
        return _bonds[operatorId];
    }

    function totalBondAt(uint64) external view returns (uint256) {
        return _totalBond;
    }

    function capacityAt(uint32 operatorId, uint64) external view returns (uint256) {
        return _capacities[operatorId];
    }

    function totalCapacityAt(uint64) external view returns (uint256) {
        return _totalCapacity;
    }

    function payoutAt(uint32 operatorId, uint64) external pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("payout", operatorId)))));
    }

    function nodeOf(uint32 operatorId, bytes32 node, uint64) external view returns (bool) {
        return _nodes[operatorId][node];
    }

    function operatorAt(uint32 operatorId) external view returns (IOperatorRegistry.Operator memory operator) {
        operator.owner = _owners[operatorId];
    }
}
