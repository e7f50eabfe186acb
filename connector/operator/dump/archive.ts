/** Archives of text files: tar with gzip. */
import { buffer } from "node:stream/consumers";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";

/** A file of an archive. */
export interface ArchivedFile {
  readonly name: string;
  readonly text: string;
}

/** Makes an archive whose files are below a folder, and readable by their owner alone. */
export async function archiveOf(folder: string, files: readonly ArchivedFile[], at: Date): Promise<Buffer> {
  const archive = pack();
  for (const { name, text } of files)
    archive.entry({ name: `${folder}/${name}`, mode: 0o600, mtime: at }, text);
  archive.finalize();
  return await buffer(archive.pipe(createGzip()));
}
