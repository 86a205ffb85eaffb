/** Staking in one flow: by permit, in one batch, by an approval, or by a transfer that calls. */
import { useState } from 'preact/hooks';
import { parsePositiveData, shortData } from '../../amounts';
import type { Account, Action } from '../../api/types';
import { Act } from '../../parts/act';
import { Field } from '../../parts/field';
import { Section } from '../../parts/section';
import { Ways, wayOf, type Way } from '../../parts/ways';

interface StakeFormProps {
  account: Account | null;
  amount: string;
  onAmount: (amount: string) => void;
}

export function StakeForm({ account, amount, onAmount }: StakeFormProps) {
  const [way, setWay] = useState<Way>('permit');
  const [error, setError] = useState<string | null>(null);
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
    return { action: 'stake', amount_wei: parsed.wei.toString(), by: wayOf(way) };
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
      <Ways way={way} onWay={setWay} />
      <p class="hint">It counts for your quota from the next epoch on, and pays the fee from then.</p>
      <Act label="Stake" action={action} asBatch={way === 'batch'} onDone={() => onAmount('')} />
    </Section>
  );
}
