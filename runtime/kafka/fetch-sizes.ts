// @ts-expect-error: kafkajs declares no types for its inner files
import Broker from "kafkajs/src/broker";

interface Fetch {
  topics: { topic: string; partitions: { maxBytes: number }[] }[];
}

const sizes = new Map<string, number>();

/** From now on, every consumer of this process fetches up to so many bytes of a partition of the topic at once. */
export const setFetchSize = (topic: string, bytes: number) => void sizes.set(topic, bytes);

/** kafkajs 2.2.4 has one size, `maxBytesPerPartition`, for all topics of a consumer. */
export function patchFetchSizes() {
  const { fetch } = Broker.prototype;
  Broker.prototype.fetch = function (request: Fetch) {
    const topics = request.topics.map(({ topic, partitions }) => {
      const maxBytes = sizes.get(topic);
      return { topic, partitions: maxBytes ? partitions.map((each) => ({ ...each, maxBytes })) : partitions };
    });
    return fetch.call(this, { ...request, topics });
  };
}
