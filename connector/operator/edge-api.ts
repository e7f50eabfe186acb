/**
 * The calls of the HTTPS API that commands make, each with its method, its path and the schema of its
 * response.
 */
import * as z from "zod";
import { RevokedAccess } from "../../protocol/api/access.ts";
import { ConsoleSession, ConsoleUser, type SetConsoleUser, SignInLink } from "../../protocol/api/console.ts";
import { EventPageHeaders, NetworkEvent, type NetworkEventQuery } from "../../protocol/api/events.ts";
import { Health } from "../../protocol/api/health.ts";
import { CreatedDoorKey, DoorKey, HostnameGrant, ListedHostname } from "../../protocol/api/hostnames.ts";
import { ApiKey, CreatedKey, type KeyRole } from "../../protocol/api/keys.ts";
import { Link } from "../../protocol/api/links.ts";
import { Network, NetworkCa } from "../../protocol/api/networks.ts";
import { QuotaUse, type SetQuotas } from "../../protocol/api/quotas.ts";
import { Service, ServiceBalance, type SetBalance } from "../../protocol/api/services.ts";
import { CreatedSite, type CreateSite, Site, type UpdateSite } from "../../protocol/api/sites.ts";
import { NetworkStatus } from "../../protocol/api/status.ts";
import { CreatedToken, type CreateToken, Token } from "../../protocol/api/tokens.ts";
import { FlowPage, OUTCOME_LABELS, Traffic, type TrafficQuery } from "../../protocol/api/traffic.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { EdgeClient, RequestOptions, TextDocument } from "../net/edge-client.ts";

const segment = encodeURIComponent;
const inNetwork = (network: string, rest = "") => `/v1/networks/${segment(network)}${rest}`;
const inSite = (network: string, site: string, rest = "") =>
  inNetwork(network, `/sites/${segment(site)}${rest}`);

export const health = (edge: EdgeClient) => edge.request("GET", "/v1/health", Health);

export const listNetworks = (edge: EdgeClient) => edge.request("GET", "/v1/networks", z.array(Network));
export const createNetwork = (edge: EdgeClient, name: string) =>
  edge.request("POST", "/v1/networks", Network, { name });
export const getNetworkCa = (edge: EdgeClient, network: string) =>
  edge.request("GET", inNetwork(network, "/ca"), NetworkCa);
export const deleteNetwork = (edge: EdgeClient, network: string) =>
  edge.request("DELETE", inNetwork(network), Network);
export const networkStatus = (edge: EdgeClient, network: string) =>
  edge.request("GET", inNetwork(network, "/status"), NetworkStatus);

export const listKeys = (edge: EdgeClient) => edge.request("GET", "/v1/keys", z.array(ApiKey));
export const createKey = (
  edge: EdgeClient,
  key: { name: string; role: KeyRole; networks?: string[]; site?: string },
) => edge.request("POST", "/v1/keys", CreatedKey, key);
export const revokeKey = (edge: EdgeClient, id: string) =>
  edge.request("DELETE", `/v1/keys/${segment(id)}`, ApiKey);

/** Tells how people sign in at the console, and where it is. An edge of an older version has none: `route.unknown`. */
export const consoleSession = (edge: EdgeClient) => edge.request("GET", "/v1/session", ConsoleSession);
export const createSignInLink = (edge: EdgeClient) => edge.request("POST", "/v1/session/links", SignInLink);
export const listConsoleUsers = (edge: EdgeClient) =>
  edge.request("GET", "/v1/console-users", z.array(ConsoleUser));
export const setConsoleUser = (edge: EdgeClient, name: string, user: SetConsoleUser) =>
  edge.request("PUT", `/v1/console-users/${segment(name)}`, ConsoleUser, user);
export const removeConsoleUser = (edge: EdgeClient, name: string) =>
  edge.request("DELETE", `/v1/console-users/${segment(name)}`, ConsoleUser);

export const listTokens = (edge: EdgeClient, network: string) =>
  edge.request("GET", inNetwork(network, "/tokens"), z.array(Token));
