// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {Overage} from "../../../contracts/settlement/Overage.sol";
import {StakePool} from "../../../contracts/staking/StakePool.sol";
import {DataToken} from "../../../contracts/token/DataToken.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {PlainList} from "../settlement/support/PlainList.sol";

/// @title Payers that sign for more or less than their quotas, and who files it, at random
/// @notice Stands where the distributor does: lists become final by its word.
contract OverageHandler {
    using PlainList for PlainList.List;

    address private constant PROVER = address(0x9709);

    StakePool public pool;
    Overage public overage;
    DataToken private immutable TOKEN;
    uint256 private immutable EPOCH;
    uint256 private immutable MINIMUM;
    address[] private _payers;

    mapping(uint64 epoch => bytes32) public receiptsHashOf;
    mapping(uint64 epoch => bytes[]) private _lines;
    mapping(uint64 epoch => mapping(address payer => bool)) private _billed;
    uint64 public finalEpochs;

    /// @notice Ghost state that the invariants read.
    bool public billedTwice;
    bool public billedWithinTolerance;
    bool public chargedTooMuch;
    bool public proverGotOther;
    bool public pastChanged;
    bool public rightWasRefused;
    uint256 public inWei;
    uint256 public outWei;
    uint256 public proversWei;
    uint256 public movements;
    uint256 public filings;

    constructor(DataToken token, address[] memory payers, uint256 epoch, uint256 minimum) {
        (TOKEN, EPOCH, MINIMUM) = (token, epoch, minimum);
        _payers = payers;
    }

    function judge(StakePool pool_, Overage overage_) external {
        (pool, overage) = (pool_, overage_);
    }

    function payerCount() external view returns (uint256) {
        return _payers.length;
    }

    function payerAt(uint256 i) external view returns (address) {
        return _payers[i];
    }

    // Payers.

    function stake(uint256 who, uint256 amountWei) external {
        amountWei = MINIMUM + amountWei % 100_000e18;
        address payer = _payers[who % _payers.length];
        if (TOKEN.balanceOf(payer) < amountWei) return;
        vm.prank(payer);
        pool.stake(amountWei);
        inWei += amountWei;
        ++movements;
    }

    function unstake(uint256 who, uint256 amountWei) external {
        address payer = _payers[who % _payers.length];
        pool.closeEpochs();
        uint256 stakeWei = pool.stakeOf(payer);
        if (stakeWei == 0) return;
        bool all = amountWei % 2 == 0 || stakeWei < MINIMUM + 1;
        vm.prank(payer);
        pool.requestUnstake(all ? type(uint256).max : 1 + amountWei % (stakeWei - MINIMUM));
        ++movements;
    }

    function withdraw(uint256 who) external {
        address payer = _payers[who % _payers.length];
        (uint256 dueWei,) = pool.withdrawalsOf(payer);
        if (dueWei == 0) return;
        uint256 before = TOKEN.balanceOf(payer);
        vm.prank(payer);
        pool.withdraw();
        outWei += TOKEN.balanceOf(payer) - before;
    }

    function nextEpoch() external {
        vm.warp(block.timestamp + EPOCH);
    }

    // The settlement.

    /// @dev The next epoch's list: each payer with a quota has up to three lines, whose last has its total.
    function finalize(uint256 seed) external {
        pool.closeEpochs();
        uint64 epoch = finalEpochs;
        if (epoch >= pool.closedEpochs()) return;
        for (uint256 i = 0; i < _payers.length; ++i) {
            uint256 quota = pool.quotaOf(_payers[i], epoch);
            uint256 draw = uint256(keccak256(abi.encode(seed, i)));
            if (quota == 0 || draw % 5 == 0) continue;
            uint256 units = _units(quota, draw);
            for (uint256 line = 0; line < 1 + draw % 3; ++line) {
                uint256 total = line == draw % 3 ? units : units * line / 3;
                bytes memory key = abi.encodePacked(_payers[i], bytes24(uint192(line)), new bytes(250));
                _lines[epoch].push(abi.encodePacked(key, uint128(total), uint32(0)));
            }
        }
        receiptsHashOf[epoch] = _hashOf(_lines[epoch]);
        finalEpochs = epoch + 1;
        pool.distributionFinalized(epoch);
    }

    /// @dev Within the quota, about the tolerance's end, and far beyond.
    function _units(uint256 quota, uint256 draw) private pure returns (uint256) {
        uint256 kind = (draw >> 8) % 4;
        uint256 most = _tolerated(quota);
        if (kind == 0) return (draw >> 16) % (quota + 1);
        if (kind == 1) return most + (draw >> 16) % 3 - (most == 0 ? 0 : 1);
        if (kind == 2) return most + (draw >> 16) % (2 * quota);
        return (draw >> 16) % (1 << 70);
    }

    function _tolerated(uint256 quota) private pure returns (uint256) {
        uint256 part = quota / 20;
        return quota + part + (part < 64 << 20 ? part : 64 << 20);
    }

    function _hashOf(bytes[] memory lines) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(PlainList.build(lines).top(), uint32(lines.length)));
    }

    // Who files.

    function file(uint256 epochSeed, uint256 place) external {
        if (finalEpochs == 0) return;
        uint64 epoch = uint64(epochSeed % finalEpochs);
        bytes[] memory lines = _lines[epoch];
        if (lines.length == 0) return;
        uint256 index = 1 + place % lines.length;
        ISettlement.Gap memory gap = _gap(lines, index);
        (address payer, uint256 units) = (_payerOf(gap.left), _totalOf(gap.left));
        bool last = index == lines.length || _payerOf(gap.right) != payer;
        _tryFile(epoch, lines, gap, payer, last ? units : 0);
    }

    /// @dev `units` are zero where the line is not its payer's last.
    function _tryFile(uint64 epoch, bytes[] memory lines, ISettlement.Gap memory gap, address payer, uint256 units)
        private
    {
        pool.closeEpochs();
        Before memory was = _before(epoch, payer, units);
        bytes32 top = PlainList.build(lines).top();
        vm.prank(PROVER);
        try overage.file(epoch, top, uint32(lines.length), gap) returns (uint256 chargedWei) {
            _filed(epoch, payer, was, chargedWei);
        } catch {
            bool right = was.isBeyond && was.billWei != 0 && !_billed[epoch][payer];
            if (right && pool.stakeOf(payer) > 1) rightWasRefused = true;
        }
        if (_pastOf(epoch, payer) != was.past) pastChanged = true;
    }

    struct Before {
        uint256 hasWei;
        uint256 proverWei;
        uint256 billWei;
        bytes32 past;
        bool isBeyond;
    }

    function _before(uint64 epoch, address payer, uint256 units) private view returns (Before memory was) {
        was.hasWei = _hasWei(payer);
        was.proverWei = TOKEN.balanceOf(PROVER);
        was.billWei = overage.billWei(payer, epoch, units);
        was.past = _pastOf(epoch, payer);
        was.isBeyond = units > _tolerated(pool.quotaOf(payer, epoch));
    }

    function _filed(uint64 epoch, address payer, Before memory was, uint256 chargedWei) private {
        if (_billed[epoch][payer]) billedTwice = true;
        if (!was.isBeyond) billedWithinTolerance = true;
        uint256 sumWei = _hasWei(payer) + chargedWei;
        // Shares are whole, and stake and exits are floored one by one: a wei of each besides.
        if (chargedWei > was.billWei || sumWei > was.hasWei + 1 || sumWei + 3 < was.hasWei) chargedTooMuch = true;
        if (TOKEN.balanceOf(PROVER) - was.proverWei != chargedWei / 10) proverGotOther = true;
        proversWei += chargedWei / 10;
        _billed[epoch][payer] = true;
        ++movements;
        ++filings;
    }

    /// @dev What a bill must leave as it was.
    function _pastOf(uint64 epoch, address payer) private view returns (bytes32) {
        uint64 running = pool.currentEpoch();
        uint256 fundedWei = pool.fundedThroughWei(pool.closedEpochs() - 1);
        return keccak256(
            abi.encode(
                pool.feeOf(payer, epoch),
                pool.quotaOf(payer, epoch),
                pool.quotaOf(payer, running),
                pool.feeOf(payer, running - 1),
                fundedWei
            )
        );
    }

    function _hasWei(address payer) private view returns (uint256) {
        (uint256 dueWei, uint256 leavingWei) = pool.withdrawalsOf(payer);
        return pool.stakeOf(payer) + dueWei + leavingWei;
    }

    function _gap(bytes[] memory leaves, uint256 index) private pure returns (ISettlement.Gap memory gap) {
        PlainList.List memory list = PlainList.build(leaves);
        gap.index = uint32(index);
        if (index != 0) (gap.left, gap.leftPath) = (leaves[index - 1], list.path(index - 1));
        if (index != leaves.length) (gap.right, gap.rightPath) = (leaves[index], list.path(index));
    }

    function _payerOf(bytes memory line) private pure returns (address payer) {
        assembly ("memory-safe") {
            payer := shr(96, mload(add(line, 32)))
        }
    }

    function _totalOf(bytes memory line) private pure returns (uint256 total) {
        assembly ("memory-safe") {
            total := shr(128, mload(add(line, 326)))
        }
    }
}
