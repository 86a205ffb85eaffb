// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ChannelHub} from "../../../../contracts/channels/ChannelHub.sol";
import {IChannelHub} from "../../../../contracts/interfaces/IChannelHub.sol";
import {IOperatorRegistry} from "../../../../contracts/interfaces/IOperatorRegistry.sol";
import {IPoolFacts} from "../../../../contracts/interfaces/IPoolFacts.sol";
import {IStakePool} from "../../../../contracts/interfaces/IStakePool.sol";
import {ReceiptLib} from "../../../../contracts/libraries/ReceiptLib.sol";
import {OperatorRegistry} from "../../../../contracts/operators/OperatorRegistry.sol";
import {StakePool} from "../../../../contracts/staking/StakePool.sol";
import {vm} from "../../../../scripts/deploy/Vm.sol";
import {UnrulyToken} from "./UnrulyToken.sol";

/// @title Channel fixture
/// @notice A hub beside a real pool and a real registry with two operators, and the moves that tests make in it.
abstract contract ChannelFixture {
    uint64 internal constant GENESIS = 1_000_000;
    uint64 internal constant EPOCH = 1 days;
    uint16 internal constant WINDOW = 60;
    uint256 internal constant DEPOSIT = 100e18;
    uint256 internal constant BOND = 5000e18;
    /// @dev Operators' ids. Each is paid at its own address, `PAYEE` and `OTHER_PAYEE`, not at its owner's.
    uint32 internal constant OPERATOR = 0;
    uint32 internal constant OTHER = 1;
    uint256 internal constant SESSION = 0x5e55;

    address internal immutable ALICE = _account("alice");
    address internal immutable BOB = _account("bob");
    address internal immutable OWNER = _account("owner");
    address internal immutable OTHER_OWNER = _account("other owner");
    address internal immutable PAYEE = _account("payee");
    address internal immutable OTHER_PAYEE = _account("other payee");
    address internal immutable MALLORY = _account("mallory");

    UnrulyToken internal token;
    StakePool internal pool;
    OperatorRegistry internal registry;
    ChannelHub internal hub;

    function setUp() public virtual {
        vm.warp(GENESIS);
        token = UnrulyToken(_newToken());
        address registry_ = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        pool = new StakePool(
            StakePool.Parameters({
                token: address(token),
                distributor: address(this),
                overage: address(this),
                genesis: GENESIS,
                epochLength: EPOCH,
                unbondingEpochs: 2,
                minimumStakeWei: 1e18,
                dustFloorWei: 1e18,
                operatorRegistry: registry_,
                initialQuotaBytesPerData: 354_334_794,
                poolBps: 1000,
                poolLimitBps: 5000
            })
        );
        IERC20 erc20 = IERC20(address(token));
        registry = new OperatorRegistry(erc20, IStakePool(address(pool)), BOND, 3, address(this), new address[](0));
        hub = new ChannelHub(erc20, IOperatorRegistry(address(registry)), IPoolFacts(address(pool)));
        address[5] memory accounts = [ALICE, BOB, OWNER, OTHER_OWNER, MALLORY];
        for (uint256 i = 0; i < accounts.length; ++i) {
            token.transfer(accounts[i], 10_000_000e18);
            vm.startPrank(accounts[i]);
            token.approve(address(hub), 5_000_000e18);
            token.approve(address(registry), type(uint256).max);
            vm.stopPrank();
        }
        vm.prank(OWNER);
        registry.register(PAYEE, uint128(BOND), type(uint64).max, "");
        vm.prank(OTHER_OWNER);
        registry.register(OTHER_PAYEE, uint128(BOND), type(uint64).max, "");
    }

    function _newToken() internal virtual returns (address) {
        return address(new UnrulyToken(address(this), 1e27));
    }

    // Moves.

    function _open(address payer, uint32 operatorId, uint256 depositWei) internal returns (bytes32) {
        vm.prank(payer);
        hub.open(operatorId, WINDOW, depositWei);
        return hub.channelIdOf(payer, operatorId);
    }

    /// @dev ALICE's channel with OPERATOR.
    function _open() internal returns (bytes32) {
        return _open(ALICE, OPERATOR, DEPOSIT);
    }

    function _exit() internal returns (uint256 exitEnds) {
        vm.prank(ALICE);
        hub.exit(OPERATOR);
        return hub.channelOf(ALICE, OPERATOR).exitEnds;
    }

    /// @dev ALICE's exit, to its end.
    function _exitAndSettle() internal {
        vm.warp(_exit());
        hub.settle(ALICE, OPERATOR);
    }

    /// @dev A receipt in the open channel of the two, in its lane number `lane`.
    function _receipt(address payer, uint32 operatorId, uint256 lane, uint256 owedWei)
        internal
        view
        returns (ReceiptLib.Receipt memory)
    {
        return ReceiptLib.Receipt({
            payer: payer,
            operatorId: operatorId,
            node: keccak256("node"),
            streamKey: keccak256(abi.encode("stream", lane)),
            role: 0,
            reader: uint32(lane),
            epoch: pool.currentEpoch(),
            sequence: 1000,
            messages: 25_000,
            payloadBytes: 3_000_000,
            bytesOnTime: 2_900_000,
            contents: keccak256("contents"),
            channel: hub.channelIdOf(payer, operatorId),
            owed: uint128(owedWei)
        });
    }

    function _sign(uint256 key, ReceiptLib.Receipt memory receipt) internal view returns (bytes memory) {
        bytes memory signature = _sign(key, ReceiptLib.digest(receipt, pool.receiptDomainSeparator()));
        return bytes.concat(ReceiptLib.encode(receipt), signature);
    }

    /// @dev ALICE's own word for her channel with OPERATOR.
    function _signed(uint256 lane, uint256 owedWei) internal view returns (bytes memory) {
        return _sign(_key("alice"), _receipt(ALICE, OPERATOR, lane, owedWei));
    }

    function _redeem(bytes memory signed) internal {
        hub.redeem(_words(signed));
    }

    /// @dev A signed receipt as `redeem` takes it.
    function _words(bytes memory signed) internal pure returns (bytes32[9] memory words) {
        return abi.decode(bytes.concat(signed, new bytes(10)), (bytes32[9]));
    }

    function _closeDigest(bytes32 channel, uint256 totalWei) internal view returns (bytes32) {
        bytes32 hash =
            keccak256(abi.encode(keccak256("ChannelClose(bytes32 channel,uint256 totalWei)"), channel, totalWei));
        return keccak256(abi.encodePacked(hex"1901", hub.closeDomainSeparator(), hash));
    }

    /// @dev What somebody signs to end ALICE's channel with OPERATOR.
    function _agreement(string memory name, uint256 totalWei) internal view returns (bytes memory) {
        return _sign(_key(name), _closeDigest(hub.channelIdOf(ALICE, OPERATOR), totalWei));
    }

    function _close(uint256 totalWei) internal {
        hub.close(ALICE, OPERATOR, totalWei, _agreement("alice", totalWei), _agreement("payee", totalWei));
    }

    function _authorize(address payer, uint256 key) internal {
        bytes32 typehash = keccak256("SessionKeyAuthorization(address payer,address key)");
        bytes32 hash = keccak256(abi.encode(typehash, payer, vm.addr(key)));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", pool.receiptDomainSeparator(), hash));
        bytes memory signature = _sign(key, digest);
        vm.prank(payer);
        pool.authorizeSessionKey(vm.addr(key), signature);
    }

    function _lane(bytes32 channel, uint256 lane) internal pure returns (bytes32) {
        bytes32 stream = keccak256(abi.encode("stream", lane));
        return keccak256(abi.encodePacked(channel, keccak256("node"), stream, uint8(0), uint32(lane)));
    }

    function _lanePaid(bytes32 channel, uint256 lane) internal view returns (uint256) {
        return hub.laneAt(_lane(channel, lane)).paidWei;
    }

    function _refused(IChannelHub.Refusal refusal) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IChannelHub.ReceiptRefused.selector, refusal);
    }

    function _account(string memory name) internal pure returns (address) {
        return vm.addr(_key(name));
    }

    function _key(string memory name) internal pure returns (uint256) {
        return uint256(keccak256(bytes(name)));
    }

    function _sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }
}
