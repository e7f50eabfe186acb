/** The health of a service: at how many of its sites it is up. */
import type { Service } from "../../../../../protocol/api/services.ts";
import { StateLabel, type Tone } from "../../parts/state-label.tsx";

export type Health = "up" | "partly down" | "down" | "not offered";

/** Whether a site that offers the service serves it. */
export const isWell = ({ state, down = [] }: Service["sites"][number]): boolean =>
  state === "up" && down.length === 0;

export function healthOf({ sites }: Pick<Service, "sites">): Health {
  if (sites.length === 0) return "not offered";
  const well = sites.filter(isWell).length;
  if (well === sites.length) return "up";
  return sites.some(({ state }) => state === "up") ? "partly down" : "down";
}

/** Worst first. */
export const HEALTH_ORDER: readonly Health[] = ["down", "not offered", "partly down", "up"];

const TONES: Readonly<Record<Health, Tone>> = {
  up: "good",
  "partly down": "warning",
  down: "bad",
  "not offered": "off",
};

export function ServiceHealth({ service }: { service: Pick<Service, "sites"> }) {
  const health = healthOf(service);
  return <StateLabel tone={TONES[health]}>{health}</StateLabel>;
}

const BALANCES = {
  cost: "Lowest cost",
  priority: "By priority",
  weighted: "By weight",
} as const;

export function balanceText({ balance, sites }: Pick<Service, "balance" | "sites">): string {
  if (sites.length < 2) return "One site";
  return BALANCES[balance?.mode ?? "cost"] ?? balance?.mode ?? "";
}
