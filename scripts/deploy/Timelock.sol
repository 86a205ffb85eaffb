// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

// Compiled so that `cargo xtask abi` finds its code: `tatum deploy` creates it where the parameters want a timelock.
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
