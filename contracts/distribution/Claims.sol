// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IDistributor} from "../interfaces/IDistributor.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {MerkleSum} from "../libraries/MerkleSum.sol";

/// @title Claims
/// @notice Pays operators from the finalized root, the one slot that a claim reads besides its own. Amounts are cumulative,
/// so nobody can lose a claim by waiting, and a claim by a third party takes nothing away: it pays the same address.
/// @dev No guard against reentrancy is needed: an amount is booked before it is sent, and a refused one is taken off what is
/// booked then, so that at any moment the booked amount is what was sent and what is about to be.
abstract contract Claims is IDistributor {
    using SafeERC20 for IERC20;

    IERC20 internal immutable TOKEN;

    /// @inheritdoc ISettlement
    bytes32 public finalizedRoot;

    /// @dev Claimed nano of four neighbours, 64 bits each, the lowest id in the lowest bits.
    struct Lanes {
        uint256 word;
    }

    mapping(uint256 group => Lanes) private _claimed;

    uint256 internal constant WEI_PER_NANO = 1e9;
    uint256 private constant LANE_MASK = type(uint64).max;

    constructor(IERC20 token_) {
        TOKEN = token_;
    }

    /// @inheritdoc IDistributor
    function claim(bytes32 entry, bytes32[] calldata proof) external {
        _claim(entry, proof, MerkleSum.payoutOf(entry));
    }

    /// @inheritdoc IDistributor
    function claimTo(bytes32 entry, bytes32[] calldata proof, address recipient) external {
        if (msg.sender != MerkleSum.payoutOf(entry)) revert CallerNotPayout(msg.sender);
        _claim(entry, proof, recipient);
    }

    /// @inheritdoc IDistributor
    function claimRange(bytes32[] calldata entries, bytes32[] calldata boundary, uint256 depth) external {
        // Check: the whole run stands in the tree.
        if (!MerkleSum.verifyRange(finalizedRoot, entries, boundary, depth)) revert ProofInvalid();

        // Effect and interaction, group by group. Nothing can wrap: places have 32 bits, and calldata is shorter still.
        uint256 first = MerkleSum.operatorIdOf(entries[0]);
        unchecked {
            uint256 group = first >> 2;
            uint256[] memory paidLanes = new uint256[](((first + entries.length - 1) >> 2) - group + 1);
            (uint256 next, uint256 end) = _bounds(entries);
            uint256 lane = _laneOf(first);
            for (uint256 i = 0; i < paidLanes.length; ++i) {
                // 32 bytes of calldata for each 64 bits of the slot.
                uint256 beyond = next + 128 - (lane >> 1);
                if (beyond > end) beyond = end;
                paidLanes[i] = _claimGroup(_claimed[group + i], lane, next, beyond);
                (next, lane) = (beyond, 0);
            }
            emit RangeClaimed(uint32(first), paidLanes);
        }
    }

    /// @inheritdoc IDistributor
    function claimedNano(uint32 operatorId) external view returns (uint64) {
        return uint64(_claimed[operatorId >> 2].word >> _laneOf(operatorId));
    }

    function _claim(bytes32 entry, bytes32[] calldata proof, address recipient) private {
        // Check: the entry is in the tree and promises more than was claimed.
        if (!MerkleSum.verify(finalizedRoot, entry, proof)) revert ProofInvalid();
        uint256 operatorId = MerkleSum.operatorIdOf(entry);
        Lanes storage lanes = _claimed[operatorId >> 2];
        uint256 booked = lanes.word;
        uint256 lane = _laneOf(operatorId);
        uint256 nano = MerkleSum.nanoOf(entry);
        uint256 claimed = (booked >> lane) & LANE_MASK;
        if (nano <= claimed) revert NothingToClaim(uint32(operatorId));

        unchecked {
            // Effect: it is claimed. The lane becomes `nano`, 64 bits, so nothing carries into the next one.
            uint256 amountNano = nano - claimed;
            lanes.word = booked + (amountNano << lane);
            emit Claimed(uint32(operatorId), recipient, uint64(amountNano));

            // Interaction: pay, or undo everything. The product has at most 94 bits.
            TOKEN.safeTransfer(recipient, amountNano * WEI_PER_NANO);
        }
    }

    /// @dev Claims for the entries in calldata from `next` to `beyond` (at least one), whose lanes start at bit `lane` of one
    /// slot. The slot is written before any of them is paid. Returns what was paid, each in its lane.
    function _claimGroup(Lanes storage lanes, uint256 lane, uint256 next, uint256 beyond)
        private
        returns (uint256 paid)
    {
        unchecked {
            uint256 booked = lanes.word;
            uint256 due = _due(lane, next, beyond, booked);
            if (due == 0) return 0;
            // A lane becomes its entry's amount, 64 bits, so nothing carries into the next one.
            lanes.word = booked + due;
            uint256 refused = _pay(lane, next, beyond, due);
            if (refused != 0) lanes.word -= refused;
            return due - refused;
        }
    }

    /// @dev What the entries promise beyond what is booked, each in its lane.
    function _due(uint256 lane, uint256 next, uint256 beyond, uint256 booked) private pure returns (uint256 due) {
        assembly ("memory-safe") {
            for {} 1 {} {
                let nano := and(calldataload(next), 0xffffffffffffffff)
                let claimed := and(shr(lane, booked), 0xffffffffffffffff)
                if gt(nano, claimed) { due := or(due, shl(lane, sub(nano, claimed))) }
                lane := add(lane, 64)
                next := add(next, 32)
                if eq(next, beyond) { break }
            }
        }
    }

    /// @dev Sends each due lane to its entry's payout address; returns the lanes that the token refused. The same as SafeERC20's
    /// `trySafeTransfer` for each, in one loop: a transfer is taken if the call succeeds and returns true, or nothing where
    /// there is code.
    function _pay(uint256 lane, uint256 next, uint256 beyond, uint256 due) private returns (uint256 refused) {
        IERC20 token_ = TOKEN;
        bytes4 selector = IERC20.transfer.selector;
        uint256 weiPerNano = WEI_PER_NANO;
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            for {} 1 {} {
                let amountNano := and(shr(lane, due), 0xffffffffffffffff)
                if amountNano {
                    // transfer(payout, wei): each word overlaps what the one before it wrote too far.
                    mstore(0x00, selector)
                    mstore(0x10, shl(32, calldataload(next)))
                    mstore(0x24, mul(amountNano, weiPerNano))
                    let taken := call(gas(), token_, 0, 0x00, 0x44, 0x00, 0x20)
                    if iszero(and(taken, eq(mload(0x00), 1))) {
                        taken := and(taken, and(iszero(returndatasize()), iszero(iszero(extcodesize(token_)))))
                        if iszero(taken) { refused := or(refused, shl(lane, amountNano)) }
                    }
                }
                lane := add(lane, 64)
                next := add(next, 32)
                if eq(next, beyond) { break }
            }
            // The second argument lay over the free pointer.
            mstore(0x40, pointer)
        }
    }

    /// @dev Where the entries begin and end in calldata.
    function _bounds(bytes32[] calldata entries) private pure returns (uint256 start, uint256 end) {
        assembly ("memory-safe") {
            start := entries.offset
            end := add(start, shl(5, entries.length))
        }
    }

    function _laneOf(uint256 operatorId) private pure returns (uint256) {
        return (operatorId & 3) << 6;
    }
}
