// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Distributor} from "../../../contracts/distribution/Distributor.sol";
import {IDistributor} from "../../../contracts/interfaces/IDistributor.sol";
import {OperatorRegistry} from "../../../contracts/operators/OperatorRegistry.sol";
import {StakePool} from "../../../contracts/staking/StakePool.sol";
import {DataToken} from "../../../contracts/token/DataToken.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {SumTree} from "../support/SumTree.sol";

/// @title Operators, proposers, cheats and one honest auditor at random
/// @notice Moves that may not revert. The auditor acts before time passes, as the challenge window lets it; the honest
/// proposer answers demands, and outbids what cannot be proven wrong, before time passes.
contract SystemHandler {
    using SumTree for SumTree.Tree;

    enum Kind {
        None,
        Good,
        Decrease,
        Shallow,
        Secret,
        StolenPayout,
        UnknownOperator,
        /// The new money to one operator: breaks no rule that can be proven.
        Unfair
    }

    struct Setup {
        StakePool pool;
        DataToken token;
        OperatorRegistry registry;
        Distributor distributor;
        address honest;
        address auditor;
        address griefer;
        address staker;
        address[] cheats;
    }

    uint256 private constant MOST_OPERATORS = 9;
    uint256 private constant EPOCH = 1 days;
    uint256 private constant MOST_STAKED = 64;

    Setup private s;
    bytes32[] private _finalized;
    bytes32[] private _pending;
    /// @dev What the honest proposer stands for while something is pending.
    bytes32[] private _right;
    IDistributor.Proposal private _proposal;
    Kind public kind;
    uint256 private _place;
    uint32[] private _demanded;
    mapping(uint256 operatorId => address[]) private _payouts;

    /// @notice Ghost state that the invariants read.
    bool public amountFell;
    bool public claimFell;
    mapping(uint256 operatorId => uint256) public claimedBefore;
    uint256 public openDemandBonds;
    uint256 public donatedWei;
    uint256 public seriesLength;
    uint256 private _seriesUntil;
    mapping(Kind kind => uint256) public cancelled;
    uint256 public finalizations;
    uint256 public outbidWei;
    uint256 public outbids;
    bool public cheatGotItsStakeBack;
    bool public honestLostItsStake;
    bytes32[] private _contests;
    mapping(bytes32 contest => Kind[]) private _rounds;
    mapping(bytes32 contest => bool) private _decided;
    /// @dev What the registry said of an epoch in the moment after its end.
    mapping(uint64 epoch => bytes32) private _facts;

    constructor(Setup memory setup) {
        s = setup;
    }

    // The world goes on.

    function stake(uint256 amountWei) external {
        amountWei = 1e18 + amountWei % 10_000e18;
        if (s.token.balanceOf(s.staker) < amountWei) return;
        vm.prank(s.staker);
        s.pool.stake(amountWei);
    }

    function wait(uint256 seconds_) external {
        _beforeTimePasses();
        vm.warp(block.timestamp + seconds_ % (EPOCH / 4));
    }

    function nextEpoch() external {
        _beforeTimePasses();
        vm.warp(block.timestamp + EPOCH);
        uint64 ended = s.pool.currentEpoch() - 1;
        _facts[ended] = _factsOf(ended);
        s.pool.closeEpochs();
    }

    function register(uint256 seed) external {
        uint256 id = s.registry.operatorCount(type(uint64).max);
        if (id >= MOST_OPERATORS) return;
        address payout = _newPayout(seed);
        uint128 bondWei = uint128(s.registry.minimumBondWei());
        vm.prank(s.staker);
        s.registry.register(payout, bondWei, uint64(seed), "");
        _payouts[id].push(payout);
    }

    function setPayout(uint256 id, uint256 seed) external {
        uint256 count = s.registry.operatorCount(type(uint64).max);
        if (count == 0) return;
        id %= count;
        address payout = _newPayout(seed);
        vm.prank(s.staker);
        s.registry.setPayout(uint32(id), payout);
        _payouts[id].push(payout);
    }

    function declareCapacity(uint256 id, uint64 capacityBytes) external {
        uint256 count = s.registry.operatorCount(type(uint64).max);
        if (count == 0) return;
        uint32 operatorId = uint32(id % count);
        if (s.registry.operatorAt(operatorId).exitEpoch != type(uint64).max) return;
        vm.prank(s.staker);
        s.registry.declareCapacity(operatorId, capacityBytes);
    }

    function addBond(uint256 id, uint64 amountWei) external {
        uint256 count = s.registry.operatorCount(type(uint64).max);
        if (count == 0) return;
        uint32 operatorId = uint32(id % count);
        if (s.registry.operatorAt(operatorId).exitEpoch != type(uint64).max) return;
        vm.prank(s.staker);
        s.registry.addBond(operatorId, amountWei);
    }

    function leaveRegistry(uint256 id) external {
        uint256 count = s.registry.operatorCount(type(uint64).max);
        if (count == 0) return;
        uint32 operatorId = uint32(id % count);
        OperatorRegistry.Operator memory operator = s.registry.operatorAt(operatorId);
        if (operator.bondWei == 0) return;
        vm.startPrank(s.staker);
        if (operator.exitEpoch == type(uint64).max) {
            s.registry.requestExit(operatorId);
        } else if (s.pool.currentEpoch() >= operator.exitEpoch + s.registry.answerEpochs()) {
            s.registry.withdrawBond(operatorId);
        }
        vm.stopPrank();
    }

    function donate(uint256 amountWei) external {
        amountWei %= 1e20;
        vm.prank(s.staker);
        s.token.transfer(address(s.distributor), amountWei);
        donatedWei += amountWei;
    }

    function sendPots() external {
        s.pool.sendPots();
    }

    // Proposals.

    function proposeHonestly(uint256 seed) external {
        if (kind != Kind.None || !_anyNewEpoch()) return;
        _pending = _grown(seed);
        _right = _pending;
        _post(s.honest, Kind.Good, SumTree.build(_pending).root, seed);
    }

    /// @notice A cheat is first, or outbids what is pending.
    function cheat(uint256 who, uint256 how, uint256 seed) external {
        if (!_anyNewEpoch() || _finalized.length == 0) return;
        (, uint64 finalizableAt,, uint256 stakeWei) = s.distributor.pendingProposal();
        if (kind != Kind.None && (kind != Kind.Good || block.timestamp >= finalizableAt)) return;
        uint256 neededWei = kind == Kind.None ? s.distributor.proposerBondWei() : 2 * stakeWei;
        if (neededWei > MOST_STAKED * s.distributor.proposerBondWei()) return;
        bytes32[] memory before = _pending;
        Kind chosen = Kind(uint256(Kind.Decrease) + how % 6);
        _pending = _grown(seed);
        bytes32 root = _spoil(chosen, seed);
        if (root == 0 || (kind == Kind.Good && root == _proposal.root)) {
            _pending = before;
            return;
        }
        address cheater = s.cheats[who % s.cheats.length];
        uint256 bondWei = s.distributor.proposerBondOf(cheater);
        if (bondWei < neededWei) {
            vm.prank(cheater);
            s.distributor.depositProposerBond(neededWei - bondWei);
        }
        if (!_post(cheater, chosen, root, seed)) _pending = before;
    }

    function settleContests() public {
        if (kind != Kind.None) return;
        for (uint256 i = 0; i < _contests.length; ++i) {
            bytes32 contest = _contests[i];
            for (uint256 round = 0; round < s.distributor.roundsOf(contest); ++round) {
                _settleRound(contest, round);
            }
        }
        delete _contests;
    }

    function _settleRound(bytes32 contest, uint256 round) private {
        uint256 stakeWei = s.distributor.proposerBondWei() << round;
        bool honest = _rounds[contest][round] == Kind.Good;
        uint256 before = _allBonds();
        s.distributor.settleRound(contest, round);
        outbidWei -= stakeWei;
        bool whole = _allBonds() - before == stakeWei;
        if (!honest && whole && _decided[contest]) cheatGotItsStakeBack = true;
        if (honest && !whole) honestLostItsStake = true;
    }

    function grief(uint256 id) external {
        if (kind != Kind.Good || _finalized.length == 0) return;
        (, uint64 finalizableAt,,) = s.distributor.pendingProposal();
        id %= _finalized.length;
        if (block.timestamp >= finalizableAt || _nano(_finalized[id]) == 0) return;
        for (uint256 i = 0; i < _demanded.length; ++i) {
            if (_demanded[i] == id) return;
        }
        _demand(s.griefer, id);
    }

    function finalize() external {
        if (kind == Kind.None) return;
        _audit();
        if (kind != Kind.Good) return;
        _answerAll();
        (, uint64 finalizableAt,,) = s.distributor.pendingProposal();
        if (block.timestamp < finalizableAt) return;
        s.distributor.finalize(_proposal);
        for (uint256 i = 0; i < _finalized.length; ++i) {
            if (i >= _pending.length || _nano(_pending[i]) < _nano(_finalized[i])) amountFell = true;
        }
        _noteDecided();
        _finalized = _pending;
        seriesLength = 0;
        _seriesUntil = 0;
        ++finalizations;
        _clear();
    }

    function withdrawBond(uint256 who) external {
        address cheater = s.cheats[who % s.cheats.length];
        (address proposer,,,) = s.distributor.pendingProposal();
        if (proposer == cheater || s.distributor.proposerBondOf(cheater) == 0) return;
        vm.prank(cheater);
        s.distributor.withdrawProposerBond();
    }

    // Claims.

    function claim(uint256 id) external {
        if (_finalized.length == 0) return;
        id %= _finalized.length;
        if (s.distributor.claimedNano(uint32(id)) >= _nano(_finalized[id])) return;
        s.distributor.claim(_finalized[id], SumTree.build(_finalized).proof(id));
        _noteClaims();
    }

    function claimRange(uint256 first, uint256 last) public {
        if (_finalized.length == 0) return;
        (first, last) = (first % _finalized.length, last % _finalized.length);
        if (first > last) (first, last) = (last, first);
        bytes32[] memory run = new bytes32[](last - first + 1);
        for (uint256 i = 0; i < run.length; ++i) {
            run[i] = _finalized[first + i];
        }
        SumTree.Tree memory tree = SumTree.build(_finalized);
        s.distributor.claimRange(run, tree.boundary(first, last), tree.depth);
        _noteClaims();
    }

    /// @notice Ends whatever is pending, then the honest proposer gets one distribution through, and all is claimed.
    /// @return windows Windows that took.
    function settle() external returns (uint256 windows) {
        if (kind == Kind.Unfair) _outbidHonestly();
        if (kind == Kind.Good) {
            _answerAll();
            (, uint64 finalizableAt,,) = s.distributor.pendingProposal();
            if (block.timestamp < finalizableAt) vm.warp(finalizableAt);
            s.distributor.finalize(_proposal);
            _noteDecided();
            _finalized = _pending;
            _clear();
            ++windows;
        }
        while (kind != Kind.None) {
            _beforeTimePasses();
            vm.warp(block.timestamp + s.distributor.answerWindow() + 1);
            _audit();
            ++windows;
        }
        vm.warp(block.timestamp + EPOCH);
        s.pool.closeEpochs();
        settleContests();
        if (s.registry.operatorCount(type(uint64).max) == 0) return windows;
        _pending = _grown(1);
        _post(s.honest, Kind.Good, SumTree.build(_pending).root, 7);
        vm.warp(block.timestamp + s.distributor.challengeWindow());
        s.distributor.finalize(_proposal);
        ++windows;
        _finalized = _pending;
        _clear();
        claimRange(0, _finalized.length - 1);
    }

    function finalizedNano(uint256 id) external view returns (uint256) {
        return id < _finalized.length ? _nano(_finalized[id]) : 0;
    }

    function finalizedCount() external view returns (uint256) {
        return _finalized.length;
    }

    function _beforeTimePasses() private {
        if (kind == Kind.Unfair) _outbidHonestly();
        if (kind == Kind.Good) _answerAll();
        else _audit();
    }

    function _outbidHonestly() private {
        if (_right.length == 0) _right = _grown(1);
        _pending = _right;
        bytes32 root = SumTree.build(_right).root;
        if (root == _proposal.root) kind = Kind.Good;
        else _post(s.honest, Kind.Good, root, 11);
    }

    function _audit() private {
        if (kind == Kind.Unfair) _outbidHonestly();
        if (kind == Kind.None || kind == Kind.Good) return;
        if (kind == Kind.Secret) return _auditSecret();
        SumTree.Tree memory bad = SumTree.build(_pending);
        if (kind == Kind.StolenPayout) {
            bytes32[] memory proof = bad.proof(_place);
            vm.prank(s.auditor);
            s.distributor.challengePayout(_proposal, _pending[_place], proof);
        } else if (kind == Kind.UnknownOperator) {
            bytes32[] memory proof = bad.proof(_place);
            vm.prank(s.auditor);
            s.distributor.challengeUnknownOperator(_proposal, uint32(_place), bad.levels[0][_place], proof);
        } else {
            uint256 place = kind == Kind.Shallow ? _place & ((1 << bad.depth) - 1) : _place;
            bytes32[] memory was = SumTree.build(_finalized).proof(_place);
            bytes32[] memory now_ = bad.proof(place);
            vm.prank(s.auditor);
            s.distributor.challengeDecrease(_proposal, _finalized[_place], was, bad.levels[0][place], now_);
        }
        _noteCancelled();
    }

    function _auditSecret() private {
        if (_demanded.length == 0) return _demand(s.auditor, _place);
        if (block.timestamp <= _answerBy) return;
        s.distributor.cancelUnanswered(_proposal, uint32(_place));
        openDemandBonds -= s.distributor.demandBondWei();
        _noteCancelled();
    }

    uint256 private _answerBy;

    function _demand(address demander, uint256 id) private {
        bytes32[] memory proof = SumTree.build(_finalized).proof(id);
        vm.prank(demander);
        s.distributor.demandEntry(_proposal, _finalized[id], proof);
        openDemandBonds += s.distributor.demandBondWei();
        _answerBy = block.timestamp + s.distributor.answerWindow();
        _demanded.push(uint32(id));
    }

    function _answerAll() private {
        for (uint256 i = _answered; i < _demanded.length; ++i) {
            bytes32[] memory proof = SumTree.build(_pending).proof(_demanded[i]);
            s.distributor.answerDemand(_proposal, _pending[_demanded[i]], proof);
            openDemandBonds -= s.distributor.demandBondWei();
        }
        _answered = _demanded.length;
    }

    uint256 private _answered;

    function _noteCancelled() private {
        ++cancelled[kind];
        seriesLength = block.timestamp > _seriesUntil ? 1 : seriesLength + 1;
        _seriesUntil = block.timestamp + s.distributor.challengeWindow();
        _clear();
    }

    function _clear() private {
        kind = Kind.None;
        delete _right;
        delete _demanded;
        _answered = 0;
    }

    function _noteDecided() private {
        if (_contests.length != 0) _decided[_contests[_contests.length - 1]] = true;
    }

    function _allBonds() private view returns (uint256 bondsWei) {
        bondsWei = s.distributor.proposerBondOf(s.honest);
        for (uint256 i = 0; i < s.cheats.length; ++i) {
            bondsWei += s.distributor.proposerBondOf(s.cheats[i]);
        }
    }

    function _noteClaims() private {
        for (uint256 i = 0; i < _finalized.length; ++i) {
            uint256 claimed = s.distributor.claimedNano(uint32(i));
            if (claimed < claimedBefore[i]) claimFell = true;
            claimedBefore[i] = claimed;
        }
    }

    function _anyNewEpoch() private view returns (bool) {
        (bool any, uint64 epoch) = s.distributor.finalizedEpoch();
        uint64 closed = s.pool.closedEpochs();
        return closed > 0 && (!any || closed - 1 > epoch) && s.registry.operatorCount(type(uint64).max) > 0;
    }

    /// @dev The epoch that the next proposal, or a rival of the pending one, is for.
    function _epoch() private view returns (uint64) {
        return kind == Kind.None ? s.pool.closedEpochs() - 1 : _proposal.epoch;
    }

    /// @notice Whether the registry says something else of one of the last epochs than in the moment after its end.
    function factsChanged() external view returns (bool) {
        uint64 current = s.pool.currentEpoch();
        for (uint64 epoch = current > 5 ? current - 5 : 0; epoch < current; ++epoch) {
            if (_facts[epoch] != 0 && _facts[epoch] != _factsOf(epoch)) return true;
        }
        return false;
    }

    function _factsOf(uint64 epoch) private view returns (bytes32 facts) {
        uint32 count = s.registry.operatorCount(epoch);
        facts = keccak256(abi.encode(count, s.registry.totalBondAt(epoch), s.registry.totalCapacityAt(epoch)));
        for (uint32 i = 0; i < count; ++i) {
            (uint256 bondWei, uint256 capacity) = (s.registry.bondAt(i, epoch), s.registry.capacityAt(i, epoch));
            facts = keccak256(abi.encode(facts, s.registry.payoutAt(i, epoch), bondWei, capacity));
        }
    }

    function _payoutOf(uint256 operatorId) private view returns (address) {
        return s.registry.payoutAt(uint32(operatorId), _epoch());
    }

    /// @dev The finalized distribution grown by some of the new funds, for those who can have worked, at their payouts of its epoch.
    function _grown(uint256 seed) private view returns (bytes32[] memory entries) {
        uint256 count = s.registry.operatorCount(type(uint64).max);
        uint256 available = s.pool.fundedThroughWei(_epoch()) / 1e9;
        for (uint256 i = 0; i < _finalized.length; ++i) {
            available -= _nano(_finalized[i]);
        }
        entries = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 nano = i < _finalized.length ? _nano(_finalized[i]) : 0;
            OperatorRegistry.Operator memory operator = s.registry.operatorAt(uint32(i));
            uint256 more = uint256(keccak256(abi.encode(seed, i))) % (available / 2 + 1);
            if (operator.firstEpoch > _epoch()) more = 0;
            available -= more;
            entries[i] = SumTree.entry(i, _payoutOf(i), nano + more);
        }
    }

    /// @dev Spoils `_pending` so that `propose` still accepts the root; zero if that is not possible now.
    function _spoil(Kind chosen, uint256 seed) private returns (bytes32) {
        _place = seed % _finalized.length;
        if (chosen == Kind.Secret) {
            if (_nano(_finalized[_place]) == 0) return 0;
            uint256 sum = uint64(uint256(SumTree.build(_pending).root));
            return SumTree.word(keccak256(abi.encode("secret", seed)), sum);
        }
        if (chosen == Kind.Unfair) {
            uint256 more;
            for (uint256 i = 0; i < _pending.length; ++i) {
                uint256 was = i < _finalized.length ? _nano(_finalized[i]) : 0;
                more += _nano(_pending[i]) - was;
                _pending[i] = SumTree.entry(i, _payoutOf(i), was);
            }
            if (more == 0) return 0;
            // Somebody can have worked, or there was nothing to give: then the oldest can.
            while (s.registry.operatorAt(uint32(_place)).firstEpoch > _epoch()) --_place;
            _pending[_place] = SumTree.entry(_place, _payoutOf(_place), _nano(_pending[_place]) + more);
            return SumTree.build(_pending).root;
        }
        if (chosen == Kind.StolenPayout) {
            _pending[_place] = SumTree.entry(_place, s.cheats[0], _nano(_pending[_place]));
            return SumTree.build(_pending).root;
        }
        if (chosen == Kind.UnknownOperator) {
            _place = _pending.length;
            uint256 taken = _nano(_pending[0]);
            if (taken == 0) return 0;
            _pending[0] = SumTree.entry(0, _payoutOf(0), 0);
            _pending.push(SumTree.entry(_place, s.cheats[0], taken));
            return SumTree.build(_pending).root;
        }
        if (chosen == Kind.Shallow) {
            if (_finalized.length < 2) return 0;
            _place = _finalized.length - 1;
            while ((_place & (_place - 1)) != 0) --_place;
            if (_nano(_finalized[_place]) == 0) return 0;
            uint256 cut;
            while (_pending.length > _place) {
                cut += _nano(_pending[_pending.length - 1]);
                _pending.pop();
            }
            _pending[0] = SumTree.entry(0, _payoutOf(0), _nano(_pending[0]) + cut);
            return SumTree.build(_pending).root;
        }
        uint256 nano = _nano(_finalized[_place]);
        if (nano == 0 || _pending.length < 2) return 0;
        uint256 other = (_place + 1) % _pending.length;
        uint256 less = 1 + seed % nano;
        uint256 moved = _nano(_pending[_place]) - (nano - less);
        _pending[_place] = SumTree.entry(_place, _payoutOf(_place), nano - less);
        _pending[other] = SumTree.entry(other, _payoutOf(other), _nano(_pending[other]) + moved);
        return SumTree.build(_pending).root;
    }

    /// @dev An honest proposal must be accepted whenever nothing, or something unfair, is pending; a cheat may be kept out by a
    /// reservation.
    function _post(address proposer, Kind chosen, bytes32 root, uint256 seed) private returns (bool posted) {
        IDistributor.Proposal memory proposal = IDistributor.Proposal({
            epoch: _epoch(),
            root: root,
            receiptsRoot: keccak256(abi.encode(seed)),
            manifestHash: keccak256("manifest"),
            uri: "uri"
        });
        bytes32 commitment = s.distributor.pendingCommitment();
        (,,, uint256 stakeWei) = s.distributor.pendingProposal();
        bytes memory call = kind == Kind.None
            ? abi.encodeCall(s.distributor.propose, (proposal))
            : abi.encodeCall(s.distributor.outbid, (_proposal, proposal));
        vm.prank(proposer);
        (bool done, bytes memory reason) = address(s.distributor).call(call);
        if (!done) {
            bool reserved = bytes4(reason) == IDistributor.ProposalsReserved.selector;
            require(chosen != Kind.Good && reserved, "refused for another reason");
            return false;
        }
        if (kind != Kind.None) _noteOutbid(commitment, stakeWei);
        _proposal = proposal;
        kind = chosen;
        return true;
    }

    /// @dev What was demanded of the proposal that was outbid needs no answer any more.
    function _noteOutbid(bytes32 commitment, uint256 stakeWei) private {
        if (stakeWei == s.distributor.proposerBondWei()) _contests.push(commitment);
        _rounds[_contests[_contests.length - 1]].push(kind);
        outbidWei += stakeWei;
        ++outbids;
        for (uint256 i = _answered; i < _demanded.length; ++i) {
            s.distributor.reclaimDemandBond(commitment, _demanded[i]);
            openDemandBonds -= s.distributor.demandBondWei();
        }
        delete _demanded;
        _answered = 0;
    }

    function _newPayout(uint256 seed) private view returns (address) {
        return address(uint160(uint256(keccak256(abi.encode(seed, block.timestamp)))));
    }

    function _nano(bytes32 entry) private pure returns (uint256) {
        return uint64(uint256(entry));
    }
}
