// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Distributor} from "../../contracts/distribution/Distributor.sol";
import {IOperatorRegistry} from "../../contracts/interfaces/IOperatorRegistry.sol";
import {IStakePool} from "../../contracts/interfaces/IStakePool.sol";
import {OperatorRegistry} from "../../contracts/operators/OperatorRegistry.sol";
import {StakePool} from "../../contracts/staking/StakePool.sol";
import {DataToken} from "../../contracts/token/DataToken.sol";
import {vm} from "./Vm.sol";

/// @title Deployment
/// @notice Deploys Tatum from one parameter file and writes `deployments/<chainId>.json`, which the CLI, the API and the
/// aggregator read. Run it with
///
///     forge script scripts/deploy/Deploy.s.sol --rpc-url <url> --broadcast
///
/// Environment: TATUM_PRIVATE_KEY (the deployer's key), TATUM_PARAMETERS (the file; local.json by default), and overrides of
/// single parameters: TATUM_TOKEN, TATUM_GENESIS, TATUM_EPOCH_LENGTH, TATUM_UNBONDING_EPOCHS, TATUM_CHALLENGE_WINDOW,
/// TATUM_ANSWER_WINDOW, TATUM_TIMELOCK_PROPOSER, TATUM_DEPLOYMENT (the file to write).
contract Deploy {
    using SafeCast for uint256;

    struct Deployed {
        address token;
        StakePool stakePool;
        OperatorRegistry registry;
        Distributor distributor;
        address timelock;
        uint64 genesis;
        uint64 epochLength;
    }

    string private _parameters;

    /// @notice Deploys, and writes what it deployed.
    function run() external returns (Deployed memory deployed) {
        _parameters = vm.readFile(vm.envOr("TATUM_PARAMETERS", string("scripts/deploy/parameters/local.json")));
        uint256 key = vm.envUint("TATUM_PRIVATE_KEY");
        uint256 deployBlock = block.number;
        vm.startBroadcast(key);
        deployed = _deploy(vm.addr(key));
        vm.stopBroadcast();
        _write(deployed, deployBlock);
    }

    function _deploy(address deployer) private returns (Deployed memory deployed) {
        deployed.token = vm.envOr("TATUM_TOKEN", vm.parseJsonAddress(_parameters, ".token"));
        if (deployed.token == address(0)) {
            uint256 supplyWei = _parameter(".tokenSupplyWei");
            require(
                supplyWei != 0,
                "name the token (TATUM_TOKEN, or token in the parameters), or give tokenSupplyWei for a new one"
            );
            deployed.token = address(new DataToken(deployer, supplyWei));
        }
        require(deployed.token.code.length != 0, "there is no contract at the token's address");
        deployed.timelock = _timelock();
        // The pool, the registry and the distributor name each other for good, so the later ones' addresses are computed first.
        uint64 nonce = vm.getNonce(deployer);
        address registry = vm.computeCreateAddress(deployer, nonce + 1);
        address distributor = vm.computeCreateAddress(deployer, nonce + 2);
        deployed.genesis = vm.envOr("TATUM_GENESIS", _parameter(".genesis")).toUint64();
        if (deployed.genesis == 0) deployed.genesis = uint64(block.timestamp);
        deployed.epochLength = vm.envOr("TATUM_EPOCH_LENGTH", _parameter(".epochLength")).toUint64();
        deployed.stakePool = new StakePool(_poolParameters(deployed, distributor, registry));
        deployed.registry = new OperatorRegistry(
            IERC20(deployed.token),
            IStakePool(deployed.stakePool),
            _parameter(".minimumBondWei"),
            _parameter(".answerEpochs").toUint64(),
            deployed.timelock,
            new address[](0)
        );
        deployed.distributor = new Distributor(_distributorParameters(deployed));
        require(address(deployed.registry) == registry, "the registry is not where the pool expects it");
        require(address(deployed.distributor) == distributor, "the distributor is not where the pool expects it");
    }

    function _timelock() private returns (address) {
        uint256 delay = _parameter(".timelockDelay");
        if (delay == 0) return address(0);
        address[] memory proposers = new address[](1);
        proposers[0] = vm.envOr("TATUM_TIMELOCK_PROPOSER", vm.parseJsonAddress(_parameters, ".timelockProposer"));
        require(proposers[0] != address(0), "a timelock needs a timelockProposer, or it can never act");
        address[] memory executors = new address[](1);
        return address(new TimelockController(delay, proposers, executors, address(0)));
    }

    function _poolParameters(Deployed memory deployed, address distributor, address registry)
        private
        view
        returns (StakePool.Parameters memory)
    {
        return StakePool.Parameters({
            token: deployed.token,
            distributor: distributor,
            genesis: deployed.genesis,
            epochLength: deployed.epochLength,
            unbondingEpochs: vm.envOr("TATUM_UNBONDING_EPOCHS", _parameter(".unbondingEpochs")).toUint64(),
            minimumStakeWei: _parameter(".minimumStakeWei"),
            dustFloorWei: _parameter(".dustFloorWei"),
            operatorRegistry: registry,
            initialQuotaBytesPerData: _parameter(".quotaBytesPerData"),
            poolBps: _parameter(".poolBps").toUint16(),
            poolLimitBps: _parameter(".poolLimitBps").toUint16()
        });
    }

    function _distributorParameters(Deployed memory deployed) private view returns (Distributor.Parameters memory) {
        return Distributor.Parameters({
            token: IERC20(deployed.token),
            stakePool: IStakePool(deployed.stakePool),
            registry: IOperatorRegistry(deployed.registry),
            proposerBondWei: _parameter(".proposerBondWei"),
            demandBondWei: _parameter(".demandBondWei"),
            challengeWindow: vm.envOr("TATUM_CHALLENGE_WINDOW", _parameter(".challengeWindow")).toUint64(),
            answerWindow: vm.envOr("TATUM_ANSWER_WINDOW", _parameter(".answerWindow")).toUint64(),
            guardian: vm.parseJsonAddress(_parameters, ".guardian"),
            maximumPause: _parameter(".maximumPause").toUint64()
        });
    }

    function _parameter(string memory path) private view returns (uint256) {
        return vm.parseJsonUint(_parameters, path);
    }

    function _write(Deployed memory deployed, uint256 deployBlock) private {
        string memory object = "deployment";
        vm.serializeUint(object, "chainId", block.chainid);
        vm.serializeUint(object, "deployBlock", deployBlock);
        vm.serializeAddress(object, "token", deployed.token);
        vm.serializeAddress(object, "stakePool", address(deployed.stakePool));
        vm.serializeAddress(object, "operatorRegistry", address(deployed.registry));
        vm.serializeAddress(object, "distributor", address(deployed.distributor));
        vm.serializeAddress(object, "bondVault", address(deployed.distributor.bondVault()));
        vm.serializeAddress(object, "timelock", deployed.timelock);
        vm.serializeUint(object, "genesis", deployed.genesis);
        vm.serializeUint(object, "epochLength", deployed.epochLength);
        vm.serializeUint(object, "unbondingEpochs", deployed.stakePool.unbondingEpochs());
        vm.serializeString(object, "minimumStakeWei", vm.toString(deployed.stakePool.minimumStakeWei()));
        vm.serializeString(object, "quotaBytesPerData", vm.toString(deployed.stakePool.initialQuotaBytesPerData()));
        vm.serializeString(object, "minimumBondWei", vm.toString(deployed.registry.minimumBondWei()));
        vm.serializeString(object, "proposerBondWei", vm.toString(deployed.distributor.proposerBondWei()));
        vm.serializeUint(object, "challengeWindow", deployed.distributor.challengeWindow());
        string memory json = vm.serializeUint(object, "answerWindow", deployed.distributor.answerWindow());
        vm.createDir("deployments", true);
        string memory file = string.concat("deployments/", vm.toString(block.chainid), ".json");
        vm.writeJson(json, vm.envOr("TATUM_DEPLOYMENT", file));
    }
}
