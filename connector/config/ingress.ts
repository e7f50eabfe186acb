/**
 * The services that a site publishes by hostnames of the edge: `--ingress web=shop.example.com,access=open`. Only the
 * connector's own configuration decides; the edge cannot add to it.
 */
import { FairleadError } from "../../protocol/errors.ts";
import { DEFAULT_DOOR_ACCESS, DoorAccess, Hostname } from "../../protocol/hostnames.ts";
import { ServiceName } from "../../protocol/names.ts";
import { parseWith } from "../../protocol/parse.ts";
import { type Ingress, MAX_INGRESS } from "../../protocol/uplink/messages.ts";

/** A service that is published by a hostname. */
export interface IngressRule {
  /** The name of the service. */
  readonly name: string;
  readonly hostname: string;
  readonly access: DoorAccess;
}

/** Parses a value of `--ingress`. @throws FairleadError `request.invalid`. */
export function parseIngress(text: string): IngressRule {
  const [, named, hostname, option] = /^([^=,]+)=([^=,]+)(?:,access=([^=,]+))?$/.exec(text) ?? [];
  if (named === undefined || hostname === undefined) {
    throw new FairleadError("request.invalid", `"${text}": expected NAME=HOSTNAME[,access=key|oidc|open].`);
  }
  const what = { code: "request.invalid", what: `"${text}"` } as const;
  return {
    name: parseWith(ServiceName, named, what),
    hostname: parseWith(Hostname, hostname.toLowerCase(), what),
    access: option === undefined ? DEFAULT_DOOR_ACCESS : parseWith(DoorAccess, option, what),
  };
}

/** Checks the rules of a configuration. @throws FairleadError `request.invalid`. */
export function checkIngress(rules: readonly IngressRule[]): void {
  if (rules.length > MAX_INGRESS) {
    throw new FairleadError("request.invalid", `A site publishes at most ${MAX_INGRESS} hostnames.`);
  }
  for (const [at, { hostname }] of rules.entries()) {
    if (rules.findIndex((each) => each.hostname === hostname) === at) continue;
    throw new FairleadError("request.invalid", `"${hostname}" is the hostname of two services.`);
  }
}

export const sameIngress = (left: IngressRule, right: IngressRule): boolean =>
  left.name === right.name && left.hostname === right.hostname && left.access === right.access;

/** The rules that a connector has at present. */
export class IngressPolicy {
  #rules: readonly IngressRule[];

  constructor(rules: readonly IngressRule[] = []) {
    this.#rules = rules;
  }

  get rules(): readonly IngressRule[] {
    return this.#rules;
  }

  /** Replaces the rules, for streams that are opened from now on. */
  set(rules: readonly IngressRule[]): void {
    this.#rules = rules;
  }

  /** The rule of a hostname; undefined where nothing is published by it. */
  find(hostname: string): IngressRule | undefined {
    return this.#rules.find((rule) => rule.hostname === hostname);
  }

  /**
   * The rule for a stream of a door.
   * @throws FairleadError `service.ingress_not_allowed` when the service is not published by the hostname
   */
  permit(hostname: string, service: string): IngressRule {
    const rule = this.find(hostname);
    if (rule?.name === service) return rule;
    throw new FairleadError(
      "service.ingress_not_allowed",
      `This site does not publish ${service} by ${hostname}.`,
    );
  }

  /** The rules of offered services, as the registry gets them. */
  forRegistry(isOffered: (service: string) => boolean): Ingress[] {
    return this.#rules
      .filter(({ name }) => isOffered(name))
      .map(({ name, hostname, access }) => ({ service: name, hostname, access }));
  }
}
