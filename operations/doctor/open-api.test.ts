import { expect, test } from "bun:test";
import type { Clients } from "./clients.ts";
import { openApiCheck } from "./open-api.ts";

const look = async (hostname: string, status: number) => {
  const asked: string[] = [];
  const server = Bun.serve({
    hostname,
    port: 0,
    fetch({ method, url }) {
      asked.push(`${method} ${new URL(url).pathname}`);
      return new Response("", { status });
    },
  });
  try {
    const web = { registry: "", api: `http://127.0.0.1:${server.port}` };
    const findings = await openApiCheck.look({ web } as Clients, AbortSignal.timeout(10_000));
    return { causes: findings.map(({ cause }) => cause.replace(String(server.port), "PORT")), asked };
  } finally {
    await server.stop(true);
  }
};

test.if(process.platform === "linux")(
  "an API beyond loopback that asks for no token is found, by a request that changes nothing",
  async () => {
    expect(await look("0.0.0.0", 404)).toEqual({
      causes: ["other machines can write through it: it listens beyond loopback on port PORT and asks for no token"],
      asked: ["DELETE /doctor"],
    });
  },
);

test("an API that asks for a token, or that only this machine reaches, is none", async () => {
  expect((await look("0.0.0.0", 401)).causes).toEqual([]);
  expect(await look("127.0.0.1", 404)).toEqual({ causes: [], asked: [] });
});
