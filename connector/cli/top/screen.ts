/** The screen of `fairlead top`: a table that is drawn again in place, and the keys that end it. */
import type { Printer } from "../framework/printer.ts";
import { byteCount } from "../views/bytes.ts";
import { milliseconds } from "../views/milliseconds.ts";
import type { TrafficRow } from "./traffic-rates.ts";

const HOME_AND_CLEAR = "\u001b[H\u001b[J";
const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";

/** Columns below which the less important ones are left out. */
const WIDE = 100;
const MEDIUM = 72;

/** Prints the table. `rows` are cut to `most`. */
export function printTraffic(
  out: Printer,
  rows: readonly TrafficRow[],
  columns = WIDE,
  most = rows.length,
): void {
  const titles = ["SERVICE", "FROM", "TO", "OPEN", "NEW/S", "REQ/S", "ERR/S", "P50", "P99", "UP/S", "DOWN/S"];
  const left =
    columns >= WIDE ? [] : columns >= MEDIUM ? ["NEW/S", "P50"] : ["NEW/S", "P50", "UP/S", "DOWN/S", "OPEN"];
  const shown = titles.map((title) => !left.includes(title));
  out.table(
    titles.filter((_, at) => shown[at]),
    rows.slice(0, most).map((row) => cellsOf(out, row).filter((_, at) => shown[at])),
  );
  if (rows.length > most) out.line(`${rows.length - most} more.`);
}

function cellsOf(out: Printer, row: TrafficRow): string[] {
  const errors = rate(row.errors);
  return [
    ...[row.service, row.from, row.to, String(row.open), rate(row.streams), rate(row.requests)],
    row.errors > 0 ? out.paint("red", errors) : errors,
    row.p50 === null ? "-" : milliseconds(row.p50),
    row.p99 === null ? "-" : milliseconds(row.p99),
    ...[byteCount(row.bytesToTarget), byteCount(row.bytesToClient)],
  ];
}

/** `0`, `0.2`, `12`. */
function rate(perSecond: number): string {
  return perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : String(Math.round(perSecond));
}

/** The terminal while the screen is shown: its alternate buffer, and its keys. */
export class Screen {
  readonly #out: Printer;
  readonly #stop = new AbortController();
  readonly #onKey = (key: Buffer): void => {
    // q, Ctrl-C, and Ctrl-D: the terminal sends no signals in raw mode.
    if (["q", "Q", "\u0003", "\u0004"].includes(key.toString("latin1"))) this.#stop.abort();
  };

  constructor(out: Printer) {
    this.#out = out;
    out.raw(ENTER);
    const { stdin } = process;
    if (!stdin.isTTY) return;
    stdin.setRawMode(true);
    stdin.on("data", this.#onKey);
    stdin.resume();
  }

  /** Aborts when the user ends the screen with a key. */
  get ended(): AbortSignal {
    return this.#stop.signal;
  }

  /** Clears the screen for the next picture. */
  clear(): void {
    this.#out.raw(HOME_AND_CLEAR);
  }

  close(): void {
    this.#out.raw(LEAVE);
    const { stdin } = process;
    if (!stdin.isTTY) return;
    stdin.off("data", this.#onKey);
    stdin.setRawMode(false);
    stdin.pause();
  }
}
