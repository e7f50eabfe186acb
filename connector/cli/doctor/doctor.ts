import { FairleadError } from "../../../protocol/errors.ts";
import { parseEdgeOrigin } from "../../../protocol/front/edge-origin.ts";
import type { ConnectorConfig } from "../../config/connector-config.ts";
import type { Finding, Result } from "../../diagnosis/finding.ts";
import { command, value } from "../framework/definition.ts";
import { EXIT } from "../framework/exit.ts";
import type { Printer } from "../framework/printer.ts";
import { foundLogin, usualDirectory } from "../framework/usual-subject.ts";
import { someText } from "../framework/values.ts";

export const doctor = command({
  path: ["doctor"],
  summary: "Check this machine, its path to the edge, and its site or edge.",
  details:
    "Each check is pass, warn, fail or skip, and says what to do about a warn or a fail. The command checks the edge of --edge, else that of the state directory, else that of the login. The state directory is that of --state or FAIRLEAD_STATE, or of the only site or the edge on this machine; without any, what needs none is checked. Nothing is changed, and no secret is shown or sent to an edge that is not proven. The exit code is 0 unless a check fails.",
  options: {
    state: value("--state <DIR>", "State directory of a site or of an edge.", someText),
    edge: value(
      "--edge <URL>",
      "URL of an edge's API, to check a machine before there is a token.",
      parseEdge,
    ),
    ca: value(
      "--ca <FILE>",
      "The deployment CA of that edge, PEM. The default is to trust the CAs of this machine.",
      someText,
    ),
    config: value(
      "--config <FILE>",
      "Configuration file of a connector that does not run, for the addresses that its listeners want.",
      someText,
    ),
  },
  examples: [
    { command: "fairlead doctor", says: "Checks the site or the edge on this machine, and the login." },
    { command: "fairlead doctor --state ./west", says: "Checks the site with the state directory ./west." },
    {
      command: "fairlead doctor --edge https://edge.example.com:8443",
      says: "Checks whether this machine can reach the edge, before there is a token.",
    },
    { command: "fairlead doctor --json", says: "The same for programs." },
  ],
  async run(context, input) {
    const { io } = context;
    const [{ diagnose }, { findSubject }] = await Promise.all([
      import("../../diagnosis/diagnosis.ts"),
      import("../../diagnosis/subject.ts"),
    ]);
    const { readCa } = await import("../../operator/login/login.ts");
    const ca = input.ca === undefined ? undefined : await readCa(input.ca, "--ca");
    const [state, login, config] = await Promise.all([
      usualDirectory(io, input.state),
      foundLogin(context),
      readConfig(input.config),
    ]);
    const subject = await findSubject({ state, edge: input.edge, ca, login });
    const findings = await context.progress.during("Checking the machine, and its path to the edge.", () =>
      diagnose({ subject, environment: io.env, config, now: io.now }),
    );
    context.answer({ state: subject.state?.path ?? null, checks: findings }, (out) => print(out, findings));
    if (findings.some(({ result }) => result === "fail")) context.exitCode = EXIT.unhealthy;
  },
});

function parseEdge(text: string): string {
  const origin = parseEdgeOrigin(text);
  if (origin !== null) return origin;
  throw new FairleadError("request.invalid", "--edge must be https://HOST[:PORT].");
}

async function readConfig(path: string | undefined): Promise<ConnectorConfig | undefined> {
  if (path === undefined) return undefined;
  const { parseConfigFile, readConfigFile } = await import("../../config/config-file.ts");
  const { mergeConfig } = await import("../../config/connector-config.ts");
  return mergeConfig(await parseConfigFile(await readConfigFile(path), path), {});
}

/** Width of the tables where the output is no terminal: they are sent to other people. */
const WIDTH = 80;

const COLOURS = { pass: "green", warn: "yellow", fail: "red", skip: "dim" } as const;

function print(out: Printer, findings: readonly Finding[]): void {
  const shown = (result: Result) => out.paint(COLOURS[result], result);
  out.table(
    ["CHECK", "RESULT", "FINDING"],
    findings.map(({ check, result, detail }) => [check, shown(result), detail]),
    WIDTH,
  );
  const bad = findings.filter(({ action }) => action !== undefined);
  out.line();
  if (bad.length === 0) out.line("No check failed.");
  else {
    out.table(
      ["CHECK", "WHAT TO DO"],
      bad.map(({ check, action }) => [check, action ?? ""]),
      WIDTH,
    );
  }
}
