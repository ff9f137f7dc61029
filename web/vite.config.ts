/* How the pages are bundled: everything in files of their own (the policy of src/api/pages.c runs nothing else), addresses
 * relative to the page, so that liken may lie anywhere below an address. */
import {defineConfig} from "vite";

const server = process.env.LIKEN_URL ?? "http://127.0.0.1:9000";

export default defineConfig({
  base: "./",
  esbuild: {jsx: "automatic", jsxImportSource: "preact", legalComments: "none"},
  build: {target: "es2021", assetsInlineLimit: 0, modulePreload: {polyfill: false}, cssCodeSplit: false, reportCompressedSize: false},
  // a proxy whose requests look like those of liken's own pages, which an open server asks for
  server: {
    host: "127.0.0.1",
    proxy: {"/v1": {target: server, changeOrigin: true, headers: {origin: server}}},
  },
});
