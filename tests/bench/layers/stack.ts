/** A stack: what is measured of a path, from a client's socket to where it is cut off. */
import type { Duplex } from "node:stream";
import { type Certificates, makeCertificates } from "../../support/authority/server-certificates.ts";
import type { LocalEnd } from "./local-end.ts";
import { makeSites, type Sites } from "./session-ends.ts";
import type { Wire } from "./wire.ts";

/** A path from a client to a boundary, and what is behind the boundary. */
export interface Stack {
  /** The boundary. */
  readonly wire: Wire;
  /** Bytes that have reached the far end of the path. */
  received(): number;
  /** The far end answers. */
  answer(bytes: Buffer): void;
  /** Bytes that have been given to the client. */
  written(): number;
  /** The client sends bytes; they wait where the path will read them. */
  request(bytes: Buffer): void;
  /** The client reads what it was given. */
  read(): void;
  /** Whether the boundary is in the kernel, which wakes the path itself. */
  readonly inKernel: boolean;
  close(): void;
}

/** What every stack needs, made once. */
export interface Ground {
  readonly sites: Sites;
  readonly certificates: Certificates;
}

export async function makeGround(): Promise<Ground> {
  const [sites, certificates] = await Promise.all([makeSites(), makeCertificates()]);
  return { sites, certificates };
}

/** How to make a stack. */
export interface StackKind {
  readonly id: string;
  readonly open: (ground: Ground) => Promise<Stack>;
}

/** A stack whose local end is a socket. */
export function overSocket(local: LocalEnd, wire: Wire, far: Duplex, inKernel = false): Stack {
  let received = 0;
  far.on("data", (chunk: Buffer) => {
    received += chunk.length;
  });
  far.on("error", () => {});
  return {
    wire,
    received: () => received,
    answer: (bytes) => void far.write(bytes),
    written: () => local.written,
    request: (bytes) => local.send(bytes),
    read: () => local.read(),
    inKernel,
    close() {
      local.close();
      far.destroy();
      wire.close();
    },
  };
}
