/** A client of the network in a browser: publish, subscribe, and sign receipts for what relays deliver (`docs/browser.md`). */
export { connect, type Client, type Events, type Options, type Published, type Settled, type Status } from './client.js';
export { TatumError, type ErrorCode } from './errors.js';
export { networkOf, type Network } from './network.js';
export type { Gap, Item, Message, Overrun, Subscription, Unreadable } from './subscription.js';
export type { Stream } from './wire.js';
