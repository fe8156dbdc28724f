export type Job = () => Promise<void>;

/**
 * Runs jobs in several lanes at the same time. A lane is a list of queues, from which it takes one job after the other;
 * a queue may be in more than one lane, and empties as its jobs are taken. After an error no further job begins.
 * @throws the first error of a job, once no job is running
 */
export async function runInLanes(...lanes: Job[][][]): Promise<void> {
  const errors: unknown[] = [];
  const runLane = async (queues: Job[][]) => {
    const next = () => (errors.length > 0 ? undefined : queues.find((queue) => queue.length > 0)?.shift());
    for (let job = next(); job; job = next()) await job().catch((error) => errors.push(error));
  };
  await Promise.all(lanes.map(runLane));
  if (errors.length > 0) throw errors[0];
}
