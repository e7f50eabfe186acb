/**
 * Reports that wait for their site's budget: each replaces the one before, so that of each kind only the newest is kept
 * and nothing is lost. Timers of the object's memory: a pending one keeps it awake, but for a second or so.
 */
import type { ConnectorMessage } from "../../../protocol/uplink/messages.ts";

/** A message that replaces what the same uplink said before in one of its kind. */
export type Report = Extract<ConnectorMessage, { type: "offers" | "listeners" | "measured" }>;

export function isReport(message: ConnectorMessage): message is Report {
  return message.type === "offers" || message.type === "listeners" || message.type === "measured";
}

export class PendingReports<Socket extends object> {
  readonly #pending = new Map<Socket, Map<Report["type"], Report>>();
  readonly #due: (socket: Socket, report: Report) => void;

  /** @param due told of a report whose wait is over; it asks {@link mustWait} again */
  constructor(due: (socket: Socket, report: Report) => void) {
    this.#due = due;
  }

  /**
   * Whether a report has to wait. If so, it is kept, in the place of an older one of its kind.
   * @param spend takes the report's cost from the budget: 0, or the ms until that is possible
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

  /** Drops what waits of a socket that is gone, or whose process withdraws everything. */
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
