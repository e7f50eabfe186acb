/** Every call of the HTTPS API that the commands make: method, path and form of the answer, in one place. */
import { z } from "zod";
import {
  ApiKey,
  CreatedKey,
  CreatedToken,
  type EventType,
  Link,
  Network,
  NetworkEvent,
  NetworkStatus,
  type Role,
  Service,
  Site,
  Token,
} from "../../protocol/api.ts";
import type { EdgeClient, RequestOptions } from "./client.ts";

const segment = encodeURIComponent;
const inNetwork = (network: string, rest = "") => `/v1/networks/${segment(network)}${rest}`;
const inSite = (network: string, site: string, rest = "") =>
  inNetwork(network, `/sites/${segment(site)}${rest}`);

export const listNetworks = (edge: EdgeClient) => edge.request("GET", "/v1/networks", z.array(Network));
export const createNetwork = (edge: EdgeClient, name: string) =>
  edge.request("POST", "/v1/networks", Network, { name });
export const deleteNetwork = (edge: EdgeClient, network: string) =>
  edge.request("DELETE", inNetwork(network), Network);
export const networkStatus = (edge: EdgeClient, network: string) =>
  edge.request("GET", inNetwork(network, "/status"), NetworkStatus);

export const listKeys = (edge: EdgeClient) => edge.request("GET", "/v1/keys", z.array(ApiKey));
export const createKey = (edge: EdgeClient, key: { name: string; role: Role; networks?: string[] }) =>
  edge.request("POST", "/v1/keys", CreatedKey, key);
export const revokeKey = (edge: EdgeClient, id: string) =>
  edge.request("DELETE", `/v1/keys/${segment(id)}`, ApiKey);

export const listTokens = (edge: EdgeClient, network: string) =>
  edge.request("GET", inNetwork(network, "/tokens"), z.array(Token));
export const createToken = (
  edge: EdgeClient,
  network: string,
  token: { uses: number; expirySeconds: number },
) => edge.request("POST", inNetwork(network, "/tokens"), CreatedToken, token);
export const revokeToken = (edge: EdgeClient, network: string, id: string) =>
  edge.request("DELETE", inNetwork(network, `/tokens/${segment(id)}`), Token);

export const listSites = (edge: EdgeClient, network: string) =>
  edge.request("GET", inNetwork(network, "/sites"), z.array(Site));
export const getSite = (edge: EdgeClient, network: string, site: string) =>
  edge.request("GET", inSite(network, site), Site);
export const revokeSite = (edge: EdgeClient, network: string, site: string) =>
  edge.request("POST", inSite(network, site, "/revoke"), Site);
export const deleteSite = (edge: EdgeClient, network: string, site: string) =>
  edge.request("DELETE", inSite(network, site), Site);

export const listLinks = (edge: EdgeClient, network: string) =>
  edge.request("GET", inNetwork(network, "/links"), z.array(Link));
export const listServices = (edge: EdgeClient, network: string) =>
  edge.request("GET", inNetwork(network, "/services"), z.array(Service));

export interface EventFilter {
  /** Only events with a larger id. */
  readonly after?: number | undefined;
  readonly type?: EventType | undefined;
  /** How many of the newest, at the most. */
  readonly limit?: number | undefined;
}

/** Events of a network, ascending by id. */
export function listEvents(edge: EdgeClient, network: string, filter: EventFilter, options?: RequestOptions) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) {
    if (value !== undefined) query.set(name, String(value));
  }
  const path = inNetwork(network, query.size === 0 ? "/events" : `/events?${query}`);
  return edge.request("GET", path, z.array(NetworkEvent), undefined, options);
}
