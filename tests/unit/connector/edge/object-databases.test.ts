import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeEach, describe, expect, it } from "vitest";
import { readObjects } from "../../../../connector/edge/object-databases.ts";
import { NEWEST_MIGRATION } from "../../../../protocol/storage.ts";
import { temporaryDirectory } from "../../../support/process/directories.ts";

let objects: string;

/** Creates a database below the objects' directory. Returns its path. */
async function database(folder: string, name: string, ...statements: string[]): Promise<string> {
  await mkdir(join(objects, folder), { recursive: true });
  const file = join(objects, folder, name);
  const made = new DatabaseSync(file);
  for (const statement of ["PRAGMA journal_mode = WAL", ...statements]) made.exec(statement);
  made.close();
  return file;
}

const directory = () => database("fairlead-Directory", "d.sqlite", "CREATE TABLE events (id INTEGER)");

const network = (migration = NEWEST_MIGRATION) =>
  database(
    "fairlead-Registry",
    "r.sqlite",
    "CREATE TABLE migrations (number INTEGER)",
    `INSERT INTO migrations VALUES (${migration})`,
    "CREATE TABLE network (name TEXT)",
    "INSERT INTO network VALUES ('shop')",
    "CREATE TABLE sites (name TEXT, state TEXT)",
    "INSERT INTO sites VALUES ('west', 'up'), ('east', 'down'), ('gone', 'revoked'), ('named', 'new')",
  );

beforeEach(async () => {
  objects = join(await temporaryDirectory(), "objects");
});

describe("readObjects", () => {
  it("returns null without a directory, and nothing used in an empty one", async () => {
    expect(await readObjects(objects)).toBeNull();
    await mkdir(join(objects, "lost+found"), { recursive: true });
    expect(await readObjects(objects)).toEqual({ used: false, hasNetworks: false, networks: [] });
  });

  it("knows that workerd has run, before there is a network", async () => {
    await database("fairlead-Registry", "metadata.sqlite", "CREATE TABLE _cf_ALARM (id INTEGER)");
    expect(await readObjects(objects)).toEqual({ used: true, hasNetworks: false, networks: [] });
  });

  it("returns the networks with the sites that have joined", async () => {
    await directory();
    await network();
    const networks = [{ name: "shop", sites: ["east", "west"] }];
    expect(await readObjects(objects)).toEqual({ used: true, hasNetworks: true, networks });
  });

  it("names the program that wrote a newer database", async () => {
    await directory();
    const file = await network(NEWEST_MIGRATION + 1);
    await expect(readObjects(objects, "9.1.0")).rejects.toMatchObject({
      code: "state.corrupt",
      message: `${file} (migration ${NEWEST_MIGRATION + 1}; this version knows ${NEWEST_MIGRATION}) was written by Fairlead 9.1.0.`,
      action: "Run Fairlead 9.1.0 or later, or restore an older backup.",
    });
    await expect(readObjects(objects)).rejects.toMatchObject({
      action: expect.stringContaining("Run the version of Fairlead that wrote it"),
    });
  });

  it("refuses databases of networks without that of the directory", async () => {
    await network();
    await expect(readObjects(objects)).rejects.toMatchObject({
      code: "state.corrupt",
      message: expect.stringContaining("fairlead-Directory"),
    });
  });

  it.each(["fairlead-Directory", "fairlead-Registry"])("refuses damage in %s", async (folder) => {
    await directory();
    await network();
    const file = join(objects, folder, "x.sqlite");
    await writeFile(file, "x".repeat(5_000));
    const refusal = { code: "state.corrupt", message: expect.stringContaining(file) };
    await expect(readObjects(objects)).rejects.toMatchObject(refusal);
  });

  it("refuses a directory in place of a database, and a file in place of the directory", async () => {
    await directory();
    await mkdir(join(objects, "fairlead-Directory", "x.sqlite"));
    await expect(readObjects(objects)).rejects.toMatchObject({ code: "state.corrupt" });
    const file = join(objects, "file");
    await writeFile(file, "");
    await expect(readObjects(file)).rejects.toMatchObject({ code: "state.corrupt" });
  });
});
