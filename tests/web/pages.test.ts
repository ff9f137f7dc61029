/* What people do with the pages, on the pack's six sample photos, each flow from an address on. */
import fs from "node:fs";
import type {Browser} from "playwright-core";
import {afterAll, beforeAll, describe, expect, test} from "vitest";
import {addPhotos, give, makeKey, pnm, sample, type Server, serious, startBrowser, startProxy, startServer, visit, withRefused} from "./world";

let browser: Browser, server: Server;
beforeAll(async () => {
  browser = await startBrowser(sample(1));
  server = await startServer();
});
afterAll(async () => {
  await browser.close();
  await server.stop();
});

const SPOTS = ".query button.spot.face";

test("from nothing to searchable: the empty pages lead on, photos are added with progress, and are found", async () => {
  const {page, end} = await visit(browser, server.url);
  await page.getByText("There are no photos to search yet").waitFor();
  await page.getByRole("button", {name: "Add photos"}).click();
  await page.getByText("No photos yet").waitFor();
  expect(new URL(page.url()).pathname).toBe("/photos");
  await page.locator("input[type=file][multiple]:not([webkitdirectory])").setInputFiles([
    ...[1, 2, 3].map((i) => ({name: `sample${i}.jpg`, mimeType: "image/jpeg", buffer: fs.readFileSync(sample(i))})),
    {name: "notes.jpg", mimeType: "image/jpeg", buffer: Buffer.from("this is text")}]);
  await page.getByText("3 added, 1 not added").waitFor();
  const failed = page.locator(".upload.failed");
  await expect.poll(() => failed.textContent()).toContain("not a photo that liken reads");
  await expect.poll(() => page.locator(".photo-tile").count()).toBe(3);
  await page.locator("input[type=file][multiple]:not([webkitdirectory])").setInputFiles([sample(1)]);
  await expect.poll(() => page.locator(".uploads").textContent()).toMatch(/was here before, 3 faces/);
  await page.getByRole("link", {name: "Search"}).click();
  await page.getByText("9 faces in 3 photos will be compared.").waitFor();
  await give(page, "drop", "again.jpg", fs.readFileSync(sample(1)), "image/jpeg");
  await page.getByRole("button", {name: /^Very likely the same person sample1\.jpg/}).waitFor();
  await end();
});

