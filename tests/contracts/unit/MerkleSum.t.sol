// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MerkleSum} from "../../../contracts/libraries/MerkleSum.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {SumTree} from "../support/SumTree.sol";

contract MerkleSumTest {
    using SumTree for SumTree.Tree;

    function verify(bytes32 root, bytes32 entry, bytes32[] calldata proof) external pure returns (bool) {
        return MerkleSum.verify(root, entry, proof);
    }

    function verifyWord(bytes32 root, bytes32 word, uint256 place, bytes32[] calldata proof)
        external
        pure
        returns (bool)
    {
        return MerkleSum.verifyWord(root, word, place, proof);
    }

    function verifyRange(bytes32 root, bytes32[] calldata entries, bytes32[] calldata boundary, uint256 depth)
        external
        pure
        returns (bool)
    {
        return MerkleSum.verifyRange(root, entries, boundary, depth);
    }

    function test_AnEntryIsThreeFields() external pure {
        bytes32 entry = SumTree.entry(7, address(0xbeef), 99);
        vm.assertEq(MerkleSum.operatorIdOf(entry), 7);
        vm.assertEq(MerkleSum.payoutOf(entry), address(0xbeef));
        vm.assertEq(MerkleSum.nanoOf(entry), 99);
        entry = bytes32(type(uint256).max);
        vm.assertEq(MerkleSum.operatorIdOf(entry), type(uint32).max);
        vm.assertEq(MerkleSum.payoutOf(entry), address(type(uint160).max));
        vm.assertEq(MerkleSum.nanoOf(entry), type(uint64).max);
    }

    function testFuzz_EveryEntryOfATreeVerifies(uint8 count, uint64 base, uint8 at) external view {
        (SumTree.Tree memory tree, bytes32[] memory entries) = _tree(1 + count % 40, base / 64);
        uint256 place = at % entries.length;
        vm.assertTrue(this.verify(tree.root, entries[place], tree.proof(place)));
        vm.assertEq(MerkleSum.leafOf(entries[place]), SumTree.leaf(entries[place]));
        vm.assertEq(MerkleSum.rootOf(tree.levels[tree.depth][0], tree.depth), tree.root);
    }

    function testFuzz_EveryRangeOfATreeVerifies(uint8 count, uint64 base, uint8 from, uint8 to) external view {
        (SumTree.Tree memory tree, bytes32[] memory entries) = _tree(1 + count % 40, base / 64);
        (uint256 first, uint256 last) = _range(from, to, entries.length);
        vm.assertTrue(this.verifyRange(tree.root, _slice(entries, first, last), tree.boundary(first, last), tree.depth));
    }

    function testFuzz_AChangedEntryDoesNotVerify(uint8 count, uint8 at, uint8 bit) external view {
        (SumTree.Tree memory tree, bytes32[] memory entries) = _tree(2 + count % 40, 1000);
        uint256 place = at % entries.length;
        bytes32 changed = entries[place] ^ bytes32(uint256(1) << bit);
        vm.assertFalse(this.verify(tree.root, changed, tree.proof(place)));
    }

    function testFuzz_AChangedProofDoesNotVerify(uint8 count, uint8 at, uint8 word, uint8 bit) external {
        (SumTree.Tree memory tree, bytes32[] memory entries) = _tree(2 + count % 40, 1000);
        uint256 place = at % entries.length;
        bytes32[] memory proof = tree.proof(place);
        proof[word % proof.length] ^= bytes32(uint256(1) << bit);
        try this.verify(tree.root, entries[place], proof) returns (bool verified) {
            vm.assertFalse(verified);
        } catch (bytes memory reason) {
            vm.assertEq(bytes32(bytes4(reason)), bytes32(MerkleSum.SumOverflow.selector));
        }
    }

    function testFuzz_AChangedBoundaryDoesNotVerify(uint8 word, uint8 bit) external {
        (SumTree.Tree memory tree, bytes32[] memory entries) = _tree(21, 1000);
        bytes32[] memory boundary = tree.boundary(3, 9);
        boundary[word % boundary.length] ^= bytes32(uint256(1) << bit);
        try this.verifyRange(tree.root, _slice(entries, 3, 9), boundary, tree.depth) returns (bool verified) {
            vm.assertFalse(verified);
        } catch (bytes memory reason) {
            vm.assertEq(bytes32(bytes4(reason)), bytes32(MerkleSum.SumOverflow.selector));
        }
    }

    function test_TheProofHasToBeAsLongAsTheTreeIsDeep() external view {
        (SumTree.Tree memory tree, bytes32[] memory entries) = _tree(5, 1000);
        bytes32[] memory longer = new bytes32[](4);
        bytes32[] memory proof = tree.proof(1);
        (longer[0], longer[1], longer[2]) = (proof[0], proof[1], proof[2]);
        vm.assertFalse(this.verify(tree.root, entries[1], longer));
        vm.assertFalse(this.verify(tree.root, entries[1], new bytes32[](2)));
        vm.assertFalse(this.verify(tree.root, entries[1], new bytes32[](33)));
        vm.assertFalse(this.verifyRange(tree.root, entries, tree.boundary(0, 4), 33));
        vm.assertFalse(this.verifyRange(tree.root, entries, tree.boundary(0, 4), 2));
    }

    function test_APlaceBeyondTheTreeDoesNotVerify() external view {
        (SumTree.Tree memory tree,) = _tree(4, 1000);
        bytes32 leaf = tree.levels[0][1];
        vm.assertTrue(this.verifyWord(tree.root, leaf, 1, tree.proof(1)));
        vm.assertFalse(this.verifyWord(tree.root, leaf, 5, tree.proof(1)));
        vm.assertFalse(this.verifyWord(tree.root, leaf, 1 << 32 | 1, tree.proof(1)));
    }

    function test_TheDeepestTreeVerifies() external view {
        bytes32 entry = SumTree.entry(type(uint32).max, address(1), 5);
        bytes32[] memory proof = new bytes32[](32);
        bytes32 top = SumTree.leaf(entry);
        for (uint256 i = 0; i < 32; ++i) {
            proof[i] = SumTree.word(keccak256(abi.encode(i)), i);
            top = SumTree.join(proof[i], top);
        }
        vm.assertTrue(this.verify(SumTree.seal(top, 32), entry, proof));
    }

    function test_AMissingLeafIsTheZeroWordAndNoEntry() external view {
        (SumTree.Tree memory tree,) = _tree(5, 1000);
        vm.assertTrue(this.verifyWord(tree.root, bytes32(0), 6, tree.proof(6)));
        vm.assertFalse(this.verify(tree.root, SumTree.entry(6, address(0), 0), tree.proof(6)));
    }

    function test_RevertWhen_ASumOverflows() external {
        bytes32[] memory proof = new bytes32[](1);
        proof[0] = SumTree.word(keccak256("x"), type(uint64).max);
        vm.expectRevert(MerkleSum.SumOverflow.selector);
        this.verify(bytes32(0), SumTree.entry(0, address(1), 1), proof);
        vm.expectRevert(MerkleSum.SumOverflow.selector);
        this.verifyRange(bytes32(0), _one(SumTree.entry(0, address(1), 1)), proof, 1);
        // At the edge there is no overflow.
        vm.assertFalse(this.verify(bytes32(0), SumTree.entry(0, address(1), 0), proof));
        vm.assertFalse(this.verifyRange(bytes32(0), _one(SumTree.entry(0, address(1), 0)), proof, 1));
    }

    function test_RevertWhen_AnInnerPairOfARangeOverflows() external {
        bytes32[] memory entries = new bytes32[](2);
        entries[0] = SumTree.entry(0, address(1), type(uint64).max);
        entries[1] = SumTree.entry(1, address(1), 1);
        vm.expectRevert(MerkleSum.SumOverflow.selector);
        this.verifyRange(bytes32(0), entries, new bytes32[](0), 1);
    }

    function test_RevertWhen_ARangeHasGapsOrIsEmpty() external {
        (SumTree.Tree memory tree, bytes32[] memory entries) = _tree(8, 1000);
        bytes32[] memory gap = _slice(entries, 0, 3);
        gap[2] = entries[4];
        vm.expectRevert(MerkleSum.EntriesNotNeighbours.selector);
        this.verifyRange(tree.root, gap, tree.boundary(0, 3), 3);
        (gap[1], gap[2]) = (entries[2], entries[1]);
        vm.expectRevert(MerkleSum.EntriesNotNeighbours.selector);
        this.verifyRange(tree.root, gap, tree.boundary(0, 3), 3);
        vm.expectRevert(MerkleSum.EntriesNotNeighbours.selector);
        this.verifyRange(tree.root, new bytes32[](0), new bytes32[](0), 3);
    }

    function test_RevertWhen_TheBoundaryHasAnotherLength() external {
        (SumTree.Tree memory tree, bytes32[] memory entries) = _tree(8, 1000);
        bytes32[] memory run = _slice(entries, 2, 4);
        bytes32[] memory boundary = tree.boundary(2, 4);
        vm.assertTrue(this.verifyRange(tree.root, run, boundary, 3));
        bytes32[] memory more = new bytes32[](boundary.length + 1);
        bytes32[] memory less = new bytes32[](boundary.length - 1);
        for (uint256 i = 0; i < less.length; ++i) {
            (more[i], less[i]) = (boundary[i], boundary[i]);
        }
        more[less.length] = boundary[less.length];
        vm.expectRevert(MerkleSum.BoundaryLengthWrong.selector);
        this.verifyRange(tree.root, run, more, 3);
        vm.expectRevert(MerkleSum.BoundaryLengthWrong.selector);
        this.verifyRange(tree.root, run, less, 3);
    }

    /// The memory beyond the free pointer is scratch: nothing that was allocated before or after may be hurt.
    function test_ARangeLeavesOtherMemoryAlone() external view {
        (SumTree.Tree memory tree, bytes32[] memory entries) = _tree(8, 1000);
        bytes32[] memory run = _slice(entries, 1, 6);
        (bytes32 before, bytes32 afterwards) = this.hashAround(tree.root, run, tree.boundary(1, 6));
        vm.assertEq(before, afterwards);
    }

    function hashAround(bytes32 root, bytes32[] calldata entries, bytes32[] calldata boundary)
        external
        pure
        returns (bytes32 before, bytes32 afterwards)
    {
        bytes memory canary = "a canary of more than thirty-two bytes in memory";
        before = keccak256(canary);
        require(MerkleSum.verifyRange(root, entries, boundary, 3), "does not verify");
        bytes memory fresh = new bytes(100);
        require(keccak256(fresh) == keccak256(new bytes(100)), "fresh memory is dirty");
        afterwards = keccak256(canary);
    }

    function _tree(uint256 count, uint256 base)
        private
        pure
        returns (SumTree.Tree memory tree, bytes32[] memory entries)
    {
        entries = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            entries[i] = SumTree.entry(i, address(uint160(i + 1)), base + i);
        }
        tree = SumTree.build(entries);
    }

    function _range(uint256 from, uint256 to, uint256 count) private pure returns (uint256 first, uint256 last) {
        (first, last) = (from % count, to % count);
        if (first > last) (first, last) = (last, first);
    }

    function _slice(bytes32[] memory entries, uint256 first, uint256 last) private pure returns (bytes32[] memory run) {
        run = new bytes32[](last - first + 1);
        for (uint256 i = 0; i < run.length; ++i) {
            run[i] = entries[first + i];
        }
    }

    function _one(bytes32 entry) private pure returns (bytes32[] memory entries) {
        entries = new bytes32[](1);
        entries[0] = entry;
    }
}
