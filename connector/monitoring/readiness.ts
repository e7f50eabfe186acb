/**
 * Decides whether a connector is ready: its uplink is up, its listeners are bound, and it does not stop. In a cluster it is
 * ready from the moment that it can take clients of every service, whatever becomes of the uplink.
 */
import { ERRORS, isErrorCode } from "../../protocol/errors.ts";

/** What the decision needs to know. */
export interface ReadinessFacts {
  /** The state of the uplink, with its last failure. */
  readonly uplink: {
    readonly state: string;
    readonly code?: string | undefined;
    readonly message?: string | undefined;
    readonly action?: string | undefined;
  };
  readonly listeners: readonly {
    readonly service: string;
    readonly address: string;
    readonly state: "listening" | "failed";
    readonly code?: string | undefined;
    readonly message?: string | undefined;
  }[];
  readonly isDraining: boolean;
  /** What the connector lacks to take clients of its cluster, null if nothing; undefined outside of a cluster. */
  readonly notReady?: "catalogue" | "ports" | "listeners" | null | undefined;
}

/** One reason why a connector is not ready. */
export interface MissingPart {
  readonly what: "uplink" | "listener" | "connector" | "cluster";
  /** A sentence. */
  readonly message: string;
  readonly code?: string;
  /** What to do about it. */
  readonly action?: string;
  /** Of a listener: its service and address. */
  readonly service?: string;
  readonly address?: string;
}

export interface Readiness {
  readonly ready: boolean;
  /** Empty for a connector that is ready. */
  readonly missing: readonly MissingPart[];
}

/** Decides whether a connector is ready, and otherwise what is missing. */
export function readinessOf(facts: ReadinessFacts): Readiness {
  const missing = facts.notReady === undefined ? missingParts(facts) : missingInCluster(facts);
  if (facts.isDraining) missing.unshift({ what: "connector", message: "The connector stops." });
  return { ready: missing.length === 0, missing };
}

function missingParts({ uplink, listeners }: ReadinessFacts): MissingPart[] {
  return [...(uplink.state === "up" ? [] : [missingUplink(uplink)]), ...missingListeners(listeners)];
}

function missingInCluster({ notReady, uplink, listeners }: ReadinessFacts): MissingPart[] {
  switch (notReady) {
    case "catalogue":
      return uplink.state === "up"
        ? [{ what: "uplink", message: "The edge has not named every service yet." }]
        : [missingUplink(uplink)];
    case "ports":
      return [{ what: "cluster", message: "The listener ports of the cluster are not known yet." }];
    case "listeners": {
      const failed = missingListeners(listeners);
      return failed.length > 0 ? failed : [{ what: "listener", message: "A listener is not bound yet." }];
    }
    default:
      return [];
  }
}

function missingListeners(listeners: ReadinessFacts["listeners"]): MissingPart[] {
  return listeners
    .filter(({ state }) => state !== "listening")
    .map(({ service, address, code, message }) => ({
      ...{ what: "listener" as const, service, address },
      message: message ?? `The listener of ${service} at ${address} is not bound.`,
      ...troubleOf(code),
    }));
}

function missingUplink({ state, code, message, action }: ReadinessFacts["uplink"]): MissingPart {
  const text = message === undefined ? `The uplink is ${state}.` : `The uplink is ${state}: ${message}`;
  const trouble = troubleOf(code);
  return { what: "uplink", message: text, ...trouble, ...(action === undefined ? {} : { action }) };
}

function troubleOf(code: string | undefined): Pick<MissingPart, "code" | "action"> {
  if (code === undefined) return {};
  return isErrorCode(code) ? { code, action: ERRORS[code].action } : { code };
}
