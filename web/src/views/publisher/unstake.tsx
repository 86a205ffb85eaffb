/** Unstaking, what waits, and taking out what has waited long enough. */
import { count, parsePositiveData, percent, shortData } from '../../amounts';
import type { Account } from '../../api/types';
import { useSurroundings } from '../../context';
import { Act } from '../../parts/act';
import { Field } from '../../parts/field';
import { Age, Data, Figure, Figures, When } from '../../parts/figures';
import { Section, Table } from '../../parts/section';
import { useTyped } from '../../parts/typed';

export function Unstake({ account, mine }: { account: Account; mine: boolean }) {
  const { stake } = account;
  const withdrawable = BigInt(stake.withdrawable_wei) > 0n;
  if (BigInt(stake.stake_wei) === 0n && stake.unbonding.length === 0 && !withdrawable) return null;
  return (
    <Section title="Unstake and withdraw" foot={<Age asOf={account.as_of} />}>
      <Figures>
        <Figure name="Waiting">
          <Data wei={stake.unbonding_wei} />
        </Figure>
        <Figure name="Can be withdrawn">
          <Data wei={stake.withdrawable_wei} />
        </Figure>
      </Figures>
      <Table
        caption="Amounts that wait"
        rows={stake.unbonding}
        empty="Nothing waits."
        columns={[
          { name: 'Amount', cell: (row) => <Data wei={row.amount_wei} />, numeric: true },
          { name: 'From epoch', cell: (row) => count(row.withdrawable_epoch), numeric: true },
          { name: 'That is', cell: (row) => <When time_s={row.withdrawable_at_s} /> },
        ]}
      />
      {mine && withdrawable && <Act label="Withdraw" action={() => ({ action: 'withdraw_stake' })} />}
      {mine && BigInt(stake.stake_wei) > 0n && <UnstakeForm stakeWei={BigInt(stake.stake_wei)} />}
    </Section>
  );
}

function UnstakeForm({ stakeWei }: { stakeWei: bigint }) {
  const { network } = useSurroundings();
  const { field, act } = useTyped((text) => {
    const parsed = parsePositiveData(text);
    if (!parsed.ok) return { action: null, why: parsed.why };
    if (parsed.wei > stakeWei) return { action: null, why: `Your stake is ${shortData(stakeWei)} DATA.` };
    return { action: { action: 'unstake', amount_wei: parsed.wei.toString() }, why: null };
  });
  const epochs = `${network.unbonding_epochs} ${network.unbonding_epochs === 1 ? 'epoch' : 'epochs'}`;
  return (
    <div class="forfeit">
      <p class="notice warn">
        What you unstake waits {epochs}, still pays the running epoch’s fee ({percent(network.fee_rate_ppb)}), and gives no quota
        from the next epoch on.
      </p>
      <Field
        label="Amount to unstake"
        unit="DATA"
        mode="decimal"
        {...field}
        hint={`Your stake is ${shortData(stakeWei)} DATA.`}
      />
      <div class="buttons">
        <Act label="Unstake" {...act} />
        <Act label="Unstake all" quiet action={() => ({ action: 'unstake_all' })} />
      </div>
    </div>
  );
}
