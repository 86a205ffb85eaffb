/** How old what stands of an epoch is: it is as the aggregator had it when the epoch last changed. */
import type { Epoch } from '../../api/types';
import { useLoad } from '../../live';
import { When } from '../../parts/figures';
import { State } from './epochs';

export function Changed({ epoch }: { epoch: Epoch }) {
  return (
    <p class="age">
      As of <When time_s={epoch.updated_ms / 1000} />, when it last changed
    </p>
  );
}

/** The same where the epoch itself is not at hand. */
export function ChangedOf({ epoch }: { epoch: number }) {
  const { data } = useLoad<Epoch>(`/v1/epochs/${epoch}`);
  if (!data) return null;
  return (
    <p class="age">
      The epoch is <State epoch={data} />, as of <When time_s={data.updated_ms / 1000} />, when it last changed
    </p>
  );
}
