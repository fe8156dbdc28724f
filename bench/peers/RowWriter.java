import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;

/**
 * Writes rows from memory asynchronously, one prepared statement per row: the table's write rate without reading,
 * decoding or validation.
 *
 * RowWriter HOST PORT KEYSPACE ROWS.tsv CONCURRENCY; prints one JSON object like consumer.py.
 */
public class RowWriter {
  public static void main(String[] args) throws Exception {
    List<String[]> rows =
        Files.readAllLines(Path.of(args[3])).stream().map(line -> line.split("\t", -1)).collect(Collectors.toList());
    String[] columns = rows.remove(0);
    int concurrency = Integer.parseInt(args[4]);
    try (CqlSession session =
        CqlSession.builder()
            .addContactPoint(new InetSocketAddress(args[0], Integer.parseInt(args[1])))
            .withLocalDatacenter("datacenter1")
            .withKeyspace(args[2])
            .build()) {
      String marks = String.join(", ", java.util.Collections.nCopies(columns.length, "?"));
      PreparedStatement insert =
          session.prepare(
              "INSERT INTO created_users (" + String.join(", ", columns) + ") VALUES (" + marks + ") USING TIMESTAMP ?");
      Semaphore inFlight = new Semaphore(concurrency);
      AtomicReference<Throwable> failure = new AtomicReference<>();
      // The first fifth is warm-up and not counted.
      int warm = rows.size() / 5;
      long begin = 0;
      double cpu = 0;
      for (int index = 0; index < rows.size(); index++) {
        if (index == warm) {
          inFlight.acquire(concurrency);
          inFlight.release(concurrency);
          begin = System.nanoTime();
          cpu = cpuSeconds();
        }
        inFlight.acquire();
        session
            .executeAsync(insert.bind(valuesOf(columns, rows.get(index))))
            .whenComplete(
                (result, error) -> {
                  if (error != null) failure.set(error);
                  inFlight.release();
                });
      }
      inFlight.acquire(concurrency);
      double seconds = (System.nanoTime() - begin) / 1e9;
      if (failure.get() != null) throw new Exception("a write failed", failure.get());
      System.out.printf(
          java.util.Locale.ROOT,
          "{\"rows\": %d, \"seconds\": %f, \"cpu_seconds\": %f, \"peak_bytes\": %d}%n",
          rows.size() - warm, seconds, cpuSeconds() - cpu, peakBytes());
    }
  }

  static Object[] valuesOf(String[] columns, String[] row) {
    Object[] values = new Object[columns.length + 1];
    for (int at = 0; at < columns.length; at++)
      switch (columns[at]) {
        case "id":
          values[at] = UUID.fromString(row[at]);
          break;
        case "dob":
        case "registered_date":
        case "timestamp":
          values[at] = Instant.parse(row[at]);
          break;
        default:
          values[at] = row[at];
      }
    values[columns.length] = ((Instant) values[columns.length - 1]).toEpochMilli() * 1000;
    return values;
  }

  static double cpuSeconds() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime() / 1e9;
  }

  static long peakBytes() throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/self/status")))
      if (line.startsWith("VmHWM")) return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
    return 0;
  }
}
