// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDistributor} from "../../../contracts/interfaces/IDistributor.sol";
import {MerkleSum} from "../../../contracts/libraries/MerkleSum.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";
import {HostileToken} from "../support/HostileToken.sol";
import {SumTree} from "../support/SumTree.sol";

contract ClaimsTest is Fixture {
    using SumTree for SumTree.Tree;

    uint256 private constant BASE = 1e8;
    uint256 private constant STEP = 1e6;
    uint256 private constant COUNT = 23;

    bytes32[] private entries;

    function _newToken() internal override returns (address) {
        return address(new HostileToken(address(this), SUPPLY));
    }

    function setUp() public override {
        super.setUp();
        _stake(ALICE, 10_000e18);
        _registerMany(COUNT);
        _endEpoch();
        (SumTree.Tree memory tree, bytes32[] memory made) = _tree(COUNT, BASE, STEP);
        entries = made;
        _proposeAndFinalize(0, tree);
    }

    function test_AClaimPaysTheDifference() external {
        vm.expectEmit(address(distributor));
        emit IDistributor.Claimed(5, _payout(5), uint64(BASE + 5 * STEP));
        _claim(5);
        vm.assertEq(distributor.claimedNano(5), BASE + 5 * STEP);
        vm.assertEq(distributor.claimedNano(4), 0);
        vm.assertEq(distributor.claimedNano(6), 0);
        vm.assertEq(token.balanceOf(_payout(5)), (BASE + 5 * STEP) * 1e9);
        _endEpoch();
        (SumTree.Tree memory tree, bytes32[] memory made) = _tree(COUNT, 3 * BASE, STEP);
        _proposeAndFinalize(1, tree);
        vm.expectEmit(address(distributor));
        emit IDistributor.Claimed(5, _payout(5), uint64(2 * BASE));
        distributor.claim(made[5], tree.proof(5));
        vm.assertEq(distributor.claimedNano(5), 3 * BASE + 5 * STEP);
        vm.assertEq(token.balanceOf(_payout(5)), (3 * BASE + 5 * STEP) * 1e9);
    }

    function test_RevertWhen_NothingIsLeftToClaim() external {
        _claim(5);
        SumTree.Tree memory tree = _rebuilt();
        vm.expectRevert(abi.encodeWithSelector(IDistributor.NothingToClaim.selector, 5));
        distributor.claim(entries[5], tree.proof(5));
    }

    function test_RevertWhen_TheEntryIsNotInTheTree() external {
        SumTree.Tree memory tree = _rebuilt();
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.claim(entries[5], tree.proof(6));
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.claim(SumTree.entry(5, MALLORY, BASE + 5 * STEP), tree.proof(5));
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.claim(SumTree.entry(5, _payout(5), BASE + 5 * STEP + 1), tree.proof(5));
    }

    function test_RevertWhen_TheTokenRefusesASingleClaim() external {
        HostileToken(address(token)).refuse(_payout(5), true);
        SumTree.Tree memory tree = _rebuilt();
        vm.expectRevert("refused");
        distributor.claim(entries[5], tree.proof(5));
        vm.assertEq(distributor.claimedNano(5), 0);
    }

    function test_ThePayoutAddressMayRedirectItsClaim() external {
        HostileToken(address(token)).refuse(_payout(5), true);
        SumTree.Tree memory tree = _rebuilt();
        vm.expectRevert(abi.encodeWithSelector(IDistributor.CallerNotPayout.selector, address(this)));
        distributor.claimTo(entries[5], tree.proof(5), BOB);
        uint256 before = token.balanceOf(BOB);
        vm.expectEmit(address(distributor));
        emit IDistributor.Claimed(5, BOB, uint64(BASE + 5 * STEP));
        vm.prank(_payout(5));
        distributor.claimTo(entries[5], tree.proof(5), BOB);
        vm.assertEq(token.balanceOf(BOB) - before, (BASE + 5 * STEP) * 1e9);
    }

    function test_ARangePaysEachOfItsOperators() external {
        for (uint256 first = 0; first < COUNT; first += 5) {
            _claimRange(first, first + 4 < COUNT ? first + 4 : COUNT - 1);
        }
        for (uint256 i = 0; i < COUNT; ++i) {
            vm.assertEq(token.balanceOf(_payout(i)), (BASE + i * STEP) * 1e9);
            vm.assertEq(distributor.claimedNano(uint32(i)), BASE + i * STEP);
        }
    }

    function test_ARangeSkipsWhatWasClaimed() external {
        _claim(4);
        _claim(7);
        vm.expectEmit(address(distributor));
        emit IDistributor.RangeClaimed(3, _paid(3, 9, 4, 7));
        _claimRange(3, 9);
        for (uint256 i = 0; i < COUNT; ++i) {
            vm.assertEq(distributor.claimedNano(uint32(i)), i >= 3 && i <= 9 ? BASE + i * STEP : 0);
        }
        vm.expectEmit(address(distributor));
        emit IDistributor.RangeClaimed(3, new uint256[](3));
        _claimRange(3, 9);
    }

    function test_ARefusedTransferHoldsUpNobodyElse() external {
        HostileToken(address(token)).refuse(_payout(5), true);
        HostileToken(address(token)).refuse(_payout(8), true);
        vm.expectEmit(address(distributor));
        emit IDistributor.RangeClaimed(3, _paid(3, 9, 5, 8));
        _claimRange(3, 9);
        for (uint256 i = 3; i <= 9; ++i) {
            vm.assertEq(distributor.claimedNano(uint32(i)), i == 5 || i == 8 ? 0 : BASE + i * STEP);
        }
        HostileToken(address(token)).refuse(_payout(5), false);
        _claim(5);
        vm.assertEq(token.balanceOf(_payout(5)), (BASE + 5 * STEP) * 1e9);
    }

    function test_WhenTheTokenReturnsFalse_TheClaimStaysOpen() external {
        vm.mockCall(address(token), _transferTo(5), abi.encode(false));
        vm.expectEmit(address(distributor));
        emit IDistributor.RangeClaimed(3, _paid(3, 9, 5, 5));
        _claimRange(3, 9);
        vm.assertEq(distributor.claimedNano(5), 0);
        vm.clearMockedCalls();
        _claim(5);
        vm.assertEq(token.balanceOf(_payout(5)), (BASE + 5 * STEP) * 1e9);
    }

    function test_WhenTheTokenReturnsNothing_TheClaimIsTaken() external {
        // As older tokens do; no payout is 99.
        vm.mockCall(address(token), _transferTo(5), "");
        vm.expectEmit(address(distributor));
        emit IDistributor.RangeClaimed(3, _paid(3, 9, 99, 99));
        _claimRange(3, 9);
        vm.assertEq(distributor.claimedNano(5), BASE + 5 * STEP);
    }

    function test_RevertWhen_ARangeIsNotInTheTree() external {
        SumTree.Tree memory tree = _rebuilt();
        bytes32[] memory run = _run(3, 9);
        run[2] = SumTree.entry(5, MALLORY, 1e18);
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.claimRange(run, tree.boundary(3, 9), tree.depth);
        vm.expectRevert(MerkleSum.EntriesNotNeighbours.selector);
        distributor.claimRange(new bytes32[](0), new bytes32[](0), tree.depth);
    }

    /// A forged entry anywhere in a run: another's payout, a nano more, and both with the sum made up for by the one beside it.
    function testFuzz_RevertWhen_ARunHasAForgedEntry(uint8 from, uint8 to, uint8 which, uint64 more, bool evened)
        external
    {
        (uint256 first, uint256 last) = (from % COUNT, to % COUNT);
        if (first > last) (first, last) = (last, first);
        which = uint8(first + which % (last - first + 1));
        bytes32[] memory run = _run(first, last);
        uint256 nano = BASE + which * STEP;
        uint256 added = 1 + more % 1e6;
        run[which - first] = SumTree.entry(which, evened ? _payout(which) : MALLORY, nano + (evened ? added : 0));
        if (evened && which < last) {
            run[which - first + 1] = SumTree.entry(which + 1, _payout(which + 1), nano + STEP - added);
        }
        SumTree.Tree memory tree = _rebuilt();
        bytes32[] memory boundary = tree.boundary(first, last);
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.claimRange(run, boundary, tree.depth);
        vm.assertEq(token.balanceOf(MALLORY), 10_000_000e18);
    }

    /// An amount that a later root lowers takes nothing from the neighbours that share its slot, and pays nothing.
    function test_AnAmountThatWasLoweredLeavesItsNeighboursAlone() external {
        _claimRange(0, COUNT - 1);
        _endEpoch();
        uint256[] memory nanos = new uint256[](COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            nanos[i] = i % 3 == 1 ? 1 : 2 * (BASE + i * STEP);
        }
        bytes32[] memory made = _entries(nanos);
        SumTree.Tree memory tree = SumTree.build(made);
        _proposeAndFinalize(1, tree);
        entries = made;
        vm.expectRevert(abi.encodeWithSelector(IDistributor.NothingToClaim.selector, 4));
        distributor.claim(made[4], tree.proof(4));
        _claimRange(0, COUNT - 1);
        for (uint256 i = 0; i < COUNT; ++i) {
            uint256 expected = i % 3 == 1 ? BASE + i * STEP : nanos[i];
            vm.assertEq(distributor.claimedNano(uint32(i)), expected);
            vm.assertEq(token.balanceOf(_payout(i)), expected * 1e9);
        }
    }

    function test_RevertWhen_NothingIsFinalized() external {
        setUpFresh();
        SumTree.Tree memory tree = _rebuilt();
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.claim(entries[5], tree.proof(5));
    }

    function setUpFresh() private {
        super.setUp();
    }

    function testFuzz_ClaimsInAnyOrderPayOnce(uint8[8] memory froms, uint8[8] memory tos, bool[8] memory single)
        external
    {
        bool[] memory claimed = new bool[](COUNT);
        for (uint256 i = 0; i < 8; ++i) {
            (uint256 first, uint256 last) = (froms[i] % COUNT, tos[i] % COUNT);
            if (first > last) (first, last) = (last, first);
            if (single[i]) {
                if (claimed[first]) continue;
                _claim(first);
                claimed[first] = true;
            } else {
                _claimRange(first, last);
                for (uint256 id = first; id <= last; ++id) {
                    claimed[id] = true;
                }
            }
        }
        for (uint256 id = 0; id < COUNT; ++id) {
            uint256 expected = claimed[id] ? BASE + id * STEP : 0;
            vm.assertEq(distributor.claimedNano(uint32(id)), expected);
            vm.assertEq(token.balanceOf(_payout(id)), expected * 1e9);
        }
    }

    function _transferTo(uint256 id) private view returns (bytes memory) {
        return abi.encodeCall(token.transfer, (_payout(id), (BASE + id * STEP) * 1e9));
    }

    function _paid(uint256 first, uint256 last, uint256 without, uint256 andWithout)
        private
        pure
        returns (uint256[] memory lanes)
    {
        lanes = new uint256[](last / 4 - first / 4 + 1);
        for (uint256 i = first; i <= last; ++i) {
            if (i == without || i == andWithout) continue;
            lanes[i / 4 - first / 4] |= (BASE + i * STEP) << (64 * (i % 4));
        }
    }

    function _rebuilt() private view returns (SumTree.Tree memory) {
        return SumTree.build(entries);
    }

    function _claim(uint256 id) private {
        distributor.claim(entries[id], _rebuilt().proof(id));
    }

    function _claimRange(uint256 first, uint256 last) private {
        SumTree.Tree memory tree = _rebuilt();
        distributor.claimRange(_run(first, last), tree.boundary(first, last), tree.depth);
    }

    function _run(uint256 first, uint256 last) private view returns (bytes32[] memory run) {
        run = new bytes32[](last - first + 1);
        for (uint256 i = 0; i < run.length; ++i) {
            run[i] = entries[first + i];
        }
    }
}
