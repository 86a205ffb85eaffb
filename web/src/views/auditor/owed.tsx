/** Who signed for more than its quota in an epoch, and the button that bills it. */
import { useState } from 'preact/hooks';
import type { Hex, OwedOverages } from '../../api/types';
import { useLoad } from '../../live';
import { Act } from '../../parts/act';
import { Age, Bytes, Data, Hash } from '../../parts/figures';
import { Pages, pageOf } from '../../parts/pages';
import { Section, Show, Table } from '../../parts/section';

const PAGE = 10;

export function Owed({ epoch }: { epoch: number }) {
  const [after, setAfter] = useState<Hex[]>([]);
  const owed = useLoad<OwedOverages>(
    `/v1/epochs/${epoch}/overages${pageOf(PAGE, 'after', after)}`,
  );
  return (
    <Section title="Overage" foot={owed.data && <Age asOf={owed.data.as_of} />}>
      <Show loaded={owed}>
        {({ overages, is_final, next }) => (
          <>
            <Table
              caption="Payers that signed for more than their quotas"
              rows={overages}
              empty="Nobody signed for more than its quota and the tolerance."
              columns={[
                { name: 'Payer', cell: (row) => <Hash hex={row.payer} /> },
                { name: 'Quota', cell: (row) => <Bytes bytes={row.quota_bytes} />, numeric: true },
                { name: 'Signed for', cell: (row) => <Bytes bytes={row.units} />, numeric: true },
                { name: 'Owes', cell: (row) => <Data wei={row.bill_wei} />, numeric: true },
                {
                  name: 'Bill',
                  cell: (row) => (row.is_filed ? 'filed' : is_final ? <File epoch={epoch} payer={row.payer} /> : 'not final yet'),
                },
              ]}
            />
            {overages.length > 0 && (
              <p class="hint">Whoever files a bill gets a tenth of what is charged; the rest joins the running epoch’s pot.</p>
            )}
            <Pages places={after} next={next} onPlaces={setAfter} />
          </>
        )}
      </Show>
    </Section>
  );
}

function File({ epoch, payer }: { epoch: number; payer: Hex }) {
  return <Act label="File" name={`File the bill of ${payer}`} quiet action={() => ({ action: 'file_overage', epoch, payer })} />;
}
