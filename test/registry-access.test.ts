import { describe, expect, test } from "bun:test";
import { avroSchema } from "../contract/wire.ts";
import { openRegistry } from "../runtime/registry.ts";
import { openInstance } from "../stack/instance.ts";
import { namesOf } from "./support/names.ts";

const { config } = await openInstance(process.env);
const registry = `127.0.0.1:${config.ports.schemaRegistry}`;
const subject = `${namesOf(import.meta.path).topic}-value`;
const api = "/apis/ccompat/v7";

/** The status of a request whose path is sent unchanged; `fetch` would normalize it. */
async function statusOf(method: string, path: string, body = ""): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let answer = "";
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: config.ports.schemaRegistry,
    socket: {
      data(_, bytes) {
        answer += bytes.toString("latin1");
        const [, status] = /^HTTP\/1.1 (\d+)/.exec(answer) ?? [];
        if (status) resolve(Number(status));
      },
      error: (_, error) => reject(error),
      close: () => reject(new Error(`closed after: ${answer}`)),
    },
  });
  socket.write(
    `${method} ${path} HTTP/1.1\r\nHost: ${registry}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  return promise.finally(() => socket.end());
}

describe("clients of the registry have no administrative access", () => {
  test.each([
    "/apis/registry/v3/admin/export",
    "/apis/registry/v2/admin/export",
    "/apis/registry/v3/admin/rules",
    "/apis/registry/v3/admin/config/properties",
    "/apis/registry/v3/groups",
    "/apis;a/registry/v3/admin/rules",
    "/apis/registry;a/v3/admin/rules",
    "/apis/ccompat/v7/../../registry/v3/admin/rules",
    "/apis/ccompat/v7/%2e%2e/%2e%2e/registry/v3/admin/rules",
    "/apis/ccompat/v7/..;/..;/registry/v3/admin/rules",
    "/health/../apis/registry/v3/admin/rules",
    "/apis/%72egistry/v3/admin/rules",
    "//apis/registry/v3/admin/rules",
    "/apis/ccompat/v6/subjects",
    "/health/ready",
  ])("GET %s is 404", async (path) => {
    expect(await statusOf("GET", path)).toBe(404);
  });

  test("nothing can be deleted, not even softly", async () => {
    const { register, versions } = await used();
    await register();
    for (const path of [
      `/subjects/${subject}`,
      `/subjects/${subject}?permanent=true`,
      `/subjects/${subject}/versions/1`,
      `/config/${subject}`,
    ])
      expect([path, await statusOf("DELETE", `${api}${path}`)]).toEqual([path, 401]);
    expect(await versions()).toEqual([1]);
  });

  test.each([
    "/config",
    "/config/",
    "/config//",
    "/config;a",
    "/config/;a",
    "/%63onfig",
    "/x/../config",
    "/mode",
    `/mode/${subject}`,
  ])("PUT %s, which affects every client, is refused", async (path) => {
    const before = await (await fetch(`http://${registry}${api}/config`)).json();
    const body = JSON.stringify({ compatibility: "FULL", mode: "READONLY" });
    expect([401, 404]).toContain(await statusOf("PUT", `${api}${path}`, body));
    expect(await (await fetch(`http://${registry}${api}/config`)).json()).toEqual(before);
  });
});

test("the operations that the project uses work: registration, compatibility of a subject, schemas by id", async () => {
  const { register, versions } = await used();
  const id = await register();
  expect(await versions()).toEqual([1]);
  const config = await (await fetch(`http://${registry}${api}/config/${subject}`)).json();
  expect(config).toEqual({ compatibilityLevel: "BACKWARD" });
  expect((await fetch(`http://${registry}${api}/schemas/ids/${id}`)).status).toBe(200);
});

async function used() {
  const { register } = openRegistry({ url: `http://${registry}${api}` });
  return {
    register: () => register(subject, avroSchema),
    versions: async () => await (await fetch(`http://${registry}${api}/subjects/${subject}/versions`)).json(),
  };
}
