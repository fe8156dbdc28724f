/** Validates the compose files with Docker: every combination in the README, with .env.example unchanged. */
const ownServers = "docker-compose.own-servers.yml";
/** What docker-compose.own-servers.yml demands of .env. */
const addresses = {
  KAFKA_BROKERS: "kafka.example.com:9093",
  SCHEMA_REGISTRY_URL: "https://registry.example.com",
  POSTGRES_URL: "postgres://pipeline@postgres.example.com:5432/users",
};
const secure = "docker-compose.secure.yml";
const tokens = { API_TOKEN: "a-token-of-the-api", CONSOLE_TOKEN: "a-token-of-the-console" };
const combinations = [
  ["docker-compose.yml"],
  ["docker-compose.yml", ownServers],
  ["docker-compose.yml", "docker-compose.zookeeper.yml"],
  ["docker-compose.yml", secure],
  ["docker-compose.yml", "docker-compose.cluster.yml"],
  ["docker-compose.yml", "test/compose/stand-ins.yml", "docker-compose.cluster.yml"],
  ["docker-compose.yml", "test/compose/stand-ins.yml", secure, "test/compose/stand-ins.secure.yml"],
  ["docker-compose.yml", "test/compose/stand-ins.yml"],
  ["docker-compose.yml", "docker-compose.zookeeper.yml", "test/compose/stand-ins.yml"],
];

const compose = ["docker", "compose"];
if (!Bun.which("docker") || Bun.spawnSync([...compose, "version"]).exitCode !== 0) {
  console.log("docker compose is not installed: only dclint has checked its files");
  process.exit(0);
}

let failed = false;
for (const files of combinations)
  for (const profile of [[], ["--profile", "jobs"]]) {
    const argv = [...compose, "--env-file", ".env.example", ...files.flatMap((file) => ["-f", file]), ...profile];
    const env = { ...process.env, ...(files.includes(ownServers) && addresses), ...(files.includes(secure) && tokens) };
    const { exitCode, stderr } = Bun.spawnSync([...argv, "config", "--quiet"], { env });
    // Warnings, such as a variable without a value, are failures too.
    if (exitCode === 0 && stderr.length === 0) continue;
    failed = true;
    console.error(`${argv.join(" ")} config:\n${stderr}`);
  }
process.exit(failed ? 1 : 0);
