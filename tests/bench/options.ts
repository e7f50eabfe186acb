/** The command line of the bench. */
import { parseArgs } from "node:util";

export interface BenchOptions {
  /** Seconds of each timed run. */
  readonly seconds: number;
  /** How often each measure runs on each system; the median counts. */
  readonly rounds: number;
  /** Only measures and systems whose id begins with one of these; all when empty. */
  readonly only: readonly string[];
  /** Idle streams opened at once. */
  readonly streams: number;
  /** Sites of the scale measure. */
  readonly sites: number;
  /** Another checkout, built: its Fairlead is measured in the same rounds. */
  readonly against: string | null;
  /** Runs the measures beside a busy neighbour. */
  readonly noise: boolean;
  /** Runs the connectors with --cpu-prof, into this directory. */
  readonly profile: string | null;
  readonly json: string | null;
  readonly chart: string | null;
  /** A page whose tables between the bench's marks are written anew. */
  readonly page: string | null;
  readonly installReferences: boolean;
  readonly help: boolean;
}

/** Where profiles go unless told. */
const PROFILES = "profiles";

export const USAGE = `npm run bench -- [options]

  --quick              one short round of everything: does it work, and roughly how fast
  --rounds N           rounds, the median counts (5; 6 with --against)
  --seconds N          seconds of each timed run (4)
  --only NAME          only these measures or systems, by the beginning of their id; may be repeated
  --streams N          idle streams for the memory measure (10000)
  --sites N            sites for the scale measure (1000; 100 with --quick)
  --against DIR        another checkout, built: measures its Fairlead in the same rounds,
                       and gives the ratios to it
  --noise              a busy neighbour during all measures: two processes that spin at the
                       lowest priority, and one that sweeps memory
  --json FILE          writes everything, with each round's figures
  --chart FILE         draws the chart
  --page FILE          writes the tables into a page, between its <!-- bench --> marks, or
                       its <!-- noise --> marks with --noise
  --profile [DIR]      runs the connectors with --cpu-prof, into DIR (profiles)
  --install-references names the Debian packages of the references and, as root, installs them
`;

/** @throws TypeError or RangeError that says what is wrong with the line */
export function parseOptions(argv: readonly string[]): BenchOptions {
  // `--profile` takes a directory or nothing, which parseArgs does not know.
  const args = argv.flatMap((word, at) => {
    if (word !== "--profile") return [word];
    const next = argv[at + 1];
    return next === undefined || next.startsWith("-") ? [`--profile=${PROFILES}`] : [word];
  });
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      seconds: { type: "string" },
      streams: { type: "string" },
      sites: { type: "string" },
      only: { type: "string", multiple: true, default: [] },
      against: { type: "string" },
      noise: { type: "boolean", default: false },
      json: { type: "string" },
      chart: { type: "string" },
      page: { type: "string" },
      profile: { type: "string" },
      "install-references": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const { quick } = values;
  return {
    seconds: atLeastOne("--seconds", values.seconds ?? (quick ? "2" : "4")),
    rounds: atLeastOne("--rounds", values.rounds ?? usualRounds(quick, values.against !== undefined)),
    streams: atLeastOne("--streams", values.streams ?? "10000"),
    sites: atLeastOne("--sites", values.sites ?? (quick ? "100" : "1000")),
    only: values.only,
    against: values.against ?? null,
    noise: values.noise,
    profile: values.profile ?? null,
    json: values.json ?? null,
    chart: values.chart ?? null,
    page: values.page ?? null,
    installReferences: values["install-references"],
    help: values.help,
  };
}

/** Two builds are compared in a number of rounds in which both can be the first equally often. */
function usualRounds(quick: boolean, against: boolean): string {
  if (against) return quick ? "2" : "6";
  return quick ? "1" : "5";
}

function atLeastOne(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new RangeError(`${option} ${text}: give a whole number`);
  return value;
}

/**
 * Which ids `--only` leaves of one kind. Names that match none of this kind leave all of it, so that
 * `--only nginx` narrows systems and not measures.
 */
export function selected<T extends { readonly id: string }>(all: readonly T[], only: readonly string[]): T[] {
  const ids = new Set(all.map(({ id }) => id));
  // `requests-1` is one measure, not also those of 10 and 100 connections.
  const matches = (id: string) => only.some((name) => (ids.has(name) ? id === name : id.startsWith(name)));
  const chosen = all.filter(({ id }) => matches(id));
  return chosen.length > 0 ? chosen : [...all];
}

/** The measures that stand by themselves: they compare no systems. */
const ALONE = ["scale", "cpu"] as const;

/** Which parts of the bench `--only` leaves: the comparison of systems, the scale measure, and that of CPU time. */
export function parts(only: readonly string[]): { comparison: boolean; scale: boolean; cpu: boolean } {
  const names = (id: string) => only.filter((name) => id.startsWith(name));
  const alone = new Set(ALONE.flatMap(names));
  const wanted = (id: string) => only.length === 0 || names(id).length > 0;
  return {
    comparison: only.length === 0 || only.some((name) => !alone.has(name)),
    scale: wanted("scale"),
    cpu: wanted("cpu"),
  };
}
