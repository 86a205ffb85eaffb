/** From a rate and a size to a stake and what it costs. */
import { useState } from 'preact/hooks';
import { exactData, shortBytes } from '../../amounts';
import type { Plan } from '../../api/types';
import { useLoad } from '../../live';
import { Field } from '../../parts/field';
import { Age, Data, Figure, Figures } from '../../parts/figures';
import { Section, Show } from '../../parts/section';

export function Planner({ payer, onTake }: { payer: string | null; onTake: (amount: string) => void }) {
  const [rate, setRate] = useState('100');
  const [size, setSize] = useState('1000');
  const errors = [whole(rate, 1_000_000_000), whole(size, 1_000_000_000)] as const;
  const asked = errors.every((error) => error === null);
  const query = `rate_per_s=${rate.trim()}&size_bytes=${size.trim()}&epochs=1${payer ? `&payer=${payer}` : ''}`;
  const plan = useLoad<Plan>(asked ? `/v1/plan?${query}` : null);
  return (
    <Section title="Plan" foot={plan.data && <Age asOf={plan.data.as_of} />}>
      <div class="row">
        <Field label="Messages a second" value={rate} onValue={setRate} mode="numeric" error={errors[0]} />
        <Field label="Size of a message" unit="bytes" value={size} onValue={setSize} mode="numeric" error={errors[1]} />
      </div>
      {asked && <Show loaded={plan}>{(data) => <Result plan={data} onTake={onTake} />}</Show>}
    </Section>
  );
}

function Result({ plan, onTake }: { plan: Plan; onTake: (amount: string) => void }) {
  const missing = plan.payer ? plan.payer.missing_wei : plan.stake_needed_wei;
  return (
    <>
      <Figures>
        <Figure name="Stake needed" note={`for ${shortBytes(BigInt(plan.needed_bytes_per_epoch))} an epoch`}>
          <Data wei={plan.stake_needed_wei} />
        </Figure>
        <Figure name="Fee a day">
          <Data wei={plan.fee_per_day_wei} />
        </Figure>
        <Figure name="Fee a year">
          <Data wei={plan.fee_per_year_wei} />
        </Figure>
        {plan.payer && (
          <Figure name="Your stake lasts" note="until the fees have brought it below what is needed">
            {lasting(plan.payer.lasts_epochs, BigInt(missing))}
          </Figure>
        )}
      </Figures>
      {BigInt(missing) > 0n ? (
        <button type="button" class="quiet" onClick={() => onTake(exactData(BigInt(missing)))}>
          Stake <Data wei={missing} />
        </button>
      ) : (
        <p class="hint">Your stake is enough for this.</p>
      )}
    </>
  );
}

function lasting(epochs: number | null, missing: bigint): string {
  if (missing > 0n) return 'not enough yet';
  // A number of epochs that nobody lives through.
  if (epochs === null || epochs > 1_000_000) return 'for ever';
  return `${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`;
}

function whole(text: string, most: number): string | null {
  if (!/^\d{1,12}$/.test(text.trim()) || Number(text) === 0) return 'Write a whole number above 0.';
  return Number(text) > most ? `${most} is the most that can be planned.` : null;
}
