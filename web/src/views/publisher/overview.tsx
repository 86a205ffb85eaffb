/** What an account has, may use, and has used. */
import { count, percent, share, shortBytes } from '../../amounts';
import type { Account } from '../../api/types';
import { Age, Bytes, Data, Figure, Figures, When } from '../../parts/figures';
import { Section } from '../../parts/section';

export function Overview({ account }: { account: Account }) {
  const { stake, used } = account;
  const current = used && used.epoch === stake.epoch ? used : null;
  const [quota, usedBytes] = [BigInt(stake.quota_bytes), BigInt(current?.bytes ?? '0')];
  const left = quota > usedBytes ? quota - usedBytes : 0n;
  return (
    <Section title="Quota and balance" foot={<Age asOf={account.as_of} />}>
      <div class="quota">
        <progress aria-label="Quota used in this epoch" value={share(usedBytes, quota)} max={100} />
        <p>
          {current ? (
            <>
              <strong>{shortBytes(usedBytes)}</strong> of {shortBytes(quota)} used in epoch {count(stake.epoch)}:{' '}
              {shortBytes(left)} left
              {!current.is_complete && ' at most; not all receipts are summed up'}
            </>
          ) : (
            <>
              <strong>{shortBytes(quota)}</strong> in epoch {count(stake.epoch)}; what is used of it is not known here
            </>
          )}
        </p>
      </div>
      <Figures>
        <Figure name="Stake" note={`fee ${percent(stake.fee_rate_ppb)} an epoch`}>
          <Data wei={stake.stake_wei} />
        </Figure>
        <Figure name="Quota next epoch" note={<When time_s={stake.next_epoch_at_s} />}>
          <Bytes bytes={stake.next_quota_bytes} />
        </Figure>
        <Figure name="Balance">
          <Data wei={account.balance_wei} />
        </Figure>
        <Figure name="Fees paid" note={`since epoch ${count(stake.fees_since_epoch)}`}>
          <Data wei={stake.fees_paid_wei} />
        </Figure>
        <Figure name="Coin for gas">
          <Data wei={account.coin_wei} unit={false} />
        </Figure>
        {current && (
          <Figure name="Messages" note={`${shortBytes(BigInt(current.bytes_on_time))} came on time`}>
            {count(current.messages)}
          </Figure>
        )}
      </Figures>
    </Section>
  );
}
