/**
 * The check of a path: whether the clients of a site reach a service, step by step. Pure. The first broken step is the
 * cause; the steps after it are skipped.
 */
import type { SilentSite } from "../api/live.ts";
import type { Service } from "../api/services.ts";
import type { Site } from "../api/sites.ts";
import type { NetworkStatus } from "../api/status.ts";
import type { Traffic } from "../api/traffic.ts";
import { siteMatches } from "../names.ts";
import { nearName } from "../near-name.ts";
import { explain, LOST_SITE_ACTION, type Remedy } from "./finding.ts";
import { type LinkPath, pathsFrom, pathText } from "./link-path.ts";
import { failureRemedy, outcomesText, recentOutcomes } from "./recent-outcomes.ts";
import { countOf, listOf, portsOf, sitesOf } from "./words.ts";

/** What a step looks at, in the order of the steps. */
export type StepId =
  | "site"
  | "uplink"
  | "offer"
  | "export"
  | "links"
  | "peer"
  | "target"
  | "listener"
  | "traffic";

/** The state of a step: `unknown` where the edge cannot tell, `skipped` after a broken step. */
export type StepState = "ok" | "broken" | "unknown" | "skipped";

/** A step of a path. */
export interface PathStep extends Partial<Remedy> {
  readonly id: StepId;
  /** What the step asks. */
  readonly title: string;
  readonly state: StepState;
  /** What was found, in sentences; empty for a skipped step. */
  readonly detail: string;
  /** Since when, as ISO 8601 in UTC. */
  readonly since?: string;
  /** The code of what is broken. */
  readonly code?: string;
}

/** The result of a check. */
export interface PathCheck {
  readonly from: string;
  readonly service: string;
  readonly steps: readonly PathStep[];
  /** The first broken step; null if none is. */
  readonly cause: PathStep | null;
  /** The ends of the links of the cheapest path to a site that serves the service: names of sites, or "network". */
  readonly ends: readonly string[];
  /** The ids of those links, in order. */
  readonly links: readonly string[];
  readonly cost: number | null;
  /** The addresses at which the clients of the site reach the service. */
  readonly addresses: readonly string[];
}

/** What a check depends on besides the status. */
export interface PathCheckOptions {
  /** The port of the service; every port unless given. */
  readonly port?: number | undefined;
  /** Connectors that the edge has not heard for too long. */
  readonly silent?: readonly SilentSite[] | undefined;
  /** The traffic of the network in a recent window, by {@link OUTCOME_LABELS}. */
  readonly traffic?: Traffic | undefined;
}

const TITLES: Readonly<Record<StepId, (from: string, service: string) => string>> = {
  site: (from) => `Site ${from} is a member of the network`,
  uplink: (from) => `Site ${from} is connected to the edge`,
  offer: (_, service) => `A site offers ${service}`,
  export: (from, service) => `${service} is exported to site ${from}`,
  links: (from, service) => `Links connect site ${from} with a site that offers ${service}`,
  peer: (_, service) => `A site that offers ${service} is connected to the edge`,
  target: (_, service) => `A target of ${service} is up`,
  listener: (from, service) => `Site ${from} listens for ${service}`,
  traffic: () => "Recent connections succeed",
};

/** What a step found, without its name and title. */
type Found = Omit<PathStep, "id" | "title">;
type Offerer = Service["sites"][number];

const ok = (detail: string, since?: string): Found => ({
  state: "ok",
  detail,
  ...(since === undefined ? {} : { since }),
});

function broken(
  code: string,
  detail: string,
  remedy: Partial<Remedy> & { since?: string | undefined } = {},
): Found {
  const { since, ...rest } = remedy;
  return {
    state: "broken",
    code,
    detail,
    action: explain(code).action,
    ...rest,
    ...(since === undefined ? {} : { since }),
  };
}

/** Checks the path from a site (by name or id) to a service. */
export function checkPath(
  status: NetworkStatus,
  from: string,
  service: string,
  options: PathCheckOptions = {},
): PathCheck {
  return new Check(status, from, service, options).run();
}

class Check {
  readonly #status: NetworkStatus;
  readonly #site: Site | undefined;
  readonly #from: string;
  readonly #service: Service | undefined;
  readonly #name: string;
  readonly #options: PathCheckOptions;
  /** Sites that may still serve the client: each step keeps those that pass it. */
  #left: readonly Offerer[] = [];
  #paths: ReadonlyMap<string, LinkPath> = new Map();

