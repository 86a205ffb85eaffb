// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Claims} from "../distribution/Claims.sol";
import {IPoolFacts} from "../interfaces/IPoolFacts.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {MerkleSum} from "../libraries/MerkleSum.sol";

/// @title What the pots are for
///
///     part(e)      = ⌊pot(e) · proposerBps / 10 000⌋
///     left(e)      = funded(e) − what the final root promises − what proposers of final epochs got
///     available(e) = max(left(e) − part(e), work(e))
///     proposer(e)  = min(part(e), left(e) − available(e))
///
/// @dev The proposer's part gives way to work: what the common part of very many very small fees is floored to may be less, and a right
/// proposal must never be refused.
abstract contract Funding is Claims {
    using SafeCast for uint256;

    /// @dev Of all final epochs.
    struct Spent {
        uint128 fundedNano;
        uint128 proposersNano;
    }

    uint256 private constant WHOLE_BPS = 10_000;

    IPoolFacts internal immutable POOL;
    uint256 private immutable PROPOSER_BPS;

    Spent private _spent;

    constructor(IERC20 token_, IPoolFacts pool_, uint16 proposerBps_) Claims(token_) {
        // With more than the common part there would be nothing for proposers, ever, that the rule promises them.
        if (proposerBps_ > pool_.poolBps()) revert SettlementParameterInvalid();
        POOL = pool_;
        PROPOSER_BPS = proposerBps_;
    }

    /// @inheritdoc ISettlement
    function availableNano(uint64 epoch, uint64 workNano) public view returns (uint64) {
        (uint256 leftNano, uint256 partNano,) = _left(epoch);
        uint256 nano = leftNano > partNano ? leftNano - partNano : 0;
        if (nano < workNano) nano = leftNano < workNano ? leftNano : workNano;
        // Sums of the tree have 64 bits: what is funded beyond that stays.
        uint64 mostNano = type(uint64).max - MerkleSum.nanoOf(finalizedRoot);
        return nano > mostNano ? mostNano : uint64(nano);
    }

    /// @inheritdoc ISettlement
    function proposerBps() external view returns (uint16) {
        return uint16(PROPOSER_BPS);
    }

    /// @dev `epoch`, the next one, becomes final with a proposal to which so much was available; returns what its proposer gets.
    function _spend(uint64 epoch, uint64 available) internal returns (uint64 proposerNano) {
        (uint256 leftNano, uint256 partNano, Spent memory spent) = _left(epoch);
        uint256 restNano = leftNano - available;
        proposerNano = (restNano < partNano ? restNano : partNano).toUint64();
        spent.proposersNano += proposerNano;
        _spent = spent;
    }

    /// @dev What is left for the next epoch, the proposer's part of its pot, and what is spent once it is final, but for that part.
    function _left(uint64 epoch) private view returns (uint256 leftNano, uint256 partNano, Spent memory spent) {
        spent = _spent;
        uint256 fundedNano = POOL.fundedThroughWei(epoch) / WEI_PER_NANO;
        leftNano = fundedNano - MerkleSum.nanoOf(finalizedRoot) - spent.proposersNano;
        partNano = (fundedNano - spent.fundedNano) * PROPOSER_BPS / WHOLE_BPS;
        spent.fundedNano = fundedNano.toUint128();
    }
}
