import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import {
  belongTogether,
  DEPLOYMENT_CA_MS,
  isSignedBy,
  makeDeploymentAuthority,
  makeServerCertificate,
  readValidity,
  SERVER_CERTIFICATE_MS,
} from "../../../../../connector/edge/credentials/certificates.ts";

const NOW = Date.UTC(2026, 10, 23);
const NAMES = ["edge.example", "localhost", "127.0.0.1", "::1", "2001:db8::5"];

test("a deployment CA is a self-signed P-256 CA, valid for ten years", async () => {
  const made = await makeDeploymentAuthority(NOW);
  const certificate = new X509Certificate(made.certificate);
  expect(certificate.subject).toBe("CN=Fairlead deployment CA");
  expect(certificate.ca).toBe(true);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
  expect(readValidity(made.certificate)).toEqual({
    notBefore: NOW - 300_000,
    notAfter: NOW + DEPLOYMENT_CA_MS,
    names: [],
  });
  expect(belongTogether(made)).toBe(true);
});

test("a server certificate is valid for its names, for 90 days, and for servers only", async () => {
  const authority = await makeDeploymentAuthority(NOW);
  const made = await makeServerCertificate({ authority, names: NAMES, now: NOW });
  const certificate = new X509Certificate(made.certificate);
  expect(readValidity(made.certificate)).toEqual({
    notBefore: NOW - 300_000,
    notAfter: NOW + SERVER_CERTIFICATE_MS,
    names: NAMES,
  });
  expect(certificate.checkHost("edge.example")).toBe("edge.example");
  expect(certificate.checkIP("2001:db8::5")).toBe("2001:db8::5");
  expect(certificate.ca).toBe(false);
  expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
  expect(certificate.checkIssued(new X509Certificate(authority.certificate))).toBe(true);
  expect(belongTogether(made)).toBe(true);
  expect(isSignedBy(made.certificate, authority.certificate)).toBe(true);
});

test("belongTogether and isSignedBy refuse keys and certificates of others, and garbage", async () => {
  const [one, other] = await Promise.all([makeDeploymentAuthority(NOW), makeDeploymentAuthority(NOW)]);
  expect(belongTogether({ certificate: one.certificate, privateKey: other.privateKey })).toBe(false);
  expect(isSignedBy(one.certificate, other.certificate)).toBe(false);
  expect(belongTogether({ certificate: "", privateKey: "" })).toBe(false);
  expect(isSignedBy("garbage", one.certificate)).toBe(false);
  expect(readValidity("garbage")).toBeNull();
});
