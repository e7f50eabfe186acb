/**
 * Pending reports: reports that wait for their site's budget. A report replaces an older one of its kind, so
 * only the newest is kept and nothing is lost. The timers are in memory and keep the object awake for about a
 * second.
 */
import type { ConnectorMessage } from "../../../protocol/uplink/messages.ts";

/** A message that replaces the previous one of its kind from the same uplink. */
export type Report = Extract<ConnectorMessage, { type: "offers" | "listeners" | "measured" | "ingress" }>;

export function isReport(message: ConnectorMessage): message is Report {
  return (
    message.type === "offers" ||
    message.type === "listeners" ||
    message.type === "measured" ||
    message.type === "ingress"
  );
}

export class PendingReports<Socket extends object> {
  readonly #pending = new Map<Socket, Map<Report["type"], Report>>();
  readonly #due: (socket: Socket, report: Report) => void;

  /** @param due receives a report whose wait has ended, and calls {@link mustWait} again */
  constructor(due: (socket: Socket, report: Report) => void) {
    this.#due = due;
  }

  /**
   * Whether a report must wait. If so, it is stored in place of an older one of its kind.
   * @param spend takes the report's cost from the budget; returns 0, or the time until that is possible, ms
   */
  mustWait(socket: Socket, report: Report, spend: () => number): boolean {
    const kinds = this.#pending.get(socket);
    if (kinds?.has(report.type)) {
      kinds.set(report.type, report);
      return true;
    }
    const wait = spend();
    if (wait === 0) return false;
    this.#pending.set(socket, (kinds ?? new Map<Report["type"], Report>()).set(report.type, report));
    setTimeout(() => this.#release(socket, report.type), wait);
    return true;
  }

  /** Drops the pending reports of a socket that closed, or whose process withdraws everything. */
  forget(socket: Socket): void {
    this.#pending.delete(socket);
  }

  #release(socket: Socket, type: Report["type"]): void {
    const kinds = this.#pending.get(socket);
    const report = kinds?.get(type);
    if (kinds === undefined || report === undefined) return;
    kinds.delete(type);
    if (kinds.size === 0) this.#pending.delete(socket);
    this.#due(socket, report);
  }
}