  constructor(status: NetworkStatus, from: string, service: string, options: PathCheckOptions) {
    this.#status = status;
    this.#site = status.sites.find(({ name }) => name === from) ?? status.sites.find(({ id }) => id === from);
    this.#from = this.#site?.name ?? from;
    this.#service = status.services.find(({ name }) => name === service);
    this.#name = service;
    this.#options = options;
  }

  run(): PathCheck {
    const looks: readonly (readonly [StepId, () => Found | null])[] = [
      ["site", () => this.#isMember()],
      ["uplink", () => this.#isConnected()],
      ["offer", () => this.#isOffered()],
      ["export", () => this.#isExported()],
      ["links", () => this.#isLinked()],
      ["peer", () => this.#isPeerConnected()],
      ["target", () => this.#isTargetUp()],
      ["listener", () => this.#isListening()],
      ["traffic", () => this.#succeeds()],
    ];
    const steps: PathStep[] = [];
    let cause: PathStep | null = null;
    for (const [id, look] of looks) {
      const found: Found | null = cause === null ? look() : { state: "skipped", detail: "" };
      if (found === null || (id === "traffic" && this.#options.traffic === undefined)) continue;
      const step: PathStep = { id, title: TITLES[id](this.#from, this.#name), ...found };
      steps.push(step);
      if (step.state === "broken") cause = step;
    }
    const path = this.#cheapest();
    return {
      from: this.#from,
      service: this.#name,
      steps,
      cause,
      ends: path === null ? [] : [this.#from, ...path.hops.map(({ to }) => to)],
      links: path === null ? [] : path.hops.map(({ link }) => link.id),
      cost: path?.cost ?? null,
      addresses: this.#listeners()
        .filter(({ state }) => state === "listening")
        .map(({ address }) => address),
    };
  }

  #isMember(): Found {
    const site = this.#site;
    if (site === undefined) {
      const near = nearName(
        this.#from,
        this.#status.sites.map(({ name }) => name),
      );
      const meant = near === null ? "" : ` Did you mean ${near}?`;
      return broken("site.unknown", `There is no site ${this.#from} in the network.${meant}`, {
        command: "fairlead site list",
      });
    }
    if (site.state === "revoked") {
      return broken("site.revoked", explain("site.revoked").meaning, { since: site.since });
    }
    if (site.state === "new") {
      return broken("site.not_joined", explain("site.not_joined").meaning, {
        since: site.createdAt,
        command: `fairlead site create ${site.name} -o ${site.name}.yaml`,
      });
    }
    return ok(`The site has ${countOf(site.instances.length, "connector")}.`);
  }

  #isConnected(): Found {
    const site = this.#site;
    if (site === undefined) return { state: "unknown", detail: "" };
    const { since, instances } = site;
    if (site.state !== "up") return this.#absence(site);
    const silent = this.#silence(site);
    if (silent !== null) return silent;
    const times = instances.map(({ rtt }) => rtt ?? null).filter((rtt) => rtt !== null);
    const trip =
      times.length === 0 ? "" : ` The round trip to the edge takes ${milliseconds(Math.min(...times))}.`;
    return ok(
      `${instances.length === 1 ? "Its connector has" : "Its connectors have"} an uplink.${trip}`,
      since,
    );
  }

  /** Why a site is down. */
  #absence({ name, since, stopped }: Site): Found {
    const code = stopped === true ? "site.stopped" : "uplink.lost";
    const what =
      stopped === true
        ? `The last connector of site ${name} was stopped.`
        : `The edge lost the connection to the last connector of site ${name}.`;
    return broken(code, what, {
      ...{ since, at: name },
      ...(stopped === true
        ? { command: "fairlead connector run" }
        : { command: "fairlead doctor", action: LOST_SITE_ACTION }),
    });
  }

  /** A site that is up, and that the edge has not heard. It may be dead, or come back. */
  #silence({ id, name, instances }: Site): Found | null {
    const mute = (this.#options.silent ?? []).filter(({ site }) => site === id || site === name);
    const heard = instances.filter(({ boot }) => !mute.some((each) => each.boot === boot));
    const [since] = mute.map(({ heardAt }) => heardAt).sort();
    if (heard.length > 0 || since === undefined) return null;
    const { meaning, action } = explain("site.silent");
    return {
      state: "unknown",
      code: "site.silent",
      detail: meaning,
      action,
      since,
      command: "fairlead doctor",
      at: name,
    };
  }

  #isOffered(): Found {
    const service = this.#service;
    const refusals = this.#status.sites.flatMap((site) =>
      (site.refused ?? []).filter(({ name }) => name === this.#name).map((refusal) => ({ site, ...refusal })),
    );
    const refusedText = refusals.map(
      ({ site, message }) => `The offer of site ${site.name} is refused: ${message}`,
    );
    if (service === undefined || service.sites.length === 0) {
      const [first] = refusals;
      if (first !== undefined) return broken(first.code, refusedText.join(" "));
      const near = nearName(
        this.#name,
        this.#status.services.map(({ name }) => name),
      );
      const meant = near === null ? "" : ` Did you mean ${near}?`;
      return broken("service.unknown", `No site offers a service ${this.#name}.${meant}`, {
        action: `At the site with its server, \`fairlead expose ${this.#name}=PORT\` offers it; \`fairlead service list\` shows the services.`,
        command: "fairlead service list",
      });
    }
    const { port } = this.#options;
    const offered = (service.ports ?? [service]).map((each) => each.port);
    if (port !== undefined && !offered.includes(port)) {
      return broken(
        "service.unknown_port",
        `Service ${this.#name} has ${portsOf(offered)}, and not ${port}.`,
        {
          command: "fairlead service list",
        },
      );
    }
    this.#left = service.sites.filter(({ ports }) => port === undefined || ports?.includes(port) !== false);
    const names = this.#left.map(({ name }) => name);
    return ok([`${sitesOf(names)} ${names.length === 1 ? "offers" : "offer"} it.`, ...refusedText].join(" "));
  }

  /** Null where every site may use the service. */
  #isExported(): Found | null {
    const site = this.#site;
    if (site === undefined || this.#left.every(({ to }) => to === undefined)) return null;
    const left = this.#left.filter(({ name, to }) => name === site.name || siteMatches(site, to));
    const [first] = this.#left;
    if (left.length === 0 && first !== undefined) {
      const to = first.to ?? [];
      return broken(
        "service.not_exported",
        `Site ${first.name} exports it to ${to.length === 0 ? "no site" : listOf(to)}.`,
        {
          action: `Export it to site ${site.name} as well, at site ${first.name}: \`fairlead expose ${this.#name}=… --to ${[...to, site.name].join(",")}\`, or without --to for all sites.`,
          ...{ command: "fairlead service status", at: first.name },
        },
      );
    }
    this.#left = left;
    return ok(
      `${sitesOf(left.map(({ name }) => name))} ${left.length === 1 ? "exports" : "export"} it to this site.`,
    );
  }

  #isLinked(): Found {
    this.#paths = pathsFrom(this.#from, this.#status.links);
    const left = this.#left.filter(({ name }) => this.#paths.has(name));
    if (left.length === 0) {
      const names = this.#left.map(({ name }) => name);
      const revoked = this.#status.links.find(
        ({ code, joiner, issuer }) =>
          code === "link.revoked" &&
          [joiner, issuer].some((end) => end === this.#from || names.includes(end)),
      );
      const why =
        revoked === undefined
          ? ""
          : ` Link ${revoked.name} from ${revoked.joiner} to ${revoked.issuer} was revoked.`;
      return broken("session.forbidden", `No link leads from site ${this.#from} to ${listOf(names)}.${why}`, {
        action: `Create a token with \`fairlead token create -o token.yaml\`, then run \`fairlead link create token.yaml\` at the site that has no link.`,
        command: "fairlead token create -o token.yaml",
        since: revoked?.since,
      });
    }
    this.#left = left;
    const path = this.#cheapest();
    if (path === null || path.hops.length === 0) return ok("The site offers the service itself.");
    return ok(`The cheapest path leads over ${pathText(path)}; its cost is ${path.cost}.`);
  }

  #isPeerConnected(): Found {
    const left = this.#left.filter(({ state }) => state === "up");
    if (left.length === 0) {
      const [first] = this.#left;
      const site = this.#status.sites.find(({ name }) => name === first?.name);
      if (this.#left.length === 1 && site !== undefined) return this.#absence(site);
      const names = this.#left.map(({ name }) => name);
      return broken("service.unavailable", `${sitesOf(names)} are down.`, {
        since: this.#lastSince(names),
        ...(first === undefined ? {} : { command: `fairlead site status ${first.name}` }),
      });
    }
    this.#left = left;
    const sites = left.flatMap(({ name }) => this.#status.sites.find((site) => site.name === name) ?? []);
    const silent = sites.map((site) => this.#silence(site));
    const [first] = silent;
    if (first !== undefined && first !== null && silent.every((each) => each !== null)) return first;
    return ok(`${sitesOf(left.map(({ name }) => name))} ${left.length === 1 ? "is" : "are"} up.`);
  }

  /** When the last of some sites went down. */
  #lastSince(names: readonly string[]): string | undefined {
    const times = this.#status.sites.filter(({ name }) => names.includes(name)).map(({ since }) => since);
    return times.sort().at(-1);
  }

  #isTargetUp(): Found {
    const { port } = this.#options;
    const ports =
      port === undefined
        ? (this.#service?.ports ?? [{ port: this.#service?.port ?? 0 }]).map((each) => each.port)
        : [port];
    const serves = (site: Offerer, each: number) =>
      site.ports?.includes(each) !== false && site.down?.includes(each) !== true;
    const dead = ports.filter((each) => !this.#left.some((site) => serves(site, each)));
    const ill = this.#left.filter(({ down = [] }) => down.some((each) => ports.includes(each)));
    const reasons = ill.map(
      ({ name, downCode }) => `At site ${name}: ${explain(downCode ?? "service.unhealthy").meaning}`,
    );
    const [worst] = ill;
    if (dead.length > 0) {
      const code = ill.length === 1 ? (worst?.downCode ?? "service.unhealthy") : "service.unhealthy";
      const which = dead.length === ports.length ? "" : `No target at ${portsOf(dead)} is up. `;
      return broken(code, `${which}${reasons.join(" ")}`, {
        since: ill.map(({ downSince }) => downSince).find((each) => each !== undefined),
        action: explain(worst?.downCode ?? code).action,
        ...(worst === undefined ? {} : { command: "fairlead service status", at: worst.name }),
      });
    }
    this.#left = this.#left.filter((site) => ports.some((each) => serves(site, each)));
    const names = this.#left.map(({ name }) => name);
    return ok([`Targets at ${listOf(names)} are up.`, ...reasons].join(" "));
  }

  #listeners(): Site["listeners"] {
    const { port } = this.#options;
    return (this.#site?.listeners ?? []).filter(
      (each) =>
        each.service === this.#name && (port === undefined || each.port === undefined || each.port === port),
    );
  }

  #isListening(): Found {
    const site = this.#site;
    const all = this.#listeners();
    const failed = all.filter(({ state }) => state === "failed");
    const open = all.filter(({ state }) => state === "listening");
    const [worst] = failed;
    if (worst !== undefined && open.length === 0) {
      const code = worst.code ?? "listener.missing";
      return broken(code, [explain(code).meaning, worst.message].filter(Boolean).join(" "), {
        since: worst.since,
        ...{ command: "fairlead service status", at: this.#from },
      });
    }
    if (open.length === 0) {
      if (this.#left.every(({ name }) => name === site?.name)) {
        return ok("Clients at the site that offers the service reach its server without a listener.");
      }
      const hop = this.#left.every(({ encryption }) => encryption === "hop");
      return broken(
        hop ? "service.hop_not_allowed" : "listener.missing",
        explain(hop ? "service.hop_not_allowed" : "listener.missing").meaning,
        {
          command: "fairlead service status",
          at: this.#from,
        },
      );
    }
    const addresses = [...new Set(open.map(({ address }) => address))];
    const trouble = failed.map(
      ({ address, message, code }) => ` It cannot listen at ${address}: ${message ?? code ?? "unknown"}.`,
    );
    return ok(`Clients connect to ${listOf(addresses)}.${trouble.join("")}`);
  }

  #succeeds(): Found | null {
    const { traffic } = this.#options;
    if (traffic === undefined) return null;
    const own = traffic.groups.filter(
      ({ from, service }) => from?.id === this.#site?.id && service === this.#name,
    );
    const outcomes = recentOutcomes(traffic, own);
    if (outcomes.ended + outcomes.requests === 0) {
      if (own.some(({ totals }) => totals.opened > totals.closed)) return ok("Connections are open now.");
      const minutes = Math.round((Date.parse(traffic.at) - Date.parse(traffic.from)) / 60_000);
      return {
        state: "unknown",
        detail: `No connection ended in the last ${countOf(minutes, "minute")}.`,
      };
    }
    const text = outcomesText(outcomes);
    if (!outcomes.isFailing) return ok(text);
    return broken("service.failing", text, {
      ...failureRemedy(outcomes, this.#name, this.#from),
      since: outcomes.since ?? undefined,
    });
  }

  /** The cheapest path to one of the sites that are left. */
  #cheapest(): LinkPath | null {
    const paths = this.#left.flatMap(({ name }) => this.#paths.get(name) ?? []);
    return paths.reduce<LinkPath | null>(
      (best, each) => (best === null || each.cost < best.cost ? each : best),
      null,
    );
  }
}

/** `0.4 ms`, `12 ms`. */
const milliseconds = (ms: number) => `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`;
