import { expect, test } from "bun:test";
import { openConnector, reasonOf, remedyOf } from "./connector.ts";

const url = "http://127.0.0.1:8083/connectors/postgres-created-users";
const lostSlot = `io.debezium.DebeziumException: The connector is trying to read change stream starting at PostgresOffsetContext [sourceInfo=source_info[lsn=LSN{0/33ED2F8}], transactionContext=TransactionContext [perTableEventCount={}]], but this is no longer available on the server. Reconfigure the connector to use a snapshot mode when needed.
	at io.debezium.connector.common.BaseSourceTask.validateSchemaHistory(BaseSourceTask.java:165)
	at java.base/java.lang.Thread.run(Unknown Source)
`;
const wrongPassword = `org.apache.kafka.connect.errors.ConnectException: Could not connect
	at io.debezium.Some.thing(Some.java:1)
	... 12 more
Caused by: org.postgresql.util.PSQLException: FATAL: password authentication failed for user "debezium"
	at org.postgresql.Driver.connect(Driver.java:1)
`;

test("the reason is the first and the innermost message of the trace, without the stack", () => {
  expect(reasonOf(lostSlot)).toBe(
    "io.debezium.DebeziumException: The connector is trying to read change stream starting at its last position, " +
      "but this is no longer available on the server. Reconfigure the connector to use a snapshot mode when needed.",
  );
  expect(reasonOf(wrongPassword)).toBe(
    "org.apache.kafka.connect.errors.ConnectException: Could not connect; " +
      'org.postgresql.util.PSQLException: FATAL: password authentication failed for user "debezium"',
  );
});

test("the remedy for a dropped slot is to start over: stop, delete the offsets, resume", () => {
  expect(remedyOf(lostSlot, { url, curl: "curl" })).toContain(
    `curl -X PUT ${url}/stop && curl -X DELETE ${url}/offsets && curl -X PUT ${url}/resume`,
  );
});

test("the remedy for any other failure is to fix it and restart the task", () => {
  expect(remedyOf(wrongPassword, { url, curl: "curl" })).toBe(
    `Fix the cause, then: curl -X POST "${url}/restart?includeTasks=true&onlyFailed=true"`,
  );
});

test("a remedy has what Kafka Connect asks for, and no password", () => {
  const files = {
    caFile: "/home/rachel/my stack/ca.crt",
    certificateFile: "/etc/client.crt",
    keyFile: "/etc/client.key",
  };
  const access = { url: "https://127.0.0.1:8083", ...files, username: "rachel", password: "secret" };
  const connector = openConnector(access, "postgres-created-users");
  expect(remedyOf(wrongPassword, connector)).toBe(
    "Fix the cause, then: curl --cacert '/home/rachel/my stack/ca.crt' --cert /etc/client.crt --key /etc/client.key -u rachel " +
      '-X POST "https://127.0.0.1:8083/connectors/postgres-created-users/restart?includeTasks=true&onlyFailed=true"',
  );
});
