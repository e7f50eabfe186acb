/** Decides whether a connector is ready: its uplink is up, its listeners are bound, and it does not stop. */
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
}

/** One reason why a connector is not ready. */
export interface MissingPart {
  readonly what: "uplink" | "listener" | "connector";
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
export function readinessOf({ uplink, listeners, isDraining }: ReadinessFacts): Readiness {
  const missing: MissingPart[] = [];
  if (isDraining) missing.push({ what: "connector", message: "The connector stops." });
  if (uplink.state !== "up") missing.push(missingUplink(uplink));
  for (const { service, address, state, code, message } of listeners) {
    if (state === "listening") continue;
    missing.push({
      ...{ what: "listener", service, address },
      message: message ?? `The listener of ${service} at ${address} is not bound.`,
      ...troubleOf(code),
    });
  }
  return { ready: missing.length === 0, missing };
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
