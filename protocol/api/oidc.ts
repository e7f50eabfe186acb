/**
 * The identity provider that an edge trusts for people and programs, and the roles that their claims have.
 */
import * as z from "zod";
import { Role } from "./keys.ts";

/** The claim with the roles, unless another is configured. */
export const DEFAULT_OIDC_CLAIM = "roles";

const LOOPBACK = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

/** Whether the host of a URL is this machine. */
export function isLoopbackUrl(url: string): boolean {
  return LOOPBACK.test(new URL(url).hostname);
}

/** The URL of a provider's document: https, or plain http on this machine. */
export const ProviderUrl = z
  .url()
  .max(2000)
  .refine((text) => {
    // A refinement also runs on a text that is not a URL.
    if (!URL.canParse(text)) return true;
    const { protocol, username, password, hash } = new URL(text);
    const secure = protocol === "https:" || (protocol === "http:" && isLoopbackUrl(text));
    return secure && username === "" && password === "" && hash === "";
  }, "must be https (http only on loopback), without a user and without #");

/** The URL of an issuer: a {@link ProviderUrl} without a query. It is compared character by character. */
export const IssuerUrl = ProviderUrl.refine((text) => !text.includes("?"), "must have no query");

const Networks = z.array(z.string().min(1).max(100)).min(1).max(1000);

/**
 * A role with the names or ids of its networks; all networks unless given. A bare role is a role for all
 * networks.
 */
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

/** The role of each value of the claim. */
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
    /** The URL of the provider's keys; its discovery document names it unless given. */
    jwks: ProviderUrl.optional(),
    /**
     * The client of the provider by which browsers sign in at hostnames with `access=oidc`. Without a file with the
     * client's secret, it is a public client, which PKCE protects.
     */
    door: z
      .strictObject({ client: z.string().min(1).max(500), secretFile: z.string().min(1).optional() })
      .optional(),
    /** A file with CA certificates (PEM) to trust for the provider, beside the system's. */
    ca: z.string().min(1).optional(),
  })
  .meta({ id: "OidcFile" });
export type OidcFile = z.infer<typeof OidcFile>;
