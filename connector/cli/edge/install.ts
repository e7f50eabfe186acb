import { command, value, valueOr } from "../framework/definition.ts";
import { dryRunOption, install, thisProgram, uninstall, unitNameOption } from "../framework/service-unit.ts";
import { hostPort, hostPortOr, someText } from "../framework/values.ts";

const nameOption = unitNameOption("fairlead-edge");

const API = "0.0.0.0:8443";
const GATEWAY = "0.0.0.0:8444";

export const edgeInstall = command({
  path: ["edge", "install"],
  summary: "Install an edge as a systemd service of this machine.",
  details:
    "Needs root and systemd. The service has a user of its own, keeps its state in /var/lib/NAME, and may write nowhere else. It stores no login: `fairlead login` uses the admin key and the CA in the state directory.",
  options: {
    api: valueOr("--api <HOST:PORT>", "Address of the API.", hostPort, API, API),
    gateway: valueOr("--gateway <HOST:PORT>", "Address that connectors dial.", hostPort, GATEWAY, GATEWAY),
    lanes: value(
      "--lanes <HOST:PORT|off>",
      "Address where workerd itself takes lanes; `off` sends lanes to the gateway.",
      hostPortOr("off"),
    ),
    hostname: value("--hostname <NAME>", "Name or address by which sites reach this machine.", someText),
    name: nameOption,
    dryRun: dryRunOption,
  },
  examples: [
    {
      command: "fairlead edge install --hostname edge.example",
      says: "Installs and starts an edge that sites reach as edge.example.",
    },
    {
      command: "fairlead edge install --api 0.0.0.0:443 --hostname edge.example --dry-run",
      says: "Prints the unit of an edge whose API has the port 443.",
    },
  ],
  async run(context, { name, dryRun, ...addresses }) {
    const { edgeUnit } = await import("../../operator/service-unit/unit.ts");
    await install(context, name, edgeUnit({ program: thisProgram(), name, ...addresses }), dryRun);
  },
});

export const edgeUninstall = command({
  path: ["edge", "uninstall"],
  summary: "Remove the systemd service of an edge.",
  details: "Needs root and systemd. The state directory stays: it has the deployment CA and all networks.",
  options: { name: nameOption },
  examples: [{ command: "fairlead edge uninstall", says: "Stops the edge and removes its unit." }],
  run: (context, { name }) => uninstall(context, name),
});