describe("with six photos", () => {
  beforeAll(() => addPhotos(server, [1, 2, 3, 4, 5, 6].map(sample)));

  test("several faces in the query: each is a button on its face, and shows its own matches", async () => {
    const {page, end} = await visit(browser, server.url);
    await page.setInputFiles(".drop input[type=file]", sample(1));
    await page.locator(".match").first().waitFor();
    expect(await page.locator(SPOTS).count()).toBe(3);
    await page.getByText("3 faces found").waitFor();
    const first = await page.locator(".match").allTextContents();
    await page.getByRole("button", {name: "Face 2"}).click();
    await expect.poll(() => page.locator(".match").allTextContents()).not.toEqual(first);
    expect(await page.locator(`${SPOTS}[aria-pressed=true]`).count()).toBe(1);
    await end();
  });

  test("boxes lie on the faces within a pixel, at every size and zoom", async () => {
    const form = new FormData();
    form.append("file", new Blob([fs.readFileSync(sample(3))]));
    const truth = await (await fetch(`${server.url}v1/detect`, {method: "POST", body: form})).json() as
      {width: number; height: number; faces: {box: {x: number; y: number; width: number; height: number}}[]};
    const {page, end} = await visit(browser, server.url);
    await page.setInputFiles(".drop input[type=file]", sample(3));
    await page.locator(SPOTS).first().waitFor();
    for (const [width, zoom] of [[1360, "1"], [900, "1"], [420, "1"], [1360, "1.5"], [1360, "0.67"]] as const) {
      await page.setViewportSize({width, height: 860});
      await page.evaluate((z) => document.documentElement.style.setProperty("zoom", z), zoom);
      const at = await page.locator(".query .face-picture img").evaluate((e) => e.getBoundingClientRect().toJSON() as DOMRect);
      const boxes = await page.locator(SPOTS).evaluateAll((list) => list.map((e) => e.getBoundingClientRect().toJSON() as DOMRect));
      expect(boxes).toHaveLength(truth.faces.length);
      expect(at.width / at.height).toBeCloseTo(truth.width / truth.height, 1);
      truth.faces.forEach(({box}, i) => {
        const scale = at.width / truth.width;
        expect(Math.abs((boxes[i]?.x ?? 0) - (at.x + box.x * scale))).toBeLessThanOrEqual(1);
        expect(Math.abs((boxes[i]?.y ?? 0) - (at.y + box.y * scale))).toBeLessThanOrEqual(1);
        expect(Math.abs((boxes[i]?.width ?? 0) - box.width * scale)).toBeLessThanOrEqual(1);
        expect(Math.abs((boxes[i]?.height ?? 0) - box.height * scale)).toBeLessThanOrEqual(1);
      });
    }
    await end();
  });

  test("the slider redraws at once, says how many strangers to expect, and asks the server nothing", async () => {
    const {page, requests, end} = await visit(browser, server.url);
    await page.setInputFiles(".drop input[type=file]", sample(4));
    await page.locator(".match").first().waitFor();
    const strangers = () => page.locator(".strangers").evaluate((e) => Number((e as HTMLElement).dataset.strangers));
    const before = requests.filter((r) => r.includes("/search")).length;
    let more = 0; // faces of which a wider setting shows more: which, is a matter of the pack
    for (let face = 0; face < await page.locator(SPOTS).count(); face++) {
      await page.locator(SPOTS).nth(face).click();
      const counts: number[] = [], expected: number[] = [], said: string[] = [];
      for (const step of [0, 40, 70, 100]) {
        await page.locator("#alike").fill(String(step));
        counts.push(await page.locator(".match").count());
        expected.push(await strangers());
        said.push((await page.locator(".strangers").textContent()) ?? "");
      }
      expect([...counts].sort((a, b) => a - b)).toEqual(counts);
      expect([...expected].sort((a, b) => a - b)).toEqual(expected);
      expect(new Set(said).size).toBeGreaterThan(2);
      more += (counts[3] ?? 0) > (counts[0] ?? 0) ? 1 : 0;
    }
    expect(more).toBeGreaterThan(0);
    expect(requests.filter((r) => r.includes("/search")).length).toBe(before);
    await page.locator("#alike").focus();
    await page.keyboard.press("ArrowLeft");
    expect(await page.locator("#alike").inputValue()).toBe("99");
    await end();
  });

  test("what is shown can be copied as a list and as CSV", async () => {
    const {page, end} = await visit(browser, server.url);
    await page.setInputFiles(".drop input[type=file]", sample(1));
    await page.getByRole("button", {name: /as a list/}).click();
    await page.getByText(/lines? copied/).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/sample1\.jpg\n/);
    await page.getByRole("button", {name: /as CSV/}).click();
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toMatch(/^image,image_id,file,face,/);
    await end();
  });

  test("a photo is pasted; one that the browser cannot draw is drawn by the server", async () => {
    const {page, requests, end} = await visit(browser, server.url);
    await give(page, "paste", "pasted.ppm", await pnm(page, sample(1), 960));
    await page.locator(".match").first().waitFor();
    await expect.poll(() => page.locator(".query img").evaluate((e) => (e as HTMLImageElement).naturalWidth)).toBe(960);
    expect(requests.some((r) => r.includes("/v1/preview"))).toBe(true);
    await end();
  });

  test("no face, faces too small, and what is no photo: each says so and what would help", async () => {
    const {page, end} = await visit(browser, server.url);
    await give(page, "drop", "grey.ppm", Buffer.concat([Buffer.from("P6\n300 200\n255\n"), Buffer.alloc(300 * 200 * 3, 128)]));
    await page.getByText("No face found in this photo").waitFor();
    await give(page, "drop", "small.ppm", await withRefused(page, server));
    await page.getByText(/cannot be searched for|good enough to search with/).waitFor();
    await page.locator(".spot.refused").first().waitFor();
    await give(page, "drop", "text.jpg", Buffer.from("this is text"), "image/jpeg");
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").textContent()).toMatch(/not/i);
    await page.getByRole("button", {name: "End this search"}).click();
    await page.locator(".drop").waitFor();
    await end();
  });

  test("a photo opens with its faces, each a search that stands in the address; back and reload keep it", async () => {
    const {page, end} = await visit(browser, `${server.url}photos`);
    await page.getByRole("button", {name: /^sample1\.jpg, 3 faces/}).click();
    await page.locator(".opened .face-picture img").waitFor();
    expect(page.url()).toMatch(/photos\?photo=\d+$/);
    expect(await page.locator(".opened button.spot").count()).toBe(3);
    await page.keyboard.press("ArrowRight");
    await expect.poll(() => page.locator(".opened h2").textContent()).not.toBe("sample1.jpg");
    await page.keyboard.press("ArrowLeft");
    await page.getByRole("heading", {name: "sample1.jpg"}).waitFor();
    await page.locator(".opened button.spot").first().click();
    await page.locator(".match").first().waitFor();
    expect(page.url()).toMatch(/\/\?face=\d+$/);
    expect(await page.locator(".match-name").allTextContents()).toContain("sample3.jpg");
    await page.reload();
    await page.locator(".match").first().waitFor();
    await page.locator(".match").first().click();
    await page.locator(".opened").waitFor();
    await page.keyboard.press("Escape");
    await expect.poll(() => page.locator(".opened").count()).toBe(0);
    await page.goBack();
    await page.locator(".opened").waitFor();
    await end();
  });

  test("a photo is deleted when it is confirmed, and not before", async () => {
    const {page, end} = await visit(browser, `${server.url}photos`);
    await page.getByRole("button", {name: /^sample6\.jpg/}).click();
    await page.getByRole("button", {name: "Delete"}).click();
    await page.getByRole("button", {name: "Cancel"}).click();
    await page.getByRole("button", {name: "Delete"}).click();
    await page.getByRole("dialog", {name: "Delete this photo?"}).getByRole("button", {name: "Delete"}).click();
    await page.getByText("The photo is deleted").waitFor();
    await expect.poll(() => page.locator(".photo-tile").count()).toBe(5);
    await page.getByText("5 photos, 18 faces").waitFor();
    await addPhotos(server, [sample(6)]);
    await end();
  });

  test("the camera: explained, previewed, and sent only then", async () => {
    const {page, requests, end} = await visit(browser, server.url, {permissions: ["camera"]});
    await page.getByRole("button", {name: "Use the camera"}).click();
    await page.getByText("You take one picture").waitFor();
    await page.getByRole("button", {name: "Turn the camera on"}).click();
    await expect.poll(() => page.locator("video").evaluate((v) => (v as HTMLVideoElement).videoWidth)).toBeGreaterThan(0);
    await page.getByRole("button", {name: "Take the picture"}).click();
    await page.getByRole("img", {name: "The picture you took"}).waitFor();
    expect(requests.some((r) => r.includes("/search"))).toBe(false);
    await page.getByRole("button", {name: "Search with this picture"}).click();
    await page.locator(".match").first().waitFor();
    await end();
  });

  test("a camera that is denied says what to do, and the page goes on", async () => {
    const {page, context, end} = await visit(browser, server.url);
    await context.addInitScript(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
    });
    await page.reload();
    await page.getByRole("button", {name: "Use the camera"}).click();
    await page.getByRole("button", {name: "Turn the camera on"}).click();
    await page.getByText("The browser does not let this page use the camera").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".drop").waitFor();
    await end();
  });

  test("on a phone: the bar below, nothing wider than the screen, the same flow", async () => {
    const {page, end} = await visit(browser, server.url, {viewport: {width: 360, height: 740}, isMobile: true, hasTouch: true});
    const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
    const bar = await page.locator(".nav").boundingBox();
    expect((bar?.y ?? 0) + (bar?.height ?? 0)).toBeCloseTo(740, 0);
    await page.setInputFiles(".drop input[type=file]", sample(1));
    await page.locator(".match").first().waitFor();
    expect(await fits()).toBe(true);
    await page.getByRole("link", {name: "Photos"}).tap();
    await page.locator(".photo-tile").first().tap();
    await page.locator(".opened button.spot").first().waitFor();
    expect(await fits()).toBe(true);
    await end();
  });

  test("below an address of a proxy everything works the same", async () => {
    const proxy = await startProxy(server);
    const {page, requests, end} = await visit(browser, `${proxy.url}`);
    await page.setInputFiles(".drop input[type=file]", sample(1));
    await page.locator(".match img").first().waitFor();
    await page.getByRole("link", {name: "Photos"}).click();
    await page.locator(".photo-tile img").first().waitFor();
    await page.reload();
    await page.locator(".photo-tile img").first().waitFor();
    expect(requests.filter((r) => !r.startsWith(proxy.url) && !r.startsWith("blob:"))).toEqual([]);
    await end();
    proxy.stop();
  });

  test("20,000 photos: few elements wherever one is, and the list goes on as one scrolls", async () => {
    const {page, end} = await visit(browser, server.url);
    const all = 20_000;
    await page.route(/\/images\?/, async (route) => {
      const after = Number(new URL(route.request().url()).searchParams.get("after"));
      const ids = Array.from({length: Math.min(100, all - after)}, (_, i) => after + i + 1);
      await route.fulfill({json: {images: ids.map((id) => ({id, file: `${id}.jpg`, faces: []})), next: after + 100 < all ? after + 100 : null}});
    });
    await page.route(/\/picture\?/, (route) => route.fulfill({status: 404, body: ""}));
    await page.getByRole("link", {name: "Photos"}).click();
    await page.locator(".photo-tile").first().waitFor();
    let most = 0;
    await expect.poll(async () => { // as far down as there is, again and again
      await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
      most = Math.max(most, await page.evaluate(() => document.querySelectorAll("*").length));
      return page.locator(".photo-tile[title]").last().getAttribute("title").then((t) => parseInt(t ?? "0"));
    }).toBeGreaterThan(400);
    expect(most).toBeLessThan(1500);
    await end();
  });

  test("a server that is gone is told, and asked again", async () => {
    const {page, end} = await visit(browser, server.url);
    await page.locator(".drop").waitFor();
    await page.route(/\/v1\//, (route) => route.abort());
    await page.setInputFiles(".drop input[type=file]", sample(1));
    await page.getByText("The server did not answer").waitFor();
    await page.unroute(/\/v1\//);
    await page.getByRole("button", {name: "Try again"}).click();
    await page.locator(".match").first().waitFor();
    await end();
  });
});

