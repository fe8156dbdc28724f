/**
 * `bun run test:compose`: docker-compose.yml on a Docker engine, from `up` with empty volumes to users in Cassandra,
 * with change data capture and Spark, across `down` and `up`; then the same with ZooKeeper, with TLS and logins, and the path
 * of the data on a cluster. With `--kraft`, `--zookeeper`, `--secure` or `--cluster` only that. It uses a Compose project and
 * ports of its own, and always takes them down.
 */
import { messageOf } from "../../runtime/lifecycle.ts";
import { killedServersLoseNothing } from "./cluster.ts";
import { consoleShowsThePipeline } from "./console.ts";
import { memoryByService, sizesOfImages } from "./figures.ts";
import {
  deadLettersAreSettled,
  operatorsSeeEverything,
  outagesAreNamed,
  tableIsRebuilt,
  userIsForgotten,
  volumesAreMigrated,
} from "./operator.ts";
import { docker, isStandIn, openProject, projectName } from "./project.ts";
import {
  changesReachCassandra,
  consumersSharePartitions,
  dataSurvivesDown,
  sparkTakesOver,
  usersReachCassandra,
} from "./scenario.ts";
import { onlyWhatIsNeeded, passwordsStaySecret, secureSurvivesDown } from "./secure.ts";

await docker("version", "--format", "{{.Server.Version}}").catch((error) => {
  console.error(`This test needs a running Docker engine.\n${messageOf(error)}`);
  process.exit(1);
});

const standIns = await isStandIn("postgres:17");
const overlays = standIns ? ["test/compose/stand-ins.yml"] : [];
if (standIns) console.log("on stand-ins of the official images, without control-center and connect-ui\n");

let passed = 0;
let failed = 0;
let sizesShown = false;

await onPlatform("KRaft", [], async (platform, step) => {
  const edited = await platformSteps(platform, step);
  await step("`migrate` in a container adds a column", () => volumesAreMigrated(platform));
  await step("a user is forgotten everywhere", () => userIsForgotten(platform, edited));
  await step("dead letters are shown, replayed and dismissed", () => deadLettersAreSettled(platform));
  await step("the table is rebuilt from the topics, equal to the live one", () => tableIsRebuilt(platform));
  await step("doctor names each service that is down", () => outagesAreNamed(platform));
  await step("three consumers share the partitions", () => consumersSharePartitions(platform));
  await step("rows, edits, DAG runs and the connector survive down and up", () => dataSurvivesDown(platform, edited));
});
await onPlatform("ZooKeeper", ["docker-compose.zookeeper.yml"], platformSteps);
await onPlatform(
  "secure",
  ["docker-compose.secure.yml", ...(standIns ? ["test/compose/stand-ins.secure.yml"] : [])],
  async (platform, step) => {
    const edited = await platformSteps(platform, step);
    await step("everyone may do only their own work", () => onlyWhatIsNeeded(platform));
    await step("no password is in a log, a configuration or an argument", () => passwordsStaySecret(platform));
    await step("a user is forgotten everywhere", () => userIsForgotten(platform, edited));
    await step("down and up keep the data, the authority and the logins", () => secureSurvivesDown(platform, edited));
  },
);
await onPlatform("cluster", ["docker-compose.cluster.yml"], async (platform, step) => {
  await builtAndHealthy(platform, step);
  await step("a DAG run started through the REST API fills Cassandra", () => usersReachCassandra(platform));
  const edited = await step("a change in PostgreSQL is visible through the API", () => changesReachCassandra(platform));
  await step("doctor, reconcile and where agree that nothing is lost", () => operatorsSeeEverything(platform, edited));
  await step("a broker and a Cassandra node are killed, and nothing is lost", () => killedServersLoseNothing(platform));
  await step("rows, edits, DAG runs and the connector survive down and up", () => dataSurvivesDown(platform, edited));
});

console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

type Platform = Awaited<ReturnType<typeof openProject>>;
type Step = <T>(name: string, work: () => Promise<T>) => Promise<T>;

async function builtAndHealthy(platform: Platform, step: Step): Promise<void> {
  // One service per image, sequentially: builds of services that share an image would race.
  await step("the images build", async () => {
    for (const service of ["api", "airflow-init", "spark-master"]) await platform.compose("build", service);
  });
  await step("every service is healthy", () => platform.compose("up", "--detach", "--wait"));
  if (platform.access !== undefined) await platform.copyAccess("console");
  console.log(await memoryByService(projectName));
  if (!sizesShown) console.log(await sizesOfImages(platform));
  sizesShown = true;
}

async function platformSteps(platform: Platform, step: Step): Promise<string> {
  await builtAndHealthy(platform, step);
  await step("a DAG run started through the REST API fills Cassandra", () => usersReachCassandra(platform));
  const edited = await step("a change in PostgreSQL is visible through the API", () => changesReachCassandra(platform));
  await step("doctor, reconcile and where agree that nothing is lost", () => operatorsSeeEverything(platform, edited));
  await step("the console shows it", () => consoleShowsThePipeline(platform, edited));
  await step("the Spark job stores records while no consumer runs", () => sparkTakesOver(platform));
  return edited;
}

/** Runs steps on a platform with empty volumes until one fails, and takes the platform down. */
async function onPlatform(
  name: string,
  overrides: string[],
  work: (platform: Platform, step: Step) => Promise<unknown>,
) {
  const wanted = process.argv.slice(2);
  if (wanted.length > 0 && !wanted.includes(`--${name.toLowerCase()}`)) return;
  const files = ["docker-compose.yml", ...overlays, ...overrides];
  console.log(`${name}: docker compose ${files.map((file) => `-f ${file}`).join(" ")}`);
  const platform = await openProject(files);
  const takeDown = () =>
    platform.compose("--profile", "jobs", "down", "--volumes", "--remove-orphans", "--timeout", "20");
  const step: Step = async (what, run) => {
    const begin = performance.now();
    const outcome = await run();
    console.log(`pass  ${((performance.now() - begin) / 1_000).toFixed(1).padStart(6)} s  ${what}`);
    passed += 1;
    return outcome;
  };
  try {
    await takeDown(); // left over from a killed run
    await work(platform, step);
    await step("nothing is left after down", async () => {
      await takeDown();
      const remains = await platform.remains();
      if (remains.length > 0) throw new Error(`left: ${remains.join(" ")}`);
    });
  } catch (error) {
    failed += 1;
    console.error(`FAIL  ${messageOf(error)}`);
    console.error(
      await platform.compose("ps", "--all", "--format", "table {{.Service}}\t{{.Status}}").catch(messageOf),
    );
    console.error((await platform.compose("logs", "--no-color", "--tail", "15").catch(messageOf)).slice(-20_000));
    await takeDown().catch((problem) => console.error(messageOf(problem)));
  } finally {
    platform.close();
  }
}
