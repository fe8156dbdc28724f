import { readFileSync } from "node:fs";
import { passwords } from "./passwords.ts";

/** Fronts of the registry: with a login or a token, for clients with a certificate, with an expired one, and without TLS. */
export function openFronts(registryUrl: string, file: (name: string) => string) {
  const target = new URL(registryUrl);
  const pass = async (request: Request) => {
    const { pathname, search } = new URL(request.url);
    const type = request.headers.get("content-type");
    const headers = { ...(type !== null && { "content-type": type }) };
    const body = request.method === "GET" ? null : await request.text();
    const {
      status,
      headers: answered,
      ...answer
    } = await fetch(`${target.origin}${pathname}${search}`, { method: request.method, headers, body }).then(
      async (response) => ({ status: response.status, headers: response.headers, text: await response.text() }),
    );
    return new Response(answer.text, { status, headers: { "content-type": answered.get("content-type") ?? "" } });
  };
  const allowed = [`Basic ${btoa(`pipeline:${passwords.pipeline}`)}`, "Bearer registry-token"];
  const authorized = (request: Request) =>
    allowed.includes(request.headers.get("authorization") ?? "") ? pass(request) : new Response("no", { status: 401 });
  const serve = (
    name: string | undefined,
    answer: (request: Request) => Response | Promise<Response>,
    more: object = {},
  ) =>
    Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      ...(name !== undefined && {
        tls: { cert: readFileSync(file(`${name}.crt`)), key: readFileSync(file(`${name}.key`)), ...more },
      }),
      fetch: answer,
    });
  const mutual = { ca: readFileSync(file("ca.crt")), requestCert: true, rejectUnauthorized: true };
  const servers = {
    login: serve("server", authorized),
    certificate: serve("server", pass, mutual),
    expired: serve("expired", authorized),
    plain: serve(undefined, authorized),
  };
  const urlOf = ({ url }: { url: URL }) => `${url.origin}${target.pathname}`;
  return {
    urls: {
      login: urlOf(servers.login),
      certificate: urlOf(servers.certificate),
      expired: urlOf(servers.expired),
      plain: urlOf(servers.plain),
    },
    close: () => Promise.all(Object.values(servers).map((server) => server.stop(true))),
  };
}
