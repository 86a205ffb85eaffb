// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISponsorVault} from "../../../../contracts/interfaces/ISponsorVault.sol";
import {IStakePool} from "../../../../contracts/interfaces/IStakePool.sol";
import {SponsorVault} from "../../../../contracts/sponsors/SponsorVault.sol";
import {StakePool} from "../../../../contracts/staking/StakePool.sol";
import {DataToken} from "../../../../contracts/token/DataToken.sol";
import {vm} from "../../../../scripts/deploy/Vm.sol";

/// @title Sponsors at random
/// @notice Moves that may only fail for the reasons they name, and ghost state to compare the vault with: three sponsors, somebody who stakes for the
/// vault and sends it tokens unasked, overage, and a settlement that comes and stays away.
contract SponsorHandler {
    uint256 public constant WHO = 3;
    uint256 private constant PER_WEI = 1e9;

    SponsorVault private immutable VAULT;
    DataToken private immutable TOKEN;
    StakePool private immutable POOL;

    struct Ask {
        address sponsor;
        uint64 requestId;
        uint256 amountWei;
        bool withdrawn;
        /// How often a bill had taken of what was leaving.
        uint256 exitBills;
    }

    address[WHO] private _sponsors;
    Ask[] private _asks;
    uint64 private _finalEpochs;
    uint256 public inWei;
    uint256 public outWei;
    uint256 public giftedWei;
    uint256 public donatedWei;
    uint256 public billedWei;
    /// @notice How often a bill took of what was leaving.
    uint256 public exitBills;
    mapping(bytes32 what => uint256) public reached;

    /// @dev What a move leaves of a share's price, which within an epoch only bills lower, and who leaves: by the fee, if the whole
    /// stake comes back (V8).
    modifier keepsPrice(uint256 mostFallBps) {
        // A bill of what is leaving is noticed later, and takes of the rest.
        (,, uint256 restWei,) = VAULT.holdings();
        if (exitBills == 0) restWei = 0;
        (uint256 beforeWei, uint256 before) = (VAULT.totalWei() + 1, VAULT.totalShares() + PER_WEI);
        _;
        uint256 after_ = VAULT.totalShares() + PER_WEI;
        // Few shares have no price that a wei would not change.
        if (before > 1e27 && after_ > 1e27) {
            uint256 leastWei = (beforeWei - restWei) * after_ / before;
            require(VAULT.totalWei() + 10 >= leastWei - leastWei * mostFallBps / 10_000, "V8: a price fell");
        }
    }

    constructor(SponsorVault vault, DataToken token, StakePool pool, address[WHO] memory sponsors) {
        (VAULT, TOKEN, POOL, _sponsors) = (vault, token, pool, sponsors);
        _finalEpochs = pool.closedEpochs();
    }

    function sponsor(uint256 who, uint256 amountWei, bool byTransfer) external keepsPrice(0) {
        address account = _sponsors[who % WHO];
        amountWei = 1e17 + amountWei % 500e18;
        vm.prank(account);
        bool done = byTransfer
            ? _try(address(TOKEN), abi.encodeCall(TOKEN.transferAndCall, (address(VAULT), amountWei, "")))
            : _try(address(VAULT), abi.encodeCall(VAULT.sponsor, (amountWei, 0)));
        if (!done) return;
        inWei += amountWei;
        _done("sponsor");
    }

    function stake() external keepsPrice(0) {
        if (_try(address(VAULT), abi.encodeCall(VAULT.stake, ()))) _done("stake");
    }

    function request(uint256 who, uint256 part) external keepsPrice(100) {
        _request(_sponsors[who % WHO], part);
    }

    function withdraw(uint256 which) external keepsPrice(0) {
        if (_asks.length != 0) _withdraw(_asks[which % _asks.length]);
    }

    function bringIn() external keepsPrice(0) {
        VAULT.bringIn();
        _done("bringIn");
    }

    function gift(uint256 amountWei) external keepsPrice(0) {
        amountWei = 1e18 + amountWei % 5e18;
        TOKEN.approve(address(POOL), amountWei);
        POOL.stakeFor(address(VAULT), amountWei);
        giftedWei += amountWei;
        TOKEN.transfer(address(VAULT), amountWei % 7e17);
        donatedWei += amountWei % 7e17;
        _done("gift");
    }

    function bill(uint256 amountWei, uint256 epochsAgo) external {
        uint64 epoch = POOL.currentEpoch();
        epoch -= uint64(epochsAgo % (epoch < 3 ? epoch + 1 : 3));
        uint256 stakedWei = POOL.stakeOf(address(VAULT));
        amountWei = amountWei % 8 == 0 ? amountWei % 1e21 : amountWei % (stakedWei / 20 + 1);
        vm.prank(POOL.overage());
        uint256 chargedWei = POOL.chargeOverage(address(VAULT), epoch, amountWei, address(this));
        billedWei += chargedWei;
        if (chargedWei > stakedWei) {
            ++exitBills;
            _done("billOfExits");
        }
        _done("bill");
    }

    function wait(uint256 seconds_) external {
        vm.warp(block.timestamp + 1 + seconds_ % 1 days);
        _done("wait");
    }

    function settle() external {
        POOL.closeEpochs();
        uint64 closed = POOL.closedEpochs();
        if (closed <= _finalEpochs) return;
        _finalEpochs = closed;
        vm.prank(POOL.distributor());
        POOL.distributionFinalized(closed - 1);
        _done("settle");
    }

    function end() external keepsPrice(100) {
        if (_try(address(VAULT), abi.encodeCall(VAULT.end, ()))) _done("end");
    }

    function sponsorAt(uint256 index) external view returns (address) {
        return _sponsors[index];
    }

    function askCount() external view returns (uint256) {
        return _asks.length;
    }

    function askAt(uint256 index) external view returns (Ask memory) {
        return _asks[index];
    }

    function everybodyLeaves() external {
        for (uint256 i = 0; i < WHO; ++i) {
            _request(_sponsors[i], 0);
        }
        vm.warp(block.timestamp + (3 * uint256(POOL.unbondingEpochs()) + 1) * 1 days);
        for (uint256 dueWei = 1; dueWei != 0;) {
            VAULT.bringIn();
            (dueWei,) = POOL.withdrawalsOf(address(VAULT));
        }
        for (uint256 i = 0; i < _asks.length; ++i) {
            _withdraw(_asks[i]);
        }
    }

    function _request(address account, uint256 part) private {
        uint256 held = VAULT.sharesOf(account);
        uint256 shares = part % 3 == 0 ? held : part % (held + 1);
        if (shares * (VAULT.totalWei() + 1) / (VAULT.totalShares() + PER_WEI) < 1000) return;
        vm.prank(account);
        uint64 requestId = VAULT.requestWithdraw(shares);
        (uint256 amountWei,) = VAULT.requestOf(account, requestId);
        _done("request");
        for (uint256 i = 0; i < _asks.length; ++i) {
            if (_asks[i].sponsor == account && _asks[i].requestId == requestId) {
                // One that was here at once may have been withdrawn, and is a new one now.
                (_asks[i].amountWei, _asks[i].withdrawn, _asks[i].exitBills) = (amountWei, false, exitBills);
                return;
            }
        }
        _asks.push(Ask(account, requestId, amountWei, false, exitBills));
    }

    function _withdraw(Ask storage ask) private {
        if (ask.withdrawn) return;
        uint256 beforeWei = TOKEN.balanceOf(ask.sponsor);
        vm.prank(ask.sponsor);
        if (!_try(address(VAULT), abi.encodeCall(VAULT.withdraw, (ask.requestId, ask.sponsor)))) return;
        uint256 gotWei = TOKEN.balanceOf(ask.sponsor) - beforeWei;
        // After a loss, flooring moves wei between requests.
        require(gotWei <= ask.amountWei + (exitBills == 0 ? 0 : 100), "V6: a request got more than it was told");
        uint256 mostLossWei = exitBills == 0 ? 0 : 100;
        bool isBilled = exitBills != ask.exitBills;
        require(isBilled || gotWei + mostLossWei >= ask.amountWei, "V6: a request got less than it was told");
        outWei += gotWei;
        ask.withdrawn = true;
        _done("withdraw");
    }

    /// @dev Whether it was done. It may fail for what the world is like, and for nothing else.
    function _try(address target, bytes memory call) private returns (bool done) {
        bytes memory why;
        (done, why) = target.call(call);
        if (done) return true;
        bytes4 selector = bytes4(why);
        bytes4[9] memory allowed = [
            ISponsorVault.VaultEnded.selector,
            ISponsorVault.VaultGoesOn.selector,
            ISponsorVault.SharesTooCoarse.selector,
            ISponsorVault.NothingToStake.selector,
            ISponsorVault.RequestPending.selector,
            ISponsorVault.RequestUnknown.selector,
            ISponsorVault.NotFreeYet.selector,
            IStakePool.StakeBelowMinimum.selector,
            IStakePool.AmountZero.selector
        ];
        for (uint256 i = 0; i < allowed.length; ++i) {
            if (selector != allowed[i]) continue;
            _done(bytes32(selector));
            return false;
        }
        assembly ("memory-safe") {
            revert(add(why, 32), mload(why))
        }
    }

    function _done(bytes32 what) private {
        ++reached[what];
    }
}
