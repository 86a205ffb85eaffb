/** The keys that sign for a vault. They are the streams' owner's to name, whoever sponsors. */
import type { Sponsorship } from '../../api/sponsors';
import type { Hex } from '../../api/types';
import { Age, Hash } from '../../parts/figures';
import { Section } from '../../parts/section';
import { SessionKeys, type KeyActions } from '../../parts/session_keys';

export function VaultKeys({ data: { as_of, vault }, own }: { data: Sponsorship; own: Hex | null }) {
  const address = vault.vault;
  const actions: KeyActions = {
    authorize: (key, proof) => ({ action: 'authorize_sponsored_key', vault: address, key, proof }),
    revoke: (key) => ({ action: 'revoke_sponsored_key', vault: address, key }),
  };
  const owns = own !== null && own.toLowerCase() === vault.stream_owner.toLowerCase();
  return (
    <Section title="Keys" foot={<Age asOf={as_of} />}>
      <p class="hint">
        {owns ? (
          'The streams are yours, so the keys are yours to name. Make a new key for each vault: it belongs to one payer for good, spends the vault’s quota, and what it signs beyond is billed to the sponsors.'
        ) : (
          <>
            Only the streams’ owner, <Hash hex={vault.stream_owner} />, names the keys and takes them back.
          </>
        )}
      </p>
      <SessionKeys caption="Keys that sign for the vault" keys={vault.keys} payer={address} whose="this vault" actions={owns ? actions : null} />
    </Section>
  );
}
