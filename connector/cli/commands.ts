/** All commands, in the order of help. */
import { revokeAccess } from "./access/revoke.ts";
import { check } from "./check/check.ts";
import { completion } from "./completion/completion.ts";
import { connectorInstall, connectorUninstall } from "./connector/install.ts";
import { connectorRun } from "./connector/run.ts";
import { consoleOpen } from "./console/open.ts";
import { consoleUserList, consoleUserRemove, consoleUserSet } from "./console/user.ts";
import { cost } from "./cost/cost.ts";
import { debugDump } from "./debug/dump.ts";
import { dnsConfig } from "./dns/config.ts";
import { doctor } from "./doctor/doctor.ts";
import { edgeBackup } from "./edge/backup.ts";
import { edgeDeploy } from "./edge/deploy.ts";
import { edgeInstall, edgeUninstall } from "./edge/install.ts";
import { edgeRestore } from "./edge/restore.ts";
import { edgeStart } from "./edge/start.ts";
import { events } from "./events/events.ts";
import { flows } from "./flows/flows.ts";
import type { CommandDefinition } from "./framework/definition.ts";
import { hostnameAdd, hostnameList, hostnameRemove } from "./hostname/hostname.ts";
import { keyCreate, keyList, keyRevoke } from "./key/key.ts";
import { kubernetesManifest } from "./kubernetes/manifest.ts";
import { linkCreate, linkDelete, linkList } from "./link/link.ts";
import { linkStatus } from "./link/status.ts";
import { login } from "./login/login.ts";
import { networkCa } from "./network/ca.ts";
import { networkCreate, networkDelete, networkList, networkUse } from "./network/network.ts";
import { networkQuota } from "./network/quota.ts";
import { serviceBalance } from "./service/balance.ts";
import { expose, unexpose } from "./service/expose.ts";
import { serviceList, serviceStatus } from "./service/service.ts";
import { siteCreate } from "./site/create.ts";
import { siteMove } from "./site/move.ts";
import { siteDelete, siteList, siteRevoke, siteStatus } from "./site/site.ts";
import { siteUpdate } from "./site/update.ts";
import { status } from "./status/status.ts";
import { tokenCreate } from "./token/create.ts";
import { tokenList, tokenRevoke } from "./token/token.ts";
import { top } from "./top/top.ts";
import { version } from "./version/version.ts";

export const COMMANDS: readonly CommandDefinition[] = [
  edgeStart,
  edgeInstall,
  edgeUninstall,
  edgeDeploy,
  edgeBackup,
  edgeRestore,
  cost,
  login,
  consoleOpen,
  consoleUserSet,
  consoleUserList,
  consoleUserRemove,
  networkCreate,
  networkList,
  networkUse,
  networkQuota,
  networkCa,
  hostnameAdd,
  hostnameList,
  hostnameRemove,
  networkDelete,
  keyCreate,
  keyList,
  keyRevoke,
  tokenCreate,
  tokenList,
  tokenRevoke,
  revokeAccess,
  connectorRun,
  connectorInstall,
  connectorUninstall,
  kubernetesManifest,
  expose,
  unexpose,
  serviceList,
  serviceStatus,
  serviceBalance,
  dnsConfig,
  siteCreate,
  siteList,
  siteStatus,
  siteUpdate,
  siteMove,
  siteRevoke,
  siteDelete,
  linkCreate,
  linkStatus,
  linkList,
  linkDelete,
  status,
  check,
  doctor,
  debugDump,
  events,
  flows,
  top,
  version,
  completion,
];

/** The command that words begin with: of `console` and `console user set`, the longer one. */
export function commandOf(words: readonly string[]): CommandDefinition | undefined {
  return COMMANDS.filter(({ path }) => path.every((word, at) => words[at] === word)).sort(
    (left, right) => right.path.length - left.path.length,
  )[0];
}
