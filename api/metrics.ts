import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import { Counter, Histogram, type Registry } from "prom-client";

type Metrics = ReturnType<typeof declareMetrics>;

/** Each metric's help explains what a rise means. */
export function declareMetrics(registry: Registry) {
  return {
    requests: new Counter({
      name: "api_requests_total",
      help: "Requests answered; a rise of status 503 means that Cassandra is unavailable, or for writes Kafka, of 202 that Cassandra fails to write, of 500 a defect, of 499 clients that disconnect while sending, of any other 4xx a faulty client.",
      labelNames: ["method", "route", "status"],
      registers: [registry],
    }),
    seconds: new Histogram({
      name: "api_request_duration_seconds",
      help: "Time from request to response; a rise means that Cassandra is slow or this process is short of CPU.",
      labelNames: ["method", "route"],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers: [registry],
    }),
  };
}

/** How long Kafka takes to acknowledge an edit. */
export const declareEditSeconds = (registry: Registry) =>
  new Histogram({
    name: "api_edit_logged_seconds",
    help: "From an edit to its acknowledgement by Kafka; a rise means that Kafka or its disks are slow, and writes with it.",
    buckets: [0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });

/** Counts and times requests by route, not by path, so that ids do not create series. */
export function measure({ requests, seconds }: Metrics): MiddlewareHandler {
  // prom-client sorts and joins labels on every call, so the few combinations in use are cached.
  const series = new Map<string, { count: Counter.Internal; time: Histogram.Internal<string> }>();
  const seriesOf = (method: string, path: string, status: number) => {
    const key = `${method} ${path} ${status}`;
    let found = series.get(key);
    if (!found) {
      const labels = path.endsWith("*") ? { method: "any", route: "unknown" } : { method, route: path };
      found = { count: requests.labels({ ...labels, status }), time: seconds.labels(labels) };
      if (!path.endsWith("*")) series.set(key, found);
    }
    return found;
  };

  return async (c, next) => {
    const startedMs = performance.now();
    await next();
    const { count, time } = seriesOf(c.req.method, routePath(c, -1), c.res.status);
    count.inc();
    time.observe((performance.now() - startedMs) / 1_000);
  };
}
