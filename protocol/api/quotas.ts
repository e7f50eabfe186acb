/** Quotas of a network in the API. */
import * as z from "zod";

/** The quotas of a network. */
export const Quotas = z
  .object({
    sites: z.number().int().min(0).max(100_000),
    services: z.number().int().min(0).max(100_000),
    /** Tokens that still admit. */
    tokens: z.number().int().min(0).max(100_000),
    sessions: z.number().int().min(0).max(1_000_000),
    /** Events that are kept. Events that sites can cause at will have a share of their own. */
    events: z.number().int().min(100).max(1_000_000),
    /** Processes of one site that may have an uplink at a time. */
    uplinks: z.number().int().min(1).max(1000),
  })
  .meta({ id: "Quotas" });
export type Quotas = z.infer<typeof Quotas>;

/** The quotas of a new network. */
export const DEFAULT_QUOTAS: Quotas = {
  sites: 1000,
  services: 1000,
  tokens: 1000,
  sessions: 10_000,
  events: 10_000,
  uplinks: 32,
};

/** The quotas of a network, and the use of each. */
export const QuotaUse = z
  .object({ limits: Quotas, used: z.record(Quotas.keyof(), z.number().int().min(0)) })
  .meta({ id: "QuotaUse" });
export type QuotaUse = z.infer<typeof QuotaUse>;

/** The request to change quotas. Quotas that are left out keep their values. */
export const SetQuotas = Quotas.partial().meta({ id: "SetQuotas" });
export type SetQuotas = z.infer<typeof SetQuotas>;
