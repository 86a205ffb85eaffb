// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Deploy} from "../../../scripts/deploy/Deploy.s.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

/// @title What the deployment refuses
contract DeployTest {
    /// As it lies there, the file names neither the token nor who may act through the timelock.
    function test_RevertWhen_MainnetParametersAreNotFilledIn() external {
        vm.setEnv("TATUM_PARAMETERS", "scripts/deploy/parameters/mainnet.json");
        vm.setEnv("TATUM_PRIVATE_KEY", "7");
        Deploy deploy = new Deploy();
        vm.expectRevert(
            bytes("name the token (TATUM_TOKEN, or token in the parameters), or give tokenSupplyWei for a new one")
        );
        deploy.run();
        vm.stopBroadcast();
        vm.setEnv("TATUM_TOKEN", "0x00000000000000000000000000000000000000aa");
        vm.expectRevert(bytes("there is no contract at the token's address"));
        deploy.run();
        vm.stopBroadcast();
        vm.etch(address(0xaa), hex"00");
        vm.expectRevert(bytes("a timelock needs a timelockProposer, or it can never act"));
        deploy.run();
        vm.stopBroadcast();
    }

    /// The workshop's starting point is one file away: everything to the pool, without a limit, and nothing else.
    function test_TheWorkshopDiffersInThePoolAlone() external view {
        string memory local = vm.readFile("scripts/deploy/parameters/local.json");
        string memory workshop = vm.readFile("scripts/deploy/parameters/workshop.json");
        string[16] memory same = [
            ".tokenSupplyWei",
            ".genesis",
            ".epochLength",
            ".unbondingEpochs",
            ".minimumStakeWei",
            ".dustFloorWei",
            ".quotaBytesPerData",
            ".minimumBondWei",
            ".answerEpochs",
            ".baseBondWei",
            ".bondPerReceiptWei",
            ".windows.challenge",
            ".windows.answer",
            ".vetoes",
            ".guardianUntil",
            ".timelockDelay"
        ];
        for (uint256 i = 0; i < same.length; ++i) {
            vm.assertEq(vm.parseJsonUint(workshop, same[i]), vm.parseJsonUint(local, same[i]));
        }
        vm.assertEq(vm.parseJsonUint(workshop, ".poolBps"), 10_000);
        vm.assertEq(vm.parseJsonUint(workshop, ".poolLimitBps"), 0);
    }
}
