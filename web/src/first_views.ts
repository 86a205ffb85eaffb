/**
 * The views that one comes to first, and their heads: they stand in index.html itself, so that they are there to be read before any script or
 * figure has come.
 *
 * Invariant: what stands in index.html is what the page's script puts in its place, so nothing moves. Of them that one is shown which the
 * address names; none for a view further in.
 */

export interface FirstView {
  /** Its name among the ways. */
  way: string;
  /** Of the window. */
  title: string;
  heading: string;
  lead: string;
}

/** By what stands behind "#/" in the address. */
export const FIRST_VIEWS = {
  network: {
    way: 'Network',
    title: 'Network',
    heading: 'Network',
    lead: 'Publishers stake DATA for a quota, operators relay the messages and are paid for it, and anybody can check every payout.',
  },
  publisher: {
    way: 'Publisher',
    title: 'Publisher',
    heading: 'Publisher',
    lead: 'A stake gives you a quota in every epoch. The fee is a constant part of the stake; the quota per DATA follows demand.',
  },
  operator: {
    way: 'Operator',
    title: 'Operators',
    heading: 'Operators',
    lead: 'An operator bonds DATA, runs nodes, and is paid in every epoch for what its nodes delivered.',
  },
  delegator: {
    way: 'Delegator',
    title: 'Delegator',
    heading: 'Delegator',
    lead: 'A delegation stands behind an operator: it earns what the operator earns, after its owner’s cut, and is slashed with it.',
  },
  sponsor: {
    way: 'Sponsor',
    title: 'Sponsor',
    heading: 'Sponsor',
    lead: 'A sponsors’ vault pays for streams of one owner until an epoch. Many put a stake together; the owner names the keys that read and publish by it.',
  },
  auditor: {
    way: 'Auditor',
    title: 'Auditor',
    heading: 'Epochs',
    lead: 'Every payout follows from signed receipts. Here is what each epoch came to; a proof is verified in your browser, up to the root that claims are paid from.',
  },
} satisfies Record<string, FirstView>;

export type FirstName = keyof typeof FIRST_VIEWS;

/** The page as it stands until the network's figures have come: the ways around, and the head of the view that the address names. */
export function beforeTheScript(): string {
  const views = Object.entries(FIRST_VIEWS);
  const ways = views.map(([name, { way }]) => `<a href="#/${name}">${way}</a>`).join('');
  const heads = views.map(
    ([name, { heading, lead }]) =>
      `<div class="heading first" id="/${name}"><h1>${heading}</h1><p class="lead">${lead}</p></div>`,
  );
  const brand = '<a class="brand" href="#/network"><img src="/src/icon.svg" width="28" height="28" alt="" />Tatum</a>';
  // The server allows this script, and the style, by what they are (`crates/api/src/page.rs`).
  const choose = "<script>document.getElementById(location.hash.slice(1)||'/network')?.classList.remove('first')</script>";
  return `<header class="head">${brand}<nav aria-label="Views">${ways}</nav></header><main>${heads.join('')}<p class="empty loading">Loading…</p></main>${choose}`;
}
