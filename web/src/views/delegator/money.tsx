/** Money into a pool of delegators and out of it. */
import { useState } from 'preact/hooks';
import { parsePositiveData, shortData } from '../../amounts';
import type { Action, DelegationPool } from '../../api/types';
import { Act } from '../../parts/act';
import { Field } from '../../parts/field';
import { Section } from '../../parts/section';
import { asked, delegated } from './asked';

export function DelegateForm({ pool }: { pool: DelegationPool }) {
  const [amount, setAmount] = useState('');
  const [error, setError] = useState<string | null>(null);
  if (pool.retired) return null;
  const action = (): Action | null => {
    const made = delegated(pool, parsePositiveData(amount));
    setError(made.why);
    return made.action;
  };
  return (
    <Section title="Delegate">
      <Field
        label="Amount to delegate"
        unit="DATA"
        mode="decimal"
        value={amount}
        onValue={(text) => (setError(null), setAmount(text))}
        error={error}
        hint={`There is room for ${shortData(BigInt(pool.max_delegation_wei))} DATA. A slash of the operator falls on every share.`}
      />
      <Act label="Delegate" action={action} onDone={() => setAmount('')} />
    </Section>
  );
}

export function RequestForm({ pool }: { pool: DelegationPool }) {
  const [amount, setAmount] = useState('');
  const [error, setError] = useState<string | null>(null);
  const some = (): Action | null => {
    const made = asked(pool, parsePositiveData(amount));
    setError(made.why);
    return made.action;
  };
  const epochs = `${pool.unbonding_epochs} ${pool.unbonding_epochs === 1 ? 'epoch' : 'epochs'}`;
  return (
    <Section title="Ask back">
      <p class="notice warn">
        What you ask back stops earning at once, waits {epochs}, and still answers for the operator until it is redeemed.
      </p>
      <Field
        label="Amount to ask back"
        unit="DATA"
        mode="decimal"
        value={amount}
        onValue={(text) => (setError(null), setAmount(text))}
        error={error}
        hint={`Your part is worth ${shortData(BigInt(pool.delegator?.worth_wei ?? '0'))} DATA.`}
      />
      <div class="buttons">
        <Act label="Ask back" action={some} onDone={() => setAmount('')} />
        <Act label="Ask all back" quiet action={() => ({ action: 'request_delegation_all', operator: pool.operator })} />
      </div>
    </Section>
  );
}
