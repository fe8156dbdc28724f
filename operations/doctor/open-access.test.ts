import { expect, test } from "bun:test";
import type { Clients } from "./clients.ts";
import { openAccessChecks } from "./open-access.ts";

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
    const url = `http://127.0.0.1:${server.port}`;
    const clients = { web: { registry: "", api: url, console: url } } as Clients;
    const findings = [];
    for (const check of openAccessChecks) findings.push(...(await check.look(clients, AbortSignal.timeout(10_000))));
    const told = findings.map(({ about, cause, cure }) => `${about}: ${cause}. ${cure}.`);
    return { told: told.map((text) => text.replace(String(server.port), "PORT")), asked };
  } finally {
    await server.stop(true);
  }
};

test.if(process.platform === "linux")(
  "an API and a console beyond loopback that ask for no token are found, by a request that changes nothing",
  async () => {
    expect(await look("0.0.0.0", 404)).toEqual({
      told: [
        "the API: other machines can write through it: it listens beyond loopback on port PORT and asks for no token. Set API_TOKEN, or LISTEN_HOST=127.0.0.1, and restart it.",
        "the console: other machines can write through it: it listens beyond loopback on port PORT and asks for no token. Set CONSOLE_TOKEN, or LISTEN_HOST=127.0.0.1, and restart it.",
      ],
      asked: ["DELETE /doctor", "DELETE /doctor"],
    });
  },
);

test("one that asks for a token, or that only this machine reaches, is no finding", async () => {
  expect((await look("0.0.0.0", 401)).told).toEqual([]);
  expect(await look("127.0.0.1", 404)).toEqual({ told: [], asked: [] });
});
