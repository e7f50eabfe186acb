/** Encryption of stored secrets, with keys derived from the deployment CA's private key. */
import { FairleadError } from "../../protocol/errors.ts";
import { type Bytes, copyOf, type Key, readPem } from "./keys.ts";

const text = new TextEncoder();
const NONCE_BYTES = 12;
/** Version of the format: the first byte of sealed bytes. */
const SEAL_VERSION = 1;

/** The HKDF-SHA-256 input key, from the deployment CA's private key (PKCS #8 PEM). */
async function inputKey(deploymentCaKeyPem: string): Promise<Key> {
  return crypto.subtle.importKey("raw", readPem(deploymentCaKeyPem), "HKDF", false, [
    "deriveKey",
    "deriveBits",
  ]);
}

/** Derives a secret of 32 bytes for one purpose. */
export async function deriveSecret(deploymentCaKeyPem: string, purpose: string): Promise<Bytes> {
  const bits = await crypto.subtle.deriveBits(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: text.encode(`fairlead ${purpose}`) },
    await inputKey(deploymentCaKeyPem),
    256,
  );
  return new Uint8Array(bits);
}

/** Seals and opens bytes for one context. */
export interface Sealer {
  /** Encrypts bytes. The result is 29 bytes longer than the input, and different each time. */
  seal(bytes: Uint8Array): Promise<Bytes>;
  /**
   * Decrypts sealed bytes.
   * @throws FairleadError edge.internal when the bytes were altered, or sealed for another context
   */
  open(sealed: Uint8Array): Promise<Bytes>;
}

/**
 * Creates a sealer with AES-256-GCM and a key for `context`, for example the id of a network, so that the
 * rows of one network cannot be opened in another. It seals the private keys of CAs.
 */
export async function makeSealer(deploymentCaKeyPem: string, context: string): Promise<Sealer> {
  const secret = await deriveSecret(deploymentCaKeyPem, `seal ${context}`);
  const key = await crypto.subtle.importKey("raw", secret, "AES-GCM", false, ["encrypt", "decrypt"]);
  const parameters = (iv: Bytes) => ({ name: "AES-GCM", iv, additionalData: text.encode(context) });
  return {
    async seal(bytes) {
      const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
      const encrypted = new Uint8Array(await crypto.subtle.encrypt(parameters(nonce), key, copyOf(bytes)));
      const sealed = new Uint8Array(1 + NONCE_BYTES + encrypted.length);
      sealed[0] = SEAL_VERSION;
      sealed.set(nonce, 1);
      sealed.set(encrypted, 1 + NONCE_BYTES);
      return sealed;
    },
    async open(sealed) {
      const nonce = copyOf(sealed.subarray(1, 1 + NONCE_BYTES));
      const encrypted = copyOf(sealed.subarray(1 + NONCE_BYTES));
      try {
        if (sealed[0] !== SEAL_VERSION) throw new TypeError("The seal has an unknown version.");
        return new Uint8Array(await crypto.subtle.decrypt(parameters(nonce), key, encrypted));
      } catch (cause) {
        throw new FairleadError("edge.internal", "A sealed key cannot be opened.", { cause });
      }
    },
  };
}
