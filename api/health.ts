import { createRoute, z } from "@hono/zod-openapi";
import type { Registry } from "prom-client";
import type { EditLog } from "./edits/edit-log.ts";
import { unavailable } from "./problem.ts";
import { problems } from "./problem-document.ts";
import { type App, json } from "./route.ts";
import type { UserStore } from "./users/store.ts";

const Health = z.strictObject({ status: z.literal("ok") }).meta({ id: "Health" });

const healthz = createRoute({
  method: "get",
  path: "/healthz",
  operationId: "healthz",
  tags: ["Operations"],
  summary: "Liveness, independent of Cassandra",
  responses: { 200: json(Health, "The process is running"), ...problems() },
});

const Readiness = z
  .strictObject({
    status: z.literal("ok"),
    writes: z.string().meta({ description: "`accepted`, or why they are refused at the moment.", example: "accepted" }),
  })
  .meta({ id: "Readiness" });

const readyz = createRoute({
  method: "get",
  path: "/readyz",
  operationId: "readyz",
  tags: ["Operations"],
  summary: "Readiness: whether users can be read",
  description: "Writes also need Kafka; while it is unavailable, users can still be read.",
  responses: { 200: json(Readiness, "A read from the table succeeded"), ...problems(503) },
});

export function registerHealth(app: App, users: UserStore, registry: Registry, edits?: Pick<EditLog, "refusal">) {
  app.openapi(healthz, (c) => c.json({ status: "ok" as const }, 200));
  app.openapi(readyz, async (c) => {
    await users.find("00000000-0000-0000-0000-000000000000");
    const refusal = edits?.refusal();
    if (refusal === null) throw unavailable(undefined, "the API is connecting to Kafka");
    return c.json({ status: "ok" as const, writes: refusal ?? "accepted" }, 200);
  });
  app.get("/metrics", async (c) => c.body(await registry.metrics(), 200, { "Content-Type": registry.contentType }));
}
