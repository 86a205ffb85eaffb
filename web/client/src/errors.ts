/** What can go wrong, for programs (`code`) and for people (`message`). */
export type ErrorCode =
  /** The options are not what a client can be opened with. */
  | 'invalid_options'
  /** This browser, or its policy for this page, has no WebAssembly or no WebRTC. */
  | 'unsupported'
  /** What the client or the network consists of could not be fetched. */
  | 'unreachable'
  /** No tracker, or no relay, answered in time. */
  | 'timeout'
  /** No message holds such a payload. */
  | 'too_large'
  /** The stream's owner does not permit it. */
  | 'not_permitted'
  /** Too many messages wait for a relay's word. */
  | 'window_full'
  /** The stream was not opened for publishing. */
  | 'not_open'
  /** The client is ending, or has ended. */
  | 'ending'
  /** A mistake of ours: the client is of no use any more. */
  | 'broken';

export class TatumError extends Error {
  override readonly name = 'TatumError';
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}
