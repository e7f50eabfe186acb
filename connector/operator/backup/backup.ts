/**
 * A backup of an edge as one file of JSON lines: a header, one line for each part, and the SHA-256 of all
 * lines before. Parts from the edge's API stay text, which only an edge parses.
 */
import { createHash } from "node:crypto";
import * as z from "zod";
import { FairleadError } from "../../../protocol/errors.ts";
import { EdgeOrigin } from "../../../protocol/front/edge-origin.ts";
import { NetworkId } from "../../../protocol/ids.ts";

/** Version of the format that this program writes, and the newest that it reads. */
export const BACKUP_VERSION = 1;

const Text = z.object({ type: z.string().min(1).max(200), text: z.string() });

/** The part of a header that is the same in every version. */
const Mark = z.object({ fairlead: z.literal("backup"), version: z.number().int().min(1) });

export const Header = Mark.extend({
  createdAt: z.iso.datetime(),
  /** Version of the program that wrote the file. */
  software: z.string(),
  /** Where the edge was reached. `links` is the gateway, under its former name; null when it is unknown. */
  urls: z.object({ api: EdgeOrigin, links: EdgeOrigin.nullable() }),
});
export type Header = z.infer<typeof Header>;

const FilePart = z.object({ part: z.literal("file"), name: z.string().min(1), text: z.string() });
const DirectoryPart = Text.extend({ part: z.literal("directory") });
const NetworkPart = Text.extend({ part: z.literal("network"), id: NetworkId, name: z.string() });
const Part = z.discriminatedUnion("part", [FilePart, DirectoryPart, NetworkPart]);
const End = z.object({
  part: z.literal("end"),
  parts: z.number().int(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

export interface Backup {
  readonly header: Header;
  /** Texts of the edge's own files, by their names in the state directory. */
  readonly files: ReadonlyMap<string, string>;
  readonly directory: z.infer<typeof Text>;
  readonly networks: readonly z.infer<typeof NetworkPart>[];
}

const NEWLINE = 0x0a;

const line = (value: unknown) => Buffer.from(`${JSON.stringify(value)}\n`);
const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Encodes a backup as the bytes of its file. */
export function encodeBackup(backup: Backup): Buffer<ArrayBuffer> {
  const parts: z.infer<typeof Part>[] = [
    ...[...backup.files].map(([name, text]) => ({ part: "file", name, text }) as const),
    { part: "directory", ...backup.directory },
    ...backup.networks,
  ];
  const before = Buffer.concat([line(backup.header), ...parts.map(line)]);
  return Buffer.concat([before, line({ part: "end", parts: parts.length, sha256: digest(before) })]);
}

/**
 * Decodes what {@link encodeBackup} wrote.
 * @throws FairleadError backup.malformed, backup.version
 */
export function decodeBackup(bytes: Buffer): Backup {
  checkVersion(bytes);
  const endsAt = bytes.lastIndexOf(NEWLINE, bytes.length - 2) + 1;
  const end = End.safeParse(parseJson(bytes.subarray(endsAt)));
  if (!end.success || bytes.at(-1) !== NEWLINE) throw malformed("its end is missing");
  const before = bytes.subarray(0, endsAt);
  if (digest(before) !== end.data.sha256) throw malformed("its SHA-256 is wrong");
  const [first, ...rest] = splitLines(before);
  const header = Header.safeParse(first);
  const parts = z.array(Part).safeParse(rest);
  if (!header.success || !parts.success || parts.data.length !== end.data.parts) {
    throw malformed("its parts are malformed");
  }
  const directory = parts.data.find((part) => part.part === "directory");
  if (directory === undefined) throw malformed("it has no directory");
  return {
    header: header.data,
    files: new Map(parts.data.flatMap((part) => (part.part === "file" ? [[part.name, part.text]] : []))),
    directory: { type: directory.type, text: directory.text },
    networks: parts.data.filter((part) => part.part === "network"),
  };
}

/** Checks that a file is a backup of a known version. @throws FairleadError as {@link decodeBackup} */
export function checkVersion(bytes: Buffer): void {
  const mark = Mark.safeParse(parseJson(firstLine(bytes)));
  if (!mark.success) throw malformed("its header is missing");
  if (mark.data.version > BACKUP_VERSION) {
    throw new FairleadError(
      "backup.version",
      `The backup has version ${mark.data.version}; this program reads versions up to ${BACKUP_VERSION}.`,
    );
  }
}

/** The first line, without its newline. */
export function firstLine(bytes: Buffer): Buffer {
  const end = bytes.indexOf(NEWLINE);
  return end === -1 ? bytes : bytes.subarray(0, end);
}

function splitLines(bytes: Buffer): unknown[] {
  const values: unknown[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, at);
    const until = end === -1 ? bytes.length : end;
    values.push(parseJson(bytes.subarray(at, until)));
    at = until + 1;
  }
  return values;
}

/** Parses JSON; undefined when it is none. */
export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** The error for a malformed backup. */
export function malformed(why: string): FairleadError {
  return new FairleadError("backup.malformed", `The file is no complete backup: ${why}.`);
}
