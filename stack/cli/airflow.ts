import { airflowEnvironment } from "../services/airflow.ts";
import type { Command } from "./command-line.ts";
import { exec } from "./exec.ts";

export const airflow: Command = {
  summary: "Run the airflow command on the stack's Airflow",
  hasOwnHelp: true,
  usage: "[ARGUMENT]...",
  run: (instance, args) => exec([instance.installed.tool("airflow"), ...args], instance, airflowEnvironment(instance)),
};
