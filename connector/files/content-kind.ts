/** What a text is that was given in place of another: Fairlead has several kinds of files, which are mistaken. */
import { parseClaim } from "../../protocol/tokens.ts";

/** A kind of text, and where it belongs. */
export interface ContentKind {
  readonly kind: "empty" | "key" | "identity" | "claim" | "token" | "backup" | "login" | "ca" | "private key";
  /** What the text is, as the end of a sentence. */
  readonly is: string;
  /** What to do with it, in a sentence. */
  readonly action: string;
}

type Rule = ContentKind & { readonly test: (text: string) => boolean };

/** Prefix of every API key. */
export const KEY_PREFIX = "flk_";

/** A JWT in its compact form. */
export const COMPACT_JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** In this order: a claim has the form of a JWT. */
const RULES: readonly Rule[] = [
  {
    kind: "empty",
    is: "empty",
    action: "Check that the command that wrote it succeeded, and give a file with content.",
    test: (text) => text === "",
  },
  {
    kind: "key",
    is: "an API key",
    action: "Give an API key to `fairlead login URL --key-file FILE`.",
    test: (text) => text.startsWith(KEY_PREFIX) && !/\s/.test(text),
  },
  {
    kind: "claim",
    is: "the claim of a token alone",
    action: "Give the whole file of the token, and not its claim alone.",
    test: (text) => parseClaim(text) !== null,
  },
  {
    kind: "identity",
    is: "an identity token (a JWT)",
    action: "Give an identity token to `fairlead login URL --oidc FILE`.",
    test: (text) => COMPACT_JWT.test(text),
  },
  {
    kind: "backup",
    is: "a backup of an edge",
    action: "Give a backup to `fairlead edge restore FILE`.",
    test: (text) => /^\{"fairlead":"backup"/.test(text),
  },
  {
    kind: "login",
    is: "a stored login",
    action: "Give the path of a stored login in FAIRLEAD_CONFIG.",
    test: (text) => /^\{\s*"url":\s*"https:/.test(text),
  },
  {
    kind: "ca",
    is: "a certificate",
    action: "Give the certificate of a deployment CA to `fairlead login URL --ca FILE`.",
    test: (text) => text.startsWith("-----BEGIN CERTIFICATE-----"),
  },
  {
    kind: "private key",
    is: "a private key",
    action: "Leave private keys where they are: no option takes one.",
    test: (text) => /^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text),
  },
  {
    kind: "token",
    is: "a token file",
    action:
      "Give a token file to `fairlead connector run --token FILE`, or to `fairlead link create FILE` at a site that has joined.",
    test: (text) => /^kind:\s*Token\b/m.test(text),
  },
];

/** The kind of a text; null for a text that is none of them. */
export function contentKindOf(text: string): ContentKind | null {
  const trimmed = text.trim();
  return RULES.find(({ test }) => test(trimmed)) ?? null;
}
