/** Staking in one flow: by permit, in one batch, by an approval, or by a transfer that calls. */
import { useEffect, useId, useState } from 'preact/hooks';
import { parsePositiveData, shortData } from '../../amounts';
import type { Account, Action } from '../../api/types';
import { useSurroundings } from '../../context';
import { Act } from '../../parts/act';
import { Field } from '../../parts/field';
import { Section } from '../../parts/section';
import { sendsBatches } from '../../wallet/provider';

type Way = 'permit' | 'batch' | 'approve' | 'transfer_and_call';

const WAYS: Record<Way, [string, string]> = {
  permit: [
    'Permit',
    'One signature without gas, then one transaction. Where your wallet cannot sign, an approval is used instead.',
  ],
  batch: ['One batch', 'Approval and stake are confirmed together; your wallet can do that.'],
  approve: ['Approval', 'Two transactions, or one where an approval is left from before.'],
  transfer_and_call: ['Transfer and call', 'One transaction of the token itself (ERC-677).'],
};

interface StakeFormProps {
  account: Account | null;
  amount: string;
  onAmount: (amount: string) => void;
}

export function StakeForm({ account, amount, onAmount }: StakeFormProps) {
  const [way, setWay] = useState<Way>('permit');
  const [error, setError] = useState<string | null>(null);
  const ways = useWays();
  const balance = account ? BigInt(account.balance_wei) : null;
  const action = (): Action | null => {
    const parsed = parsePositiveData(amount);
    const why = !parsed.ok
      ? parsed.why
      : balance !== null && parsed.wei > balance
        ? `You have ${shortData(balance)} DATA.`
        : null;
    setError(why);
    if (why !== null || !parsed.ok) return null;
    return { action: 'stake', amount_wei: parsed.wei.toString(), by: way === 'batch' ? 'approve' : way };
  };
  return (
    <Section title="Stake">
      <Field
        label="Amount"
        unit="DATA"
        mode="decimal"
        value={amount}
        onValue={(text) => (setError(null), onAmount(text))}
        error={error}
        hint={balance === null ? undefined : `You have ${shortData(balance)} DATA.`}
      />
      <Ways ways={ways} way={way} onWay={setWay} />
      <p class="hint">It counts for your quota from the next epoch on, and pays the fee from then.</p>
      <Act label="Stake" action={action} asBatch={way === 'batch'} onDone={() => onAmount('')} />
    </Section>
  );
}

function Ways({ ways, way, onWay }: { ways: Way[]; way: Way; onWay: (way: Way) => void }) {
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
