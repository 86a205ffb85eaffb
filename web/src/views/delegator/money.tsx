/** Money into a pool of delegators and out of it. */
import { parsePositiveData, shortData } from '../../amounts';
import type { DelegationPool } from '../../api/types';
import { Act } from '../../parts/act';
import { AskBack } from '../../parts/asked_back';
import { Field } from '../../parts/field';
import { Section } from '../../parts/section';
import { useTyped } from '../../parts/typed';
import { asked, delegated } from './asked';

export function DelegateForm({ pool }: { pool: DelegationPool }) {
  const { field, act } = useTyped((text) => delegated(pool, parsePositiveData(text)));
  if (pool.retired) return null;
  return (
    <Section title="Delegate">
      <Field
        label="Amount to delegate"
        unit="DATA"
        mode="decimal"
        {...field}
        hint={`There is room for ${shortData(BigInt(pool.max_delegation_wei))} DATA. A slash of the operator falls on every share.`}
      />
      <Act label="Delegate" {...act} />
    </Section>
  );
}

export function RequestForm({ pool }: { pool: DelegationPool }) {
  const epochs = `${pool.unbonding_epochs} ${pool.unbonding_epochs === 1 ? 'epoch' : 'epochs'}`;
  return (
    <AskBack
      worth_wei={pool.delegator?.worth_wei ?? '0'}
      some={(amount) => asked(pool, amount)}
      all={{ action: 'request_delegation_all', operator: pool.operator }}
    >
      What you ask back stops earning at once, waits {epochs}, and still answers for the operator until it is redeemed.
    </AskBack>
  );
}
