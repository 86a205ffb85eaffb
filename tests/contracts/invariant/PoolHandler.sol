// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {OperatorRegistry} from "../../../contracts/operators/OperatorRegistry.sol";
import {StakePool} from "../../../contracts/staking/StakePool.sol";
import {DataToken} from "../../../contracts/token/DataToken.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Permits} from "../support/Permits.sol";

/// @title Stakers at random
/// @notice Moves that may not revert, and ghost state to compare the pool with.
contract PoolHandler {
    StakePool public immutable POOL;
    DataToken public immutable TOKEN;
    OperatorRegistry private immutable REGISTRY;
    address private immutable OPERATOR;
    uint256 private immutable MINIMUM;
    uint256 private immutable EPOCH;

    address[] public users;
    uint256[] private _keys;
    /// @notice Wei that came in from and went out to each user.
    mapping(address user => uint256) public depositedWei;
    mapping(address user => uint256) public withdrawnWei;
    /// @notice Additions and exits so far: each may strand a wei.
    uint256 public movements;
    uint256 public donatedWei;

    struct History {
        uint256 potWei;
        uint256 fundedWei;
        uint256[] feesWei;
        uint256[] quotas;
    }

    /// @notice What the pool said of an epoch right after it was closed.
    mapping(uint256 epoch => History) private _history;
    uint256 public rememberedEpochs;

    constructor(
        StakePool pool,
        DataToken token,
        OperatorRegistry registry,
        address operator,
        uint256[] memory keys,
        uint256 epoch
    ) {
        (REGISTRY, OPERATOR) = (registry, operator);
        (POOL, TOKEN, EPOCH) = (pool, token, epoch);
        MINIMUM = pool.minimumStakeWei();
        _keys = keys;
        for (uint256 i = 0; i < keys.length; ++i) {
            users.push(vm.addr(keys[i]));
        }
    }

    function stake(uint256 who, uint256 amountWei) external {
        address user = _user(who);
        amountWei = _amount(amountWei);
        if (TOKEN.balanceOf(user) < amountWei) return;
        vm.prank(user);
        POOL.stake(amountWei);
        _note(user, amountWei);
    }

    function transferAndCall(uint256 who, uint256 forWhom, uint256 amountWei, uint8 form) external {
        address payer = _user(who);
        address user = form % 3 == 0 ? payer : _user(forWhom);
        amountWei = _amount(amountWei);
        if (TOKEN.balanceOf(payer) < amountWei) return;
        bytes memory data = form % 3 == 0 ? bytes("") : form % 3 == 1 ? abi.encodePacked(user) : abi.encode(user);
        vm.prank(payer);
        TOKEN.transferAndCall(address(POOL), amountWei, data);
        _note(user, amountWei);
    }

    /// @notice Whether anybody ever staked for another by an allowance alone.
    bool public stakedByAllowance;

    /// @dev A stranger carries a user's permit, and tries to again, now that the user's allowance stands.
    function stakeWithPermitOf(uint256 who, uint256 carrier, uint256 amountWei) external {
        address user = _user(who);
        amountWei = _amount(amountWei);
        if (TOKEN.balanceOf(user) < amountWei) return;
        Permits.Signed memory permit = Permits.sign(TOKEN, _keys[who % _keys.length], address(POOL), amountWei);
        vm.prank(_user(carrier));
        POOL.stakeWithPermitOf(user, amountWei, permit.deadline, permit.v, permit.r, permit.s);
        _note(user, amountWei);
        vm.prank(user);
        TOKEN.approve(address(POOL), type(uint256).max);
        vm.prank(_user(carrier));
        try POOL.stakeWithPermitOf(user, amountWei, permit.deadline, permit.v, permit.r, permit.s) {
            stakedByAllowance = true;
        } catch {}
    }

    function topUp(uint256 who, uint256 amountWei) external {
        address user = _user(who);
        amountWei = 1 + amountWei % 1e6;
        if (POOL.stakeOf(user) < MINIMUM + 2) return;
        // So small an amount may buy no share while a share is worth more than a wei; it never is (fees only lower it), but
        // flooring may leave the price a hair above one.
        vm.prank(user);
        try POOL.stake(amountWei) {
            _note(user, amountWei);
        } catch {
            require(amountWei == 1, "more than a wei bought nothing");
        }
    }

    function unstake(uint256 who, uint256 amountWei) external {
        address user = _user(who);
        POOL.closeEpochs();
        uint256 stakeWei = POOL.stakeOf(user);
        if (stakeWei < MINIMUM + 1) return;
        amountWei = 1 + amountWei % (stakeWei - MINIMUM);
        vm.prank(user);
        POOL.requestUnstake(amountWei);
        ++movements;
        _remember();
    }

    function unstakeAll(uint256 who) external {
        address user = _user(who);
        if (POOL.stakeOf(user) == 0) return;
        vm.prank(user);
        POOL.requestUnstake(type(uint256).max);
        ++movements;
        _remember();
    }

    function withdraw(uint256 who) external {
        address user = _user(who);
        (uint256 dueWei,) = POOL.withdrawalsOf(user);
        if (dueWei == 0) return;
        uint256 before = TOKEN.balanceOf(user);
        vm.prank(user);
        POOL.withdraw();
        withdrawnWei[user] += TOKEN.balanceOf(user) - before;
        _remember();
    }

    function wait(uint256 seconds_) external {
        vm.warp(block.timestamp + seconds_ % (2 * EPOCH));
    }

    function waitLong(uint256 epochs) external {
        if (epochs % 4 != 0) return;
        vm.warp(block.timestamp + (epochs % 50) * EPOCH);
    }

    function closeEpochs() external {
        POOL.closeEpochs();
        _remember();
    }

    function sendPots() external {
        POOL.sendPots();
    }

    function finalize() external {
        if (POOL.closedEpochs() == 0) return;
        address distributor = POOL.distributor();
        uint64 newest = POOL.closedEpochs() - 1;
        if (newest < finalizedEpochs) return;
        vm.prank(distributor);
        POOL.distributionFinalized(newest);
        finalizedEpochs = newest + 1;
    }

    uint64 public finalizedEpochs;

    /// @notice What overage took of each user, and what provers got of it.
    mapping(address user => uint256) public chargedWei;
    uint256 public proversWei;
    bool public chargedTooMuch;
    bool public proverUnderpaid;

    /// @dev As the overage contract may: any bill, for any closed epoch.
    function charge(uint256 who, uint256 epoch, uint256 billWei) external {
        if (POOL.closedEpochs() == 0) return;
        address user = _user(who);
        POOL.closeEpochs();
        _remember();
        epoch %= POOL.closedEpochs();
        (uint256 dueWei, uint256 leavingWei) = POOL.withdrawalsOf(user);
        uint256 hasWei = POOL.stakeOf(user) + dueWei + leavingWei;
        billWei = 1 + billWei % (billWei % 3 == 0 ? 2 * hasWei + 1 : hasWei / 20 + 1);
        uint256 before = TOKEN.balanceOf(PROVER);
        vm.prank(POOL.overage());
        uint256 wei_ = POOL.chargeOverage(user, uint64(epoch), billWei, PROVER);
        uint256 proverWei = TOKEN.balanceOf(PROVER) - before;
        (dueWei, leavingWei) = POOL.withdrawalsOf(user);
        uint256 leftWei = POOL.stakeOf(user) + dueWei + leavingWei;
        // Shares are whole, and stake and exits are floored one by one: a wei of each besides.
        if (wei_ > billWei || leftWei + wei_ > hasWei + 1 || leftWei + wei_ + 3 < hasWei) chargedTooMuch = true;
        if (proverWei != wei_ / 10) proverUnderpaid = true;
        chargedWei[user] += wei_;
        proversWei += proverWei;
        ++movements;
    }

    address private constant PROVER = address(0x9709);

    /// @dev From nothing to a thousand times what all stakes of a walk would need.
    function declareCapacity(uint64 capacityBytes) external {
        vm.prank(OPERATOR);
        REGISTRY.declareCapacity(0, capacityBytes >> (capacityBytes % 64));
    }

    function donate(uint256 amountWei) external {
        amountWei %= 1e24;
        address user = _user(0);
        if (TOKEN.balanceOf(user) < amountWei) return;
        vm.prank(user);
        TOKEN.transfer(address(POOL), amountWei);
        donatedWei += amountWei;
    }

    /// @notice Everybody asks for everything, waits, and takes it.
    function everybodyLeaves() external {
        POOL.closeEpochs();
        for (uint256 i = 0; i < users.length; ++i) {
            if (POOL.stakeOf(users[i]) == 0) continue;
            vm.prank(users[i]);
            POOL.requestUnstake(type(uint256).max);
            ++movements;
        }
        // Without another distribution, it takes three times as long.
        vm.warp(block.timestamp + 3 * POOL.unbondingEpochs() * EPOCH);
        for (uint256 i = 0; i < users.length; ++i) {
            (uint256 dueWei,) = POOL.withdrawalsOf(users[i]);
            while (dueWei != 0) {
                vm.prank(users[i]);
                POOL.withdraw();
                (dueWei,) = POOL.withdrawalsOf(users[i]);
            }
        }
    }

    function userCount() external view returns (uint256) {
        return users.length;
    }

    function history(uint256 epoch) external view returns (History memory) {
        return _history[epoch];
    }

    function observed(uint64 epoch) public view returns (History memory seen) {
        seen.potWei = POOL.potOf(epoch);
        seen.fundedWei = POOL.fundedThroughWei(epoch);
        seen.feesWei = new uint256[](users.length);
        seen.quotas = new uint256[](users.length);
        for (uint256 i = 0; i < users.length; ++i) {
            seen.feesWei[i] = POOL.feeOf(users[i], epoch);
            seen.quotas[i] = POOL.quotaOf(users[i], epoch);
        }
    }

    function _note(address user, uint256 amountWei) private {
        depositedWei[user] += amountWei;
        ++movements;
        _remember();
    }

    /// @dev Of a long catch-up, the first two epochs and the last.
    function _remember() private {
        uint256 closed = POOL.closedEpochs();
        if (closed > rememberedEpochs + 3) {
            for (uint256 i = 0; i < 2; ++i) {
                _history[rememberedEpochs + i] = observed(uint64(rememberedEpochs + i));
            }
            rememberedEpochs = closed - 1;
        }
        for (; rememberedEpochs < closed; ++rememberedEpochs) {
            _history[rememberedEpochs] = observed(uint64(rememberedEpochs));
        }
    }

    function _user(uint256 who) private view returns (address) {
        return users[who % users.length];
    }

    function _amount(uint256 amountWei) private view returns (uint256) {
        return MINIMUM + amountWei % (amountWei % 2 == 0 ? 1_000_000e18 : 10e18);
    }
}
