/** What an operator does: registers, changes what may be changed, claims, makes a pool of delegators, leaves. */
import { readJson, until } from './checks.mjs';
import { connect, ended, equal } from './world.mjs';

export async function operator(world) {
  const { api, check, account, others, right, open } = world;
  const owned = async () => (await readJson(api, `/v1/accounts/${account}`)).operators;
  const show = async (id) => readJson(api, `/v1/operators/${id}`);
  let id;

  await check('an operator registers with a bond and a capacity', async () => {
    const before = await owned();
    const page = await open('#/operator');
    await connect(page, 'first');
    const section = page.getByRole('region', { name: 'Register an operator' });
    await section.getByLabel('Name or link').fill('tested in a browser');
    await section.getByRole('button', { name: 'Register' }).click();
    await ended(section, 'done');
    const after = await until('it is there', async () => {
      const now = await owned();
      return now.length > before.length && now;
    });
    id = after.find((one) => !before.includes(one));
    await page.getByRole('link', { name: `Operator ${id}`, exact: true }).click();
    await page.getByRole('heading', { name: `Operator ${id}`, level: 1 }).waitFor();
    await page.context().close();
  });

  const onPage = async (region, act) => {
    const page = await open(`#/operator/${id}`);
    await connect(page, 'first');
    const section = page.getByRole('region', { name: region, exact: true });
    await act(section);
    await page.context().close();
  };
  const node = `0x${[...crypto.getRandomValues(new Uint8Array(32))].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;

  await check('its owner adds a node and removes it', async () => {
    await onPage('Nodes', async (section) => {
      await section.getByRole('textbox').fill(node);
      await section.getByRole('button', { name: 'Add node' }).click();
      await until('the node is there', async () => (await show(id)).nodes.includes(node));
      await section.getByRole('button', { name: `Remove node ${node}` }).click();
      await until('the node is gone', async () => !(await show(id)).nodes.includes(node));
    });
  });
  await check('its owner declares another capacity', async () => {
    await onPage('Capacity', async (section) => {
      await section.getByLabel('Capacity an epoch').fill('0.5');
      await section.getByRole('button', { name: 'Declare' }).click();
      await until('it is declared', async () => (await show(id)).operator.declared_bytes === '500000000');
    });
  });
  await check('its owner changes the payout address', async () => {
    const other = `0x${'0b'.repeat(20)}`;
    await onPage('Payout address', async (section) => {
      await section.getByRole('textbox').fill(other);
      await section.getByRole('button', { name: 'Change the payout address' }).click();
      await until('it is changed', async () => (await show(id)).operator.payout.toLowerCase() === other);
    });
  });
  await check('its owner gives it another name, which is not too long', async () => {
    await onPage('Name', async (section) => {
      await section.getByRole('textbox').fill('é'.repeat(129));
      await section.getByRole('button', { name: 'Rename' }).click();
      await section.locator('.error', { hasText: 'at most 256 bytes; this has 258' }).waitFor();
      await section.getByRole('textbox').fill('renamed in a browser');
      await section.getByRole('button', { name: 'Rename' }).click();
      await until('it is renamed', async () => (await show(id)).name === 'renamed in a browser');
    });
    await onPage('Bond and capacity', (section) => section.getByText('renamed in a browser', { exact: true }).waitFor());
  });
  await check('its owner offers it, takes that back, offers it again; whoever it is offered to accepts, and gives it back', async () => {
    const [other] = others;
    const offeredTo = async () => (await show(id)).candidate?.toLowerCase() ?? null;
    const offer = async (wallet, to) =>
      handing(wallet, 'Hand over', async (section) => {
        await section.getByRole('textbox').fill(to);
        await section.getByRole('button', { name: 'Offer the operator…' }).click();
        await section.getByText(/can do nothing for it any more/).waitFor();
        await section.getByRole('button', { name: 'Go on' }).click();
        await ended(section, 'done');
        await until('it is offered', async () => (await offeredTo()) === to);
      });
    const accept = (wallet, owner) =>
      handing(wallet, 'Offered to you', async (section) => {
        await section.getByRole('button', { name: 'Accept the operator…' }).click();
        await section.getByRole('button', { name: 'Go on' }).click();
        await until('it is another’s', async () => (await show(id)).operator.owner.toLowerCase() === owner);
      });
    const handing = async (wallet, region, act) => {
      const page = await open(`#/operator/${id}`, [
        { name: 'first', account, chain: right },
        { name: 'other', account: other, chain: right },
      ]);
      await connect(page, wallet);
      await act(page.getByRole('region', { name: region, exact: true }), page);
      await page.context().close();
    };
    await handing('first', 'Hand over', async (section) => {
      for (const [typed, words] of [
        ['0x12', 'An address is'],
        [account, 'this account’s already'],
      ]) {
        await section.getByRole('textbox').fill(typed);
        await section.getByRole('button', { name: 'Offer the operator…' }).click();
        await section.locator('.error', { hasText: words }).waitFor();
      }
    });
    await offer('first', other);
    await handing('first', 'Hand over', async (section) => {
      await section.getByRole('button', { name: 'Take the offer back' }).click();
      await until('nobody can take it', async () => (await offeredTo()) === null);
    });
    await offer('first', other);
    await accept('other', other);
    await until('the offer is gone', async () => (await offeredTo()) === null);
    await handing('first', 'Earnings', async (_, page) => {
      equal(await page.getByRole('region', { name: 'Hand over', exact: true }).count(), 0);
    });
    await offer('other', account);
    await accept('first', account);
  });
  await check('its owner adds bond', async () => {
    const before = BigInt((await show(id)).operator.bond_wei);
    await onPage('Bond', async (section) => {
      await section.getByRole('textbox').fill('1');
      await section.getByRole('button', { name: 'Add bond' }).click();
      await until('it has grown', async () => BigInt((await show(id)).operator.bond_wei) > before);
    });
  });
  await check('a claim of nothing, or for nobody, has words', async () => {
    const page = await open('#/operator');
    await connect(page, 'first');
    const section = page.getByRole('region', { name: 'Claim for others' });
    for (const typed of [`${id}`, '999999']) {
      await section.getByRole('textbox').fill(typed);
      await section.getByRole('button', { name: 'Claim' }).click();
      await ended(section, 'failed');
    }
    await page.context().close();
  });
  await check('what there is to claim is claimed, for whoever it is', async () => {
    const { operators } = await readJson(api, '/v1/operators?limit=50');
    const all = await Promise.all(operators.map((one) => show(one.id)));
    const rich = all.filter((one) => BigInt(one.earned?.claimable_nano ?? 0) > 0n).map((one) => one.operator.id);
    if (rich.length === 0) return 'nothing was final that could be claimed';
    const page = await open('#/operator');
    await connect(page, 'first');
    const section = page.getByRole('region', { name: 'Claim for others' });
    await section.getByRole('textbox').fill(rich.join(', '));
    await section.getByRole('button', { name: 'Claim' }).click();
    await ended(section, 'done');
    for (const one of rich)
      await until(`operator ${one} has its money`, async () => BigInt((await show(one)).operator.claimed_nano) > 0n);
    await page.context().close();
    return `operators ${rich.join(', ')}`;
  });
  const pool = async () => (await readJson(api, `/v1/operators/${id}/delegation`)).pool;
  await check('a cut that is none has words, and a pool that is not agreed to is not made', async () => {
    await onPage('Pool of delegators', async (section) => {
      await section.getByRole('textbox').fill('51');
      await section.getByRole('button', { name: 'Make a pool…' }).click();
      await section.getByText('Write a per cent from 0 to 50').waitFor();
      await section.getByRole('textbox').fill('10');
      await section.getByRole('button', { name: 'Make a pool…' }).click();
      await section.getByRole('button', { name: 'Leave it' }).click();
      await ended(section, 'failed');
      equal((await show(id)).pool_owner, null);
    });
  });
  await check('its owner makes a pool of delegators, and runs the operator by it', async () => {
    await onPage('Pool of delegators', async (section) => {
      await section.getByRole('textbox').fill('10');
      await section.getByRole('button', { name: 'Make a pool…' }).click();
      await section.getByRole('button', { name: 'Go on' }).click();
      await until('there is a pool', async () => (await show(id)).pool_owner?.toLowerCase() === account);
      equal((await pool()).cut_bps, 1_000);
    });
    await onPage('Nodes', async (section) => {
      await section.getByRole('textbox').fill(node);
      await section.getByRole('button', { name: 'Add node' }).click();
      await until('the node is there', async () => (await show(id)).nodes.includes(node));
    });
  });
  await check('the cut is lowered at once, and a rise is announced', async () => {
    for (const [typed, done] of [
      ['8', (now) => now.cut_bps === 800],
      ['12.5', (now) => now.cut_bps === 800 && now.next_cut_bps === 1_250],
    ])
      await onPage('Pool of delegators', async (section) => {
        await section.getByLabel('New cut').fill(typed);
        await section.getByRole('button', { name: 'Change the cut…' }).click();
        await section.getByRole('button', { name: 'Go on' }).click();
        await ended(section, 'done');
        await until(`the cut is ${typed} %`, async () => done(await pool()));
      });
  });
  await check('a rise of more than 5 % is refused in words, before anything is sent', async () => {
    await onPage('Pool of delegators', async (section) => {
      await section.getByLabel('New cut').fill('20');
      await section.getByRole('button', { name: 'Change the cut…' }).click();
      await section.getByRole('button', { name: 'Go on' }).click();
      await section.getByText(/it may by 5 % at once\. Nothing was sent\./).waitFor();
    });
  });
  await check('leaving warns first, and then the operator has left', async () => {
    await onPage('Leave', async (section) => {
      await section.getByRole('button', { name: 'Leave the network…' }).click();
      await section.getByRole('button', { name: 'Go on' }).click();
      await until('it has left', async () => (await show(id)).operator.exit_epoch !== null);
    });
  });
}
