import { airflowEnvironment } from "../services/airflow.ts";
import type { Command } from "./command-line.ts";
import { exec } from "./exec.ts";

export const airflow: Command = {
  does: "Runs the real airflow command on this stack's Airflow.",
  hasOwnHelp: true,
  takes: "…",
  run: (instance, args) => exec([instance.installed.tool("airflow"), ...args], instance, airflowEnvironment(instance)),
};