describe("with keys", () => {
  let locked: Server, key: string;
  beforeAll(async () => {
    locked = await startServer();
    await addPhotos(locked, [sample(1)]);
    key = makeKey(locked, "read,search,add,delete");
  });
  afterAll(() => locked.stop());

  test("signing in and out: a wrong key is told, pictures come by links, nothing is left behind", async () => {
    const {page, context, requests, end} = await visit(browser, `${locked.url}photos`);
    await page.getByRole("heading", {name: "Sign in"}).waitFor();
    expect(await serious(page)).toEqual([]);
    await page.getByLabel("Your key").fill(`lk_${"0".repeat(64)}`);
    await page.getByRole("button", {name: "Sign in"}).click();
    await page.getByText("The server does not know this key").waitFor();
    await page.getByLabel("Your key").fill(key);
    await page.getByRole("button", {name: "Sign in"}).click();
    await expect.poll(() => page.locator(".photo-tile img").evaluate((e) => (e as HTMLImageElement).naturalWidth)).toBeGreaterThan(0);
    expect(requests.some((r) => r.includes("/v1/linked/"))).toBe(true);
    expect(requests.some((r) => r.includes(key))).toBe(false);
    await page.reload();
    await page.locator(".photo-tile").first().waitFor();
    expect(await context.cookies()).toEqual([]);
    expect(await page.evaluate(() => localStorage.length)).toBe(0);
    await page.getByRole("button", {name: "Sign out"}).click();
    await page.getByRole("heading", {name: "Sign in"}).waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    await end();
  });
});
