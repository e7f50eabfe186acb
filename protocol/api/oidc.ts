/** Which identity provider an edge trusts for people and programs, and what their claims let them do. */
import { z } from "zod";
import { Role } from "./keys.ts";

/** The claim that is looked at unless another is configured. */
export const DEFAULT_OIDC_CLAIM = "roles";

const LOOPBACK = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

/** Whether a URL names this machine itself. */
export function isLoopbackUrl(url: string): boolean {
  return LOOPBACK.test(new URL(url).hostname);
}

/** What a provider's documents may be fetched from: https; plain http only from this machine itself. */
export const ProviderUrl = z
  .url()
  .max(2000)
  .refine((text) => {
    // Refinements also run on what is no URL.
    if (!URL.canParse(text)) return true;
    const { protocol, username, password, hash } = new URL(text);
    const secure = protocol === "https:" || (protocol === "http:" && isLoopbackUrl(text));
    return secure && username === "" && password === "" && hash === "";
  }, "must be https (http only on loopback), without a user and without #");

/** An issuer: as ProviderUrl, and without a query. It is compared character by character. */
export const IssuerUrl = ProviderUrl.refine((text) => !text.includes("?"), "must have no query");

const Networks = z.array(z.string().min(1).max(100)).min(1).max(1000);

/** A role, and the networks (names or ids) that it is for; all without them. A role alone stands for that. */
export const OidcGrant = z.union([
  Role.transform((role) => ({ role, networks: null })),
  z
    .strictObject({ role: Role, networks: Networks.optional() })
    .refine(
      ({ role, networks }) => role !== "admin" || networks === undefined,
      "the role admin is for all networks",
    )
    .transform(({ role, networks }) => ({ role, networks: networks ?? null })),
]);

/** What each value of the claim gives. */
export const OidcRoles = z
  .record(z.string().min(1).max(500), OidcGrant)
  .refine((roles) => Object.keys(roles).length > 0, "must name at least one value of the claim");

/** The file for `edge start --oidc`. */
export const OidcFile = z
  .strictObject({
    issuer: IssuerUrl,
    audience: z.string().min(1).max(500),
    claim: z.string().min(1).max(200).default(DEFAULT_OIDC_CLAIM),
    roles: OidcRoles,
    /** Where the provider's keys are; its discovery document says so unless given. */
    jwks: ProviderUrl.optional(),
    /** A file with CA certificates (PEM) to trust for the provider, besides those of the system. */
    ca: z.string().min(1).optional(),
  })
  .meta({ id: "OidcFile" });
export type OidcFile = z.infer<typeof OidcFile>;
