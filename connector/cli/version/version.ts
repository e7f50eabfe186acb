import type { NetworkStatus } from "../../../protocol/api/status.ts";
import { type ErrorCode, FairleadError } from "../../../protocol/errors.ts";
import { isOlder, newestOf } from "../../../protocol/version-order.ts";
import { version as clientVersion } from "../../version.ts";
import type { Context } from "../framework/context.ts";
import { command } from "../framework/definition.ts";
import { networkOption } from "../framework/options.ts";
import type { Printer } from "../framework/printer.ts";

/** One running program and its version. */
interface Running {
  readonly program: "command" | "edge" | "connector";
  /** URL of the edge, or name of the site; empty for the command. */
  readonly where: string;
  readonly version: string;
}

export const version = command({
  path: ["version"],
  summary: "Show the versions of the command, the edge and every connector.",
  details:
    "Whatever is older than the newest of them is marked as behind. Without a login the version of the command is shown alone, as with --version.",
  options: { network: networkOption },
  examples: [
    { command: "fairlead version", says: "Shows what runs where, and which connectors are behind." },
    { command: "fairlead version --json", says: "The same for programs; `behind` is true for each that is." },
  ],
  async run(context, input) {
    const running = [
      { program: "command", where: "", version: clientVersion() } as const,
      ...(await remote(context, input.network)),
    ];
    const newest = newestOf(running.map((each) => each.version));
    const rows = running.map((each) => ({ ...each, behind: isOlder(each.version, newest) }));
    context.answer({ newest, programs: rows }, (out) => print(out, rows, newest));
  },
});

/** The edge of the login and the connectors of its network; empty without a login. */
async function remote(context: Context, named: string | undefined): Promise<Running[]> {
  if ((await unless("edge.not_logged_in", context.login())) === null) return [];
  const { health, networkStatus } = await import("../../operator/edge-api.ts");
  const edge = await context.edge();
  const at: Running = { program: "edge", where: edge.url, version: (await health(edge)).version };
  const network = named ?? (await unless("network.unknown", context.network(undefined)));
  return network === null ? [at] : [at, ...connectorsOf(await networkStatus(edge, network))];
}

/** The result; null when it fails with `code`. */
async function unless<T>(code: ErrorCode, result: Promise<T>): Promise<T | null> {
  return await result.catch((thrown: unknown) => {
    if (thrown instanceof FairleadError && thrown.code === code) return null;
    throw thrown;
  });
}

function connectorsOf({ sites }: NetworkStatus): Running[] {
  return sites.flatMap(({ name, instances }) =>
    instances.map(({ software }) => ({
      program: "connector" as const,
      where: name,
      version: software.replace(/^fairlead\//, ""),
    })),
  );
}

function print(out: Printer, rows: readonly (Running & { behind: boolean })[], newest: string): void {
  out.table(
    ["PROGRAM", "WHERE", "VERSION", ""],
    rows.map(({ program, where, version, behind }) => [program, where, version, behind ? "behind" : ""]),
  );
  const behind = rows.filter((row) => row.behind).length;
  if (rows.length === 1) {
    out.line("`fairlead login URL` logs in to an edge, whose version and connectors are then shown as well.");
  } else if (behind > 0) {
    out.line(
      `${behind} of ${rows.length} ${behind === 1 ? "is" : "are"} behind ${newest}. Install that version there, and restart it: state is kept, and peers reconnect.`,
    );
  }
}
