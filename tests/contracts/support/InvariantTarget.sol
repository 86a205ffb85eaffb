// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What forge asks of a contract with invariants: whom it moves at random, and by which functions
abstract contract InvariantTarget {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = _target();
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(_target(), _moves());
    }

    /// @dev The handler, which is there after `setUp`.
    function _target() internal view virtual returns (address);

    /// @dev Its functions; one that stands twice is called twice as often.
    function _moves() internal pure virtual returns (bytes4[] memory selectors);
}
