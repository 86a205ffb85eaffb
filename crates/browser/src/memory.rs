//! How a page talks with a tab: it asks for room, writes, calls, reads and gives the room back.
//!
//! Invariant: what was allocated is released once, with the same length; a page that breaks this harms its own memory alone,
//! for the module imports nothing. An instance of the module is one client.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc};
use std::cell::RefCell;
use std::sync::Mutex;

use crate::{Input, Moment, Output, Tab, Terms, encode};

thread_local! {
    static TAB: RefCell<Option<Tab>> = const { RefCell::new(None) };
}

/// What a panic said; the instance is of no use after it.
static LAST_WORDS: Mutex<String> = Mutex::new(String::new());

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
/// `at` came from [`allocate`] or an answer, with this `length`, and is given back for the first time.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn release(at: *mut u8, length: usize) {
    let Ok(layout) = Layout::array::<u8>(length.max(1)) else { return };
    // SAFETY: the caller's promise; all allocate with this layout.
    unsafe { dealloc(at, layout) }
}

/// Opens the client with the terms of `length` bytes at `at`. The answer is empty, or says what is wrong with them.
///
/// # Safety
///
/// `length` bytes at `at` are written.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn open(
    at: *const u8,
    length: usize,
    monotonic_ms: f64,
    machine_ms: f64,
) -> u64 {
    std::panic::set_hook(Box::new(|panic| {
        if let Ok(mut words) = LAST_WORDS.lock() {
            *words = panic.to_string();
        }
    }));
    // SAFETY: the caller's promise.
    let terms = unsafe { std::slice::from_raw_parts(at, length) };
    let terms = serde_json::from_slice::<Terms>(terms).map_err(|error| error.to_string());
    let opened = terms.and_then(|terms| Tab::open(&terms, moment(monotonic_ms, machine_ms)));
    let words = match opened {
        Ok(tab) => {
            TAB.with_borrow_mut(|place| *place = Some(tab));
            String::new()
        }
        Err(reason) => reason,
    };
    handed_over(words.into_bytes())
}

/// Tells the client what happened: `text` bytes at `at`, and `body` bytes behind them. The answer is what it wants done.
///
/// # Safety
///
/// `text` and `body` bytes at `at` are written.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn tell(
    at: *const u8,
    text: usize,
    body: usize,
    monotonic_ms: f64,
    machine_ms: f64,
) -> u64 {
    // SAFETY: the caller's promise.
    let told = unsafe { std::slice::from_raw_parts(at, text.saturating_add(body)) };
    let (text, body) = told.split_at_checked(text).unwrap_or((told, &[]));
    let outputs = match serde_json::from_slice::<Input>(text) {
        Ok(input) => TAB.with_borrow_mut(|tab| {
            let moment = moment(monotonic_ms, machine_ms);
            tab.as_mut().map(|tab| tab.tell(input, body, moment)).unwrap_or_default()
        }),
        Err(error) => vec![Output::Fault { reason: error.to_string() }],
    };
    handed_over(encode(&outputs))
}

/// What a panic said, if there was one.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn last_words() -> u64 {
    let words = LAST_WORDS.lock().map(|words| words.clone()).unwrap_or_default();
    handed_over(words.into_bytes())
}

/// The address in the upper 32 bits, the length in the lower. The caller releases both.
fn handed_over(bytes: Vec<u8>) -> u64 {
    let bytes = bytes.into_boxed_slice();
    let length = bytes.len() as u64;
    if bytes.is_empty() {
        return 0;
    }
    let at = Box::into_raw(bytes).cast::<u8>() as usize as u64;
    (at << 32) | length
}

/// What no clock shows is taken for the nearest time that there is.
#[allow(clippy::cast_possible_truncation)]
fn moment(monotonic_ms: f64, machine_ms: f64) -> Moment {
    Moment { monotonic_ms: monotonic_ms as u64, machine_ms: machine_ms as u64 }
}
