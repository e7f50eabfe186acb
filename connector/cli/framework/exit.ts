/** Exit codes of the command. They are stable, so that scripts can rely on them; docs/cli.md lists them. */
import { ERRORS, type ErrorCode } from "../../../protocol/errors.ts";

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  forbidden: 3,
  unknown: 4,
  conflict: 5,
  unreachable: 6,
  unhealthy: 7,
  /** 128 + SIGINT */
  interrupted: 130,
  /** 128 + SIGTERM */
  terminated: 143,
} as const;

export const EXIT_MEANING: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: "The command succeeded.",
  failed: "The command failed for a reason that has no code of its own below.",
  usage: "The usage or the input is wrong.",
  forbidden: "The request is not allowed: there is no login, the key is wrong, or the key may not do this.",
  unknown: "The named thing does not exist, or no longer exists.",
  conflict: "The request conflicts with something that exists.",
  unreachable: "The edge or the connector does not answer, or a time limit passed.",
  unhealthy: "A check of `fairlead doctor` failed, or `fairlead check` found a broken path.",
  interrupted: "Ctrl-C ended the command at once; a second Ctrl-C, if the first ends the command in order.",
  terminated: "SIGTERM ended the command at once; a second SIGTERM, if the first ends the command in order.",
};

/** The exit code of an error, by its HTTP status in the error table. */
export function exitCodeFor(code: ErrorCode): number {
  switch (ERRORS[code].status) {
    case 400:
    case 413:
      return EXIT.usage;
    case 401:
    case 403:
      return EXIT.forbidden;
    case 404:
    case 410:
      return EXIT.unknown;
    case 409:
      return EXIT.conflict;
    case 503:
    case 504:
      return EXIT.unreachable;
    default:
      return EXIT.failed;
  }
}
