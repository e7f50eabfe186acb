/** What the demo does after its last step: it says what to try, and keeps everything running. */
import type { ManagedProcess } from "../support/process/managed-process.ts";
import type { Report } from "./report.ts";
import type { Stage } from "./scenario.ts";
import { keepRunning } from "./supervisor.ts";

/** Prints a summary and commands to try. */
export function printCommands(report: Report, stage: Stage): void {
  const { edge, east, west } = stage;
  report.line();
  report.line("Summary", "bold");
  const summary = [
    "A program in site west used a database, an HTTP API and a WebSocket of site east,",
    "at addresses of its own site.",
    "Both sites dialled the edge, and nothing in them listens for the outside.",
    "The connectors encrypt the bytes end to end, and the edge cannot read them.",
  ].join(" ");
  report.line(`  ${summary}`);
  report.line();
  report.line("Everything keeps running. Try these commands in another terminal:", "bold");
  const commands: [string, string][] = [
    [`curl ${stage.apiUrl}/orders`, "The API of east, from west."],
    [`psql ${stage.databaseUrl}`, "The database of east, from west."],
    [`export FAIRLEAD_CONFIG=${stage.login}`, "Log in to the edge for the next commands."],
    ["bin/fairlead status", "The network."],
    ["bin/fairlead console", "The console of the network, in a browser."],
    ["bin/fairlead top", "What passes now, by service and site."],
    ["bin/fairlead events --follow", "Events of the network."],
    [`bin/fairlead status --state ${west.stateDir}`, "The view of site west."],
    [`bin/fairlead unexpose api --state ${east.stateDir}`, "Withdraw the API. `expose` offers it again."],
    [`kill -9 ${edge.process.pid}`, "Kill the edge. It is restarted here, and west continues."],
    [`kill -9 ${east.process.pid}`, "Kill the connector of east, which is restarted as well."],
  ];
  for (const [command, says] of commands) {
    report.line(`  # ${says}`, "dim");
    report.command(command);
  }
  report.line();
  report.line("Ctrl-C ends every process and removes its files.");
}

/** Restarts each part that ends, and prints what west's program notices, until `stopping` is aborted. */
export function watch(report: Report, stage: Stage, stopping: AbortSignal): void {
  const { edge, east, west, westProgram, apiUrl } = stage;
  keepRunning(
    report,
    { "The edge": edge, "The connector of east": east, "The connector of west": west },
    {
      says: "West read the orders of east again",
      shows: async () => (await fetch(`${apiUrl}/orders`, { signal: AbortSignal.timeout(5000) })).ok,
    },
    stopping,
  );
  printNotices(report, westProgram, stopping);
}

/** Prints the notices of west's program about its WebSocket. */
function printNotices(report: Report, west: ManagedProcess, stopping: AbortSignal): void {
  let printed = 0;
  west
    .output(
      "notices",
      ({ stdout }) => {
        const notices = [...stdout.matchAll(/"notice":"([^"]+)"/g)].map((match) => match[1] ?? "");
        if (!stopping.aborted) for (const notice of notices.slice(printed)) report.line(notice);
        printed = notices.length;
        return null;
      },
      2 ** 31 - 1,
    )
    .catch(() => {});
}
