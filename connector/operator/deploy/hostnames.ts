/** The hostnames of a deployment, and the names of their zones. */
import { isIP } from "node:net";
import { FairleadError } from "../../../protocol/errors.ts";
import { isHostname } from "../../edge/addresses/addresses.ts";

export interface Hostnames {
  /** Hostname of the API. */
  readonly api: string;
  /** Hostname of the gateway, which requests client certificates. */
  readonly gateway: string;
}

/** Domains whose TLS an operator cannot configure. */
const FOREIGN = /(^|\.)(workers\.dev|pages\.dev)$/;

/**
 * Parses and normalises the hostnames.
 * @throws FairleadError request.invalid
 */
export function parseHostnames(api: string, gateway: string): Hostnames {
  const hostnames = { api: parseHostname(api, "--api"), gateway: parseHostname(gateway, "--gateway") };
  if (hostnames.api === hostnames.gateway) {
    throw new FairleadError(
      "request.invalid",
      "--api and --gateway must be two hostnames: only the gateway requests client certificates.",
    );
  }
  return hostnames;
}

function parseHostname(text: string, option: string): string {
  const name = text.toLowerCase();
  if (!isHostname(name) || isIP(name) !== 0 || !name.includes(".")) {
    throw new FairleadError(
      "request.invalid",
      `${option}: "${text}" is no hostname such as edge.example.com.`,
    );
  }
  if (FOREIGN.test(name)) {
    throw new FairleadError(
      "request.invalid",
      `${option}: client certificates need a hostname in a zone of your own, not ${text}.`,
    );
  }
  return name;
}

/**
 * Checks the hostnames of the public door, and sorts them.
 * @throws FairleadError request.invalid
 */
export function checkDoors(doors: readonly string[], { api, gateway }: Hostnames): string[] {
  for (const name of doors) {
    if (name === api || name === gateway) {
      const message = `--door-hostname: ${name} is the edge's own hostname.`;
      throw new FairleadError("request.invalid", message, {
        action: "Choose another hostname for the door.",
      });
    }
    if (FOREIGN.test(name)) {
      throw new FairleadError("request.invalid", `--door-hostname: ${name} is in no zone of your own.`);
    }
  }
  return [...new Set(doors)].sort();
}

/** Possible names of a hostname's zone, longest first: `a.b.example.com`, `b.example.com`, `example.com`. */
export function zoneCandidates(hostname: string): string[] {
  const labels = hostname.split(".");
  return labels.slice(0, -1).map((_, at) => labels.slice(at).join("."));
}
