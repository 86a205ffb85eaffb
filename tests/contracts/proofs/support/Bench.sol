// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Distributor} from "../../../../contracts/distribution/Distributor.sol";
import {IAssents} from "../../../../contracts/interfaces/IAssents.sol";
import {IForcedReceipts} from "../../../../contracts/interfaces/IForcedReceipts.sol";
import {IOperatorFacts} from "../../../../contracts/interfaces/IOperatorFacts.sol";
import {IPoolFacts} from "../../../../contracts/interfaces/IPoolFacts.sol";
import {ISettlement} from "../../../../contracts/interfaces/ISettlement.sol";
import {Proposals} from "../../../../contracts/settlement/Proposals.sol";
import {AnyFacts} from "./AnyFacts.sol";

/// @title What proofs are made on
/// @notice The contracts as they are deployed, over facts that may be anything.
abstract contract Bench {
    address internal constant DISPROOFS = address(0xD15);
    address internal constant DEMANDS = address(0xDE);
    address internal constant GUARDIAN = address(0x6A);
    uint96 internal constant BASE_BOND = 1000e18;
    uint64 internal constant PER_RECEIPT = 1e18;

    AnyFacts internal facts = new AnyFacts();

    function _distributor(address token) internal returns (Distributor) {
        return new Distributor(
            Proposals.Parameters({
                token: IERC20(token),
                pool: IPoolFacts(address(facts)),
                operators: IOperatorFacts(address(facts)),
                forced: IForcedReceipts(address(facts)),
                assents: IAssents(address(facts)),
                disproofs: DISPROOFS,
                demands: DEMANDS,
                baseBondWei: BASE_BOND,
                bondPerReceiptWei: PER_RECEIPT,
                // No solver found what is left beside a quotient by 10 000; `ProposerPay.t.sol` has what proposers get.
                proposerBps: 0,
                windows: _windows(),
                guardian: GUARDIAN,
                vetoes: 1,
                guardianUntil: type(uint64).max
            })
        );
    }

    function _windows() internal pure returns (ISettlement.Windows memory) {
        return ISettlement.Windows(1 hours, 1 hours, 10 minutes, 3 hours, 45 minutes, 15 minutes);
    }
}
