/** What a diagnosis is about: an edge by its address, and the state directory of a site or of an edge. */
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { trustedRoots } from "../net/trust.ts";
import type { Login } from "../operator/login/login.ts";
import type { Membership } from "../site/membership.ts";
import type { Place } from "./finding.ts";
import type { PathTarget } from "./path-probe.ts";
import type { StateKind } from "./state-judgement.ts";
import { kindOf, readEdge, readSite } from "./state-probe.ts";

export interface StateSubject {
  readonly path: string;
  readonly kind: StateKind;
  /** The membership of a site that has joined, with its private key; an error when it cannot be read. */
  readonly site: { readonly membership: Membership; readonly key: string } | FairleadError | null;
  /** The ports of an edge that has run; an error when its record cannot be read. */
  readonly ports: Readonly<Partial<Record<Place, number>>> | FairleadError | null;
}

export interface Subject {
  /** Null for none: there is no directory, or it is empty. */
  readonly state: StateSubject | null;
  /** The known addresses of the edge. */
  readonly targets: readonly PathTarget[];
  /** Null without a login; an error when it cannot be used. */
  readonly login: Login | FairleadError | null;
}

export interface SubjectOptions {
  /** The state directory, if there is one. */
  readonly state: string | undefined;
  /** URL of an API, in place of those of the state directory and the login. */
  readonly edge: string | undefined;
  /** The only CA to trust for `edge`, PEM. */
  readonly ca: string | undefined;
  readonly login: Login | FairleadError | null;
}

const MACHINE = "the CAs of this machine";

export async function findSubject({ state: path, edge, ca, login }: SubjectOptions): Promise<Subject> {
  const state = path === undefined ? null : await findState(path);
  if (edge !== undefined)
    return { state: state?.subject ?? null, login, targets: [apiTarget(edge, ca, "--ca")] };
  if (state !== null && state.targets.length > 0)
    return { state: state.subject, login, targets: state.targets };
  const known = login === null || login instanceof FairleadError ? null : login;
  return {
    state: state?.subject ?? null,
    login,
    targets: known === null ? [] : [apiTarget(known.url, known.ca, "the CA of the login")],
  };
}

function apiTarget(origin: string, ca: string | undefined, source: string): PathTarget {
  const trust =
    ca === undefined ? { ca: null, source: MACHINE, isPublic: true } : { ca: [ca], source, isPublic: false };
  return { place: "api", origin, trust, identity: null };
}

async function findState(path: string): Promise<{ subject: StateSubject; targets: PathTarget[] } | null> {
  const kind = await kindOf(path);
  if (kind === null) return null;
  const failed = (thrown: unknown) => asFairleadError(thrown, "state.corrupt");
  if (kind === "site") {
    const site = await readSite(path).catch(failed);
    const targets = site === null || site instanceof FairleadError ? [] : siteTargets(site);
    return { subject: { path, kind, site, ports: null }, targets };
  }
  const edge = await readEdge(path).catch(failed);
  if (edge === null || edge instanceof FairleadError) {
    return { subject: { path, kind, site: null, ports: edge }, targets: [] };
  }
  const { ports, urls } = edge.record;
  const { links: gateway, ...others } = ports;
  const trust = { ca: [edge.ca], source: "ca.pem of the edge", isPublic: false };
  const lanes =
    urls === undefined || ports.lanes === undefined ? undefined : withPort(urls.links, ports.lanes);
  const origins = { api: urls?.api, gateway: urls?.links, lanes };
  const targets = (["api", "gateway", "lanes"] as const).flatMap((place): PathTarget[] => {
    const origin = origins[place];
    return origin === undefined ? [] : [{ place, origin, trust, identity: null }];
  });
  return { subject: { path, kind, site: null, ports: { gateway, ...others } }, targets };
}

function siteTargets({ membership, key }: { membership: Membership; key: string }): PathTarget[] {
  const { edge, ca, chain } = membership;
  const trust = {
    ca: trustedRoots({ ca, tls: edge.tls }),
    source: edge.tls === "public" ? MACHINE : "ca.pem of the site",
    isPublic: edge.tls === "public",
  };
  return [
    { place: "api", origin: edge.api, trust, identity: null },
    { place: "gateway", origin: edge.gateway, trust, identity: { certificate: chain, key } },
  ];
}

function withPort(origin: string, port: number): string {
  const url = new URL(origin);
  url.port = String(port);
  return url.origin;
}
