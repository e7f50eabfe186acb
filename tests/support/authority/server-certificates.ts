/** A deployment CA and a server certificate for 127.0.0.1, made for each run. */
import {
  makeDeploymentAuthority,
  makeServerCertificate,
} from "../../../connector/edge/credentials/certificates.ts";

export interface Certificates {
  readonly ca: string;
  readonly caKey: string;
  readonly certificate: string;
  readonly key: string;
}

/** @param age age of the server certificate, ms; its lifetime is one hour */
export async function makeCertificates(age = 0): Promise<Certificates> {
  const authority = await makeDeploymentAuthority(Date.now());
  const server = await makeServerCertificate({
    names: ["127.0.0.1"],
    authority,
    now: Date.now() - age,
    lifetime: 3_600_000,
  });
  return {
    ca: authority.certificate,
    caKey: authority.privateKey,
    certificate: server.certificate,
    key: server.privateKey,
  };
}
