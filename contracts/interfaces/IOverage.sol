// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "./ISettlement.sol";

/// @title Overage
/// @notice Bills a payer whose receipts of a final epoch state more than its quota, by its own signatures: the last of its lines in the
/// final list says how much. Up to the tolerance of `Q/20 + min(64 MiB, Q/20)` nothing is billed; beyond it twice what the surplus
/// would have cost, four times everything that its receipts steered at most. Anybody may file, once for each payer and
/// epoch, and gets a tenth of what is charged.
interface IOverage {
    /// @param billWei What the rule says.
    /// @param chargedWei What of it was there.
    event OverageBilled(
        address indexed payer, uint64 indexed epoch, address indexed prover, uint256 billWei, uint256 chargedWei
    );

    /// @notice Thrown when the list is not the one of the receipts of a final epoch.
    error ListNotFinal(uint64 epoch);
    /// @notice Thrown when a payer's units are within its quota and the tolerance.
    error WithinTolerance(address payer, uint64 epoch);
    /// @notice Thrown when the overage was billed before.
    error AlreadyBilled(address payer, uint64 epoch);
    /// @notice Thrown when the payer has nothing staked, and nothing that is leaving.
    error NothingToCharge(address payer);

    /// @notice Bills the payer of the line left of the gap; right of it is another payer's, or the list's end.
    /// @param receiptsTop With `receiptsCount`, the list of receipts that became final for `epoch`.
    function file(uint64 epoch, bytes32 receiptsTop, uint32 receiptsCount, ISettlement.Gap calldata behind)
        external
        returns (uint256 chargedWei);

    /// @notice What `payer` owes if its receipts of a closed `epoch` state `units` bytes on time; nothing within the tolerance.
    function billWei(address payer, uint64 epoch, uint256 units) external view returns (uint256);
    /// @notice Whether the payer's overage of `epoch` was billed.
    function isBilled(address payer, uint64 epoch) external view returns (bool);
}
