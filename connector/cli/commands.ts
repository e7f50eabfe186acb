/** All commands, in the order in which help shows them. */
import { connectorRun } from "./connector/run.ts";
import type { CommandDefinition } from "./definition.ts";
import { edgeStart } from "./edge/start.ts";
import { events } from "./events/events.ts";
import { keyCreate, keyList, keyRevoke } from "./key/key.ts";
import { linkList, linkStatus } from "./link/link.ts";
import { login } from "./login/login.ts";
import { networkCreate, networkDelete, networkList, networkUse } from "./network/network.ts";
import { expose, unexpose } from "./service/expose.ts";
import { serviceList, serviceStatus } from "./service/service.ts";
import { siteDelete, siteList, siteRevoke, siteStatus } from "./site/site.ts";
import { status } from "./status/status.ts";
import { tokenCreate } from "./token/create.ts";
import { tokenList, tokenRevoke } from "./token/token.ts";

export const COMMANDS: readonly CommandDefinition[] = [
  edgeStart,
  login,
  networkCreate,
  networkList,
  networkUse,
  networkDelete,
  keyCreate,
  keyList,
  keyRevoke,
  tokenCreate,
  tokenList,
  tokenRevoke,
  connectorRun,
  expose,
  unexpose,
  serviceList,
  serviceStatus,
  siteList,
  siteStatus,
  siteRevoke,
  siteDelete,
  linkList,
  linkStatus,
  status,
  events,
];
