// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {ChannelHub} from "../../contracts/channels/ChannelHub.sol";
import {DelegationFactory} from "../../contracts/delegation/DelegationFactory.sol";
import {Distributor} from "../../contracts/distribution/Distributor.sol";
import {IOperatorFacts} from "../../contracts/interfaces/IOperatorFacts.sol";
import {IOperatorRegistry} from "../../contracts/interfaces/IOperatorRegistry.sol";
import {IPoolFacts} from "../../contracts/interfaces/IPoolFacts.sol";
import {ISettlement} from "../../contracts/interfaces/ISettlement.sol";
import {IStakePool} from "../../contracts/interfaces/IStakePool.sol";
import {OperatorRegistry} from "../../contracts/operators/OperatorRegistry.sol";
import {Assents} from "../../contracts/settlement/Assents.sol";
import {Demands} from "../../contracts/settlement/Demands.sol";
import {Disproofs} from "../../contracts/settlement/Disproofs.sol";
import {ForcedReceipts} from "../../contracts/settlement/ForcedReceipts.sol";
import {Proposals} from "../../contracts/settlement/Proposals.sol";
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
/// single parameters: TATUM_TOKEN, TATUM_GENESIS, TATUM_EPOCH_LENGTH, TATUM_UNBONDING_EPOCHS, TATUM_GRACE, TATUM_FORCE, TATUM_SETTLE,
/// TATUM_CHALLENGE_WINDOW, TATUM_ANSWER_WINDOW, TATUM_FOLLOW, TATUM_TIMELOCK_PROPOSER, TATUM_DEPLOYMENT (the file to write).
contract Deploy {
    using SafeCast for uint256;

    struct Deployed {
        address token;
        StakePool stakePool;
        OperatorRegistry registry;
        ForcedReceipts forcedReceipts;
        Assents assents;
        Disproofs disproofs;
        Demands demands;
        Distributor distributor;
        ChannelHub channelHub;
        DelegationFactory delegationFactory;
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
        deployed.genesis = vm.envOr("TATUM_GENESIS", _parameter(".genesis")).toUint64();
        if (deployed.genesis == 0) deployed.genesis = uint64(block.timestamp);
        deployed.epochLength = vm.envOr("TATUM_EPOCH_LENGTH", _parameter(".epochLength")).toUint64();
        // These contracts name each other for good, so the later ones' addresses are computed first.
        uint64 nonce = vm.getNonce(deployer);
        address registry = vm.computeCreateAddress(deployer, nonce + 1);
        address distributor = vm.computeCreateAddress(deployer, nonce + 6);
        deployed.stakePool = new StakePool(_poolParameters(deployed, distributor, registry));
        deployed.registry = new OperatorRegistry(
            IERC20(deployed.token),
            IStakePool(deployed.stakePool),
            _parameter(".minimumBondWei"),
            _parameter(".answerEpochs").toUint64(),
            deployed.timelock,
            new address[](0)
        );
        _deploySettlement(deployed, ISettlement(distributor));
        deployed.channelHub = new ChannelHub(
            IERC20(deployed.token),
            IOperatorRegistry(address(deployed.registry)),
            IPoolFacts(address(deployed.stakePool))
        );
        deployed.delegationFactory = new DelegationFactory(
            IERC20(deployed.token),
            IOperatorRegistry(address(deployed.registry)),
            IStakePool(address(deployed.stakePool))
        );
        require(address(deployed.registry) == registry, "the registry is not where the pool expects it");
        require(address(deployed.distributor) == distributor, "the distributor is not where the pool expects it");
    }

    /// @dev What a distribution is judged by and with, and last the distributor itself.
    function _deploySettlement(Deployed memory deployed, ISettlement distributor) private {
        ISettlement.Windows memory windows = _windows();
        IPoolFacts pool = IPoolFacts(address(deployed.stakePool));
        IOperatorFacts operators = IOperatorFacts(address(deployed.registry));
        deployed.forcedReceipts = new ForcedReceipts(pool, windows);
        deployed.assents = new Assents(pool, address(deployed.registry), windows);
        deployed.disproofs = new Disproofs(distributor, pool, operators, deployed.forcedReceipts);
        deployed.demands = new Demands(distributor, operators, windows);
        deployed.distributor = new Distributor(_distributorParameters(deployed, windows));
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

    function _distributorParameters(Deployed memory deployed, ISettlement.Windows memory windows)
        private
        view
        returns (Proposals.Parameters memory)
    {
        return Proposals.Parameters({
            token: IERC20(deployed.token),
            pool: IPoolFacts(address(deployed.stakePool)),
            operators: IOperatorFacts(address(deployed.registry)),
            forced: deployed.forcedReceipts,
            assents: deployed.assents,
            disproofs: address(deployed.disproofs),
            demands: address(deployed.demands),
            baseBondWei: _parameter(".baseBondWei").toUint96(),
            bondPerReceiptWei: _parameter(".bondPerReceiptWei").toUint64(),
            windows: windows,
            guardian: vm.parseJsonAddress(_parameters, ".guardian"),
            vetoes: _parameter(".vetoes").toUint32(),
            guardianUntil: _parameter(".guardianUntil").toUint64()
        });
    }

    function _windows() private view returns (ISettlement.Windows memory) {
        return ISettlement.Windows({
            grace: vm.envOr("TATUM_GRACE", _parameter(".windows.grace")).toUint64(),
            force: vm.envOr("TATUM_FORCE", _parameter(".windows.force")).toUint64(),
            settle: vm.envOr("TATUM_SETTLE", _parameter(".windows.settle")).toUint64(),
            challenge: vm.envOr("TATUM_CHALLENGE_WINDOW", _parameter(".windows.challenge")).toUint64(),
            answer: vm.envOr("TATUM_ANSWER_WINDOW", _parameter(".windows.answer")).toUint64(),
            follow: vm.envOr("TATUM_FOLLOW", _parameter(".windows.follow")).toUint64()
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
        vm.serializeAddress(object, "assents", address(deployed.assents));
        vm.serializeAddress(object, "forcedReceipts", address(deployed.forcedReceipts));
        vm.serializeAddress(object, "disproofs", address(deployed.disproofs));
        vm.serializeAddress(object, "demands", address(deployed.demands));
        vm.serializeAddress(object, "channelHub", address(deployed.channelHub));
        vm.serializeAddress(object, "delegationFactory", address(deployed.delegationFactory));
        vm.serializeAddress(object, "timelock", deployed.timelock);
        vm.serializeUint(object, "genesis", deployed.genesis);
        vm.serializeUint(object, "epochLength", deployed.epochLength);
        vm.serializeUint(object, "unbondingEpochs", deployed.stakePool.unbondingEpochs());
        vm.serializeString(object, "minimumStakeWei", vm.toString(deployed.stakePool.minimumStakeWei()));
        vm.serializeString(object, "quotaBytesPerData", vm.toString(deployed.stakePool.initialQuotaBytesPerData()));
        vm.serializeString(object, "minimumBondWei", vm.toString(deployed.registry.minimumBondWei()));
        vm.serializeString(object, "baseBondWei", vm.toString(deployed.distributor.bondWei(0, true)));
        uint256 perReceiptWei = deployed.distributor.bondWei(1, false) - deployed.distributor.bondWei(0, true);
        vm.serializeString(object, "bondPerReceiptWei", vm.toString(perReceiptWei));
        string memory json = vm.serializeString(object, "windows", _windowsJson(deployed.distributor.windows()));
        vm.createDir("deployments", true);
        string memory file = string.concat("deployments/", vm.toString(block.chainid), ".json");
        vm.writeJson(json, vm.envOr("TATUM_DEPLOYMENT", file));
    }

    /// @dev In seconds.
    function _windowsJson(ISettlement.Windows memory windows) private returns (string memory) {
        string memory object = "windows";
        vm.serializeUint(object, "grace", windows.grace);
        vm.serializeUint(object, "force", windows.force);
        vm.serializeUint(object, "settle", windows.settle);
        vm.serializeUint(object, "challenge", windows.challenge);
        vm.serializeUint(object, "answer", windows.answer);
        return vm.serializeUint(object, "follow", windows.follow);
    }
}
