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
 * What is there to be read stands in one file with its style: that is a round trip less on a far network. The script, which is larger, is asked for once
 * that is painted, so it takes nothing of the connection before; a page that nobody looks at paints nothing, and has it after half a second.
 * The server allows what is inlined by its hash, so it needs no exception from the Content-Security-Policy.
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
      return withStyle.replace(/ *<script type="module"[^>]* src="([^"]+)"><\/script>\n([^]*)(?=<\/body>)/, (_, script: string, rest: string) => {
        // Both come, in either order: a module is loaded once, however often it is asked for.
        const load = `load=>{new PerformanceObserver(load).observe({type:'paint',buffered:true});setTimeout(load,500)}`;
        return `${rest}  <script>(${load})(()=>import(${JSON.stringify(script)}))</script>\n  `;
      });
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
