// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IERC677Receiver} from "../interfaces/IERC677Receiver.sol";
import {ISponsorVault} from "../interfaces/ISponsorVault.sol";
import {IStakePool} from "../interfaces/IStakePool.sol";
import {SponsorQueue} from "./SponsorQueue.sol";

/// @title A vault that pays for somebody's streams
/// @notice See ISponsorVault. The ways in and out, and the shares; SponsorQueue keeps what was asked back from the pool. What shares stand for
/// is the vault's stake, what lies here to be staked, and what was asked back for them:
///
///     worth = shares · (stake + idle + rest + 1) / (all shares + 1e9), floored; a first wei is 1e9 shares
///
/// The shares that are nobody's make whoever raises the price of few shares, to keep others out or to take their rounding, lose nearly all
/// that it costs. What flooring leaves is the others'.
/// @dev Nobody owns it. What comes back from the pool is told by the balance, so a token that calls back is kept out by a guard.
contract SponsorVault is SponsorQueue, IERC677Receiver {
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    /// @dev The smallest amount that somebody sponsors.
    uint256 private constant LEAST_WEI = 1e17;
    /// @dev One part of so many is the most that a sponsor loses by rounding.
    uint256 private constant COARSE_PARTS = 1e6;
    /// @dev Shares of the first wei; and those that are nobody's.
    uint256 private constant SHARES_PER_WEI = 1e9;
    /// @dev Shares that stand for less than so much together are void.
    uint256 private constant DUST_WEI = 1e9;

    address private immutable FACTORY;

    /// @dev One slot: all that a sponsor changes beside its own shares.
    struct Books {
        uint160 shares;
        uint96 idleWei;
    }

    Books private _books;
    /// @inheritdoc ISponsorVault
    address public streamOwner;
    /// @inheritdoc ISponsorVault
    uint64 public endEpoch;
    /// @dev How often shares became void.
    uint32 private _round;
    /// @inheritdoc ISponsorVault
    bytes32 public streams;
    mapping(uint32 round => mapping(address account => uint256)) private _shares;

    constructor(IERC20 token, IStakePool pool) SponsorQueue(token, pool) {
        FACTORY = msg.sender;
    }

    /// @inheritdoc ISponsorVault
    function initialize(address streamOwner_, bytes32 streams_, uint64 endEpoch_) external {
        if (msg.sender != FACTORY) revert CallerNotFactory(msg.sender);
        (streamOwner, streams, endEpoch) = (streamOwner_, streams_, endEpoch_);
        emit VaultCreated(streamOwner_, streams_, endEpoch_);
        // The pool takes tokens of nobody but who calls it.
        TOKEN.forceApprove(address(POOL), type(uint256).max);
    }

    /// @inheritdoc ISponsorVault
    function sponsor(uint256 amountWei, uint256 minSharesOut) external nonReentrant returns (uint256 shares) {
        return _sponsorFrom(amountWei, minSharesOut);
    }

    /// @inheritdoc ISponsorVault
    function sponsorWithPermit(uint256 amountWei, uint256 minSharesOut, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
        returns (uint256 shares)
    {
        // A permit in the mempool can be used by anyone; if it was, the allowance is there already.
        try IERC20Permit(address(TOKEN)).permit(msg.sender, address(this), amountWei, deadline, v, r, s) {} catch {}
        return _sponsorFrom(amountWei, minSharesOut);
    }

    /// @inheritdoc ISponsorVault
    function onTokenTransfer(address sender, uint256 amountWei, bytes calldata data)
        external
        override(ISponsorVault, IERC677Receiver)
        nonReentrant
    {
        // Check: the tokens really came in, and for whom.
        if (msg.sender != address(TOKEN)) revert CallerNotToken(msg.sender);
        if (data.length == 20) sender = address(bytes20(data));
        else if (data.length != 0) revert BeneficiaryMalformed();
        _noticeLossOfRest(amountWei);
        _credit(sender, amountWei, 0);
    }

    /// @inheritdoc ISponsorVault
    function stake() external nonReentrant {
        // Check: it goes on, and something lies here.
        if (_currentEpoch() >= endEpoch) revert VaultEnded(endEpoch);
        uint256 amountWei = _takeRest() + _books.idleWei;
        if (amountWei == 0) revert NothingToStake();

        // Effect and interaction: it is the pool's.
        _books.idleWei = 0;
        emit Staked(amountWei);
        POOL.stake(amountWei);
    }

    /// @inheritdoc ISponsorVault
    function requestWithdraw(uint256 shares) external nonReentrant returns (uint64 requestId) {
        // Check: they are the caller's.
        uint256 held = _shares[_round][msg.sender];
        if (shares == type(uint256).max) shares = held;
        if (shares == 0 || shares > held) revert SharesTooFew(held, shares);

        // Effect and interaction: of all that they stand for their part is asked for, so that who leaves and who stays pay the same fee.
        Books memory books = _books;
        uint256 all = books.shares + SHARES_PER_WEI;
        uint256 ofIdleWei = shares * books.idleWei / all;
        _shares[_round][msg.sender] = held - shares;
        books.shares -= uint160(shares);
        books.idleWei -= uint96(ofIdleWei);
        _books = books;
        requestId = _currentEpoch();
        uint256 amountWei = _lineUp(requestId, ofIdleWei, shares, all);
        emit WithdrawRequested(msg.sender, requestId, shares, amountWei);
    }

    /// @inheritdoc ISponsorVault
    function withdraw(uint64 requestId, address recipient) external nonReentrant returns (uint256 amountWei) {
        if (recipient == address(0) || recipient == address(this)) revert RecipientInvalid(recipient);
        amountWei = _settle(requestId);
        emit Withdrawn(msg.sender, requestId, recipient, amountWei);
        TOKEN.safeTransfer(recipient, amountWei);
    }

    /// @inheritdoc ISponsorVault
    function end() external nonReentrant {
        uint64 epoch = _currentEpoch();
        if (epoch < endEpoch) revert VaultGoesOn(endEpoch);
        uint256 stakedWei = POOL.stakeOf(address(this));
        emit Ended(stakedWei);
        _askForAll(epoch, stakedWei);
    }

    /// @inheritdoc ISponsorVault
    function authorizeSessionKey(address key, bytes calldata signature) external {
        if (msg.sender != streamOwner) revert CallerNotStreamOwner(msg.sender);
        POOL.authorizeSessionKey(key, signature);
    }

    /// @inheritdoc ISponsorVault
    function revokeSessionKey(address key) external {
        if (msg.sender != streamOwner) revert CallerNotStreamOwner(msg.sender);
        POOL.revokeSessionKey(key);
    }

    /// @inheritdoc ISponsorVault
    function totalShares() external view returns (uint256) {
        return _books.shares;
    }

    /// @inheritdoc ISponsorVault
    function sharesOf(address account) external view returns (uint256) {
        return _shares[_round][account];
    }

    /// @inheritdoc ISponsorVault
    function totalWei() public view returns (uint256) {
        (uint256 restWei,) = _leavingOf();
        return POOL.stakeOf(address(this)) + _books.idleWei + restWei;
    }

    /// @inheritdoc ISponsorVault
    function worthOf(address account) external view returns (uint256) {
        return _priced(_shares[_round][account], _books.shares, totalWei());
    }

    /// @inheritdoc ISponsorVault
    function holdings() external view returns (uint256 stakedWei, uint256 idleWei, uint256 restWei, uint256 owedWei) {
        (restWei, owedWei) = _leavingOf();
        return (POOL.stakeOf(address(this)), _books.idleWei, restWei, owedWei);
    }

    function _sponsorFrom(uint256 amountWei, uint256 minSharesOut) private returns (uint256 shares) {
        _noticeLossOfRest(0);
        shares = _credit(msg.sender, amountWei, minSharesOut);
        // Interaction: the caller pays; without its tokens everything above is undone.
        TOKEN.safeTransferFrom(msg.sender, address(this), amountWei);
    }

    function _credit(address account, uint256 amountWei, uint256 minSharesOut) private returns (uint256 shares) {
        // Check: the vault goes on, and the amount buys what it is worth.
        if (account == address(0)) revert RecipientInvalid(account);
        if (amountWei < LEAST_WEI) revert AmountBelowMinimum(amountWei, LEAST_WEI);
        if (_currentEpoch() >= endEpoch) revert VaultEnded(endEpoch);
        uint256 allWei = totalWei();
        Books memory books = _goingOn(allWei);
        if (books.shares == 0) shares = amountWei * SHARES_PER_WEI;
        else shares = amountWei * (books.shares + SHARES_PER_WEI) / (allWei + 1);
        if (shares < minSharesOut) revert SharesBelowMinimum(shares, minSharesOut);
        uint256 worthWei = _priced(shares, books.shares + shares, allWei + amountWei);
        if (worthWei + amountWei / COARSE_PARTS < amountWei) revert SharesTooCoarse();

        // Effect: both grow.
        books.shares = (books.shares + shares).toUint160();
        books.idleWei = (books.idleWei + amountWei).toUint96();
        _books = books;
        _shares[_round][account] += shares;
        emit Sponsored(account, amountWei, shares);
    }

    /// @dev The books, without shares that stand for nothing: who comes after a bill that took all would find a share without a price.
    function _goingOn(uint256 allWei) private returns (Books memory books) {
        books = _books;
        if (books.shares == 0 || allWei >= DUST_WEI) return books;
        emit BegunAnew(books.shares);
        books.shares = 0;
        ++_round;
    }

    function _idleWei() internal view override returns (uint256) {
        return _books.idleWei;
    }

    function _currentEpoch() private view returns (uint64) {
        return POOL.currentEpoch();
    }

    function _priced(uint256 shares, uint256 allShares, uint256 allWei) private pure returns (uint256) {
        return shares * (allWei + 1) / (allShares + SHARES_PER_WEI);
    }
}
