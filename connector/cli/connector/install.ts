import { resolve } from "node:path";
import { SiteName } from "../../../protocol/names.ts";
import { command, flag, value, values } from "../framework/definition.ts";
import { dryRunOption, install, thisProgram, uninstall, unitNameOption } from "../framework/service-unit.ts";
import { accepting, someText } from "../framework/values.ts";

const nameOption = unitNameOption("fairlead-connector");

export const connectorInstall = command({
  path: ["connector", "install"],
  summary: "Install a connector as a systemd service of this machine.",
  details:
    "Needs root and systemd. The service has a user of its own, keeps its state in /var/lib/NAME, and may write nowhere else. systemd reads the token files as root at each start, so keep them where they are. The configuration file must be readable for everybody; `systemctl reload NAME` loads it again.",
  options: {
    site: value(
      "--site <NAME>",
      "Name of the site. Not needed with a configuration file that has it.",
      accepting(SiteName),
    ),
    tokens: values("--token <FILE>", "Token file to join or to link with.", someText),
    config: value("--config <FILE>", "YAML file with the options of `connector run`.", someText),
    lowPorts: flag("--low-ports", "Allow listeners on ports below 1024."),
    name: nameOption,
    dryRun: dryRunOption,
  },
  examples: [
    {
      command: "fairlead connector install --site west --token /etc/fairlead/token.yaml --dry-run",
      says: "Prints the unit of the site west.",
    },
    {
      command: "fairlead connector install --config /etc/fairlead/connector.yaml",
      says: "Installs and starts a connector with the options of a file.",
    },
  ],
  async run(context, { site, tokens, config, lowPorts, name, dryRun }) {
    const [{ connectorUnit }, { DRAIN_MS }] = await Promise.all([
      import("../../operator/service-unit/unit.ts"),
      import("../../runtime/drain.ts"),
    ]);
    const path = config === undefined ? undefined : resolve(config);
    const unit = connectorUnit({
      program: thisProgram(),
      name,
      site,
      tokens: tokens.map((token) => resolve(token)),
      config: path,
      drain: (path === undefined ? undefined : await drainOf(path)) ?? DRAIN_MS / 1000,
      lowPorts,
    });
    await install(context, name, unit, dryRun);
  },
});

export const connectorUninstall = command({
  path: ["connector", "uninstall"],
  summary: "Remove the systemd service of a connector.",
  details: "Needs root and systemd. The state directory stays: it has the site's key.",
  options: { name: nameOption },
  examples: [{ command: "fairlead connector uninstall", says: "Stops the connector and removes its unit." }],
  run: (context, { name }) => uninstall(context, name),
});

/** The drain time in a configuration file, seconds. @throws FairleadError `request.invalid` */
async function drainOf(path: string): Promise<number | undefined> {
  const { parseConfigFile, readConfigFile } = await import("../../config/config-file.ts");
  return (await parseConfigFile(await readConfigFile(path), path)).drain;
}
