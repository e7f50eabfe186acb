/** Keys derived from the deployment CA's private key: one secret of the deployment guards the others. */
import { FairleadError } from "../../protocol/errors.ts";
import { type Bytes, copyOf, type Key, readPem } from "./keys.ts";

const text = new TextEncoder();
const NONCE_BYTES = 12;
/** First byte of everything sealed, so that the way of sealing can change. */
const SEAL_VERSION = 1;

/** HKDF-SHA-256 input key from the deployment CA's private key (PKCS #8 PEM). */
async function inputKey(deploymentCaKeyPem: string): Promise<Key> {
  return crypto.subtle.importKey("raw", readPem(deploymentCaKeyPem), "HKDF", false, [
    "deriveKey",
    "deriveBits",
  ]);
}

/** 32 bytes derived for one use only, named by `purpose`. */
export async function deriveSecret(deploymentCaKeyPem: string, purpose: string): Promise<Bytes> {
  const bits = await crypto.subtle.deriveBits(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: text.encode(`fairlead ${purpose}`) },
    await inputKey(deploymentCaKeyPem),
    256,
  );
  return new Uint8Array(bits);
}

export interface Sealer {
  /** Encrypts; the answer is a little longer and different each time. */
  seal(bytes: Uint8Array): Promise<Bytes>;
  /** Decrypts. @throws FairleadError edge.internal when it was altered or sealed for another context. */
  open(sealed: Uint8Array): Promise<Bytes>;
}

/**
 * Seals what an object stores (the private keys of its CAs): AES-256-GCM under a key for `context`, for
 * example a network's id, so that one network's row opens nowhere else.
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
        if (sealed[0] !== SEAL_VERSION) throw new TypeError("unknown seal version");
        return new Uint8Array(await crypto.subtle.decrypt(parameters(nonce), key, encrypted));
      } catch (cause) {
        throw new FairleadError("edge.internal", "A sealed key cannot be opened.", { cause });
      }
    },
  };
}
