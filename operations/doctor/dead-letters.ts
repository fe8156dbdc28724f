import { openByReason } from "../dead-letters/groups.ts";
import { readLetterLog } from "../dead-letters/letter-log.ts";
import { rangeOf, recordsIn } from "../topic-log.ts";
import type { Clients } from "./clients.ts";
import type { Check, Finding } from "./finding.ts";

export const deadLettersCheck: Check = { what: "dead letters", of: ["Kafka"], look: lookAtLetters };

/** How many letters are read: as many as can be in a few seconds. */
const maxLetters = 50_000;

/** Whether there are dead letters that nobody has settled. */
async function lookAtLetters(clients: Clients): Promise<Finding[]> {
  const { config, kafka, cures } = clients;
  const { deadLetterTopic } = config.kafka;
  const admin = await clients.admin();
  const letters = await rangeOf(admin, [deadLetterTopic]);
  const finding = (cause: string): Finding => ({
    severity: "warning",
    about: "dead letters",
    cause,
    cure: `See them, then replay or dismiss them: ${cures.operate("dead-letters list")}`,
  });
  const count = recordsIn(letters);
  if (count === 0) return [];
  if (count > maxLetters) return [finding(`${count} are in ${deadLetterTopic}, too many to see here which are open`)];

  const { entries } = await readLetterLog({ kafka, admin }, deadLetterTopic);
  const open = entries.filter(({ settlement }) => settlement === undefined);
  if (open.length === 0) return [];
  const reasons = Object.entries(openByReason(open)).map(([reason, number]) => `${number} ${reason}`);
  const newestMs = open.reduce((latest, { writtenMs }) => Math.max(latest, writtenMs), 0);
  const newest = new Date(Math.min(newestMs, Date.now())).toISOString(); // a foreign record's time may be impossible
  return [finding(`open in ${deadLetterTopic}: ${reasons.join(", ")}; the newest of ${newest.slice(0, 19)}Z`)];
}
