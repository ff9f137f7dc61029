/* Every page as it looks, in both themes, on a desk and on a phone, into build/screens (LIKEN_SCREENS): for people to look at.
 * At each stop axe must find nothing serious. */
import fs from "node:fs";
import path from "node:path";
import type {Browser, Page} from "playwright-core";
import {afterAll, beforeAll, expect, test} from "vitest";
import {addPhotos, give, makeKey, sample, SCREENS, type Server, serious, startBrowser, startServer, visit, withRefused} from "./world";

let browser: Browser, server: Server, empty: Server, locked: Server;
beforeAll(async () => {
  fs.mkdirSync(SCREENS, {recursive: true});
  browser = await startBrowser(sample(1));
  [server, empty, locked] = [await startServer(), await startServer(), await startServer()];
  makeKey(locked, "read");
  await addPhotos(server, [1, 2, 3, 4, 5].map(sample));
});
afterAll(async () => {
  await browser.close();
  for (const s of [server, empty, locked]) await s.stop();
});

const SIZES = {desk: {viewport: {width: 1360, height: 860}}, phone: {viewport: {width: 390, height: 844}, isMobile: true, hasTouch: true, deviceScaleFactor: 2}};

for (const theme of ["light", "dark"] as const)
  for (const size of ["desk", "phone"] as const)
    test(`${theme}, ${size}`, async () => {
      const options = {...SIZES[size], colorScheme: theme, reducedMotion: "reduce" as const, permissions: ["camera"]};
      const shot = async (page: Page, name: string) => {
        await page.waitForFunction(() => [...document.images].every((i) => i.complete));
        await page.screenshot({path: path.join(SCREENS, `${name}-${size}-${theme}.png`)});
        expect(await serious(page)).toEqual([]);
      };
      for (const [name, at] of [["empty-search", empty.url], ["empty-photos", `${empty.url}photos`], ["sign-in", locked.url]] as const) {
        const {page, end} = await visit(browser, at, options);
        await page.locator(".empty-icon").waitFor();
        await shot(page, name);
        await end();
      }
      const {page, end} = await visit(browser, server.url, options);
      await page.locator(".drop").waitFor();
      await shot(page, "search");
      await page.setInputFiles(".drop input[type=file]", sample(1));
      await page.locator(".match img").first().waitFor();
      await shot(page, "matches");
      await page.locator("#alike").fill("100");
      if (await page.locator(".folded").count() > 0) await page.locator(".folded").evaluate((e) => ((e as HTMLDetailsElement).open = true));
      await shot(page, "matches-wide");
      await give(page, "drop", "small.ppm", await withRefused(page, server));
      await page.locator(".spot.refused").first().waitFor();
      await shot(page, "refused");
      await give(page, "drop", "grey.ppm", Buffer.concat([Buffer.from("P6\n300 200\n255\n"), Buffer.alloc(300 * 200 * 3, 128)]));
      await page.getByText("No face found").waitFor();
      await shot(page, "no-face");
      await page.getByRole("button", {name: "Use the camera"}).click();
      await page.getByRole("button", {name: "Turn the camera on"}).click();
      await expect.poll(() => page.locator("video").evaluate((v) => (v as HTMLVideoElement).videoWidth)).toBeGreaterThan(0);
      await shot(page, "camera");
      await page.goto(`${server.url}photos`);
      await page.locator(".photo-tile img").first().waitFor();
      await page.locator("input[type=file][multiple]:not([webkitdirectory])").setInputFiles([
        {name: "sample1.jpg", mimeType: "image/jpeg", buffer: fs.readFileSync(sample(1))},
        {name: "notes.jpg", mimeType: "image/jpeg", buffer: Buffer.from("this is text")}]);
      await page.getByText("1 was here before, 1 not added").waitFor();
      await shot(page, "photos");
      await page.locator(".photo-tile").first().click();
      await page.locator(".crop img").first().waitFor();
      await shot(page, "photo");
      await page.getByRole("button", {name: "Delete"}).click();
      await page.getByRole("button", {name: "Cancel"}).waitFor();
      await shot(page, "delete");
      await end();
    });
