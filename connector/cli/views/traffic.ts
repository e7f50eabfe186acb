/** The recent traffic of a service, for people. */
import type { Traffic } from "../../../protocol/api/traffic.ts";

/** What services of a network carried in a window. */
export interface ServiceTraffic {
  /** Connections that ended. */
  readonly ended: number;
  /** Connections that failed, or requests in them if more of these did. */
  readonly failed: number;
  readonly bytes: number;
}

/** The traffic of a service in the window; empty where the edge counts none. */
export function trafficOf(service: string, traffic: Traffic | undefined): { traffic?: ServiceTraffic } {
  if (traffic === undefined) return {};
  const points = traffic.groups.filter((group) => group.service === service).flatMap((group) => group.points);
  const sum = (field: "closed" | "failed" | "requestsFailed" | "bytesToTarget" | "bytesToClient") =>
    points.reduce((total, point) => total + (point?.[field] ?? 0), 0);
  return {
    traffic: {
      ended: sum("closed"),
      failed: Math.max(sum("failed"), sum("requestsFailed")),
      bytes: sum("bytesToTarget") + sum("bytesToClient"),
    },
  };
}

/** The cells of a service in a table. */
export function trafficCells(service: string, traffic: Traffic | undefined): string[] {
  const { traffic: own } = trafficOf(service, traffic);
  return own === undefined ? [] : [String(own.ended), String(own.failed), bytesText(own.bytes)];
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** `512 B`, `1.5 MiB`. */
export function bytesText(bytes: number): string {
  const power = Math.min(UNITS.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[power]}`;
}
