// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IDistributor} from "../interfaces/IDistributor.sol";
import {MerkleSum} from "../libraries/MerkleSum.sol";

/// @title Claims
/// @notice Pays operators from the finalized root, the one slot that a claim reads besides its own. Amounts are cumulative,
/// so nobody can lose a claim by waiting, and a claim by a third party takes nothing away: it pays the same address.
abstract contract Claims is IDistributor, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    IERC20 internal immutable TOKEN;

    /// @inheritdoc IDistributor
    bytes32 public finalizedRoot;

    /// @dev Claimed nano, four operators to a slot.
    mapping(uint256 slot => uint256) private _claimed;

    uint256 private constant WEI_PER_NANO = 1e9;
    uint256 private constant LANE_MASK = type(uint64).max;

    constructor(IERC20 token_) {
        TOKEN = token_;
    }

    /// @inheritdoc IDistributor
    function claim(bytes32 entry, bytes32[] calldata proof) external nonReentrant {
        _claim(entry, proof, MerkleSum.payoutOf(entry));
    }

    /// @inheritdoc IDistributor
    function claimTo(bytes32 entry, bytes32[] calldata proof, address recipient) external nonReentrant {
        if (msg.sender != MerkleSum.payoutOf(entry)) revert CallerNotPayout(msg.sender);
        _claim(entry, proof, recipient);
    }

    /// @inheritdoc IDistributor
    function claimRange(bytes32[] calldata entries, bytes32[] calldata boundary, uint256 depth) external nonReentrant {
        // Check: the whole run stands in the tree.
        if (!MerkleSum.verifyRange(finalizedRoot, entries, boundary, depth)) revert ProofInvalid();

        // Effect and interaction, slot by slot: a slot is written before any of its operators is paid.
        bytes memory amounts = new bytes(entries.length * 8);
        uint256 first = MerkleSum.operatorIdOf(entries[0]);
        uint256 done = 0;
        while (done < entries.length) {
            uint256 place = first + done;
            uint256 count = 4 - (place & 3);
            if (count > entries.length - done) count = entries.length - done;
            _claimSlot(entries[done:done + count], place, amounts, done);
            done += count;
        }
        emit RangeClaimed(uint32(first), amounts);
    }

    /// @inheritdoc IDistributor
    function claimedNano(uint32 operatorId) external view returns (uint64) {
        return uint64(_claimed[operatorId >> 2] >> _laneOf(operatorId));
    }

    function _claim(bytes32 entry, bytes32[] calldata proof, address recipient) private {
        // Check: the entry is in the tree and promises more than was claimed.
        if (!MerkleSum.verify(finalizedRoot, entry, proof)) revert ProofInvalid();
        uint32 operatorId = MerkleSum.operatorIdOf(entry);
        uint64 nano = MerkleSum.nanoOf(entry);
        uint256 lane = _laneOf(operatorId);
        uint256 slot = _claimed[operatorId >> 2];
        uint64 claimed = uint64(slot >> lane);
        if (nano <= claimed) revert NothingToClaim(operatorId);

        // Effect: it is claimed.
        uint64 amountNano = nano - claimed;
        _claimed[operatorId >> 2] = slot + (uint256(amountNano) << lane);
        emit Claimed(operatorId, recipient, amountNano);

        // Interaction: pay, or undo everything.
        TOKEN.safeTransfer(recipient, amountNano * WEI_PER_NANO);
    }

    /// @dev Claims for up to four neighbours whose claimed amounts share a slot, the first at `place`.
    function _claimSlot(bytes32[] calldata entries, uint256 place, bytes memory amounts, uint256 done) private {
        uint256 key = place >> 2;
        uint256 slot = _claimed[key];
        uint256 due = 0;
        for (uint256 i = 0; i < entries.length; ++i) {
            uint256 lane = _laneOf(place + i);
            uint256 nano = MerkleSum.nanoOf(entries[i]);
            uint256 claimed = (slot >> lane) & LANE_MASK;
            if (nano > claimed) due |= (nano - claimed) << lane;
        }
        if (due == 0) return;
        _claimed[key] = slot + due;

        uint256 refused = 0;
        for (uint256 i = 0; i < entries.length; ++i) {
            uint256 lane = _laneOf(place + i);
            uint256 amountNano = (due >> lane) & LANE_MASK;
            if (amountNano == 0) continue;
            if (TOKEN.trySafeTransfer(MerkleSum.payoutOf(entries[i]), amountNano * WEI_PER_NANO)) {
                _record(amounts, done + i, amountNano);
            } else {
                refused |= amountNano << lane;
            }
        }
        // Nothing else can have written the slot meanwhile: every claim is behind the same guard.
        if (refused != 0) _claimed[key] = slot + due - refused;
    }

    /// @dev Writes the 8 bytes of the `index`-th operator of a range.
    function _record(bytes memory amounts, uint256 index, uint256 amountNano) private pure {
        assembly ("memory-safe") {
            // The lane's word starts 24 bytes early; those bytes hold the amounts before it and are kept.
            let at := add(add(amounts, 8), shl(3, index))
            mstore(at, or(and(mload(at), not(0xffffffffffffffff)), amountNano))
        }
    }

    function _laneOf(uint256 operatorId) private pure returns (uint256) {
        return (operatorId & 3) << 6;
    }
}
