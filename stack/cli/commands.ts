import { airflow } from "./airflow.ts";
import type { Commands } from "./command-line.ts";
import { cqlsh } from "./cqlsh.ts";
import { demo } from "./demo.ts";
import { down } from "./down.ts";
import { env } from "./env.ts";
import { kafkaConfigs, kafkaTransactions } from "./kafka-tools.ts";
import { logs } from "./logs.ts";
import { reset } from "./reset.ts";
import { skip } from "./skip.ts";
import { spark } from "./spark.ts";
import { sql } from "./sql.ts";
import { status } from "./status.ts";
import { up } from "./up.ts";

/** Every command, in the order of `--help`. */
export const commands: Commands = {
  up,
  down,
  demo,
  status,
  logs,
  reset,
  env,
  airflow,
  spark,
  skip,
  sql,
  cqlsh,
  "kafka-configs": kafkaConfigs,
  "kafka-transactions": kafkaTransactions,
};
