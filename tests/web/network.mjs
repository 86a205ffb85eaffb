/** What anybody sees of a stream: who carries it for whom, and how long its links take. */
import { readJson, until } from './checks.mjs';
import { equal } from './world.mjs';

export async function network(world) {
  const { api, check, open } = world;
  await check('a stream’s links are told with how long they take, the longest first', async () => {
    const listed = await readJson(api, '/v1/streams?limit=1');
    // Nobody takes part once the publishers are gone.
    if (!listed.streams[0]) return 'there is no stream';
    const { stream } = listed.streams[0];
    const ends = (link) => [link.round_trip_by_a_us, link.round_trip_by_b_us].filter((us) => us !== null);
    const told = await until('the relays have told', async () => {
      const told = await readJson(api, `/v1/streams/${stream}`);
      return told.links.every((link) => ends(link).length > 0) && told;
    });
    if (told.links.length === 0) return 'nobody is linked in it';
    const page = await open(`#/network/${stream}`);
    const section = page.getByRole('region', { name: 'How long its links take' });
    await section.getByText(`of ${told.links.length} that are told`).waitFor();
    equal(await section.getByRole('row').count(), told.links.length + 1);
    for (const name of ['Half of them', '99 of 100', 'The longest'])
      await section.locator('.figure', { hasText: name }).getByText(/\d ms$/).waitFor();
    const cells = await section.getByRole('row').nth(1).getByRole('cell').allTextContents();
    equal(cells.filter((cell) => /^[\d.\s]+ ms$/.test(cell)).length > 0, true);
    const lines = await page.locator('.graph line title').allTextContents();
    equal(lines.filter((line) => / ms$/.test(line)).length, told.links.length);
    await page.context().close();
    return `${told.links.length} links`;
  });
}
