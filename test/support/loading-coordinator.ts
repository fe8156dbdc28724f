/**
 * Preloaded by a consumer: the coordinator answers its first attempts to join as one does that has just become the leader
 * of the group's partition and is still reading it. All other answers are the broker's own.
 */
// @ts-expect-error: kafkajs declares no types for its inner files
import joinGroup from "kafkajs/src/protocol/requests/joinGroup/v5/response";

const coordinatorLoading = 14;
const { decode } = joinGroup;
let left = 3;

joinGroup.decode = async (data: Buffer) => {
  const answer = await decode(data);
  return left-- > 0 ? { ...answer, errorCode: coordinatorLoading } : answer;
};
