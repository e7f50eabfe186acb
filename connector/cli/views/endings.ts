/** What a command that revokes or deletes would end, in sentences for its user. */
import type { NetworkStatus } from "../../../protocol/api/status.ts";
import type { Token } from "../../../protocol/api/tokens.ts";
import { isolatedSites } from "../../../protocol/diagnosis/reach.ts";
import type { Ending } from "../framework/confirmation.ts";
import { count, names } from "./count.ts";

/** The issuer that stands for the network itself in links and tokens. */
export const NETWORK_ISSUER = "network";

/** @param issuer name of a site or {@link NETWORK_ISSUER}; null means every issuer */
export function accessEnding(status: NetworkStatus, tokens: readonly Token[], issuer: string | null): Ending {
  const given = ({ issuer: by }: { readonly issuer: string }) => issuer === null || by === issuer;
  return {
    act: `Revoke the access given by ${describeIssuer(status, issuer)}`,
    consequences: [
      tokensSentence(tokens.filter(given)),
      ...linksSentences(status, (link) => given(link)),
    ].filter((sentence) => sentence !== ""),
  };
}

function describeIssuer({ network }: NetworkStatus, issuer: string | null): string {
  if (issuer === null) return `every issuer of network "${network.name}"`;
  return issuer === NETWORK_ISSUER ? `network "${network.name}" itself` : `site ${issuer}`;
}

/** @param act `Revoke` or `Delete` */
export function siteEnding(
  act: "Revoke" | "Delete",
  status: NetworkStatus,
  tokens: readonly Token[],
  site: string,
): Ending {
  const found = status.sites.find(({ name, id }) => name === site || id === site);
  const name = found?.name ?? site;
  const issued = tokens.filter(({ issuer }) => issuer === name);
  const only = (found?.services ?? []).filter(
    (service) => !status.sites.some((other) => other !== found && other.services.includes(service)),
  );
  const uplinks = found?.instances.length ?? 0;
  return {
    act: `${act} site ${name}`,
    consequences: [
      found?.state === "new" ? "The site has not joined yet." : "",
      found?.state === "revoked" ? "The site is revoked already; deleting it frees its name." : "",
      uplinks === 0 ? "" : `${count(uplinks, "connected connector")} of the site and its sessions end.`,
      only.length === 0 ? "" : `No other site offers ${names(only)}.`,
      tokensSentence(issued),
      ...linksSentences(status, (link) => link.joiner === name || link.issuer === name, name),
    ].filter((sentence) => sentence !== ""),
  };
}

/** @param link id of the link */
export function linkEnding(status: NetworkStatus, link: string): Ending {
  const found = status.links.find(({ id }) => id === link);
  const act = found === undefined ? link : `${found.name} from ${found.joiner} to ${found.issuer}`;
  const [, ...rest] = linksSentences(status, ({ id }) => id === link);
  return { act: `Delete link ${act}`, consequences: rest };
}

export function tokenEnding({ id, state, uses, used }: Token): Ending {
  const left = state === "good" ? uses - used : 0;
  return {
    act: `Revoke token ${id}`,
    consequences: [
      left === 0
        ? "The token admits no further site already."
        : `The token could admit ${count(left, "more site")}.`,
      "Sites that joined with it stay.",
    ],
  };
}

export function networkEnding({ network, sites }: Pick<NetworkStatus, "network" | "sites">): Ending {
  const members = sites.filter(({ state }) => state !== "revoked").map(({ name }) => name);
  return {
    act: `Delete network "${network.name}"`,
    consequences:
      members.length === 0
        ? ["The network has no sites."]
        : [`The network is lost for good to ${count(members.length, "site")}: ${names(members)}.`],
  };
}

function tokensSentence(tokens: readonly Token[]): string {
  const good = tokens.filter(({ state }) => state === "good");
  return good.length === 0 ? "" : `${count(good.length, "token")} can no longer be used.`;
}

/** The first sentence counts the links. The second names the sites that would reach no other site afterwards. */
function linksSentences(
  status: NetworkStatus,
  ends: (link: NetworkStatus["links"][number]) => boolean,
  leaving?: string,
): string[] {
  const gone = status.links.filter((link) => link.code !== "link.revoked" && ends(link));
  if (gone.length === 0) return [];
  const described = gone.map(({ name, joiner, issuer }) => `${name} from ${joiner} to ${issuer}`);
  const before = new Set(isolatedSites(status));
  const after = isolatedSites({
    sites: status.sites.filter(({ name }) => name !== leaving),
    links: status.links.filter((link) => !gone.includes(link)),
  }).filter((name) => !before.has(name));
  const lost =
    after.length === 0
      ? "No site loses its last path to another site."
      : `${after.length === 1 ? "Site" : "Sites"} ${names(after)} will reach no other site.`;
  return [`${count(gone.length, "link")} and the sessions over them end: ${names(described)}.`, lost];
}
