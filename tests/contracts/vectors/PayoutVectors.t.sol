// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EntryMath} from "../../../contracts/settlement/EntryMath.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

/// @title Shared vectors of the payout rule
/// @notice The same file is made and read by `crates/rewards`; see tests/vectors/README.md.
contract PayoutVectorsTest {
    string private constant FILE = "tests/vectors/payouts.json";

    /// What an epoch's operators are paid by.
    struct Round {
        uint256 potWei;
        uint256 commonNano;
        uint256 totalBond;
        uint256 totalCapacity;
        uint256 limitBps;
    }

    function test_SharedFeesAndEdgesAreTheSame() external view {
        vm.assertGt(_forEach(this.checkEdges), 10);
    }

    function test_SharedPayoutsAreTheSame() external view {
        vm.assertGt(_forEach(this.checkPayouts), 10);
    }

    function checkEdges(string memory json, string memory path) external view {
        uint256[] memory fees = _uints(json, path, "fees_wei");
        uint256[] memory steered = _uints(json, path, "steered_nano");
        uint256 poolBps = _uint(json, path, "pool_bps");
        for (uint256 i = 0; i < fees.length; ++i) {
            vm.assertEq(EntryMath.steeredNano(fees[i], poolBps), steered[i]);
        }
        uint256[] memory payers = _uints(json, path, "edge_payers");
        uint256[] memory operators = _uints(json, path, "edge_operators");
        uint256[] memory units = _uints(json, path, "edge_units");
        uint256[] memory payerUnits = _uints(json, path, "edge_payer_units");
        uint256[] memory edges = _uints(json, path, "edges_nano");
        uint256[] memory works = new uint256[](_uints(json, path, "works_nano").length);
        uint256 work;
        for (uint256 i = 0; i < edges.length; ++i) {
            vm.assertEq(EntryMath.edgeNano(steered[payers[i]], units[i], payerUnits[i]), edges[i]);
            works[operators[i]] += edges[i];
            work += edges[i];
        }
        vm.assertEq(abi.encode(works), abi.encode(_uints(json, path, "works_nano")));
        vm.assertEq(work, _uint(json, path, "work_nano"));
        vm.assertEq(_uint(json, path, "available_nano") - work, _uint(json, path, "common_nano"));
    }

    function checkPayouts(string memory json, string memory path) external view {
        Round memory round = Round({
            potWei: _uint(json, path, "pot_wei"),
            commonNano: _uint(json, path, "common_nano"),
            totalBond: _uint(json, path, "total_bond_wei"),
            totalCapacity: _uint(json, path, "total_capacity_bytes"),
            limitBps: _uint(json, path, "pool_limit_bps")
        });
        uint256[] memory works = _uints(json, path, "works_nano");
        uint256 distributed;
        for (uint256 id = 0; id < works.length; ++id) {
            distributed += _checkOperator(json, path, id, works[id], round);
        }
        vm.assertEq(distributed, _uint(json, path, "distributed_nano"));
        vm.assertEq(_uint(json, path, "available_nano") - distributed, _uint(json, path, "carried_nano"));
    }

    function _checkOperator(string memory json, string memory path, uint256 id, uint256 work, Round memory round)
        private
        view
        returns (uint256)
    {
        uint256 capacity = _uints(json, path, "capacities_bytes")[id];
        uint256 bond = _uints(json, path, "bonds_wei")[id];
        uint256 cap = EntryMath.capNano(round.potWei, capacity, round.totalCapacity);
        vm.assertEq(cap, _uints(json, path, "caps_nano")[id]);
        uint256 paid = EntryMath.paidNano(work, cap);
        vm.assertEq(paid, _uints(json, path, "paid_nano")[id]);
        uint256 pool = EntryMath.poolNano(round.commonNano, bond, round.totalBond, paid, round.limitBps);
        vm.assertEq(pool, _uints(json, path, "pool_nano")[id]);
        uint256 previous = _uints(json, path, "previous_nano")[id];
        vm.assertEq(previous + paid + pool, _uints(json, path, "cumulative_nano")[id]);
        return paid + pool;
    }

    /// Calls `check` for each case and returns how many there were. A call of its own each, for a call's memory is not given back.
    function _forEach(function(string memory, string memory) external view check) private view returns (uint256 cases) {
        string memory json = vm.readFile(FILE);
        for (; vm.keyExistsJson(json, string.concat(".payouts[", vm.toString(cases), "]")); ++cases) {
            check(json, string.concat(".payouts[", vm.toString(cases), "]."));
        }
    }

    function _uint(string memory json, string memory path, string memory key) private pure returns (uint256) {
        return vm.parseJsonUint(json, string.concat(path, key));
    }

    function _uints(string memory json, string memory path, string memory key) private pure returns (uint256[] memory) {
        return vm.parseJsonUintArray(json, string.concat(path, key));
    }
}
