/* What the flows run in: a real liken on a port of its own over an empty gallery, and Debian's Chromium. Every request that
 * a page sends, every error that it logs and every breach of its policy is noted; a flow ends with none that is foreign. */
import {type ChildProcess, spawn, spawnSync} from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import {fileURLToPath} from "node:url";
import {type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page} from "playwright-core";
import {expect} from "vitest";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BIN = process.env.LIKEN_BIN ?? path.join(ROOT, "build/liken");
const MODELS = process.env.LIKEN_MODELS ?? path.join(os.homedir(), ".local/share/liken/models");
export const SCREENS = process.env.LIKEN_SCREENS ?? path.join(ROOT, "build/screens");
const CHROMIUM = process.env.LIKEN_CHROMIUM ?? "/usr/bin/chromium";
const PATIENCE = 60_000;

export const sample = (i: number) => path.join(MODELS, "faceapi/samples", `sample${i}.jpg`);

export interface Server {url: string; data: string; stop: () => Promise<void>}

export async function startServer(): Promise<Server> {
  const data = fs.mkdtempSync(path.join(os.tmpdir(), "liken-web-"));
  const child = spawn(BIN, ["serve", "--port", "0", "--data", data, "--models", MODELS, "--json"], {stdio: ["ignore", "pipe", "ignore"]});
  const port = await new Promise<number>((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (bytes: Buffer) => {
      text += bytes.toString();
      if (text.includes("\n")) resolve((JSON.parse(text.split("\n")[0] ?? "") as {port: number}).port);
    });
    child.on("exit", (code) => reject(new Error(`liken serve ended with ${code}`)));
  });
  return {url: `http://127.0.0.1:${port}/`, data, stop: () => stop(child, data)};
}

async function stop(child: ChildProcess, data: string) {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await gone;
  fs.rmSync(data, {recursive: true, force: true});
}

/** A key, made as people make one. */
export function makeKey(server: Server, scopes: string): string {
  const done = spawnSync(BIN, ["keys", "add", "web", "--scope", scopes, "--data", server.data, "--json"], {encoding: "utf8"});
  if (done.status !== 0) throw new Error(done.stderr);
  return (JSON.parse(done.stdout) as {key: string}).key;
}

export async function addPhotos(server: Server, photos: string[]) {
  for (const photo of photos) {
    const form = new FormData();
    form.append("file", new Blob([fs.readFileSync(photo)]), path.basename(photo));
    const answer = await fetch(`${server.url}v1/collections/default/images`, {method: "POST", body: form});
    expect(answer.status).toBeLessThan(300);
  }
}

/** Chromium with a camera that shows `photo` for ever: concatenated JPEGs are a film to it. */
export function startBrowser(photo: string): Promise<Browser> {
  const film = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "liken-film-")), "film.mjpeg");
  fs.writeFileSync(film, Buffer.concat(Array.from({length: 5}, () => fs.readFileSync(photo))));
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ["--disable-background-networking", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
      `--use-file-for-fake-video-capture=${film}`, ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])],
  });
}

export interface Visit {page: Page; context: BrowserContext; requests: string[]; end: () => Promise<void>}

export async function visit(browser: Browser, at: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({viewport: {width: 1360, height: 860}, locale: "en-GB", timezoneId: "UTC", permissions: ["clipboard-read", "clipboard-write"], ...options});
  context.setDefaultTimeout(PATIENCE);
  const requests: string[] = [], faults: string[] = [];
  context.on("request", (r) => requests.push(r.url()));
  await context.addInitScript(() => document.addEventListener("securitypolicyviolation", (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI}`)));
  const page = await context.newPage();
  page.on("pageerror", (e) => faults.push(e.message));
  page.on("console", (m) => m.type() === "error" && !/Failed to load resource/.test(m.text()) && faults.push(m.text()));
  await page.goto(at);
  return {page, context, requests, end: async () => {
    await context.close();
    const origin = new URL(at).origin;
    expect(requests.filter((url) => !url.startsWith(origin) && !url.startsWith(`blob:${origin}`))).toEqual([]);
    expect(faults).toEqual([]);
  }};
}

/** What axe finds that is serious, as one line each. */
export async function serious(page: Page): Promise<string[]> {
  await page.evaluate(fs.readFileSync(path.join(ROOT, "web/node_modules/axe-core/axe.min.js"), "utf8"));
  return page.evaluate(async () => {
    const axe = (window as unknown as {axe: {run: () => Promise<{violations: {impact: string; id: string; nodes: {html: string}[]}[]}>}}).axe;
    const {violations} = await axe.run();
    return violations.filter((v) => v.impact === "serious" || v.impact === "critical").map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`);
  });
}

/** The bytes of a sample drawn at another width, as a PNM, which browsers cannot draw. */
export async function pnm(page: Page, photo: string, width: number): Promise<Buffer> {
  const text = await page.evaluate(async ({bytes, width}) => {
    const image = await createImageBitmap(new Blob([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))]));
    const height = Math.round((image.height / image.width) * width);
    const canvas = new OffscreenCanvas(width, height), context = canvas.getContext("2d")!;
    context.drawImage(image, 0, 0, width, height);
    const rgba = context.getImageData(0, 0, width, height).data, rgb = new Uint8Array(width * height * 3);
    for (let i = 0; i < width * height; i++) rgb.set(rgba.subarray(i * 4, i * 4 + 3), i * 3);
    let binary = "";
    for (let i = 0; i < rgb.length; i += 30_000) binary += String.fromCharCode(...rgb.subarray(i, i + 30_000));
    return JSON.stringify({height, data: btoa(binary)});
  }, {bytes: fs.readFileSync(photo).toString("base64"), width});
  const {height, data} = JSON.parse(text) as {height: number; data: string};
  return Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), Buffer.from(data, "base64")]);
}

/** A sample drawn so small that a face of it is refused. */
export async function withRefused(page: Page, server: Server): Promise<Buffer> {
  for (const width of [120, 110, 130, 100, 90, 140, 80, 70])
    for (const i of [4, 2]) {
      const photo = await pnm(page, sample(i), width);
      const seen = await (await fetch(`${server.url}v1/detect`, {method: "POST", body: new Blob([Uint8Array.from(photo)])})).json() as {refused: unknown[]};
      if (seen.refused.length > 0) return photo;
    }
  throw new Error("no size at which a face of a sample is refused");
}

/** Drops or pastes a file as a user would. */
export async function give(page: Page, how: "drop" | "paste", name: string, bytes: Buffer, type = "") {
  const transfer = await page.evaluateHandle(({name, bytes, type}) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name, {type}));
    return data;
  }, {name, bytes: bytes.toString("base64"), type});
  if (how === "drop") {
    await page.dispatchEvent("body", "dragenter", {dataTransfer: transfer});
    await page.dispatchEvent("body", "drop", {dataTransfer: transfer});
  } else {
    await page.evaluate((data) => document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true})), transfer);
  }
}

/** A proxy that has liken below /below/liken/, and nothing else. */
export async function startProxy(server: Server): Promise<{url: string; stop: () => void}> {
  const below = "/below/liken/";
  const proxy = http.createServer((request, response) => {
    if (!request.url?.startsWith(below)) {
      response.writeHead(404).end();
      return;
    }
    const to = new URL(request.url.slice(below.length), server.url);
    const headers = {...request.headers, host: to.host, ...(request.headers.origin ? {origin: to.origin} : {})};
    request.pipe(http.request(to, {method: request.method ?? "GET", headers}, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    }));
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const {port} = proxy.address() as {port: number};
  return {url: `http://127.0.0.1:${port}${below}`, stop: () => proxy.close()};
}
