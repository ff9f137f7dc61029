// Uploads, lists and searches through a client whose types come from docs/openapi.yaml alone (schema.d.ts, generated).
// usage: node client.js URL PHOTO      prints what it found as one line of JSON
import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

const [url, path] = process.argv.slice(2);
if (url === undefined || path === undefined) throw new Error("usage: node client.js URL PHOTO");
const client = createClient<paths>({ baseUrl: url });
const photo = new Blob([readFileSync(path)]);

function form(fields: unknown): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields as Record<string, unknown>))
    for (const one of Array.isArray(value) ? value : [value]) data.append(name, one instanceof Blob ? one : String(one));
  return data;
}

function must<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

const c = "default";
const added: components["schemas"]["StoredImage"] = must(
  await client.POST("/v1/collections/{c}/images", {
    params: { path: { c } },
    body: { file: photo as unknown as string, image_id: "ts-1", tags: ["one", "two"] },
    bodySerializer: form,
  }),
);
const listed = must(await client.GET("/v1/collections/{c}/images", { params: { path: { c }, query: { limit: 10 } } }));
const found = must(
  await client.POST("/v1/collections/{c}/search", {
    params: { path: { c } },
    body: { file: photo as unknown as string, limit: 3 },
    bodySerializer: form,
  }),
);
const face = added.faces[0];
const again = must(
  await client.POST("/v1/collections/{c}/search", { params: { path: { c } }, body: { face_id: face?.id ?? 0 } }),
);
const refused = await client.POST("/v1/collections", { body: { name: "default" } });
console.log(
  JSON.stringify({
    id: added.id,
    faces: added.faces.length,
    confident: (face?.confidence ?? 0) > 0,
    tags: added.tags,
    listed: listed.images.map((image) => image.id),
    nearest: found.faces[0]?.matches[0]?.image_id ?? null,
    strangers: typeof found.faces[0]?.expected_false_matches,
    again: again.searched,
    refused: refused.error?.code,
  }),
);
