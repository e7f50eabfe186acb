/** Exit codes: what a script can tell from a failed command. They are stable; docs/cli.md lists them. */
import { ERRORS, type ErrorCode } from "../../../protocol/errors.ts";

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  forbidden: 3,
  unknown: 4,
  conflict: 5,
  unreachable: 6,
  /** A second Ctrl-C while the first is being obeyed: 128 + SIGINT. */
  interrupted: 130,
} as const;

export const EXIT_MEANING: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: "done",
  failed: "failed, for a reason that has no code of its own below",
  usage: "wrong usage or input",
  forbidden: "not allowed: no login, a wrong key, or one that may not do this",
  unknown: "the thing does not exist, or exists no more",
  conflict: "it conflicts with something that exists",
  unreachable: "the edge or the connector does not answer, or something timed out",
  interrupted: "ended by a second Ctrl-C before it was finished",
};

/** The exit code for an error, by the HTTP status that the error table gives it. */
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
