// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IDelegationFactory} from "../interfaces/IDelegationFactory.sol";
import {IDelegationPool} from "../interfaces/IDelegationPool.sol";
import {IOperatorRegistry} from "../interfaces/IOperatorRegistry.sol";
import {IStakePool} from "../interfaces/IStakePool.sol";
import {DelegationPool} from "./DelegationPool.sol";

/// @title Makes pools of delegators
/// @notice See IDelegationFactory.
/// @dev Nobody owns it. The clones' code cannot be changed: they name one implementation for good.
contract DelegationFactory is IDelegationFactory {
    IOperatorRegistry private immutable REGISTRY;

    /// @notice What every pool runs.
    address public immutable implementation;

    constructor(IERC20 token, IOperatorRegistry registry, IStakePool stakePool) {
        REGISTRY = registry;
        implementation = address(new DelegationPool(token, registry, stakePool));
    }

    /// @inheritdoc IDelegationFactory
    function create(uint32 operatorId, uint16 cutBps) external returns (address pool) {
        // Check: it is the caller's operator.
        if (REGISTRY.operatorAt(operatorId).owner != msg.sender) revert CallerNotOperatorOwner(msg.sender);

        // Effect and interaction: there is none yet, or this fails; the pool takes the operator over.
        pool = Clones.cloneDeterministic(implementation, bytes32(uint256(operatorId)));
        IDelegationPool(pool).initialize(operatorId, msg.sender, cutBps);
    }

    /// @inheritdoc IDelegationFactory
    function poolOf(uint32 operatorId) public view returns (address pool) {
        return Clones.predictDeterministicAddress(implementation, bytes32(uint256(operatorId)));
    }

    /// @inheritdoc IDelegationFactory
    function isCreated(uint32 operatorId) external view returns (bool) {
        return poolOf(operatorId).code.length != 0;
    }
}
