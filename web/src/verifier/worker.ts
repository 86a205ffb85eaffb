/**
 * Runs the Rust code of `crates/verifier`: questions in JSON come in, answers in JSON go out.
 *
 * It is a worker because only its own file is served with a policy that lets WebAssembly be compiled; the page's policy has no
 * such exception.
 */
import wasm from './verifier.wasm?url';

interface Verifier {
  memory: WebAssembly.Memory;
  allocate(length: number): number;
  release(at: number, length: number): void;
  verify(at: number, length: number): bigint;
}

const verifier = load();

async function load(): Promise<Verifier> {
  const response = await fetch(wasm);
  if (!response.ok) throw new Error(`the verifier was not found (status ${response.status})`);
  const { instance } = await WebAssembly.instantiate(await response.arrayBuffer(), {});
  return instance.exports as unknown as Verifier;
}

/** The text of an answer: its address stands in the upper 32 bits of what `verify` returns, its length in the lower. */
function ask(verifier: Verifier, question: string): string {
  const bytes = new TextEncoder().encode(question);
  const at = verifier.allocate(bytes.length);
  new Uint8Array(verifier.memory.buffer, at, bytes.length).set(bytes);
  const place = BigInt.asUintN(64, verifier.verify(at, bytes.length));
  verifier.release(at, bytes.length);
  const [answerAt, length] = [Number(place >> 32n), Number(place & 0xffff_ffffn)];
  const answer = new TextDecoder().decode(new Uint8Array(verifier.memory.buffer, answerAt, length));
  verifier.release(answerAt, length);
  return answer;
}

addEventListener('message', async ({ data }: MessageEvent<{ id: number; question: string }>) => {
  try {
    postMessage({ id: data.id, answer: ask(await verifier, data.question) });
  } catch (error) {
    postMessage({ id: data.id, error: String(error) });
  }
});
