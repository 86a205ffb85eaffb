// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IERC677Receiver} from "../interfaces/IERC677Receiver.sol";
import {IStakePool} from "../interfaces/IStakePool.sol";
import {Timeline} from "../libraries/Timeline.sol";
import {ExitLedger} from "./ExitLedger.sol";
import {PoolLedger} from "./PoolLedger.sol";
import {QuotaLedger} from "./QuotaLedger.sol";
import {SessionKeys} from "./SessionKeys.sol";

/// @title Stake pool
/// @notice See IStakePool. The ways in and out; the books are kept by PoolLedger, what leaves by ExitLedger, quotas by QuotaLedger, the
/// keys by SessionKeys.
/// @dev Nobody owns it: its parameters are fixed, the distributor can only be sent the pots, and what the overage contract charges
/// goes there too, but for the tenth of whoever filed it.
contract StakePool is QuotaLedger, ExitLedger, SessionKeys, IERC677Receiver {
    using SafeCast for uint256;
    using SafeERC20 for IERC20;
    using Timeline for Timeline.Line;

    /// @notice Unstake requests that one `withdraw` works off, so that nobody's own history can lock them out.
    uint256 public constant WITHDRAWALS_PER_CALL = 50;

    /// @dev Of what is charged, one part in so many is the prover's.
    uint256 private constant PROVER_PART = 10;
    uint16 private constant WHOLE_BPS = 10_000;

    IERC20 private immutable TOKEN;
    address private immutable DISTRIBUTOR;
    address private immutable OVERAGE;
    uint256 private immutable MINIMUM_STAKE_WEI;
    uint16 private immutable POOL_BPS;
    uint16 private immutable POOL_LIMIT_BPS;

    /// @notice What a deployment fixes.
    struct Parameters {
        address token;
        address distributor;
        /// Who may charge overage.
        address overage;
        uint64 genesis;
        uint64 epochLength;
        uint64 unbondingEpochs;
        uint256 minimumStakeWei;
        uint256 dustFloorWei;
        address operatorRegistry;
        uint256 initialQuotaBytesPerData;
        uint16 poolBps;
        uint16 poolLimitBps;
    }

    constructor(Parameters memory parameters)
        PoolLedger(parameters.genesis, parameters.epochLength, parameters.dustFloorWei)
        QuotaLedger(parameters.operatorRegistry, parameters.initialQuotaBytesPerData)
        ExitLedger(parameters.unbondingEpochs)
    {
        if (
            parameters.token == address(0) || parameters.distributor == address(0) || parameters.overage == address(0)
                || parameters.minimumStakeWei == 0 || parameters.poolBps > WHOLE_BPS
                || parameters.poolLimitBps > WHOLE_BPS
        ) revert PoolParameterInvalid();
        TOKEN = IERC20(parameters.token);
        DISTRIBUTOR = parameters.distributor;
        OVERAGE = parameters.overage;
        MINIMUM_STAKE_WEI = parameters.minimumStakeWei;
        POOL_BPS = parameters.poolBps;
        POOL_LIMIT_BPS = parameters.poolLimitBps;
    }

    /// @inheritdoc IStakePool
    function stake(uint256 amountWei) external {
        _stakeFrom(msg.sender, msg.sender, amountWei);
    }

    /// @inheritdoc IStakePool
    function stakeFor(address user, uint256 amountWei) external {
        _stakeFrom(msg.sender, user, amountWei);
    }

    /// @inheritdoc IStakePool
    function stakeWithPermit(uint256 amountWei, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        // A permit in the mempool can be used by anyone; if it was, the allowance is there already.
        _permit(msg.sender, amountWei, deadline, v, r, s);
        _stakeFrom(msg.sender, msg.sender, amountWei);
    }

    /// @inheritdoc IStakePool
    function stakeWithPermitOf(address owner, uint256 amountWei, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        // Check: the owner's word is spent here and now; an allowance that stands is no wish to stake. The token says why not.
        if (!_permit(owner, amountWei, deadline, v, r, s)) {
            assembly ("memory-safe") {
                let pointer := mload(0x40)
                returndatacopy(pointer, 0, returndatasize())
                revert(pointer, returndatasize())
            }
        }

        // Effect and interaction: what was permitted just now is the owner's stake.
        _stakeFrom(owner, owner, amountWei);
    }

    /// @inheritdoc IStakePool
    function onTokenTransfer(address sender, uint256 amountWei, bytes calldata data)
        external
        override(IStakePool, IERC677Receiver)
    {
        // Check: the tokens really came in, and for whom.
        if (msg.sender != address(TOKEN)) revert CallerNotToken(msg.sender);
        address user = sender;
        if (data.length == 20) {
            user = address(bytes20(data));
        } else if (data.length == 32) {
            if (uint256(bytes32(data)) >> 160 != 0) revert BeneficiaryMalformed();
            user = address(uint160(uint256(bytes32(data))));
        } else if (data.length != 0) {
            revert BeneficiaryMalformed();
        }
        _credit(user, amountWei);
    }

    /// @inheritdoc IStakePool
    function requestUnstake(uint256 amountWei) external {
        // Check: the user has it, and leaves nothing or enough.
        uint256 epoch = _closeEpochs();
        Totals memory totals = _recordOf(epoch);
        uint256 held = _heldNow(msg.sender, totals.scale);
        uint256 stakeWei = _worth(held, totals);
        uint256 shares = held;
        if (amountWei == type(uint256).max) amountWei = stakeWei;
        if (amountWei == 0) revert AmountZero();
        if (amountWei > stakeWei) revert StakeTooSmall(amountWei, stakeWei);
        if (amountWei < stakeWei) {
            if (stakeWei - amountWei < MINIMUM_STAKE_WEI) {
                revert RemainderBelowMinimum(stakeWei - amountWei, MINIMUM_STAKE_WEI);
            }
            shares = _sharesFor(amountWei, totals);
        }

        // Effect: the shares leave at the end of the epoch, after its fee.
        _exits[msg.sender].add(epoch, totals.scale, shares, Math.Rounding.Ceil);
        _book.exitingShares += shares.toUint128();
        emit UnstakeRequested(msg.sender, amountWei, shares, uint64(epoch) + UNBONDING_EPOCHS);
    }

    /// @inheritdoc IStakePool
    function withdraw() external {
        // Check: something is due.
        uint256 epoch = _closeEpochs();
        (uint256 amountWei, uint256 settled) = _due(msg.sender, epoch, WITHDRAWALS_PER_CALL);
        if (settled == _exits[msg.sender].head.settled) revert NothingToWithdraw();

        // Effect: it is settled, and what overage took of it is paid.
        _exits[msg.sender].head.settled = settled.toUint32();
        amountWei -= _payDebt(msg.sender, amountWei);
        emit Withdrawn(msg.sender, amountWei);

        // Interaction: pay.
        TOKEN.safeTransfer(msg.sender, amountWei);
    }

    /// @inheritdoc IStakePool
    function closeEpochs() external {
        _closeEpochs();
    }

    /// @inheritdoc IStakePool
    function sendPots() external {
        uint256 amountWei = _takeUnsentPots();
        emit PotsSent(amountWei);
        TOKEN.safeTransfer(DISTRIBUTOR, amountWei);
    }

    /// @inheritdoc IStakePool
    function distributionFinalized(uint64 epoch) external {
        // Check: only the distributor finalizes.
        if (msg.sender != DISTRIBUTOR) revert CallerNotDistributor(msg.sender);

        // Effect: a mark that keeps `fundedThroughWei` cheap.
        _markFunding(epoch);

        // Interaction: a token that refuses must not keep a distribution from being finalized; `sendPots` can follow.
        uint256 amountWei = _takeUnsentPots();
        if (TOKEN.trySafeTransfer(DISTRIBUTOR, amountWei)) emit PotsSent(amountWei);
        else _returnUnsentPots(amountWei);
    }

    /// @inheritdoc IStakePool
    function chargeOverage(address user, uint64 epoch, uint256 billWei, address prover)
        external
        returns (uint256 chargedWei)
    {
        // Check: the one contract that shows overage.
        if (msg.sender != OVERAGE) revert CallerNotOverage(msg.sender);

        // Effect: the user has that much less, and the running epoch's pot has it.
        uint256 running = _closeEpochs();
        chargedWei = _charge(user, epoch, running, billWei);
        uint256 proverWei = chargedWei / PROVER_PART;
        _addToPot(running, chargedWei - proverWei);

        // Interaction: the rest is whoever's that filed it.
        TOKEN.safeTransfer(prover, proverWei);
    }

    /// @inheritdoc IStakePool
    function minimumStakeWei() external view returns (uint256) {
        return MINIMUM_STAKE_WEI;
    }

    /// @inheritdoc IStakePool
    function poolBps() external view returns (uint16) {
        return POOL_BPS;
    }

    /// @inheritdoc IStakePool
    function poolLimitBps() external view returns (uint16) {
        return POOL_LIMIT_BPS;
    }

    /// @notice The token that is staked.
    function token() external view returns (address) {
        return address(TOKEN);
    }

    /// @notice Where the pots go.
    function distributor() external view returns (address) {
        return DISTRIBUTOR;
    }

    /// @notice Who may charge overage.
    function overage() external view returns (address) {
        return OVERAGE;
    }

    /// @dev `payer` is the caller, or who permitted it in this very call.
    function _stakeFrom(address payer, address user, uint256 amountWei) private {
        _credit(user, amountWei);
        // Interaction: the payer pays; without its tokens everything above is undone.
        TOKEN.safeTransferFrom(payer, address(this), amountWei);
    }

    /// @dev Hands `owner`'s permit to the token; false if that refuses it, which changes nothing. By Solidity's own calls the pool's code
    /// would be longer than EIP-170 allows.
    function _permit(address owner, uint256 amountWei, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        private
        returns (bool taken)
    {
        address token_ = address(TOKEN);
        bytes4 selector = IERC20Permit.permit.selector;
        assembly ("memory-safe") {
            // permit(owner, this, amount, deadline, v, r, s), beyond what is used of memory. Each word was checked to be one of its type.
            let pointer := mload(0x40)
            mstore(pointer, selector)
            mstore(add(pointer, 0x04), owner)
            mstore(add(pointer, 0x24), address())
            mstore(add(pointer, 0x44), amountWei)
            mstore(add(pointer, 0x64), deadline)
            mstore(add(pointer, 0x84), v)
            mstore(add(pointer, 0xa4), r)
            mstore(add(pointer, 0xc4), s)
            taken := call(gas(), token_, 0, pointer, 0xe4, 0, 0)
        }
    }

    function _credit(address user, uint256 amountWei) private {
        // Check: somebody gets at least the minimum and a share.
        if (user == address(0)) revert BeneficiaryZero();
        uint256 epoch = _closeEpochs();
        Totals memory totals = _recordOf(epoch);
        uint256 shares = totals.totalShares == 0 ? amountWei : amountWei * totals.totalShares / totals.totalWei;
        if (shares == 0) revert NothingMinted();
        if (amountWei < MINIMUM_STAKE_WEI) _checkMinimum(user, amountWei, totals);

        // Effect: totals and the user's line grow.
        totals.totalWei = SafeCast.toUint96(totals.totalWei + amountWei);
        totals.totalShares = SafeCast.toUint128(totals.totalShares + shares);
        _keep(epoch, totals);
        _added[user].add(epoch, totals.scale, shares, Math.Rounding.Floor);
        emit Staked(user, amountWei, shares);
    }

    /// @dev A small amount may only top up.
    function _checkMinimum(address user, uint256 amountWei, Totals memory totals) private view {
        uint256 stakeWei = _worth(_heldNow(user, totals.scale), totals) + amountWei;
        if (stakeWei < MINIMUM_STAKE_WEI) revert StakeBelowMinimum(stakeWei, MINIMUM_STAKE_WEI);
    }
}
