import { join } from "node:path";
import { project } from "../../stack/instance.ts";

const folder = join(project, "deploy", "kubernetes");

/** A resource; only what the tests look at. */
export interface Manifest {
  kind: string;
  metadata: { name: string; labels?: Record<string, string> };
  // biome-ignore lint/suspicious/noExplicitAny: each kind has another one, and test/kubernetes/check.ts knows them
  spec: any;
}

export const readText = (file: string) => Bun.file(join(folder, file)).text();
export const readYaml = async (file: string) => Bun.YAML.parse(await readText(file)) as Record<string, unknown>;

/** The resources of a folder's files, as they are written. */
export async function readManifests(name: string): Promise<Manifest[]> {
  const { resources = [] } = (await readYaml(`${name}/kustomization.yaml`)) as { resources?: string[] };
  const files = resources.filter((file) => file.endsWith(".yaml"));
  const parsed = await Promise.all(files.map((file) => readYaml(`${name}/${file}`)));
  return parsed.flat() as unknown as Manifest[];
}

export function named(manifests: Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found;
}
