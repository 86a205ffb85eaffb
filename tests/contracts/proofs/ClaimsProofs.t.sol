// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Distributor} from "../../../contracts/distribution/Distributor.sol";
import {MerkleSum} from "../../../contracts/libraries/MerkleSum.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Bench} from "./support/Bench.sol";
import {TakingToken} from "./support/TakingToken.sol";

/// @title Proofs about claims
/// @notice For all amounts and amounts claimed before, in a tree of four operators (depth 2) whose other words are whatever
/// they are, and for a token that refuses whom it likes.
contract ClaimsProofs is Bench {
    bytes32 private constant LANES_SLOT = keccak256(abi.encode(uint256(0), uint256(1)));
    bytes32 private constant NEXT_LANES_SLOT = keccak256(abi.encode(uint256(1), uint256(1)));

    Distributor private distributor;
    TakingToken private token;

    function setUp() public {
        token = new TakingToken();
        distributor = _distributor(address(token));
    }

    // A claim.

    function check_AClaimTouchesItsOwnLaneOnly0(uint256 booked, uint256 entry, bytes32 a, bytes32 b) external {
        _checkClaim(0, booked, entry, a, b);
    }

    function check_AClaimTouchesItsOwnLaneOnly1(uint256 booked, uint256 entry, bytes32 a, bytes32 b) external {
        _checkClaim(1, booked, entry, a, b);
    }

    function check_AClaimTouchesItsOwnLaneOnly2(uint256 booked, uint256 entry, bytes32 a, bytes32 b) external {
        _checkClaim(2, booked, entry, a, b);
    }

    function check_AClaimTouchesItsOwnLaneOnly3(uint256 booked, uint256 entry, bytes32 a, bytes32 b) external {
        _checkClaim(3, booked, entry, a, b);
    }

    /// @dev The lane becomes the entry's amount, the others stay, and exactly the difference is paid to the payout address; or
    /// nothing is due, and all is as before.
    function _checkClaim(uint256 id, uint256 booked, uint256 rest, bytes32 a, bytes32 b) private {
        bytes32 entry = _entry(id, rest);
        bytes32[] memory path = new bytes32[](2);
        (path[0], path[1]) = (a, b);
        vm.store(address(distributor), 0, this.rootOver(entry, id, path));
        vm.store(address(distributor), LANES_SLOT, bytes32(booked));
        (bool done,) = address(distributor).call(abi.encodeCall(distributor.claim, (entry, path)));
        uint256 after_ = uint256(vm.load(address(distributor), LANES_SLOT));
        uint256 mask = uint256(type(uint64).max) << (64 * id);
        assert(after_ & ~mask == booked & ~mask);
        uint256 before = (booked & mask) >> (64 * id);
        uint256 nano = uint64(rest);
        address payout = MerkleSum.payoutOf(entry);
        if (done) {
            assert(nano > before);
            assert((after_ & mask) >> (64 * id) == nano);
            assert(token.paidWei(payout) == (nano - before) * 1e9);
        } else {
            assert(after_ == booked);
            assert(token.paidWei(payout) == 0);
            assert(nano <= before);
        }
    }

    // A range: what it books and pays is what a claim of each entry would, as it is proven above; and it does so only if the run
    // verifies, of which MerkleSumProofs says that then each entry does. Payout addresses are fixed here, since no contract looks
    // at them.

    function check_ARangeOfOnePaysWhatAClaimWould(
        bytes32 root,
        uint256 booked,
        uint64[4] calldata nano,
        bytes32[2] calldata boundary,
        bool no
    ) external {
        if (no) token.refuse(_payout(2));
        _checkRange(root, booked, nano, 2, 1, _list(boundary, 2));
    }

    /// What the token refuses is not booked either, and the other lane is as without it.
    function check_ARefusalInARangeTouchesItsOwnLaneOnly(
        bytes32 root,
        uint256 booked,
        uint64[4] calldata nano,
        bytes32[2] calldata boundary,
        bool no
    ) external {
        if (no) token.refuse(_payout(1));
        _claimRange(root, booked, nano, 1, 2, _list(boundary, 2));
        uint256 expected = _claimed(booked, 2, nano[1]);
        if (no) assert(token.paidWei(_payout(1)) == 0);
        else expected = _claimed(expected, 1, nano[0]);
        assert(_booked() == expected);
    }

    function check_ARangeOfTwoPaysWhatClaimsWould(
        bytes32 root,
        uint256 booked,
        uint64[4] calldata nano,
        bytes32[2] calldata boundary
    ) external {
        _checkRange(root, booked, nano, 1, 2, _list(boundary, 2));
    }

    function check_ARangeOfThreePaysWhatClaimsWould(
        bytes32 root,
        uint256 booked,
        uint64[4] calldata nano,
        bytes32[2] calldata boundary
    ) external {
        _checkRange(root, booked, nano, 1, 3, _list(boundary, 1));
    }

    /// @custom:slow
    function check_ARangeOfFourPaysWhatClaimsWould(
        bytes32 root,
        uint256 booked,
        uint64[4] calldata nano,
        bytes32[2] calldata boundary
    ) external {
        _checkRange(root, booked, nano, 0, 4, _list(boundary, 0));
    }

    /// The last of one slot and the first of the next, in a tree of eight.
    function check_ARangeOverTwoSlotsPaysWhatClaimsWould(
        bytes32 root,
        uint256[2] calldata booked,
        uint64[2] calldata nano,
        bytes32[4] calldata boundary
    ) external {
        bytes32[] memory entries = new bytes32[](2);
        (entries[0], entries[1]) = (_entryOf(3, nano[0]), _entryOf(4, nano[1]));
        bytes32[] memory words = new bytes32[](4);
        for (uint256 i = 0; i < 4; ++i) {
            words[i] = boundary[i];
        }
        vm.store(address(distributor), 0, root);
        vm.store(address(distributor), LANES_SLOT, bytes32(booked[0]));
        vm.store(address(distributor), NEXT_LANES_SLOT, bytes32(booked[1]));
        distributor.claimRange(entries, words, 3);
        assert(this.verifies(root, entries, words, 3));
        uint256 after_ = uint256(vm.load(address(distributor), LANES_SLOT));
        _assertPaid(3, booked[0], after_);
        assert(after_ == _claimed(booked[0], 3, nano[0]));
        after_ = uint256(vm.load(address(distributor), NEXT_LANES_SLOT));
        _assertPaid(4, booked[1], after_);
        assert(after_ == _claimed(booked[1], 0, nano[1]));
    }

    /// @dev Each lane of the run becomes its entry's amount, if that is more and the token takes it; the others stay.
    function _checkRange(
        bytes32 root,
        uint256 booked,
        uint64[4] calldata nano,
        uint256 first,
        uint256 count,
        bytes32[] memory boundary
    ) private {
        _claimRange(root, booked, nano, first, count, boundary);
        uint256 expected = booked;
        for (uint256 i = 0; i < count; ++i) {
            _assertPaid(first + i, booked, _booked());
            if (!token.refuses(_payout(first + i))) expected = _claimed(expected, first + i, nano[i]);
        }
        assert(_booked() == expected);
    }

    /// @dev Claims a run, of which then every entry stands in the tree.
    function _claimRange(
        bytes32 root,
        uint256 booked,
        uint64[4] calldata nano,
        uint256 first,
        uint256 count,
        bytes32[] memory boundary
    ) private {
        bytes32[] memory entries = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            entries[i] = _entryOf(first + i, nano[i]);
        }
        vm.store(address(distributor), 0, root);
        vm.store(address(distributor), LANES_SLOT, bytes32(booked));
        distributor.claimRange(entries, boundary, 2);
        assert(this.verifies(root, entries, boundary, 2));
    }

    function _booked() private view returns (uint256) {
        return uint256(vm.load(address(distributor), LANES_SLOT));
    }

    /// @dev What was sent is what is booked more than before. No lane falls, so the difference is each lane's own.
    function _assertPaid(uint256 id, uint256 before, uint256 after_) private view {
        unchecked {
            uint256 grown = uint64((after_ - before) >> (64 * (id & 3)));
            assert(token.paidWei(_payout(id)) == grown * 1e9);
        }
    }

    function rootOver(bytes32 entry, uint256 id, bytes32[] calldata path) external pure returns (bytes32) {
        return MerkleSum.rootOf(MerkleSum.climb(MerkleSum.leafOf(entry), id, path), path.length);
    }

    function verifies(bytes32 root, bytes32[] calldata entries, bytes32[] calldata boundary, uint256 depth)
        external
        pure
        returns (bool)
    {
        return MerkleSum.verifyRange(root, entries, boundary, depth);
    }

    /// @dev The slot after a claim of `nano` in a lane. Without a branch, of which each would double the paths of a proof.
    function _claimed(uint256 slot, uint256 lane, uint64 nano) private pure returns (uint256) {
        uint256 mask = uint256(type(uint64).max) << (64 * lane);
        uint256 before = uint64(slot >> (64 * lane));
        return (slot & ~mask) | (_select(nano > before, nano, before) << (64 * lane));
    }

    function _select(bool first, uint256 one, uint256 other) private pure returns (uint256 chosen) {
        assembly ("memory-safe") {
            let mask := sub(0, first)
            chosen := or(and(one, mask), and(other, not(mask)))
        }
    }

    function _list(bytes32[2] calldata words, uint256 count) private pure returns (bytes32[] memory list) {
        list = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            list[i] = words[i];
        }
    }

    function _entry(uint256 id, uint256 rest) private pure returns (bytes32) {
        return bytes32((id << 224) | (rest & type(uint224).max));
    }

    function _entryOf(uint256 id, uint64 nano) private pure returns (bytes32) {
        return bytes32(abi.encodePacked(uint32(id), _payout(id), nano));
    }

    function _payout(uint256 id) private pure returns (address) {
        return address(uint160((1 << 159) + (id << 80) + 0x5A17));
    }
}
