// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

import {IOperatorRegistry} from "../interfaces/IOperatorRegistry.sol";
import {Intervals} from "../libraries/Intervals.sol";

/// @title What was true of operators in an epoch
/// @notice The facts that a distribution is judged by: who was there, with which bond and capacity, which nodes were whose, and
/// where operators are paid. Each is written with an epoch that is not over yet, so that nothing done after an epoch's end
/// changes what is said of it; what is said of the running epoch and later ones is how it stands now.
///
///     capacity that counts = min(declared, bond that counts · 107 374 182 / 10^18), in bytes an epoch: 5 000 DATA back 500 GiB
///
/// @dev One checkpoint holds bond and capacity, so a change costs a slot of the operator's and one of the sums'.
abstract contract OperatorFacts is IOperatorRegistry {
    using Checkpoints for Checkpoints.Trace160;
    using Checkpoints for Checkpoints.Trace208;
    using Intervals for Intervals.Interval[];
    using SafeCast for uint256;

    /// @notice Bytes an epoch that one DATA of a bond backs.
    uint256 public constant CAPACITY_BYTES_PER_DATA = 107_374_182;

    /// @dev Bits of a capacity, below the bond, in a checkpoint's value.
    uint256 private constant CAPACITY_BITS = 80;

    /// @dev Operators that were there when an epoch began.
    Checkpoints.Trace208 private _counts;
    /// @dev `bond wei (128 bits) ‖ capacity bytes (80 bits)`, by the first epoch for which they count.
    mapping(uint32 operatorId => Checkpoints.Trace208) private _weights;
    Checkpoints.Trace208 private _totalWeights;
    mapping(uint32 operatorId => Checkpoints.Trace160) private _payouts;
    mapping(uint32 operatorId => mapping(bytes32 node => Intervals.Interval[])) private _nodes;

    /// @inheritdoc IOperatorRegistry
    function operatorCount(uint64 epoch) public view returns (uint32) {
        return uint32(_counts.upperLookupRecent(_key(epoch)));
    }

    /// @inheritdoc IOperatorRegistry
    function bondAt(uint32 operatorId, uint64 epoch) external view returns (uint256) {
        return _weights[operatorId].upperLookupRecent(_key(epoch)) >> CAPACITY_BITS;
    }

    /// @inheritdoc IOperatorRegistry
    function capacityAt(uint32 operatorId, uint64 epoch) external view returns (uint256) {
        return uint80(_weights[operatorId].upperLookupRecent(_key(epoch)));
    }

    /// @inheritdoc IOperatorRegistry
    function totalBondAt(uint64 epoch) external view returns (uint256) {
        return _totalWeights.upperLookupRecent(_key(epoch)) >> CAPACITY_BITS;
    }

    /// @inheritdoc IOperatorRegistry
    function totalCapacityAt(uint64 epoch) external view returns (uint256) {
        return uint80(_totalWeights.upperLookupRecent(_key(epoch)));
    }

    /// @inheritdoc IOperatorRegistry
    function payoutAt(uint32 operatorId, uint64 epoch) external view returns (address) {
        return address(_payouts[operatorId].upperLookupRecent(epoch));
    }

    /// @inheritdoc IOperatorRegistry
    function nodeOf(uint32 operatorId, bytes32 node, uint64 epoch) external view returns (bool) {
        return _nodes[operatorId][node].covers(epoch);
    }

    /// @dev One more operator is there from the epoch after `epoch` on.
    function _count(uint64 epoch, uint256 operators) internal {
        _counts.push(_key(epoch + 1), uint208(operators));
    }

    /// @dev What counts of an operator's bond and capacity from the epoch after `epoch` on, raised or lowered.
    function _weigh(uint32 operatorId, uint64 epoch, uint256 bondWei, uint256 declaredBytes) internal {
        uint256 capacityBytes = Math.min(declaredBytes, bondWei * CAPACITY_BYTES_PER_DATA / 1e18);
        uint208 weight = _pack(bondWei, capacityBytes);
        (uint208 before,) = _weights[operatorId].push(_key(epoch + 1), weight);
        uint208 sums = _totalWeights.latest();
        uint256 totalBondWei = (sums >> CAPACITY_BITS) - (before >> CAPACITY_BITS) + bondWei;
        uint256 totalCapacityBytes = uint256(uint80(sums)) - uint80(before) + capacityBytes;
        _totalWeights.push(_key(epoch + 1), _pack(totalBondWei, totalCapacityBytes));
        emit CapacityCounts(operatorId, epoch + 1, bondWei, capacityBytes);
    }

    /// @dev Where an operator is paid for `epoch`, unless it changes its mind before that is over, and for later ones.
    function _payAt(uint32 operatorId, uint64 epoch, address payout) internal {
        _payouts[operatorId].push(epoch, uint160(payout));
    }

    function _payout(uint32 operatorId) internal view returns (address) {
        return address(_payouts[operatorId].latest());
    }

    function _openNode(uint32 operatorId, bytes32 node, uint64 epoch) internal returns (bool) {
        return _nodes[operatorId][node].open(epoch);
    }

    function _closeNode(uint32 operatorId, bytes32 node, uint64 epoch) internal returns (bool) {
        return _nodes[operatorId][node].close(epoch);
    }

    function _pack(uint256 bondWei, uint256 capacityBytes) private pure returns (uint208) {
        return uint208(uint256(bondWei.toUint128()) << CAPACITY_BITS | capacityBytes.toUint80());
    }

    /// @dev Checkpoints count 48 bits of epochs; there is nothing after them.
    function _key(uint64 epoch) private pure returns (uint48) {
        return epoch < type(uint48).max ? uint48(epoch) : type(uint48).max;
    }
}
