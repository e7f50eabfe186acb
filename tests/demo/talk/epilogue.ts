/** What the talk's demo does after its last step: it says what to open, and keeps everything running. */
import type { Report } from "../report.ts";
import { keepRunning } from "../supervisor.ts";
import { SITES } from "./deployments.ts";
import type { TalkStage } from "./steps.ts";

/** Says what to open and what to try. */
export function printCommands(report: Report, stage: TalkStage): void {
  const { edge, sites, login, shopUrl, console: opened } = stage;
  const { public1, public2, private1 } = sites;
  const password = opened.password === null ? "the password of your file" : `password ${opened.password}`;
  report.line();
  report.line("Everything keeps running. Open these in a browser of this machine:", "bold");
  report.line(`  The shop     ${shopUrl}`);
  report.line(`  The console  ${opened.url} (user ${opened.user}, ${password})`);
  report.line();
  report.line("Try these commands in another terminal:", "bold");
  const token = "/tmp/again.yaml";
  const commands: [string, string][] = [
    [`export FAIRLEAD_CONFIG=${login}`, "Log in to the edge for the next commands."],
    ["bin/fairlead top", "What passes now. Reload the page of the shop."],
    ["bin/fairlead check paymentservice --from public2", "The path from checkout to payment."],
    ["bin/fairlead revoke-access --issuer public1", "Revoke it again, and reload the page."],
    [
      `bin/fairlead token create --issuer public1 --uses 2 -o ${token}`,
      "Recover: a new token, and two links.",
    ],
    [`bin/fairlead link create ${token} --state ${public2.stateDir}`, "The link of public2."],
    [`bin/fairlead link create ${token} --state ${private1.stateDir}`, "The link of private1."],
    [`bin/fairlead link status --state ${public1.stateDir}`, "Links at public1."],
    ["bin/fairlead events --follow", "Events as they happen."],
    [`kill -9 ${edge.process.pid}`, "Kill the edge. It is restarted here, and the shop continues."],
  ];
  for (const [command, says] of commands) {
    report.line(`  # ${says}`, "dim");
    report.command(command);
  }
  report.line();
  report.line("Ctrl-C ends every process and removes its files.");
}

/** Restarts the edge and each connector that ends, until `stopping` is aborted. */
export function watch(report: Report, { edge, sites, shopUrl }: TalkStage, stopping: AbortSignal): void {
  const connectors = SITES.map((site) => [`The connector of ${site}`, sites[site]] as const);
  const sign = {
    says: "The shop answered",
    shows: async () => (await fetch(shopUrl, { signal: AbortSignal.timeout(10_000) })).ok,
  };
  keepRunning(report, { "The edge": edge, ...Object.fromEntries(connectors) }, sign, stopping);
}
