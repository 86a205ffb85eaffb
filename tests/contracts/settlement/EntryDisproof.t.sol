// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {Disproofs} from "../../../contracts/settlement/Disproofs.sol";
import {EntryMath} from "../../../contracts/settlement/EntryMath.sol";
import {Judge} from "../../../contracts/settlement/Judge.sol";
import {ListReader} from "../../../contracts/settlement/ListReader.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {SumTree} from "../support/SumTree.sol";
import {Trial} from "./support/Trial.sol";
import {World} from "./support/World.sol";

/// @title The disproof of entries
contract EntryDisproofTest is Trial {
    function test_AnEntryWithOtherNano() external {
        for (uint32 id = 0; id < 3; ++id) {
            Dataset memory made = right;
            made.words[id] = _word(id, uint64(uint256(made.words[id])) - 1);
            ISettlement.Proposal memory p = _propose(made, 1);
            _fails(_badEntry(p, made, (id + 1) % 3), Judge.NothingWrong.selector);
            _disproves(p, _badEntry(p, made, id));
        }
    }

    function test_TheTreeIsAsDeepAsItsOperatorsNeedAndNoDeeper() external pure {
        vm.assertEq(EntryMath.depthOf(0), 0);
        vm.assertEq(EntryMath.depthOf(1), 0);
        for (uint256 depth = 1; depth <= 32; ++depth) {
            vm.assertEq(EntryMath.depthOf(1 << depth), depth);
            if (depth < 32) vm.assertEq(EntryMath.depthOf((1 << depth) + 1), depth + 1);
            if (depth > 1) vm.assertEq(EntryMath.depthOf((1 << depth) - 1), depth);
        }
    }

    function test_AnEntryThatPaysAnotherAddress() external {
        Dataset memory made = right;
        made.words[1] = SumTree.leaf(SumTree.entry(1, MALLORY, uint64(uint256(made.words[1]))));
        ISettlement.Proposal memory p = _propose(made, 1);
        _disproves(p, _badEntry(p, made, 1));
    }

    function test_AWordForAnIdThatNobodyHas() external {
        Dataset memory made = right;
        made.words = new bytes32[](4);
        for (uint256 i = 0; i < 3; ++i) {
            made.words[i] = right.words[i];
        }
        made.words[3] = _word(3, 0);
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_badEntry(p, made, 2), Judge.NothingWrong.selector);
        _disproves(p, _badEntry(p, made, 3));
    }

    function test_AJunkWordWhoseSumIsRight() external {
        Dataset memory made = right;
        made.words[0] = SumTree.word(keccak256("junk"), uint64(uint256(made.words[0])));
        ISettlement.Proposal memory p = _propose(made, 1);
        _disproves(p, _badEntry(p, made, 0));
    }

    /// What the tree before promised stays, also of whom has no work now.
    function test_AnEntryThatFallsBehindTheTreeBefore() external {
        Dataset memory made = _dataset(new bytes[](0), 1);
        ISettlement.Proposal memory p = _propose(made, 1);
        for (uint32 place = 0; place < 4; ++place) {
            _fails(_badEntry(p, made, place), Judge.NothingWrong.selector);
        }
        _withdraw(p);
        (made.words[0], made.words[1]) =
        (_word(0, uint64(uint256(made.words[0])) - 1), _word(1, uint64(uint256(made.words[1])) + 1));
        p = _propose(made, 1);
        _disproves(p, _badEntry(p, made, 0));
    }

    function test_TheWordOfTheTreeBeforeIsChecked() external {
        Dataset memory made = right;
        ISettlement.Proposal memory p = _propose(made, 1);
        Disproofs.EntryOpening memory entry = _entryOpening(made, 1);
        entry.oldWord = SumTree.word(entry.oldWord, 1);
        _fails(abi.encodeCall(Disproofs.badEntry, (p, entry)), ListReader.OpeningInvalid.selector);
    }

    function test_TheWordAndItsPlaceAreChecked() external {
        Dataset memory made = right;
        ISettlement.Proposal memory p = _propose(made, 1);
        Disproofs.EntryOpening memory entry = _entryOpening(made, 1);
        entry.word = made.words[2];
        _fails(abi.encodeCall(Disproofs.badEntry, (p, entry)), ListReader.OpeningInvalid.selector);
        entry = _entryOpening(made, 1);
        entry.place = 5;
        _fails(abi.encodeCall(Disproofs.badEntry, (p, entry)), ListReader.OpeningInvalid.selector);
        entry = _entryOpening(made, 1);
        entry.path = new bytes32[](1);
        _fails(abi.encodeCall(Disproofs.badEntry, (p, entry)), ListReader.OpeningInvalid.selector);
    }

    function test_WorkIsReadFromTheGapBehindTheOperatorsEdgesOnly() external {
        Dataset memory made = right;
        ISettlement.Proposal memory p = _propose(made, 1);
        for (uint32 id = 0; id < 4; ++id) {
            uint256 found;
            for (uint256 g = 0; g <= 4; ++g) {
                Disproofs.EntryOpening memory entry = _entryOpening(made, id);
                entry.around = _gap(made.edges, g);
                (bool done, bytes memory why) = address(disproofs).call(abi.encodeCall(Disproofs.badEntry, (p, entry)));
                require(!done, "a right entry was disproved");
                if (bytes4(why) == Judge.NothingWrong.selector) ++found;
            }
            // Nobody has place 3: its word is wrong whatever worked.
            require(found == (id == 3 ? 5 : 1), "one gap");
        }
    }

    /// The tree grows by a level: whoever is new had no place before, and nothing.
    function test_ANewOperatorBeyondTheTreeBefore() external {
        facts.close(1, POT, 5);
        for (uint32 id = 3; id < 5; ++id) {
            facts.setOperator(id, 5000e18, 1e12, _node(id), vm.addr(100 + id));
        }
        Dataset memory made = _dataset(_five(1), 1);
        ISettlement.Proposal memory p = _propose(made, 1);
        for (uint32 place = 0; place < 8; ++place) {
            _fails(_badEntry(p, made, place), Judge.NothingWrong.selector);
        }
        _withdraw(p);
        made.words[4] = bytes32(0);
        p = _propose(made, 1);
        _disproves(p, _badEntry(p, made, 4));
    }

    /// The rule's other branches: no limit of the pool, nobody bonded, nobody with capacity.
    function test_RightEntriesWithoutALimitABondOrCapacity() external {
        for (uint256 world = 0; world < 3; ++world) {
            if (world == 0) facts.setPool(10_000, 0, 1e9);
            if (world == 1) _everybodyHas(0, 1e12);
            if (world == 2) _everybodyHas(5000e18, 0);
            Dataset memory made = _dataset(_five(1), 1);
            ISettlement.Proposal memory p = _propose(made, 1);
            for (uint32 place = 0; place < 4; ++place) {
                _fails(_badEntry(p, made, place), Judge.NothingWrong.selector);
            }
            _withdraw(p);
        }
    }

    function _everybodyHas(uint256 bond, uint256 capacity) private {
        for (uint32 id = 0; id < 3; ++id) {
            facts.setOperator(id, bond, capacity, _node(id), vm.addr(100 + id));
        }
    }

    function _withdraw(ISettlement.Proposal memory p) private {
        uint256 now_ = block.timestamp;
        vm.warp(now_ + 3 hours);
        settlement.withdrawBond(p);
        vm.warp(now_);
    }

    function _word(uint32 id, uint64 nano) private view returns (bytes32) {
        return SumTree.leaf(SumTree.entry(id, facts.payoutAt(id, 1), nano));
    }
}

/// @title The same where there is no tree before
contract FirstEntriesTest is Trial {
    function setUp() public override {
        World.setUp();
        _end(0, 3);
        Dataset memory made = _dataset(_five(0), 0);
        right = made;
    }

    function test_InTheFirstEpochNobodyHadAnything() external {
        Dataset memory made = right;
        ISettlement.Proposal memory p = _propose(made, 0);
        for (uint32 place = 0; place < 4; ++place) {
            _fails(_badEntry(p, made, place), Judge.NothingWrong.selector);
        }
        vm.warp(p.time + 3 hours);
        settlement.withdrawBond(p);
        uint64 nano = uint64(uint256(made.words[1])) + 1;
        made.words[1] = SumTree.leaf(SumTree.entry(1, facts.payoutAt(1, 0), nano));
        p = _propose(made, 0);
        _disproves(p, _badEntry(p, made, 1));
    }
}
