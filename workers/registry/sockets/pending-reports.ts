/**
 * Pending reports: reports that wait for their site's budget. A report replaces an older one of its kind, or is
 * joined with it, so that one of each kind is kept and nothing is lost. The timers are in memory and keep the object awake for about a
 * second.
 */
import type { ConnectorMessage } from "../../../protocol/uplink/messages.ts";

/** The kinds of reports, each with a budget of its own. */
export type ReportKind = "offers" | "listeners" | "measured" | "ingress";

/** A message that replaces the previous one of its kind from the same uplink, or changes what that one says. */
export type Report = Extract<ConnectorMessage, { type: ReportKind | "offers.changed" }>;

const KINDS: Readonly<Record<Report["type"], ReportKind>> = {
  offers: "offers",
  "offers.changed": "offers",
  listeners: "listeners",
  measured: "measured",
  ingress: "ingress",
};

export function isReport(message: ConnectorMessage): message is Report {
  return Object.hasOwn(KINDS, message.type);
}

export const kindOf = ({ type }: Report): ReportKind => KINDS[type];

/** The report that says what two of one kind say together. */
function joined(older: Report, newer: Report): Report {
  if (newer.type !== "offers.changed") return newer;
  const isChanged = new Set([...newer.put.map(({ name }) => name), ...newer.gone]);
  const rest = <T extends { readonly name: string }>(offers: readonly T[]) =>
    offers.filter(({ name }) => !isChanged.has(name));
  if (older.type === "offers") return { ...older, offers: [...rest(older.offers), ...newer.put] };
  if (older.type !== "offers.changed") return newer;
  const gone = older.gone.filter((name) => !isChanged.has(name));
  return { ...newer, put: [...rest(older.put), ...newer.put], gone: [...gone, ...newer.gone] };
}

export class PendingReports<Socket extends object> {
  readonly #pending = new Map<Socket, Map<ReportKind, Report>>();
  readonly #due: (socket: Socket, report: Report) => void;

  /** @param due receives a report whose wait has ended, and calls {@link mustWait} again */
  constructor(due: (socket: Socket, report: Report) => void) {
    this.#due = due;
  }

  /**
   * Whether a report must wait. If so, it is stored in place of an older one of its kind, or joined with it.
   * @param spend takes the report's cost from the budget; returns 0, or the time until that is possible, ms
   */
  mustWait(socket: Socket, report: Report, spend: () => number): boolean {
    const kind = kindOf(report);
    const kinds = this.#pending.get(socket) ?? new Map<ReportKind, Report>();
    const older = kinds.get(kind);
    if (older !== undefined) {
      kinds.set(kind, joined(older, report));
      return true;
    }
    const wait = spend();
    if (wait === 0) return false;
    this.#pending.set(socket, kinds.set(kind, report));
    setTimeout(() => this.#release(socket, kind), wait);
    return true;
  }

  /** Drops the pending reports of a socket that closed, or whose process withdraws everything. */
  forget(socket: Socket): void {
    this.#pending.delete(socket);
  }

  #release(socket: Socket, kind: ReportKind): void {
    const kinds = this.#pending.get(socket);
    const report = kinds?.get(kind);
    if (kinds === undefined || report === undefined) return;
    kinds.delete(kind);
    if (kinds.size === 0) this.#pending.delete(socket);
    this.#due(socket, report);
  }
}
