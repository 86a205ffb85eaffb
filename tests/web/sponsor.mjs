/** What a sponsor does: makes a vault, sponsors in each way, stakes it, asks back, redeems; and what the streams' owner does: names keys. */
import { readJson, until } from './checks.mjs';
import { connect, ended, equal, provenKey } from './world.mjs';

const DATA = 10n ** 18n;

export async function sponsor(world) {
  const { api, chain, check, account, others, right, network, open, nextEpoch } = world;
  const [stranger] = others;
  const name = `weather-${Date.now()}`;
  const wallets = [
    { name: 'first', account, chain: right },
    { name: 'signless', account, chain: right, refuses: { eth_signTypedData_v4: 4200 } },
    { name: 'batching', account, chain: right, batches: true },
    { name: 'stranger', account: stranger, chain: right },
  ];
  const balance = async () => BigInt((await readJson(api, `/v1/accounts/${account}`)).balance_wei);
  const onPage = async (path, region, act, wallet = 'first') => {
    const page = await open(path, wallets);
    await connect(page, wallet);
    const said = await act(page.getByRole('region', { name: region, exact: true }), page);
    await page.context().close();
    return said;
  };
  const create = (streams, epochs, act) =>
    onPage('#/sponsor', 'Make a vault', async (section) => {
      await section.getByRole('textbox', { name: 'Streams', exact: true }).fill(streams);
      await section.getByRole('textbox', { name: /^Lasts/ }).fill(epochs);
      await section.getByRole('button', { name: 'Make the vault' }).click();
      return act(section);
    });
  const madeFor = async (streams, epochs) =>
    create(streams, epochs, async (section) => {
      await ended(section, 'done');
      await section.getByRole('link', { name: /^0x/ }).click();
      const page = section.page();
      await page.getByRole('heading', { name: 'Sponsors’ vault', level: 1 }).waitFor();
      return new URL(page.url()).hash.slice('#/sponsor/'.length);
    });

  await check('a vault is refused with words for what is no stream, no end, or nobody’s', async () => {
    for (const [streams, epochs, words] of [
      ['', '90', 'Name a stream'],
      ['acme/weather', '90', 'Name the streams’ owner'],
      [`${account.slice(0, -1)}/weather`, '90', '40 hexadecimal digits'],
      [`${account}/${name}`, '1001', 'from 1 to 1000'],
    ])
      await create(streams, epochs, (section) => section.locator('.error', { hasText: words }).waitFor());
  });
  // An epoch is seconds long here: one that has just begun lasts for this check and the next.
  await nextEpoch();
  let vault;
  await check('a vault is made for a stream by its name, and led to', async () => {
    vault = await madeFor(`${account}/${name}`, '900');
    const shown = (await readJson(api, `/v1/sponsors/${vault}`)).vault;
    // The chain itself says what the stream's key is.
    const text = Buffer.from(`${account}/${name}#0`).toString('hex');
    equal(shown.streams, await chain('web3_sha3', [`0x${text}`]));
    equal(shown.stream_owner.toLowerCase(), account);
    equal(shown.end_epoch, shown.epoch + 900);
  });
  await check('whoever comes second is told, and led to the one that there is', async () => {
    await create(`${account}/${name}`, '900', async (section) => {
      await ended(section, 'failed');
      await section.locator('[data-stage=failed]', { hasText: 'there may be one already' }).waitFor();
      await section.locator(`a[href="#/sponsor/${vault}"]`).waitFor();
    });
  });
  const shown = async () => (await readJson(api, `/v1/sponsors/${vault}/${account}`)).vault;
  const onVault = (region, act, wallet) => onPage(`#/sponsor/${vault}`, region, act, wallet);

  const sponsorBy = async (wallet, way) => {
    const [before, idle] = [await balance(), BigInt((await shown()).idle_wei)];
    const methods = await onVault(
      'Sponsor',
      async (section, page) => {
        await section.getByRole('textbox').fill('10');
        await section.getByRole('radio', { name: way }).check();
        await section.getByRole('button', { name: 'Sponsor', exact: true }).click();
        await ended(section, 'done');
        return page.evaluate((name) => window.tatumTestWallets[name].calls.map((call) => call.method), wallet);
      },
      wallet,
    );
    equal(await balance(), before - 10n * DATA);
    await until('it lies in the vault', async () => BigInt((await shown()).idle_wei) === idle + 10n * DATA);
    return methods.filter((method) => /sign|send/i.test(method)).join(' ');
  };
  await check('an account sponsors by permit: one signature, one transaction', async () => {
    equal(await sponsorBy('first', /^Permit/), 'eth_signTypedData_v4 eth_sendTransaction');
  });
  await check('a wallet that signs no typed data sponsors by approval instead', async () => {
    equal(await sponsorBy('signless', /^Permit/), 'eth_signTypedData_v4 eth_sendTransaction eth_sendTransaction');
  });
  await check('an account sponsors by transfer and call: one transaction', async () => {
    equal(await sponsorBy('first', /^Transfer and call/), 'eth_sendTransaction');
  });
  await check('an account sponsors by one batch', async () => {
    equal(await sponsorBy('batching', /^One batch/), 'wallet_sendCalls');
  });
  await check('too little, and more than one has, are refused before the wallet is asked', async () => {
    await onVault('Sponsor', async (section, page) => {
      for (const [typed, words] of [
        ['0.09', '0.1 DATA at least'],
        ['999999999999', 'You have'],
        ['1,5', 'without commas'],
      ]) {
        await section.getByRole('textbox').fill(typed);
        await section.getByRole('button', { name: 'Sponsor', exact: true }).click();
        await section.locator('.error', { hasText: words }).waitFor();
      }
      equal(await page.evaluate(() => window.tatumTestWallets.first.calls.some(({ method }) => /sign|send/i.test(method))), false);
    });
  });
  await check('anybody stakes what lies in the vault, which has a quota then', async () => {
    await onVault(
      'Vault',
      async (section) => {
        await section.getByRole('button', { name: 'Stake it' }).click();
        await until('it is staked', async () => {
          const { idle_wei, staked_wei } = await shown();
          return idle_wei === '0' && near(staked_wei, 40n * DATA);
        });
      },
      'stranger',
    );
    equal(BigInt((await shown()).next_quota_bytes) > 0n, true);
  });
  await check('the part stands among what the account sponsors, and leads to its vault', async () => {
    const page = await open(`#/sponsor/account/${account}`);
    await page.getByRole('region', { name: 'Parts of vaults' }).locator(`a[href="#/sponsor/${vault}"]`).click();
    await page.getByRole('heading', { name: 'Sponsors’ vault', level: 1 }).waitFor();
    await page.context().close();
  });

  await check('only the streams’ owner is offered the keys', async () => {
    await onVault(
      'Keys',
      async (section) => {
        await section.getByText('Only the streams’ owner').waitFor();
        equal(await section.getByRole('textbox').count(), 0);
      },
      'stranger',
    );
  });
  await check('the owner authorises a key by its proof for the vault, after a warning, and revokes it', async () => {
    const [own, foreign] = [await provenKey(world, vault), await provenKey(world, account)];
    await onVault('Keys', async (section) => {
      await section.getByRole('textbox').fill(foreign);
      await section.getByRole('button', { name: 'Authorise key' }).click();
      await section.getByText(/which is not this vault/).waitFor();
      await section.getByRole('textbox').fill(own);
      await section.getByRole('button', { name: 'Authorise key' }).click();
      await section.getByText(/billed to the sponsors\. It can never/).waitFor();
      await section.getByRole('button', { name: 'Go on' }).click();
      await section.getByText('active', { exact: true }).waitFor();
      equal((await shown()).keys.length, 1);
      await section.getByRole('button', { name: /^Revoke 0x/ }).click();
      await section.getByRole('button', { name: 'Leave it' }).click();
      await section.getByText('You went no further. Nothing has changed.').waitFor();
      equal((await shown()).keys[0].state, 'active');
      await section.getByRole('button', { name: /^Revoke 0x/ }).click();
      await section.getByRole('button', { name: 'Go on' }).click();
      await section.getByText(/^revoked/).waitFor();
    });
  });

  await check('asking back warns first; left alone, nothing has changed', async () => {
    const worth = async () => BigInt((await shown()).sponsor.worth_wei);
    const before = await worth();
    await onVault('Ask back', async (section) => {
      const ask = section.getByRole('button', { name: 'Ask back', exact: true });
      await section.getByRole('textbox').fill('999');
      await ask.click();
      await section.locator('.error', { hasText: 'Your part is worth' }).waitFor();
      await section.getByRole('textbox').fill('15');
      await ask.click();
      await section.getByRole('button', { name: 'Leave it' }).click();
      await ended(section, 'failed');
      equal(await worth(), before);
      await ask.click();
      await section.getByRole('button', { name: 'Go on' }).click();
      await section.locator('[data-stage=done]').waitFor();
    });
    await until('it was asked for', async () => (await shown()).sponsor.requests.length === 1);
  });
  const slow = network.epoch_length_s <= 30 && network.epoch_length_s * network.unbonding_epochs > 120;
  const advance = async () => {
    await nextEpoch();
    await chain('evm_mine');
  };
  await check('what has waited long enough is redeemed', async () => {
    if (slow) return 'it would take too long';
    const [request] = (await shown()).sponsor.requests;
    for (let epochs = 0; !(await shown()).sponsor.requests[0].redeemable; epochs += 1) {
      if (epochs > 3 * network.unbonding_epochs + 1) throw new Error('it is not redeemed after three unbondings');
      await advance();
    }
    const before = await balance();
    await onVault('Your part', async (section) => {
      await section.getByRole('button', { name: `Redeem what was asked in epoch ${request.requested}` }).click();
      await until('the money is there', async () => (await balance()) > before + 14n * DATA);
    });
    equal((await shown()).sponsor.requests.length, 0);
  });
  await check('a vault that has ended says so, takes nothing more, and its stake is asked back by anybody', async () => {
    vault = await madeFor(`${account}/${name}\n${account}/${name}#1`, '1');
    await sponsorBy('first', /^Transfer and call/);
    await onVault('Vault', async (section) => {
      await section.getByRole('button', { name: 'Stake it' }).click();
      await until('it is staked', async () => near((await shown()).staked_wei, 10n * DATA));
    });
    await advance();
    await onVault(
      'Vault',
      async (section, page) => {
        await section.getByText(/^It ended when epoch/).waitFor();
        equal(await page.getByRole('region', { name: 'Sponsor', exact: true }).count(), 0);
        await section.getByRole('button', { name: 'Ask for the whole stake' }).click();
        await until('nothing is staked', async () => (await shown()).staked_wei === '0');
      },
      'stranger',
    );
  });
}

/** Whether the pool's rounding alone can be between the two. */
function near(wei, expected) {
  const less = expected - BigInt(wei);
  return less >= 0n && less < 1_000n;
}
