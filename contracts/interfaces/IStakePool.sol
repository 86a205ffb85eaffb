// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Stake pool
/// @notice Holds publishers' and subscribers' DATA stakes. Each epoch one per cent of every stake is taken as a fee, whose sum (the
/// pot) is sent to the distributor. A stake is a traffic quota; how many bytes a staked DATA buys follows what is staked
/// and what capacity operators bonded.
interface IStakePool {
    event Staked(address indexed user, uint256 amountWei, uint256 shares);
    event UnstakeRequested(address indexed user, uint256 amountWei, uint256 shares, uint64 withdrawableEpoch);
    event Withdrawn(address indexed user, uint256 amountWei);
    event SessionKeyAuthorized(address indexed payer, address indexed key, uint64 fromEpoch);
    /// @param lastEpoch The last epoch for which the key may still sign receipts.
    event SessionKeyRevoked(address indexed payer, address indexed key, uint64 lastEpoch);
    /// @param potWei Sum of the fees taken for `epoch`.
    /// @param totalWei Sum of all stakes that go on into the next epoch: after the fee, without what left at its end.
    event EpochClosed(uint64 indexed epoch, uint256 potWei, uint256 totalWei);
    /// @notice Stands for one `EpochClosed` per epoch of `firstEpoch ..= lastEpoch`, where more than
    /// `CATCH_UP_EVENTS` missed epochs are closed at once; `potOf` tells each epoch's pot.
    /// @param potWei Sum of the fees taken for all of them.
    event EpochsClosed(uint64 indexed firstEpoch, uint64 indexed lastEpoch, uint256 potWei, uint256 totalWei);
    /// @notice `epoch` began, and with it, if there are any, the missed epochs after it up to the next that this tells of.
    /// @param openWei Sum of all stakes that count in it.
    /// @param capacityBytes What operators bonded for it.
    /// @param quotaBytesPerData The quota per DATA that was fixed for it. Less is in force if it would sell too much.
    event EpochOpened(uint64 indexed epoch, uint256 openWei, uint256 capacityBytes, uint256 quotaBytesPerData);
    /// @notice Overage was charged; all of it but the prover's tenth joined the pot of `epoch`, which was running.
    /// @param shares What was taken of the stake, `stakeWei` of them.
    /// @param leavingWei What was taken of the stakes that were asked out and not withdrawn yet.
    event OverageCharged(
        address indexed user, uint64 indexed epoch, uint256 stakeWei, uint256 shares, uint256 leavingWei
    );
    /// @notice Pots of closed epochs went to the distributor.
    event PotsSent(uint256 amountWei);

    /// @notice Thrown when a deployment parameter is out of its range.
    error PoolParameterInvalid();
    /// @notice Thrown when a stake is for nobody.
    error BeneficiaryZero();
    /// @notice Thrown when a stake would leave its user with less than the minimum.
    error StakeBelowMinimum(uint256 stakeWei, uint256 minimumWei);
    /// @notice Thrown when an amount buys no share.
    error NothingMinted();
    /// @notice Thrown when an unstake asks for nothing.
    error AmountZero();
    /// @notice Thrown when an unstake asks for more than the user has staked.
    error StakeTooSmall(uint256 requestedWei, uint256 stakeWei);
    /// @notice Thrown when an unstake would leave a rest below the minimum; ask for everything instead.
    error RemainderBelowMinimum(uint256 remainderWei, uint256 minimumWei);
    /// @notice Thrown when nothing can be withdrawn yet.
    error NothingToWithdraw();
    /// @notice Thrown when a contract other than the token calls `onTokenTransfer`.
    error CallerNotToken(address caller);
    /// @notice Thrown when ERC-677 data is neither empty, nor 20 bytes, nor a 32-byte address.
    error BeneficiaryMalformed();
    /// @notice Thrown when a contract other than the distributor calls.
    error CallerNotDistributor(address caller);
    /// @notice Thrown when a contract other than the one for overage charges.
    error CallerNotOverage(address caller);
    /// @notice Thrown when an epoch's history is asked for before the epoch is closed.
    error EpochNotClosed(uint64 epoch);
    /// @notice Thrown when a quota is asked for in an epoch that has not begun.
    error EpochNotBegun(uint64 epoch);
    /// @notice Thrown when a session key belongs to a payer already, revoked or not; a key belongs to one payer, ever.
    error SessionKeyTaken(address key, address payer);
    /// @notice Thrown when a session key's own signature does not authorise the payer.
    error SessionKeySignatureInvalid();
    /// @notice Thrown when a key to revoke is not an authorised key of the caller.
    error SessionKeyNotAuthorized(address key);

