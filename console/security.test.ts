import { expect, test } from "bun:test";
import { openLog } from "../runtime/log.ts";
import { resolveConfig } from "../sources/config.ts";
import { createConsole } from "./app.tsx";
import { openClients } from "./clients.ts";

const token = "a-token-of-the-operator";
const consoleWith = (env: Record<string, string> = {}) =>
  createConsole(openClients(resolveConfig("", env), openLog("console", "fatal"), {}));
const open = consoleWith();
const guarded = consoleWith({ CONSOLE_TOKEN: token, CONSOLE_HOSTS: "console.example.com" });

const ask = async (app: typeof open, path: string, init: RequestInit & { headers?: Record<string, string> } = {}) =>
  app.request(path, { ...init, headers: { Host: "localhost:8090", ...init.headers } });

test("a request for another host is refused, unless the settings allow its name", async () => {
  for (const path of ["/", "/events?show=x", "/assets/x/live.js"])
    expect((await ask(open, path, { headers: { Host: "rebinding.example.com" } })).status).toBe(403);
  expect((await ask(guarded, "/", { headers: { Host: "console.example.com" } })).status).toBe(200);
  const refused = await ask(guarded, "/", { headers: { Host: "rebinding.example.com" } });
  expect(await refused.text()).toContain("console.hosts (CONSOLE_HOSTS)");
});

test("a change that a page of another origin asks for is refused", async () => {
  const send = (headers: Record<string, string>) => ask(open, "/nowhere", { method: "POST", headers });
  for (const headers of [
    { Origin: "https://example.com" },
    { Origin: "http://localhost:3000" },
    { Origin: "null" },
    { "Sec-Fetch-Site": "cross-site" },
    { "Sec-Fetch-Site": "same-site", Origin: "http://localhost:8090" },
  ] as Record<string, string>[])
    expect((await send(headers)).status).toBe(403);
  expect((await send({ Origin: "http://localhost:8090", "Sec-Fetch-Site": "same-origin" })).status).toBe(404);
  expect((await send({})).status).toBe(404); // no browser
});

test("with a token, changes require it; pages do not", async () => {
  const send = (headers: Record<string, string>) => ask(guarded, "/nowhere", { method: "POST", headers });
  expect((await send({})).status).toBe(401);
  expect((await send({ Authorization: "Bearer another-token-of-somebody" })).status).toBe(401);
  expect((await send({ Cookie: `console_session=${token}` })).status).toBe(401);
  expect((await send({ Authorization: `Bearer ${token}` })).status).toBe(404);
  expect((await ask(guarded, "/")).status).toBe(200);

  const toSignIn = await send({ Accept: "text/html", Referer: "http://localhost:8090/?page=2" });
  expect([toSignIn.status, toSignIn.headers.get("Location")]).toEqual([303, "/sign-in?from=%2F%3Fpage%3D2"]);
});

test("a session begins with the token, leads back, and leads nowhere else", async () => {
  const signIn = (given: string, from: string) =>
    ask(guarded, "/sign-in", { method: "POST", body: new URLSearchParams({ token: given, from }) });
  expect((await signIn("another-token-of-somebody", "/")).status).toBe(401);

  const signedIn = await signIn(token, "/?page=2");
  expect([signedIn.status, signedIn.headers.get("Location")]).toEqual([303, "/?page=2"]);
  const cookie = signedIn.headers.get("Set-Cookie") ?? "";
  expect(cookie).toMatch(/HttpOnly.*SameSite=Strict/);
  expect(cookie).not.toContain(token);
  const Cookie = cookie.split(";", 1)[0] ?? "";
  expect((await ask(guarded, "/nowhere", { method: "POST", headers: { Cookie } })).status).toBe(404);

  for (const from of ["https://example.com/", "//example.com/", "\\\\example.com"])
    expect((await signIn(token, from)).headers.get("Location")).toMatch(/^\/([^/\\]|$)/);
});

test("pages run no script, load nothing and are framed by nothing of elsewhere", async () => {
  const { headers } = await ask(open, "/");
  expect(headers.get("Content-Security-Policy")).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(headers.get("Content-Security-Policy")).toContain("frame-ancestors 'none'");
  expect(headers.get("Cache-Control")).toBe("no-store");
});

test("unknown and too many fragments are refused", async () => {
  expect((await ask(open, "/events?show=nothing")).status).toBe(400);
  const many = Array.from({ length: 17 }, (_, index) => `show=topics:${index}`).join("&");
  expect((await ask(open, `/events?${many}`)).status).toBe(400);
});
