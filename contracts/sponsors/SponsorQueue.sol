// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {ISponsorVault} from "../interfaces/ISponsorVault.sol";
import {IStakePool} from "../interfaces/IStakePool.sol";

/// @title What a vault asked back from the stake pool
/// @notice The pool gives back in the order in which it was asked. So what was asked for is a line of wei, each request knows where on it
/// it ends, and it can be paid once so much came back: nobody is paid with what another waits for, and a queue of any length
/// costs the same.
///
/// What is asked for is counted as what the pool gives back of it at least, after the running epoch's fee. Only overage can take of it
/// later (when no stake is left to take). So requests are shares of a book, too, which begins with a share for each wei:
///
///     worth = shares · leaving / all shares of the book, floored; what flooring leaves is the others'
///
/// What is missing is noticed before anybody asks or is paid: it falls on all who had asked by then, in proportion, and on nobody who asks
/// later. The line moves on by it.
/// @dev The token's whole supply fits into 96 bits of wei, its shares into 112, and millions of it into the line.
abstract contract SponsorQueue is ISponsorVault, ReentrancyGuardTransient {
    using SafeCast for uint256;

    uint256 private constant PPB = 1e9;
    /// @dev What the pool's flooring may keep of an exit: a wei of its fee, one of its shares, one of its worth.
    uint256 private constant ROUNDING_WEI = 3;
    /// @dev The pool gives back after so many unbondings, whatever became of the settlement.
    uint64 private constant LONGEST_WAIT = 3;

    IERC20 internal immutable TOKEN;
    IStakePool internal immutable POOL;
    uint256 private immutable LEAST_STAKE_WEI;
    uint256 private immutable RATE_PPB;
    uint64 internal immutable UNBONDING_EPOCHS;

    /// @dev With more shares than 2^24 to a wei of it, the book begins anew.
    uint256 private constant VOID_BITS = 24;

    /// @dev What flooring may hide of a loss, by which the line moves on, too. Nobody is paid more by it.
    uint112 private constant HIDDEN_WEI = 1e6;

    struct Queue {
        /// What was ever asked from the pool, and what of it came back or was taken.
        uint112 askedWei;
        uint112 returnedWei;
        /// How often the book began anew.
        uint32 round;
        /// What is asked for and not paid, here or in the pool, and the shares of it.
        uint96 leavingWei;
        uint128 leavingShares;
        uint32 restEpoch;
        /// Of the shares, those of the *rest*: what was asked back for the sponsors who stay, because it was too little to stay staked or
        /// because the vault has ended.
        uint128 restShares;
        uint112 restEndWei;
        /// The newest epoch in which something was asked from the pool, and what that counts as its fee: the pool tells what is asked
        /// for in the running epoch before it.
        uint32 askedEpoch;
        uint96 feeWei;
    }

    struct Request {
        uint112 shares;
        /// Where it ends on the line of what was asked from the pool; zero if it needs nothing of it.
        uint112 endWei;
        uint32 round;
    }

    Queue private _queue;
    mapping(address account => mapping(uint64 epoch => Request)) private _requests;

    constructor(IERC20 token, IStakePool pool) {
        (TOKEN, POOL) = (token, pool);
        (LEAST_STAKE_WEI, RATE_PPB) = (pool.minimumStakeWei(), pool.feeRatePpb());
        UNBONDING_EPOCHS = pool.unbondingEpochs();
    }

    /// @inheritdoc ISponsorVault
    function requestOf(address account, uint64 requestId) external view returns (uint256 amountWei, bool isHere) {
        Queue memory queue = _queue;
        Request memory request = _requests[account][requestId];
        amountWei = request.round == queue.round ? _worth(queue, request.shares) : 0;
        return (amountWei, amountWei != 0 && queue.returnedWei >= request.endWei);
    }

    /// @inheritdoc ISponsorVault
    function bringIn() external nonReentrant {
        Queue memory queue = _queue;
        _bringIn(queue);
        _queue = queue;
    }

    /// @dev Lines a request up: parts of what lies here, of the rest, and of the stake. A stake that would be too small to stay comes back as
    /// a whole; what of it is the others' is the rest.
    /// @param ofIdleWei What is not idle any more, and not in the book yet.
    /// @param part How many of all the vault's shares.
    function _lineUp(uint64 epoch, uint256 ofIdleWei, uint256 part, uint256 all) internal returns (uint256 amountWei) {
        Queue memory queue = _queue;
        _notice(queue, _hereWei() - ofIdleWei);
        Request memory request = _requests[msg.sender][epoch];
        if (request.round != queue.round) request = Request(0, 0, queue.round);

        // Effect: their part of the rest is theirs alone.
        uint256 ofRest = part * queue.restShares / all;
        queue.restShares -= uint128(ofRest);
        request.shares += ofRest.toUint112();
        if (ofRest != 0) request.endWei = uint112(Math.max(request.endWei, queue.restEndWei));

        // Effect: the others come in anew, and end where what is asked from the pool ends.
        uint256 stakedWei = POOL.stakeOf(address(this));
        uint256 ofStakeWei = part * stakedWei / all;
        uint256 comesWei = _afterFee(ofStakeWei);
        amountWei = _worth(queue, ofRest) + ofIdleWei + comesWei;
        if (amountWei == 0) revert RequestEmpty();
        request.shares += _enter(queue, ofIdleWei + comesWei).toUint112();
        queue.askedWei += comesWei.toUint112();
        if (ofStakeWei != 0) request.endWei = queue.askedWei;
        _requests[msg.sender][epoch] = request;

        // Effect and interaction: the pool gives it back, with the rest if that could not stay.
        if (ofStakeWei != 0 && stakedWei - ofStakeWei < LEAST_STAKE_WEI) {
            _askForRest(queue, epoch, stakedWei, _afterFee(stakedWei) - comesWei);
        } else {
            _noteFee(queue, epoch, ofStakeWei - comesWei);
            _queue = queue;
            if (ofStakeWei != 0) POOL.requestUnstake(ofStakeWei);
        }
    }

    /// @dev Asks for the whole stake, for those who stay.
    function _askForAll(uint64 epoch, uint256 stakedWei) internal {
        Queue memory queue = _queue;
        _notice(queue, _hereWei());
        _askForRest(queue, epoch, stakedWei, _afterFee(stakedWei));
    }

    /// @dev What the caller's request gets now. It is not a request any more then.
    function _settle(uint64 requestId) internal returns (uint256 amountWei) {
        Queue memory queue = _queue;
        Request memory request = _requests[msg.sender][requestId];
        if (request.shares == 0 || request.round != queue.round) revert RequestUnknown(requestId);
        if (!_isReturned(queue, request.endWei, requestId)) revert RequestPending(requestId + UNBONDING_EPOCHS);
        // What was missing may have voided it just now: it is worth nothing then.
        if (request.round == queue.round) amountWei = _worth(queue, request.shares);
        uint256 hereWei = _hereWei();
        if (amountWei > hereWei) revert NotFreeYet(amountWei, hereWei);
        delete _requests[msg.sender][requestId];
        if (request.round == queue.round) _leave(queue, request.shares, amountWei);
        _queue = queue;
    }

    /// @dev The rest, if it is here: it can be staked anew.
    function _takeRest() internal returns (uint256 amountWei) {
        Queue memory queue = _queue;
        if (queue.restShares == 0) return 0;
        if (_isReturned(queue, queue.restEndWei, queue.restEpoch)) {
            uint256 restWei = _worth(queue, queue.restShares);
            if (restWei <= _hereWei()) {
                amountWei = restWei;
                _leave(queue, queue.restShares, restWei);
                queue.restShares = 0;
            }
        }
        _queue = queue;
    }

    /// @dev The rest has a part in what shares stand for: a loss of it is noticed before somebody buys some.
    /// @param cameWei What came in for them already.
    function _noticeLossOfRest(uint256 cameWei) internal {
        Queue memory queue = _queue;
        if (queue.restShares == 0) return;
        _notice(queue, _hereWei() - cameWei);
        _queue = queue;
    }

    /// @dev Whether the pool gave back all up to `endWei`, or has had the longest time to.
    function _isReturned(Queue memory queue, uint256 endWei, uint64 epoch) private returns (bool) {
        if (queue.returnedWei < endWei) _bringIn(queue);
        _notice(queue, _hereWei());
        return queue.returnedWei >= endWei || POOL.currentEpoch() >= epoch + LONGEST_WAIT * UNBONDING_EPOCHS;
    }

    function _bringIn(Queue memory queue) private {
        (uint256 dueWei,) = POOL.withdrawalsOf(address(this));
        if (dueWei == 0) return;
        uint256 beforeWei = TOKEN.balanceOf(address(this));
        POOL.withdraw();
        queue.returnedWei += (TOKEN.balanceOf(address(this)) - beforeWei).toUint112();
    }

    /// @dev Notices what overage took of what is leaving.
    function _notice(Queue memory queue, uint256 thereWei) private {
        if (thereWei >= queue.leavingWei) return;
        (uint256 dueWei, uint256 unbondingWei) = POOL.withdrawalsOf(address(this));
        if (queue.askedEpoch == POOL.currentEpoch()) unbondingWei -= Math.min(unbondingWei, queue.feeWei);
        thereWei += dueWei + unbondingWei;
        if (thereWei >= queue.leavingWei) return;
        uint256 lossWei = queue.leavingWei - thereWei;
        emit LossNoticed(lossWei);
        queue.returnedWei += uint112(lossWei) + HIDDEN_WEI;
        queue.leavingWei = uint96(thereWei);
        if (queue.leavingShares <= thereWei << VOID_BITS) return;
        (queue.leavingWei, queue.leavingShares, queue.restShares) = (0, 0, 0);
        ++queue.round;
    }

    /// @dev Asks for the whole stake, of which so much is those' who stay.
    function _askForRest(Queue memory queue, uint64 epoch, uint256 stakedWei, uint256 restWei) private {
        queue.restShares += _enter(queue, restWei).toUint128();
        queue.askedWei += restWei.toUint112();
        (queue.restEndWei, queue.restEpoch) = (queue.askedWei, uint32(epoch));
        _noteFee(queue, epoch, stakedWei - _afterFee(stakedWei));
        _queue = queue;
        POOL.requestUnstake(type(uint256).max);
    }

    function _noteFee(Queue memory queue, uint64 epoch, uint256 feeWei) private pure {
        if (queue.askedEpoch != epoch) (queue.askedEpoch, queue.feeWei) = (uint32(epoch), 0);
        queue.feeWei += feeWei.toUint96();
    }

    function _enter(Queue memory queue, uint256 amountWei) private pure returns (uint256 shares) {
        shares = amountWei;
        if (queue.leavingShares != 0) shares = amountWei * queue.leavingShares / queue.leavingWei;
        queue.leavingShares += shares.toUint128();
        queue.leavingWei += amountWei.toUint96();
    }

    function _leave(Queue memory queue, uint256 shares, uint256 amountWei) private pure {
        queue.leavingShares -= uint128(shares);
        queue.leavingWei -= uint96(amountWei);
    }

    function _worth(Queue memory queue, uint256 shares) private pure returns (uint256) {
        return queue.leavingShares == 0 ? 0 : shares * queue.leavingWei / queue.leavingShares;
    }

    /// @dev What is the shares' of what is leaving, and what is others'.
    function _leavingOf() internal view returns (uint256 restWei, uint256 owedWei) {
        Queue memory queue = _queue;
        restWei = _worth(queue, queue.restShares);
        owedWei = queue.leavingWei - restWei;
    }

    /// @dev What lies here and is not idle.
    function _hereWei() private view returns (uint256) {
        return TOKEN.balanceOf(address(this)) - _idleWei();
    }

    /// @dev What the pool gives back at least of a stake that is asked back now.
    function _afterFee(uint256 amountWei) private view returns (uint256) {
        uint256 feeWei = Math.ceilDiv(amountWei * RATE_PPB, PPB) + ROUNDING_WEI;
        return amountWei > feeWei ? amountWei - feeWei : 0;
    }

    /// @dev What lies here for the shares, to be staked.
    function _idleWei() internal view virtual returns (uint256);
}
