import type { IndexHtmlTransformContext } from 'vite';
import { defineConfig } from 'vitest/config';
import { beforeTheScript } from './src/first_views.ts';

// For development: the API, which serves the page itself once it is built.
const api = process.env.TATUM_API ?? 'http://127.0.0.1:7100';
const proxy = { '/v1': api, '/openapi.json': api, '/docs': api };

// Before Vite looks for files that the page names.
const first = {
  name: 'first-views',
  transformIndexHtml: { order: 'pre' as const, handler: (html: string) => html.replace('<!-- first -->', beforeTheScript) },
};
/**
 * What is there to be read stands in one file with its style: that is a round trip less on a far network. The script, which is larger, gives way to it.
 * The server allows the style by its hash, so what is inlined here needs no exception from the Content-Security-Policy either.
 */
const inOneFile = {
  name: 'in-one-file',
  transformIndexHtml: {
    order: 'post' as const,
    handler: (html: string, { bundle }: IndexHtmlTransformContext) => {
      const withStyle = html.replace(/<link rel="stylesheet"[^>]* href="\/([^"]+)">/, (link, name: string) => {
        const file = bundle?.[name];
        if (file?.type !== 'asset') return link;
        delete bundle![name];
        return `<style>${String(file.source).trim()}</style>`;
      });
      return withStyle.replace('<script type="module"', '$& fetchpriority="low"');
    },
  },
};

export default defineConfig({
  plugins: [first, inOneFile],
  // No other file is inlined: what is in one of its own is kept by browsers.
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  // The server knows the verifier's worker by its name: it alone may compile WebAssembly.
  worker: { format: 'es', rollupOptions: { output: { entryFileNames: 'assets/verifier-[hash].js' } } },
  server: { proxy },
  preview: { proxy },
  test: { include: ['tests/**/*.test.ts'] },
});
