/** After the story: everything keeps running, and whatever is killed is started again. */
import { eventually } from "../support/clock/eventually.ts";
import { describeExit, type ManagedProcess } from "../support/process/managed-process.ts";
import { duration, type Report } from "./report.ts";
import type { Stage } from "./scenario.ts";

/** Says what was shown, and what to try. */
export function tellNext(report: Report, stage: Stage): void {
  const { edge, east, west } = stage;
  report.line();
  report.line("What this was", "bold");
  report.line(
    "  A program in site west used a database, an HTTP API and a WebSocket of site east, at addresses of",
  );
  report.line(
    "  its own site. Both sites only dialled out, to the edge; nothing in them listens for the outside.",
  );
  report.line(
    "  Between the two connectors the bytes are encrypted end to end: the edge passes what it cannot read.",
  );
  report.line();
  report.line("It keeps running. Try, in another terminal", "bold");
  const commands: [string, string][] = [
    [`curl ${stage.apiUrl}/orders`, "east's API, from west"],
    [`psql ${stage.databaseUrl}`, "east's database, from west"],
    [`export FAIRLEAD_CONFIG=${stage.login}`, "logs this terminal in to the edge, for what follows"],
    ["npx fairlead status", "the network"],
    ["npx fairlead events --follow", "what happens in it"],
    [`npx fairlead status --state ${west.stateDir}`, "what site west sees"],
    [
      `npx fairlead unexpose api --state ${east.stateDir}`,
      "takes the API away from west; `expose` brings it back",
    ],
    [`kill -9 ${edge.process.pid}`, "kills the edge: it is started again here, and west goes on"],
    [`kill -9 ${east.process.pid}`, "the same with east's connector"],
  ];
  for (const [command, says] of commands) {
    report.line(`  # ${says}`, "dim");
    report.line(`  ${command}`);
  }
  report.line();
  report.line("Ctrl-C ends everything and removes its files.");
}

interface Actor {
  readonly process: ManagedProcess;
  restart(): Promise<void>;
}

/** Starts again whatever ends, and tells about it, until `stopping` aborts. */
export function keepRunning(report: Report, stage: Stage, stopping: AbortSignal): void {
  const { edge, east, west, westProgram } = stage;
  const actors: [string, Actor][] = [
    ["the edge", edge],
    ["east's connector", east],
    ["west's connector", west],
  ];
  for (const [name, actor] of actors) void keep(report, name, actor, stage.apiUrl, stopping);
  tellNotices(report, westProgram, stopping);
}

async function keep(
  report: Report,
  name: string,
  actor: Actor,
  apiUrl: string,
  stopping: AbortSignal,
): Promise<void> {
  for (;;) {
    const exit = await actor.process.exited;
    if (stopping.aborted) return;
    const began = performance.now();
    const since = () => duration(Math.round(performance.now() - began));
    report.line(`${name} ended (${describeExit(exit)}); starting it again`);
    try {
      await actor.restart();
      report.line(`${name} is back after ${since()}, with pid ${actor.process.pid}`);
      await eventually("west reads the orders", async () => (await read(`${apiUrl}/orders`)).ok, {
        within: 60_000,
      });
      report.line(`west read the orders from east again ${since()} after the end of ${name}`);
    } catch (error) {
      if (stopping.aborted) return;
      report.line(`${name}: ${error instanceof Error ? error.message : error}`, "red");
      // Its process is the one that failed, so this ends with it.
      if (actor.process.exit !== null) return;
    }
  }
}

const read = (url: string) => fetch(url, { signal: AbortSignal.timeout(5000) });

/** Passes on what west's program has to say about its WebSocket. */
function tellNotices(report: Report, west: ManagedProcess, stopping: AbortSignal): void {
  let told = 0;
  west
    .output(
      "notices",
      ({ stdout }) => {
        const notices = [...stdout.matchAll(/"notice":"([^"]+)"/g)].map((match) => match[1] ?? "");
        if (!stopping.aborted) for (const notice of notices.slice(told)) report.line(notice);
        told = notices.length;
        return null;
      },
      2 ** 31 - 1,
    )
    .catch(() => {});
}
