import { describe, expect, it } from 'vitest';
import { connect, Problem } from '../src/api/client';

const answering = (status: number, body: string) =>
  connect(
    async () => new Response(body, { status }),
    () => {},
  );

describe('the API’s answers', () => {
  it('are read, and tell as of when they are', async () => {
    const seen: number[] = [];
    const api = connect(
      async () => Response.json({ as_of: { block: 7 }, epoch: 1 }),
      (asOf) => seen.push(asOf.block),
    );
    expect(await api.read('/v1/network')).toMatchObject({ epoch: 1 });
    expect(seen).toEqual([7]);
  });

  it.each([
    [503, '{"code":"busy","title":"Busy","detail":"the chain does not answer"}', 'busy', 'the chain does not answer'],
    [404, 'no json', 'http_404', 'The server answered with status 404.'],
    [500, '{"detail":5}', 'http_500', 'The server answered with status 500.'],
    [200, '<html>', 'no_json', 'The server’s answer to /v1/network is no JSON.'],
  ])('of status %i and %j are a problem in words', async (status, body, code, detail) => {
    const failed = await answering(status, body)
      .read('/v1/network')
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(Problem);
    expect((failed as Problem).code).toBe(code);
    expect((failed as Problem).message.replace("'", '’')).toBe(detail);
  });

  it('that never come are a problem too', async () => {
    const api = connect(
      async () => {
        throw new TypeError('Failed to fetch');
      },
      () => {},
    );
    const failed = (await api.read('/v1/network').catch((error: unknown) => error)) as Problem;
    expect([failed.status, failed.code]).toEqual([0, 'unreachable']);
  });
});
