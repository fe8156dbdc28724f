/** The manifests of the programs agree with the programs, their settings and their image. */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { openHostCheck } from "../../runtime/own-hosts.ts";
import { allSettings, resolveConfig } from "../../sources/config.ts";
import { project } from "../../stack/instance.ts";
import { type Manifest, named, readManifests, readText, readYaml } from "./manifests.ts";

interface Variable {
  name: string;
  value?: string;
  valueFrom?: Record<string, { name?: string; key?: string }>;
}

interface Source {
  secret: { name: string; items: { key: string; path: string }[] };
}

const read = (file: string) => Bun.file(join(project, file)).text();
const base = await readManifests("base");
const yaml = await readText("base/config.yaml");
const compose = Bun.YAML.parse(await read("docker-compose.yml")) as {
  services: Record<string, { image: string; mem_limit: string }>;
};
const services = ["consumer", "api", "console"] as const;
const programs = [...services.map((name) => named(base, "Deployment", name)), named(base, "Job", "migrate")];
const podOf = ({ spec }: Manifest) => spec.template.spec;
const containerOf = (program: Manifest) => podOf(program).containers[0];

/** The addresses and names that a pod gets from the cluster. */
const given: Record<string, string> = { POD_IP: "10.0.0.7", POD_NAMESPACE: "user-automation" };

/** The environment of a program's container, with references to other variables replaced. */
function environmentOf(program: Manifest): Record<string, string> {
  const result: Record<string, string> = {};
  for (const { name, value, valueFrom } of containerOf(program).env as Variable[])
    result[name] =
      value?.replaceAll(/\$\((\w+)\)/g, (_, other) => result[other] ?? "") ??
      given[name] ??
      (valueFrom ? "secret" : "");
  return result;
}

/** The files in a program's container, by path: those of its Secrets and ConfigMaps. */
function filesOf(program: Manifest): string[] {
  const { volumes } = podOf(program);
  return containerOf(program).volumeMounts.flatMap(({ name, mountPath }: { name: string; mountPath: string }) => {
    const volume = volumes.find((each: { name: string }) => each.name === name);
    if (volume?.configMap) return [`${mountPath}/config.yaml`];
    const sources = volume?.projected?.sources ?? [];
    return sources.flatMap(({ secret }: Source) => secret.items.map(({ path }) => `${mountPath}/${path}`));
  });
}

const settingsOf = (program: Manifest) => {
  const env = environmentOf(program);
  const secrets = allSettings.filter(({ secret, env: name }) => secret && env[`${name}_FILE`]);
  return { ...env, ...Object.fromEntries(secrets.map(({ env: name }) => [name, `${name}:at-least-16-characters`])) };
};

