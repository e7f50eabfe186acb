/** The edge is killed repeatedly under load. Clients of services notice a pause and no error. */
import { describe, expect, it } from "vitest";
import type { SessionLine } from "../../connector/control/schema.ts";
import { session } from "../support/connector/sessions.ts";
import { clearUp, lay } from "../support/harm/ground.ts";
import { harass } from "../support/harm/harassment.ts";
import { FULL, lasting, patience } from "../support/harm/scale.ts";
import { report } from "../support/run/report.ts";
import { downloadHash, downloadThrough, holdsAll, Requests } from "../support/traffic/requests.ts";

clearUp();

const STREAMS = 100;
const REQUESTS_PER_SECOND = 50;
/** Duration of the kills, ms. */
const DURATION = lasting(FULL ? 1 : 0.75);
const DOWNLOAD = FULL ? 2 ** 30 : 48 * 2 ** 20;
/** Bound on the memory of a process, MiB: several times what is expected. */
const BOUND = 700;

describe("The edge under kill -9", () => {
  it(`breaks no stream, no byte and no request when it is killed every few seconds for ${DURATION / 1000} s`, {
    timeout: patience(DURATION),
  }, async () => {
    const ground = await lay();
    const peaks = ground.watch();
    const streams = await ground.server.open(ground.streams, STREAMS, { bytes: 2000, everyMs: 50 });
    const { id } = await session(ground.west, "is up", ({ state }) => state === "up");
    const requests = new Requests(ground.pages, REQUESTS_PER_SECOND);
    const download = downloadThrough(ground.pages, DOWNLOAD, (DURATION / 1000) * 0.8);
    download.catch(() => {});

    const { deaths, longestAway } = await harass(ground.edge, performance.now() + DURATION);
    const recovery = await streams.move();
    expect(await download, "SHA-256 of the download").toBe(downloadHash(DOWNLOAD));
    await requests.stop();
    // On a busy machine the edge may be away for longer than a client is held, also because it is killed again before
    // the session is back.
    const away = Math.max(longestAway + recovery, streams.longestSilence);
    const failures = holdsAll(away) ? requests.failures : requests.impatient;
    expect(failures, `of ${requests.asked} requests`).toEqual([]);
    await streams.finish();

    const line = await session(ground.west, "is the first one still", (now) => now.id === id);
    const memory = peaks.stop();
    report("edge killed", {
      deaths,
      "longest away, ms": longestAway,
      streams: STREAMS,
      "bytes checked": streams.bytes,
      "longest silence of a stream, ms": streams.longestSilence,
      "last recovery, ms": recovery,
      requests: requests.answered,
      "slowest request, ms": requests.slowestMs,
      "downloaded, MiB": DOWNLOAD / 2 ** 20,
      generation: line.generation,
      "peak MiB": memory,
    });
    expect(requests.answered + requests.failures.length).toBe(requests.asked);
    for (const [role, peak] of Object.entries(memory))
      expect(peak, `peak of ${role}, MiB`).toBeLessThan(BOUND);
  });

  /** Further kinds of sessions. */
  const KINDS = [
    {
      kind: "several lanes",
      lanes: 4,
      encryption: "end-to-end",
      west: ["--lanes", "4"],
      east: ["--lanes", "4"],
    },
    {
      ...{ kind: "hop encryption", lanes: 1, encryption: "hop" },
      ...{ west: ["--allow-hop", "bytes"], east: ["--hop", "bytes"] },
    },
    {
      ...{ kind: "several lanes and hop encryption", lanes: 4, encryption: "hop" },
      ...{ west: ["--lanes", "4", "--allow-hop", "bytes"], east: ["--lanes", "4", "--hop", "bytes"] },
    },
  ];

  for (const { kind, lanes, encryption, ...args } of FULL ? KINDS : KINDS.slice(0, 2)) {
    const lasts = lasting(FULL ? 0.5 : 0.4);
    it(`breaks no stream and no byte of a session with ${kind}`, {
      timeout: patience(lasts),
    }, async () => {
      const ground = await lay({ west: { args: args.west }, east: { args: args.east } });
      const streams = await ground.server.open(ground.streams, FULL ? 50 : 20, { bytes: 4000, everyMs: 40 });
      const bulk = await ground.server.open(ground.streams, 2, { bytes: 32 * 1024, everyMs: 20 });
      const is = (line: SessionLine) => line.state === "up" && line.lanes === lanes;
      const { id } = await session(ground.west, `has ${lanes} lanes`, is);

      const { deaths } = await harass(ground.edge, performance.now() + lasts);
      const recovery = await Promise.all([streams.move(), bulk.move()]);
      const line = await session(ground.west, `has ${lanes} lanes again`, (now) => now.id === id && is(now));
      expect(line.encryption).toBe(encryption);
      expect(line.generation).toBeGreaterThan(deaths / 2);
      await Promise.all([streams.finish(), bulk.finish()]);
      report("edge killed", {
        ...{ kind, deaths, generation: line.generation },
        "bytes checked": streams.bytes + bulk.bytes,
        "longest silence of a stream, ms": Math.max(streams.longestSilence, bulk.longestSilence),
        "last recovery, ms": Math.max(...recovery),
      });
    });
  }
});
