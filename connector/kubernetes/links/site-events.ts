/**
 * What Kubernetes Events tell of a site's links, and of the services that commands and configuration offer: transitions
 * alone, in Skupper's words, which dashboards know.
 */
import { ERRORS, isErrorCode } from "../../../protocol/errors.ts";
import type { ClusterEvent } from "../cluster/cluster.ts";

/** A link of this site, or one to it. */
export interface LinkFact {
  readonly id: string;
  readonly name: string;
  /** The other site, or `network`. */
  readonly peer: string;
  readonly isUp: boolean;
  /** Why it is down. */
  readonly code?: string | undefined;
}

export interface SiteFacts {
  /** The links that this site created. */
  readonly links: readonly LinkFact[];
  /** The links that other sites created with tokens of this one. */
  readonly incoming: readonly LinkFact[];
  /** Names of the services that commands and configuration offer. */
  readonly services: readonly string[];
}

/** An Event without the object that it is about. */
export type SiteEvent = Omit<ClusterEvent, "about">;

/** The Events of what changed. */
export function siteEvents(before: SiteFacts, after: SiteFacts): SiteEvent[] {
  return [
    ...linkEvents(before.links, after.links, OUTGOING),
    ...linkEvents(before.incoming, after.incoming, INCOMING),
    ...serviceEvents(before.services, after.services),
  ];
}

/** How links of one direction are told of. */
interface Direction {
  created(link: LinkFact): SiteEvent[];
  deleted(link: LinkFact): string;
  established(link: LinkFact): string;
  down(link: LinkFact): string;
}

const OUTGOING: Direction = {
  created: ({ name }) => [
    normal("TokenHandler", "Connecting", `Connecting using token ${name}.`),
    normal("LinkManagement", "Linking", `Created link "${name}".`),
  ],
  deleted: ({ name }) => `Deleted link "${name}".`,
  established: ({ peer }) => `Service sync sender connection to ${peer} established.`,
  down: ({ name, peer }) => `Link "${name}" to ${peer} is down`,
};

const INCOMING: Direction = {
  created: () => [],
  deleted: ({ name, peer }) => `Deleted link "${name}" of site ${peer}.`,
  established: ({ peer }) => `Service sync receiver connection to ${peer} established.`,
  down: ({ name, peer }) => `Link "${name}" of site ${peer} is down`,
};

function linkEvents(
  before: readonly LinkFact[],
  after: readonly LinkFact[],
  direction: Direction,
): SiteEvent[] {
  const events: SiteEvent[] = [];
  const known = new Map(before.map((link) => [link.id, link]));
  for (const link of after) {
    const former = known.get(link.id);
    known.delete(link.id);
    if (former === undefined) events.push(...direction.created(link));
    if (link.isUp && former?.isUp !== true) {
      events.push(normal("ServiceSyncEvent", "Linking", direction.established(link)));
    }
    if (!link.isUp && former !== undefined && (former.isUp || former.code !== link.code)) {
      events.push(warning(`${direction.down(link)}.${reasonOf(link)}`));
    }
  }
  for (const link of known.values()) {
    events.push(normal("LinkManagement", "Linking", direction.deleted(link)));
  }
  return events;
}

function serviceEvents(before: readonly string[], after: readonly string[]): SiteEvent[] {
  const [former, present] = [new Set(before), new Set(after)];
  const exposed = after.filter((name) => !former.has(name));
  const deleted = before.filter((name) => !present.has(name));
  return [
    ...exposed.map((name) => normal("ServiceManagement", "Exposing", `Service ${name} exposed.`)),
    ...deleted.map((name) =>
      normal("ServiceManagement", "Exposing", `Service ${name} is no longer exposed.`),
    ),
  ];
}

function reasonOf({ code }: LinkFact): string {
  if (code === undefined || !isErrorCode(code)) return "";
  const { meaning, action } = ERRORS[code];
  return ` ${meaning} ${action}`;
}

const normal = (reason: string, action: string, note: string): SiteEvent => ({
  ...{ type: "Normal", reason, action, note },
});

const warning = (note: string): SiteEvent => ({
  ...{ type: "Warning", reason: "LinkManagement", action: "Linking", note },
});
