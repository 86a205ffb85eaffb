//! How a page hands over text: it asks for room, writes, calls, reads and gives the room back.
//!
//! Invariant: what was allocated is released once, with the same length; a page that breaks this harms its own memory alone,
//! for the module imports nothing.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc};

use crate::examine;

/// Room for `length` bytes; null if there is none.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn allocate(length: usize) -> *mut u8 {
    let Ok(layout) = Layout::array::<u8>(length.max(1)) else { return std::ptr::null_mut() };
    // SAFETY: the layout's size is not zero.
    unsafe { alloc(layout) }
}

/// Gives room back.
///
/// # Safety
///
/// `at` came from [`allocate`] or [`verify`], with this `length`, and is given back for the first time.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn release(at: *mut u8, length: usize) {
    let Ok(layout) = Layout::array::<u8>(length.max(1)) else { return };
    // SAFETY: the caller's promise; both allocate with this layout.
    unsafe { dealloc(at, layout) }
}

/// Answers the question of `length` bytes at `at`: the answer's address in the upper 32 bits, its length in the lower. The caller releases both.
///
/// # Safety
///
/// `length` bytes at `at` are written.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn verify(at: *const u8, length: usize) -> u64 {
    // SAFETY: the caller's promise.
    let question = unsafe { std::slice::from_raw_parts(at, length) };
    let answer = examine(&String::from_utf8_lossy(question)).into_bytes().into_boxed_slice();
    let length = answer.len() as u64;
    let at = Box::into_raw(answer).cast::<u8>() as usize as u64;
    (at << 32) | length
}
