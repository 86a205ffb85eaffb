/** What an operator's owner may change. */
import { useState } from 'preact/hooks';
import { parsePositiveData, shortBytes } from '../../amounts';
import type { OneOperator, Operator } from '../../api/types';
import { useSurroundings } from '../../context';
import { Act } from '../../parts/act';
import { Field } from '../../parts/field';
import { Section } from '../../parts/section';
import { useTyped } from '../../parts/typed';
import { isAddress } from '../../wallet/provider';
import { BYTE_UNITS, parseBytes } from './bytes_field';
import { HandOver, Rename } from './hand_over';

export function Manage({ data }: { data: OneOperator }) {
  const { network } = useSurroundings();
  const { operator } = data;
  const pooled = data.pool_owner !== null;
  const left = operator.exit_epoch !== null;
  const free = operator.bond_free_from !== null && operator.bond_free_from <= network.epoch;
  return (
    <>
      {!left && (
        <div class="columns">
          <Capacity operator={operator} />
          {!pooled && <Bond operator={operator} />}
        </div>
      )}
      <div class="columns">
        <Rename data={data} />
        {!pooled && <Payout operator={operator} />}
      </div>
      {!pooled && <HandOver data={data} />}
      <Section title="Leave">
        {!left && <Leave operator={operator} />}
        {left && pooled && <p>It has left. Its bond is the pool’s: ask your part back there.</p>}
        {left && !pooled && free && BigInt(operator.bond_wei) > 0n && (
          <Act label="Withdraw bond" action={() => ({ action: 'withdraw_bond', operator: operator.id })} />
        )}
        {left && !pooled && !free && <p>It has left. Its bond is free from epoch {operator.bond_free_from ?? '…'} on.</p>}
        {left && !pooled && BigInt(operator.bond_wei) === 0n && <p>It has left, and its bond was withdrawn.</p>}
      </Section>
    </>
  );
}

function Capacity({ operator }: { operator: Operator }) {
  const [unit, setUnit] = useState('GB');
  const { field, act } = useTyped((text) => {
    const bytes = parseBytes(text, unit);
    if (bytes === null) return { action: null, why: 'Write a number above 0, with up to three decimals.' };
    return { action: { action: 'declare_capacity', operator: operator.id, capacity_bytes: bytes.toString() }, why: null };
  });
  return (
    <Section title="Capacity">
      <div class="row">
        <Field
          label="Capacity an epoch"
          mode="decimal"
          {...field}
          hint={`This epoch: ${shortBytes(BigInt(operator.capacity_bytes))}. A change counts from the next one.`}
        />
        <Field label="Unit of the capacity" value={unit} onValue={setUnit} choices={BYTE_UNITS} />
      </div>
      <Act label="Declare" {...act} />
    </Section>
  );
}

function Bond({ operator }: { operator: Operator }) {
  const { field, act } = useTyped((text) => {
    const parsed = parsePositiveData(text);
    if (!parsed.ok) return { action: null, why: parsed.why };
    return { action: { action: 'add_bond', operator: operator.id, amount_wei: parsed.wei.toString() }, why: null };
  });
  return (
    <Section title="Bond">
      <Field
        label="Amount to add"
        unit="DATA"
        mode="decimal"
        {...field}
        hint="More bond backs more capacity. It comes back only when the operator leaves."
      />
      <Act label="Add bond" {...act} />
    </Section>
  );
}

function Payout({ operator }: { operator: Operator }) {
  const { field, act } = useTyped((text) => {
    if (!isAddress(text.trim())) return { action: null, why: 'An address is 0x and 40 hexadecimal digits.' };
    return { action: { action: 'set_payout', operator: operator.id, payout: text.trim() }, why: null };
  });
  return (
    <Section title="Payout address">
      <Field
        label="New payout address"
        {...field}
        hint="Check it twice: what is paid to a wrong address is lost."
      />
      <Act label="Change" name="Change the payout address" {...act} />
    </Section>
  );
}

function Leave({ operator }: { operator: Operator }) {
  return (
    <>
      <p class="notice warn">
        There is no way back under this number: from the next epoch on its bond and capacity count no more. What was earned can
        still be claimed, and the bond be withdrawn once its distributions can no longer be disputed.
      </p>
      <Act label="Leave the network…" quiet action={() => ({ action: 'leave', operator: operator.id })} />
    </>
  );
}
