// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Distributor} from "../../../contracts/distribution/Distributor.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Bench} from "./support/Bench.sol";
import {TakingToken} from "./support/TakingToken.sol";

/// @title Proofs about proposals
/// @notice What is checked on the spot, for every draft, root and funds; and that a bond goes one way, for every proposal in
/// whatever state its counter is.
contract ProposalProofs is Bench {
    uint256 private constant PROGRESS_SLOT = 3;
    uint256 private constant BURNT_SLOT = 4;
    uint256 private constant COMMITMENTS_SLOT = 5;
    uint256 private constant RECORDS_SLOT = 6;

    Distributor private settlement;
    TakingToken private token;

    function setUp() public {
        token = new TakingToken();
        settlement = _distributor(address(token));
    }

    /// Nothing is proposed that promises more than there is, or takes back; and the work is part of what is there.
    function check_TheSumOnTheSpot(ISettlement.Draft calldata draft, bytes32 root, uint256 fundedWei) external {
        facts.setFunds(fundedWei, draft.forcedHash);
        vm.store(address(settlement), 0, root);
        vm.warp(1_000_000 + 2 days);
        settlement.propose(draft, "uri");
        uint256 promised = uint64(uint256(draft.entriesTop));
        uint256 before = uint64(uint256(root));
        assert(draft.epoch == 0);
        assert(promised >= before);
        assert(promised <= fundedWei / 1e9);
        assert(before + draft.workNano <= fundedWei / 1e9);
        assert((draft.receiptsCount == 0) == (draft.receiptsTop == 0));
        assert((draft.edgesCount == 0) == (draft.edgesTop == 0));
        assert(draft.edgesCount <= draft.receiptsCount);
    }

    /// A draft that keeps to this is taken.
    function check_ADraftThatKeepsToTheSumIsTaken(ISettlement.Draft calldata draft, bytes32 root, uint64 fundedNano)
        external
    {
        facts.setFunds(uint256(fundedNano) * 1e9, draft.forcedHash);
        vm.store(address(settlement), 0, root);
        vm.warp(1_000_000 + 2 days);
        uint256 promised = uint64(uint256(draft.entriesTop));
        uint256 before = uint64(uint256(root));
        vm.assume(draft.epoch == 0 && promised >= before && promised <= fundedNano);
        vm.assume(before + draft.workNano <= fundedNano);
        vm.assume((draft.receiptsCount == 0) == (draft.receiptsTop == 0));
        vm.assume((draft.edgesCount == 0) == (draft.edgesTop == 0) && draft.edgesCount <= draft.receiptsCount);
        (bool done,) = address(settlement).call(abi.encodeCall(settlement.propose, (draft, "uri")));
        assert(done);
    }

    /// Every proposal has a counter that none had before, whatever came before it, and brings its bond.
    function check_ACounterIsUsedOnce(ISettlement.Draft calldata draft, uint64 proposals) external {
        vm.assume(proposals < type(uint64).max);
        facts.setFunds(type(uint64).max, draft.forcedHash);
        vm.store(address(settlement), bytes32(PROGRESS_SLOT), bytes32(uint256(proposals) << 64));
        vm.warp(1_000_000 + 2 days);
        uint64 counter = settlement.propose(draft, "uri");
        assert(counter == proposals + 1 && settlement.proposalCount() == counter);
        assert(token.cameInWei() == BASE_BOND + uint256(draft.receiptsCount) * PER_RECEIPT);
    }

    // A bond: given back or divided, and only once. Two calls in any order, for proposals that need not be the same, under one
    // counter.

    function check_ABondReturnedIsNotReturnedAgain(
        ISettlement.Proposal calldata proposal,
        ISettlement.Proposal calldata again,
        uint256 record,
        uint40 time
    ) external {
        _prepare(proposal, again, record, time);
        settlement.withdrawBond(proposal);
        _assertReturned(proposal, record);
        assert(!_did(address(this), abi.encodeCall(settlement.withdrawBond, (again))));
    }

    function check_ABondReturnedIsNotDivided(
        ISettlement.Proposal calldata proposal,
        ISettlement.Proposal calldata again,
        uint256 record,
        uint40 time
    ) external {
        _prepare(proposal, again, record, time);
        settlement.withdrawBond(proposal);
        assert(!_did(DISPROOFS, abi.encodeCall(settlement.cancel, (again, address(1)))));
        assert(!_did(address(this), abi.encodeCall(settlement.withdrawReward, (again.counter))));
    }

    function check_ABondDividedIsNotReturned(
        ISettlement.Proposal calldata proposal,
        ISettlement.Proposal calldata again,
        uint256 record,
        uint40 time
    ) external {
        _prepare(proposal, again, record, time);
        vm.prank(DISPROOFS);
        settlement.cancel(proposal, address(1));
        assert(!_did(address(this), abi.encodeCall(settlement.withdrawBond, (again))));
        assert(token.transfers() == 0);
        _assertDivided(proposal);
    }

    function check_ABondDividedIsNotDividedAgain(
        ISettlement.Proposal calldata proposal,
        ISettlement.Proposal calldata again,
        uint256 record,
        uint40 time
    ) external {
        _prepare(proposal, again, record, time);
        vm.prank(DEMANDS);
        settlement.cancel(proposal, address(1));
        assert(!_did(DISPROOFS, abi.encodeCall(settlement.cancel, (again, address(1)))));
        _assertDivided(proposal);
    }

    /// Whatever the slot of a counter holds, what is paid for it is paid once; and nothing while its bond answers.
    function check_ARewardIsPaidOnce(uint64 counter, uint256 kept) external {
        vm.store(address(settlement), keccak256(abi.encode(counter, COMMITMENTS_SLOT)), bytes32(kept));
        settlement.withdrawReward(counter);
        assert(uint40(kept) == 0 && kept != 0);
        assert(token.transfers() == 1);
        assert(!_did(address(this), abi.encodeCall(settlement.withdrawReward, (counter))));
    }

    function check_WhatIsBurntIsBurntOnce(uint256 amountWei) external {
        vm.store(address(settlement), bytes32(BURNT_SLOT), bytes32(amountWei));
        settlement.burn();
        assert(token.paidWei(settlement.BURN()) == amountWei && amountWei != 0);
        assert(!_did(address(this), abi.encodeCall(settlement.burn, ())));
    }

    /// Nothing but those two proofs' calls pays from the vault: whoever else calls is refused.
    function check_TheVaultPaysForNobodyElse(address caller, address to, uint256 amountWei) external {
        vm.assume(caller != address(settlement));
        address vault = address(settlement.bondVault());
        vm.prank(caller);
        (bool done,) = vault.call(abi.encodeWithSignature("pay(address,uint256)", to, amountWei));
        assert(!done && token.transfers() == 0);
    }

    /// @dev The counter is in any state, and the first of the two is what its commitment says.
    function _prepare(
        ISettlement.Proposal calldata proposal,
        ISettlement.Proposal calldata again,
        uint256 record,
        uint40 time
    ) private {
        vm.assume(again.counter == proposal.counter);
        // Nobody finds a proposal whose hash is 216 zeros.
        vm.assume(uint256(keccak256(abi.encode(again))) >> 40 != 0);
        // State has four values.
        vm.assume(uint8(record >> 64) <= uint8(ISettlement.State.Vetoed));
        vm.store(address(settlement), keccak256(abi.encode(proposal.counter, COMMITMENTS_SLOT)), _commitment(proposal));
        vm.store(address(settlement), keccak256(abi.encode(proposal.counter, RECORDS_SLOT)), bytes32(record));
        vm.warp(time);
    }

    function _commitment(ISettlement.Proposal calldata proposal) private pure returns (bytes32) {
        uint256 hash = uint256(keccak256(abi.encode(proposal)));
        return bytes32((hash & ~uint256(type(uint40).max)) | uint40(proposal.time));
    }

    /// @dev The bond, and what was booked for the proposer when the proposal became final.
    function _assertReturned(ISettlement.Proposal calldata proposal, uint256 record) private view {
        uint256 proposerNano = uint64(record >> 72);
        assert(token.transfers() == (proposerNano == 0 ? 1 : 2));
        assert(token.paidWei(proposal.proposer) == _bond(proposal) + proposerNano * 1e9);
        assert(vm.load(address(settlement), bytes32(BURNT_SLOT)) == 0);
    }

    /// @dev Both halves are what was posted, and each leaves once.
    function _assertDivided(ISettlement.Proposal calldata proposal) private {
        settlement.withdrawReward(proposal.counter);
        uint256 burntWei = uint256(vm.load(address(settlement), bytes32(BURNT_SLOT)));
        uint256 rewardWei = token.paidWei(address(1));
        assert(rewardWei + burntWei == _bond(proposal));
        assert(burntWei >= rewardWei && burntWei - rewardWei <= 1);
        assert(!_did(address(this), abi.encodeCall(settlement.withdrawReward, (proposal.counter))));
    }

    function _bond(ISettlement.Proposal calldata proposal) private pure returns (uint256) {
        return proposal.assentRound != 0 ? BASE_BOND : BASE_BOND + uint256(proposal.draft.receiptsCount) * PER_RECEIPT;
    }

    function _did(address caller, bytes memory call) private returns (bool done) {
        vm.prank(caller);
        (done,) = address(settlement).call(call);
    }
}
