import type { HopName } from "../../operations/flow/hops.ts";

/** Where a hop is in the picture. */
export interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}

const [columnWidth, gap] = [134, 22];
const [rowHeight, rowGap] = [122, 30];
const columns = 9;

export const size = { width: columns * columnWidth + (columns - 1) * gap + 4, height: 3 * rowHeight + 2 * rowGap + 4 };

const at = (column: number, row: number, span = 1): Place => ({
  x: 2 + column * (columnWidth + gap),
  y: 2 + row * (rowHeight + rowGap),
  width: columnWidth * span + gap * (span - 1),
  height: rowHeight,
});

/** The main road is in the middle, edits come from above, changes of PostgreSQL from below. */
export const places: Partial<Record<HopName, Place>> = {
  source: at(0, 1),
  fetch: at(1, 1),
  format: at(2, 1),
  backup: at(3, 1),
  produce: at(4, 1),
  created: at(5, 1),
  consumer: at(6, 1),
  cassandra: at(7, 1),
  api: at(8, 1),
  registry: { ...at(5, 0), y: 2 + rowHeight - 56, height: 56 },
  edits: at(7, 0),
  postgres: at(3, 2),
  capture: at(4, 2),
  changes: at(5, 2),
  letters: at(7, 2),
};

/** The line above the four tasks. */
export const bracket = {
  left: places.fetch!.x,
  right: places.produce!.x + columnWidth,
  y: places.fetch!.y - 16,
};

interface Arrow {
  from: HopName;
  to: HopName;
  path: string;
  /** The hop whose rate moves it. */
  moves?: HopName;
  isDashed?: boolean;
}

const of = (name: HopName) => places[name]!;
const middle = ({ y, height }: Place) => y + height / 2;
const centre = ({ x, width }: Place) => x + width / 2;
const right = ({ x, width }: Place) => x + width;
const bottom = ({ y, height }: Place) => y + height;

const across = (from: HopName, to: HopName, moves: HopName): Arrow => ({
  from,
  to,
  moves,
  path: `M${right(of(from))} ${middle(of(from))} H${of(to).x - 1}`,
});

const [consumerIn, consumerOut] = [of("consumer").x + 36, right(of("consumer")) - 36];

export const arrows: readonly Arrow[] = [
  across("source", "fetch", "fetch"),
  across("fetch", "format", "format"),
  across("format", "backup", "backup"),
  across("backup", "produce", "produce"),
  across("produce", "created", "created"),
  across("created", "consumer", "created"),
  across("consumer", "cassandra", "cassandra"),
  across("cassandra", "api", "api"),
  across("postgres", "capture", "changes"),
  across("capture", "changes", "changes"),
  {
    from: "backup",
    to: "postgres",
    moves: "postgres",
    path: `M${centre(of("backup"))} ${bottom(of("backup"))} V${of("postgres").y - 1}`,
  },
  {
    from: "changes",
    to: "consumer",
    moves: "changes",
    path: `M${right(of("changes"))} ${middle(of("changes"))} H${consumerIn} V${bottom(of("consumer")) + 1}`,
  },
  {
    from: "consumer",
    to: "letters",
    moves: "letters",
    path: `M${consumerOut} ${bottom(of("consumer"))} V${middle(of("letters"))} H${of("letters").x - 1}`,
  },
  {
    from: "api",
    to: "edits",
    moves: "edits",
    path: `M${centre(of("api"))} ${of("api").y} V${middle(of("edits"))} H${right(of("edits")) + 1}`,
  },
  {
    from: "edits",
    to: "consumer",
    moves: "edits",
    path: `M${of("edits").x} ${middle(of("edits"))} H${centre(of("consumer"))} V${of("consumer").y - 1}`,
  },
  {
    from: "registry",
    to: "created",
    isDashed: true,
    path: `M${centre(of("registry"))} ${bottom(of("registry"))} V${of("created").y}`,
  },
];
