/** The API over HTTP: invalid requests, security, documentation and metrics. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createApp } from "../api/app.ts";
import { type Log, openLog } from "../runtime/log.ts";
import { type Answer, newcomer, openApp } from "./support/app.ts";

const token = "a token of sixteen characters or more".replaceAll(" ", "-");
const { app, request, store, guardedBy, ask, isReady, close } = openApp(import.meta.path);
const guarded = guardedBy(token);

beforeAll(async () => void (await isReady()));
afterAll(close);

describe("bad requests", () => {
  const id = "c7a41086-06e3-4bfe-9c40-4e9da2df42c8";
  const user = newcomer();
  const cases: [what: string, status: number, field: string | undefined, ...request: [string, string, unknown?]][] = [
    ["an id that is not a UUID", 400, "id", "GET", "/get-user/42"],
    ["updating an id that is not a UUID", 400, "id", "PUT", "/update-user/42", { phone: "1" }],
    ["deleting an id that is not a UUID", 400, "id", "DELETE", "/delete-user/42"],
    ["a search for nothing", 400, "(all)", "GET", "/search-user?limit=5"],
    ["a search for half an address", 400, "email", "GET", "/search-user?email=nadia"],
    ["a search by another field", 400, "phone", "GET", "/search-user?first_name=nadia&phone=1"],
    ["a search for an empty name", 400, "first_name", "GET", "/search-user?first_name="],
    ["a search for an overlong name", 400, "first_name", "GET", `/search-user?first_name=${"x".repeat(201)}`],
    ["a limit of 0", 400, "limit", "GET", "/users?limit=0"],
    ["a limit that is too high", 400, "limit", "GET", "/users?limit=501"],
    ["a limit that is not a number", 400, "limit", "GET", "/users?limit=some"],
    ["a limit in hexadecimal", 400, "limit", "GET", "/users?limit=0x10"],
    ["a limit with an exponent", 400, "limit", "GET", "/users?limit=1e2"],
    ["a limit with a fraction", 400, "limit", "GET", "/users?limit=5.0"],
    ["a limit with a space", 400, "limit", "GET", "/users?limit=%205"],
    ["an empty limit", 400, "limit", "GET", "/users?limit="],
    ["a parameter that does not exist", 400, "offset", "GET", "/users?offset=5"],
    ["a made-up cursor", 400, "cursor", "GET", "/users?cursor=AAAA"],
    ["JSON that ends early", 400, undefined, "POST", "/add-user", '{"first_name": "Nad'],
    ["a nil id", 422, "id", "POST", "/add-user", { ...user, id: "00000000-0000-0000-0000-000000000000" }],
    [
      "an id without a version",
      422,
      "id",
      "POST",
      "/add-user",
      { ...user, id: "c7a41086-06e3-0bfe-9c40-4e9da2df42c8" },
    ],
    ["a blank name", 422, "last_name", "POST", "/add-user", { ...user, last_name: " \u3000\n" }],
    ["a picture that is a script", 422, "picture", "POST", "/add-user", { ...user, picture: "javascript:alert(1)" }],
    ["half a surrogate pair", 422, "last_name", "POST", "/add-user", { ...user, last_name: "half a \ud83e owl" }],
    ["a list of users", 422, "(all)", "POST", "/add-user", [user]],
    ["a missing field", 422, "email", "POST", "/add-user", { ...user, email: undefined }],
    ["an unknown field", 422, "password", "POST", "/add-user", { ...user, password: "disney1" }],
    ["a timestamp of its own", 422, "timestamp", "POST", "/add-user", { ...user, timestamp: "2026-01-15T06:00:00Z" }],
    ["an address without @", 422, "email", "POST", "/add-user", { ...user, email: "nadia" }],
    ["a birthday without a time", 422, "dob", "POST", "/add-user", { ...user, dob: "1978-04-22" }],
    ["an overlong name", 422, "last_name", "POST", "/add-user", { ...user, last_name: "x".repeat(201) }],
    ["an update of no field", 422, "(all)", "PUT", `/update-user/${id}`, {}],
    ["an update of the id", 422, "id", "PUT", `/update-user/${id}`, { id: crypto.randomUUID() }],
    ["an update of a name to null", 422, "first_name", "PUT", `/update-user/${id}`, { first_name: null }],
    ["an unknown path", 404, undefined, "GET", "/get-users"],
    ["a method that the path does not support", 405, undefined, "POST", "/count", {}],
  ];
  for (const [what, status, field, method, path, body] of cases)
    test(`${what}: ${status}${field ? `, naming ${field}` : ""}`, async () => {
      const answer = await ask(method, path, body);
      expectProblem(answer, status);
      expect(answer.body.instance).toBe(path.split("?")[0]);
      expect(answer.body.errors?.[0]?.field).toBe(field);
    });

  test("a body that is not JSON is 415, one over the limit 413, with or without a Content-Length", async () => {
    expectProblem(await ask("POST", "/add-user", "first_name=Nadia", app, { "Content-Type": "text/plain" }), 415);
    const large = JSON.stringify({ ...user, address: "x".repeat(70_000) });
    expectProblem(await ask("POST", "/add-user", large, app, { "Content-Length": String(large.length) }), 413);
    const stream = new Response(large).body;
    const chunked = await request("/add-user", {
      method: "POST",
      body: stream,
      headers: { "Content-Type": "application/json" },
    });
    expect(chunked.status).toBe(413);
  });

  test("a body that is not UTF-8 is 400, or 415 if declared as such, and is not stored", async () => {
    const latin1 = Buffer.from(JSON.stringify({ ...user, last_name: "Müller" }), "latin1");
    const send = async (body: Uint8Array, headers: Record<string, string> = {}) => {
      const type = { "Content-Type": "application/json", ...headers };
      const response = await request("/add-user", { method: "POST", body, headers: type });
      return { status: response.status, headers: response.headers, body: await response.json() };
    };
    expectProblem(await send(latin1), 400);
    expectProblem(await send(latin1, { "Content-Type": "application/json; charset=ISO-8859-1" }), 415);
    const zipped = await send(Bun.gzipSync(JSON.stringify(user)), { "Content-Encoding": "gzip" });
    expectProblem(zipped, 415);
    expect(zipped.headers.get("Accept-Encoding")).toBe("identity");
    expect((await ask("GET", `/get-user/${user.id}`)).status).toBe(404);
  });

  test("the charset UTF-8 and the encoding identity are accepted", async () => {
    const headers = { "Content-Type": 'application/json; charset="UTF-8"', "Content-Encoding": "identity" };
    expect((await ask("POST", "/add-user", newcomer({ last_name: "Müller" }), app, headers)).status).toBe(201);
  });

  test("405 and OPTIONS list the methods that the path supports", async () => {
    expect((await ask("DELETE", `/get-user/${id}`)).headers.get("Allow")).toBe("GET, HEAD, OPTIONS");
    const options = async (path: string, to = app) => {
      const { status, headers } = await ask("OPTIONS", path, undefined, to);
      return [status, headers.get("Allow"), headers.get("Accept-Patch")];
    };
    expect(await options(`/get-user/${id}`)).toEqual([204, "GET, HEAD, OPTIONS", null]);
    expect(await options(`/update-user/${id}`, guarded)).toEqual([
      ...[204, "OPTIONS, PATCH, PUT"],
      "application/merge-patch+json, application/json",
    ]);
    expect((await ask("OPTIONS", "/get-users")).status).toBe(404);
  });

  test("an unexpected error is 500 without its cause, and the log has its stack", async () => {
    const logged: Record<string, unknown>[] = [];
    const log = { error: (_: string, properties: Record<string, unknown>) => logged.push(properties) };
    const broken = createApp({
      users: { ...store, find: () => Promise.reject(new Error("secret")) },
      log: log as unknown as Log,
    });
    const answer = await ask("GET", `/get-user/${id}`, undefined, broken);
    expectProblem(answer, 500);
    expect(JSON.stringify(answer.body)).not.toContain("secret");
    expect(logged).toEqual([
      {
        requestId: answer.body.requestId,
        route: `/get-user/${id}`,
        error: "secret",
        stack: expect.stringMatching(/^Error:\n +at .*api-http\.test\.ts/),
      },
    ]);
  });

  function expectProblem({ status, headers, body }: Answer, expected: number) {
    expect(status).toBe(expected);
    expect(headers.get("Content-Type")).toBe("application/problem+json");
    expect(body.status).toBe(expected);
    expect(body.type).toStartWith("urn:problem-type:user-automation:");
    expect(body.title).not.toBeEmpty();
    expect(body.requestId).toBe(headers.get("X-Request-Id"));
    expect(JSON.stringify(body)).not.toMatch(/\.ts:\d|node_modules/);
  }
});

describe("security", () => {
  const bearer = (value: string) => ({ Authorization: `Bearer ${value}` });

  test("with a token configured, writes require it and reads do not", async () => {
    const user = newcomer();
    const writes: [string, string, unknown?][] = [
      ["POST", "/add-user", user],
      ["PUT", `/update-user/${user.id}`, { phone: "1" }],
      ["PATCH", `/update-user/${user.id}`, { phone: "2" }],
      ["DELETE", `/delete-user/${user.id}`],
    ];
    for (const [method, path, body] of writes)
      for (const headers of [{}, bearer("wrong"), bearer(`${token}x`), { Authorization: `Basic ${token}` }]) {
        const answer = await ask(method, path, body, guarded, headers);
        expect(answer.status).toBe(401);
        expect(answer.headers.get("WWW-Authenticate")).toBe("Bearer");
      }
    const answers = [];
    for (const [method, path, body] of writes)
      answers.push((await ask(method, path, body, guarded, bearer(token))).status);
    expect(answers).toEqual([201, 200, 200, 204]);
    expect((await ask("GET", "/first-five", undefined, guarded)).status).toBe(200);
  });

  test("with protect all, reads and metrics need a token too; health checks and the documentation do not", async () => {
    const tokens = [
      { name: "API_TOKEN", token },
      { name: "rachel", token: "rachels-own-token" },
    ];
    const closed = createApp({ users: store, log: openLog("api", "error"), tokens, protect: "all" });
    const user = newcomer();
    const reads = ["/count", "/first-five", "/users", "/search-user?first_name=x", `/get-user/${user.id}`, "/metrics"];
    const statuses = async (headers: object) => {
      const found = [];
      for (const path of [...reads, "/nowhere"])
        for (const method of ["GET", "HEAD"])
          found.push((await request(path, { method, headers: headers as Record<string, string> }, closed)).status);
      return [...new Set(found)];
    };
    expect(await statuses({})).toEqual([401]);
    expect(await statuses(bearer("rachels-own-toke"))).toEqual([401]);
    for (const one of tokens) expect(await statuses(bearer(one.token))).toEqual([200, 404]);
    const open = ["/", "/healthz", "/readyz", "/openapi.json", "/apidocs", "/apidocs/swagger-ui-dist/swagger-ui.css"];
    for (const path of open) expect((await request(path, {}, closed)).status).toBe(200);
    expect((await request("/users", { method: "OPTIONS" }, closed)).status).toBe(204);

    const securityIn = async (to: typeof app) => {
      const { paths } = (await ask("GET", "/openapi.json", undefined, to)).body;
      return [paths["/users"].get.security, paths["/add-user"].post.security, paths["/healthz"].get.security];
    };
    expect(await securityIn(closed)).toEqual([[{ token: [] }], [{ token: [] }], undefined]);
    expect(await securityIn(guarded)).toEqual([[], [{ token: [] }], undefined]);
  });

  test("a request keeps the id given by its sender if it is valid", async () => {
    const given = async (id: string) =>
      (await ask("GET", "/healthz", undefined, app, { "X-Request-Id": id })).headers.get("X-Request-Id");
    expect(await given("order-4711")).toBe("order-4711");
    expect(await given("a b")).not.toBe("a b");
    expect(await given("x".repeat(101))).toHaveLength(36);
  });

  test("responses cannot be read by other origins, framed or sniffed", async () => {
    const { headers } = await ask("GET", "/first-five", undefined, app, { Origin: "https://example.com" });
    expect(headers.get("Access-Control-Allow-Origin")).toBeNull();
    expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(headers.get("Content-Security-Policy")).toContain("frame-ancestors 'none'");
  });

  test("no cache keeps an answer about users, a refused one included", async () => {
    const { id } = (await ask("POST", "/add-user", newcomer())).body;
    const answers = [
      await ask("GET", `/get-user/${id}`),
      await ask("GET", "/users"),
      await ask("GET", "/search-user?first_name=nadia"),
      await ask("GET", "/first-five"),
      await ask("PUT", `/update-user/${id}`, { phone: "1" }),
      await ask("POST", "/add-user", { ...newcomer(), email: "nadia" }),
      await ask("GET", "/nowhere", undefined, app, { Host: "example.com" }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 422, 421]);
    for (const { headers } of answers) expect(headers.get("Cache-Control")).toBe("no-store");
    const { headers } = await request("/apidocs/swagger-ui-dist/swagger-ui.css");
    expect(headers.get("Cache-Control")).toBe("max-age=3600");
  });
});

describe("documentation", () => {
  test("the served OpenAPI document is the committed one", async () => {
    const committed = await Bun.file(`${import.meta.dir}/../contract/generated/openapi.json`).json();
    expect((await ask("GET", "/openapi.json")).body).toEqual(committed);
  });

  test("the page loads only assets that the API serves", async () => {
    const html = await (await request("/apidocs")).text();
    const assets = [...html.matchAll(/<(?:script|link)\b[^>]*(?:src|href)="([^"]+)"/g)].map(([, address]) => address!);
    expect(assets).toHaveLength(2);
    for (const address of assets) {
      expect(address).toStartWith("/apidocs/");
      const asset = await request(address);
      expect(asset.status).toBe(200);
      expect(await asset.text()).not.toBeEmpty();
    }
  });

  test("the page at / leads to the documentation, and to the console on the same host", async () => {
    const response = await request("/");
    expect(response.headers.get("Content-Type")).toStartWith("text/html");
    const links = [...(await response.text()).matchAll(/href="([^"]+)"/g)].map(([, address]) => address!);
    expect(links).toEqual(["/apidocs", "http://localhost:8090/", "/openapi.json", "/metrics"]);
  });

  test("the examples in the OpenAPI document are accepted unchanged", async () => {
    const { paths } = (await ask("GET", "/openapi.json")).body;
    const exampleOf = (path: string, method: string) =>
      paths[path][method].requestBody.content["application/json"].example;
    const user = exampleOf("/add-user", "post");
    await ask("DELETE", `/delete-user/${user.id}`);
    expect((await ask("POST", "/add-user", user)).status).toBe(201);
    const { example } = paths["/get-user/{id}"].get.parameters[0].schema;
    expect((await ask("GET", `/get-user/${example}`)).body).toMatchObject(user);
    expect((await ask("PUT", `/update-user/${example}`, exampleOf("/update-user/{id}", "put"))).status).toBe(200);
  });
});

test("HEAD has the headers of GET, including the length, and no body", async () => {
  const { id } = (await ask("POST", "/add-user", newcomer())).body;
  for (const path of [`/get-user/${id}`, "/openapi.json", "/apidocs/swagger-ui-dist/swagger-ui.css", "/nowhere"]) {
    const [head, get] = [await request(path, { method: "HEAD" }), await request(path)];
    expect(head.status).toBe(get.status);
    expect(head.headers.get("Content-Type")).toBe(get.headers.get("Content-Type"));
    expect(head.headers.get("Content-Length")).toBe(String((await get.arrayBuffer()).byteLength));
    expect(await head.text()).toBe("");
  }
});

test("requests are counted by route and status, never by id", async () => {
  await ask("GET", `/get-user/${crypto.randomUUID()}`);
  await ask("GET", "/nowhere");
  const text = await (await request("/metrics")).text();
  const series = text.split("\n").map((line) => line.split(" ")[0]);
  expect(series).toContain('api_requests_total{method="GET",route="/get-user/:id",status="404"}');
  expect(series).toContain('api_requests_total{method="any",route="unknown",status="404"}');
  expect(series).toContain('api_request_duration_seconds_count{method="GET",route="/get-user/:id"}');
  expect(series.filter((line) => /[0-9a-f]{8}-[0-9a-f]{4}/.test(line!))).toEqual([]);
});
