// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IStakePool} from "../interfaces/IStakePool.sol";
import {EpochClock} from "./EpochClock.sol";

/// @title Session keys
/// @notice Which keys may sign receipts for a payer, and in which epochs. A key proves that it wants to (so nobody can
/// claim another's key), belongs to one payer ever (so no receipt has two readings) and keeps its right for the epochs
/// it could already have signed for (so a revocation cannot unpay delivered work).
abstract contract SessionKeys is EpochClock, EIP712 {
    struct SessionKey {
        address payer;
        uint32 fromEpoch;
        uint32 lastEpoch;
    }

    bytes32 private constant AUTHORIZATION_TYPEHASH = keccak256("SessionKeyAuthorization(address payer,address key)");

    mapping(address key => SessionKey) private _sessionKeys;

    constructor() EIP712("Tatum", "1") {}

    /// @inheritdoc IStakePool
    function authorizeSessionKey(address key, bytes calldata signature) external {
        // Check: the key is new and signed for this payer.
        address payer = _sessionKeys[key].payer;
        if (payer != address(0)) revert SessionKeyTaken(key, payer);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(AUTHORIZATION_TYPEHASH, msg.sender, key)));
        (address signer, ECDSA.RecoverError flaw,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (flaw != ECDSA.RecoverError.NoError || signer != key) revert SessionKeySignatureInvalid();

        // Effect: the key is this payer's from the current epoch on.
        uint64 epoch = currentEpoch();
        _sessionKeys[key] = SessionKey(msg.sender, uint32(epoch), type(uint32).max);
        emit SessionKeyAuthorized(msg.sender, key, epoch);
    }

    /// @inheritdoc IStakePool
    function revokeSessionKey(address key) external {
        // Check: the caller's key, not revoked yet.
        SessionKey storage sessionKey = _sessionKeys[key];
        if (sessionKey.payer != msg.sender || sessionKey.lastEpoch != type(uint32).max) {
            revert SessionKeyNotAuthorized(key);
        }

        // Effect: the current epoch is its last.
        uint64 epoch = currentEpoch();
        sessionKey.lastEpoch = uint32(epoch);
        emit SessionKeyRevoked(msg.sender, key, epoch);
    }

    /// @inheritdoc IStakePool
    function isAuthorized(address payer, address key, uint64 epoch) external view returns (bool) {
        if (payer == address(0)) return false;
        if (payer == key) return true;
        SessionKey memory sessionKey = _sessionKeys[key];
        return sessionKey.payer == payer && sessionKey.fromEpoch <= epoch && epoch <= sessionKey.lastEpoch;
    }

    /// @inheritdoc IStakePool
    function receiptDomainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }
}
