import { faker } from "@faker-js/faker";
import { idField, namingFields, searchFields, timeField, valueSubject } from "../contract/entity.ts";
import { changeable, validUsers } from "../contract/samples.ts";
import { keyOf } from "../contract/topics.ts";
import type { User } from "../contract/user.ts";
import { avroSchema, encode } from "../contract/wire.ts";
import type { Config } from "../runtime/config.ts";
import { prepareKafka } from "../runtime/kafka/topics.ts";
import { openKafka } from "../runtime/kafka.ts";
import type { Log } from "../runtime/log.ts";
import { openRegistry } from "../runtime/registry.ts";

/** Users of typical size (about 300 bytes as Avro), a minute old: a sample's values, with realistically repeating names. */
export function makeUsers(count: number): User[] {
  faker.seed(1);
  const timestamp = new Date(Date.now() - 60_000).toISOString();
  return Array.from({ length: count }, () => ({
    ...(validUsers[0] as User),
    [idField]: faker.string.uuid(),
    [searchFields[0]]: faker.person.firstName(),
    [changeable.text]: faker.person.lastName(),
    [timeField]: timestamp,
  }));
}

/** The user with an id, an address and an account that no other has. */
export function distinct(user: User): User {
  const id = crypto.randomUUID();
  return { ...user, ...Object.fromEntries(namingFields.map((name) => [name, `${id}@example.com`])), [idField]: id };
}

/** Creates the topic and registers the schema; `send` resolves once the users are acknowledged. */
export async function openUserProducer(
  config: Pick<Config, "kafka" | "cdc" | "schemaRegistry" | "manageSchema">,
  log: Log,
) {
  await prepareKafka(config, "bench", log, new AbortController().signal);
  const { topic } = config.kafka;
  const schemaId = await openRegistry(config.schemaRegistry).register(valueSubject(topic), avroSchema);
  const producer = openKafka(config, "bench", log).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  return {
    async send(users: readonly User[]) {
      for (let start = 0; start < users.length; start += 1_000) {
        const messages = users
          .slice(start, start + 1_000)
          .map((user) => ({ key: keyOf(user), value: encode(user, schemaId) }));
        await producer.send({ topic, acks: -1, messages });
      }
    },
    close: () => producer.disconnect(),
  };
}
