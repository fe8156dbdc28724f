import { type ComposeProject, docker } from "./project.ts";

/** The current memory use of each container of a project, and the total. */
export async function memoryByService(projectName: string): Promise<string> {
  const names = await docker(
    ...["ps", "--filter", `label=com.docker.compose.project=${projectName}`, "--format", "{{.Names}}"],
  );
  const stats = await docker("stats", "--no-stream", "--format", "{{json .}}", ...names.trim().split("\n"));
  const rows = stats
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { Name: string; MemUsage: string })
    .map(({ Name, MemUsage }) => ({ name: Name, megabytes: mebibytesOf(MemUsage.split(" / ")[0] ?? "") }))
    .sort((a, b) => b.megabytes - a.megabytes);
  const all = rows.reduce((sum, { megabytes }) => sum + megabytes, 0);
  const shown = rows.map(({ name, megabytes }) => `${name.slice(projectName.length + 1)} ${megabytes.toFixed(0)}`);
  return `      memory in MiB: ${shown.join(", ")}; all ${all.toFixed(0)}`;
}

/** The sizes of the images built by the project. */
export async function sizesOfImages({ compose }: ComposeProject): Promise<string> {
  const images = [...new Set((await compose("config", "--images")).trim().split("\n"))].sort();
  const own = images.filter((image) => image.startsWith("user-automation/"));
  const sizes = await Promise.all(
    own.map(
      async (image) => [image, Number(await docker("image", "inspect", "--format", "{{.Size}}", image))] as const,
    ),
  );
  return `      images in MB: ${sizes.map(([image, bytes]) => `${image} ${(bytes / 1e6).toFixed(0)}`).join(", ")}`;
}

function mebibytesOf(usage: string): number {
  const [, number, unit] = usage.match(/^([\d.]+)(\w+)$/) ?? [];
  const factors: Record<string, number> = { B: 2 ** -20, KiB: 2 ** -10, MiB: 1, GiB: 2 ** 10 };
  const factor = factors[unit ?? ""];
  if (number === undefined || factor === undefined) throw new Error(`docker stats says "${usage}"`);
  return Number(number) * factor;
}
