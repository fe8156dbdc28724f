// @ts-expect-error: kafkajs declares no types for its inner files
import Broker from "kafkajs/src/broker";

const leaderNotAvailable = 5;

interface Topic {
  topicErrorCode: number;
  topic: string;
  partitionMetadata: { partitionErrorCode: number; partitionId: number }[];
}
interface Metadata {
  topicMetadata: Topic[];
}
interface Response {
  parse: (data: Metadata) => Promise<Metadata>;
}
type Lookup = (key: number, definition: unknown) => (given: object) => { request: object; response: Response };

/**
 * A partition without a leader makes kafkajs 2.2.4 refuse any answer that it is part of, without saying which one it is.
 * With this it is part of a list of all topics, where its leader is -1; a question about single topics still fails, and
 * the error names it.
 */
export function patchLeaderless() {
  const { metadata } = Broker.prototype;
  Broker.prototype.metadata = function (this: { lookupRequest: Lookup }, topics: string[] = []) {
    const { lookupRequest } = this;
    const asking = Object.create(this, {
      lookupRequest: {
        value: (key: number, definition: unknown) => (given: object) => {
          const { request, response } = lookupRequest(key, definition)(given);
          const parse = topics.length === 0 ? tolerant(response.parse) : naming(response.parse);
          return { request, response: { ...response, parse } };
        },
      },
    });
    return metadata.call(asking, topics);
  };
}

const tolerant =
  (parse: Response["parse"]): Response["parse"] =>
  (data) =>
    parse({
      ...data,
      topicMetadata: data.topicMetadata.map((topic) => ({
        ...topic,
        topicErrorCode: withoutLeader(topic.topicErrorCode),
        partitionMetadata: topic.partitionMetadata.map((partition) => ({
          ...partition,
          partitionErrorCode: withoutLeader(partition.partitionErrorCode),
        })),
      })),
    });

const withoutLeader = (code: number) => (code === leaderNotAvailable ? 0 : code);

const naming =
  (parse: Response["parse"]): Response["parse"] =>
  async (data) => {
    try {
      return await parse(data);
    } catch (error) {
      const named = data.topicMetadata.flatMap(({ topic, partitionMetadata }) =>
        partitionMetadata
          .filter(({ partitionErrorCode }) => partitionErrorCode === leaderNotAvailable)
          .map(({ partitionId }) => `partition ${partitionId} of ${topic}`),
      );
      if (error instanceof Error && (error as { type?: unknown }).type === "LEADER_NOT_AVAILABLE" && named.length > 0)
        error.message = `${named.join(", ")} ${named.length === 1 ? "has" : "have"} no leader: no broker with all records is running`;
      throw error;
    }
  };
