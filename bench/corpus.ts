import { faker } from "@faker-js/faker";
import { valueSubject } from "../contract/entity.ts";
import { keyOf } from "../contract/topics.ts";
import type { User } from "../contract/user.ts";
import { avroSchema, encode } from "../contract/wire.ts";
import type { Config } from "../runtime/config.ts";
import { openKafka, prepareKafka } from "../runtime/kafka.ts";
import type { Log } from "../runtime/log.ts";
import { openRegistry } from "../runtime/registry.ts";

/** Users of typical size (about 300 bytes as Avro), a minute old, with realistically repeating names. */
export function makeUsers(count: number): User[] {
  faker.seed(1);
  const timestamp = new Date(Date.now() - 60_000).toISOString();
  return Array.from({ length: count }, () => {
    const first_name = faker.person.firstName();
    const last_name = faker.person.lastName();
    const username = `${first_name}.${last_name}${faker.number.int(9_999)}`.toLowerCase();
    return {
      id: faker.string.uuid(),
      first_name,
      last_name,
      gender: "female",
      email: `${username}@example.com`,
      username,
      phone: "021-892-1751",
      address: `${faker.number.int(9_999)} ${last_name} Road, Limerick, Kilkenny, Ireland`,
      post_code: "11174",
      dob: "1978-04-22T07:00:07.471Z",
      registered_date: "2019-08-19T08:16:27.068Z",
      picture: "https://randomuser.me/api/portraits/med/women/63.jpg",
      timestamp,
    };
  });
}

/** Creates the topic and registers the schema; `send` resolves once the users are acknowledged. */
export async function openUserProducer(config: Pick<Config, "kafka" | "cdc" | "schemaRegistry" | "cdc">, log: Log) {
  await prepareKafka(config, "bench", log, new AbortController().signal);
  const { topic } = config.kafka;
  const schemaId = await openRegistry(config.schemaRegistry.url).register(valueSubject(topic), avroSchema);
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
