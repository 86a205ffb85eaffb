// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {vm} from "../../../scripts/deploy/Vm.sol";

/// @title Shared vectors of what lies beside receipts
/// @notice The same file is made and read by `crates/receipt`; see tests/vectors/README.md. OpenZeppelin's `MerkleProof` verifies both
/// kinds of leaves against a receipt's `contents`.
contract HeadVectorsTest {
    string private json;

    function setUp() external {
        json = vm.readFile("tests/vectors/heads.json");
    }

    function test_MerkleProofVerifiesAHeadAndItsFiguresAgainstContents() external view {
        uint256 count = _count(".contents[");
        vm.assertGt(count, 0);
        for (uint256 i = 0; i < count; ++i) {
            string memory case_ = string.concat(".contents[", vm.toString(i), "].");
            bytes32 contents = _word(case_, "contents");
            bytes32 head = _head(case_);
            bytes32 figures = _figures(case_);
            vm.assertEq(head, _word(case_, "head_leaf"));
            vm.assertEq(figures, _word(case_, "figures_leaf"));
            vm.assertTrue(MerkleProof.verify(_words(case_, "head_proof"), contents, head));
            vm.assertTrue(MerkleProof.verify(_words(case_, "figures_proof"), contents, figures));
            vm.assertFalse(MerkleProof.verify(_words(case_, "head_proof"), contents, figures));
        }
    }

    function test_SharedWrongProofsOfHeadsAreRefused() external view {
        uint256 count = _count(".refused[");
        vm.assertGt(count, 0);
        for (uint256 i = 0; i < count; ++i) {
            string memory case_ = string.concat(".refused[", vm.toString(i), "].");
            bytes32[] memory proof = _words(case_, "proof");
            vm.assertFalse(MerkleProof.verify(proof, _word(case_, "contents"), _word(case_, "leaf")));
        }
    }

    /// @dev The leaf of the line that the case proves, from its fields.
    function _head(string memory case_) private view returns (bytes32) {
        uint256 place = vm.parseJsonUint(json, string.concat(case_, "at"));
        bytes memory line = abi.encode(
            vm.parseJsonAddress(json, _at(case_, "publishers", place)),
            vm.parseJsonUint(json, _at(case_, "chains", place)),
            vm.parseJsonUint(json, _at(case_, "numbers", place)),
            vm.parseJsonBytes32(json, _at(case_, "ids", place))
        );
        return keccak256(bytes.concat(keccak256(line)));
    }

    function _figures(string memory case_) private view returns (bytes32) {
        uint256 place = vm.parseJsonUint(json, string.concat(case_, "at"));
        bytes memory line = abi.encode(
            vm.parseJsonAddress(json, _at(case_, "publishers", place)),
            vm.parseJsonUint(json, _at(case_, "chains", place)),
            vm.parseJsonUint(json, _at(case_, "spans", place)),
            vm.parseJsonUint(json, _at(case_, "held", place)),
            vm.parseJsonUint(json, _at(case_, "due", place)),
            vm.parseJsonUint(json, _at(case_, "brought", place))
        );
        return keccak256(bytes.concat(keccak256(line)));
    }

    function _at(string memory case_, string memory key, uint256 place) private pure returns (string memory) {
        return string.concat(case_, key, "[", vm.toString(place), "]");
    }

    function _count(string memory list) private view returns (uint256 count) {
        while (vm.keyExistsJson(json, string.concat(list, vm.toString(count), "]"))) ++count;
    }

    function _word(string memory case_, string memory key) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, string.concat(case_, key));
    }

    function _words(string memory case_, string memory key) private view returns (bytes32[] memory) {
        return vm.parseJsonBytes32Array(json, string.concat(case_, key));
    }
}
