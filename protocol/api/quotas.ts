/** Quotas of a network in the API. */
import { z } from "zod";

/**
 * How much a network may have. `tokens` counts those that still admit; `events` is how many are kept, without those that
 * sites cause at will, which have a part beside; `uplinks` is how many processes of one site may have an uplink.
 */
export const Quotas = z
  .object({
    sites: z.number().int().min(0).max(100_000),
    services: z.number().int().min(0).max(100_000),
    tokens: z.number().int().min(0).max(100_000),
    sessions: z.number().int().min(0).max(1_000_000),
    events: z.number().int().min(100).max(1_000_000),
    uplinks: z.number().int().min(1).max(1000),
  })
  .meta({ id: "Quotas" });
export type Quotas = z.infer<typeof Quotas>;

export const DEFAULT_QUOTAS: Quotas = {
  sites: 1000,
  services: 1000,
  tokens: 1000,
  sessions: 10_000,
  events: 10_000,
  uplinks: 32,
};

/** A network's quotas and how much of each is used. */
export const QuotaUse = z
  .object({ limits: Quotas, used: z.record(Quotas.keyof(), z.number().int().min(0)) })
  .meta({ id: "QuotaUse" });
export type QuotaUse = z.infer<typeof QuotaUse>;

/** What is left out stays. */
export const SetQuotas = Quotas.partial().meta({ id: "SetQuotas" });
export type SetQuotas = z.infer<typeof SetQuotas>;
