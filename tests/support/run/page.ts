/** A page of the documentation as a user types it: its blocks of shell commands, in order. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "./repository-files.ts";

export class Page {
  /** The `sh` blocks of the page. */
  readonly blocks: readonly string[];
  readonly #unused: Set<string>;

  private constructor(text: string) {
    this.blocks = [...text.matchAll(/^ *```sh\n(.*?)^ *```/gms)].map(([, block = ""]) => dedented(block));
    this.#unused = new Set(this.blocks);
  }

  /** Reads a page by its path from the root. */
  static async read(path: string): Promise<Page> {
    return new Page(await readFile(join(ROOT, path), "utf8"));
  }

  /** Returns the only block with this text. @throws Error when there is none or several */
  block(text: string): string {
    const [block, ...others] = this.blocks.filter((each) => each.includes(text));
    if (block === undefined || others.length > 0)
      throw new Error(`The page does not have exactly one block with "${text}".`);
    this.#unused.delete(block);
    return block;
  }

  /** The blocks that {@link block} did not return yet. */
  get unused(): string[] {
    return [...this.#unused];
  }
}

/** A block without the indentation of its first line, which a block in a list has. */
function dedented(block: string): string {
  const [indentation = ""] = /^ */.exec(block) ?? [];
  return block.replaceAll(new RegExp(`^${indentation}`, "gm"), "").trimEnd();
}
