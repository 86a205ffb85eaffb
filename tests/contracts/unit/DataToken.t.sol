// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC677} from "../../../contracts/interfaces/IERC677.sol";
import {IERC677Receiver} from "../../../contracts/interfaces/IERC677Receiver.sol";
import {DataToken} from "../../../contracts/token/DataToken.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

contract Receiver is IERC677Receiver {
    address public sender;
    uint256 public amountWei;
    bytes public data;
    bool public refuses;

    function refuse() external {
        refuses = true;
    }

    function onTokenTransfer(address sender_, uint256 amountWei_, bytes calldata data_) external {
        require(!refuses, "refused");
        (sender, amountWei, data) = (sender_, amountWei_, data_);
    }
}

contract DataTokenTest {
    DataToken private token;
    Receiver private receiver;

    function setUp() external {
        token = new DataToken(address(this), 1000);
        receiver = new Receiver();
    }

    function test_HasTheNameAndDomainOfTheRealToken() external view {
        vm.assertEq(token.name(), "Streamr");
        vm.assertEq(token.symbol(), "DATA");
        vm.assertEq(token.decimals(), 18);
        vm.assertEq(token.totalSupply(), 1000);
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Streamr"),
                keccak256("1"),
                block.chainid,
                address(token)
            )
        );
        vm.assertEq(token.DOMAIN_SEPARATOR(), domain);
    }

    function test_WhenTheReceiverIsAContract_ItIsTold() external {
        vm.expectEmit(address(token));
        emit IERC677.Transfer(address(this), address(receiver), 7, "hello");
        vm.assertTrue(token.transferAndCall(address(receiver), 7, "hello"));
        vm.assertEq(token.balanceOf(address(receiver)), 7);
        vm.assertEq(receiver.sender(), address(this));
        vm.assertEq(receiver.amountWei(), 7);
        vm.assertEq(receiver.data(), "hello");
    }

    function test_WhenTheReceiverHasNoCode_ItIsOnlyATransfer() external {
        vm.assertTrue(token.transferAndCall(address(0xbeef), 7, "hello"));
        vm.assertEq(token.balanceOf(address(0xbeef)), 7);
    }

    function test_RevertWhen_TheReceiverRefuses() external {
        receiver.refuse();
        vm.expectRevert("refused");
        token.transferAndCall(address(receiver), 7, "");
    }
}
