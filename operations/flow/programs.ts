import { type Histogram, readHistogram, readSamples } from "../prometheus.ts";

/** What the consumer has counted since it started. With several in the group, one of them. */
export interface ConsumerFacts {
  stored: number;
  /** From producing a record to its being readable, in seconds. */
  readable: Histogram;
  /** From a commit in PostgreSQL to its being readable, in seconds. */
  committedReadable: Histogram;
}

export interface ApiFacts {
  /** Requests answered since it started, without those of probes. */
  requests: number;
}

const withinMs = 3_000;

export async function lookAtConsumer(url: string): Promise<ConsumerFacts> {
  const page = await metricsOf(url);
  return {
    stored: sumWhere(page, "consumer_records_total", ({ outcome }) => outcome === "stored"),
    readable: readHistogram(page, "consumer_produced_to_stored_seconds"),
    committedReadable: readHistogram(page, "consumer_committed_to_stored_seconds"),
  };
}

const probed = new Set(["/healthz", "/readyz", "/metrics"]);

/** `token` is one that the API accepts, if its setting `protect` is `all`. */
export async function lookAtApi(url: string, token?: string): Promise<ApiFacts> {
  const page = await metricsOf(url, token);
  return { requests: sumWhere(page, "api_requests_total", ({ route }) => !probed.has(route ?? "")) };
}

const sumWhere = (page: string, metric: string, isWanted: (labels: Record<string, string>) => boolean) =>
  readSamples(page)
    .filter(({ name, labels }) => name === metric && isWanted(labels))
    .reduce((sum, { value }) => sum + value, 0);

async function metricsOf(url: string, token?: string): Promise<string> {
  const response = await fetch(`${url}/metrics`, {
    ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    signal: AbortSignal.timeout(withinMs),
  });
  if (response.status === 401)
    throw new Error("/metrics needs a token: set API_TOKEN or API_TOKENS to one that it accepts");
  if (!response.ok) throw new Error(`/metrics answers ${response.status}`);
  return response.text();
}