export const createToken = (edge: EdgeClient, network: string, token: CreateToken) =>
  edge.request("POST", inNetwork(network, "/tokens"), CreatedToken, token);
export const revokeToken = (edge: EdgeClient, network: string, id: string) =>
  edge.request("DELETE", inNetwork(network, `/tokens/${segment(id)}`), Token);

export const listSites = (edge: EdgeClient, network: string) =>
  edge.request("GET", inNetwork(network, "/sites"), z.array(Site));
export const createSite = (edge: EdgeClient, network: string, site: CreateSite) =>
  edge.request("POST", inNetwork(network, "/sites"), CreatedSite, site);
export const updateSite = (edge: EdgeClient, network: string, site: string, changes: UpdateSite) =>
  edge.request("PATCH", inSite(network, site), Site, changes);
export const getSite = (edge: EdgeClient, network: string, site: string) =>
  edge.request("GET", inSite(network, site), Site);
export const revokeSite = (edge: EdgeClient, network: string, site: string) =>
  edge.request("POST", inSite(network, site, "/revoke"), Site);
export const deleteSite = (edge: EdgeClient, network: string, site: string) =>
  edge.request("DELETE", inSite(network, site), Site);

export const listLinks = (edge: EdgeClient, network: string) =>
  edge.request("GET", inNetwork(network, "/links"), z.array(Link));
/** Deletes a link. @param link its id */
export const deleteLink = (edge: EdgeClient, network: string, link: string) =>
  edge.request("DELETE", inNetwork(network, `/links/${segment(link)}`), Link);
/**
 * Revokes the access of an issuer.
 * @param whose `issuer` is the name or id of a site, or "network", the default; `all` means every issuer
 */
export const revokeAccess = (
  edge: EdgeClient,
  network: string,
  whose: { issuer?: string | undefined; all: boolean },
) => edge.request("POST", inNetwork(network, "/revoke-access"), RevokedAccess, whose);

const balancePath = (network: string, service: string) =>
  inNetwork(network, `/services/${segment(service)}/balance`);
export const getBalance = (edge: EdgeClient, network: string, service: string) =>
  edge.request("GET", balancePath(network, service), ServiceBalance);
export const setBalance = (edge: EdgeClient, network: string, service: string, balance: SetBalance) =>
  edge.request("PATCH", balancePath(network, service), ServiceBalance, balance);
export const resetBalance = (edge: EdgeClient, network: string, service: string) =>
  edge.request("DELETE", balancePath(network, service), ServiceBalance);

export const getQuotas = (edge: EdgeClient, network: string) =>
  edge.request("GET", inNetwork(network, "/quotas"), QuotaUse);
export const setQuotas = (edge: EdgeClient, network: string, changes: SetQuotas) =>
  edge.request("PATCH", inNetwork(network, "/quotas"), QuotaUse, changes);

export const listHostnames = (edge: EdgeClient, network: string) =>
  edge.request("GET", inNetwork(network, "/hostnames"), z.array(ListedHostname));
export const grantHostname = (edge: EdgeClient, network: string, pattern: string) =>
  edge.request("POST", inNetwork(network, "/hostnames"), HostnameGrant, { pattern });
export const withdrawHostname = (edge: EdgeClient, network: string, pattern: string) =>
  edge.request("DELETE", inNetwork(network, `/hostnames/${segment(pattern)}`), HostnameGrant);

export const listDoorKeys = (edge: EdgeClient, network: string) =>
  edge.request("GET", inNetwork(network, "/door-keys"), z.array(DoorKey));
export const createDoorKey = (edge: EdgeClient, network: string, key: { name: string; hostname: string }) =>
  edge.request("POST", inNetwork(network, "/door-keys"), CreatedDoorKey, key);
export const revokeDoorKey = (edge: EdgeClient, network: string, id: string) =>
  edge.request("DELETE", inNetwork(network, `/door-keys/${segment(id)}`), DoorKey);

/** The traffic of the last 15 minutes, as findings need it; undefined from an edge that does not count, or for a caller that may not see it. */
export const recentTraffic = (edge: EdgeClient, network: string) =>
  optional(edge.request("GET", inNetwork(network, `/traffic?window=15m&by=${OUTCOME_LABELS}`), Traffic));

