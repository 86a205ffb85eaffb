/** What an auditor does: verifies a proof, has a payout explained. */
import { readJson } from './checks.mjs';
import { equal } from './world.mjs';

export async function auditor(world) {
  const { api, check, open } = world;
  const page = await open('#/auditor');
  const epochs = await readJson(api, '/v1/epochs?limit=50').catch(() => []);
  // A younger one has no proofs to claim by yet.
  const rooted = epochs.find((epoch) => epoch.state === 'finalized');
  await check('a proof is verified in the browser, and a tampered one is told its level', async () => {
    if (!rooted) return 'no epoch is finalized yet';
    await page.goto(`${api}/#/auditor/${rooted.epoch}/proof/0`);
    await page.locator('[data-verdict=holds]').waitFor();
    const box = page.getByRole('textbox');
    const proof = JSON.parse(await box.inputValue());
    proof.cumulative_nano = `${BigInt(proof.cumulative_nano) + 1n}`;
    await box.fill(JSON.stringify(proof));
    await page.locator('[data-verdict=wrong]', { hasText: 'cumulative_nano' }).waitFor();
    await page.getByRole('button', { name: 'As it was served' }).click();
    await page.locator('[data-verdict=holds]').waitFor();
    const words = JSON.parse(await box.inputValue());
    for (const [index, word] of words.proof.entries()) {
      const flipped = `0x${word[2] === '0' ? '1' : '0'}${word.slice(3)}`;
      await box.fill(JSON.stringify({ ...words, proof: words.proof.with(index, flipped) }));
      await page.locator('[data-verdict=wrong]', { hasText: `level ${index + 1} ` }).waitFor();
    }
    await box.fill('{');
    await page.locator('[data-verdict=unreadable]').waitFor();
    return `epoch ${rooted.epoch}, ${words.proof.length} levels`;
  });
  await check('a payout is explained row by row', async () => {
    if (!rooted) return 'no epoch is finalized yet';
    const payout = await readJson(api, `/v1/epochs/${rooted.epoch}/payouts/0`);
    await page.goto(`${api}/#/auditor/${rooted.epoch}/payout/0`);
    const sums = page.getByRole('table', { name: 'The payout, added up' });
    for (const nano of [payout.work_nano, payout.total_nano, payout.cumulative_nano])
      await sums.locator(`data[value="${nano}"]`).first().waitFor();
    equal(
      await page.getByRole('table', { name: 'Work by payer' }).getByRole('row').count(),
      payout.work.length && payout.work.length + 1,
    );
    await page.goto(`${api}/#/auditor/${rooted.epoch}/receipts`);
    await page.getByRole('region', { name: 'Receipts', exact: true }).or(page.getByText('No receipts.')).first().waitFor();
    return `${payout.work.length} payers`;
  });
  await page.context().close();
}
