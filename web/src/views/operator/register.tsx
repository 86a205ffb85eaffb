/** Becoming an operator. */
import { useState } from 'preact/hooks';
import { exactData, parseData, shortBytes, shortData } from '../../amounts';
import type { Account, Action } from '../../api/types';
import { useSurroundings } from '../../context';
import { Act } from '../../parts/act';
import { Field } from '../../parts/field';
import { Section } from '../../parts/section';
import { isAddress } from '../../wallet/provider';
import { BYTE_UNITS, parseBytes } from './bytes_field';

export function Register({ account }: { account: Account | null }) {
  const { network } = useSurroundings();
  const least = BigInt(network.minimum_bond_wei);
  const [payout, setPayout] = useState('');
  const [name, setName] = useState('');
  const [bond, setBond] = useState(exactData(least));
  const [capacity, setCapacity] = useState('1');
  const [unit, setUnit] = useState('GB');
  const [errors, setErrors] = useState<Record<string, string | null>>({});
  const payoutOrOwn = payout.trim() || account?.address || '';
  const action = (): Action | null => {
    const wei = parseData(bond);
    const bytes = parseBytes(capacity, unit);
    const found = {
      payout: isAddress(payoutOrOwn) ? null : 'An address is 0x and 40 hexadecimal digits.',
      bond: !wei.ok ? wei.why : wei.wei < least ? `The least bond is ${shortData(least)} DATA.` : null,
      capacity: bytes === null ? 'Write a number above 0, with up to three decimals.' : null,
    };
    setErrors(found);
    if (Object.values(found).some(Boolean) || !wei.ok || bytes === null) return null;
    return {
      action: 'register_operator',
      payout: payoutOrOwn,
      metadata: name.trim(),
      bond_wei: wei.wei.toString(),
      capacity_bytes: bytes.toString(),
    };
  };
  const bytes = parseBytes(capacity, unit);
  return (
    <Section title="Register an operator">
      <div class="row">
        <Field
          label="Bond"
          unit="DATA"
          mode="decimal"
          value={bond}
          onValue={setBond}
          error={errors.bond ?? null}
          hint={`At least ${shortData(least)} DATA.`}
        />
        <Field
          label="Capacity an epoch"
          mode="decimal"
          value={capacity}
          onValue={setCapacity}
          error={errors.capacity ?? null}
          hint={bytes === null ? 'How much your nodes carry.' : `${shortBytes(bytes)} an epoch; pay ends there.`}
        />
        <Field label="Unit of the capacity" value={unit} onValue={setUnit} choices={BYTE_UNITS} />
      </div>
      <Field
        label="Payout address"
        value={payout}
        onValue={setPayout}
        error={errors.payout ?? null}
        hint={account ? 'Left empty, it is your own account.' : 'Where what you earn is sent.'}
      />
      <Field label="Name or link" value={name} onValue={setName} hint="Shown to everybody; may be left empty." />
      <Act label="Register" action={action} />
    </Section>
  );
}
