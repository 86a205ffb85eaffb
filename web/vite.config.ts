import { defineConfig } from 'vitest/config';

// For development: the API, which serves the page itself once it is built.
const api = process.env.TATUM_API ?? 'http://127.0.0.1:7100';
const proxy = { '/v1': api, '/openapi.json': api, '/docs': api };

export default defineConfig({
  // Nothing is inlined, so that the page needs no exception from its Content-Security-Policy.
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  // The server knows the verifier's worker by its name: it alone may compile WebAssembly.
  worker: { format: 'es', rollupOptions: { output: { entryFileNames: 'assets/verifier-[hash].js' } } },
  server: { proxy },
  preview: { proxy },
  test: { include: ['tests/**/*.test.ts'] },
});
