/** What `tatum session prove` prints, as text or JSON, or just the two: a key and its word for a payer. */

const ADDRESS = '0x[0-9a-fA-F]{40}(?![0-9a-fA-F])';

/** The key and its proof in a text; or, in words, what is missing or wrong. `whose` is what the payer is called. */
export function keyAndProof(text: string, payer: string, whose = 'your account'): { key: string; proof: string } | string {
  const proof = /0x[0-9a-fA-F]{130}(?![0-9a-fA-F])/.exec(text)?.[0];
  const named = labelled(text, 'payer');
  if (named && named.toLowerCase() !== payer.toLowerCase()) return `This proof is for ${named}, which is not ${whose}.`;
  const others = [...text.matchAll(new RegExp(ADDRESS, 'g'))].map(([address]) => address);
  const key = labelled(text, 'key') ?? others.find((address) => address.toLowerCase() !== payer.toLowerCase());
  if (!key || !proof) return 'Paste both: the key (0x and 40 digits) and its proof (0x and 130 digits).';
  return { key, proof };
}

function labelled(text: string, name: string): string | undefined {
  return new RegExp(`\\b${name}\\b["':\\s]*(${ADDRESS})`, 'i').exec(text)?.[1];
}
