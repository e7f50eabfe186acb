/** What a check found, and what to do about it. No finding has a secret. */
import type { FairleadError } from "../../protocol/errors.ts";

/** The addresses of an edge. Lanes may have a port of their own. */
export const PLACES = ["api", "gateway", "lanes"] as const;
export type Place = (typeof PLACES)[number];

/** The layers of a connection, each checked when the one before it passed. */
export const LAYERS = ["dns", "tcp", "tls"] as const;
export type Layer = (typeof LAYERS)[number];

export type CheckName =
  | "node"
  | "descriptors"
  | "proxy"
  | `${Place}.${Layer}`
  | "clock"
  | "login"
  | "state"
  | "lock"
  | "certificate"
  | "connector"
  | "listeners"
  | "workerd"
  | "ports";

export type Result = "pass" | "warn" | "fail" | "skip";

export interface Finding {
  readonly check: CheckName;
  readonly result: Result;
  /** What was found, in sentences. */
  readonly detail: string;
  /** What to do, in sentences. Set for each `warn` and `fail`. */
  readonly action?: string;
}

export const pass = (check: CheckName, detail: string): Finding => ({ check, result: "pass", detail });
export const skip = (check: CheckName, detail: string): Finding => ({ check, result: "skip", detail });
export const warn = (check: CheckName, detail: string, action: string): Finding => ({
  check,
  result: "warn",
  detail,
  action,
});
export const fail = (check: CheckName, detail: string, action: string): Finding => ({
  check,
  result: "fail",
  detail,
  action,
});

/** The finding of a check that ended with an error. */
export const failWith = (check: CheckName, { message, action }: FairleadError): Finding =>
  fail(check, message, action);