describe("every program", () => {
  test("is of the image that docker-compose.yml builds, in its version, and called as its entry point expects", async () => {
    const { images } = (await readYaml("base/kustomization.yaml")) as { images: { name: string; newTag: string }[] };
    const composed = compose.services.api?.image.split(":");
    expect(images.map(({ name, newTag }) => [name, newTag])).toEqual([composed as [string, string]]);
    const entryPoint = await read("script/programs.ts");
    for (const program of programs) {
      const { image, command, args } = containerOf(program);
      expect([image, command]).toEqual([composed?.[0], undefined]);
      expect(entryPoint).toContain(`case "${args[0]}":`);
    }
    expect(await read("Dockerfile")).toContain('ENTRYPOINT ["/usr/local/bin/programs"]');
  });

  test("has only variables that are settings, files of secrets, or known to its manifest", async () => {
    const known = allSettings.flatMap(({ env, secret }) => (secret ? [env, `${env}_FILE`] : [env]));
    const further = "POD_IP POD_NAMESPACE PUBLIC_NAME CONFIG_FILE OPERATE_COMMAND AIRFLOW_USER AIRFLOW_PASSWORD".split(
      " ",
    );
    const doctor = await read("operations/doctor/clients.ts");
    for (const program of programs)
      for (const name of Object.keys(environmentOf(program))) {
        if (name.endsWith("_URL") && !known.includes(name)) expect(doctor).toContain(`env.${name}`);
        else expect([...known, ...further]).toContain(name);
      }
  });

  test("has settings that are valid together with config.yaml, and is where the manifest says", () => {
    for (const program of programs) {
      const config = resolveConfig(yaml, settingsOf(program));
      const { name } = program.metadata;
      if (name === "migrate") continue;
      const { ports } = containerOf(program);
      expect([name, ports]).toEqual([name, [{ name: "http", containerPort: config.ports[name as "api"] }]]);
      expect(named(base, "Service", name).spec.ports).toEqual([
        { name: "http", port: config.ports[name as "api"], targetPort: "http" },
      ]);
    }
  });

  test("finds every file that its settings name", () => {
    const inSettings = allSettings.filter(({ isFile }) => isFile).map(({ path }) => path);
    for (const program of programs) {
      const config = resolveConfig(yaml, settingsOf(program)) as unknown as Record<string, Record<string, string>>;
      const named = inSettings.map(([group = "", key = ""]) => config[group]?.[key]).filter(Boolean);
      const variables = Object.entries(environmentOf(program)).filter(([name]) => name.endsWith("_FILE"));
      const wanted = [...named, ...variables.map(([, file]) => file)];
      expect(wanted.length).toBeGreaterThan(4);
      expect(filesOf(program)).toEqual(expect.arrayContaining(wanted));
      // And nothing is mounted that it does not need.
      expect(filesOf(program).sort()).toEqual([...new Set(wanted as string[])].sort());
    }
  });

  test("has the volumes that it mounts, and mounts the volumes that it has", () => {
    for (const program of programs) {
      const names = (list: { name: string }[]) => list.map(({ name }) => name).sort();
      expect(names(containerOf(program).volumeMounts)).toEqual(names(podOf(program).volumes));
    }
  });

  test("runs as the image's account, may do nothing else, and cannot write but in volumes", async () => {
    const [, account] = (await read("Dockerfile")).match(/^USER (\d+):\1$/m) ?? [];
    for (const program of programs) {
      const pod = podOf(program);
      expect(pod.securityContext).toEqual({
        runAsNonRoot: true,
        runAsUser: Number(account),
        runAsGroup: Number(account),
        fsGroup: Number(account),
        seccompProfile: { type: "RuntimeDefault" },
      });
      expect(containerOf(program).securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
      expect([pod.serviceAccountName, pod.automountServiceAccountToken]).toEqual(["programs", false]);
    }
  });

  test("gets no variable for a Service, which would be taken for a port", () => {
    const variables = base.filter(({ kind }) => kind === "Service").map(({ metadata }) => metadata.name.toUpperCase());
    const settings = new Set(allSettings.map(({ env }) => env));
    expect(variables.filter((name) => settings.has(`${name}_PORT`))).toHaveLength(3);
    for (const program of programs) expect(podOf(program).enableServiceLinks).toBe(false);
  });
});

describe("a Deployment", () => {
  test("is probed at paths that its program serves", async () => {
    const sources = { consumer: "consumer/observe.ts", api: "api/health.ts", console: "console/app.tsx" };
    for (const name of services) {
      const source = await read(sources[name]);
      const { startupProbe, livenessProbe, readinessProbe } = containerOf(named(base, "Deployment", name));
      for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) {
        expect(httpGet.port).toBe("http");
        expect(source).toContain(`"${httpGet.path}"`);
      }
      // What only another service can cure is no reason to restart.
      expect([startupProbe.httpGet.path, livenessProbe.httpGet.path]).toEqual(["/healthz", "/healthz"]);
      if (name !== "console") expect(readinessProbe.httpGet.path).toBe("/readyz");
    }
  });

  test("answers to its pod's address, for probes and Prometheus, and to its Service's names", async () => {
    expect(await read("Dockerfile")).toContain("\nENV LISTEN_HOST=0.0.0.0\n");
    for (const name of services) {
      const config = resolveConfig(yaml, { ...settingsOf(named(base, "Deployment", name)), LISTEN_HOST: "0.0.0.0" });
      const faultOf = openHostCheck(config);
      const port = config.ports[name];
      for (const host of [given.POD_IP, name, `${name}.user-automation`, `${name}.user-automation.svc`, "localhost"])
        expect([name, host, faultOf(`${host}:${port}`)]).toEqual([name, host ?? "", null]);
      expect(faultOf(`evil.example.com:${port}`)).toMatchObject({ status: 421 });
    }
  });

  test("has longer to stop than its program takes", async () => {
    const lifecycle = await read("runtime/lifecycle.ts");
    const within = Number(lifecycle.match(/stopWithinMs = ([\d_]+);/)?.[1]?.replace("_", "")) / 1_000;
    expect(within).toBeGreaterThan(5);
    for (const name of services) {
      const pod = podOf(named(base, "Deployment", name));
      const before = pod.containers[0].lifecycle?.preStop.sleep.seconds ?? 0;
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(before + within + 2);
    }
  });

  test("has the memory that its container has in docker-compose.yml; the console more, for the operator's commands", () => {
    for (const name of ["consumer", "api"] as const) {
      const { limits } = containerOf(named(base, "Deployment", name)).resources;
      expect([name, limits]).toEqual([name, { memory: `${Number.parseInt(compose.services[name]!.mem_limit, 10)}Mi` }]);
    }
    const [own = 0, command = 0] = ["console", "operate"].map((name) =>
      Number.parseInt(compose.services[name]!.mem_limit, 10),
    );
    const { limits } = containerOf(named(base, "Deployment", "console")).resources;
    expect(limits).toEqual({ memory: `${own + command}Mi` });
  });

  test("is selected by what belongs to it", () => {
    for (const name of services) {
      const { spec } = named(base, "Deployment", name);
      const labels = { "app.kubernetes.io/name": name };
      expect([spec.selector.matchLabels, spec.template.metadata.labels]).toEqual([labels, labels]);
      expect(named(base, "Service", name).spec.selector).toEqual(labels);
      for (const { labelSelector } of podOf(named(base, "Deployment", name)).topologySpreadConstraints ?? [])
        expect(labelSelector.matchLabels).toEqual(labels);
    }
    for (const name of ["consumer", "api"])
      for (const kind of ["PodDisruptionBudget", "NetworkPolicy"]) {
        const { selector, podSelector } = named(base, kind, name).spec;
        expect((selector ?? podSelector).matchLabels).toEqual({ "app.kubernetes.io/name": name });
      }
    const [all] = named(base, "NetworkPolicy", "programs").spec.podSelector.matchExpressions;
    expect(all.values.sort()).toEqual([...services, "migrate"].sort());
  });
});

