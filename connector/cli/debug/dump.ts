import type { DumpSource } from "../../operator/dump/dump.ts";
import { version } from "../../version.ts";
import type { Context } from "../framework/context.ts";
import { command, value } from "../framework/definition.ts";
import { networkOption, siteStateOption } from "../framework/options.ts";
import { foundLogin, usualDirectory } from "../framework/usual-subject.ts";
import { someText } from "../framework/values.ts";
import { count } from "../views/count.ts";

export const debugDump = command({
  path: ["debug", "dump"],
  summary: "Write an archive of what somebody needs who looks for a fault.",
  details:
    "The archive has the versions, the report of `doctor`, a list of the state directory, the status, configuration and last log lines of the connector on this machine, and the status, events and traffic of the network that you are logged in to. A part that cannot be read leaves its error in the archive. Keys, certificates, tokens, passwords and the content of traffic are not in it, and what looks like a secret is replaced. The file has mode 0600; an existing file is not overwritten.",
  options: {
    state: siteStateOption,
    network: networkOption,
    output: value(
      "-o, --output <FILE>",
      "File to write. The default is fairlead-dump-TIME.tar.gz in this directory.",
      someText,
    ),
  },
  examples: [
    { command: "fairlead debug dump", says: "Writes fairlead-dump-TIME.tar.gz." },
    {
      command: "fairlead debug dump --state ./west -o west.tar.gz",
      says: "Writes the archive of the site with the state directory ./west.",
    },
  ],
  async run(context, { state: named, network, output }) {
    const [{ collectDump, LEFT_OUT }, { archiveOf }, { writeNew }] = await Promise.all([
      import("../../operator/dump/dump.ts"),
      import("../../operator/dump/archive.ts"),
      import("../../operator/dump/new-file.ts"),
    ]);
    const at = new Date(context.io.now());
    const folder = `fairlead-dump-${at.toISOString().replace(/[-:]|\.\d+/g, "")}`;
    const path = output ?? `${folder}.tar.gz`;
    const { kindOf } = await import("../../diagnosis/state-probe.ts");
    const state = await usualDirectory(context.io, named);
    // The listing of a directory that cannot be read says why.
    const kind = state === undefined ? null : await kindOf(state).catch(() => null);
    const sources = await sourcesOf(context, { state, isEdge: kind === "edge", network, at });
    const { contents, bytes } = await writeNew(path, async () => {
      const dump = await collectDump(sources, ({ name }) => context.aside.line(`Reading ${name}.`));
      const archive = await archiveOf(folder, dump.files, at);
      return { content: archive, made: { contents: dump.contents, bytes: archive.length } };
    });
    const missing = contents.filter(({ error }) => error !== undefined);
    context.answer({ path, bytes, files: contents }, (out) => {
      out.line(`Wrote ${path}: ${count(contents.length - missing.length, "file")}, ${bytes} bytes.`);
      for (const { name, error } of missing) out.line(`Missing: ${name} (${error?.message ?? ""})`);
      out.line(LEFT_OUT);
    });
  },
});

interface Place {
  /** The state directory of a site or of an edge; undefined without any. */
  readonly state: string | undefined;
  readonly isEdge: boolean;
  readonly network: string | undefined;
  readonly at: Date;
}

async function sourcesOf(
  context: Context,
  { state, isEdge, network, at }: Place,
): Promise<readonly DumpSource[]> {
  const { describeMachine, listDirectory } = await import("../../operator/dump/local-files.ts");
  const machine: DumpSource[] = [
    {
      name: "about.json",
      what: "Time, version and machine.",
      read: async () => ({ createdAt: at.toISOString(), version: version(), ...describeMachine() }),
    },
    { name: "doctor.json", what: "The report of `fairlead doctor`.", read: () => diagnosis(context, state) },
  ];
  const directory = (path: string): DumpSource => ({
    name: "state.txt",
    what: "The names of the files in the state directory, without their content.",
    read: () => listDirectory(path),
  });
  const { ControlClient } = await import("../../control/client.ts");
  const site = (path: string): DumpSource[] => {
    const control = new ControlClient(path, context.progress.during);
    return [
      { name: "site/status.json", what: "The status of the connector.", read: () => control.status() },
      {
        name: "site/configuration.json",
        what: "The configuration that the connector runs with.",
        read: () => control.configuration(),
      },
      {
        name: "site/log.jsonl",
        what: "The last lines of the connector's log.",
        read: async () => (await control.logs()).lines.join(""),
      },
    ];
  };
  const edge: DumpSource[] = [
    {
      name: "network/status.json",
      what: "The status of the network, as its registry has it.",
      read: async () => {
        const { networkStatus } = await import("../../operator/edge-api.ts");
        return await networkStatus(await context.edge(), await context.network(network));
      },
    },
    {
      name: "network/events.json",
      what: "The newest events of the network.",
      read: async () => {
        const { listEvents } = await import("../../operator/edge-api.ts");
        return await listEvents(await context.edge(), await context.network(network), { limit: EVENTS });
      },
    },
    {
      name: "network/traffic.json",
      what: "The traffic of the network in the last 15 minutes.",
      read: async () => {
        const { getTraffic } = await import("../../operator/edge-api.ts");
        const query = { window: "15m", by: "protocol,code" } as const;
        return await getTraffic(await context.edge(), await context.network(network), query);
      },
    },
    {
      name: "edge.json",
      what: "The version of the edge.",
      read: async () => {
        const { health } = await import("../../operator/edge-api.ts");
        return await health(await context.edge());
      },
    },
  ];
  const local = state === undefined ? [] : [directory(state), ...(isEdge ? [] : site(state))];
  return [...machine, ...local, ...edge];
}

/** The most events of a dump. */
const EVENTS = 500;

async function diagnosis(context: Context, state: string | undefined): Promise<unknown> {
  const [{ diagnose }, { findSubject }] = await Promise.all([
    import("../../diagnosis/diagnosis.ts"),
    import("../../diagnosis/subject.ts"),
  ]);
  const login = await foundLogin(context);
  const subject = await findSubject({ state, edge: undefined, ca: undefined, login });
  const { io, progress } = context;
  return await progress.during("Checking the machine, and its path to the edge.", () =>
    diagnose({ subject, environment: io.env, now: io.now }),
  );
}
