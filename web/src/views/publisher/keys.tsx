/** Session keys: which may sign receipts for an account, and letting one or no longer letting it. */
import type { Account } from '../../api/types';
import { Age } from '../../parts/figures';
import { Section } from '../../parts/section';
import { SessionKeys, type KeyActions } from '../../parts/session_keys';

const ACTIONS: KeyActions = {
  authorize: (key, proof) => ({ action: 'authorize_session_key', key, proof }),
  revoke: (key) => ({ action: 'revoke_session_key', key }),
};

export function Keys({ account, mine }: { account: Account; mine: boolean }) {
  return (
    <Section title="Session keys" foot={<Age asOf={account.as_of} />}>
      <p class="hint">
        A session key signs receipts for your account on another machine, so that your own key need not be there.
      </p>
      <SessionKeys
        caption="Session keys of this account"
        keys={account.session_keys}
        payer={account.address}
        whose="your account"
        actions={mine ? ACTIONS : null}
      />
    </Section>
  );
}
