import Table from "cli-table3";

/** A table for a terminal, one line for each row. A cell may be text or a number, which is aligned to the right. */
export function tableText(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const colAligns = head.map((_, column) => (rows.some((row) => typeof row[column] === "number") ? "right" : "left"));
  const table = new Table({ head: [...head], colAligns, style: { head: [], border: [], compact: true } });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}
