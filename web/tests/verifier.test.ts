/** The checked-in WebAssembly against the vectors that Rust and Solidity are held to. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Exports {
  memory: WebAssembly.Memory;
  allocate(length: number): number;
  release(at: number, length: number): void;
  verify(at: number, length: number): bigint;
}

interface Vector {
  name: string;
  root: string;
  operator_id: number;
  payout: string;
  cumulative_nano: string;
  entry: string;
  proof: string[];
}

const file = new URL('../src/verifier/verifier.wasm', import.meta.url);
const module = new WebAssembly.Module(readFileSync(file));
const wasm = new WebAssembly.Instance(module, {}).exports as unknown as Exports;
const vectors = JSON.parse(readFileSync(new URL('../../tests/vectors/sum_trees.json', import.meta.url), 'utf8')) as {
  proofs: Vector[];
};

function ask(question: unknown): { verdict: string; reason?: string; differences?: unknown[]; detail?: string } {
  const bytes = new TextEncoder().encode(JSON.stringify(question));
  const at = wasm.allocate(bytes.length);
  new Uint8Array(wasm.memory.buffer, at, bytes.length).set(bytes);
  const place = BigInt.asUintN(64, wasm.verify(at, bytes.length));
  wasm.release(at, bytes.length);
  const [answerAt, length] = [Number(place >> 32n), Number(place & 0xffff_ffffn)];
  const answer = new TextDecoder().decode(new Uint8Array(wasm.memory.buffer, answerAt, length));
  wasm.release(answerAt, length);
  return JSON.parse(answer);
}

const served = ({ name: _, ...vector }: Vector) => ({ epoch: 1, manifest_hash: `0x${'00'.repeat(32)}`, ...vector });

describe('the verifier', () => {
  it('imports nothing', () => {
    expect(WebAssembly.Module.imports(module)).toEqual([]);
  });

  it('holds every shared proof right, and wrong at the level that was changed', () => {
    expect(vectors.proofs.length).toBeGreaterThan(20);
    for (const vector of vectors.proofs) {
      const proof = served(vector);
      const reference = JSON.stringify(proof);
      expect(ask({ proof: reference, root: vector.root, reference })).toMatchObject({ verdict: 'holds', differences: [] });
      for (const [index, word] of proof.proof.entries()) {
        const flipped = `0x${word[2] === '0' ? '1' : '0'}${word.slice(3)}`;
        const changed = { ...proof, proof: proof.proof.with(index, flipped) };
        const answer = ask({ proof: JSON.stringify(changed), root: vector.root, reference });
        expect(answer).toMatchObject({ verdict: 'wrong', differences: [{ place: 'level', level: index + 1 }] });
      }
    }
  });

  it('gives its memory back', () => {
    const proof = JSON.stringify(served(vectors.proofs[0]!));
    ask({ proof, root: null, reference: null });
    const before = wasm.memory.buffer.byteLength;
    for (let round = 0; round < 5_000; round += 1) ask({ proof, root: null, reference: proof });
    expect(wasm.memory.buffer.byteLength).toBe(before);
  });

  it('says what is no proof', () => {
    expect(ask({ proof: '{', root: null, reference: null }).verdict).toBe('unreadable');
  });
});
