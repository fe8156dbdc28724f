/** Renders deploy/kubernetes as `kubectl apply --kustomize` does, and checks every resource against the type of its kind. */
import { rmSync } from "node:fs";
import { join, relative } from "node:path";
import { installLinters } from "../../stack/install/install.ts";

const project = join(import.meta.dir, "..", "..");
const manifests = join(project, "deploy", "kubernetes");
/** Inside node_modules, so that the packages' types are found. */
const work = join(project, "node_modules", ".cache", "kubernetes");

interface Resource {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
}

const linter = await installLinters();
rmSync(work, { recursive: true, force: true });
for (const folder of ["base", "operators"])
  for (const resource of render(join(manifests, folder))) await writeTyped(folder, resource);
process.exit(await reportTypes());

/** The resources of a folder with a kustomization. */
function render(folder: string): Resource[] {
  const { exitCode, stdout, stderr } = Bun.spawnSync([linter("kubectl"), "kustomize", folder]);
  if (exitCode !== 0 || stderr.length > 0) {
    console.error(`kubectl kustomize ${relative(project, folder)}: ${stderr}`);
    process.exit(1);
  }
  return Bun.YAML.parse(stdout.toString()) as Resource[];
}

/** Writes a resource as a value that has to satisfy the type of its kind. */
async function writeTyped(folder: string, resource: Resource) {
  const { apiVersion, kind, metadata } = resource;
  const file = join(work, folder, `${kind}-${metadata.name}.ts`);
  const types = relative(join(work, folder), join(import.meta.dir, "kinds.ts"));
  const text = `import type { Kinds } from "${types}";
export default ${JSON.stringify(resource, null, 2)} satisfies Kinds["${apiVersion} ${kind}"];
`;
  await Bun.write(file, text);
}

/** Prints each error with the line that it is about. */
async function reportTypes(): Promise<number> {
  const settings = { extends: join(project, "tsconfig.json"), include: ["**/*.ts"], exclude: [] };
  await Bun.write(
    join(work, "tsconfig.json"),
    JSON.stringify({ ...settings, compilerOptions: { incremental: false } }),
  );
  const tsc = [process.execPath, "run", "--bun", "--silent", "tsc", "--pretty", "false", "--project", work];
  const { exitCode, stdout, stderr } = Bun.spawnSync(tsc, { cwd: project });
  for (const line of `${stdout}${stderr}`.split("\n")) {
    const [, file = "", number = "", what] = line.match(/^(\S+)\((\d+),\d+\): error \w+: (.*)$/) ?? [];
    if (what === undefined) console.error(line);
    else {
      const text = (await Bun.file(join(project, file)).text()).split("\n")[Number(number) - 1]?.trim();
      console.error(`${relative(work, join(project, file)).replace(/\.ts$/, "")}: ${text}: ${what}`);
    }
  }
  return exitCode;
}
