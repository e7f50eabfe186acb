/** A finding: something in a network that does not work, or that somebody should know of. */
import { ERRORS, isErrorCode } from "../errors.ts";

/**
 * How bad a finding is: `broken` is something that does not work, `degraded` works with less than it should or soon
 * will not, a `notice` harms nobody.
 */
export type Severity = "broken" | "degraded" | "notice";

/** What kind of thing a finding is about. */
export type SubjectKind = "site" | "link" | "service" | "listener" | "certificate" | "edge";

/** What a finding is about. */
export interface Subject {
  readonly kind: SubjectKind;
  /** Of a listener, the name of its service. Of the edge, "edge". */
  readonly name: string;
  /** The id of a site or of a link. Of a listener or a certificate, the id of its site. */
  readonly id?: string;
}

/** What to do about something. */
export interface Remedy {
  /** In one or two sentences, with commands in backticks. */
  readonly action: string;
  /** A command for this case, which shows the cause or removes it. */
  readonly command?: string;
  /** The site at which the command runs; without it, the command needs a login. */
  readonly at?: string;
}

/** A finding. */
export interface Finding extends Remedy {
  readonly severity: Severity;
  /** A code of the table of errors, or of a newer version's table. */
  readonly code: string;
  readonly subject: Subject;
  /** Since when, as ISO 8601 in UTC; null where it is unknown. */
  readonly since: string | null;
  /** What is wrong, in one sentence. */
  readonly title: string;
  /** What it means and why, in sentences. */
  readonly detail: string;
}

const SEVERITIES: readonly Severity[] = ["broken", "degraded", "notice"];
const KINDS: readonly SubjectKind[] = ["edge", "site", "service", "listener", "link", "certificate"];

/** Orders findings: worst first, then by what they are about, and by name. */
export function compareFindings(left: Finding, right: Finding): number {
  return (
    SEVERITIES.indexOf(left.severity) - SEVERITIES.indexOf(right.severity) ||
    KINDS.indexOf(left.subject.kind) - KINDS.indexOf(right.subject.kind) ||
    compareNames(left.subject.name, right.subject.name) ||
    compareNames(left.code, right.code)
  );
}

function compareNames(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** What to do about a site whose last connector was lost. */
export const LOST_SITE_ACTION =
  "Check at the site that its machine and its connector run, and start the connector again if it does not; `fairlead doctor` there checks its path to the edge.";

/** What a code means, and what to do. A code of a newer version is its own meaning. */
export function explain(code: string): { meaning: string; action: string } {
  if (isErrorCode(code)) return { meaning: ERRORS[code].meaning, action: ERRORS[code].action };
  return {
    meaning: `The reason is ${code}.`,
    action: "Update this program: it does not know the reason that the edge gives.",
  };
}

/** Makes a finding with the texts of its code's entry. */
export function makeFinding(
  severity: Severity,
  code: string,
  rest: Omit<Finding, "severity" | "code" | "detail" | "action"> & { detail?: string; action?: string },
): Finding {
  const { meaning, action } = explain(code);
  return { severity, code, ...rest, detail: rest.detail ?? meaning, action: rest.action ?? action };
}
