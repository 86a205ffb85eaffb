// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IChannelHub} from "../interfaces/IChannelHub.sol";

/// @notice A channel in one slot, from the lowest bit: deposited wei 88 ‖ paid wei 88 ‖ exit's end 40 ‖ generation 24 ‖ window 16.
type ChannelWord is uint256;

/// @notice A lane in one slot, from the lowest bit: paid wei 96 ‖ signer 160.
type LaneWord is uint256;

using ChannelWords for ChannelWord global;
using LaneWords for LaneWord global;

/// @title Channels, packed
/// @notice Fields of IChannelHub.Channel, read with one load and written with one store; Solidity's own packing takes one of each for
/// every field. A sum that leaves its field would reach the next one, so bounds are the caller's to check.
library ChannelWords {
    function open(uint256 depositWei, uint256 generation_, uint256 windowMinutes_) internal pure returns (ChannelWord) {
        return ChannelWord.wrap(windowMinutes_ << 240 | generation_ << 216 | depositWei);
    }

    /// @notice What is left of a channel: one generation more.
    function closed(ChannelWord self) internal pure returns (ChannelWord) {
        return ChannelWord.wrap(uint256(self.generation() + 1) << 216);
    }

    function withDeposit(ChannelWord self, uint256 amountWei) internal pure returns (ChannelWord) {
        unchecked {
            return ChannelWord.wrap(ChannelWord.unwrap(self) + amountWei);
        }
    }

    function withPayment(ChannelWord self, uint256 amountWei) internal pure returns (ChannelWord) {
        unchecked {
            return ChannelWord.wrap(ChannelWord.unwrap(self) + (amountWei << 88));
        }
    }

    /// @notice The channel, whose exit has not begun, as its exit begins.
    function exiting(ChannelWord self, uint256 exitEnds_) internal pure returns (ChannelWord) {
        return ChannelWord.wrap(ChannelWord.unwrap(self) | exitEnds_ << 176);
    }

    function depositedWei(ChannelWord self) internal pure returns (uint256) {
        return uint88(ChannelWord.unwrap(self));
    }

    function paidWei(ChannelWord self) internal pure returns (uint256) {
        return uint88(ChannelWord.unwrap(self) >> 88);
    }

    function exitEnds(ChannelWord self) internal pure returns (uint256) {
        return uint40(ChannelWord.unwrap(self) >> 176);
    }

    function generation(ChannelWord self) internal pure returns (uint24) {
        return uint24(ChannelWord.unwrap(self) >> 216);
    }

    function windowMinutes(ChannelWord self) internal pure returns (uint16) {
        return uint16(ChannelWord.unwrap(self) >> 240);
    }

    function unpack(ChannelWord self) internal pure returns (IChannelHub.Channel memory) {
        return IChannelHub.Channel({
            depositedWei: uint88(self.depositedWei()),
            paidWei: uint88(self.paidWei()),
            exitEnds: uint40(self.exitEnds()),
            generation: self.generation(),
            windowMinutes: self.windowMinutes()
        });
    }
}

/// @title Lanes, packed
library LaneWords {
    function pack(uint256 paidWei_, address signer_) internal pure returns (LaneWord) {
        return LaneWord.wrap(uint256(uint160(signer_)) << 96 | paidWei_);
    }

    function paidWei(LaneWord self) internal pure returns (uint256) {
        return uint96(LaneWord.unwrap(self));
    }

    function signer(LaneWord self) internal pure returns (address) {
        return address(uint160(LaneWord.unwrap(self) >> 96));
    }
}