/** Where people open the console of the edge; null where it serves none. */
export const consoleUrl = async (edge: EdgeClient): Promise<string | null> =>
  (await optional(edge.request("GET", "/v1/session", z.object({ url: z.string().nullable() }))))?.url ?? null;

/** What an answer adds to others. An edge that refuses it may be older. */
async function optional<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (thrown) {
    if (thrown instanceof FairleadError) return undefined;
    throw thrown;
  }
}

export const listServices = (edge: EdgeClient, network: string) =>
  edge.request("GET", inNetwork(network, "/services"), z.array(Service));

const queryOf = (selection: object): string => {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(selection)) {
    if (value !== undefined && value !== "") query.set(name, String(value));
  }
  return query.size === 0 ? "" : `?${query}`;
};

/** Traffic of a network: totals, and values over time. */
export const getTraffic = (edge: EdgeClient, network: string, query: TrafficQuery) =>
  edge.request("GET", `${inNetwork(network, "/traffic")}${queryOf(query)}`, Traffic);

/** Selects records of flows. */
export interface FlowSelection {
  /** The text of a filter. */
  readonly filter: string;
  readonly since?: string | undefined;
  readonly limit: number;
}

/** The newest kept records of streams and requests that match, oldest first. */
export const listFlows = (edge: EdgeClient, network: string, selection: FlowSelection) =>
  edge.request("GET", `${inNetwork(network, "/flows")}${queryOf(selection)}`, FlowPage);

/** Selects events. */
export type EventFilter = {
  readonly [K in keyof NetworkEventQuery]?: NetworkEventQuery[K] | undefined;
};

/** An event as the edge lists it. An edge of a newer version may have types that this version does not know. */
const ListedEvent = NetworkEvent.extend({ type: z.string() });
export type ListedEvent = z.infer<typeof ListedEvent>;

/** A page of events. An edge of an older version does not say where its log begins and ends. */
export interface ListedPage {
  readonly events: ListedEvent[];
  /** Whether more events match: newer ones for a filter with `after`, else older ones. */
  readonly more: boolean;
  /** Id of the newest event of the log. */
  readonly newest?: number;
  /** When the log began: at the creation of the network, or at its restoration from a backup. */
  readonly began?: string;
}

/**
 * Lists a page of the events of a network, or of the edge itself when `network` is null: with `after` the
 * oldest, else the newest; oldest first.
 */
export async function pageOfEvents(
  edge: EdgeClient,
  network: string | null,
  filter: EventFilter,
  options?: RequestOptions,
): Promise<ListedPage> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) {
    if (value !== undefined) query.set(name, String(value));
  }
  const path = network === null ? "/v1/events" : inNetwork(network, "/events");
  const whole = query.size === 0 ? path : `${path}?${query}`;
  const { answer, headers } = await edge.requestPage(
    whole,
    z.array(ListedEvent),
    EventPageHeaders.partial(),
    options,
  );
  const newest = headers["fairlead-newest"];
  const began = headers["fairlead-began"];
  return {
    events: answer,
    more: headers["fairlead-more"] === "true",
    ...(newest === undefined ? {} : { newest: Number(newest) }),
    ...(began === undefined ? {} : { began }),
  };
}

/** Lists the events of one page. */
export async function listEvents(
  edge: EdgeClient,
  network: string | null,
  filter: EventFilter,
): Promise<ListedEvent[]> {
  return (await pageOfEvents(edge, network, filter)).events;
}

/** Path of a backup or restore; of the directory when `network` is null. */
const backupPath = (network: string | null, verb: "backup" | "restore") =>
  network === null ? `/v1/${verb}` : inNetwork(network, `/${verb}`);
/** Fetches a backup as text, which only an edge parses. */
export const fetchBackup = (edge: EdgeClient, network: string | null) =>
  edge.fetchText(backupPath(network, "backup"));
export const sendBackup = (edge: EdgeClient, network: string | null, backup: TextDocument) =>
  edge.sendText(backupPath(network, "restore"), backup);
