/** How a contract gets DATA: by permit, in one batch, by an approval, or by a transfer that calls. */
import { useEffect, useId, useState } from 'preact/hooks';
import { useSurroundings } from '../context';
import { sendsBatches } from '../wallet/provider';

export type Way = 'permit' | 'batch' | 'approve' | 'transfer_and_call';

const WAYS: Record<Way, [string, string]> = {
  permit: [
    'Permit',
    'One signature without gas, then one transaction. Where your wallet cannot sign, an approval is used instead.',
  ],
  batch: ['One batch', 'Both transactions are confirmed together; your wallet can do that.'],
  approve: ['Approval', 'Two transactions, or one where an approval is left from before.'],
  transfer_and_call: ['Transfer and call', 'One transaction of the token itself (ERC-677).'],
};

/** What the API calls it: a batch is an approval and the call after it. */
export function wayOf(way: Way): string {
  return way === 'batch' ? 'approve' : way;
}

export function Ways({ way, onWay }: { way: Way; onWay: (way: Way) => void }) {
  const ways = useWays();
  const name = useId();
  return (
    <fieldset>
      <legend>How</legend>
      {ways.map((each) => (
        <label class="choice">
          <input type="radio" name={name} checked={way === each} onChange={() => onWay(each)} />
          <span>
            {WAYS[each][0]}
            <small>{WAYS[each][1]}</small>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** Those that the connected wallet offers. */
function useWays(): Way[] {
  const { session, network } = useSurroundings();
  const { connected } = session;
  const [batches, setBatches] = useState(false);
  useEffect(() => {
    let gone = false;
    setBatches(false);
    if (connected) {
      sendsBatches(connected.wallet.provider, connected.account, network.chain_id).then((can) => !gone && setBatches(can));
    }
    return () => {
      gone = true;
    };
  }, [connected?.wallet, connected?.account, connected?.chainId]);
  return batches ? ['permit', 'batch', 'approve', 'transfer_and_call'] : ['permit', 'approve', 'transfer_and_call'];
}
