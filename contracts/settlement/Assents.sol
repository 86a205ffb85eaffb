// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IAssents} from "../interfaces/IAssents.sol";
import {IOperatorFacts} from "../interfaces/IOperatorFacts.sol";
import {IOperatorRegistry} from "../interfaces/IOperatorRegistry.sol";
import {IPoolFacts} from "../interfaces/IPoolFacts.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {Calendar} from "./Calendar.sol";

/// @title Assents
/// @notice See IAssents. Who owns an operator is asked when the assent is posted and never again; its bond is that of the epoch.
contract Assents is IAssents, Calendar, EIP712 {
    /// @notice keccak256 of the EIP-712 type that operators sign.
    bytes32 public constant TYPEHASH = keccak256("Assent(uint64 epoch,uint32 round,bytes32 top,uint32 count)");

    /// @notice How long after the grace an assent holds.
    uint256 public constant LAPSE = 7 days;

    address private immutable REGISTRY;

    mapping(uint64 epoch => Assent) private _assents;

    /// @param registry The operator registry, which has the owners and the facts.
    constructor(IPoolFacts pool, address registry, ISettlement.Windows memory windows)
        Calendar(pool, windows)
        EIP712("Tatum", "1")
    {
        REGISTRY = registry;
    }

    /// @inheritdoc IAssents
    function assent(uint64 epoch, Assent calldata list, uint32[] calldata operatorIds, bytes[] calldata signatures)
        external
    {
        // Check: the epoch is over, its grace is not, and the round is newer.
        if (block.timestamp < _endOf(epoch) || block.timestamp >= _assentsUntil(epoch)) revert AssentNotInTime(epoch);
        if (list.round <= _assents[epoch].round) revert RoundNotNewer(list.round, _assents[epoch].round);

        // Check: more than half of the bond signed it.
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(TYPEHASH, epoch, list.round, list.top, list.count)));
        uint256 bondWei = _bondOf(epoch, digest, operatorIds, signatures);
        uint256 totalWei = IOperatorFacts(REGISTRY).totalBondAt(epoch);
        if (bondWei <= totalWei / 2) revert BondTooSmall(bondWei, totalWei);

        // Effect: it is the list that counts.
        _assents[epoch] = list;
        emit Assented(epoch, list.round, list.top, list.count);
    }

    /// @inheritdoc IAssents
    function assentOf(uint64 epoch) external view returns (Assent memory list) {
        Assent storage kept = _assents[epoch];
        if (kept.round != 0 && block.timestamp < _assentsUntil(epoch) + LAPSE) list = kept;
    }

    /// @dev The bond of those who signed `digest`. Ids ascend, so nobody's bond counts twice.
    function _bondOf(uint64 epoch, bytes32 digest, uint32[] calldata operatorIds, bytes[] calldata signatures)
        private
        view
        returns (uint256 bondWei)
    {
        if (operatorIds.length != signatures.length) revert SignersWrong();
        for (uint256 i = 0; i < operatorIds.length; ++i) {
            uint32 id = operatorIds[i];
            if (i != 0 && id <= operatorIds[i - 1]) revert SignersWrong();
            address owner = IOperatorRegistry(REGISTRY).operatorAt(id).owner;
            if (!SignatureChecker.isValidSignatureNow(owner, digest, signatures[i])) revert SignatureInvalid(id);
            bondWei += IOperatorFacts(REGISTRY).bondAt(id, epoch);
        }
    }
}