    /// @notice Stakes `amountWei` of the caller's tokens, approved before, for the caller. Like every way in, it first closes
    /// epochs that have ended. The stake pays the running epoch's fee and gives quota from the next epoch on.
    function stake(uint256 amountWei) external;
    /// @notice As `stake`, for another user's account: the caller pays, `user` owns the stake.
    function stakeFor(address user, uint256 amountWei) external;
    /// @notice As `stake`, with an EIP-2612 permit in place of the approval. A permit that was already used (by a front-runner,
    /// say) does no harm: the allowance is what counts.
    function stakeWithPermit(uint256 amountWei, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
    /// @notice Stakes `amountWei` of `owner`'s tokens for `owner`, with its EIP-2612 permit, which anybody may carry here: the caller pays
    /// the gas and gets nothing. The token has to take the permit in this very call, or all of it reverts with the token's reason: so an
    /// allowance that `owner` gave before lets nobody stake for it, and no permit counts twice. One that somebody else handed to the
    /// token first makes this revert; `owner` can `stake` by the allowance that it left then.
    function stakeWithPermitOf(address owner, uint256 amountWei, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;
    /// @notice ERC-677 hook: empty `data` stakes for `sender`; 20 or 32 bytes name the beneficiary.
    function onTokenTransfer(address sender, uint256 amountWei, bytes calldata data) external;
    /// @notice Takes `amountWei` (or everything, for `type(uint256).max`) out of the caller's quota from the next epoch
    /// on; it pays the running epoch's fee and can be withdrawn from `withdrawableEpoch`, but not before an epoch begins with the
    /// distribution of the running one final, so that nobody leaves before its overage is known. After three times the
    /// unbonding it can be withdrawn whatever became of that.
    function requestUnstake(uint256 amountWei) external;
    /// @notice Pays out what the caller asked to unstake and may withdraw now, oldest request first, up to
    /// `WITHDRAWALS_PER_CALL` requests.
    function withdraw() external;

    /// @notice Closes every epoch that has ended and was not closed yet, at a cost that does not depend on the number of
    /// stakers nor (past `CATCH_UP_EVENTS` of them) of epochs. The pots stay here, owed to the distributor, until a
    /// distribution is finalized or `sendPots` is called: closing needs no token transfer and cannot be held up by one.
    /// Missed epochs keep the quota per DATA of the first of them. Anyone may call.
    function closeEpochs() external;
    /// @notice Sends all closed epochs' pots that are still here to the distributor. Anyone may call.
    function sendPots() external;
    /// @notice Called by the distributor when it finalizes: sends the pots, if the token lets it.
    function distributionFinalized(uint64 epoch) external;

    /// @notice Charges up to `billWei` to a user that signed for more than its quota in `epoch`: of its stake, then of what it asked to take
    /// out in that epoch or later and did not withdraw yet. A tenth of it goes to `prover`, the rest joins the running epoch's
    /// pot. Neither fees nor quotas of ended epochs change. The overage contract only.
    function chargeOverage(address user, uint64 epoch, uint256 billWei, address prover)
        external
        returns (uint256 chargedWei);

    /// @param signature `key`'s EIP-712 signature over `SessionKeyAuthorization(address payer,address key)`.
    /// The key may sign for the caller from the current epoch on. A key belongs to one payer, ever.
    function authorizeSessionKey(address key, bytes calldata signature) external;
    /// @notice The key may sign receipts up to the current epoch, and no later ones. It cannot be authorised again.
    function revokeSessionKey(address key) external;
    /// @notice True if `key` may sign receipts of `epoch` for `payer`; a payer may always sign for itself.
    function isAuthorized(address payer, address key, uint64 epoch) external view returns (bool);

    function genesis() external view returns (uint64 timestamp);
    function epochLength() external view returns (uint64 seconds_);
    function unbondingEpochs() external view returns (uint64);
    function minimumStakeWei() external view returns (uint256);
    function currentEpoch() external view returns (uint64);
    /// @notice Number of closed epochs: epochs `0 .. closedEpochs() - 1` are history and never change.
    function closedEpochs() external view returns (uint64);
    /// @notice What `user` has staked now, without what it asked to take out.
    function stakeOf(address user) external view returns (uint256 amountWei);
    /// @notice What `user` asked to take out: the part it can withdraw now, and the part that is still unbonding (the
    /// latter before the running epoch's fee, if that is still to be paid), both without what overage took of it.
    function withdrawalsOf(address user) external view returns (uint256 withdrawableWei, uint256 unbondingWei);
    /// @notice Sum of all stakes that pay the running epoch's fee.
    function totalStakedWei() external view returns (uint256);
    /// @notice What the pool took from `user`'s stake for a closed `epoch`.
    function feeOf(address user, uint64 epoch) external view returns (uint256 feeWei);
    /// @notice Payload bytes `user` may have carried in `epoch` (current or past): its stake at the epoch's start times
    /// `quotaBytesPerData`.
    function quotaOf(address user, uint64 epoch) external view returns (uint256 quotaBytes);
    /// @notice Bytes that a DATA staked buys in `epoch` (current or past): what was fixed for it, or less if that would sell more than
    /// four times the capacity bonded; nothing if none is bonded.
    function quotaBytesPerData(uint64 epoch) external view returns (uint256);
    /// @notice What is fixed for the epoch after the running one, once that was opened; until then, what it would be.
    function nextQuotaBytesPerData() external view returns (uint256);
    /// @notice The quota per DATA of epoch 0, from which its bounds follow.
    function initialQuotaBytesPerData() external view returns (uint256);
    /// @notice How much of the capacity bonded for `epoch` (current or past) is sold to stakes, in basis points.
    function soldBps(uint64 epoch) external view returns (uint256);
    /// @notice Where operators' capacity is counted.
    function operatorRegistry() external view returns (address);
    /// @notice The part of every fee that goes to the operators' common pool; the payer's receipts steer the rest.
    function poolBps() external view returns (uint16);
    /// @notice The most that an operator gets of the common pool, as a share of what it is paid for its work; zero: no limit.
    function poolLimitBps() external view returns (uint16);
    /// @notice Sum of the fees taken for a closed `epoch`.
    function potOf(uint64 epoch) external view returns (uint256 potWei);
    /// @notice What overage added to the pot of `epoch` while that ran. `potOf` is the fees alone.
    function overageWei(uint64 epoch) external view returns (uint256);
    /// @notice Sum of the pots of the closed epochs `0 ..= epoch`, with what overage added to them.
    function fundedThroughWei(uint64 epoch) external view returns (uint256);
    /// @notice Pots of closed epochs that are still here.
    function unsentPotsWei() external view returns (uint256);
    /// @notice The rate at which every epoch's fee is taken, in parts per billion of every stake. It never changes.
    function feeRatePpb() external view returns (uint256);
    /// @notice The EIP-712 domain separator of receipts (name "Tatum", version "1", this contract).
    function receiptDomainSeparator() external view returns (bytes32);
}