describe("autoscaling", async () => {
  const keda = await readManifests("keda");
  const { kafka, consumer } = resolveConfig(yaml, {
    KAFKA_SASL_USERNAME: "consumer",
    KAFKA_SASL_PASSWORD: "a-password",
  });
  const { scaleTargetRef, maxReplicaCount, triggers } = named(keda, "ScaledObject", "consumer").spec;

  test("goes by the lag of the consumer's group, up to one consumer a partition", () => {
    expect([scaleTargetRef.name, maxReplicaCount]).toEqual(["consumer", kafka.partitions]);
    expect(named(base, "Deployment", "consumer").spec.replicas).toBeUndefined();
    // biome-ignore lint/suspicious/noExplicitAny: see manifests.ts
    expect(triggers.map(({ metadata }: any) => metadata)).toEqual(
      [kafka.topic, kafka.editTopic].map((topic) => ({
        bootstrapServers: kafka.brokers.join(","),
        consumerGroup: consumer.groupId,
        topic,
        lagThreshold: expect.stringMatching(/^\d+$/),
        offsetResetPolicy: "earliest",
        sasl: kafka.saslMechanism.replace("scram-sha-", "scram_sha"),
        tls: "enable",
      })),
    );
  });

  test("asks with the consumer's login", () => {
    const { env, secretTargetRef } = named(keda, "TriggerAuthentication", triggers[0].authenticationRef.name).spec;
    const variables = environmentOf(named(base, "Deployment", "consumer"));
    expect(env.map(({ name, containerName }: Record<string, string>) => [variables[name!], containerName])).toEqual([
      ["kafka-consumer", "consumer"],
    ]);
    const { volumes } = podOf(named(base, "Deployment", "consumer"));
    const keys = volumes
      .flatMap(({ projected }: { projected?: { sources: Source[] } }) => projected?.sources ?? [])
      .flatMap(({ secret }: Source) => secret.items.map(({ key }) => `${secret.name}/${key}`));
    expect(secretTargetRef).toHaveLength(2);
    for (const { name, key } of secretTargetRef) expect(keys).toContain(`${name}/${key}`);
  });
});

test("every file belongs to a kustomization", async () => {
  for (const folder of ["base", "keda", "operators"]) {
    const { resources, configMapGenerator = [] } = (await readYaml(`${folder}/kustomization.yaml`)) as {
      resources: string[];
      configMapGenerator?: { files: string[] }[];
    };
    const files = readdirSync(join(project, "deploy/kubernetes", folder)).filter(
      (file) => file !== "kustomization.yaml",
    );
    const own = resources.filter((name) => name.endsWith(".yaml"));
    if (folder === "operators") own.push("airflow-values.yaml"); // for Helm
    expect([...own, ...configMapGenerator.flatMap((each) => each.files)].sort()).toEqual(files.sort());
  }
});
