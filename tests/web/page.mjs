#!/usr/bin/env node
/**
 * The page in a real browser, against a real server and a real chain. Prints a line for each check; ends with 1 at the first that fails.
 *
 * Environment: TATUM_API (the server, which carries the page), TATUM_RPC (anvil, whose accounts are unlocked), TATUM_SHOTS (a folder for
 * screenshots, if wanted), TATUM_SESSION_PROVEN (what `tatum session prove` printed for the first account; without it, another
 * account of the chain signs for the first), TATUM_BROWSER (Chromium, if it is not the one on the PATH), TATUM_PART (network, publisher, operator,
 * delegator, sponsor, auditor, relay or silence: only this part, and its views). The first account needs DATA: three times the least bond and
 * stake, 50, and 500 where an operator has a pool of delegators, and 100 where the server pays for gas.
 */
import { mkdirSync } from 'node:fs';
import { auditor } from './auditor.mjs';
import { delegator } from './delegator.mjs';
import { assertFiles } from './files.mjs';
import { network } from './network.mjs';
import { operator } from './operator.mjs';
import { publisher } from './publisher.mjs';
import { relay } from './relay.mjs';
import { silence } from './silence.mjs';
import { sponsor } from './sponsor.mjs';
import { visitEveryView } from './views.mjs';
import { enter } from './world.mjs';

const PARTS = [network, publisher, operator, delegator, sponsor, auditor, relay, silence];
const only = process.env.TATUM_PART;
const shots = process.env.TATUM_SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

const world = await enter();
const { browser, checks, check } = world;
try {
  await check('the files are small, hashed, and served with a strict policy', () => assertFiles(world));
  for (const part of PARTS.filter((part) => !only || part.name === only)) await part(world);
  // What is said in silence, and of the gas, is on no view of its own.
  if (only !== 'silence' && only !== 'relay')
    await check('every view is accessible, in both schemes, on phone and desktop', () => visitEveryView(world, shots, only));
  checks.done();
} finally {
  await browser.close();
}
