/* The flows of ../tests/web in a real browser; one after another, since they share one server. */
import {fileURLToPath} from "node:url";
import {defineConfig} from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  // node looks for packages above the file that names them, and these files are not below web/
  resolve: {alias: {"playwright-core": here("node_modules/playwright-core/index.mjs")}},
  root: here(".."),
  test: {
    environment: "node", include: ["tests/web/**/*.test.ts"], fileParallelism: false, testTimeout: 120_000,
    hookTimeout: 180_000, sequence: {concurrent: false}, expect: {poll: {timeout: 60_000}}, // a poll gives up after 1 s else
  },
});
