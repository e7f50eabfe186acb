/** What an object asks for, out of its settings. */
import { FairleadError } from "../../../protocol/errors.ts";
import { ServiceName } from "../../../protocol/names.ts";
import { type OfferBalance, parseBalance } from "../../config/balance-option.ts";
import { parseHealth } from "../../config/health-options.ts";
import { parseSites, type Scope } from "../../config/scope.ts";
import { annotationOf } from "./annotations.ts";
import { parsePorts, type WantedPort } from "./port-text.ts";
import { parseProtocols, type WantedProtocols } from "./protocol-text.ts";
import { quoted, type Setting, type Settings } from "./settings.ts";
import { Unexposable } from "./warning.ts";

export interface ExportRequest {
  /** The service's name in the network. */
  readonly name: string;
  /** Undefined for all ports of the object. */
  readonly ports: readonly WantedPort[] | undefined;
  readonly protocols: WantedProtocols | undefined;
  readonly to: Scope;
  /** Undefined for what the object is by itself. */
  readonly headless: boolean | undefined;
  readonly balance: Omit<OfferBalance, "name"> | undefined;
  /** A check as `--health` has it, without the name. */
  readonly health: string | undefined;
}

/**
 * Reads the settings of an object with the name `objectName`. Null when it asks for nothing.
 * @throws Unexposable
 */
export function parseRequest(objectName: string, settings: Settings): ExportRequest | null {
  const { expose, address, port, protocol, to, headless, balance, health } = settings;
  if (!isOn(expose)) return null;
  const name = nameOf(objectName, address);
  return {
    name,
    ports: port && parsePorts(port),
    protocols: protocol && parseProtocols(protocol),
    to: to && parsed(to, parseSites),
    headless: headless && isOn(headless),
    balance: balance && parsed(balance, (value) => balanceOf(name, value)),
    health: health && parsed(health, (value) => checkedHealth(name, value)),
  };
}

/** Whether a setting is on. @throws Unexposable for other values than true and false. */
function isOn(setting: Setting | undefined): boolean {
  if (setting === undefined || setting.value === "false") return false;
  if (setting.value === "true") return true;
  throw invalid(setting, 'Give "true" or "false"');
}

function nameOf(objectName: string, address: Setting | undefined): string {
  const name = address?.value ?? objectName;
  if (ServiceName.safeParse(name).success) return name;
  const rule = "A name has 1 to 63 of a-z, 0-9 and '-', and starts and ends with a letter or digit";
  const what =
    address === undefined
      ? `The object's name ${quoted(name)} cannot be a name in the network. ${rule}: set another one with the annotation ${annotationOf("address")}.`
      : `The annotation ${address.annotation} has ${quoted(name)}, which cannot be a name in the network. ${rule}.`;
  throw new Unexposable("InvalidName", what);
}

function balanceOf(name: string, value: string): Omit<OfferBalance, "name"> {
  const { name: _, ...balance } = parseBalance(`${name}=${value}`);
  return balance;
}

function checkedHealth(name: string, value: string): string {
  parseHealth(`${name}=${value}`);
  return value;
}

/** Parses a value as the option of the command line has it. */
function parsed<T>(setting: Setting, parse: (value: string) => T): T {
  try {
    return parse(setting.value);
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    throw new Unexposable("InvalidAnnotation", `The annotation ${setting.annotation}: ${error.message}`);
  }
}

const invalid = ({ annotation, value }: Setting, what: string): Unexposable =>
  new Unexposable("InvalidAnnotation", `The annotation ${annotation} has ${quoted(value)}. ${what}.`);
