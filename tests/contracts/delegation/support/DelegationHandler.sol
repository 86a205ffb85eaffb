// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {DelegationPool} from "../../../../contracts/delegation/DelegationPool.sol";
import {IDelegationPool} from "../../../../contracts/interfaces/IDelegationPool.sol";
import {OperatorRegistry} from "../../../../contracts/operators/OperatorRegistry.sol";
import {StakePool} from "../../../../contracts/staking/StakePool.sol";
import {DataToken} from "../../../../contracts/token/DataToken.sol";
import {vm} from "../../../../scripts/deploy/Vm.sol";

/// @title Delegators, an owner and a slasher at random
/// @notice Moves that may not revert, and ghost state to compare the pool with. The owner is the first of five who hold shares.
contract DelegationHandler {
    uint256 public constant WHO = 5;
    uint256 private constant NANO = 1e9;
    uint256 private constant MOST_REQUESTS = 40;

    DelegationPool private immutable SHARES;
    DataToken private immutable TOKEN;
    OperatorRegistry private immutable REGISTRY;
    StakePool private immutable POOL;
    address private immutable SLASHER;
    uint32 private immutable OPERATOR;

    struct Ask {
        address controller;
        uint64 requestId;
        /// The most that it was ever worth, with what was added to it.
        uint256 worthWei;
        bool redeemed;
    }

    address[WHO] private _accounts;
    Ask[] private _asks;

    uint256 public inWei;
    uint256 public outWei;
    uint256 public slashedWei;
    /// @notice Whether a loss cut bits off shares since the pool began.
    bool public priceFellFar;
    mapping(bytes32 what => uint256) public reached;

    // What was seen last.
    uint16 private _seenCutBps;
    uint256 private _announcedBps;
    uint256 private _announcedAt;
    uint256 private _seenNano;
    uint256 private _seenShares;
    bool private _slashedSince;

    constructor(
        DelegationPool shares,
        DataToken token,
        OperatorRegistry registry,
        StakePool pool,
        address slasher,
        address[WHO] memory accounts
    ) {
        (SHARES, TOKEN, REGISTRY, POOL, SLASHER) = (shares, token, registry, pool, slasher);
        OPERATOR = shares.operatorId();
        _accounts = accounts;
        IDelegationPool.Status memory now_ = shares.status();
        inWei = now_.bondWei;
        _seenCutBps = now_.cutBps;
        observe();
    }

    // Moves.

    function delegate(uint256 who, uint256 amountWei) external {
        _delegate(who % WHO, amountWei);
        observe();
    }

    /// @dev The owner puts more in: without it nobody could, once it is at a twentieth.
    function ownMore(uint256 amountWei) external {
        _delegate(0, amountWei);
        observe();
    }

    function request(uint256 who, uint256 part) external {
        _request(who % WHO, part % 4 == 0 ? type(uint256).max : part);
        observe();
    }

    function redeem(uint256 which) external {
        if (_asks.length == 0) return;
        Ask storage ask = _asks[which % _asks.length];
        _redeem(ask);
        observe();
    }

    function transfer(uint256 from, uint256 to, uint256 part) external {
        (address sender, address receiver) = (_accounts[from % WHO], _accounts[to % WHO]);
        uint256 most = _movable(from % WHO, false);
        if (most == 0) return;
        vm.prank(sender);
        SHARES.transfer(receiver, part % (most + 1));
        _done("transfer");
        observe();
    }

    function pay(uint256 amountWei) external {
        amountWei = amountWei % 500e18;
        TOKEN.transfer(address(SHARES), amountWei);
        inWei += amountWei;
        _done("pay");
    }

    function collect() external {
        SHARES.collect();
        _done("collect");
        observe();
    }

    function rebalance() external {
        SHARES.rebalance();
        _done("rebalance");
        observe();
    }

    function gift(uint256 amountWei) external {
        amountWei = 1 + amountWei % 20e18;
        TOKEN.approve(address(REGISTRY), amountWei);
        REGISTRY.addBond(OPERATOR, uint128(amountWei));
        inWei += amountWei;
        _done("gift");
        observe();
    }

    function slash(uint256 amountWei) external {
        (uint256 bondWei, uint256 releasingWei,) = REGISTRY.holdingOf(OPERATOR);
        uint256 heldWei = bondWei + releasingWei;
        if (heldWei == 0) return;
        // Mostly a little; sometimes all, or all but a little.
        uint256 kind = amountWei % 16;
        amountWei = kind == 0 ? heldWei : kind == 1 && heldWei > 7 ? heldWei - 7 : amountWei % (heldWei / 8 + 1);
        uint64 epoch = POOL.currentEpoch();
        vm.prank(SLASHER);
        slashedWei += REGISTRY.slash(OPERATOR, amountWei, address(0xdead), epoch);
        if (kind <= 1) priceFellFar = true;
        _slashedSince = true;
        // One that is not noticed is split when it is, by what the books hold then: income that is released in between takes a little more of
        // it on itself. Anybody may have it noticed, and does where there are requests. One that cuts bits off shares would cut other bits, or
        // none, after a gift that makes up for it: two prices of different shares.
        if (_asks.length != 0 || kind <= 1) SHARES.collect();
        _done(kind == 0 ? bytes32("slashAll") : bytes32("slash"));
        observe();
    }

    function setCut(uint256 bps) external {
        IDelegationPool.Status memory now_ = SHARES.status();
        uint256 most = uint256(now_.cutBps) + 500;
        if (most > 5000) most = 5000;
        uint16 cutBps = uint16(bps % (most + 1));
        vm.prank(_accounts[0]);
        SHARES.setCut(cutBps);
        if (cutBps > now_.cutBps) (_announcedBps, _announcedAt) = (cutBps, POOL.currentEpoch());
        else _announcedBps = 0;
        _done(cutBps > now_.cutBps ? bytes32("raise") : bytes32("lower"));
        observe();
    }

    function wait(uint256 seconds_) external {
        vm.warp(block.timestamp + 1 + seconds_ % 2 days);
        _done("wait");
        observe();
    }

    /// @dev In before an income is collected, out after it.
    function skim(uint256 who, uint256 amountWei, uint256 incomeWei) external {
        who = 1 + who % (WHO - 1);
        incomeWei %= 500e18;
        uint256 before = SHARES.balanceOf(_accounts[who]);
        if (before != 0) return;
        (uint256 got, uint256 paidWei) = _delegate(who, amountWei);
        if (got == 0) return;
        TOKEN.transfer(address(SHARES), incomeWei);
        inWei += incomeWei;
        SHARES.collect();
        // The cut is floored to whole shares, of which one may be worth many nano after losses: that much of it is everybody's.
        uint256 dustWei = SHARES.convertToAssets(1) + NANO;
        require(SHARES.convertToAssets(got) <= paidWei + dustWei, "skimming brought something");
        _request(who, type(uint256).max);
        _done("skim");
        observe();
    }

    // What there was.

    function accountAt(uint256 index) external view returns (address) {
        return _accounts[index];
    }

    function askCount() external view returns (uint256) {
        return _asks.length;
    }

    function askAt(uint256 index) external view returns (Ask memory) {
        return _asks[index];
    }

    /// @dev Everybody leaves: the owner retires the operator, all ask for all that they have, wait and are paid.
    function everybodyLeaves() external {
        SHARES.collect();
        vm.prank(_accounts[0]);
        SHARES.requestExit(OPERATOR);
        // All income is released.
        vm.warp(block.timestamp + 14 days);
        for (uint256 i = 0; i < WHO; ++i) {
            _request(i, type(uint256).max);
        }
        SHARES.rebalance();
        vm.warp(block.timestamp + (uint256(SHARES.unbondingEpochs()) + 1) * 1 days);
        SHARES.rebalance();
        for (uint256 i = 0; i < _asks.length; ++i) {
            _redeem(_asks[i]);
        }
    }

    /// @dev Looks at what may only go one way, and remembers it.
    function observe() public {
        IDelegationPool.Status memory now_ = SHARES.status();
        if (now_.cutBps > _seenCutBps) {
            require(now_.cutBps == _announcedBps, "a cut rose unannounced");
            require(now_.cutBps - _seenCutBps <= 500, "a cut rose by too much");
            require(POOL.currentEpoch() > _announcedAt + SHARES.unbondingEpochs(), "a cut rose too early");
        }
        _seenCutBps = now_.cutBps;
        // nano / shares >= seen nano / seen shares
        uint256 nano = now_.activeWei / NANO;
        if (!_slashedSince && now_.shares != 0 && _seenShares != 0) {
            // A slash that is not noticed yet is split anew each time somebody comes or goes: a nano either way.
            bool kept = (nano + 2) * _seenShares >= _seenNano * now_.shares;
            require(kept, "the price of a share fell without a slash");
        }
        (_seenNano, _seenShares, _slashedSince) = (nano, now_.shares, false);
        for (uint256 i = 0; i < _asks.length; ++i) {
            Ask storage ask = _asks[i];
            if (ask.redeemed) continue;
            uint256 worthWei = SHARES.requestWorthWei(ask.requestId, ask.controller);
            // What flooring leaves behind is the others': dust, a nano for each that left.
            require(worthWei <= ask.worthWei + 2 * MOST_REQUESTS * NANO, "a request earned something");
        }
    }

    function _delegate(uint256 who, uint256 amountWei) private returns (uint256 got, uint256 paidWei) {
        amountWei = 1e18 + amountWei % 3000e18;
        if (who != 0) {
            uint256 mostWei = SHARES.maxDeposit(_accounts[who]);
            if (mostWei < 2e18) return (0, 0);
            // A nano less, for its rounding.
            if (amountWei >= mostWei) amountWei = mostWei - NANO;
        }
        uint256 worthWei = SHARES.convertToAssets(SHARES.previewDeposit(amountWei));
        // A share may be worth so much after a walk that rounding would take more than a millionth.
        if (SHARES.totalSupply() != 0 && worthWei + amountWei / 1e7 < amountWei) {
            _done("coarse");
            return (0, 0);
        }
        uint256 before = TOKEN.balanceOf(_accounts[who]);
        vm.prank(_accounts[who]);
        got = SHARES.delegate(amountWei, 0);
        paidWei = before - TOKEN.balanceOf(_accounts[who]);
        inWei += paidWei;
        _done("delegate");
    }

    function _request(uint256 who, uint256 part) private {
        SHARES.collect();
        uint256 most = _movable(who, true);
        uint256 shares = part == type(uint256).max ? most : part % (most + 1);
        if (SHARES.convertToAssets(shares) == 0) return;
        (uint256 at, bool isNew) = _place(_accounts[who]);
        if (isNew && _asks.length > MOST_REQUESTS && !SHARES.status().retired) return;
        vm.prank(_accounts[who]);
        uint64 requestId = uint64(SHARES.requestRedeem(shares, _accounts[who], _accounts[who]));
        if (isNew) _asks.push(Ask(_accounts[who], requestId, 0, false));
        _asks[at].worthWei = SHARES.requestWorthWei(requestId, _accounts[who]);
        _done("request");
    }

    /// @dev Where the account's request of this epoch is, or would be.
    function _place(address who) private view returns (uint256 at, bool isNew) {
        for (at = 0; at < _asks.length; ++at) {
            if (_asks[at].controller == who && _asks[at].requestId == POOL.currentEpoch()) return (at, false);
        }
        return (_asks.length, true);
    }

    function _redeem(Ask storage ask) private {
        if (ask.redeemed || POOL.currentEpoch() < ask.requestId + SHARES.unbondingEpochs()) return;
        uint256 worthWei = SHARES.requestWorthWei(ask.requestId, ask.controller);
        uint256 hereWei = TOKEN.balanceOf(address(SHARES)) + REGISTRY.releasedOf(OPERATOR);
        if (hereWei < worthWei) {
            _done("notFreeYet");
            return;
        }
        vm.prank(ask.controller);
        uint256 gotWei = SHARES.redeem(ask.requestId, ask.controller);
        require(gotWei == worthWei, "a request got another amount than it was worth");
        outWei += gotWei;
        ask.redeemed = true;
        _done("redeem");
    }

    /// @dev How many shares somebody may let go; the owner has to keep its part.
    function _movable(uint256 who, bool burns) private view returns (uint256) {
        IDelegationPool.Status memory now_ = SHARES.status();
        uint256 held = SHARES.balanceOf(_accounts[who]);
        if (who != 0 || now_.retired) return held;
        uint256 all = SHARES.totalSupply();
        if (held * 20 < all) return 0;
        return burns ? (held * 20 - all) / 19 : held - (all + 19) / 20;
    }

    function _done(bytes32 what) private {
        ++reached[what];
    }
}
