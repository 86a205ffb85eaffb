// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IAssents} from "../../../contracts/interfaces/IAssents.sol";
import {IDelegationFactory} from "../../../contracts/interfaces/IDelegationFactory.sol";
import {IDelegationPool} from "../../../contracts/interfaces/IDelegationPool.sol";
import {IOperatorRegistry} from "../../../contracts/interfaces/IOperatorRegistry.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {DelegationFixture} from "./support/DelegationFixture.sol";

/// @title Delegating, requesting, redeeming
contract DelegationPoolTest is DelegationFixture {
    function test_TheBondBecomesTheOwnersShares() external view {
        IDelegationPool.Status memory now_ = _status();
        vm.assertEq(now_.owner, CAROL);
        vm.assertEq(now_.activeWei, OPERATOR_BOND);
        vm.assertEq(now_.shares, OPERATOR_BOND / NANO);
        vm.assertEq(now_.ownShares, now_.shares);
        vm.assertEq(now_.bondWei, OPERATOR_BOND);
        vm.assertEq(now_.cutBps, CUT);
        vm.assertEq(shares.balanceOf(CAROL), now_.shares);
        vm.assertEq(shares.owner(), CAROL);
        vm.assertEq(shares.operatorId(), OPERATOR);
        vm.assertEq(shares.unbondingEpochs(), UNBOND);
        vm.assertEq(shares.asset(), address(token));
        vm.assertEq(shares.name(), "Tatum delegation to operator 0");
        vm.assertEq(shares.symbol(), "dDATA");
        vm.assertEq(shares.decimals(), 9);
        vm.assertTrue(factory.isCreated(OPERATOR));
        vm.assertFalse(factory.isCreated(1));
        vm.assertEq(registry.operatorAt(OPERATOR).owner, address(shares));
        vm.assertEq(registry.payoutAt(OPERATOR, type(uint64).max), address(shares));
    }

    /// An operator that has a pool assents by the word of the pool's owner, of the one that it has now.
    function test_ThePoolsOwnerAssentsForTheOperator() external {
        _endEpoch();
        IAssents.Assent memory list = IAssents.Assent(1, 3, keccak256("a list of receipts"));
        bytes memory carols = _assentBy(_key("carol"), list);
        bytes memory bobs = _assentBy(_key("bob"), list);
        (uint32[] memory ids, bytes[] memory words) = (new uint32[](1), new bytes[](1));
        words[0] = bobs;
        vm.expectRevert(abi.encodeWithSelector(IAssents.SignatureInvalid.selector, OPERATOR));
        assents.assent(1, list, ids, words);
        vm.assertEq(shares.isValidSignature(_assentDigest(list), carols), bytes4(0x1626ba7e));
        vm.assertEq(shares.isValidSignature(_assentDigest(list), bobs), bytes4(0xffffffff));
        vm.assertEq(shares.isValidSignature(keccak256("another"), carols), bytes4(0xffffffff));
        vm.assertEq(shares.isValidSignature(_assentDigest(list), ""), bytes4(0xffffffff));
        words[0] = carols;
        assents.assent(1, list, ids, words);
        vm.assertEq(assents.assentOf(1).top, list.top);
        // Another owner, another word.
        _delegate(BOB, 1000e18);
        vm.prank(CAROL);
        shares.offerOwner(BOB);
        vm.prank(BOB);
        shares.acceptOwner();
        list.round = 2;
        words[0] = _assentBy(_key("carol"), list);
        vm.expectRevert(abi.encodeWithSelector(IAssents.SignatureInvalid.selector, OPERATOR));
        assents.assent(1, list, ids, words);
        words[0] = _assentBy(_key("bob"), list);
        assents.assent(1, list, ids, words);
    }

    function _assentBy(uint256 key, IAssents.Assent memory list) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, _assentDigest(list));
        return abi.encodePacked(r, s, v);
    }

    /// @dev Of epoch 1.
    function _assentDigest(IAssents.Assent memory list) private view returns (bytes32) {
        bytes32 kind = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        bytes32 domain = keccak256(abi.encode(kind, keccak256("Tatum"), keccak256("1"), block.chainid, assents));
        bytes32 typeHash = keccak256("Assent(uint64 epoch,uint32 round,bytes32 top,uint32 count)");
        bytes32 hash = keccak256(abi.encode(typeHash, uint64(1), list.round, list.top, list.count));
        return keccak256(abi.encodePacked(hex"1901", domain, hash));
    }

    function test_RevertWhen_SomebodyElseMakesOrSetsUpAPool() external {
        uint32 id = _register(BOB, BOB);
        vm.prank(MALLORY);
        vm.expectRevert(abi.encodeWithSelector(IDelegationFactory.CallerNotOperatorOwner.selector, MALLORY));
        factory.create(id, CUT);
        // The operator must have been offered to the pool.
        bytes memory refused = abi.encodeWithSelector(IOperatorRegistry.CallerNotCandidate.selector, factory.poolOf(id));
        vm.prank(BOB);
        vm.expectRevert(refused);
        factory.create(id, CUT);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.CallerNotFactory.selector, address(this)));
        shares.initialize(OPERATOR, MALLORY, 0);
        address implementation = factory.implementation();
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.CallerNotFactory.selector, address(this)));
        IDelegationPool(implementation).initialize(OPERATOR, MALLORY, 0);
    }

    function test_RevertWhen_ALeavingOperatorMakesAPool() external {
        uint32 id = _register(BOB, BOB);
        address expected = factory.poolOf(id);
        vm.startPrank(BOB);
        registry.offerOperator(id, expected);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.CutTooLarge.selector, 5001, 5000));
        factory.create(id, 5001);
        registry.requestExit(id);
        vm.expectRevert(IDelegationPool.PoolRetired.selector);
        factory.create(id, CUT);
        vm.stopPrank();
    }

    function test_SharesFollowThePrice() external {
        vm.expectEmit(address(shares));
        emit IDelegationPool.Deposit(ALICE, ALICE, 1000e18, 1000e9);
        vm.assertEq(_delegate(ALICE, 1000e18 + 5), 1000e9);
        // What is no whole nano stayed with her.
        vm.assertEq(token.balanceOf(address(shares)), 1000e18);
        _earn(600e18);
        vm.warp(block.timestamp + WINDOW_SECONDS);
        vm.assertEq(shares.totalAssets(), 6600e18);
        uint256 expected = shares.previewDeposit(660e18);
        vm.assertEq(shares.convertToShares(660e18), expected);
        vm.assertLt(expected, 660e9);
        vm.assertEq(_delegate(BOB, 660e18), expected);
        vm.assertApproxEqAbs(_worth(BOB), 660e18, 2 * NANO);
    }

    function test_RevertWhen_ADelegationIsTooSmallOrTooDear() external {
        vm.startPrank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.DelegationBelowMinimum.selector, 1e18 - 1, 1e18));
        shares.delegate(1e18 - 1, 0);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.SharesBelowMinimum.selector, 1e9, 1e9 + 1));
        shares.delegate(1e18, 1e9 + 1);
        shares.delegate(1e18, 1e9);
        vm.stopPrank();
    }

    function test_RequestedSharesStopEarningAndAreRedeemed() external {
        _delegate(ALICE, 1000e18);
        shares.rebalance();
        _earn(700e18);
        vm.warp(block.timestamp + EPOCH);
        uint256 worthWei = _worth(ALICE);
        uint64 requestId = _requestAll(ALICE);
        vm.assertEq(requestId, pool.currentEpoch());
        vm.assertEq(shares.balanceOf(ALICE), 0);
        vm.assertEq(shares.requestWorthWei(requestId, ALICE), worthWei);
        vm.assertEq(shares.pendingRedeemRequest(requestId, ALICE), 1000e9);
        vm.assertEq(shares.claimableRedeemRequest(requestId, ALICE), 0);
        shares.rebalance();
        _skipEpochs(UNBOND - 1);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.RequestPending.selector, requestId + UNBOND));
        shares.redeem(requestId, ALICE);
        _skipEpochs(1);
        vm.assertEq(shares.pendingRedeemRequest(requestId, ALICE), 0);
        vm.assertEq(shares.claimableRedeemRequest(requestId, ALICE), 1000e9);
        uint256 before = token.balanceOf(BOB);
        vm.expectEmit(address(shares));
        emit IDelegationPool.Withdraw(ALICE, BOB, ALICE, worthWei, 1000e9);
        vm.prank(ALICE);
        vm.assertEq(shares.redeem(requestId, BOB), worthWei);
        vm.assertEq(token.balanceOf(BOB) - before, worthWei);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.RequestUnknown.selector, requestId));
        shares.redeem(requestId, ALICE);
        vm.assertEq(_status().leavingWei, 0);
    }

    function test_RequestsOfAnEpochAddUp() external {
        _delegate(ALICE, 1000e18);
        uint64 first = _request(ALICE, 100e9);
        vm.assertEq(_request(ALICE, 200e9), first);
        vm.assertEq(shares.pendingRedeemRequest(first, ALICE), 300e9);
        _skipEpochs(1);
        uint64 second = _request(ALICE, 300e9);
        vm.assertEq(second, first + 1);
        shares.rebalance();
        _skipEpochs(UNBOND);
        vm.assertEq(_redeem(ALICE, first), 300e18);
        vm.assertEq(_redeem(ALICE, second), 300e18);
    }

    /// What goes over is what the shares were worth, whatever lies in the books, is being released and was requested before.
    function testFuzz_ARequestIsWorthWhatItsSharesWere(uint96 mine, uint96 income, uint32 later, uint96 part) external {
        // More than half of all tokens there are.
        token.transfer(CAROL, 600_000_000e18);
        _delegate(CAROL, 600_000_000e18);
        uint256 mineWei = 1e18 + uint256(mine) % 9_000_000e18;
        _delegate(ALICE, mineWei);
        _delegate(BOB, 1e18);
        _earn((1 + uint256(income) % 3e17) * NANO);
        vm.warp(block.timestamp + uint256(later) % (2 * WINDOW_SECONDS));
        _request(BOB, 5e8);
        uint256 asked = 1 + uint256(part) % shares.balanceOf(ALICE);
        uint256 worthWei = shares.convertToAssets(asked);
        (uint256 beforeWei, uint256 all) = (shares.totalAssets(), shares.totalSupply());
        uint64 requestId = _request(ALICE, asked);
        // Shares of the leaving book are floored, and so is what they are worth.
        uint256 leftWei = shares.requestWorthWei(requestId, ALICE);
        vm.assertLe(leftWei, worthWei);
        vm.assertGe(leftWei + 6 * NANO, worthWei);
        vm.assertEq(shares.totalAssets(), beforeWei - worthWei);
        vm.assertEq(shares.totalSupply(), all - asked);
        vm.assertEq(_bookedWei(), _realWei());
    }

    function test_RevertWhen_NothingIsRequestedOfAnEmptyBook() external {
        _requestAll(CAROL);
        vm.assertEq(shares.totalSupply(), 0);
        vm.prank(ALICE);
        vm.expectRevert(IDelegationPool.RequestEmpty.selector);
        shares.requestRedeem(0, ALICE, ALICE);
    }

    function test_RevertWhen_ARequestIsNotTheCallersToMake() external {
        _delegate(ALICE, 10e18);
        vm.prank(MALLORY);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.AllowanceTooSmall.selector, MALLORY, 0, 10e9));
        shares.requestRedeem(type(uint256).max, MALLORY, ALICE);
        vm.startPrank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.RecipientInvalid.selector, address(0)));
        shares.requestRedeem(1e9, address(0), ALICE);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.SharesTooFew.selector, ALICE, 10e9, 10e9 + 1));
        shares.requestRedeem(10e9 + 1, ALICE, ALICE);
        vm.expectRevert(IDelegationPool.RequestEmpty.selector);
        shares.requestRedeem(0, ALICE, ALICE);
        shares.approve(BOB, 6e9);
        vm.stopPrank();
        vm.startPrank(BOB);
        uint64 requestId = uint64(shares.requestRedeem(4e9, BOB, ALICE));
        vm.assertEq(shares.allowance(ALICE, BOB), 2e9);
        vm.assertEq(shares.pendingRedeemRequest(requestId, BOB), 4e9);
        vm.stopPrank();
        _skipEpochs(UNBOND);
        vm.startPrank(BOB);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.RecipientInvalid.selector, address(0)));
        shares.redeem(requestId, address(0));
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.RecipientInvalid.selector, address(shares)));
        shares.redeem(requestId, address(shares));
        vm.assertEq(shares.redeem(requestId, BOB), 4e18);
        vm.stopPrank();
    }

    function test_SharesCanBeTransferred() external {
        _delegate(ALICE, 10e18);
        vm.startPrank(ALICE);
        vm.expectEmit(address(shares));
        emit IERC20.Transfer(ALICE, BOB, 4e9);
        shares.transfer(BOB, 4e9);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.RecipientInvalid.selector, address(0)));
        shares.transfer(address(0), 1);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.RecipientInvalid.selector, address(shares)));
        shares.transfer(address(shares), 1);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.SharesTooFew.selector, ALICE, 6e9, 7e9));
        shares.transfer(BOB, 7e9);
        shares.transfer(ALICE, 6e9);
        shares.approve(MALLORY, type(uint256).max);
        vm.stopPrank();
        vm.startPrank(MALLORY);
        shares.transferFrom(ALICE, MALLORY, 6e9);
        vm.assertEq(shares.allowance(ALICE, MALLORY), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.AllowanceTooSmall.selector, MALLORY, 0, 1));
        shares.transferFrom(BOB, MALLORY, 1);
        vm.stopPrank();
        vm.assertEq(shares.balanceOf(ALICE), 0);
        vm.assertEq(shares.balanceOf(BOB), 4e9);
        vm.assertEq(shares.balanceOf(MALLORY), 6e9);
        vm.assertEq(shares.totalSupply(), OPERATOR_BOND / NANO + 10e9);
    }

    function test_IncomeIsReleasedLinearlyAfterTheCut() external {
        _delegate(ALICE, 5000e18);
        _pay(1400e18);
        vm.assertEq(_status().uncollectedWei, 1400e18);
        vm.expectEmit(address(shares));
        emit IDelegationPool.Collected(1400e18, 140e18, 140e9);
        vm.assertEq(shares.collect(), 1400e18);
        vm.assertEq(_status().uncollectedWei, 0);
        vm.assertEq(_worth(ALICE), 5000e18);
        vm.assertEq(_worth(CAROL), 5140e18);
        uint256 start = block.timestamp;
        for (uint256 day = 1; day <= 14; ++day) {
            vm.warp(start + day * EPOCH);
            vm.assertApproxEqAbs(shares.totalAssets(), 10_140e18 + day * 90e18, NANO);
        }
        vm.warp(start + 100 * EPOCH);
        vm.assertEq(shares.totalAssets(), 11_400e18);
        vm.assertEq(shares.collect(), 0);
    }

    /// When a second income comes in, nothing is released faster than if each had its own time, as long as the first would still be on its way;
    /// and all of it is out when the second's own time is over.
    function testFuzz_IncomesAreNotReleasedFasterThanEachAlone(uint64 a, uint64 b, uint32 gap, uint32 later) external {
        uint256 firstWei = (1 + uint256(a) % 1e15) * NANO;
        uint256 secondWei = (1 + uint256(b) % 1e15) * NANO;
        gap = uint32(gap % WINDOW_SECONDS);
        later = uint32(later % (WINDOW_SECONDS - gap + 1));
        uint256 start = block.timestamp;
        _lowerCutToZero();
        _earn(firstWei);
        vm.warp(start + gap);
        uint256 beforeWei = shares.totalAssets();
        _earn(secondWei);
        vm.warp(start + gap + later);
        uint256 gotWei = shares.totalAssets() - beforeWei;
        uint256 ownWei = firstWei * later / WINDOW_SECONDS + secondWei * later / WINDOW_SECONDS;
        vm.assertLe(gotWei, ownWei + 4 * NANO);
        vm.warp(start + gap + WINDOW_SECONDS);
        vm.assertEq(shares.totalAssets(), OPERATOR_BOND + firstWei + secondWei);
    }

    function test_ADonationOfDustHoldsNothingUp() external {
        _lowerCutToZero();
        _earn(1400e18);
        uint256 start = block.timestamp;
        for (uint256 i = 1; i <= 14; ++i) {
            vm.warp(start + i * EPOCH - 1);
            _earn(NANO);
        }
        vm.warp(start + 14 * EPOCH);
        vm.assertGe(shares.totalAssets(), OPERATOR_BOND + 1399.9e18);
    }

    function test_MoneyGoesIntoTheBondAndOutAgain() external {
        _delegate(ALICE, 1000e18);
        shares.rebalance();
        (uint256 bondWei, uint256 releasingWei,) = registry.holdingOf(OPERATOR);
        vm.assertEq(bondWei, 6000e18);
        vm.assertEq(releasingWei, 0);
        vm.assertEq(registry.bondAt(OPERATOR, pool.currentEpoch() + 1), 6000e18);
        _request(ALICE, 400e9);
        shares.rebalance();
        (bondWei, releasingWei,) = registry.holdingOf(OPERATOR);
        vm.assertEq(bondWei, 5600e18);
        vm.assertEq(releasingWei, 400e18);
        shares.rebalance();
        (bondWei, releasingWei,) = registry.holdingOf(OPERATOR);
        vm.assertEq(bondWei, 5600e18);
        vm.assertEq(releasingWei, 400e18);
        _skipEpochs(UNBOND);
        shares.rebalance();
        vm.assertEq(token.balanceOf(address(shares)), 400e18);
        vm.assertEq(_bookedWei(), _realWei());
    }

    /// What is requested while new money comes in is paid from that, and only the rest goes into the bond.
    function test_NewMoneyPaysWhoLeavesFirst() external {
        _delegate(ALICE, 1000e18);
        shares.rebalance();
        uint64 requestId = _requestAll(ALICE);
        _delegate(BOB, 1500e18);
        shares.rebalance();
        (uint256 bondWei, uint256 releasingWei,) = registry.holdingOf(OPERATOR);
        vm.assertEq(bondWei, 6500e18);
        vm.assertEq(releasingWei, 0);
        vm.assertEq(token.balanceOf(address(shares)), 1000e18);
        _skipEpochs(UNBOND);
        vm.assertEq(_redeem(ALICE, requestId), 1000e18);
    }

    function test_RevertWhen_NobodyTookTheMoneyOutOfTheBond() external {
        _delegate(ALICE, 1000e18);
        shares.rebalance();
        uint64 requestId = _requestAll(ALICE);
        _skipEpochs(UNBOND);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.NotFreeYet.selector, 1000e18, 0));
        shares.redeem(requestId, ALICE);
        shares.rebalance();
        _skipEpochs(UNBOND);
        // Redeeming brings it here by itself.
        vm.assertEq(_redeem(ALICE, requestId), 1000e18);
    }

    function test_AnExitGivesEverythingBack() external {
        _delegate(ALICE, 1000e18);
        shares.rebalance();
        vm.prank(CAROL);
        shares.requestExit(OPERATOR);
        vm.assertTrue(_status().retired);
        vm.assertEq(shares.maxDeposit(BOB), 0);
        vm.prank(BOB);
        vm.expectRevert(IDelegationPool.PoolRetired.selector);
        shares.delegate(1e18, 0);
        // Even the owner, with others still inside.
        uint64 requestId = _requestAll(CAROL);
        _delegateFails(BOB);
        vm.assertEq(_requestAll(ALICE), requestId);
        shares.rebalance();
        _skipEpochs(UNBOND);
        vm.assertEq(_redeem(ALICE, requestId), 1000e18);
        shares.rebalance();
        vm.assertEq(_redeem(CAROL, requestId), OPERATOR_BOND);
        vm.assertEq(_realWei(), 0);
    }

    function test_TheOwnerRunsTheOperator() external {
        bytes32 node = keccak256("node");
        vm.startPrank(CAROL);
        shares.addNode(OPERATOR, node);
        vm.assertTrue(registry.nodeOf(OPERATOR, node, pool.currentEpoch()));
        shares.removeNode(OPERATOR, node);
        vm.assertFalse(registry.nodeOf(OPERATOR, node, pool.currentEpoch() + 1));
        shares.declareCapacity(OPERATOR, 7);
        vm.assertEq(registry.operatorAt(OPERATOR).capacityBytes, 7);
        vm.expectEmit(address(registry));
        emit IOperatorRegistry.MetadataChanged(OPERATOR, "ipfs://new");
        shares.setMetadata(OPERATOR, "ipfs://new");
        vm.stopPrank();
        bytes[7] memory calls = [
            abi.encodeCall(shares.addNode, (OPERATOR, node)),
            abi.encodeCall(shares.removeNode, (OPERATOR, node)),
            abi.encodeCall(shares.declareCapacity, (OPERATOR, 7)),
            abi.encodeCall(shares.setMetadata, (OPERATOR, "")),
            abi.encodeCall(shares.requestExit, (OPERATOR)),
            abi.encodeCall(shares.setCut, (0)),
            abi.encodeCall(shares.offerOwner, (MALLORY))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(MALLORY);
            (bool done, bytes memory answer) = address(shares).call(calls[i]);
            vm.assertFalse(done);
            vm.assertEq(answer, abi.encodeWithSelector(IDelegationPool.CallerNotOwner.selector, MALLORY));
        }
    }

    function test_TheOwnerCanBeAnother() external {
        _delegate(ALICE, 5000e18);
        vm.prank(CAROL);
        shares.offerOwner(BOB);
        vm.prank(MALLORY);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.CallerNotOffered.selector, MALLORY));
        shares.acceptOwner();
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.OwnStakeTooSmall.selector, 0, 500e9));
        shares.acceptOwner();
        _delegate(BOB, 600e18);
        vm.expectEmit(address(shares));
        emit IDelegationPool.OwnerChanged(BOB);
        vm.prank(BOB);
        shares.acceptOwner();
        vm.assertEq(shares.owner(), BOB);
        // CAROL is free to go, BOB is not.
        _requestAll(CAROL);
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.OwnStakeTooSmall.selector, 0, 250e9));
        shares.requestRedeem(type(uint256).max, BOB, BOB);
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(IDelegationPool.CallerNotOffered.selector, BOB));
        shares.acceptOwner();
    }

    /// Balances that a loss cut bits off are what they are for the new owner and the old one.
    function test_TheOwnerCanBeAnotherAfterALossThatCutSharesOff() external {
        _delegate(ALICE, 5000e18);
        shares.rebalance();
        _slash(10_000e18 - NANO);
        shares.collect();
        (uint256 alices, uint256 carols) = (shares.balanceOf(ALICE), shares.balanceOf(CAROL));
        vm.assertEq(alices, 5000e9 >> 32);
        vm.prank(CAROL);
        shares.offerOwner(ALICE);
        vm.prank(ALICE);
        shares.acceptOwner();
        vm.assertEq(shares.balanceOf(ALICE), alices);
        vm.assertEq(shares.balanceOf(CAROL), carols);
        vm.assertEq(_status().ownShares, alices);
        // Who takes the seat again keeps all, too.
        vm.startPrank(ALICE);
        shares.offerOwner(ALICE);
        shares.acceptOwner();
        vm.assertEq(shares.balanceOf(ALICE), alices);
        vm.expectRevert(
            abi.encodeWithSelector(IDelegationPool.OwnStakeTooSmall.selector, 0, (alices + carols + 19) / 20)
        );
        shares.transfer(BOB, alices);
        vm.stopPrank();
    }

    function test_AGiftIsTheShares() external {
        _delegate(ALICE, 5000e18);
        vm.prank(BOB);
        registry.addBond(OPERATOR, 1000e18);
        vm.assertEq(shares.totalAssets(), 11_000e18);
        vm.expectEmit(address(shares));
        emit IDelegationPool.GiftNoticed(1000e18);
        shares.collect();
        vm.assertEq(_worth(ALICE), 5500e18);
        vm.assertEq(_bookedWei(), _realWei());
    }

    function test_BeforeTheFirstEpochItIsTheFirst() external {
        vm.warp(pool.genesis() - 1);
        vm.assertEq(shares.claimableRedeemRequest(0, ALICE), 0);
        vm.assertEq(_status().cutBps, CUT);
    }

    /// Seconds of chain time have 32 bits in the books: they end in 2106.
    function test_RevertWhen_TheBooksAreFull() external {
        _delegate(BOB, 10e18);
        _pay(10e18);
        vm.warp(uint256(1 << 32) - EPOCH);
        vm.expectRevert(IDelegationPool.BooksFull.selector);
        shares.collect();
        vm.warp(1 << 32);
        vm.prank(ALICE);
        vm.expectRevert(IDelegationPool.BooksFull.selector);
        shares.delegate(1e18, 0);
        vm.prank(BOB);
        vm.expectRevert(IDelegationPool.BooksFull.selector);
        shares.requestRedeem(1e9, BOB, BOB);
    }

    function _delegateFails(address who) private {
        vm.prank(who);
        vm.expectRevert(IDelegationPool.PoolRetired.selector);
        shares.delegate(1e18, 0);
    }

    function _lowerCutToZero() private {
        vm.prank(CAROL);
        shares.setCut(0);
    }
}
