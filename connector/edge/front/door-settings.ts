/** The settings of the public door: those of the options of a start, else those of the last start. */
import { readFile } from "node:fs/promises";
import { FairleadError } from "../../../protocol/errors.ts";
import { unreadable } from "../../files/file-errors.ts";
import type { Credential } from "../credentials/certificates.ts";
import type { DoorRecord } from "../credentials/credentials.ts";

/** The options of a start. */
export interface GivenDoor {
  /** `HOST:PORT`, or "off" for no door. Port 0 is a free one. */
  readonly address?: string | undefined;
  readonly certificateFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly plain?: boolean | undefined;
}

/**
 * The door of a start; null without one. An address sets all settings of the door; without one, the settings of TLS
 * apply to the address of the last start.
 * @param last null where the last start had no door
 * @throws FairleadError request.invalid
 */
export function wantedDoor(given: GivenDoor, last: DoorRecord | null): DoorRecord | null {
  const { certificateFile, keyFile, plain } = given;
  const hasFile = certificateFile !== undefined || keyFile !== undefined;
  const isChanged = hasFile || plain === true;
  if (given.address === "off" && !isChanged) return null;
  if (given.address === undefined && !isChanged) return last;
  const address = given.address ?? last?.address;
  if (address === undefined || address === "off") {
    throw new FairleadError("request.invalid", "The door has no address.", {
      action: "Give --door HOST:PORT.",
    });
  }
  if (!hasFile) return plain === true ? { address, plain } : { address };
  if (plain === true || certificateFile === undefined || keyFile === undefined) {
    throw new FairleadError(
      "request.invalid",
      "Give --door-certificate and --door-key together, and neither with --door-plain.",
    );
  }
  return { address, certificateFile, keyFile };
}

/** The door's certificate and key; null where it has none of its own. @throws FairleadError file.unreadable */
export async function readDoorCredential({
  certificateFile,
  keyFile,
}: DoorRecord): Promise<Credential | null> {
  if (certificateFile === undefined || keyFile === undefined) return null;
  const read = (path: string, what: string) =>
    readFile(path, "utf8").catch((cause: unknown) => {
      throw unreadable(cause, { what, path, source: "docs/door.md says what the door needs." });
    });
  return {
    certificate: await read(certificateFile, "The certificate of the door"),
    privateKey: await read(keyFile, "The private key of the door"),
  };
}
