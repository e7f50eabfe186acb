import { expect, test } from "vitest";
import { originOf } from "../../../../../connector/operator/backup/origin.ts";

const HASH = "0".repeat(64);
const LOGIN = { url: "https://127.0.0.1:8443", key: "flk_login", ca: "OTHER" };
const running = (urls?: object) =>
  JSON.stringify({
    version: 1,
    ports: { api: 8443, links: 8444 },
    adminKeyHash: HASH,
    ...(urls && { urls }),
  });
const URLS = { api: "https://edge.example:8443", links: "https://edge.example:8444" };
const deployed = JSON.stringify({
  version: 1,
  worker: "fairlead",
  api: "edge.example.com",
  links: "gateway.example.com",
  adminKeyHash: HASH,
});

test("an embedded edge is reached by the login, with its own CA as the only root", () => {
  const files = new Map([
    ["ca.pem", "CA"],
    ["edge.json", running(URLS)],
  ]);
  expect(originOf(files, LOGIN, "dir")).toEqual({ reach: { ...LOGIN, ca: "CA" }, urls: URLS });
});

test("an embedded edge is reached by its own admin key and URL without a login", () => {
  const files = new Map([
    ["ca.pem", "CA"],
    ["edge.json", running(URLS)],
    ["admin-key", "flk_admin\n"],
  ]);
  expect(originOf(files, null, "dir").reach).toEqual({ url: URLS.api, key: "flk_admin", ca: "CA" });
  files.set("edge.json", running());
  expect(() => originOf(files, null, "dir")).toThrow(expect.objectContaining({ code: "edge.not_logged_in" }));
  expect(originOf(files, LOGIN, "dir").urls).toEqual({ api: LOGIN.url, links: null });
});

test("an edge on Cloudflare is reached at its own hostname only", () => {
  const files = new Map([
    ["deploy.json", deployed],
    ["admin-key", "flk_admin"],
  ]);
  const urls = { api: "https://edge.example.com", links: "https://gateway.example.com" };
  expect(originOf(files, null, "dir")).toEqual({ reach: { url: urls.api, key: "flk_admin" }, urls });
  const login = { url: urls.api, key: "flk_login" };
  expect(originOf(files, login, "dir")).toEqual({ reach: login, urls });
  expect(() => originOf(files, LOGIN, "dir")).toThrow("The login is for https://127.0.0.1:8443");
});

test("a directory without a record or with a damaged record is refused", () => {
  expect(() => originOf(new Map(), LOGIN, "dir")).toThrow("neither edge.json nor deploy.json");
  expect(() => originOf(new Map([["edge.json", "{"]]), LOGIN, "dir")).toThrow(
    "edge.json in dir does not have the expected form: not JSON.",
  );
});
