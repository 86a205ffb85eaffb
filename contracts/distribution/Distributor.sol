// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IStakePool} from "../interfaces/IStakePool.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {MerkleSum} from "../libraries/MerkleSum.sol";
import {EntryMath} from "../settlement/EntryMath.sol";
import {Proposals} from "../settlement/Proposals.sol";

/// @title Distributor
/// @notice See IDistributor. Holds the pots. Proposals are taken and judged side by side; the oldest that survives becomes the root
/// from which Claims pays.
/// @dev Nobody owns it. The guardian (an address, or nobody) can take back a bounded number of proposals until its power ends, and
/// nothing else.
contract Distributor is Proposals {
    /// @inheritdoc ISettlement
    mapping(uint64 epoch => bytes32) public receiptsHashOf;

    constructor(Parameters memory parameters) Proposals(parameters) {}

    /// @inheritdoc ISettlement
    function finalize(Proposal calldata proposal) external {
        // Check: it is open, ripe, and the oldest that is.
        Draft calldata draft = proposal.draft;
        _checkOpen(proposal);
        Progress memory progress = _progress;
        if (draft.epoch != progress.nextEpoch) revert EpochNotNext(draft.epoch, progress.nextEpoch);
        _checkRipe(proposal.counter);
        for (uint64 older = progress.before + 1; older < proposal.counter; ++older) {
            if (_isRipe(older)) revert OlderSurvives(older);
        }

        // Effect: it is the root. Later proposals are for the next epoch.
        uint256 depth = EntryMath.depthOf(OPERATORS.operatorCount(draft.epoch));
        bytes32 root = MerkleSum.rootOf(draft.entriesTop, depth);
        Record storage record = _records[proposal.counter];
        (record.state, record.proposerNano) = (State.Final, _spend(draft.epoch, proposal.availableNano));
        finalizedRoot = root;
        receiptsHashOf[draft.epoch] = keccak256(abi.encodePacked(draft.receiptsTop, draft.receiptsCount));
        (_progress.nextEpoch, _progress.before) = (draft.epoch + 1, progress.proposals);
        emit Finalized(proposal.counter, draft.epoch, root);

        // Interaction: the pool hands over the pots.
        IStakePool(address(POOL)).distributionFinalized(draft.epoch);
    }
}
