// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IDistributor} from "../interfaces/IDistributor.sol";
import {ProposerBonds} from "./ProposerBonds.sol";

/// @title Contests
/// @notice What happens to the stakes of proposals that were outbid. The first proposal of a contest stakes
/// `proposerBondWei`, each next one twice as much as the one before. A proposal that was outbid by a root that then becomes
/// final loses its stake; it gets it back if its own root becomes final, or if nothing came of the contest.
/// @dev A stake that was outbid is no part of its proposer's bond until its round is settled.
abstract contract Contests is ProposerBonds {
    enum Outcome {
        Running,
        /// The last proposal was proven wrong, so nobody knows which of the earlier ones was right.
        Void,
        Decided
    }

    /// @dev Round `i` staked `proposerBondWei · 2^i`.
    struct Round {
        bytes32 root;
        /// Zero once settled.
        address proposer;
        uint64 bondedSince;
    }

    struct Contest {
        bytes32 root;
        address winner;
        Outcome outcome;
        Round[] rounds;
    }

    /// @dev By the commitment of the first proposal.
    mapping(bytes32 contest => Contest) private _contests;
    bytes32 private _running;

    constructor(IERC20 token_, uint256 proposerBondWei_, uint256 demandBondWei_)
        ProposerBonds(token_, proposerBondWei_, demandBondWei_)
    {}

    /// @inheritdoc IDistributor
    function settleRound(bytes32 contest, uint256 round) external {
        // Check: the contest is over, and the round not settled.
        Contest storage over = _contests[contest];
        if (over.outcome == Outcome.Running) revert ContestUnknown(contest);
        if (round >= over.rounds.length || over.rounds[round].proposer == address(0)) revert RoundUnknown(round);
        Round memory lost = over.rounds[round];
        bool returned = over.outcome == Outcome.Void || lost.root == over.root;
        uint256 stakeWei = _stakeAt(round);

        // Effect: the round is settled.
        over.rounds[round].proposer = address(0);
        emit RoundSettled(contest, round, lost.proposer, stakeWei, returned);

        if (returned) {
            _returnStake(lost.proposer, stakeWei, lost.bondedSince);
        } else {
            _forfeitStake(over.winner, stakeWei);
        }
    }

    /// @inheritdoc IDistributor
    function roundsOf(bytes32 contest) external view returns (uint256) {
        return _contests[contest].rounds.length;
    }

    /// @dev The pending proposal of `round` makes room for the next round's.
    function _outbid(bytes32 commitment, bytes32 root, address proposer, uint256 round) internal {
        if (round == 0) _running = commitment;
        bytes32 contest = _running;
        uint64 bondedSince = _takeStake(proposer, _stakeAt(round));
        _contests[contest].rounds.push(Round(root, proposer, bondedSince));
        emit Outbid(contest, round, proposer, root);
    }

    /// @dev A contest ends with a final root; or, if there is none, with nothing.
    function _endContest(Outcome outcome, bytes32 root, address winner) internal {
        Contest storage contest = _contests[_running];
        contest.outcome = outcome;
        contest.root = root;
        contest.winner = winner;
    }

    function _stakeAt(uint256 round) internal view returns (uint256) {
        return proposerBondWei << round;
    }
}
