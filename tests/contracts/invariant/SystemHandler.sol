// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAssents} from "../../../contracts/interfaces/IAssents.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {ReceiptLib} from "../../../contracts/libraries/ReceiptLib.sol";
import {OperatorRegistry} from "../../../contracts/operators/OperatorRegistry.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {PlainList} from "../settlement/support/PlainList.sol";
import {SumTree} from "../support/SumTree.sol";
import {SystemWatch} from "./SystemWatch.sol";

/// @title Operators, payers, proposers, cheats, a griefer and one honest auditor at random
/// @notice Moves that may not revert. The auditor acts before time passes, as the challenge window lets it, and without a stake.
contract SystemHandler is SystemWatch {
    using PlainList for PlainList.List;
    using SumTree for SumTree.Tree;

    uint256 private constant MOST = 6;
    uint256 private constant EPOCH = 1 days;
    /// @dev What any right proposal waits at most: its window, and five rounds of demands.
    uint256 public constant MOST_WAIT = 3 hours + 5 * (45 minutes + 15 minutes);

    address private immutable OWNER;
    bytes32[] private _entries;
    uint32 private _round;
    mapping(uint256 operatorId => uint256) private _claimedBefore;
    /// @dev What the registry said of an epoch in the moment after its end.
    mapping(uint64 epoch => bytes32) private _facts;

    /// @notice Ghost state that the invariants read.
    bool public amountFell;
    bool public claimFell;
    bool public wrongIsFinal;
    bool public rightWasHeldUp;
    bool public rightWaitsTooLong;
    bool public wrongBondCameBack;
    bool public secondWasTaken;
    bool public proposerPayWentAstray;
    uint256 public donatedWei;
    uint256 public proposersPaidWei;
    uint256 public honestPaidWei;
    uint256 public finalizations;
    uint256 public refusedSeconds;
    uint256 public repeats;
    uint256 public repeatsInASecond;

    constructor(Setup memory setup) {
        s = setup;
        OWNER = vm.addr(setup.ownerKey);
        _makePayers();
    }

    // The world goes on.

    function stake(uint256 who, uint256 amountWei) external {
        amountWei = 1e18 + amountWei % 10_000e18;
        if (s.token.balanceOf(OWNER) < amountWei) return;
        vm.prank(OWNER);
        s.pool.stakeFor(_payer(who % 3), amountWei);
    }

    function wait(uint256 seconds_) external {
        _pass(seconds_ % (EPOCH / 12));
    }

    function nextEpoch() external {
        _pass(EPOCH - (block.timestamp - s.pool.genesis()) % EPOCH);
    }

    function register(uint256 seed) external {
        uint32 id = s.registry.operatorCount(type(uint64).max);
        if (id >= MOST) return;
        uint128 bondWei = uint128(s.registry.minimumBondWei());
        vm.startPrank(OWNER);
        s.registry.register(_newPayout(seed), bondWei, uint64(seed), "");
        s.registry.addNode(id, _node(id));
        vm.stopPrank();
    }

    function setPayout(uint256 id, uint256 seed) external {
        uint256 count = s.registry.operatorCount(type(uint64).max);
        if (count == 0) return;
        vm.prank(OWNER);
        s.registry.setPayout(uint32(id % count), _newPayout(seed));
    }

    function declareCapacity(uint256 id, uint64 capacityBytes) external {
        uint256 count = s.registry.operatorCount(type(uint64).max);
        if (count == 0) return;
        uint32 operatorId = uint32(id % count);
        if (s.registry.operatorAt(operatorId).exitEpoch != type(uint64).max) return;
        vm.prank(OWNER);
        s.registry.declareCapacity(operatorId, capacityBytes);
    }

    function addBond(uint256 id, uint64 amountWei) external {
        uint256 count = s.registry.operatorCount(type(uint64).max);
        if (count == 0) return;
        uint32 operatorId = uint32(id % count);
        if (s.registry.operatorAt(operatorId).exitEpoch != type(uint64).max) return;
        vm.prank(OWNER);
        s.registry.addBond(operatorId, amountWei);
    }

    function leaveRegistry(uint256 id) external {
        uint256 count = s.registry.operatorCount(type(uint64).max);
        if (count < 3) return;
        uint32 operatorId = uint32(id % count);
        OperatorRegistry.Operator memory operator = s.registry.operatorAt(operatorId);
        if (operator.bondWei == 0) return;
        vm.startPrank(OWNER);
        if (operator.exitEpoch == type(uint64).max) {
            s.registry.requestExit(operatorId);
        } else if (s.pool.currentEpoch() >= operator.exitEpoch + s.registry.answerEpochs()) {
            s.registry.withdrawBond(operatorId);
        }
        vm.stopPrank();
    }

    function donate(uint256 amountWei) external {
        amountWei %= 1e20;
        vm.prank(OWNER);
        s.token.transfer(address(s.distributor), amountWei);
        donatedWei += amountWei;
    }

    function sendPots() external {
        s.pool.sendPots();
    }

    // Receipts.

    /// @notice A receipt, or rubbish, is forced for the running epoch or the last one.
    function force(uint256 seed) external {
        uint64 epoch = s.pool.currentEpoch();
        if (epoch != 0 && seed % 2 == 0) --epoch;
        ISettlement.Windows memory windows = s.distributor.windows();
        if (block.timestamp >= s.distributor.proposableAt(epoch) - windows.settle) return;
        ReceiptLib.Receipt memory receipt =
            _fields((seed >> 8) % 3, uint32((seed >> 16) % MOST), epoch, uint64(1 + seed % 1e6));
        receipt.streamKey = keccak256(abi.encode("forced", (seed >> 24) % 2));
        if ((seed >> 32) % 4 == 0) receipt.role = 3;
        bytes[] memory one = new bytes[](1);
        one[0] = _signed(receipt, payerKeys[(seed >> 8) % 3]);
        if (!s.forced.isForced(epoch, keccak256(one[0]))) _forced[epoch].push(one[0]);
        s.forced.forceReceipts(epoch, one);
    }

    /// @notice All operators assent to what they were shown of the last epoch.
    function assent() external {
        s.pool.closeEpochs();
        uint64 epoch = s.pool.currentEpoch();
        if (epoch == 0) return;
        --epoch;
        ISettlement.Windows memory windows = s.distributor.windows();
        uint256 until = s.distributor.proposableAt(epoch) - windows.settle - windows.force;
        uint32 count = s.registry.operatorCount(epoch);
        if (block.timestamp >= until || s.registry.totalBondAt(epoch) == 0) return;
        _show(epoch);
        bytes[] memory shown = _shown(epoch);
        IAssents.Assent memory list = IAssents.Assent(++_round, uint32(shown.length), PlainList.build(shown).top());
        uint32[] memory ids = new uint32[](count);
        bytes[] memory signatures = new bytes[](count);
        for (uint32 id = 0; id < count; ++id) {
            (ids[id], signatures[id]) = (id, _assentSignature(epoch, list));
        }
        s.assents.assent(epoch, list, ids, signatures);
    }

    // Proposals.

    function proposeHonestly(uint256 seed) public {
        uint64 epoch = s.distributor.nextEpoch();
        if (!_isProposable(epoch) || _hasOpen(s.honest, epoch)) return;
        Dataset memory right = _right(epoch);
        require(_post(s.honest, Kind.Good, right, _draftOf(right, epoch, seed)), "a right proposal was refused");
    }

    /// @notice A cheat proposes what is wrong, or right with false side data; or tries to propose twice.
    function cheat(uint256 who, uint256 how, uint256 seed) external {
        uint64 epoch = s.distributor.nextEpoch();
        if (!_isProposable(epoch)) return;
        address cheater = s.cheats[who % s.cheats.length];
        bool second = _hasOpen(cheater, epoch);
        Kind kind = Kind(1 + how % 14);
        (bool can, Dataset memory made) = _spoilt(kind, epoch, seed);
        if (!can) return;
        ISettlement.Draft memory draft = _draftOf(made, epoch, seed);
        if (kind == Kind.SecretReceipts) draft.receiptsTop = keccak256(abi.encode("secret", seed));
        if (kind == Kind.SecretEntries) {
            draft.entriesTop = SumTree.word(keccak256(abi.encode(seed)), uint64(uint256(draft.entriesTop)));
        }
        bool taken = _post(cheater, kind, made, draft);
        if (second && taken) secondWasTaken = true;
        if (second) ++refusedSeconds;
    }

    /// @notice Another cheat, or the same, shows what is wrong itself before the auditor does, and takes the reward; then the very same
    /// lie is proposed again in the same second, and once more while that is open.
    function cheatOnACheat(uint256 which, uint256 who) external {
        for (uint256 i = 0; i < _open.length; ++i) {
            uint64 counter = _open[(i + which % _open.length) % _open.length];
            Made memory made = _made[counter];
            bool isShown = uint256(made.kind) > 1 && uint256(made.kind) < uint256(Kind.SecretReceipts);
            if (!isShown || !s.distributor.isOpen(counter)) continue;
            _disprove(counter, s.cheats[who % s.cheats.length]);
            if (who % 2 == 0) _collect(_cancelled.length - 1);
            return _repeat(made, _data[counter]);
        }
    }

    function grief(uint256 seed) external {
        if (_asks.length != 0 && seed % 2 == 0) return _griefOn((seed >> 8) % _asks.length, seed >> 16);
        for (uint256 i = 0; i < _open.length; ++i) {
            uint64 counter = _open[(i + seed % _open.length) % _open.length];
            Made storage made = _made[counter];
            if (uint256(made.kind) > 1 || !s.distributor.isOpen(counter)) continue;
            if (block.timestamp < made.proposal.time + 3 hours) return _griefFirst(counter, seed >> 8);
        }
    }

    function answerEarly() external {
        _answer(type(uint256).max);
    }

    function reclaim() external {
        _reclaimAll();
    }

    /// @notice Somebody tries to make any proposal final.
    function finalize(uint256 seed) public {
        if (_open.length == 0) return;
        _audit();
        uint64 counter = _open[seed % _open.length];
        Made memory made = _made[counter];
        bool ready = made.proposal.draft.epoch == s.distributor.nextEpoch() && _isRipe(counter);
        for (uint256 i = 0; i < _open.length && ready; ++i) {
            if (_made[_open[i]].proposal.draft.epoch != made.proposal.draft.epoch) continue;
            if (_open[i] < counter && _isRipe(_open[i])) ready = false;
        }
        (bool done,) = address(s.distributor).call(abi.encodeCall(ISettlement.finalize, (made.proposal)));
        if (!done && ready && uint256(made.kind) < 2) rightWasHeldUp = true;
        if (!done) return;
        if (!ready || uint256(made.kind) > 1) wrongIsFinal = true;
        _noteFinal(counter);
    }

    function withdrawBonds() external {
        _audit();
        for (uint256 i = 0; i < _open.length; ++i) {
            Made memory made = _made[_open[i]];
            // The honest proposer waits until its epoch is final.
            bool waits = made.proposal.draft.epoch == s.distributor.nextEpoch();
            if (made.proposal.proposer == s.honest && waits) continue;
            if (_withdrawBond(made.proposal) && uint256(made.kind) > 1) wrongBondCameBack = true;
        }
        _prune();
    }

    function withdrawReward(uint256 seed) external {
        if (_cancelled.length != 0) _collect(seed % _cancelled.length);
    }

    function burn() external {
        if (unburntWei == 0) return;
        s.distributor.burn();
        unburntWei = 0;
    }

    // Claims.

    function claim(uint256 id) external {
        if (_entries.length == 0) return;
        id %= _entries.length;
        if (s.distributor.claimedNano(uint32(id)) >= uint64(uint256(_entries[id]))) return;
        s.distributor.claim(_entries[id], SumTree.build(_entries).proof(id));
        _noteClaims();
    }

    function claimRange(uint256 first, uint256 last) public {
        if (_entries.length == 0) return;
        (first, last) = (first % _entries.length, last % _entries.length);
        if (first > last) (first, last) = (last, first);
        bytes32[] memory run = new bytes32[](last - first + 1);
        for (uint256 i = 0; i < run.length; ++i) {
            run[i] = _entries[first + i];
        }
        SumTree.Tree memory tree = SumTree.build(_entries);
        s.distributor.claimRange(run, tree.boundary(first, last), tree.depth);
        _noteClaims();
    }

    /// @notice Whatever stands, the honest proposer gets one more distribution through, its bonds come back, and all is claimed.
    /// @return waited From its proposal.
    function settle() external returns (uint256 waited) {
        _pass(EPOCH);
        uint64 epoch = s.distributor.nextEpoch();
        uint256 proposableAt = s.distributor.proposableAt(epoch);
        if (block.timestamp < proposableAt) _pass(proposableAt - block.timestamp);
        proposeHonestly(7);
        uint256 from = block.timestamp;
        while (s.distributor.nextEpoch() == epoch) {
            require(block.timestamp - from <= EPOCH, "nothing becomes final");
            _pass(15 minutes);
            _answer(type(uint256).max);
            for (uint256 i = 0; i < _open.length; ++i) {
                finalize(i);
            }
        }
        waited = block.timestamp - from;
        if (_entries.length != 0) claimRange(0, _entries.length - 1);
        _pass(EPOCH);
        for (uint256 i = 0; i < _open.length; ++i) {
            if (uint256(_made[_open[i]].kind) > 1) continue;
            ISettlement.State state = s.distributor.standingOf(_open[i]).state;
            if (state != ISettlement.State.Over) require(_withdrawBond(_made[_open[i]].proposal), "a bond stays");
        }
        _reclaimAll();
    }

    // What the invariants read.

    function finalizedNano(uint256 id) external view returns (uint256) {
        return id < _entries.length ? uint64(uint256(_entries[id])) : 0;
    }

    /// @notice What all pots through `epoch` leave to those who proposed.
    function proposersNano(uint64 epoch) external view returns (uint256) {
        return _proposersNano(epoch);
    }

    function finalizedCount() external view returns (uint256) {
        return _entries.length;
    }

    /// @notice Bonds of proposals that stand, over all counters.
    function standingBondsWei() external view returns (uint256 bondsWei) {
        for (uint64 counter = 1; counter <= s.distributor.proposalCount(); ++counter) {
            ISettlement.Standing memory standing = s.distributor.standingOf(counter);
            if (standing.state != ISettlement.State.Over) bondsWei += _bondOf(counter);
        }
    }

    /// @notice Whether the registry says something else of one of the last epochs than in the moment after its end.
    function factsChanged() external view returns (bool) {
        uint64 current = s.pool.currentEpoch();
        for (uint64 epoch = current > 5 ? current - 5 : 0; epoch < current; ++epoch) {
            if (_facts[epoch] != 0 && _facts[epoch] != _factsOf(epoch)) return true;
        }
        return false;
    }

    /// @dev Before time passes, what is wrong is reported and what would be overdue is shown.
    function _pass(uint256 seconds_) private {
        _audit();
        _answer(block.timestamp + seconds_);
        for (uint256 i = 0; i < _open.length; ++i) {
            if (uint256(_made[_open[i]].kind) > 1) continue;
            if (s.distributor.standingOf(_open[i]).finalizableAt > _made[_open[i]].proposal.time + MOST_WAIT) {
                rightWaitsTooLong = true;
            }
        }
        uint64 before = s.pool.currentEpoch();
        vm.warp(block.timestamp + seconds_);
        for (uint64 ended = before; ended < s.pool.currentEpoch(); ++ended) {
            _facts[ended] = _factsOf(ended);
        }
        s.pool.closeEpochs();
        _prune();
    }

    /// @dev The same draft by the same proposer, twice in this second: taken once, under another counter.
    function _repeat(Made memory made, Dataset memory data) private {
        if (made.proposal.draft.epoch != s.distributor.nextEpoch()) return;
        (_place, _missing) = (made.place, made.missing);
        address proposer = made.proposal.proposer;
        if (_hasOpen(proposer, made.proposal.draft.epoch)) return;
        if (!_post(proposer, made.kind, data, made.proposal.draft)) return;
        ++repeats;
        if (made.proposal.time == block.timestamp) ++repeatsInASecond;
        if (_post(proposer, made.kind, data, made.proposal.draft)) secondWasTaken = true;
        ++refusedSeconds;
    }

    function _post(address proposer, Kind kind, Dataset memory made, ISettlement.Draft memory draft)
        private
        returns (bool done)
    {
        ISettlement.Proposal memory p;
        (p.draft, p.proposer, p.time) = (draft, proposer, uint64(block.timestamp));
        (p.oldRoot, p.availableNano) = (_finalizedRoot(), s.distributor.availableNano(draft.epoch, draft.workNano));
        IAssents.Assent memory list = s.assents.assentOf(draft.epoch);
        (p.assentRound, p.assentTop, p.assentCount) = (list.round, list.top, list.count);
        p.uriHash = keccak256("uri");
        p.counter = s.distributor.proposalCount() + 1;
        vm.prank(proposer);
        bytes memory why;
        (done, why) = address(s.distributor).call(abi.encodeCall(ISettlement.propose, (draft, "uri")));
        if (!done) {
            bytes4 reason = bytes4(why);
            bool known = reason == ISettlement.SumWrong.selector || reason == ISettlement.AlreadyProposed.selector;
            require(known, "refused for another reason");
            return false;
        }
        (_data[p.counter], _made[p.counter]) = (made, Made(p, kind, _place, _missing));
        _open.push(p.counter);
    }

    /// @dev With the bond comes the part of the pot, if the proposal is final, and nothing twice.
    function _withdrawBond(ISettlement.Proposal memory proposal) private returns (bool done) {
        address proposer = proposal.proposer;
        uint256 before = s.token.balanceOf(proposer);
        bool isFinal = s.distributor.standingOf(proposal.counter).state == ISettlement.State.Final;
        bytes memory call = abi.encodeCall(ISettlement.withdrawBond, (proposal));
        (done,) = address(s.distributor).call(call);
        if (!done) return false;
        (bool again,) = address(s.distributor).call(call);
        uint256 gotWei = s.token.balanceOf(proposer) - before - _bondOf(proposal.counter);
        if (again || gotWei != (isFinal ? _proposerWei(proposal.draft.epoch) : 0)) proposerPayWentAstray = true;
        proposersPaidWei += gotWei;
        if (proposer == s.honest) honestPaidWei += gotWei;
    }

    function _noteFinal(uint64 counter) private {
        Dataset memory data = _data[counter];
        uint64 epoch = _made[counter].proposal.draft.epoch;
        uint256 common = _made[counter].proposal.availableNano;
        bytes32[] memory entries = new bytes32[](data.words.length);
        for (uint32 id = 0; id < entries.length; ++id) {
            entries[id] = SumTree.entry(id, s.registry.payoutAt(id, epoch), uint64(uint256(data.words[id])));
            common += _oldNano(id);
        }
        for (uint32 id = 0; id < oldWords.length; ++id) {
            if (id >= entries.length || uint64(uint256(entries[id])) < _oldNano(id)) amountFell = true;
        }
        if (_finalizedRoot() != SumTree.build(entries).root || uint64(uint256(_finalizedRoot())) > common) {
            wrongIsFinal = true;
        }
        (oldWords, _entries) = (data.words, entries);
        ++finalizations;
    }

    function _noteClaims() private {
        for (uint256 i = 0; i < _entries.length; ++i) {
            uint256 claimed = s.distributor.claimedNano(uint32(i));
            if (claimed < _claimedBefore[i]) claimFell = true;
            _claimedBefore[i] = claimed;
        }
    }

    function _isProposable(uint64 epoch) private returns (bool) {
        s.pool.closeEpochs();
        if (block.timestamp < s.distributor.proposableAt(epoch)) return false;
        _show(epoch);
        return true;
    }

    function _hasOpen(address proposer, uint64 epoch) private view returns (bool) {
        for (uint256 i = 0; i < _open.length; ++i) {
            ISettlement.Proposal storage p = _made[_open[i]].proposal;
            if (p.proposer == proposer && p.draft.epoch == epoch && s.distributor.isOpen(p.counter)) return true;
        }
        return false;
    }

    function _isRipe(uint64 counter) private view returns (bool) {
        ISettlement.Standing memory standing = s.distributor.standingOf(counter);
        return standing.state == ISettlement.State.Open && standing.openDemands == 0
            && block.timestamp >= standing.finalizableAt;
    }

    function _factsOf(uint64 epoch) private view returns (bytes32 facts) {
        uint32 count = s.registry.operatorCount(epoch);
        facts = keccak256(abi.encode(count, s.registry.totalBondAt(epoch), s.registry.totalCapacityAt(epoch)));
        for (uint32 i = 0; i < count; ++i) {
            (uint256 bondWei, uint256 capacity) = (s.registry.bondAt(i, epoch), s.registry.capacityAt(i, epoch));
            facts = keccak256(abi.encode(facts, s.registry.payoutAt(i, epoch), bondWei, capacity));
        }
    }

    function _assentSignature(uint64 epoch, IAssents.Assent memory list) private view returns (bytes memory) {
        bytes32 hash = keccak256(abi.encode(s.assents.TYPEHASH(), epoch, list.round, list.top, list.count));
        bytes32 kind = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        bytes32 domain =
            keccak256(abi.encode(kind, keccak256("Tatum"), keccak256("1"), block.chainid, address(s.assents)));
        (uint8 v, bytes32 r, bytes32 s_) = vm.sign(s.ownerKey, keccak256(abi.encodePacked(hex"1901", domain, hash)));
        return abi.encodePacked(r, s_, v);
    }

    function _newPayout(uint256 seed) private view returns (address) {
        return address(uint160(uint256(keccak256(abi.encode(seed, block.timestamp)))));
    }
}
