/** Who pays for the gas: the server, where it does, or one's own wallet. */
import { useEffect, useState } from 'preact/hooks';
import { shortData } from '../amounts';
import type { Account, Relay, RelayTerms } from '../api/types';
import { useSurroundings } from '../context';
import { useLoad } from '../live';
import { gasPriceOf } from '../wallet/provider';

/** More gas than a stake or a claim takes that finds an epoch to close. */
const GAS = 300_000n;

export interface Fee {
  /** What the server pays, if it does. */
  terms: RelayTerms | null;
  isPaid: boolean;
  choose(isPaid: boolean): void;
}

/** The choice: the server pays by itself where the connected account has too little of the chain's coin. */
export function useFee(wanted = true): Fee {
  const { session } = useSurroundings();
  const account = wanted ? (session.connected?.account ?? null) : null;
  const terms = useLoad<Relay>(account && '/v1/relay').data?.relay ?? null;
  const coin = useLoad<Account>(terms && `/v1/accounts/${account}`).data?.coin_wei;
  const price = useGasPrice(terms !== null);
  const [chosen, choose] = useState<boolean | null>(null);
  const lacks = coin !== undefined && (coin === '0' || BigInt(coin) < GAS * price);
  return { terms, isPaid: terms !== null && (chosen ?? lacks), choose };
}

/** What a unit of gas costs by the wallet's word; nothing where it does not say. */
function useGasPrice(wanted: boolean): bigint {
  const { connected } = useSurroundings().session;
  const [price, setPrice] = useState(0n);
  useEffect(() => {
    let gone = false;
    setPrice(0n);
    if (connected && wanted) gasPriceOf(connected.wallet.provider).then((price) => !gone && setPrice(price));
    return () => {
      gone = true;
    };
  }, [connected?.wallet, connected?.chainId, wanted]);
  return price;
}

export function FeeChoice({ fee: { terms, isPaid, choose }, what }: { fee: Fee; what: string }) {
  if (!terms) return null;
  return (
    <label class="choice">
      <input type="checkbox" checked={isPaid} onChange={(event) => choose(event.currentTarget.checked)} />
      <span>
        Have the gas paid
        <small>
          This server pays for {what} of {shortData(BigInt(terms.least_wei))} DATA or more, within a budget. Your account needs none of the
          chain’s coin.
        </small>
      </span>
    </label>
  );
}
